"""REFER: the 202, the NOTIFYs after it, and whom a Replaces names (RFC 3515, 3891, 4488)."""

from __future__ import annotations

import pytest

from ringthru.sip import IncomingCall, MalformedMessage, Progress, Replaces, Request, RequestReceived

from .network import ALICE, ANSWER, BOB, Network, Party, answering


@pytest.fixture
def network() -> Network:
    return Network()


class Referred:
    """Alice called Bob, and refers him to Carol."""

    def __init__(self, network: Network, *headers: tuple[str, str]) -> None:
        self.network = network
        self.alice, self.bob = Party(network, ALICE), Party(network, BOB)
        self.bob.on_event = answering(self.bob)
        self.alice.on_event = self._say_yes
        self.call = self.alice.call(BOB)
        network.run(1.0)
        rows = [("Refer-To", "<sip:carol@127.40.0.3>"), *headers]
        self.handle = self.call.ask(network.now, "REFER", rows)
        network.run(1.0)
        incoming = self.bob.last(RequestReceived).incoming
        self.referral = incoming.call.accept_refer(incoming, network.now)
        network.run(1.0)

    def _say_yes(self, event) -> None:
        if isinstance(event, RequestReceived):
            self.alice.agent.respond(event.incoming, 200, self.network.now)

    @property
    def notified(self) -> list[tuple[str, bytes]]:
        requests = [e.incoming.request for e in self.alice.seen if isinstance(e, RequestReceived)]
        return [(each.get("Subscription-State"), each.body) for each in requests]


class TestNotifies:
    def test_the_ladder(self, network):
        """RFC 3515 §2.4.4: every NOTIFY has a status line, the last one ends the subscription."""
        refer = Referred(network)
        for status in (100, 180, 200, 486):
            refer.referral.notify(status, network.now)
            network.run(1.0)
        assert refer.notified == [
            ("active;expires=180", b"SIP/2.0 100 Trying\r\n"),
            ("active;expires=180", b"SIP/2.0 180 Ringing\r\n"),
            ("terminated;reason=noresource", b"SIP/2.0 200 OK\r\n"),
        ]
        notify = next(e.incoming.request for e in refer.alice.seen if isinstance(e, RequestReceived))
        assert notify.get("Event") == f"refer;id={refer.handle.request.cseq.number}"
        assert notify.get("Content-Type") == "message/sipfrag;version=2.0"
        assert refer.referral.ended

    def test_it_outlives_the_call(self, network):
        """RFC 5057: who sent the REFER may hang up, and still wants to know."""
        refer = Referred(network)
        refer.call.hang_up(network.now)
        network.run(0.005)
        refer.referral.notify(200, network.now)
        network.run(1.0)
        assert len(network.sent("NOTIFY")) == 1

    def test_a_481_ends_it(self, network):
        refer = Referred(network)
        refer.call.hang_up(network.now)
        network.run(1.0)
        for _ in range(3):
            refer.referral.notify(180, network.now)
            network.run(1.0)
        assert refer.referral.ended
        assert len(network.sent("NOTIFY")) == 1

    def test_refer_sub_false_wants_none(self, network):
        refer = Referred(network, ("Refer-Sub", "false"))
        refer.referral.notify(200, network.now)
        network.run(1.0)
        assert network.sent("NOTIFY") == []


class TestReplaced:
    def test_a_dialog_is_found_by_all_three_keys(self, network):
        alice, bob = Party(network, ALICE), Party(network, BOB)
        bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.answer(network.now, ANSWER)
        call = alice.call(BOB)
        network.run(1.0)
        far = bob.last(IncomingCall).call
        ours, theirs = far.dialog.local_tag, far.dialog.remote_tag
        assert bob.agent.call_replaced_by(Replaces(far.call_id, ours, theirs)) is far
        assert alice.agent.call_replaced_by(Replaces(far.call_id, theirs, ours)) is call
        for wrong in (("x", ours, theirs), (far.call_id, "x", theirs), (far.call_id, ours, "x")):
            assert bob.agent.call_replaced_by(Replaces(*wrong)) is None


class TestWhatANotifyTells:
    """RFC 3515 §2.4.5: the body begins with the status line of what the peer was answered."""

    def read(self, body: bytes, state: str = "active;expires=60") -> Progress:
        return Progress.read(Request("NOTIFY", "sip:a@127.0.0.1", [("Subscription-State", state)], body))

    @pytest.mark.parametrize(
        ("body", "status", "reason"),
        [
            (b"SIP/2.0 200 OK\r\n", 200, "OK"),
            (b"SIP/2.0 100 Trying", 100, "Trying"),
            (b"\r\nSIP/2.0 486 Busy Here\r\nContact: <sip:x>\r\n", 486, "Busy Here"),
            (b"SIP/2.0 603\r\n", 603, ""),
            (b"SIP/2.0 480 \x1b[31mGone\n", 480, "[31mGone"),
        ],
    )
    def test_the_first_line(self, body, status, reason):
        assert self.read(body) == Progress(status, reason, ended=False)

    def test_the_last_one_says_so(self):
        assert self.read(b"SIP/2.0 200 OK\r\n", "terminated;reason=noresource").ended

    @pytest.mark.parametrize("cut", range(len(b"SIP/2.0 200")))
    def test_what_is_none(self, cut):
        with pytest.raises(MalformedMessage):
            self.read(b"SIP/2.0 200"[:cut])

    @pytest.mark.parametrize("body", [b"SIP/2.0 2000 x", b"SIP/2.0 999 x", b"HTTP/1.1 200 OK", b"200 OK"])
    def test_other_lines(self, body):
        with pytest.raises(MalformedMessage):
            self.read(body)
