"""The budget of places, and what outlives the process: notes, and what the next run makes of them."""

import pytest

from ringthru.net.values import replace
from ringthru.portmap.events import MappingFailed
from ringthru.portmap.gateway.orders import Declined, Granted, MapOrder, UnmapOrder
from ringthru.portmap.memory.holding import Forget, Holding, Keep
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import Family, MappingState, Protocol, Wanted

SIP = Wanted(Protocol.UDP, 5060)
LEFT = Holding(
    Family.IPV4, Protocol.UDP, "", 5060, 40123, 600, "Ringthru udp 5060", b"n" * 12, "ref", granted=True
)


def states(w):
    return [each.state for each in w.book.snapshot(w.now)]


class TestTheBudget:
    def test_beyond_it_the_reason_says_the_number_and_what_helps(self, world):
        w = world(budget=2)
        for port in (1000, 1001, 1002):
            w.book.want(Wanted(Protocol.UDP, port), w.now)
        w.settle()
        reason = "all 2 mappings of the budget are taken: release one, or raise the budget"
        assert states(w) == [MappingState.ACCEPTED, MappingState.ACCEPTED, MappingState.REFUSED]
        assert w.told(MappingFailed) == [MappingFailed(Protocol.UDP, 1002, reason)]
        assert len(w.after(7200).table) == 2

    def test_when_one_is_released_the_next_gets_its_turn_sticky_ones_first(self, world):
        w = world(budget=1)
        first = w.book.want(Wanted(Protocol.UDP, 1000), w.now)
        plain = w.book.want(Wanted(Protocol.UDP, 1001), w.now)
        sticky = w.book.want(Wanted(Protocol.UDP, 1002, sticky=True), w.now)
        w.settle()
        w.book.release(first, False, True)
        w.settle()
        assert (plain.state, sticky.state) == (MappingState.REFUSED, MappingState.ACCEPTED)
        w.book.release(sticky, False, True)
        assert w.settle().table.keys() == {(Protocol.UDP, 1001)}

    def test_a_small_table_is_not_filled_to_the_brim(self, world):
        w = world(profile=GatewayProfile("asus", table_size=4))
        for port in (1000, 1001, 1002):
            w.book.want(Wanted(Protocol.UDP, port), w.now)
        w.settle()
        assert len(w.table) == 2
        assert w.shown(2).reason == (
            "the gateway's table holds about 4 entries, and the 2 we use of them are taken: "
            "release a mapping, or set the table size of its profile"
        )

    def test_another_gateway_may_have_more_room(self, world):
        w = world(profile=GatewayProfile("asus", table_size=3))
        for port in (1000, 1001):
            w.book.want(Wanted(Protocol.UDP, port), w.now)
        w.settle()
        w.book.use_profile(GatewayProfile("big"), reads_back=True)
        w.settle()
        assert len(w.table) == 2


class TestNotes:
    def test_written_down_before_it_is_asked_and_again_as_it_was_granted(self, world):
        w = world()
        w.book.want(SIP, w.now)
        order, lease = w.book.next_mapping(w.now)
        (before,) = w.book.notes()
        assert isinstance(before, Keep)
        assert (before.holding.external_port, before.holding.granted) == (5060, False)
        assert before.holding.nonce == order.nonce
        w.book.answered(order, lease, Granted(5060, 0, reference="7"), w.now)
        (after,) = w.book.notes()
        assert (after.holding.granted, after.holding.lifetime, after.holding.reference) == (True, 0, "7")

    def test_granted_on_another_port_the_first_line_is_struck_out(self, world):
        w = world()
        w.book.want(SIP, w.now)
        order, lease = w.book.next_mapping(w.now)
        w.book.notes()
        w.book.answered(order, lease, Granted(50000, 600), w.now)
        forget, keep = w.book.notes()
        assert (type(forget), forget.holding.external_port) == (Forget, 5060)
        assert (type(keep), keep.holding.external_port) == (Keep, 50000)

    def test_refused_deleted_or_run_out_nothing_is_left_in_it(self, world):
        w = world()
        w.script[MapOrder] = [Declined("no")]
        lease = w.book.want(SIP, w.now)
        assert w.settle().journal == {}
        w.after(3)
        assert len(w.journal) == 1
        w.book.release(lease, False, True)
        assert w.settle().journal == {}
        w.book.want(Wanted(Protocol.UDP, 1, lifetime=60), w.now)
        w.settle()
        w.book.expire(w.now + 60)
        w.write_down()
        assert w.journal == {}

    def test_released_while_it_was_made_it_is_deleted_where_it_was_made(self, world):
        """IGD:2 grants another port where the one asked for is taken, and deletes by the port alone."""
        w = world()
        lease = w.book.want(SIP, w.now)
        order, _ = w.book.next_mapping(w.now)
        w.book.release(lease, True, True)
        w.book.answered(order, lease, Granted(5061, 3600), w.now)
        w.write_down()
        assert {key[4] for key in w.journal} == {5060, 5061}
        deletion, _ = w.book.next_deletion()
        assert deletion.external_port == 5061
        assert w.settle().journal == {}

    def test_what_the_gateway_would_not_delete_stays_in_it(self, world):
        w = world()
        lease = w.book.want(SIP, w.now)
        w.settle()
        w.script[UnmapOrder] = [Declined("no")]
        w.book.release(lease, False, True)
        assert len(w.settle().journal) == 1

    def test_a_lost_gateway_keeps_its_lines(self, world):
        w = world()
        w.book.want(SIP, w.now)
        w.settle().book.lose_all(w.now, "gone")
        w.write_down()
        assert len(w.journal) == 1


