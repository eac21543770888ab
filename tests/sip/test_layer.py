"""RFC 3261 §17.1.3, §17.2.3 and §18: whose message is it, where does the answer go, and what is refused."""

from __future__ import annotations

from itertools import count

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip.flow import Flow
from ringthru.sip.transactions.layer import TransactionLayer
from ringthru.sip.transactions.layer_values import AckArrived, Limits, RequestArrived
from ringthru.sip.wire.parsing import parse
from ringthru.sip.wire.reply import response_to

US, PEER = Endpoint("127.40.2.1", 5060), Endpoint("127.40.2.2", 5060)
FLOW = Flow("UDP", US, PEER)


def new_layer(**settings) -> TransactionLayer:
    tokens = count(1)
    return TransactionLayer(lambda: f"token{next(tokens)}", **settings)


@pytest.fixture
def layer() -> TransactionLayer:
    return new_layer()


def text(
    method: str = "OPTIONS",
    *,
    via: str = "127.40.2.2;rport",
    branch: str = "z9hG4bK1",
    cseq: int = 1,
    call_id: str = "call",
    to_tag: str = "",
    more: str = "",
) -> bytes:
    return (
        f"{method} sip:bob@127.40.2.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {via};branch={branch}\r\n"
        f"From: <sip:alice@127.40.2.2>;tag=alice\r\n"
        f"To: <sip:bob@127.40.2.1>{to_tag}\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{more}\r\n"
    ).encode()


def arrived(layer: TransactionLayer, data: bytes, flow: Flow = FLOW, now: float = 0.0):
    layer.receive_message(data, flow, now)
    return layer.events()


def answers(layer: TransactionLayer) -> list[int]:
    return [int(data.split()[1]) for data, _ in layer.messages_to_send()]


def refuse(layer: TransactionLayer, event: RequestArrived, status: int) -> None:
    layer.respond(event.transaction, response_to(event.request, status, tag="us"), 0.0)


class TestMatchingRequests:
    def test_a_repetition_is_the_same_transaction(self, layer):
        assert len(arrived(layer, text())) == 1
        assert arrived(layer, text()) == []

    @pytest.mark.parametrize(
        "other",
        [
            {"branch": "z9hG4bK2", "cseq": 2},
            {"via": "127.40.2.9;rport", "cseq": 2},
            {"via": "127.40.2.2:5080;rport", "cseq": 2},
            {"method": "MESSAGE"},
        ],
        ids=["branch", "sent-by host", "sent-by port", "method"],
    )
    def test_another_one_is_another_transaction(self, layer, other):
        arrived(layer, text())
        assert len(arrived(layer, text(**other))) == 1

    def test_a_repetition_gets_the_same_answer_byte_for_byte(self, layer):
        (event,) = arrived(layer, text())
        refuse(layer, event, 404)
        first = layer.messages_to_send()
        arrived(layer, text())
        assert layer.messages_to_send() == first

    def test_an_ack_for_a_failure_belongs_to_its_invite(self, layer):
        (event,) = arrived(layer, text("INVITE"))
        refuse(layer, event, 486)
        assert arrived(layer, text("ACK", to_tag=";tag=us")) == []

    def test_an_ack_for_a_success_is_passed_on_even_with_the_invites_branch(self, layer):
        (event,) = arrived(layer, text("INVITE"))
        refuse(layer, event, 200)
        (ack,) = arrived(layer, text("ACK", to_tag=";tag=us"))
        assert isinstance(ack, AckArrived)
        (ack,) = arrived(layer, text("ACK", branch="z9hG4bK2", to_tag=";tag=us"))
        assert isinstance(ack, AckArrived)

    def test_a_cancel_names_the_invite_it_is_for(self, layer):
        (invite,) = arrived(layer, text("INVITE"))
        (cancel,) = arrived(layer, text("CANCEL"))
        assert cancel.cancels is invite.transaction
        (stray,) = arrived(layer, text("CANCEL", branch="z9hG4bK2"))
        assert stray.cancels is None

    def test_a_peer_of_rfc_2543_is_told_by_the_rest(self, layer):
        """§17.2.3: without the cookie, Call-ID, From tag, CSeq, Request-URI and Via make the transaction."""
        assert len(arrived(layer, text(branch="1"))) == 1
        assert arrived(layer, text(branch="1")) == []
        assert len(arrived(layer, text(branch="1", cseq=2))) == 1
        assert len(arrived(layer, text(branch="1", call_id="another"))) == 1
        assert len(arrived(layer, text(branch="2", call_id="third"))) == 1

    def test_two_phones_behind_two_nats_may_share_address_and_branch(self, layer):
        """Both have 192.168.1.10 at home, and count their branches from 1."""
        via, other = "192.168.1.10:5060;rport", Flow("UDP", US, Endpoint("127.40.2.3", 5060))
        assert len(arrived(layer, text(via=via, call_id="one"))) == 1
        assert len(arrived(layer, text(via=via, call_id="two"), other)) == 1

    def test_a_stranger_cancels_nothing(self, layer):
        """He may know the branch, from a message he was shown; not the caller's address."""
        arrived(layer, text("INVITE"))
        (event,) = arrived(layer, text("CANCEL"), Flow("UDP", US, Endpoint("127.40.2.3", 5060)))
        assert event.cancels is None


