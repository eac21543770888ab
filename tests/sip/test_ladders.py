"""Golden ladders: RFC 3665 §3 and RFC 5359 §2, message by message, for what a user agent takes part in.

Proxies of the RFCs' flows are left out; every arrow between two user agents is as it stands there, and 100 is
always sent. What the switch does between two legs is tried in tests/scenarios.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringthru.sip import CallFailed, CallState, IncomingCall, Login, Replaces, RequestReceived

from .network import ALICE, ANSWER, BOB, CAROL, OFFER, Network, Party, Script, answering


@pytest.fixture
def network() -> Network:
    return Network()


def ladder(network: Network, since: int = 0) -> list[str]:
    """What was sent, as the RFCs write it: ``INVITE F1``, ``200 OK`` and so on, without numbers."""
    rows = []
    for _, line in network.log[since:]:
        words = line.split(" ", 2)
        rows.append(f"{words[1]} {words[2]}" if words[0] == "SIP/2.0" else words[0])
    return rows


def party(network: Network, local=ALICE, act: Callable | None = None, **settings) -> Party:
    made = Party(network, local, **settings)
    made.on_event = act or answering(made)
    return made


def agreeing(each: Party):
    """Ring, answer, and say yes to whatever comes within a call."""

    def act(event) -> None:
        if isinstance(event, IncomingCall):
            event.call.ring(each.network.now)
            event.call.answer(each.network.now, ANSWER)
        elif isinstance(event, RequestReceived):
            status = 202 if event.incoming.request.method == "REFER" else 200
            each.agent.respond(event.incoming, status, each.network.now, body=ANSWER)

    return act


SETUP = ["INVITE", "100 Trying", "180 Ringing", "200 OK", "ACK"]


class TestRfc3665:
    def test_3_1_successful_session_establishment(self, network):
        alice, _ = party(network), party(network, BOB)
        call = alice.call(BOB)
        network.run(1.0)
        call.hang_up(network.now)
        network.run(1.0)
        assert ladder(network) == [*SETUP, "BYE", "200 OK"]

    def test_3_3_with_authentication(self, network):
        alice, proxy = party(network), Script(network, BOB)
        alice.call(BOB, credentials=Login("alice", "secret"))
        network.run(0.1)
        challenge = {"Proxy-Authenticate": 'Digest realm="atlanta.example.com", nonce="n", qop="auth"'}
        proxy.send(proxy.response(proxy.got[0], 407, **challenge), ALICE)
        again = proxy.requests("INVITE")[-1]
        proxy.send(proxy.response(again, 100), ALICE)
        proxy.send(proxy.response(again, 180, Contact=f"<sip:bob@{BOB}>"), ALICE)
        proxy.send(proxy.response(again, 200, Contact=f"<sip:bob@{BOB}>"), ALICE)
        codes = [row.split(" ")[0] for row in ladder(network)]
        assert codes == ["INVITE", "407", "ACK", "INVITE", "100", "180", "200", "ACK"]
        assert again.cseq.number == 2
        assert proxy.requests("ACK")[0].cseq.number == 1

    def test_3_6_sdp_in_the_ack(self, network):
        caller, bob = Script(network, ALICE), party(network, BOB)
        caller.send(caller.request("INVITE", BOB), BOB)
        ok = caller.got[-1]
        rows = {"To": ok.get("To"), "Via": f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-ack"}
        ack = caller.request("ACK", BOB, **rows)
        ack.body = ANSWER
        caller.send(ack, BOB)
        assert ok.body == ANSWER
        assert ladder(network) == SETUP
        assert bob.last(IncomingCall).call.state is CallState.CONFIRMED

    def test_3_7_a_reinvite_when_the_address_changes(self, network):
        """The called side moves, and says so; the caller's next request finds it there."""
        here = [BOB]
        alice = party(network)
        alice.on_event = agreeing(alice)
        bob = party(network, BOB, seen_by=lambda flow: here[0])
        call = alice.call(BOB)
        network.run(1.0)
        begin = len(network.log)
        network.parties[CAROL] = bob  # BOB's new endpoint leads to it as well
        here[0] = CAROL._replace(host=BOB.host)
        network.parties[here[0]] = bob
        bob.last(IncomingCall).call.reinvite(network.now, OFFER)
        network.run(1.0)
        call.hang_up(network.now)
        network.run(1.0)
        assert ladder(network, begin) == ["INVITE", "100 Trying", "200 OK", "ACK", "BYE", "200 OK"]
        assert call.dialog.remote_target.port == CAROL.port

    def test_3_8_unsuccessful_no_answer(self, network):
        alice = party(network)
        party(network, BOB, lambda e: isinstance(e, IncomingCall) and e.call.ring(network.now))
        call = alice.call(BOB)
        network.run(1.0)
        call.hang_up(network.now)
        network.run(1.0)
        assert ladder(network) == [
            *SETUP[:3],
            *("CANCEL", "200 OK", "487 Request Terminated", "ACK"),
        ]

    @pytest.mark.parametrize(
        ("section", "status", "phrase"),
        [("3.9", 486, "Busy Here"), ("3.11", 480, "Temporarily Unavailable")],
    )
    def test_unsuccessful_refused(self, network, section, status, phrase):
        alice = party(network)
        party(network, BOB, lambda e: isinstance(e, IncomingCall) and e.call.reject(network.now, status))
        alice.call(BOB)
        network.run(1.0)
        assert ladder(network) == ["INVITE", "100 Trying", f"{status} {phrase}", "ACK"]

    def test_3_10_unsuccessful_no_response(self, network):
        alice = party(network)
        alice.call(BOB)
        network.run(40.0)
        assert ladder(network) == ["INVITE"] * 7
        assert network.sent("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert alice.last(CallFailed).status == 408


class TestRfc5359:
    def standing(self, network):
        alice, bob = party(network), party(network, BOB)
        alice.on_event, bob.on_event = agreeing(alice), agreeing(bob)
        call = alice.call(BOB)
        network.run(1.0)
        return alice, bob, call

    def test_2_1_call_hold(self, network):
        """Hold by the called side, and back: two re-INVITEs."""
        _, bob, call = self.standing(network)
        for _ in range(2):
            bob.last(IncomingCall).call.reinvite(network.now, OFFER)
            network.run(1.0)
        call.hang_up(network.now)
        network.run(1.0)
        again = ["INVITE", "100 Trying", "200 OK", "ACK"]
        assert ladder(network) == [*SETUP, *again, *again, "BYE", "200 OK"]

    def test_2_4_unattended_transfer(self, network):
        """The transferor's side of it: REFER, 202, NOTIFY, BYE."""
        alice, bob, call = self.standing(network)
        begin = len(network.log)
        call.ask(network.now, "REFER", [("Refer-To", f"<sip:carol@{CAROL}>")])
        bob.on_event = lambda event: None
        network.run(0.1)
        incoming = bob.last(RequestReceived).incoming
        referral = incoming.call.accept_refer(incoming, network.now)
        for status in (100, 200):
            referral.notify(status, network.now)
            network.run(0.5)
        call.hang_up(network.now)
        network.run(1.0)
        assert ladder(network, begin) == [
            *("REFER", "202 Accepted", "NOTIFY", "200 OK", "NOTIFY", "200 OK", "BYE", "200 OK"),
        ]
        notified = [e.incoming.request for e in alice.seen if isinstance(e, RequestReceived)]
        states = [each.get("Subscription-State") for each in notified]
        assert states == ["active;expires=180", "terminated;reason=noresource"]

    def test_2_5_attended_transfer_names_the_dialog_to_replace(self, network):
        """The INVITE with Replaces of the transferee finds the dialog at the target (RFC 3891 §3)."""
        _, bob, call = self.standing(network)
        dialog = call.dialog
        replaces = Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)
        carol = party(network, CAROL)
        taken = carol.call(BOB, headers=[("Replaces", str(replaces)), ("Require", "replaces")])
        network.run(1.0)
        invite = bob.last(IncomingCall).call.request
        assert bob.agent.call_replaced_by(Replaces.parse(invite.get("Replaces"))) is not None
        assert taken.state is CallState.CONFIRMED
