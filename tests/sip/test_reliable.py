"""RFC 3261 §18 over connections: what fails with them, what is too large for UDP, where answers go."""

from __future__ import annotations

from itertools import count

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip.flow import Flow
from ringthru.sip.transactions.aboard import LARGEST_DATAGRAM, MOST_REMEMBERED, REMEMBERED
from ringthru.sip.transactions.client_transaction import NoAnswer
from ringthru.sip.transactions.layer import TransactionLayer
from ringthru.sip.transactions.layer_values import RequestArrived
from ringthru.sip.wire.holes import HERE, HERE_URI
from ringthru.sip.wire.message import Request
from ringthru.sip.wire.parsing import parse
from ringthru.sip.wire.reply import response_to

US, PEER = Endpoint("127.40.8.1", 5060), Endpoint("127.40.8.2", 5060)
EPHEMERAL = Endpoint("127.40.8.2", 40123)
UDP, TCP = Flow("UDP", US, PEER), Flow("TCP", US, PEER)


class User:
    def __init__(self) -> None:
        self.statuses: list[int] = []


def new_layer(tcp_port: int | None = None) -> TransactionLayer:
    tokens = count(1)
    sent_by = None if tcp_port is None else lambda flow: Endpoint(US.host, tcp_port)
    return TransactionLayer(lambda: f"token{next(tokens)}", sent_by=sent_by)


def request(method: str = "OPTIONS", size: int = 0, cseq: int = 1) -> Request:
    rows = [
        ("From", "<sip:us@example.com>;tag=us"),
        ("To", "<sip:peer@example.com>"),
        ("Call-ID", "call"),
        ("CSeq", f"{cseq} {method}"),
        ("Contact", f"<sip:us@{HERE_URI}>"),
        ("Record-Route", f"<sip:{HERE};lr>"),
    ]
    return Request(method, "sip:peer@example.com", rows, b"x" * size)


def send(layer: TransactionLayer, flow: Flow, user: User, method: str = "OPTIONS", size: int = 0):
    return layer.request(request(method, size), flow, US, user, 0.0)


def told(layer: TransactionLayer) -> list[int]:
    return [408 if isinstance(event, NoAnswer) else event.response.status for event in layer.events()]


def sent(layer: TransactionLayer) -> list[tuple[str, Endpoint]]:
    return [(flow.transport, flow.remote) for _, flow in layer.messages_to_send()]


class TestOurAddress:
    """§8.1.1.7, §8.1.1.8: Via and Contact name the transport the message goes by."""

    @pytest.mark.parametrize(
        ("transport", "here", "via", "contact"),
        [
            ("UDP", US, "UDP 127.40.8.1", "sip:us@127.40.8.1"),
            ("TCP", US, "TCP 127.40.8.1", "sip:us@127.40.8.1;transport=tcp"),
            (
                "TCP",
                Endpoint("2001:db8::1", 5070),
                "TCP [2001:db8::1]:5070",
                "sip:us@[2001:db8::1]:5070;transport=tcp",
            ),
            ("TLS", Endpoint("192.0.2.1", 5061), "TLS 192.0.2.1:5061", "sip:us@192.0.2.1:5061;transport=tls"),
            ("TLS", Endpoint("192.0.2.1", 5060), "TLS 192.0.2.1:5060", "sip:us@192.0.2.1:5060;transport=tls"),
        ],
    )
    def test_the_holes(self, transport, here, via, contact):
        layer = new_layer()
        layer.request(request(), Flow(transport, here, PEER), here, User(), 0.0)
        ((data, _),) = layer.messages_to_send()
        text = data.decode()
        assert f"Via: SIP/2.0/{via};rport" in text
        assert f"Contact: <{contact}>" in text


class TestSips:
    """§8.1.1.8, §12.1.1 and RFC 5630: in a sips dialog each side's Contact is a sips URI."""

    TLS = Flow("TLS", US, PEER)

    def test_a_request_of_ours(self):
        layer = new_layer()
        asked = request("INVITE")
        asked.uri = "sips:peer@example.com"
        layer.request(asked, self.TLS, Endpoint("192.0.2.1", 5061), User(), 0.0)
        ((data, _),) = layer.messages_to_send()
        assert b"Contact: <sips:us@192.0.2.1:5061>\r\n" in data
        assert b"From: <sip:us@example.com>" in data

    @pytest.mark.parametrize(
        ("uri", "contact"),
        [("sips:us@a", b"<sips:us@192.0.2.1:5061>"), ("sip:us@a", b"<sip:us@192.0.2.1:5061;transport=tls>")],
    )
    def test_an_answer_of_ours(self, uri, contact):
        asked = request("INVITE")
        asked.uri = uri
        answer = response_to(asked, 200, tag="us", headers=[("Contact", f"<sip:us@{HERE_URI}>")])
        assert b"Contact: " + contact in answer.encode(Endpoint("192.0.2.1", 5061), "TLS")


