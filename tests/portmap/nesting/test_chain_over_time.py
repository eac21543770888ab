"""A chain of two gateways for hours and days, whatever befalls either; the oracle looks at both (TO08)."""

from __future__ import annotations

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.virtual.chain import Chain
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.wire import Wire
from ringthru.net.values import replace
from ringthru.portmap.events import ExternalAddressChanged, MappingAdded, MappingProven, MappingRemoved
from ringthru.portmap.mapping.sets import SetRule
from ringthru.portmap.nesting.chain import NONE_BEYOND
from ringthru.portmap.values import GatewayType, MappingState, Protocol, Rung, Wanted

from ..matrix.play import HOME

SIP, SIP_TCP = Wanted(Protocol.UDP, 5060), Wanted(Protocol.TCP, 5060)
RTP, RTCP = Wanted(Protocol.UDP, 16384), Wanted(Protocol.UDP, 16385)
BETWEEN, OUTER = "10.0.0.2", "10.0.0.1"
PUBLIC, OTHER_PUBLIC = "11.0.113.1", "11.0.113.77"
EVERYTHING = ("pcp", "natpmp", "upnp")
HOUR = 3600.0
HEALED = 700.0  # seconds until a silent loss is noticed and mended: polls, looks and back-off of both engines


def make_chain(near=(), outer=(), *, inner_speaks=EVERYTHING, outer_speaks=EVERYTHING, by_hand=OUTER, **rest):
    clock = ManualClock()
    gateway = VirtualGateway(
        clock.read, external=BETWEEN, quirks=Quirks(rows=frozenset(near)), protocols=inner_speaks
    )
    beyond = VirtualGateway(
        clock.read, OUTER, PUBLIC, quirks=Quirks(rows=frozenset(outer)), protocols=outer_speaks
    )
    beyond.seed_foreign(2)
    site = HOME if by_hand else replace(HOME, multicast=False)
    return Chain(gateway, beyond, site, clock=clock, by_hand=by_hand, **rest)


def is_held(chain, *mappings):
    return lambda: all(
        each.state is MappingState.ACCEPTED and chain.arrives(each) for each in mappings or chain.mappings
    )


def mapped(**options):
    """A chain that holds SIP's mapping, and the handle of it."""
    chain = make_chain(**options)
    chain.start()
    sip = chain.want(SIP)
    assert chain.run_until(is_held(chain, sip), 150), chain.snapshot()
    return chain, sip


def of_ours(chain):
    """What either gateway has for us: near, outer."""
    near = [each.internal.port for each in chain.near.entries()]
    return near, [each.internal.port for each in chain.outer.entries() if each.internal.host == BETWEEN]


def stops(chain):
    chain.stop()
    assert chain.run_until(lambda: chain.stopped, 90)
    return chain.verdicts()


