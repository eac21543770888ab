"""UPDATE with an offer before the answer (RFC 3311 §5.2, RFC 6337 §2.2), from either side."""

from __future__ import annotations

import pytest

from ringthru.sip import CallAnswered, IncomingCall, LocalError, RequestReceived
from ringthru.sip.wire.call_headers import options_of

from .network import ALICE, ANSWER, BOB, OFFER, Network, Party, Script

SDP = {"Content_Type": "application/sdp"}


@pytest.fixture
def network() -> Network:
    return Network()


class Calling:
    """Alice, an agent of ours, calls; the script answers as it is told."""

    def __init__(self, network: Network) -> None:
        self.network, self.alice, self.script = network, Party(network, ALICE), Script(network, BOB)
        self.call = self.alice.call(BOB)
        network.run(0.1)
        self.invite = self.script.got[0]

    def progress(self, status: int, body: bytes = b"", tag: str = "callee") -> None:
        response = self.script.response(self.invite, status, tag, Contact=f"<sip:bob@{BOB}>", **SDP)
        response.body = body
        self.script.send(response, ALICE)

    def update(self, number: int = 1, tag: str = "callee", method: str = "UPDATE") -> int:
        """The status that an UPDATE with an offer is answered with."""
        via = f"SIP/2.0/UDP {BOB};rport;branch=z9hG4bK-u{number}{method}"
        rows = {"Via": via, "Call-ID": self.invite.call_id, "CSeq": f"{number} {method}", **SDP}
        rows |= {"From": f"{self.invite.get('To')};tag={tag}", "To": self.invite.get("From")}
        request = self.script.request(method, ALICE, **rows)
        request.body = OFFER
        before = len(self.script.statuses)
        self.script.send(request, ALICE)
        for event in self.alice.seen:
            if isinstance(event, RequestReceived) and not event.incoming.transaction.answered:
                self.alice.agent.respond(event.incoming, 200, self.network.now, body=ANSWER)
        self.network.run(0.1)
        return next(each for each in self.script.statuses[before:] if each >= 200)


class TestFromTheCalledSide:
    def test_after_an_answer_in_a_183_it_is_answered(self, network):
        calling = Calling(network)
        calling.progress(183, ANSWER)
        assert calling.update() == 200
        calling.progress(200, ANSWER)
        assert calling.alice.last(CallAnswered)

    @pytest.mark.parametrize("status", [180, 183])
    def test_while_our_offer_waits_for_its_answer(self, network, status):
        calling = Calling(network)
        calling.progress(status)
        assert calling.update() == 491

    def test_each_fork_for_itself(self, network):
        calling = Calling(network)
        calling.progress(183, ANSWER, "one")
        calling.progress(180, b"", "other")
        assert calling.update(tag="one") == 200
        assert calling.update(2, tag="other") == 491

    def test_a_reinvite_is_too_early_in_any_case(self, network):
        calling = Calling(network)
        calling.progress(183, ANSWER)
        assert calling.update(method="INVITE") == 500


class TestFromTheCaller:
    def called(self, network: Network, early: bytes, offer: bytes = OFFER) -> tuple[Party, Script, object]:
        bob, script = Party(network, BOB), Script(network, ALICE)
        invite = script.request("INVITE", BOB, **SDP)
        invite.body = offer
        script.send(invite, BOB)
        call = bob.last(IncomingCall).call
        call.ring(network.now, 183 if early else 180, early)
        network.run(0.1)
        return bob, script, call

    def update(self, network: Network, bob: Party, script: Script) -> int:
        to = script.got[-1].get("To")
        rows = {"Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-u", "To": to, "CSeq": "2 UPDATE", **SDP}
        request = script.request("UPDATE", BOB, **rows)
        request.body = OFFER
        script.send(request, BOB)
        for event in bob.seen:
            if isinstance(event, RequestReceived):
                bob.agent.respond(event.incoming, 200, network.now, body=ANSWER)
        network.run(0.1)
        return script.statuses[-1]

    def test_after_our_answer_in_a_183_it_is_answered(self, network):
        bob, script, call = self.called(network, ANSWER)
        assert self.update(network, bob, script) == 200
        call.answer(network.now, ANSWER)
        network.run(0.1)
        assert script.statuses[-1] == 200

    def test_before_it_is_to_come_again(self, network):
        """RFC 3311 §5.2: 500 with Retry-After from 0 to 10."""
        bob, script, _ = self.called(network, b"")
        assert self.update(network, bob, script) == 500
        assert 0 <= int(script.got[-1].get("Retry-After")) <= 10

    def test_our_own_offer_is_not_there_before_the_answer(self, network):
        """An INVITE without an offer: the 183 may not have carried one."""
        bob, script, _ = self.called(network, b"", b"")
        assert self.update(network, bob, script) == 500


class TestFromUs:
    """Before the answer no offer of ours goes out: for that RFC 3311 §5.1 wants a reliable provisional."""

    def test_none_while_it_rings_even_where_the_peer_serves_update(self, network):
        calling = Calling(network)
        calling.script.send(
            calling.script.response(calling.invite, 183, Contact=f"<sip:bob@{BOB}>", Allow="INVITE, UPDATE"),
            ALICE,
        )
        assert not calling.call.may_offer
        with pytest.raises(LocalError):
            calling.call.update(network.now, OFFER)
        assert calling.script.methods == ["INVITE"]

    def test_reliable_provisional_responses_are_not_asked_for(self, network):
        """So nobody may require them of us, and there is no PRACK to be sent (RFC 3262 §4)."""
        calling = Calling(network)
        assert "100rel" not in options_of(calling.invite, "Supported")
        assert "PRACK" not in (calling.invite.get("Allow") or "")

    def test_one_that_comes_as_reliable_all_the_same_is_a_plain_one(self, network):
        calling = Calling(network)
        calling.script.send(
            calling.script.response(
                calling.invite, 180, Require="100rel", RSeq="1", Contact=f"<sip:b@{BOB}>"
            ),
            ALICE,
        )
        calling.progress(200, ANSWER)
        assert calling.script.methods == ["INVITE", "ACK"]
        assert calling.call.may_offer
