"""Two gateways seen as one (TO08): what subscribers hear, and what a snapshot shows."""

from __future__ import annotations

from ringthru.net.values import replace
from ringthru.portmap.events import ExternalAddressChanged, GatewayLost, MappingAdded, MappingRemoved
from ringthru.portmap.nesting.beyond_driver import outer_candidates
from ringthru.portmap.nesting.chain import NONE_BEYOND, NOT_YET, Told, joined
from ringthru.portmap.snapshots import MapperSnapshot, MappingSnapshot
from ringthru.portmap.values import Family, GatewayType, MappingState, Protocol, Rung
from ringthru.portmap.wire.pcp import ANYCAST_IPV4

ADDED = MappingAdded(Protocol.UDP, 5060, 6060, sticky=False)
REMOVED = MappingRemoved(Protocol.UDP, 5060, 6060, sticky=False)
NEAR = MappingSnapshot(
    Protocol.UDP, 5060, 5061, MappingState.ACCEPTED, False, True, 3000.0, "", rung=Rung.LISTED, renews_in=9.0
)
FURTHER = replace(
    NEAR, internal_port=5061, external_port=6060, lifetime_left=60.0, rung=Rung.ACCEPTED, renews_in=None
)


def gateway(address: str | None, *mappings: MappingSnapshot) -> MapperSnapshot:
    return MapperSnapshot(
        GatewayType.NAT_PMP, "10.0.0.1", "", address, address, None, True, True, tuple(mappings)
    )


class TestTold:
    def test_every_change_is_told_once(self):
        told = Told()
        assert told.added(ADDED) == [ADDED]
        assert told.added(ADDED) == []
        assert told.removed(Protocol.UDP, 5060) == [REMOVED]
        assert told.removed(Protocol.UDP, 5060) == []
        assert told.address("11.0.113.1") == [ExternalAddressChanged(None, "11.0.113.1")]
        assert told.address("11.0.113.1") == []

    def test_what_was_told_of_one_gateway_is_taken_back_when_another_is_in_front_of_it(self):
        told = Told()
        assert told.passed_on(ADDED) == [ADDED]
        assert told.all_removed() == [REMOVED]

    def test_what_is_of_no_mapping_passes(self):
        assert Told().passed_on(GatewayLost("mute")) == [GatewayLost("mute")]


class TestJoined:
    def test_others_dial_the_end_of_the_chain_and_the_weaker_half_counts(self):
        outer = gateway("11.0.113.1", FURTHER)
        whole = joined(gateway(None, NEAR), outer, {(Protocol.UDP, 5060): 5061}, hopeless=False)
        (mapping,) = whole.mappings
        assert (whole.external_address, whole.chain) == ("11.0.113.1", (outer,))
        assert (mapping.internal_port, mapping.external_port) == (5060, 6060)
        assert mapping.external_address == "11.0.113.1"
        assert (mapping.lifetime_left, mapping.renews_in, mapping.rung) == (60.0, 9.0, Rung.ACCEPTED)

    def test_without_anybody_beyond_it_is_not_granted_and_says_why(self):
        for hopeless, state, words in (
            (False, MappingState.REQUESTED, NOT_YET),
            (True, MappingState.REFUSED, NONE_BEYOND),
        ):
            (mapping,) = joined(gateway(None, NEAR), None, {}, hopeless).mappings
            assert (mapping.state, mapping.reason, mapping.external_port) == (state, words, None)
            assert mapping.rung is Rung.REQUESTED

    def test_what_the_near_gateway_refuses_or_ipv6_opens_is_shown_as_it_is(self):
        refused = replace(NEAR, state=MappingState.REFUSED, external_port=None, reason="no")
        pinhole = replace(NEAR, family=Family.IPV6)
        assert joined(gateway(None, refused, pinhole), None, {}, True).mappings == (refused, pinhole)


class TestWhoIsAsked:
    def test_hops_come_before_guesses_and_the_providers_anycast_last(self):
        asked = outer_candidates("10.0.0.2", ["10.9.9.1"])
        assert asked == ["10.9.9.1", "10.0.0.1", "10.0.0.254", ANYCAST_IPV4]

    def test_a_persons_word_is_the_only_one(self):
        assert outer_candidates("10.0.0.2", ["10.9.9.1"], "10.0.0.7") == ["10.0.0.7"]

    def test_the_near_gateway_itself_is_never_its_own_outer_one(self):
        assert "10.0.0.1" not in outer_candidates("10.0.0.1")