class TestHeld:
    @pytest.mark.parametrize("speaks", [("natpmp",), ("upnp",), EVERYTHING], ids="/".join)
    def test_both_gateways_map_and_others_dial_the_end_of_the_chain(self, speaks):
        chain, sip = mapped(inner_speaks=speaks, outer_speaks=speaks)
        seen = chain.snapshot()
        assert (seen.external_address, [each.gateway for each in seen.chain]) == (PUBLIC, [OUTER])
        assert seen.mappings[0].external_address == PUBLIC
        assert [each for each in chain.events if isinstance(each, MappingAdded)] == [
            MappingAdded(Protocol.UDP, 5060, sip.external_port, False)
        ]
        assert stops(chain) == []
        assert of_ours(chain) == ([], [])

    def test_listed_is_said_of_the_chain_when_both_tables_show_it(self):
        chain, sip = mapped()
        assert chain.run_until(lambda: chain.snapshot().mappings[0].rung is Rung.LISTED, 60)
        proven = [each for each in chain.events if isinstance(each, MappingProven)]
        assert [(each.internal_port, each.rung) for each in proven] == [(5060, Rung.LISTED)]
        chain.reached(sip, "a call from outside")
        proven = [each for each in chain.events if isinstance(each, MappingProven)]
        assert [each.rung for each in proven] == [Rung.LISTED, Rung.REACHABLE]

    def test_the_outer_one_is_found_where_it_is_guessed(self):
        chain, _ = mapped(by_hand=None)
        assert [each.gateway for each in chain.snapshot().chain] == [OUTER]
        assert stops(chain) == []

    def test_pcp_notices_the_nat_between_and_nat_pmp_goes_through_it(self):
        """RFC 6887 §8.1: ADDRESS_MISMATCH, whenever the source of a request is not the client it names."""
        chain, _ = mapped(outer_speaks=("pcp", "natpmp"))
        assert chain.snapshot().chain[0].type is GatewayType.NAT_PMP
        assert stops(chain) == []

    def test_where_the_outer_one_speaks_pcp_alone_nothing_is_claimed_and_nothing_stays(self):
        chain = make_chain(outer_speaks=("pcp",))
        chain.start()
        sip = chain.want(SIP)
        chain.run(300)
        assert sip.external_port is None
        assert sip.state is not MappingState.ACCEPTED
        assert sip.reason or chain.snapshot().mappings[0].reason
        assert of_ours(chain)[1] == []
        assert stops(chain) == []

    def test_hours_of_renewals_at_both_and_not_one_word_about_it(self):
        chain, sip = mapped()
        chain.run(60)
        said = len(chain.events)
        for _ in range(5):
            chain.run(HOUR)
            assert chain.arrives(sip)
        assert chain.events[said:] == []
        assert chain.verdicts() == []
        assert stops(chain) == []

    def test_a_set_is_a_set_along_the_whole_chain(self):
        chain = make_chain()
        chain.start()
        sip = chain.want_set((SIP, SIP_TCP), SetRule.SAME_NUMBER)
        rtp = chain.want_set((RTP, RTCP), SetRule.PAIR)
        assert chain.run_until(is_held(chain), 150)
        assert sip[0].external_port == sip[1].external_port
        assert rtp[0].external_port % 2 == 0
        assert rtp[1].external_port == rtp[0].external_port + 1
        chain.release(rtp[0])
        assert chain.run_until(lambda: of_ours(chain) == ([5060, 5060], [5060, 5060]), 60), of_ours(chain)
        assert stops(chain) == []

    def test_released_it_is_gone_from_both(self):
        chain, sip = mapped()
        chain.release(sip)
        assert chain.run_until(lambda: of_ours(chain) == ([], []), 60)
        assert isinstance(chain.events[-1], MappingRemoved)
        assert stops(chain) == []

    @pytest.mark.parametrize("seed", range(2))
    def test_on_a_wire_that_loses_and_doubles(self, seed):
        chain, _ = mapped(wire=Wire(delay=0.02, jitter=0.05, loss=0.15, duplication=0.1), seed=seed)
        chain.run(HOUR)
        assert is_held(chain)()
        assert stops(chain) == []


def reboots(which):
    return lambda chain: getattr(chain, which).reboot()


def forgets(which):
    return lambda chain: getattr(chain, which).forget()


def is_off_for(which, seconds):
    def happen(chain):
        gateway = getattr(chain, which)
        gateway.power_off()
        chain.run(seconds)
        gateway.power_on()

    return happen


MISHAPS = {
    "the near one reboots": reboots("near"),
    "the outer one reboots": reboots("outer"),
    "both reboot": lambda chain: (chain.near.reboot(), chain.outer.reboot()),
    "the near one forgets silently": forgets("near"),
    "the outer one forgets silently": forgets("outer"),
    "the near one is off for ten minutes": is_off_for("near", 600),
    "the outer one is off for ten minutes": is_off_for("outer", 600),
    "the outer one is off for two hours": is_off_for("outer", 2 * HOUR),
    "the outer one gets another public address": lambda chain: chain.outer.change_external_address(
        OTHER_PUBLIC
    ),
    "the near one gets another address between them": lambda chain: chain.near.change_external_address(
        "10.0.0.9"
    ),
}


