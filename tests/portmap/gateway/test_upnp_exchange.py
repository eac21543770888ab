"""What becomes of one exchange with a UPnP gateway: nonsense, silence, the connection ahead, the address."""

import pytest

from ringthru.portmap.gateway.orders import AddressOrder, AddressTold, Declined, Remedy, Silent
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.wire.http import Response

from .upnp_orders import ADD, GRANTED, MAP, RESET, US

TIMEOUT = HttpFailure(FailureKind.TIMEOUT, "no answer within 10 s")
REFUSED = HttpFailure(FailureKind.REFUSED, "cannot connect")
HTML = Response(200, b"<html><body>Login</body></html>")


@pytest.fixture
def added(words):
    return words.success("AddPortMapping")


class TestNonsense:
    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(HTML, id="HT12"),
            pytest.param(Response(500, b""), id="HT14"),
        ],
    )
    def test_no_proof_no_success_and_once_in_the_other_form(self, talk, words, reply):
        assert talk.order(MAP, reply, reply, words.fault(714)).remedy is Remedy.ANOTHER_SERVICE
        assert [each.split()[0] for each in talk.requests[:2]] == [b"POST", b"M-POST"]

    def test_a_form_that_is_not_allowed_has_done_nothing_that_could_be_looked_for(self, talk):
        not_allowed = Response(405, b"")
        assert talk.order(MAP, not_allowed, not_allowed).remedy is Remedy.ANOTHER_SERVICE
        assert [each.split()[0] for each in talk.requests] == [b"POST", b"M-POST"]

    @pytest.mark.parametrize(
        "reply", [HTML, Response(500, b""), Response(200, b"")], ids=["page", "500", "nothing"]
    )
    def test_one_that_says_nonsense_and_does_it_is_believed_for_its_table(self, talk, words, reply):
        assert talk.order(MAP, reply, reply, words.entry(US, 5060)) == GRANTED
        assert talk.asked[-1].startswith("GetSpecificPortMappingEntry")

    def test_but_not_where_its_table_has_somebody_else_there(self, talk, words):
        answer = talk.order(MAP, HTML, HTML, words.entry("192.168.1.77", 5060))
        assert answer.remedy is Remedy.ANOTHER_SERVICE

    def test_a_reset_may_mean_too_fast_and_is_asked_again_after_a_rest(self, talk, words):
        outcome = talk.order(MAP, RESET, RESET, RESET, words.fault(714))
        assert outcome.remedy is Remedy.ANOTHER_SERVICE
        assert [each.split()[0] for each in talk.requests[:3]] == [b"POST", b"POST", b"M-POST"]
        assert talk.client.learned() == []

    @pytest.mark.parametrize("failure", [RESET, TIMEOUT])
    def test_HT18_where_a_rest_helps_the_gateway_is_asked_with_pauses(self, talk, added, failure):
        assert talk.order(MAP, failure, added) == GRANTED
        assert [each.pace for each in talk.client.learned()] == [0.25]
        assert talk.client.pace == 0.25

    def test_the_form_that_works_is_kept(self, talk, added):
        assert talk.order(MAP, Response(405, b""), added) == GRANTED
        talk.order(MAP, added)
        assert [each.split()[0] for each in talk.requests] == [b"POST", b"M-POST", b"M-POST"]

    @pytest.mark.parametrize("status", [301, 302, 404])
    def test_HT19_a_page_that_is_elsewhere_or_missing_is_not_gone_after(self, talk, status):
        assert isinstance(talk.order(MAP, Response(status, b"<html/>")), Declined)
        assert talk.asked == [ADD]

    def test_an_action_of_need_is_never_given_up_for_nonsense(self, talk, words, added):
        talk.order(MAP, HTML, HTML, words.fault(714))
        assert talk.order(MAP, added) == GRANTED

    def test_AD38_a_flaky_gateway_is_asked_again(self, talk, words, added):
        """The pauses are the lease's."""
        assert talk.order(MAP, words.fault(501), words.fault(714)).remedy is Remedy.ANOTHER_PORT
        assert talk.order(MAP, added) == GRANTED


class TestSilence:
    def test_HT17_a_time_out_is_tried_once_more_then_the_gateway_is_silent(self, talk, added):
        assert talk.order(MAP, TIMEOUT, added) == GRANTED
        assert isinstance(talk.order(MAP, TIMEOUT, TIMEOUT), Silent)

    def test_SD18_a_refused_connection_means_look_again(self, talk):
        assert isinstance(talk.order(MAP, REFUSED), Silent)
        assert talk.asked == [ADD]

    def test_HT17_a_slow_action_has_ten_seconds(self, talk):
        talk.client.submit(MAP, 0.0)
        assert [each.ask.deadline for each in talk.client.requests_to_send()] == [10.0]


