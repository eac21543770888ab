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