class TestMergedRequests:
    """§8.2.2.2: the same request by another way."""

    def test_the_second_way_is_refused_with_482(self, layer):
        arrived(layer, text("INVITE"))
        assert arrived(layer, text("INVITE", branch="z9hG4bK2")) == []
        assert answers(layer) == [482]
        assert layer.counters.merged == 1

    def test_not_inside_a_dialog(self, layer):
        arrived(layer, text("INFO", to_tag=";tag=us"))
        assert len(arrived(layer, text("INFO", to_tag=";tag=us", branch="z9hG4bK2"))) == 1

    def test_forgotten_with_its_transaction(self, layer):
        (event,) = arrived(layer, text())
        refuse(layer, event, 404)
        layer.handle_timeout(32.0)
        assert len(arrived(layer, text(branch="z9hG4bK2"), now=33.0)) == 1


class TestWhereAnswersGo:
    """§18.2.1, §18.2.2; RFC 3581 §4."""

    @pytest.mark.parametrize(
        ("via", "source", "goes_to", "stamped"),
        [
            ("127.40.2.2;rport", ("127.40.2.2", 5060), 5060, ";received=127.40.2.2"),
            ("127.40.2.2;rport", ("127.40.2.2", 40000), 40000, ";rport=40000"),
            ("192.168.1.7", ("127.40.2.2", 40000), 40000, ";received=127.40.2.2"),
            ("192.168.1.7:5062;rport", ("127.40.2.2", 40000), 40000, ";received=127.40.2.2"),
            ("phone.example", ("127.40.2.2", 40000), 40000, ";received=127.40.2.2"),
            ("127.40.2.2:5099", ("127.40.2.2", 40000), 5099, "127.40.2.2:5099;branch"),
            ("127.40.2.2", ("127.40.2.2", 40000), 5060, "127.40.2.2;branch"),
            ("127.40.2.2;maddr=127.40.9.9;rport", ("127.40.2.2", 5060), 5060, ";maddr=127.40.9.9"),
        ],
    )
    def test_response_route(self, layer, via, source, goes_to, stamped):
        (event,) = arrived(layer, text(via=via), Flow("UDP", US, Endpoint(*source)))
        refuse(layer, event, 404)
        ((data, flow),) = layer.messages_to_send()
        assert flow.remote == Endpoint(source[0], goes_to)
        assert stamped in (parse(data).get("Via") or "")