class TestConnectionAhead:
    """The connection for the next request, opened while this one is answered."""

    LOST = HttpFailure(FailureKind.BROKEN, "reset", ahead=True)

    def is_opened(self, talk) -> bool:
        talk.client.submit(MAP, 0.0)
        (request,) = talk.client.requests_to_send()
        talk.client.abandon()
        return request.ask.ahead

    def test_none_at_a_gateway_of_which_nothing_is_known(self, talk):
        assert not self.is_opened(talk)

    @pytest.mark.parametrize(
        ("profile", "opened"),
        [
            (GatewayProfile("acme|box|Linux UPnP/1.1 MiniUPnPd/2.3.1"), True),
            (GatewayProfile("acme|box|Linux UPnP/1.1 MiniUPnPd/2.3.1", serves_several=False), False),
            (GatewayProfile("acme|box|Linux UPnP/1.1 MiniUPnPd/2.3.1", pace=0.25), False),
            (GatewayProfile("acme", serves_several=True), True),
        ],
    )
    def test_one_where_several_are_served_and_no_pauses_are_wanted(self, talk, profile, opened):
        talk.client.use_profile(profile)
        assert self.is_opened(talk) is opened

    def test_an_answer_on_it_is_a_lesson(self, talk):
        talk.client.opened_ahead(True)
        assert [each.serves_several for each in talk.client.learned()] == [True]

    def test_HT16_what_is_lost_on_it_is_asked_again_at_once_and_never_so_again(self, talk, added):
        talk.client.use_profile(GatewayProfile("acme", serves_several=True))
        assert talk.order(MAP, self.LOST, added) == GRANTED
        assert talk.asked == [ADD, ADD]
        assert not self.is_opened(talk)
        (profile,) = talk.client.learned()
        assert profile.serves_several is False
        assert profile.pace == 0, "it did not ask too fast"

    def test_the_second_attempt_has_no_connection_beside_it_and_no_rest(self, talk):
        talk.client.use_profile(GatewayProfile("acme", serves_several=True))
        talk.client.submit(MAP, 0.0)
        (request,) = talk.client.requests_to_send()
        talk.client.receive_reply(request.number, self.LOST)
        (again,) = talk.client.requests_to_send()
        assert (again.ask.ahead, again.ask.rest, again.ask.data) == (False, 0.0, request.ask.data)

    def test_what_is_lost_without_it_as_well_says_nothing_about_it(self, talk, added):
        talk.client.use_profile(GatewayProfile("acme", serves_several=True))
        talk.order(MAP, self.LOST, RESET, added)
        assert self.is_opened(talk) is False  # HT18: it wants pauses now
        (profile,) = talk.client.learned()
        assert (profile.serves_several, profile.pace) == (True, 0.25)


class TestAddress:
    @pytest.mark.parametrize(
        ("told", "known"),
        [
            pytest.param("203.0.113.10", "203.0.113.10", id="public"),
            pytest.param("", "", id="EX01"),
            pytest.param("0.0.0.0", "0.0.0.0", id="EX02"),
            pytest.param("10.1.2.3", "10.1.2.3", id="EX03"),
            pytest.param("100.64.1.2", "100.64.1.2", id="EX04"),
            pytest.param("192.168.1.1", "", id="EX05"),
            pytest.param("unknown", "", id="no address"),
        ],
    )
    def test_as_told_its_kind_is_judged_elsewhere(self, talk, words, told, known):
        answer = words.success("GetExternalIPAddress", NewExternalIPAddress=told)
        assert talk.order(AddressOrder(), answer) == AddressTold(known)

    def test_a_fault_tells_nothing(self, talk, words):
        assert isinstance(talk.order(AddressOrder(), words.fault(501)), Declined)


def test_the_reply_to_an_abandoned_request_is_ignored(talk, words):
    talk.client.submit(MAP, 0.0)
    (old,) = talk.client.requests_to_send()
    talk.client.submit(AddressOrder(), 0.0)
    talk.client.receive_reply(old.number, words.success("AddPortMapping"))
    assert talk.client.events() == []
    assert len(talk.client.requests_to_send()) == 1
