"""The gateway in use: how often everything may be asked again, and which of its services is asked."""

import pytest

from ringthru.portmap.discovery.services import Service
from ringthru.portmap.engine.in_use import BURST, REFILL, ROUND_PAUSE, GatewayInUse, RemapGate
from ringthru.portmap.values import GatewayType


class TestAskingForEverythingAgain:
    def test_a_few_times_at_once_then_once_every_ten_seconds(self):
        gate = RemapGate()
        assert [gate.ask(100.0) for _ in range(5)] == [True] * BURST + [False] * 2
        assert gate.due_at == 100.0 + REFILL
        assert gate.ask(100.0 + REFILL)
        assert not gate.ask(100.0 + REFILL)

    def test_a_wish_that_had_to_wait_is_granted_at_its_time(self):
        gate = RemapGate()
        granted = [now for now in range(100, 200) if gate.ask(float(now))]
        assert granted[:BURST] == [100, 101, 102]
        assert len(granted) <= BURST + 100 / REFILL

    def test_after_a_quiet_time_it_is_full_again_and_no_fuller(self):
        gate = RemapGate()
        for _ in range(BURST):
            gate.ask(100.0)
        assert [gate.ask(10_000.0) for _ in range(BURST + 1)] == [True] * BURST + [False]


class TestServices:
    @pytest.fixture
    def services(self):
        kinds = (GatewayType.PCP, GatewayType.NAT_PMP, GatewayType.UPNP)
        return tuple(Service(kind, "192.168.1.1", "", "", client=object()) for kind in kinds)

    def test_one_after_the_other_takes_over_and_the_best_is_next_when_all_refuse(self, services):
        gateway = GatewayInUse(services, 0.0, 2.0)
        assert gateway.fall_over(1.0)
        assert gateway.service is services[1]
        assert gateway.fall_over(2.0)
        assert gateway.service is services[2]
        assert not gateway.has_next
        assert not gateway.fall_over(3.0)
        assert gateway.service is services[0]
        assert gateway.stays_until == 3.0 + ROUND_PAUSE

    def test_those_that_refuse_us_are_shown_as_such(self, services):
        gateway = GatewayInUse(services, 0.0, 2.0)
        gateway.fall_over(1.0)
        shown = gateway.services()
        assert [(each.type, each.status) for each in shown] == [
            (GatewayType.NAT_PMP, ""),
            (GatewayType.PCP, "refuses us"),
            (GatewayType.UPNP, ""),
        ]

    def test_one_that_answers_late_is_worth_a_try_at_once(self, services):
        gateway = GatewayInUse(services[:1], 0.0, 2.0)
        gateway.fall_over(1.0)
        gateway.take_reserve(services[1])
        assert gateway.stays_until <= 1.0
        assert gateway.fall_over(1.0)
        assert gateway.service is services[1]


class TestDoubt:
    """An announced change: the gateway answers NO_RESOURCES for the moment that its line takes."""

    @pytest.fixture
    def gateway(self):
        service = Service(GatewayType.NAT_PMP, "192.168.1.1", "", "11.0.113.1", client=object())
        return GatewayInUse((service,), 0.0, 2.0)

    def asked_at(self, gateway, now, *answers):
        """When the next question is due, after each of these answers given as soon as it was due."""
        due = []
        for told in answers:
            gateway.address_asked(now, told)
            due.append(gateway.address_due_at)
            now = gateway.address_due_at
        return due

    def test_it_is_asked_again_soon_until_the_usual_poll_goes_on(self, gateway):
        gateway.doubt_address(100.0)
        assert gateway.address_due_at == 100.0
        poll = gateway._poll
        expected = [100.5, 101.5, 103.5, 107.5, 115.5, 115.5 + poll, 115.5 + 2 * poll]
        assert self.asked_at(gateway, 100.0, *[False] * 7) == expected

    def test_an_address_ends_it(self, gateway):
        gateway.doubt_address(100.0)
        poll = gateway._poll
        due = self.asked_at(gateway, 100.0, False, True, False)
        assert due == [100.5, 100.5 + poll, 100.5 + 2 * poll]

    def test_nobody_hurries_without_a_doubt(self, gateway):
        assert self.asked_at(gateway, 100.0, False) == [100.0 + gateway._poll]