class TestNothingIsResent:
    """§17.1.1.2, §17.2.1: timers A, E and G are for UDP; D, I, J and K are zero."""

    def test_a_silent_peer_gets_one_copy(self):
        layer, user = new_layer(), User()
        for method in ("INVITE", "OPTIONS"):
            send(layer, TCP, user, method)
        assert len(layer.messages_to_send()) == 2
        assert layer.next_timeout() == 32.0
        layer.handle_timeout(32.0)
        assert layer.messages_to_send() == []
        assert told(layer) == [408, 408]


class TestFailure:
    """§8.1.3.1, §17.1.4: a transport error is as good as a 503, and at once."""

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_no_connection_could_be_made(self, method):
        layer, user = new_layer(), User()
        send(layer, TCP, user, method)
        layer.flow_failed(Flow("TCP", US, PEER, 7), "Connection refused", 0.1)
        (event,) = layer.events()
        assert (event.response.status, event.response.reason) == (503, "Connection refused")
        assert event.user is user
        assert layer.next_timeout() is None
        assert not layer._clients
        assert not layer._aboard._by_flow

    def test_the_connection_broke_before_any_answer(self):
        layer = new_layer()
        send(layer, Flow("TCP", US, PEER, 7), User())
        layer.flow_failed(Flow("TCP", US, EPHEMERAL, 7), "reset", 0.1)
        assert told(layer) == [503]

    def test_another_connection_is_not_ours(self):
        layer = new_layer()
        send(layer, Flow("TCP", US, PEER, 7), User())
        layer.flow_failed(Flow("TCP", US, EPHEMERAL, 8), "reset", 0.1)
        layer.flow_failed(Flow("TLS", US, PEER, 9), "reset", 0.1)
        assert told(layer) == []

    def test_a_call_that_rings_already_is_answered_over_a_new_connection(self):
        """§18.2.2: a server whose connection is gone opens one to where our Via says."""
        layer = new_layer()
        transaction = send(layer, TCP, User(), "INVITE")
        ringing = response_to(transaction.request, 180, tag="peer")
        layer.receive_message(ringing.encode(US), TCP, 1.0)
        layer.flow_failed(Flow("TCP", US, PEER, 7), "closed", 2.0)
        answer = response_to(transaction.request, 200, tag="peer")
        layer.receive_message(answer.encode(US), Flow("TCP", US, EPHEMERAL, 8), 3.0)
        assert told(layer) == [180, 200]

    def test_a_finished_transaction_is_forgotten(self):
        layer = new_layer()
        transaction = send(layer, TCP, User())
        layer.receive_message(response_to(transaction.request, 200, tag="peer").encode(US), TCP, 1.0)
        assert not layer._aboard._by_flow

    def test_udp_does_not_fail(self):
        layer = new_layer()
        send(layer, UDP, User())
        layer.flow_failed(Flow("UDP", US, PEER), "unreachable", 0.1)
        assert told(layer) == []


