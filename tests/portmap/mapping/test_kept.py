"""What a person wants to stay (``ringthru nat add``): lent to whoever wants it too, and never deleted."""

import pytest

from ringthru.net.values import replace
from ringthru.portmap.events import MappingAdded, MappingFailed
from ringthru.portmap.gateway.orders import Declined, MapOrder, Remedy, UnmapOrder
from ringthru.portmap.memory.holding import Holding, Keep
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import Family, GatewayType, Protocol, Wanted

SIP = Wanted(Protocol.UDP, 5060)
NONCE = bytes(range(12))
KEPT = Holding(Family.IPV4, Protocol.UDP, "", 5060, 5060, 3600, "by hand", NONCE, "7", True)


FRIENDS = ("203.0.113.0/24",)


@pytest.fixture
def lent(world):
    w = world(journal={KEPT.key: KEPT})
    w.book.use_profile(GatewayProfile("acme"), reads_back=True, speaks=GatewayType.PCP)
    w.book.adopt((), w.now, (KEPT,))
    return w


@pytest.fixture
def left(world):
    """The same row, of an earlier run of ours; the gateway speaks what the test says."""

    def make(speaks, family=Family.IPV4):
        row = replace(KEPT, family=family)
        w = world(journal={row.key: row})
        w.book.use_profile(GatewayProfile("acme"), reads_back=speaks is GatewayType.UPNP, speaks=speaks)
        w.book.adopt([(row, 3600.0)], w.now)
        return w

    return make


class TestWhatAPersonKeeps:
    def test_lends_its_nonce_to_who_wants_it(self, lent):
        lent.book.want(SIP, lent.now)
        lent.settle()
        assert lent.asked(MapOrder)[0].nonce == NONCE

    @pytest.mark.parametrize(("allow_from", "drops"), [((), False), (FRIENDS, True)])
    def test_whom_it_let_in_is_ended_where_others_are_wanted(self, lent, allow_from, drops):
        lent.book.want(replace(SIP, allow_from=allow_from), lent.now)
        lent.settle().after(2000)
        asked = [each.drops_filters for each in lent.asked(MapOrder)]
        assert asked[0] is drops
        assert True not in asked[1:]  # once is enough
        assert [each.allow_from for each in lent.journal.values()] == [allow_from]
        notes = [note for each in lent.notes_before for note in each if isinstance(note, Keep)]
        assert all(each.for_good for each in notes)

    @pytest.mark.parametrize("speaks", [GatewayType.NAT_PMP, GatewayType.UPNP])
    def test_stays_beside_ours_where_only_another_mapping_can_be_for_others(self, lent, speaks):
        lent.book.use_profile(GatewayProfile("acme"), reads_back=True, speaks=speaks)
        lease = lent.book.want(replace(SIP, allow_from=FRIENDS), lent.now)
        lent.settle()
        assert lent.asked(UnmapOrder) == []
        assert {each.allow_from for each in lent.journal.values()} == {(), FRIENDS}
        lent.book.release(lease, asked=False, reachable=True)
        lent.settle()
        assert [each.allow_from for each in lent.asked(UnmapOrder)] == [FRIENDS]
        assert list(lent.journal) == [KEPT.key]

    def test_is_written_down_as_a_person_s_from_then_on(self, lent):
        lent.book.want(SIP, lent.now)
        notes = [note for each in lent.settle().notes_before for note in each]
        assert notes
        assert all(isinstance(each, Keep) and each.for_good for each in notes)

    def test_is_not_deleted_when_it_is_released(self, lent):
        lease = lent.book.want(SIP, lent.now)
        lent.settle()
        lent.book.release(lease, asked=False, reachable=True)
        lent.settle()
        assert lent.asked(UnmapOrder) == []
        assert KEPT.key in lent.journal
        assert lent.book.cleared

    def test_is_not_deleted_when_nobody_wants_it(self, lent):
        lent.after(60)
        lent.book.end_grace()
        lent.settle()
        assert lent.asked(UnmapOrder) == []
        assert KEPT.key in lent.journal


class TestWhatAnEarlierRunLeftForOthers:
    """Whom a mapping lets in can be changed by PCP (RFC 6887 §13.3); else it is another mapping."""

    def test_is_changed_by_pcp(self, left):
        w = left(GatewayType.PCP)
        w.book.want(replace(SIP, allow_from=FRIENDS), w.now)
        w.settle()
        assert w.asked(UnmapOrder) == []
        assert [(each.nonce, each.drops_filters) for each in w.asked(MapOrder)] == [(NONCE, True)]
        assert [each.allow_from for each in w.journal.values()] == [FRIENDS]

    @pytest.mark.parametrize("family", Family)
    @pytest.mark.parametrize("speaks", [GatewayType.NAT_PMP, GatewayType.UPNP])
    def test_is_deleted_before_ours_is_made(self, left, speaks, family):
        w, friends = left(speaks, family), FRIENDS if family is Family.IPV4 else ("2001:db8::9",)
        w.book.want(replace(SIP, allow_from=friends, family=family), w.now)
        w.settle()
        kinds = [type(each) for each in w.orders if isinstance(each, MapOrder | UnmapOrder)]
        assert kinds == [UnmapOrder, MapOrder]
        assert w.asked(UnmapOrder)[0].allow_from == ()
        assert [each.allow_from for each in w.journal.values()] == [friends]


def test_a_gateway_that_asks_for_a_rest_is_given_it_within_reason(world):
    w = world()
    w.script[MapOrder] = [
        Declined("busy", Remedy.LATER, retry_after=100),
        Declined("busy", Remedy.LATER, retry_after=2**31),
    ]
    w.book.want(SIP, w.now)
    w.settle()
    assert w.book.next_due() == pytest.approx(w.now + 100)
    w.after(101)
    assert len(w.asked(MapOrder)) == 2
    assert w.book.next_due() == pytest.approx(w.now + 3600, abs=5)


@pytest.mark.parametrize("family", Family)
def test_events_say_which_family_they_are_about(world, family):
    w = world()
    w.book.want(Wanted(Protocol.UDP, 5060, family=family), w.now)
    w.script[MapOrder] = [Declined("no", Remedy.PERMISSION)]
    w.settle().after(400)
    assert [each.family for each in w.told(MappingFailed, MappingAdded)] == [family, family]
