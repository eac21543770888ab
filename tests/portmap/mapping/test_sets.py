"""Mappings that are of use only together: SIP over both transports, RTP with its RTCP."""

import pytest

from ringthru.portmap.errors import LocalError
from ringthru.portmap.events import MappingAdded, MappingFailed, MappingRemoved
from ringthru.portmap.gateway.orders import Declined, Granted, MapOrder, Remedy, UnmapOrder
from ringthru.portmap.mapping.book import Released
from ringthru.portmap.mapping.sets import MOST_NUMBERS_TRIED, SetRule
from ringthru.portmap.values import MappingState, Protocol, Rung, Wanted

SIP = (Wanted(Protocol.UDP, 5060), Wanted(Protocol.TCP, 5060))
RTP = (Wanted(Protocol.UDP, 16384), Wanted(Protocol.UDP, 16385))
CONFLICT = Declined("error 718", Remedy.ANOTHER_PORT)


def ports(group):
    return [lease.external_port for lease in group.leases]


class TestAllOrNothing:
    def test_both_are_told_when_both_are_there(self, world):
        w = world()
        group = w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        order, lease = w.book.next_mapping(w.now)
        w.book.answered(order, lease, Granted(5060, 600), w.now)
        assert (lease.held_port, lease.external_port, lease.state) == (5060, None, MappingState.REQUESTED)
        assert w.told() == []
        shown = w.shown()
        assert (shown.rung, shown.lifetime_left, shown.external_address) == (Rung.REQUESTED, None, None)
        w.settle()
        assert [type(each) for each in w.told(MappingAdded)] == [MappingAdded, MappingAdded]
        assert (group.whole, group.state, ports(group)) == (True, MappingState.ACCEPTED, [5060, 5060])

    def test_one_refused_and_the_other_is_given_back_with_one_reason_that_names_it(self, world):
        w = world()
        w.script[MapOrder] = [Granted(5060, 600), Declined("error 606", Remedy.PERMISSION)]
        group = w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        w.settle()
        reason = "tcp 5060 of its set: error 606"
        assert w.told() == [MappingFailed(Protocol.TCP, 5060, reason)]
        assert (group.state, group.reason) == (MappingState.REFUSED, reason)
        assert {lease.reason for lease in group.leases} == {reason}
        assert w.table == {}
        assert w.journal == {}

    def test_the_one_that_was_refused_is_asked_first_the_next_time(self, world):
        w = world()
        w.script[MapOrder] = [Granted(5060, 600), Declined("error 606", Remedy.PERMISSION)]
        group = w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        w.after(299).orders.clear()
        w.after(2)
        assert [order.protocol for order in w.asked(MapOrder)] == [Protocol.TCP, Protocol.UDP]
        assert group.whole

    def test_no_room_for_all_is_no_room_for_one(self, world):
        w = world(budget=3)
        for port in (1000, 1001):
            w.book.want(Wanted(Protocol.UDP, port), w.now)
        group = w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        w.settle()
        assert group.state is MappingState.REFUSED
        assert len(w.table) == 2

    def test_released_together(self, world):
        w = world()
        group = w.book.want_set(RTP, SetRule.PAIR, w.now)
        w.settle().told()
        w.book.release(group.leases[0], False, True)
        told = w.settle().told(MappingRemoved, Released)
        assert [type(each) for each in told] == [MappingRemoved, MappingRemoved, Released, Released]
        assert (w.table, w.journal, w.book.leases()) == ({}, {}, [])