class TestLargeRequests:
    """§18.1.1: beyond 1300 bytes a request takes TCP, and UDP again when that fails."""

    def test_it_takes_tcp_and_says_so_in_the_via(self):
        layer = new_layer(tcp_port=5070)
        send(layer, UDP, User(), "INVITE", LARGEST_DATAGRAM)
        ((data, flow),) = layer.messages_to_send()
        assert flow == Flow("TCP", US, PEER)
        assert parse(data).get("Via").startswith("SIP/2.0/TCP 127.40.8.1:5070;rport;branch=z9hG4bK")

    def test_a_small_one_does_not(self):
        layer = new_layer(tcp_port=5060)
        send(layer, UDP, User(), "INVITE", 700)
        assert sent(layer) == [("UDP", PEER)]

    def test_nor_where_there_is_no_tcp(self):
        layer = new_layer()
        send(layer, UDP, User(), "INVITE", LARGEST_DATAGRAM)
        assert sent(layer) == [("UDP", PEER)]

    def test_nor_where_the_peer_spoke_over_udp(self):
        """A NAT's binding is for UDP alone; a connection to it would be dropped in silence."""
        layer = new_layer(tcp_port=5060)
        heard = Flow("UDP", US, PEER, heard=True)
        send(layer, heard, User(), "INVITE", LARGEST_DATAGRAM)
        send(layer, heard.towards(Endpoint(PEER.host, 5070)), User(), "INVITE", LARGEST_DATAGRAM)
        assert sent(layer) == [("UDP", PEER), ("TCP", Endpoint(PEER.host, 5070))]

    def test_refused_it_comes_back_with_the_via_of_udp(self):
        layer = new_layer(tcp_port=5070)
        send(layer, UDP, User(), "INVITE", LARGEST_DATAGRAM)
        ((over_tcp, _),) = layer.messages_to_send()
        layer.flow_failed(Flow("TCP", US, PEER, 1), "Connection refused", 1.0)
        ((data, flow),) = layer.messages_to_send()
        assert flow == UDP
        via = parse(data).via
        assert (via.transport, via.host, via.port) == ("UDP", "127.40.8.1", None)
        assert via.branch == parse(over_tcp).via.branch
        assert told(layer) == []
        layer.handle_timeout(1.5)  # timer A runs now
        assert sent(layer) == [("UDP", PEER)]

    def test_a_peer_without_tcp_is_remembered_for_a_while(self):
        layer = new_layer(tcp_port=5060)
        send(layer, UDP, User(), "OPTIONS", LARGEST_DATAGRAM)
        layer.flow_failed(Flow("TCP", US, PEER, 1), "Connection refused", 1.0)
        layer.messages_to_send()
        send(layer, UDP, User(), "OPTIONS", LARGEST_DATAGRAM)
        assert sent(layer) == [("UDP", PEER)]
        layer.request(request("OPTIONS", LARGEST_DATAGRAM), UDP, US, User(), 1.0 + REMEMBERED)
        assert sent(layer) == [("TCP", PEER)]

    def test_few_peers_are_remembered(self):
        layer = new_layer(tcp_port=5060)
        for port in range(1, MOST_REMEMBERED + 100):
            peer = Endpoint(PEER.host, port)
            send(layer, Flow("UDP", US, peer), User(), "OPTIONS", LARGEST_DATAGRAM)
            layer.flow_failed(Flow("TCP", US, peer, port), "Connection refused", 1.0)
        assert len(layer._large._without_tcp) == MOST_REMEMBERED

    def test_a_cancel_goes_the_way_of_its_invite(self):
        layer = new_layer(tcp_port=5060)
        transaction = send(layer, UDP, User(), "INVITE", LARGEST_DATAGRAM)
        layer.cancel(transaction, User(), 1.0)
        assert sent(layer) == [("TCP", PEER), ("TCP", PEER)]


class TestWhereAnswersGo:
    """§18.2.2: back on the connection; where it is gone, to the source's address and the Via's port."""

    @pytest.mark.parametrize(
        ("transport", "sent_by", "port"),
        [("TCP", "phone.lan:5077", 5077), ("TCP", "phone.lan", 5060), ("TLS", "phone.lan", 5061)],
    )
    def test_the_flow_of_an_answer(self, transport, sent_by, port):
        layer = new_layer()
        data = (
            "OPTIONS sip:us@127.40.8.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} {sent_by};rport;branch=z9hG4bK1\r\n"
            "From: <sip:a@b>;tag=a\r\nTo: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
        )
        layer.receive_message(data.encode(), Flow(transport, US, EPHEMERAL, 7), 0.0)
        (event,) = layer.events()
        assert isinstance(event, RequestArrived)
        layer.respond(event.transaction, response_to(event.request, 200, tag="us"), 0.0)
        ((_, flow),) = layer.messages_to_send()
        assert flow == Flow(transport, US, Endpoint(EPHEMERAL.host, port), 7)

    def test_a_length_that_no_message_may_have_is_513(self):
        layer = new_layer()
        data = (
            "MESSAGE sip:us@127.40.8.1 SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n"
            "From: <sip:a@b>;tag=a\r\n"
            "To: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 70000\r\n\r\n"
        )
        layer.receive_message(data.encode(), Flow("TCP", US, EPHEMERAL, 7), 0.0)
        ((answer, _),) = layer.messages_to_send()
        assert answer.startswith(b"SIP/2.0 513 ")
