"""What is claimed of a mapping, on what evidence, and what is done when a claim falls."""

import pytest

from ringthru.portmap.events import MappingAdded, MappingFailed, MappingFell, MappingProven, MappingRemoved
from ringthru.portmap.gateway.orders import Declined, Inspected, InspectOrder, MapOrder, Remedy, UnmapOrder
from ringthru.portmap.mapping.agenda import LULL
from ringthru.portmap.mapping.history import MOST_ATTEMPTS
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import GatewayType, MappingState, Protocol, Rung, Wanted

SIP = Wanted(Protocol.UDP, 5060)
SEEN = "GetSpecificPortMappingEntry: 192.168.1.5"
GONE = "error 714 (no such entry)"


@pytest.fixture
def mapped(world):
    def made(**options):
        w = world(**options)
        w.book.want(SIP, w.now)
        return w.settle()

    return made


class TestRungs:
    def test_wanted_then_accepted_then_listed_each_with_its_evidence(self, mapped):
        w = mapped()
        shown = w.shown()
        assert shown.rung is Rung.LISTED
        assert [(each.rung, each.holds) for each in shown.evidence] == [
            (Rung.REQUESTED, True),
            (Rung.ACCEPTED, True),
            (Rung.LISTED, True),
        ]
        assert shown.evidence[-1].words == SEEN
        assert w.told() == [
            MappingAdded(Protocol.UDP, 5060, 5060, False),
            MappingProven(Protocol.UDP, 5060, Rung.LISTED, SEEN),
        ]

    def test_somebody_outside_came_through(self, mapped):
        w = mapped()
        w.told()
        for _ in range(2):
            w.book.reached(Protocol.UDP, 5060, "OPTIONS from 198.51.100.7", w.now)
        assert w.told() == [
            MappingProven(Protocol.UDP, 5060, Rung.REACHABLE, "OPTIONS from 198.51.100.7"),
        ]
        assert w.shown().rung is Rung.REACHABLE

    def test_nobody_comes_through_any_more_and_it_is_made_again(self, mapped):
        """ProtonVPN was seen to renew a mapping that is dead (NP07)."""
        w = mapped()
        w.book.reached(Protocol.UDP, 5060, "echo", w.now)
        w.after(14).orders.clear()
        w.book.unreachable(Protocol.UDP, 5060, "echo: nothing within 3 s", w.now)
        w.settle()
        assert MappingFell(Protocol.UDP, 5060, Rung.REACHABLE, "echo: nothing within 3 s") in w.told()
        assert w.shown().rung is Rung.LISTED
        made_again = [type(each) for each in w.orders if isinstance(each, MapOrder | UnmapOrder)]
        assert made_again == [UnmapOrder, MapOrder]
        w.book.unreachable(Protocol.UDP, 5060, "echo: nothing within 3 s", w.now)
        assert len(w.settle().asked(MapOrder)) == 1

    def test_listed_and_never_reachable_is_evidence_and_no_alarm(self, mapped):
        """AD18: in the list, and not forwarding."""
        w = mapped()
        w.told()
        w.book.unreachable(Protocol.UDP, 5060, "echo: nothing", w.now)
        assert w.told() == []
        assert (w.shown().rung, w.shown().evidence[-1].holds) == (Rung.LISTED, False)

    def test_of_what_is_not_mapped_no_word_from_outside_is_taken(self, world):
        w = world()
        w.book.want(SIP, w.now)
        w.book.reached(Protocol.UDP, 5060, "echo", w.now)
        w.book.reached(Protocol.TCP, 1, "echo", w.now)
        assert (w.shown().rung, w.told()) == (Rung.REQUESTED, [])

    def test_cannot_verify_is_not_failed(self, mapped):
        """LI04, LI06: it cannot be looked at, or always shows nothing."""
        w = mapped()
        w.script[InspectOrder] = [Inspected(None, verified=False, words="error 401")] * 9
        w.after(15)
        shown = w.shown()
        assert (shown.state, shown.rung) == (MappingState.ACCEPTED, Rung.ACCEPTED)
        assert (shown.evidence[-1].holds, shown.evidence[-1].words) == (None, "cannot verify: error 401")

    def test_a_refusal_to_look_is_no_refusal_to_map(self, mapped):
        """Sagemcom 5250: 606 on listing, though adding is allowed (LI17)."""
        w = mapped()
        w.told()
        w.script[InspectOrder] = [Declined("error 606", Remedy.PERMISSION)]
        w.after(15)
        assert (w.told(), w.shown().state) == ([], MappingState.ACCEPTED)

    def test_a_protocol_that_cannot_look_is_not_asked_to(self, mapped):
        w = mapped(reads_back=False).after(3600)
        assert w.asked(InspectOrder) == []
        assert w.shown().evidence[-1].holds is None

    def test_one_of_which_that_is_not_known_is_asked_and_seldom_again_when_it_cannot(self, world):
        w = world(reads_back=None)
        w.script[InspectOrder] = [Inspected(None, verified=False, words="NAT-PMP has no request for it")] * 9
        w.book.want(Wanted(Protocol.UDP, 5060, lifetime=100000), w.now)
        w.after(4000)
        assert len(w.asked(InspectOrder)) == 3
        assert w.shown().evidence[-1].words == "cannot verify: NAT-PMP has no request for it"

    def test_with_the_mapping_its_evidence_falls(self, mapped):
        w = mapped()
        w.book.lose_all(w.now, "the gateway went away")
        shown = w.shown()
        assert (shown.rung, shown.evidence[-1].rung) == (Rung.REQUESTED, Rung.ACCEPTED)
        assert (shown.evidence[-1].holds, shown.evidence[-1].words) == (False, "the gateway went away")

    def test_a_gateway_that_lost_its_state_has_nothing_proven(self, mapped):
        w = mapped()
        w.book.doubt_all(w.now)
        w.book.ask_all_again(w.now)
        assert w.shown().rung is Rung.ACCEPTED
        assert w.settle().shown().rung is Rung.LISTED