class TestNumbers:
    def test_the_others_follow_the_number_that_the_first_was_given(self, world):
        w = world()
        w.script[MapOrder] = [Granted(50000, 600)]
        group = w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        w.settle()
        assert ports(group) == [50000, 50000]
        assert [order.exact for order in w.asked(MapOrder)] == [False, True]

    def test_a_number_that_one_cannot_have_is_no_number_for_the_others(self, world):
        w = world()
        w.script[MapOrder] = [Granted(5060, 600), CONFLICT]
        group = w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        w.settle()
        assert ports(group) == [40000, 40000]
        assert set(w.table) == {(Protocol.UDP, 40000), (Protocol.TCP, 40000)}

    def test_differing_numbers_are_asked_for_again_then_elsewhere(self, world):
        """NP18: the ports of one pair differ."""
        w = world()
        w.script[MapOrder] = [Granted(5060, 600), Granted(5099, 600), Granted(5099, 600)]
        group = w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        w.settle()
        wanted = [(order.protocol, order.external_port) for order in w.asked(MapOrder)]
        assert wanted[:3] == [(Protocol.UDP, 5060), (Protocol.TCP, 5060), (Protocol.TCP, 5060)]
        assert ports(group) == [40000, 40000]
        assert len(w.told(MappingAdded)) == 2
        assert len(w.journal) == 2

    def test_but_not_for_ever(self, world):
        w = world()
        w.script[MapOrder] = [CONFLICT] * 100
        group = w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        w.settle()
        assert len(w.asked(MapOrder)) == MOST_NUMBERS_TRIED
        assert group.state is MappingState.REFUSED
        w.after(3600)
        assert len(w.asked(MapOrder)) <= 12 * MOST_NUMBERS_TRIED

    @pytest.mark.parametrize(("rtp", "found"), [(16384, [16384, 16385]), (16385, [40000, 40001])])
    def test_a_pair_begins_with_an_even_number(self, world, rtp, found):
        """RFC 3550 §11."""
        w = world()
        w.script[MapOrder] = [Granted(rtp, 600)] * 1 if rtp % 2 == 0 else [Granted(rtp, 600)] * 2
        group = w.book.want_set(RTP, SetRule.PAIR, w.now)
        w.settle()
        assert ports(group) == found

    def test_a_pair_moves_together_and_stays_adjacent(self, world):
        w = world()
        w.script[MapOrder] = [Granted(16384, 600), CONFLICT]
        group = w.book.want_set(RTP, SetRule.PAIR, w.now)
        w.settle()
        assert ports(group) == [40000, 40001]
        assert UnmapOrder in map(type, w.orders)

    def test_an_exact_set_tries_no_other_number(self, world):
        w = world()
        w.script[MapOrder] = [CONFLICT]
        exact = tuple(Wanted(each.protocol, 5060, exact=True) for each in SIP)
        group = w.book.want_set(exact, SetRule.SAME_NUMBER, w.now)
        w.settle()
        assert (group.state, len(w.asked(MapOrder))) == (MappingState.REFUSED, 1)

    def test_independent_members_find_their_own_numbers(self, world):
        w = world()
        w.script[MapOrder] = [CONFLICT]
        group = w.book.want_set(RTP, SetRule.INDEPENDENT, w.now)
        w.settle()
        assert sorted(ports(group)) == [16385, 40000]


class TestALossLater:
    def test_takes_the_set_down_and_it_is_made_again_together(self, world):
        w = world()
        group = w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        w.settle().told()
        w.script[MapOrder] = [Declined("no", Remedy.ANOTHER_SERVICE)] * 60
        w.after(700)
        assert [type(each) for each in w.told(MappingRemoved, MappingAdded)] == [MappingRemoved] * 2
        assert (ports(group), w.table, w.journal) == ([None, None], {}, {})
        w.script[MapOrder].clear()
        w.after(900)
        assert [type(each) for each in w.told(MappingRemoved, MappingAdded)] == [MappingAdded] * 2
        assert ports(group) == [5060, 5060]

    def test_a_lost_gateway_takes_it_down_once(self, world):
        w = world()
        group = w.book.want_set(RTP, SetRule.PAIR, w.now)
        w.settle().told()
        w.book.lose_all(w.now, "gone")
        assert [type(each) for each in w.told()] == [MappingRemoved] * 2
        w.table.clear()
        w.settle()
        assert ports(group) == [16384, 16385]


class TestBadSets:
    @pytest.mark.parametrize(
        ("wanted", "rule"),
        [
            ((), SetRule.INDEPENDENT),
            ((SIP[0], SIP[0]), SetRule.INDEPENDENT),
            (RTP, SetRule.SAME_NUMBER),
            (SIP, SetRule.PAIR),
            (RTP[:1], SetRule.PAIR),
        ],
    )
    def test_one_that_no_gateway_could_grant(self, world, wanted, rule):
        w = world()
        with pytest.raises(LocalError):
            w.book.want_set(wanted, rule, w.now)
        assert w.book.leases() == []

    def test_a_member_that_is_mapped_by_itself(self, world):
        w = world()
        w.book.want(SIP[0], w.now)
        with pytest.raises(LocalError, match="udp 5060 is mapped already"):
            w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now)
        assert len(w.book.leases()) == 1

    def test_the_same_set_twice_is_the_same_set(self, world):
        w = world()
        assert w.book.want_set(SIP, SetRule.SAME_NUMBER, w.now) is w.book.want_set(
            SIP, SetRule.SAME_NUMBER, w.now
        )
