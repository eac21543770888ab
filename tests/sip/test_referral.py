"""REFER: the 202, the NOTIFYs after it, and whom a Replaces names (RFC 3515, 3891, 4488)."""

from __future__ import annotations

import pytest

from ringthru.sip import IncomingCall, Replaces, RequestReceived

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