class TestLooking:
    def looks(self, w):
        return [each.at for each in w.shown().attempts if each.asked.startswith("read back")]

    def test_after_it_was_made_and_at_15_45_and_120_seconds_then_every_five_minutes(self, world):
        w = world()
        w.book.want(Wanted(Protocol.UDP, 5060, lifetime=100000), w.now)
        times, began = [], w.now
        while w.now < began + 800:
            before = len(w.asked(InspectOrder))
            w.settle()
            times += [w.now - began] * (len(w.asked(InspectOrder)) - before)
            w.now = w.book.next_due()
        assert times == pytest.approx([LULL, 15, 45, 120, 420, 720])

    def test_mappings_asked_for_in_turn_come_before_any_look(self, world):
        """A program that maps 200 ports, each when the one before is granted, waits for no look."""
        w = world()
        for port in range(20000, 20010):
            w.book.want(Wanted(Protocol.UDP, port), w.now)
            order, lease = w.book.next_mapping(w.now)
            assert isinstance(order, MapOrder)
            w.table[order.protocol, port] = w.now, w.now + 600
            w.book.answered(order, lease, w.answer(order), w.now)
            assert w.book.next_mapping(w.now) is None
            w.now += LULL / 2
        w.settle()
        assert len(w.asked(InspectOrder)) == 10

    def test_after_a_renewal_too(self, mapped):
        w = mapped().after(299)
        looks = len(w.asked(InspectOrder))
        assert len(w.after(2).asked(InspectOrder)) == looks + 1

    def test_late_is_one_look_not_three(self, mapped):
        w = mapped()
        w.now += 130
        looks = len(w.asked(InspectOrder))
        assert len(w.settle().asked(InspectOrder)) == looks + 1


class TestVanishing:
    """WRT54GL with dd-wrt v24-sp2 13064: mappings vanish after about a minute (LI07)."""

    def test_it_is_noticed_told_and_healed_without_being_taken_down(self, mapped):
        w = mapped()
        w.vanishes = 60
        w.after(125)
        told = w.told()
        assert MappingFell(Protocol.UDP, 5060, Rung.LISTED, GONE) in told
        assert told[-1] == MappingProven(Protocol.UDP, 5060, Rung.LISTED, SEEN)
        assert not any(isinstance(each, MappingRemoved) for each in told)

    def test_twice_and_it_is_learned_to_look_more_often(self, mapped):
        w = mapped()
        w.vanishes = 60
        w.after(300)
        assert w.book.learned() == [GatewayProfile("acme", recheck_every=45.0)]
        assert w.book.learned() == []
        assert "learned of the NAT gateway: mappings vanish: looked at every 45 s" in w.logs

    def test_what_was_learned_is_used_at_once_the_next_time(self, mapped):
        w = mapped(profile=GatewayProfile("acme", recheck_every=30.0))
        w.orders.clear()
        w.after(121)
        assert len(w.asked(InspectOrder)) == 5  # at 15, 45, 75, 105 and 120 seconds

    def test_unless_a_person_decided(self, mapped):
        by_hand = GatewayProfile("acme", recheck_every=200.0, by_hand=frozenset({"recheck_every"}))
        w = mapped(profile=by_hand)
        w.vanishes = 60
        w.after(1000)
        assert w.book.learned() == []


