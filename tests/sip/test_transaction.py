"""RFC 3261 §17 and RFC 6026: every arrow of the four figures, and the times between retransmissions."""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip.flow import Flow
from ringthru.sip.timers import Timers
from ringthru.sip.transactions.client_transaction import (
    InviteClient,
    NoAnswer,
    NonInviteClient,
    ResponseArrived,
)
from ringthru.sip.transactions.server_transaction import AckMissing, InviteServer, NonInviteServer
from ringthru.sip.transactions.transaction import Input, State, Timing, Transaction
from ringthru.sip.wire.message import Request, Response

S, I = State, Input  # noqa: E741
US, PEER = Endpoint("127.40.1.1", 5060), Endpoint("127.40.1.2", 5060)
UDP, TCP = Flow("UDP", US, PEER), Flow("TCP", US, PEER)


class Bench:
    """The layer, as a transaction sees it."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.timing = Timing()
        self.sent: list[tuple[float, bytes]] = []
        self.events: list = []
        self.forgotten: list[Transaction] = []
        self.now = 0.0

    def send(self, data: bytes, flow: Flow) -> None:
        self.sent.append((self.now, data))

    def deliver(self, event) -> None:
        self.events.append(event)

    def forget(self, transaction: Transaction) -> None:
        self.forgotten.append(transaction)

    def run(self, until: float) -> None:
        while (at := self.timers.next_at()) is not None and at <= until:
            self.now = at
            self.timers.run(at)
        self.now = until

    def take_sent(self) -> list[bytes]:
        sent, self.sent = [data for _, data in self.sent], []
        return sent


@pytest.fixture
def bench() -> Bench:
    return Bench()


def request(method: str) -> Request:
    headers = [
        ("Via", "SIP/2.0/UDP \x00;branch=z9hG4bKx"),
        ("Route", "<sip:proxy.example;lr>"),
        ("From", "<sip:a@example.com>;tag=a"),
        ("To", "<sip:b@example.com>"),
        ("Call-ID", "c"),
        ("CSeq", f"7 {method}"),
    ]
    return Request(method, "sip:b@example.com", headers, b"")


def response(status: int, method: str) -> Response:
    rows = [
        ("Via", "SIP/2.0/UDP 127.40.1.1;branch=z9hG4bKx"),
        ("From", "<sip:a@example.com>;tag=a"),
        ("To", "<sip:b@example.com>;tag=b"),
        ("Call-ID", "c"),
        ("CSeq", f"7 {method}"),
    ]
    return Response(status, "x", rows)


class User:
    def receive_response(self, response, flow, now):
        raise AssertionError("told by event only")

    handle_no_answer = receive_response


def client(bench: Bench, method: str = "INVITE", flow: Flow = UDP):
    kind = InviteClient if method == "INVITE" else NonInviteClient
    transaction = kind(bench, "z9hG4bKx", request(method), flow, US, User())
    transaction.start(bench.now)
    return transaction


def server(bench: Bench, method: str = "INVITE", flow: Flow = UDP):
    kind = InviteServer if method == "INVITE" else NonInviteServer
    transaction = kind(bench, ("z9hG4bKx",), flow, method, PEER.host)
    transaction.start(bench.now)
    return transaction


class TestClientArrows:
    """Figures 5 and 6, RFC 6026 §7.2: from a state, by an input, to a state, doing what."""

    @pytest.mark.parametrize(
        ("method", "before", "what", "after", "sent", "told"),
        [
            ("INVITE", S.CALLING, I.TIMER_A, S.CALLING, "INVITE", None),
            ("INVITE", S.CALLING, I.TIMER_B, S.TERMINATED, None, NoAnswer),
            ("INVITE", S.CALLING, I.PROVISIONAL, S.PROCEEDING, None, ResponseArrived),
            ("INVITE", S.CALLING, I.SUCCESS, S.ACCEPTED, None, ResponseArrived),
            ("INVITE", S.CALLING, I.FAILURE, S.COMPLETED, "ACK", ResponseArrived),
            ("INVITE", S.PROCEEDING, I.TIMER_A, S.PROCEEDING, None, None),
            ("INVITE", S.PROCEEDING, I.TIMER_B, S.PROCEEDING, None, None),
            ("INVITE", S.PROCEEDING, I.PROVISIONAL, S.PROCEEDING, None, ResponseArrived),
            ("INVITE", S.PROCEEDING, I.SUCCESS, S.ACCEPTED, None, ResponseArrived),
            ("INVITE", S.PROCEEDING, I.FAILURE, S.COMPLETED, "ACK", ResponseArrived),
            ("INVITE", S.COMPLETED, I.PROVISIONAL, S.COMPLETED, None, None),
            ("INVITE", S.COMPLETED, I.SUCCESS, S.COMPLETED, None, None),
            ("INVITE", S.COMPLETED, I.FAILURE, S.COMPLETED, "ACK", None),
            ("INVITE", S.COMPLETED, I.TIMER_D, S.TERMINATED, None, None),
            ("INVITE", S.ACCEPTED, I.PROVISIONAL, S.ACCEPTED, None, None),
            ("INVITE", S.ACCEPTED, I.SUCCESS, S.ACCEPTED, None, ResponseArrived),
            ("INVITE", S.ACCEPTED, I.FAILURE, S.ACCEPTED, None, None),
            ("INVITE", S.ACCEPTED, I.TIMER_M, S.TERMINATED, None, None),
            ("OPTIONS", S.TRYING, I.TIMER_E, S.TRYING, "OPTIONS", None),
            ("OPTIONS", S.TRYING, I.TIMER_F, S.TERMINATED, None, NoAnswer),
            ("OPTIONS", S.TRYING, I.PROVISIONAL, S.PROCEEDING, None, ResponseArrived),
            ("OPTIONS", S.TRYING, I.SUCCESS, S.COMPLETED, None, ResponseArrived),
            ("OPTIONS", S.TRYING, I.FAILURE, S.COMPLETED, None, ResponseArrived),
            ("OPTIONS", S.PROCEEDING, I.TIMER_E, S.PROCEEDING, "OPTIONS", None),
            ("OPTIONS", S.PROCEEDING, I.TIMER_F, S.TERMINATED, None, NoAnswer),
            ("OPTIONS", S.PROCEEDING, I.PROVISIONAL, S.PROCEEDING, None, ResponseArrived),
            ("OPTIONS", S.PROCEEDING, I.SUCCESS, S.COMPLETED, None, ResponseArrived),
            ("OPTIONS", S.PROCEEDING, I.FAILURE, S.COMPLETED, None, ResponseArrived),
            ("OPTIONS", S.COMPLETED, I.PROVISIONAL, S.COMPLETED, None, None),
            ("OPTIONS", S.COMPLETED, I.SUCCESS, S.COMPLETED, None, None),
            ("OPTIONS", S.COMPLETED, I.FAILURE, S.COMPLETED, None, None),
            ("OPTIONS", S.COMPLETED, I.TIMER_K, S.TERMINATED, None, None),
        ],
    )
    def test_arrow(self, bench, method, before, what, after, sent, told):
        transaction = client(bench, method)
        for status in {S.PROCEEDING: [180], S.COMPLETED: [486], S.ACCEPTED: [200]}.get(before, []):
            transaction.receive(response(status, method), UDP, 0.0)
        assert transaction.state is before
        bench.take_sent()
        bench.events.clear()
        status = {I.PROVISIONAL: 180, I.SUCCESS: 200, I.FAILURE: 486}.get(what)
        if status is None:
            transaction.step(what, 1.0)
        else:
            transaction.receive(response(status, method), UDP, 1.0)
        assert transaction.state is after
        assert [data.split()[0].decode() for data in bench.take_sent()] == ([sent] if sent else [])
        assert [type(event) for event in bench.events] == ([told] if told else [])
        assert (transaction in bench.forgotten) == (after is S.TERMINATED)


class TestServerArrows:
    """Figures 7 and 8, RFC 6026 §7.1, RFC 4320."""

    @pytest.mark.parametrize(
        ("method", "before", "what", "after", "sent", "told"),
        [
            ("INVITE", S.PROCEEDING, I.REQUEST, S.PROCEEDING, b"180", None),
            ("INVITE", S.PROCEEDING, I.SEND_PROVISIONAL, S.PROCEEDING, b"new", None),
            ("INVITE", S.PROCEEDING, I.SEND_SUCCESS, S.ACCEPTED, b"new", None),
            ("INVITE", S.PROCEEDING, I.SEND_FAILURE, S.COMPLETED, b"new", None),
            ("INVITE", S.COMPLETED, I.REQUEST, S.COMPLETED, b"486", None),
            ("INVITE", S.COMPLETED, I.TIMER_G, S.COMPLETED, b"486", None),
            ("INVITE", S.COMPLETED, I.TIMER_H, S.TERMINATED, None, AckMissing),
            ("INVITE", S.COMPLETED, I.ACK, S.CONFIRMED, None, None),
            ("INVITE", S.COMPLETED, I.SEND_SUCCESS, S.COMPLETED, None, None),
            ("INVITE", S.CONFIRMED, I.REQUEST, S.CONFIRMED, None, None),
            ("INVITE", S.CONFIRMED, I.ACK, S.CONFIRMED, None, None),
            ("INVITE", S.CONFIRMED, I.TIMER_G, S.CONFIRMED, None, None),
            ("INVITE", S.CONFIRMED, I.TIMER_I, S.TERMINATED, None, None),
            ("INVITE", S.ACCEPTED, I.REQUEST, S.ACCEPTED, None, None),
            ("INVITE", S.ACCEPTED, I.SEND_SUCCESS, S.ACCEPTED, b"new", None),
            ("INVITE", S.ACCEPTED, I.SEND_FAILURE, S.ACCEPTED, None, None),
            ("INVITE", S.ACCEPTED, I.TIMER_L, S.TERMINATED, None, None),
            ("OPTIONS", S.TRYING, I.REQUEST, S.TRYING, None, None),
            ("OPTIONS", S.TRYING, I.SEND_PROVISIONAL, S.PROCEEDING, b"new", None),
            ("OPTIONS", S.TRYING, I.SEND_SUCCESS, S.COMPLETED, b"new", None),
            ("OPTIONS", S.TRYING, I.SEND_FAILURE, S.COMPLETED, b"new", None),
            ("OPTIONS", S.TRYING, I.TIMER_X, S.TERMINATED, None, None),
            ("OPTIONS", S.PROCEEDING, I.REQUEST, S.PROCEEDING, b"180", None),
            ("OPTIONS", S.PROCEEDING, I.SEND_PROVISIONAL, S.PROCEEDING, b"new", None),
            ("OPTIONS", S.PROCEEDING, I.SEND_SUCCESS, S.COMPLETED, b"new", None),
            ("OPTIONS", S.PROCEEDING, I.SEND_FAILURE, S.COMPLETED, b"new", None),
            ("OPTIONS", S.PROCEEDING, I.TIMER_X, S.TERMINATED, None, None),
            ("OPTIONS", S.COMPLETED, I.REQUEST, S.COMPLETED, b"486", None),
            ("OPTIONS", S.COMPLETED, I.SEND_SUCCESS, S.COMPLETED, None, None),
            ("OPTIONS", S.COMPLETED, I.TIMER_J, S.TERMINATED, None, None),
        ],
    )
    def test_arrow(self, bench, method, before, what, after, sent, told):
        transaction = server(bench, method)
        if before is S.PROCEEDING:
            transaction.respond(180, b"180", 0.0)
        elif before in (S.COMPLETED, S.CONFIRMED):
            transaction.respond(486, b"486", 0.0)
        elif before is S.ACCEPTED:
            transaction.respond(200, b"200", 0.0)
        if before is S.CONFIRMED:
            transaction.step(I.ACK, 0.0)
        assert transaction.state is before
        bench.take_sent()
        status = {I.SEND_PROVISIONAL: 183, I.SEND_SUCCESS: 200, I.SEND_FAILURE: 500}.get(what)
        if status is None:
            transaction.step(what, 1.0)
        else:
            transaction.respond(status, b"new", 1.0)
        assert transaction.state is after
        assert bench.take_sent() == ([sent] if sent else [])
        assert [type(event) for event in bench.events] == ([told] if told else [])
        assert (transaction in bench.forgotten) == (after is S.TERMINATED)


class TestTimes:
    """Table 4: when what is sent again, and when it is over."""

    def test_an_unanswered_invite_doubles_without_limit_and_fails_after_64_t1(self, bench):
        client(bench)
        bench.run(100.0)
        assert [at for at, _ in bench.sent] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert [type(event) for event in bench.events] == [NoAnswer]
        assert len(bench.timers) == 0

    def test_another_request_doubles_up_to_t2(self, bench):
        client(bench, "OPTIONS")
        bench.run(100.0)
        assert [at for at, _ in bench.sent] == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert len(bench.timers) == 0

    def test_a_phone_may_ring_for_an_hour(self, bench):
        transaction = client(bench)
        transaction.receive(response(180, "INVITE"), UDP, 1.0)
        bench.run(3600.0)
        assert transaction.state is S.PROCEEDING

    def test_a_refused_invite_is_remembered_for_32_s_to_repeat_its_ack(self, bench):
        transaction = client(bench)
        transaction.receive(response(486, "INVITE"), UDP, 1.0)
        bench.run(32.9)
        assert transaction.state is S.COMPLETED
        bench.run(33.0)
        assert transaction.state is S.TERMINATED

    def test_a_refusal_is_repeated_until_its_ack(self, bench):
        transaction = server(bench)
        transaction.respond(486, b"486", 0.0)
        bench.run(10.0)
        assert [at for at, _ in bench.sent] == [0, 0.5, 1.5, 3.5, 7.5]
        transaction.step(I.ACK, 10.0)
        bench.run(100.0)
        assert len(bench.sent) == 5
        assert not bench.events

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_a_reliable_transport_resends_nothing_and_forgets_a_failure_at_once(self, bench, method):
        transaction = client(bench, method, TCP)
        bench.run(31.0)
        assert len(bench.sent) == 1
        transaction.receive(response(486, method), TCP, 31.0)
        assert transaction.state is S.TERMINATED
        assert len(bench.timers) == 0

    def test_a_reliable_transport_lets_servers_forget_at_once(self, bench):
        transaction = server(bench, "OPTIONS", TCP)
        transaction.respond(200, b"200", 0.0)
        assert transaction.state is S.TERMINATED
        transaction = server(bench, "INVITE", TCP)
        transaction.respond(486, b"486", 0.0)
        bench.run(5.0)
        assert len(bench.sent) == 2
        transaction.step(I.ACK, 5.0)
        assert transaction.state is S.TERMINATED

    def test_times_are_the_users_to_choose(self, bench):
        bench.timing = Timing(t1=0.1, t2=0.2)
        client(bench, "OPTIONS")
        bench.run(0.75)
        assert [round(at, 3) for at, _ in bench.sent] == [0, 0.1, 0.3, 0.5, 0.7]


class TestAckOfAFailure:
    """§17.1.1.3: Via, Route, From, Call-ID and number of the INVITE; To of the response."""

    def test_ack(self, bench):
        transaction = client(bench)
        transaction.receive(response(486, "INVITE"), UDP, 0.0)
        assert bench.take_sent()[-1].decode().split("\r\n") == [
            "ACK sip:b@example.com SIP/2.0",
            "Via: SIP/2.0/UDP 127.40.1.1;branch=z9hG4bKx",
            "Max-Forwards: 70",
            "Route: <sip:proxy.example;lr>",
            "From: <sip:a@example.com>;tag=a",
            "Call-ID: c",
            "To: <sip:b@example.com>;tag=b",
            "CSeq: 7 ACK",
            "Content-Length: 0",
            "",
            "",
        ]


class TestMemory:
    """What is over keeps no message alive."""

    def test_a_client_lets_go_of_its_request(self, bench):
        transaction = client(bench)
        transaction.receive(response(200, "INVITE"), UDP, 0.0)
        assert transaction.request is None
        assert transaction.data == b""

    def test_an_accepted_server_keeps_no_bytes(self, bench):
        transaction = server(bench)
        transaction.respond(200, b"200", 0.0)
        assert transaction.data == b""


class TestTimers:
    def test_cancelled_timers_do_not_pile_up(self):
        timers = Timers()
        for number in range(10_000):
            timers.cancel(timers.start(1000.0 + number, lambda now: None))
        assert len(timers) == 0
        assert len(timers._heap) < 1000

    def test_one_that_is_put_off_runs_at_its_new_instant_alone(self):
        timers, ran = Timers(), []
        timer = timers.start(1.0, lambda what, now: ran.append((what, now)), "early")
        timers.start(2.0, lambda now: ran.append(("another", now)))
        timers.put_off(timer, 3.0, "late")
        assert timers.next_at() == 2.0
        for now in (1.0, 2.0, 3.0, 4.0):
            timers.run(now)
        assert ran == [("another", 2.0), ("late", 3.0)]
        assert len(timers) == 0

    def test_one_that_is_put_off_and_cancelled_never_runs(self):
        timers, ran = Timers(), []
        timer = timers.start(1.0, ran.append)
        timers.put_off(timer, 3.0, None)
        timers.cancel(timer)
        timers.run(5.0)
        assert (ran, len(timers), timers.next_at()) == ([], 0, None)

    def test_equal_instants_run_in_the_order_they_were_started(self):
        timers, ran = Timers(), []
        for number in range(5):
            timers.start(1.0, lambda now, number=number: ran.append(number))
        timers.run(0.9)
        assert ran == []
        timers.run(1.0)
        assert ran == [0, 1, 2, 3, 4]
