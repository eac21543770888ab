"""What a person wants to stay (``ringthru nat add``): lent to whoever wants it too, and never deleted."""

import pytest

from ringthru.net.values import replace
from ringthru.portmap.events import MappingAdded, MappingFailed
from ringthru.portmap.gateway.orders import Declined, MapOrder, Remedy, UnmapOrder
from ringthru.portmap.memory.holding import Holding, Keep
from ringthru.portmap.values import Family, Protocol, Wanted

SIP = Wanted(Protocol.UDP, 5060)
NONCE = bytes(range(12))
KEPT = Holding(Family.IPV4, Protocol.UDP, "", 5060, 5060, 3600, "by hand", NONCE, "7", True)


@pytest.fixture
def lent(world):
    w = world(journal={KEPT.key: KEPT})
    w.book.adopt((), w.now, (KEPT,))
    return w


class TestWhatAPersonKeeps:
    def test_lends_its_nonce_to_who_wants_it(self, lent):
        lent.book.want(SIP, lent.now)
        lent.settle()
        assert lent.asked(MapOrder)[0].nonce == NONCE

    @pytest.mark.parametrize(("allow_from", "drops"), [((), False), (("203.0.113.0/24",), True)])
    def test_whom_it_let_in_is_ended_where_others_are_wanted(self, lent, allow_from, drops):
        lent.book.want(replace(SIP, allow_from=allow_from), lent.now)
        lent.settle().after(2000)
        asked = [each.drops_filters for each in lent.asked(MapOrder)]
        assert asked[0] is drops
        assert True not in asked[1:]  # once is enough
        notes = [note for each in lent.notes_before for note in each if isinstance(note, Keep)]
        assert {each.holding.allow_from for each in notes} == {allow_from}

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
