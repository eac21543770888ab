"""Reading a UPnP gateway's table back, deleting from it, listing it: rows LI of the quirk catalogue."""

import pytest

from ringthru.portmap.gateway.listing import Listing
from ringthru.portmap.gateway.orders import (
    Declined,
    EntryOrder,
    EntryTold,
    Inspected,
    InspectOrder,
    MapOrder,
    NoEntry,
    Silent,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.http import Response

US, OTHER = "192.168.1.103", "192.168.1.7"
INSPECT = InspectOrder(Protocol.UDP, 5060, 5060)
UNMAP = UnmapOrder(Protocol.UDP, 5060, 5060)
MANY = InspectOrder(Protocol.UDP, 5060, 5060, of_many=True)
RESET = HttpFailure(FailureKind.BROKEN, "reset")
MUTE = HttpFailure(FailureKind.TIMEOUT, "no answer within 10 s")
GET, DELETE = "GetSpecificPortMappingEntry 5060", "DeletePortMapping 5060"
UNSUPPORTED = [401, 500, 501]


@pytest.fixture
def deleted(words):
    return words.success("DeletePortMapping")


class TestReadingBack:
    def test_listed_and_leading_to_us_with_the_life_that_is_left(self, talk, words):
        outcome = talk.order(INSPECT, words.entry(US, 5060, 120))
        assert outcome == Inspected(120, words=f"GetSpecificPortMappingEntry: {US}:5060, 120 s left")

    def test_AD17_accepted_but_not_listed(self, talk, words):
        others = words.place(80, OTHER, 80)
        outcome = talk.order(INSPECT, words.fault(714, "NoSuchEntryInArray"), others)
        assert (outcome.missing, outcome.verified) == (True, True)
        assert "714" in outcome.words

    def test_LI06_a_table_that_has_never_shown_anything_proves_nothing(self, talk, words):
        outcome = talk.order(INSPECT, words.fault(714), words.fault(713))
        assert (outcome.missing, outcome.verified) == (False, False)
        assert "empty" in outcome.words

    def test_AD20_overwritten_by_another_host_s(self, talk, words):
        outcome = talk.order(INSPECT, words.entry(OTHER, 5060))
        assert outcome.missing
        assert OTHER in outcome.words

    def test_one_that_is_switched_off_lets_nobody_in(self, talk, words):
        body = words.entry(US, 5060).body.replace(b"<NewEnabled>1", b"<NewEnabled>0")
        outcome = talk.order(INSPECT, Response(200, body))
        assert outcome.missing
        assert "disabled" in outcome.words

    @pytest.mark.parametrize("lease", ["-5", "", "soon"])
    def test_DE17_a_life_that_is_no_number_is_not_told(self, talk, words, lease):
        assert talk.order(INSPECT, words.entry(US, 5060, lease)).lifetime is None

    @pytest.mark.parametrize("client", ["", "office-pc"])
    def test_a_client_that_is_no_address_cannot_be_compared(self, talk, words, client):
        assert talk.order(INSPECT, words.entry(client, 5060)).verified is False

    def test_another_machine_s_mapping_is_ours_when_we_asked_for_it(self, talk, words):
        order = InspectOrder(Protocol.UDP, 5060, 5060, internal_client=OTHER)
        assert not talk.order(order, words.entry(OTHER, 5060)).missing


class TestGatewaysThatCannotTell:
    @pytest.mark.parametrize("code", UNSUPPORTED)
    def test_LI04_the_table_is_searched_instead_and_that_is_remembered(self, talk, words, code):
        found = [words.place(80, OTHER, 80), words.place(5060, US, 5060)]
        assert not talk.order(INSPECT, words.fault(code), *found).missing
        assert talk.order(INSPECT, *found).lifetime == 600
        assert talk.asked == [GET, *["GetGenericPortMappingEntry 0", "GetGenericPortMappingEntry 1"] * 2]
        assert [each.cannot_read_back for each in talk.client.learned()] == [True]

    def test_LI04_a_reset_is_no_better(self, talk, words):
        assert not talk.order(INSPECT, RESET, RESET, RESET, words.place(5060, US, 5060)).missing

    def test_one_question_that_is_never_answered_does_not_speak_for_the_gateway(self, talk, words):
        here = words.success("GetExternalIPAddress", NewExternalIPAddress="203.0.113.9")
        outcome = talk.order(INSPECT, MUTE, MUTE, here, words.place(5060, US, 5060))
        assert (outcome.missing, outcome.verified) == (False, True)

    def test_where_nothing_is_answered_any_more_the_gateway_is_gone(self, talk):
        assert isinstance(talk.order(INSPECT, *[MUTE] * 4), Silent)

    def test_LI04_a_whole_table_without_it_is_proof(self, talk, words):
        outcome = talk.order(INSPECT, words.fault(401), words.place(80, OTHER, 80), words.fault(713))
        assert outcome.missing
        assert outcome.verified

    def test_LI06_a_table_that_is_always_empty_is_none(self, talk, words):
        outcome = talk.order(INSPECT, words.fault(401), words.fault(713))
        assert (outcome.lifetime, outcome.missing, outcome.verified) == (None, False, False)

    def test_LI17_forbidden_to_list_is_not_forbidden_to_map(self, talk, words):
        outcome = talk.order(INSPECT, words.fault(606), words.fault(606))
        assert (outcome.missing, outcome.verified) == (False, False)
        assert talk.client.learned() == []  # the switch may be turned on

    def test_a_table_without_end_is_searched_so_far_and_no_further(self, talk, words):
        entries = [words.place(1 + i, OTHER, 1) for i in range(200)]
        assert talk.order(INSPECT, words.fault(401), *entries).verified is False

    def test_a_gateway_that_gives_its_last_entry_for_ever_is_left_soon(self, talk, words):
        entries = [words.place(80, OTHER, 80)] * 4
        assert talk.order(INSPECT, words.fault(401), *entries).verified is False


class TestDeleting:
    def test_LI15_read_back_first_then_deleted(self, talk, words, deleted):
        assert talk.order(UNMAP, words.entry(US, 5060), deleted) == Unmapped()
        assert talk.asked == [GET, DELETE]

    @pytest.mark.parametrize(("client", "port"), [(OTHER, 5060), (US, 5070)])
    def test_LI15_what_is_not_ours_any_more_is_left_alone(self, talk, words, client, port):
        assert talk.order(UNMAP, words.entry(client, port)) == Unmapped()
        assert talk.asked == [GET]

    def test_gone_already_says_one_that_has_listed_ours_before(self, talk, words):
        talk.order(INSPECT, words.entry(US, 5060))
        assert talk.order(UNMAP, words.fault(714)) == Unmapped()
        assert DELETE not in talk.asked

    def test_LI06_one_that_never_listed_anything_is_told_to_delete_all_the_same(self, talk, words, deleted):
        assert talk.order(UNMAP, words.fault(714), deleted) == Unmapped()

    def test_and_may_find_that_there_was_nothing(self, talk, words):
        assert talk.order(UNMAP, words.fault(714), words.fault(714)) == Unmapped()

    @pytest.mark.parametrize("code", UNSUPPORTED)
    def test_LI04_one_that_cannot_tell_is_believed_to_hold_what_it_granted(self, talk, words, deleted, code):
        assert talk.order(UNMAP, words.fault(code), words.fault(code), deleted) == Unmapped()

    def test_LI15_where_it_cannot_tell_the_second_generation_deletes_our_own_alone(self, talk2, words):
        lists = *[words.fault(606)] * 3, words.success("DeletePortMappingRange")
        assert talk2.order(UNMAP, words.fault(401), *lists) == Unmapped()
        assert b"<NewManage>0</NewManage>" in talk2.requests[-1]
        assert DELETE not in talk2.asked

    def test_refused(self, talk, words):
        assert isinstance(talk.order(UNMAP, words.entry(US, 5060), words.fault(606)), Declined)

    def test_LI11_adoption_a_mapping_of_an_earlier_run_is_deleted_like_ours(self, talk, words, deleted):
        """The journal lends the numbers; the table decides whether they still lead to us."""
        assert talk.order(UnmapOrder(Protocol.TCP, 5061, 5061), words.entry(US, 5061), deleted) == Unmapped()


class TestListing:
    def read(self, talk, *replies) -> Listing:
        """As the engine reads it: one order for each entry."""
        listing, waiting = Listing(100, 0.0), list(replies)
        while listing.result is None:
            talk.client.submit(listing.order(), 0.0)
            while requests := talk.client.requests_to_send():
                talk.asked.append(requests[0].ask.data)
                talk.client.receive_reply(requests[0].number, waiting.pop(0))
            (outcome,) = talk.client.events()
            listing.told(outcome)
        assert not waiting
        return listing.result

    @pytest.mark.parametrize("code", [402, 500, 501, 713, 714])
    def test_LI01_all_that_gateways_say_at_the_end(self, talk, words, code):
        result = self.read(talk, words.place(5060, US, 5060, "Ringthru x"), words.fault(code))
        assert (result.complete, [each.ours for each in result.entries]) == (True, [True])

    def test_LI17_606_is_a_reason_not_an_end(self, talk, words):
        assert "606" in self.read(talk, words.fault(606)).reason

    def test_the_second_generation_tells_all_in_two_answers_where_there_is_no_hundredth(self, talk2, words):
        table = words.whole_table((5060, US, 5060, "Ringthru &lt;x&gt;"), (80, OTHER, 80, "web"))
        result = self.read(talk2, words.fault(713), table, words.fault(730))
        assert len(talk2.asked) == 3
        assert [(e.external_port, e.description, e.lifetime, e.ours) for e in result.entries] == [
            (5060, "Ringthru <x>", 600, True),
            (80, "web", 600, False),
        ]
        assert result.complete

    @pytest.mark.parametrize("code", [401, 606, 501])
    def test_where_it_cannot_it_is_read_place_by_place(self, talk2, words, code):
        one = words.place(80, OTHER, 80)
        result = self.read(talk2, words.fault(713), words.fault(code), one, words.fault(713))
        assert [each.external_port for each in result.entries] == [80]

    def test_HT15_a_reset_at_it_is_remembered(self, talk2, words):
        self.read(talk2, words.fault(713), RESET, RESET, RESET, words.fault(713))
        assert talk2.client.learned()[0].missing_actions == {"GetListOfPortMappings"}
        self.read(talk2, words.fault(713))

    def test_an_empty_list_is_checked_place_by_place(self, talk2, words):
        empty = words.success("GetListOfPortMappings", NewPortListing="")
        assert isinstance(
            talk2.order(
                EntryOrder(0), words.fault(713), words.fault(730), words.fault(730), words.fault(713)
            ),
            NoEntry,
        )
        told = talk2.order(EntryOrder(0), words.fault(713), empty, words.place(80, OTHER, 80))
        assert isinstance(told, EntryTold)

    def test_it_serves_to_find_one_mapping_too(self, talk2, words):
        table = words.whole_table((5060, US, 5060, "Ringthru x")), words.fault(730)
        assert talk2.order(INSPECT, words.fault(401), words.fault(713), *table).lifetime == 600

    def test_LI18_a_long_table_is_read_place_by_place(self, talk2, words):
        beyond, one = words.place(9, OTHER, 9), words.place(80, OTHER, 80)
        result = self.read(talk2, beyond, one, words.fault(713))
        assert [each.external_port for each in result.entries] == [80]
        assert not any(b"GetListOfPortMappings" in each for each in talk2.asked)


class TestReadingManyBack:
    """One listing of a hundred ports does for all of ours in it."""

    @pytest.fixture
    def many(self, talk2, words):
        table = words.whole_table(
            (5060, US, 5060, "Ringthru x"), (5061, US, 5061, "Ringthru x"), (5062, OTHER, 5062, "x")
        )
        seen = talk2.order(MANY, table)
        assert seen == Inspected(600, words=f"GetListOfPortMappings: {US}:5060, 600 s left")
        return talk2

    def test_the_next_ones_cost_no_request(self, many):
        many.now = 2.0
        asked = len(many.asked)
        assert many.order(InspectOrder(Protocol.UDP, 5061, 5061)).lifetime == 598
        assert len(many.asked) == asked

    def test_it_is_of_the_hundred_ports_around_it(self, many):
        request = many.requests[-1]
        assert b"<NewStartPort>5000</NewStartPort><NewEndPort>5099</NewEndPort>" in request

    @pytest.mark.parametrize("port", [5062, 5063, 5100])
    def test_what_is_not_seen_to_be_ours_in_it_is_asked_for_by_name(self, many, words, port):
        assert many.order(InspectOrder(Protocol.UDP, port, port), words.fault(714)).missing

    def test_seconds_later_it_is_old(self, many, words):
        many.now = 5.1
        many.order(InspectOrder(Protocol.UDP, 5061, 5061), words.entry(US, 5061))

    def test_what_was_read_before_a_sign_of_a_restart_proves_nothing(self, many, words):
        many.now = 2.0
        many.order(InspectOrder(Protocol.UDP, 5061, 5061, since=1.0), words.fault(714))

    def test_a_mapping_made_since_is_looked_at_by_itself(self, many, words):
        many.order(MapOrder(Protocol.UDP, 5070, 5070, 60, "x"), words.success("AddPortMapping"))
        many.order(InspectOrder(Protocol.UDP, 5061, 5061), words.entry(US, 5061))

    def test_where_it_cannot_be_had_each_is_asked_for(self, talk2, words):
        talk2.order(MANY, words.fault(606), words.entry(US, 5060))
        talk2.order(InspectOrder(Protocol.UDP, 5061, 5061, of_many=True), words.entry(US, 5061))

    def test_the_first_generation_has_no_such_request(self, talk, words):
        talk.order(MANY, words.entry(US, 5060))


def test_AD34_what_is_renewed_by_deleting_is_looked_at_first(talk, words, deleted):
    talk.igd.learn(renew_by_delete=True)
    talk.order(MapOrder(Protocol.UDP, 5060, 5060, 60, "x"), words.fault(714), words.success("AddPortMapping"))
    assert DELETE not in talk.asked