class TestMatchingResponses:
    def test_a_response_to_nothing_is_counted(self, layer):
        response = text().replace(b"OPTIONS sip:bob@127.40.2.1 SIP/2.0", b"SIP/2.0 200 OK")
        assert arrived(layer, response) == []
        assert layer.counters.stray == 1
        assert layer.messages_to_send() == []


class TestBounds:
    def test_one_source_may_hold_so_many_transactions_then_503(self):
        layer = new_layer(limits=Limits(per_source=2, total=10))
        for number in range(3):
            arrived(layer, text(branch=f"z9hG4bK{number}", cseq=number))
        assert answers(layer) == [503]
        other = Flow("UDP", US, Endpoint("127.40.2.3", 5060))
        assert len(arrived(layer, text(branch="z9hG4bKx", call_id="x"), other)) == 1
        assert layer.counters.overload == 1

    def test_all_sources_together_too(self):
        layer = new_layer(limits=Limits(per_source=2, total=3))
        for number in range(5):
            flow = Flow("UDP", US, Endpoint(f"127.40.3.{number}", 5060))
            arrived(layer, text(branch=f"z9hG4bK{number}", cseq=number), flow)
        assert answers(layer) == [503, 503]

    def test_finished_transactions_make_room(self):
        layer = new_layer(limits=Limits(per_source=1, total=1))
        (event,) = arrived(layer, text())
        refuse(layer, event, 404)
        layer.handle_timeout(32.0)
        assert len(arrived(layer, text(branch="z9hG4bK2", cseq=2), now=32.0)) == 1

    def test_a_request_nobody_answers_is_forgotten_after_64_t1(self, layer):
        arrived(layer, text())
        layer.handle_timeout(32.0)
        assert (layer._servers, layer._merging, layer._sources) == ({}, {}, {})
        assert layer.next_timeout() is None


class TestBadInput:
    @pytest.mark.parametrize(
        "data",
        [
            b"noise",
            b"\xff" * 64,
            b"INVITE",
            b"SIP/2.0 200 OK\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01",
        ],
    )
    def test_noise_is_dropped_and_counted(self, layer, data):
        assert arrived(layer, data) == []
        assert layer.messages_to_send() == []
        assert layer.counters.malformed == 1

    @pytest.mark.parametrize(
        ("good", "bad", "status"),
        [
            (b"CSeq: 1 OPTIONS", b"CSeq: 1 INFO", 400),
            (b"CSeq: 1 OPTIONS", b"CSeq: many", 400),
            (b"To: <sip:bob@127.40.2.1>", b"To: <<>", 400),
            (b" SIP/2.0\r\n", b" SIP/7.0\r\n", 505),
        ],
    )
    def test_a_request_that_can_be_answered_is_refused(self, layer, good, bad, status):
        assert arrived(layer, text().replace(good, bad, 1)) == []
        assert answers(layer) == [status]
        assert layer.counters.malformed == 1

    def test_a_bad_ack_is_never_answered(self, layer):
        arrived(layer, text("ACK", branch="1"))
        arrived(layer, text("ACK").replace(b"CSeq: 1 ACK", b"CSeq: 1 INFO"))
        assert layer.messages_to_send() == []


class TestKeepalive:
    """RFC 5626 §4.4.1, and what phones send instead."""

    def test_a_ping_gets_its_pong(self, layer):
        layer.receive_message(b"\r\n\r\n", FLOW, 0.0)
        assert layer.messages_to_send() == [(b"\r\n", FLOW)]

    @pytest.mark.parametrize("data", [b"", b"\r\n", b"\0\0\0\0", b"\0", b" "])
    def test_others_are_let_pass(self, layer, data):
        layer.receive_message(data, FLOW, 0.0)
        assert layer.messages_to_send() == []
        assert layer.counters.malformed == 0


class TestRfc4320:
    def test_no_408_to_other_requests_than_invite(self, layer):
        (event,) = arrived(layer, text())
        refuse(layer, event, 408)
        assert layer.messages_to_send() == []
        assert layer._servers == {}
