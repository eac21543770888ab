"""A subscription to a gateway's events: kept alive while it works, given up without fuss."""

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.gateway.gena_subscription import EventsMissed, State, Subscription
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure
from ringthru.portmap.wire.gena import Notification
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location

EVENT = Location(Endpoint("192.168.1.1", 5000), "/evt")
CALLBACK = "http://192.168.1.103:40000/event"
TIMEOUT = HttpFailure(FailureKind.TIMEOUT, "no answer")


class Talk:
    def __init__(self) -> None:
        self.machine = Subscription(EVENT, CALLBACK)
        self.now = 1000.0
        self.machine.start(self.now)

    def asked(self) -> str:
        (request,) = self.machine.requests_to_send()
        self.number = request.number
        head = request.ask.data.decode()
        sid = "".join(line for line in head.splitlines() if line.startswith("SID"))
        return f"{head.split()[0]} {sid}".strip()

    def reply(self, reply) -> "Talk":
        self.machine.receive_reply(self.number, reply, self.now)
        return self

    def granted(self, sid: str = "uuid:1", seconds: int = 1800) -> "Talk":
        return self.reply(Response(200, b"", "", sid, f"Second-{seconds}"))

    def at_timeout(self) -> "Talk":
        self.now = self.machine.next_timeout()
        self.machine.handle_timeout(self.now)
        return self

    def notify(self, sequence: int, sid: str = "uuid:1") -> int:
        return self.machine.receive_notify(event(sequence, sid), self.now)


def event(sequence: int, sid: str = "uuid:1") -> Notification:
    return Notification(sid, sequence, (("ExternalIPAddress", "203.0.113.9"),))


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    assert talk.asked() == "SUBSCRIBE"
    return talk


class TestAlive:
    def test_renewed_by_its_name_at_half_of_what_was_granted(self, talk):
        talk.granted(seconds=300)
        assert talk.machine.next_timeout() == 1150.0
        assert talk.at_timeout().asked() == "SUBSCRIBE SID: uuid:1"
        talk.granted(seconds=600)
        assert (talk.machine.state, talk.machine.next_timeout()) == (State.SUBSCRIBED, 1450.0)

    def test_EX11_one_that_the_gateway_forgot_is_begun_anew(self, talk):
        talk.granted().at_timeout().asked()
        talk.reply(Response(412, b""))
        assert talk.asked() == "SUBSCRIBE"

    def test_ended_by_its_name(self, talk):
        talk.granted().machine.stop()
        assert talk.asked() == "UNSUBSCRIBE SID: uuid:1"
        assert talk.machine.next_timeout() is None

    @pytest.mark.parametrize("answer", [Response(503, b""), Response(200, b"", "", "", ""), TIMEOUT])
    def test_what_was_never_granted_needs_no_end(self, talk, answer):
        talk.machine.stop()
        assert talk.machine.requests_to_send() == []
        talk.reply(answer)
        assert talk.machine.requests_to_send() == []
        assert talk.machine.state is State.IDLE

    def test_ended_while_its_name_is_on_the_way_it_is_ended_by_that_name(self, talk):
        talk.machine.stop()
        talk.granted()
        assert talk.asked() == "UNSUBSCRIBE SID: uuid:1"
        assert talk.machine.next_timeout() is None
        assert talk.notify(0) == 412


class TestGivenUp:
    @pytest.mark.parametrize("status", [500, 501, 405, 404, 403, 400])
    def test_EX11_a_gateway_that_cannot_is_left_in_peace(self, talk, status):
        talk.reply(Response(status, b""))
        assert (talk.machine.state, talk.machine.next_timeout()) == (State.GIVEN_UP, None)
        assert talk.machine.requests_to_send() == []

    def test_failures_are_tried_again_ever_more_slowly_and_not_for_ever(self, talk):
        pauses = []
        for _ in range(4):
            talk.reply(TIMEOUT)
            pauses.append(talk.machine.next_timeout() - talk.now)
            talk.at_timeout().asked()
        assert pauses == [60.0, 120.0, 240.0, 480.0]
        talk.reply(TIMEOUT)
        assert talk.machine.state is State.GIVEN_UP

    @pytest.mark.parametrize("sid", ["", "a\rb", "x" * 300])
    def test_a_grant_without_a_usable_name_is_a_failure(self, talk, sid):
        assert talk.granted(sid).machine.state is State.PAUSED


class TestEvents:
    def test_in_order_they_are_passed_on(self, talk):
        talk.granted()
        assert [talk.notify(0), talk.notify(1)] == [200, 200]
        assert talk.machine.events() == [event(0), event(1)]

    def test_one_of_another_subscription_is_refused(self, talk):
        talk.granted()
        assert talk.notify(0, "uuid:2") == 412
        assert talk.machine.events() == []

    def test_the_first_may_overtake_the_answer(self, talk):
        assert [talk.notify(0), talk.notify(0, "uuid:2")] == [200, 200]
        assert talk.machine.events() == []
        talk.granted()
        assert talk.machine.events() == [event(0)]

    def test_a_flood_before_the_answer_is_not_kept(self, talk):
        for _ in range(100):
            talk.notify(0)
        talk.granted()
        assert len(talk.machine.events()) <= 8

    def test_a_gap_is_told_and_everything_asked_for_anew(self, talk):
        talk.granted()
        talk.notify(0)
        talk.notify(2)
        assert talk.machine.events() == [event(0), EventsMissed(), event(2)]
        assert talk.asked() == "SUBSCRIBE"

    def test_after_the_last_number_comes_one(self, talk):
        talk.granted()
        talk.notify(2**32 - 1)
        talk.notify(1)
        assert EventsMissed() not in talk.machine.events()

    def test_a_gateway_that_counts_as_it_likes_is_not_asked_for_ever(self, talk):
        begun_anew = 0
        for _ in range(20):
            talk.granted()
            talk.notify(0)
            talk.notify(7)
            requests = talk.machine.requests_to_send()
            begun_anew += len(requests)
            talk.number = requests[0].number if requests else talk.number
        assert begun_anew == 5


def test_a_late_reply_is_ignored(talk):
    old = talk.number
    talk.granted().at_timeout().asked()
    talk.machine.receive_reply(old, Response(500, b""), talk.now)
    assert talk.machine.state is State.RENEWING