class TestAcceptedAndNotListed:
    """OPNsense 23.7 says yes and maps nothing (AD17); a full WRT54G table does too (AD15)."""

    def test_made_twice_more_then_refused_in_words(self, world):
        w = world()
        w.room = 0
        w.book.want(SIP, w.now)
        w.settle()
        assert w.shown().state is MappingState.ACCEPTED
        assert w.shown().rung is Rung.ACCEPTED
        w.after(6)
        shown = w.shown()
        reason = "the gateway accepted the mapping, but does not list it; it may not map at all"
        assert (shown.state, shown.reason, shown.external_port) == (MappingState.REFUSED, reason, None)
        assert len(w.asked(MapOrder)) == 3
        told = w.told()
        assert [type(each) for each in told] == [MappingAdded, MappingRemoved, MappingFailed]
        assert w.book.learned() == []
        assert w.journal == {}

    def test_asked_again_after_a_quarter_of_an_hour(self, world):
        w = world()
        w.room = 0
        w.book.want(SIP, w.now)
        w.after(6)
        w.room = 9
        w.after(895)
        assert w.shown().state is MappingState.REFUSED
        w.after(10)
        assert w.shown().rung is Rung.LISTED

    def test_a_full_table_is_learned_with_its_size(self, world):
        w = world()
        w.room = 12
        for port in range(6000, 6013):
            w.book.want(Wanted(Protocol.UDP, port), w.now)
        w.after(10)
        assert w.book.learned() == [GatewayProfile("acme", table_size=12)]
        states = [each.state for each in w.book.snapshot(w.now)]
        assert states == [MappingState.ACCEPTED] * 12 + [MappingState.REFUSED]
        assert "its table may be full (12 of ours are in it)" in w.shown(12).reason

    def test_when_one_is_released_the_one_without_room_is_asked_at_once(self, world):
        w = world()
        w.room = 12
        leases = [w.book.want(Wanted(Protocol.UDP, port), w.now) for port in range(6000, 6013)]
        w.after(10)
        w.book.release(leases[0], False, True)
        w.settle()
        assert leases[12].state is MappingState.ACCEPTED


class TestLeasesThatDoNotGrow:
    def test_old_miniupnpd_teaches_to_delete_first(self, world):
        """Tomato 1.30: adding again does not extend the lease (AD33)."""
        w = world()
        w.extends = False
        w.book.want(SIP, w.now)
        w.after(1300)
        assert w.book.learned() == [GatewayProfile("acme", renew_by_delete=True)]
        assert w.asked(UnmapOrder)
        assert w.told(MappingRemoved) == []
        assert w.shown().rung is Rung.LISTED

    def test_nothing_else_is_tried_where_it_is_known(self, world):
        w = world(profile=GatewayProfile("acme", renew_by_delete=True))
        w.book.want(SIP, w.now)
        w.after(539).orders.clear()
        w.after(2)
        assert [type(order) for order in w.orders[:2]] == [UnmapOrder, MapOrder]


class TestTheHistory:
    def test_each_exchange_with_answer_reading_and_what_follows(self, world):
        w = world()
        w.book.use_profile(GatewayProfile("acme"), reads_back=True, speaks=GatewayType.UPNP)
        w.script[MapOrder] = [Declined("error 501 (action failed)")]
        w.book.want(SIP, w.now)
        w.after(3)
        first, second, look = w.shown().attempts
        assert first.asked == "UPnP map udp 5060, wants external 5060 for 600 s"
        assert (first.answer, first.next) == ("error 501 (action failed)", "asked again in 2 s")
        assert (second.answer, second.reading) == ("external port 5060, for 600 s", "held")
        assert (look.answer, look.reading) == (SEEN, "listed")
        assert look.next == "looked at in 15 s, renewed in 300 s"

    def test_no_more_than_a_page_of_it(self, world):
        w = world()
        w.script[MapOrder] = [Declined(f"error {number}") for number in range(500)]
        w.book.want(SIP, w.now)
        w.after(86400)
        assert len(w.shown().attempts) <= MOST_ATTEMPTS

    def test_nobody_answered(self, world):
        w = world()
        w.book.want(SIP, w.now)
        w.book.unanswered(*w.book.next_mapping(w.now))
        assert w.shown().attempts[-1].answer == "none"
