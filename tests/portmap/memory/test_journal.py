"""What a start makes of the journal: adopted, kept, left, struck out, or not ours to touch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.values import replace
from ringthru.portmap.memory.holding import GatewayIdentity, Holding, JournalEntry
from ringthru.portmap.memory.journal import SLACK, Adoption, same_gateway, take_stock
from ringthru.portmap.values import Family, GatewayType, Protocol

PCP, PMP, UPNP = GatewayType.PCP, GatewayType.NAT_PMP, GatewayType.UPNP
NOW = 2000.0


def stock(entries, gateway, living=(), family=Family.IPV4, own_address="192.168.1.5", now=NOW) -> Adoption:
    return take_stock(entries, gateway, own_address=own_address, family=family, now=now, living=living)


class TestWhichGatewayIsWhich:
    def test_a_upnp_gateway_is_known_by_its_udn_whatever_its_address(self):
        one = GatewayIdentity(UPNP, "192.168.1.1", "uuid:A")
        assert same_gateway(one, GatewayIdentity(UPNP, "192.168.0.254", "uuid:a"))
        assert not same_gateway(one, GatewayIdentity(UPNP, "192.168.1.1", "uuid:b"))

    def test_without_a_udn_its_address_has_to_do(self):
        assert same_gateway(
            GatewayIdentity(UPNP, "10.0.0.1", ""), GatewayIdentity(UPNP, "10.0.0.1", "uuid:a")
        )

    def test_tomorrows_gateway_at_the_same_address_is_another_one(self, gateway):
        assert not same_gateway(gateway, replace(gateway, name="02:00:5e:10:00:99"))
        assert not same_gateway(gateway, replace(gateway, address="192.168.1.2"))

    def test_an_unknown_hardware_address_is_no_objection(self, gateway):
        assert same_gateway(gateway, replace(gateway, name=""))

    def test_a_udn_and_a_hardware_address_cannot_be_compared(self, gateway):
        assert same_gateway(gateway, GatewayIdentity(UPNP, "192.168.1.1", "uuid:a"))
        assert not same_gateway(gateway, GatewayIdentity(UPNP, "192.168.1.2", "uuid:a"))

    def test_pcp_and_nat_pmp_of_one_box_are_one_gateway(self, gateway):
        assert same_gateway(gateway, replace(gateway, type=PMP))


class TestAfterACrash:
    def test_what_the_dead_left_here_is_adopted_with_the_seconds_left(self, entry, gateway):
        left = entry(owner="77/1")
        assert stock([left], gateway) == Adoption(holdings=((left.holding, 2600.0),))

    def test_a_permanent_mapping_has_no_end(self, entry, gateway):
        left = entry(lifetime=0, at=-1e9)
        assert stock([left], gateway).holdings == ((left.holding, None),)

    def test_what_ran_out_is_struck_out_but_not_at_the_very_second(self, entry, gateway):
        assert stock([entry()], gateway, now=4600.0 + SLACK + 1).expired == (entry(),)
        assert stock([entry()], gateway, now=4600.0 + SLACK).holdings == ((entry().holding, 0.0),)

    def test_a_clock_that_went_back_gives_no_more_than_the_lifetime(self, entry, gateway):
        assert stock([entry(at=1e9)], gateway).holdings == ((entry().holding, 3600.0),)

    def test_of_two_entries_for_one_mapping_the_latest_counts(self, entry, gateway):
        old, new = entry(at=1000.0, owner="1/1"), entry(at=1900.0, owner="2/1")
        assert stock([new, old], gateway) == Adoption(holdings=((new.holding, 3500.0),))


class TestWhoMayTouchIt:
    def test_what_somebody_living_renews_is_left_alone(self, entry, gateway):
        theirs = entry(owner="77/1")
        assert stock([theirs], gateway, living={"77/1"}) == Adoption(others=(theirs,))

    def test_a_dead_entry_with_a_port_of_the_living_is_struck_out_and_not_deleted(self, entry, gateway):
        dead, living = entry(external=6000), entry(external=7000, owner="77/1")
        found = stock([dead, living], gateway, living={"77/1"})
        assert (found.expired, found.others, found.holdings) == ((dead,), (living,), ())

    def test_the_same_port_on_another_gateway_is_not_in_the_way(self, entry, gateway):
        elsewhere = replace(gateway, address="10.0.0.1")
        living = entry(owner="77/1", gateway=elsewhere)
        assert stock([entry(), living], gateway, living={"77/1"}).holdings

    def test_what_a_person_wants_to_stay_is_kept(self, entry, gateway):
        assert stock([entry(kept=True)], gateway).kept == (entry(kept=True),)

    def test_other_gateways_wait_until_they_run_out_and_permanent_ones_for_ever(self, entry, gateway):
        elsewhere = replace(gateway, address="10.0.0.1")
        short, ever = entry(5060, gateway=elsewhere), entry(5061, gateway=elsewhere, lifetime=0)
        assert stock([short, ever], gateway).leftovers == (short, ever)
        later = stock([short, ever], gateway, now=1e9)
        assert (later.leftovers, later.expired) == ((ever,), (short,))

    def test_a_mapping_to_an_address_we_had_once_may_be_somebody_elses_now(self, entry, gateway):
        moved, here = entry(5060, own_address="192.168.1.9"), entry(5061, own_address="192.168.1.5")
        found = stock([moved, here], gateway)
        assert (found.leftovers, found.holdings) == ((moved,), ((here.holding, 2600.0),))

    def test_the_other_family_has_an_engine_of_its_own(self, entry, gateway):
        pinhole = entry(family=Family.IPV6)
        assert stock([pinhole], gateway).leftovers == (pinhole,)


class TestTheProtocolThatMustDeleteIt:
    """RFC 6887 §11.3: a PCP mapping answers to its nonce only; what NAT-PMP or UPnP made has none."""

    def test_a_mapping_made_by_nat_pmp_is_deleted_by_nat_pmp_though_pcp_is_spoken_now(self, entry, gateway):
        old = entry(gateway=replace(gateway, type=PMP))
        assert stock([old], gateway) == Adoption(other_protocol=(old,))
        assert stock([old], replace(gateway, type=PMP)).holdings

    def test_a_mapping_made_by_pcp_is_deleted_by_pcp_though_nat_pmp_is_spoken_now(self, entry, gateway):
        assert stock([entry()], replace(gateway, type=PMP)) == Adoption(other_protocol=(entry(),))

    def test_a_mapping_made_by_upnp_waits_for_upnp(self, entry, gateway):
        old = entry(gateway=GatewayIdentity(UPNP, "192.168.1.1", "uuid:a"))
        assert stock([old], gateway) == Adoption(other_protocol=(old,))
        assert stock([old], GatewayIdentity(UPNP, "192.168.1.1", "uuid:b")).leftovers == (old,)


OWNERS = ("", "1/1", "2/1", "3/1")
GATEWAYS = st.builds(
    GatewayIdentity,
    st.sampled_from(GatewayType),
    st.sampled_from(["192.168.1.1", "10.0.0.1"]),
    st.sampled_from(["", "a", "b"]),
)
ENTRIES = st.builds(
    JournalEntry,
    st.builds(
        Holding,
        st.sampled_from(Family),
        st.sampled_from(Protocol),
        st.sampled_from(["", "192.168.1.7"]),
        st.integers(5060, 5062),
        st.integers(5060, 5062),
        st.sampled_from([0, 120, 3600]),
    ),
    GATEWAYS,
    st.floats(0, 10000),
    st.booleans(),
    st.sampled_from(OWNERS),
    st.sampled_from(["", "192.168.1.5", "192.168.1.9"]),
)


@given(
    entries=st.lists(ENTRIES, max_size=12),
    gateway=GATEWAYS,
    living=st.frozensets(st.sampled_from(OWNERS[1:])),
    now=st.floats(0, 20000),
)
def test_nothing_of_others_is_touched_and_nothing_is_lost(entries, gateway, living, now):
    found = stock(entries, gateway, living=living, now=now)
    assert all(entry.owner in living for entry in found.others)
    assert len(found.others) == sum(entry.owner in living for entry in entries)
    mine = [*found.kept, *found.other_protocol, *found.leftovers, *found.expired]
    assert not any(entry.owner in living for entry in mine)
    placed = {entry.holding.key for entry in mine} | {held.key for held, _ in found.holdings}
    assert placed == {entry.holding.key for entry in entries if entry.owner not in living}
    for held, left in found.holdings:
        assert (left is None) == (held.lifetime == 0)
        assert left is None or 0 <= left <= held.lifetime
        assert held.family is Family.IPV4
    assert all(entry.gateway.type is not gateway.type for entry in found.other_protocol)
    assert all(entry.kept for entry in found.kept)
