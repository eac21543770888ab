"""RFC 3261 §8.2.7: refusing without a transaction, so that a flood of strangers leaves nothing behind."""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip import Flow, Refusal
from ringthru.sip.transactions.layer import TransactionLayer
from ringthru.sip.transactions.layer_values import AckArrived
from ringthru.sip.wire.parsing import parse

US, PEER = Endpoint("127.40.3.1", 5060), Endpoint("127.40.3.2", 40000)
FLOW = Flow("UDP", US, PEER)
CHALLENGE = Refusal(401, (("WWW-Authenticate", 'Digest realm="r", nonce="n"'),))


def text(method: str, number: int = 1, *, to_tag: str = "", rport: str = ";rport") -> bytes:
    return (
        f"{method} sip:bob@127.40.3.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.40.3.2:5060{rport};branch=z9hG4bK{number}\r\n"
        f"From: <sip:alice@127.40.3.2>;tag=alice\r\nTo: <sip:bob@127.40.3.1>{to_tag}\r\n"
        f"Call-ID: {number}\r\nCSeq: {number} {method}\r\n\r\n"
    ).encode()


def a_layer(judgement: Refusal | None, **settings) -> TransactionLayer:
    return TransactionLayer(lambda: "token", screen=lambda request, flow, now: judgement, **settings)


class TestScreening:
    def test_a_flood_of_strangers_is_answered_and_forgotten(self):
        layer = a_layer(CHALLENGE)
        for number in range(1000):
            layer.receive_message(text("REGISTER", number), FLOW, 0.0)
        answers = [parse(data) for data, _ in layer.messages_to_send()]
        assert {(each.status, each.get("WWW-Authenticate")) for each in answers} == {
            (401, 'Digest realm="r", nonce="n"')
        }
        assert (layer.events(), len(layer._servers), layer.next_timeout()) == ([], 0, None)
        assert layer.counters.screened == 1000

    def test_a_repetition_is_answered_with_the_same_tag(self):
        layer = a_layer(CHALLENGE)
        for _ in range(2):
            layer.receive_message(text("INVITE"), FLOW, 0.0)
        one, other = (parse(data) for data, _ in layer.messages_to_send())
        assert one.to.tag
        assert one.to.tag == other.to.tag

    def test_the_ack_of_such_an_answer_disturbs_nobody(self):
        layer = a_layer(CHALLENGE)
        layer.receive_message(text("INVITE"), FLOW, 0.0)
        ((data, _),) = layer.messages_to_send()
        layer.receive_message(text("ACK", to_tag=f";tag={parse(data).to.tag}"), FLOW, 0.0)
        assert (layer.events(), layer.messages_to_send(), len(layer._servers)) == ([], [], 0)

    @pytest.mark.parametrize("to_tag", ["", ";tag=another"])
    def test_another_ack_is_told_of(self, to_tag):
        layer = a_layer(CHALLENGE)
        layer.receive_message(text("ACK", to_tag=to_tag), FLOW, 0.0)
        assert [type(each) for each in layer.events()] == [AckArrived]

    def test_silence(self):
        layer = a_layer(Refusal())
        layer.receive_message(text("OPTIONS"), FLOW, 0.0)
        assert (layer.messages_to_send(), layer.events()) == ([], [])

    def test_whoever_is_let_in_gets_a_transaction(self):
        layer = a_layer(None)
        layer.receive_message(text("REGISTER"), FLOW, 0.0)
        assert len(layer.events()) == 1

    @pytest.mark.parametrize(("method", "asked"), [("INVITE", False), ("BYE", False), ("REGISTER", True)])
    def test_a_request_inside_a_dialog_is_not_screened(self, method, asked):
        layer = a_layer(Refusal())
        layer.receive_message(text(method, to_tag=";tag=ours"), FLOW, 0.0)
        assert bool(layer.events()) is not asked

    def test_a_cancel_is_not_screened(self):
        layer = a_layer(Refusal())
        layer.receive_message(text("CANCEL"), FLOW, 0.0)
        assert len(layer.events()) == 1


class TestForceRport:
    """NDLB-force-rport: phones that send from a port they hear on, and do not say so."""

    @pytest.mark.parametrize(
        ("agents", "port"), [(("",), 40000), ((), 5060), (("Polycom",), 5060), (("Old", "Phone"), 40000)]
    )
    def test_the_answer_goes_where_the_request_came_from(self, agents, port):
        layer = a_layer(CHALLENGE, rport_for=agents)
        request = text("REGISTER", rport="").replace(b"Call-ID", b"User-Agent: Phone/1\r\nCall-ID")
        layer.receive_message(request, FLOW, 0.0)
        ((_, flow),) = layer.messages_to_send()
        assert flow.remote.port == port