class TestMishaps:
    @pytest.mark.parametrize("speaks", [("upnp",), EVERYTHING], ids="/".join)
    @pytest.mark.parametrize("happen", MISHAPS.values(), ids=MISHAPS)
    def test_the_chain_is_healed_and_told_as_it_is(self, happen, speaks):
        chain, sip = mapped(inner_speaks=speaks, outer_speaks=speaks)
        chain.run(30)
        happen(chain)
        chain.run(HEALED)
        assert chain.run_until(is_held(chain, sip), HOUR), chain.snapshot()
        assert chain.verdicts() == []
        assert chain.snapshot().external_address == chain.outer.external
        assert stops(chain) == []

    def test_another_public_address_is_told_once(self):
        chain, _ = mapped()
        chain.run(30)
        chain.outer.change_external_address(OTHER_PUBLIC)
        chain.run(HEALED)
        told = [each for each in chain.events if isinstance(each, ExternalAddressChanged)]
        assert told[-1] == ExternalAddressChanged(PUBLIC, OTHER_PUBLIC)
        assert chain.snapshot().external_address == OTHER_PUBLIC

    def test_a_public_address_at_the_near_one_ends_the_chain(self):
        chain, sip = mapped()
        chain.near.change_external_address("11.0.113.5")
        assert chain.run_until(lambda: chain.snapshot().external_address == "11.0.113.5", HEALED)
        assert chain.snapshot().chain == ()
        assert sip.external_port is not None

    def test_an_outer_one_that_is_silent_from_the_start_is_told_and_waited_for(self):
        chain = make_chain()
        chain.outer.power_off()
        chain.start()
        sip = chain.want(SIP)
        assert chain.run_until(lambda: chain.snapshot().mappings[0].reason == NONE_BEYOND, 60)
        assert sip.external_port is None
        chain.outer.power_on()
        assert chain.run_until(is_held(chain, sip), HOUR)
        assert stops(chain) == []

    def test_stopped_while_the_outer_one_is_silent_the_near_one_is_tidied_up(self):
        chain, _ = mapped()
        chain.outer.power_off()
        chain.stop()
        chain.run_until(lambda: chain.stopped, 90)
        assert of_ours(chain)[0] == []


ROWS = (
    ("AD01",),  # permanent leases only
    ("AD20",),  # one protocol a port
    ("LI04",),  # cannot be asked for a single mapping
    ("LI07",),  # mappings vanish
    ("NP06",),  # leases of a minute
    ("NP15",),  # an epoch that jumps
    ("SD18",),  # another HTTP port with each boot
    ("PC12",),  # the suggested address must be its own
)


class TestOddGateways:
    @pytest.mark.parametrize("near", ROWS, ids=lambda rows: f"near {'+'.join(rows)}")
    def test_an_odd_one_near(self, near):
        self.lives_through(mapped(near=near))

    @pytest.mark.parametrize("outer", ROWS, ids=lambda rows: f"outer {'+'.join(rows)}")
    def test_an_odd_one_beyond(self, outer):
        self.lives_through(mapped(outer=outer))

    @pytest.mark.parametrize("number", range(len(ROWS)))
    def test_two_odd_ones(self, number):
        self.lives_through(mapped(near=ROWS[number], outer=ROWS[(number + 3) % len(ROWS)]))

    def lives_through(self, held):
        chain, sip = held
        chain.run(HOUR / 2)
        chain.outer.reboot()
        chain.run(HEALED)
        assert chain.run_until(is_held(chain, sip), HOUR), chain.snapshot()
        assert chain.verdicts() == []
        assert stops(chain) == []