class TestAdoption:
    def adopted(self, world, *rows, left=500.0, **options):
        w = world(journal={row.key: row for row in rows}, **options)
        w.book.adopt([(row, left) for row in rows], w.now)
        return w

    def test_what_is_wanted_again_goes_on_under_its_port_nonce_and_reference(self, world):
        w = self.adopted(world, LEFT)
        lease = w.book.want(SIP, w.now)
        w.settle()
        (order,) = w.asked(MapOrder)
        assert (order.external_port, order.nonce) == (40123, b"n" * 12)
        assert lease.external_port == 40123
        assert w.after(60).asked(UnmapOrder) == []

    def test_also_when_it_was_wanted_before_the_gateway_was_found(self, world):
        w = world(journal={LEFT.key: LEFT})
        w.book.want(SIP, w.now)
        w.book.adopt([(LEFT, None)], w.now)
        assert w.settle().asked(MapOrder)[0].external_port == 40123

    def test_what_nobody_wants_within_ten_seconds_is_deleted_as_it_was_made(self, world):
        w = self.adopted(world, LEFT)
        assert w.after(9).asked(UnmapOrder) == []
        w.after(2)
        assert w.asked(UnmapOrder) == [UnmapOrder(Protocol.UDP, 5060, 40123, b"n" * 12)]
        assert w.journal == {}

    def test_where_another_port_is_demanded_the_old_one_is_deleted_first(self, world):
        w = self.adopted(world, LEFT)
        w.book.want(replace(SIP, exact=True), w.now)
        w.settle()
        assert [type(order) for order in w.orders[:2]] == [UnmapOrder, MapOrder]
        assert w.asked(MapOrder)[0].external_port == 5060
        assert [key[4] for key in w.journal] == [5060]

    def test_of_two_lines_for_one_port_the_granted_one_counts(self, world):
        asked = replace(LEFT, external_port=5060, granted=False)
        w = self.adopted(world, asked, LEFT)
        lease = w.book.want(SIP, w.now)
        assert w.settle().book.holds(lease)
        assert lease.external_port == 40123
        assert [key[4] for key in w.journal] == [40123]

    def test_what_has_run_out_is_struck_out_and_nobody_is_asked(self, world):
        w = self.adopted(world, LEFT, left=0.0)
        assert w.after(60).orders == []
        assert w.journal == {}

    def test_handed_over_twice_it_is_deleted_once(self, world):
        w = self.adopted(world, LEFT)
        w.book.adopt([(LEFT, 400.0)], w.now)
        w.after(11)
        assert len(w.asked(UnmapOrder)) == 1

    def test_not_while_mapping_is_disabled(self, world):
        w = self.adopted(world, LEFT)
        w.book.set_enabled(False, w.now)
        assert w.after(60).orders == []
        assert len(w.journal) == 1

    @pytest.mark.parametrize("port", [5060, 40123])
    def test_our_own_lines_come_back_when_the_gateway_does(self, world, port):
        w = world()
        w.script[MapOrder] = [Granted(port, 600)]
        lease = w.book.want(SIP, w.now)
        w.settle().book.lose_all(w.now, "gone")
        w.write_down()
        w.book.adopt([(row, 300.0) for row in w.journal.values()], w.now)
        w.settle()
        assert lease.external_port == port
        assert w.after(20).asked(UnmapOrder) == []


class TestKeys:
    def test_another_machine_s_port_and_the_other_family_are_other_leases(self, world):
        w = world()
        same = [
            SIP,
            replace(SIP, internal_client="192.168.1.9", external_port=5061),
            replace(SIP, family=Family.IPV6),
        ]
        leases = {w.book.want(each, w.now) for each in same}
        assert len(leases) == 3
        w.settle()
        assert states(w) == [MappingState.ACCEPTED] * 3
