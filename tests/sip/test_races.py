"""RFC 5407's race conditions, each by its section, on a network where one message is slow.

What counts in each: both sides end up of one mind, each call ends once, and nothing stays behind.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringthru.sip import (
    CallEnded,
    CallFailed,
    CallState,
    IncomingCall,
    Login,
    RequestReceived,
    ResponseReceived,
    SessionSettings,
)

from .network import ALICE, ANSWER, BOB, CAROL, OFFER, Network, Party, Script, answering, endings

SLOW = 0.3  # seconds; less than T1, so that nothing is repeated because of it


class Two:
    """Alice calls Bob; both answer what the other asks within the call."""

    def __init__(self, network: Network, *, rings: bool = False) -> None:
        self.network = network
        self.alice, self.bob = Party(network, ALICE), Party(network, BOB)
        self.rings = rings
        self.bob.on_event = self._act(self.bob)
        self.alice.on_event = self._act(self.alice)
        self.call = self.alice.call(BOB)

    def _act(self, party: Party):
        def act(event) -> None:
            if isinstance(event, IncomingCall):
                event.call.ring(self.network.now)
                if not self.rings:
                    event.call.answer(self.network.now, ANSWER)
            elif isinstance(event, RequestReceived):
                party.agent.respond(event.incoming, 200, self.network.now, body=ANSWER)

        return act

    @property
    def far(self):
        return self.bob.last(IncomingCall).call

    def assert_standing(self) -> None:
        assert self.call.state is self.far.state is CallState.CONFIRMED
        assert endings(self.alice) == endings(self.bob) == []

    def assert_over(self) -> None:
        self.network.run(100.0)
        for party in (self.alice, self.bob):
            assert party.agent.calls == ()
            layer = party.agent._layer
            assert (layer._servers, layer._clients, len(layer.timers)) == ({}, {}, 0)
        assert len(endings(self.alice)) == 1
        assert self.bob.kinds().count("CallEnded") + self.bob.kinds().count("CallCancelled") == 1


@pytest.fixture
def network() -> Network:
    return Network()


def slow(network: Network, start: bytes, *, first: int = 1, by: float = SLOW, holds: bytes = b"") -> None:
    """The first so many messages that begin so, and hold this, take longer."""
    left = [first]

    def slows(data: bytes) -> float:
        if left[0] and data.startswith(start) and holds in data:
            left[0] -= 1
            return by
        return 0.0

    network.slows = slows


class TestMoratorium:
    """§3.1: the callee has answered, and the ACK is still on its way."""

    def test_3_1_1_an_initial_invite_that_was_repeated(self, network):
        network.loses = lambda data: (
            data.startswith(b"SIP/2.0 1") or (data.startswith(b"SIP/2.0 200") and network.now < 100.3)
        )
        two = Two(network)
        network.run(5.0)
        assert len(network.sent("INVITE")) == 2
        assert two.bob.kinds().count("IncomingCall") == 1
        two.assert_standing()

    def test_3_1_2_a_cancel_that_crosses_the_200(self, network):
        two = Two(network, rings=True)
        network.run(1.0)
        slow(network, b"CANCEL")
        two.call.hang_up(network.now)
        two.alice.settle()
        network.run(0.1)
        two.far.answer(network.now, ANSWER)
        network.run(1.0)
        assert network.sent("BYE") == [0]
        two.assert_over()

    def test_3_1_3_a_bye_of_the_early_state(self, network):
        """The caller's BYE in the early dialog crosses the 200, which is acknowledged: the call is over."""
        script, bob = Script(network, ALICE), Party(network, BOB)
        bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.ring(network.now)
        script.send(script.request("INVITE", BOB), BOB)
        call = bob.last(IncomingCall).call
        to = script.got[-1].get("To")
        call.answer(network.now, ANSWER)
        network.run(0.0)
        rows = {"To": to, "CSeq": "2 BYE", "Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-2"}
        script.send(script.request("BYE", BOB, **rows), BOB)
        assert script.statuses[-1] == 200
        assert call.state is CallState.ENDED
        rows = {"To": to, "Via": f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-3"}
        script.send(script.request("ACK", BOB, **rows), BOB)
        network.run(40.0)
        assert len(endings(bob)) == 1
        assert script.requests("BYE") == []

    def test_3_1_4_a_reinvite_that_overtakes_the_ack(self, network):
        """Case 1: the offer of the INVITE was answered in the 200, so a new offer may come at once."""
        slow(network, b"ACK")
        two = Two(network)
        network.run(0.1)
        assert (two.call.state, two.far.state) == (CallState.CONFIRMED, CallState.ANSWERED)
        two.call.reinvite(network.now, OFFER)
        network.run(2.0)
        assert two.alice.last(ResponseReceived).response.status == 200
        two.assert_standing()

    def test_3_1_5_a_reinvite_that_overtakes_the_ack_with_the_answer(self, network):
        """Case 2: our offer was in the 200; before its answer comes no other may be taken (491)."""
        script, bob = Script(network, ALICE), Party(network, BOB)
        bob.on_event = answering(bob)
        script.send(script.request("INVITE", BOB), BOB)
        to = script.got[-1].get("To")
        rows = {"To": to, "CSeq": "2 INVITE", "Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-2"}
        again = script.request("INVITE", BOB, **rows)
        again.body = OFFER
        script.send(again, BOB)
        assert script.statuses[-1] == 491
        rows = {"To": to, "Via": f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-3"}
        ack = script.request("ACK", BOB, **rows)
        ack.body = ANSWER
        script.send(ack, BOB)
        assert bob.last(IncomingCall).call.state is CallState.CONFIRMED

    def test_3_1_6_a_bye_that_overtakes_the_ack(self, network):
        slow(network, b"ACK")
        two = Two(network)
        network.run(0.1)
        two.call.hang_up(network.now)
        network.run(0.1)
        assert two.far.state is CallState.ENDED
        two.assert_over()
        assert len(network.sent("BYE")) == 1


class TestMortal:
    """§3.2: a BYE was sent, and its answer is on its way."""

    @pytest.fixture
    def two(self, network) -> Two:
        made = Two(network)
        network.run(1.0)
        made.assert_standing()
        return made

    def test_3_2_1_both_hang_up(self, network, two):
        two.call.hang_up(network.now)
        two.far.hang_up(network.now)
        network.run(1.0)
        assert [line.split(" ")[1] for _, line in network.log[-2:]] == ["200", "200"]
        two.assert_over()

    def test_3_2_2_a_reinvite_that_crosses_the_bye(self, network, two):
        two.call.hang_up(network.now)
        two.far.reinvite(network.now, OFFER)
        network.run(1.0)
        assert any(line.startswith("SIP/2.0 481") for _, line in network.log)
        two.assert_over()

    def test_3_2_3_the_200_of_a_reinvite_comes_after_our_bye(self, network, two):
        """It is acknowledged all the same, or the peer would repeat it for 32 s."""
        slow(network, b"SIP/2.0 200", holds=b"INVITE\r\n")
        two.call.reinvite(network.now, OFFER)
        network.run(0.1)
        two.call.hang_up(network.now)
        network.run(1.0)
        assert len(network.sent("ACK")) == 2
        two.assert_over()

    def test_3_2_4_the_ack_comes_after_our_bye(self, network):
        """The callee hangs up at once; §15 makes it wait for the ACK, and then one BYE goes out."""
        slow(network, b"ACK")
        two = Two(network)
        network.run(0.1)
        two.far.hang_up(network.now)
        network.run(0.05)
        assert network.sent("BYE") == []
        network.run(1.0)
        assert network.sent("BYE") == [0]
        two.assert_over()


class TestOthers:
    """§3.3."""

    @pytest.fixture
    def two(self, network) -> Two:
        made = Two(network)
        network.run(1.0)
        return made

    def test_3_3_1_two_reinvites(self, network, two):
        two.call.reinvite(network.now, OFFER)
        two.far.reinvite(network.now, OFFER)
        network.run(10.0)
        for party in (two.alice, two.bob):
            assert party.last(ResponseReceived).response.status == 200
        two.assert_standing()

    @pytest.mark.parametrize("updater", ["caller", "callee"])
    def test_3_3_2_an_update_and_a_reinvite(self, network, two, updater):
        one, other = (two.call, two.far) if updater == "caller" else (two.far, two.call)
        one.update(network.now, OFFER)
        other.reinvite(network.now, OFFER)
        network.run(10.0)
        statuses = [
            event.response.status
            for party in (two.alice, two.bob)
            for event in party.seen
            if isinstance(event, ResponseReceived)
        ]
        assert sorted(statuses) == [200, 491], "the re-INVITE waits and comes again, the UPDATE is told"
        two.assert_standing()

    def test_3_3_3_a_refer_that_crosses_the_bye(self, network, two):
        two.call.hang_up(network.now)
        two.far.ask(network.now, "REFER", [("Refer-To", f"<sip:carol@{CAROL}>")])
        network.run(1.0)
        assert two.bob.last(ResponseReceived).response.status == 481
        two.assert_over()


class TestAppendices:
    def test_a_a_bye_of_the_callee_in_an_early_dialog(self, network):
        """Appendix A: the callee must not; the caller takes it for what it means, and cancels."""
        alice, script = Party(network, ALICE), Script(network, BOB)
        call = alice.call(BOB)
        network.run(0.1)
        invite = script.got[0]
        script.send(script.response(invite, 180, Contact=f"<sip:bob@{BOB}>"), ALICE)
        rows = {"Via": f"SIP/2.0/UDP {BOB};rport;branch=z9hG4bK-b", "Call-ID": invite.call_id}
        rows |= {"From": f"{invite.get('To')};tag=callee", "To": invite.get("From"), "CSeq": "1 BYE"}
        script.send(script.request("BYE", ALICE, **rows), ALICE)
        assert 200 in script.statuses
        assert script.requests("CANCEL")
        script.send(script.response(invite, 487), ALICE)
        assert call.state is CallState.ENDED
        assert alice.last(CallFailed).status == 487

    def test_b_a_bye_that_overlaps_our_own_reinvite(self, network):
        """Appendix B: we may hang up while our re-INVITE is unanswered; its 487 or 200 is taken care of."""
        two = Two(network)
        network.run(1.0)
        slow(network, b"INVITE", holds=b"2 INVITE")
        two.call.reinvite(network.now, OFFER)
        two.alice.settle()
        two.call.hang_up(network.now)
        network.run(5.0)
        two.assert_over()

    def test_c_a_cancel_whose_487_is_lost(self, network):
        """Appendix C: the INVITE's final response decides, and is repeated until it is acknowledged."""
        lost = [2]

        def loses(data: bytes) -> bool:
            if lost[0] and data.startswith(b"SIP/2.0 487"):
                lost[0] -= 1
                return True
            return False

        network.loses = loses
        two = Two(network, rings=True)
        network.run(1.0)
        two.call.hang_up(network.now)
        network.run(5.0)
        assert two.alice.last(CallFailed).status == 487
        two.assert_over()

    def test_d_requests_in_the_mortal_state(self, network):
        """Appendix D: whatever comes once BYE was sent, but a BYE, is 481."""
        two = Two(network)
        network.run(1.0)
        two.call.hang_up(network.now)
        for method in ("INFO", "NOTIFY", "UPDATE"):
            two.far.ask(network.now, method)
        network.run(1.0)
        assert [line for _, line in network.log].count("SIP/2.0 481 Call/Transaction Does Not Exist") == 3
        two.assert_over()

    def test_e_new_to_tags_of_a_fork(self, network):
        """Appendix E: each makes a dialog of its own, and requests within each are told apart."""
        alice, script = Party(network, ALICE), Script(network, BOB)
        alice.on_event = lambda e: (
            isinstance(e, RequestReceived) and alice.agent.respond(e.incoming, 200, network.now)
        )
        alice.call(BOB)
        network.run(0.1)
        invite = script.got[0]
        for tag in ("one", "two"):
            script.send(script.response(invite, 183, tag, Contact=f"<sip:{tag}@{BOB}>"), ALICE)
        for number, tag in enumerate(("two", "one", "none")):
            rows = {"Via": f"SIP/2.0/UDP {BOB};rport;branch=z9hG4bK-{tag}", "Call-ID": invite.call_id}
            rows |= {"From": f"{invite.get('To')};tag={tag}", "To": invite.get("From")}
            rows |= {"CSeq": f"{number + 1} INFO"}
            script.send(script.request("INFO", ALICE, **rows), ALICE)
        assert script.statuses == [200, 200, 481]


Scene = Callable[[Two], None]


def hold_and_resume(two: Two) -> None:
    for _ in range(2):
        two.call.reinvite(two.network.now, OFFER)
        two.network.run(40.0)


def update(two: Two) -> None:
    two.call.update(two.network.now, OFFER)
    two.network.run(40.0)


def refer(two: Two) -> None:
    two.call.ask(two.network.now, "REFER", [("Refer-To", f"<sip:carol@{CAROL}>")])
    two.network.run(40.0)


def cross_offers(two: Two) -> None:
    two.call.reinvite(two.network.now, OFFER)
    two.far.reinvite(two.network.now, OFFER)
    two.network.run(60.0)


@pytest.mark.parametrize("scene", [hold_and_resume, update, refer, cross_offers])
@pytest.mark.parametrize("harm", ["lost", "doubled", "delayed"])
@pytest.mark.parametrize("number", range(1, 13))
def test_any_one_datagram_of_what_happens_in_a_call(network, scene: Scene, harm: str, number: int):
    """Once the call stands, it stays of one mind whatever is lost, doubled or late."""
    two = Two(network)
    network.run(1.0)
    number += len(network.log)
    if harm == "delayed":
        network.delayed = {number: 0.7}
    else:
        setattr(network, harm, {number})
    scene(two)
    two.assert_standing()
    assert two.call.may_offer
    assert two.far.may_offer
    two.far.hang_up(network.now)
    two.assert_over()
    assert two.alice.kinds().count("CallEnded") == 1
    assert isinstance(two.alice.last(CallEnded), CallEnded)


@pytest.mark.parametrize("harm", ["lost", "doubled", "delayed"])
@pytest.mark.parametrize("number", range(1, 9))
def test_any_one_datagram_of_a_call_that_is_cancelled(network, harm: str, number: int):
    """RFC 3665 §3.8 under harm: INVITE, 100, 180, CANCEL, 200, 487, ACK."""
    if harm == "delayed":
        network.delayed = {number: 0.7}
    else:
        setattr(network, harm, {number})
    two = Two(network, rings=True)
    network.run(2.0)
    two.call.hang_up(network.now)
    network.run(60.0)
    assert two.alice.last(CallFailed).status == 487
    two.assert_over()


def challenged(network: Network) -> tuple[Party, Party]:
    """The first INVITE is challenged, the second one answered."""
    alice, bob = Party(network, ALICE), Party(network, BOB)
    challenge = ("Proxy-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')

    def act(event) -> None:
        if not isinstance(event, IncomingCall):
            return
        if event.call.request.get("Proxy-Authorization") is None:
            event.call.reject(network.now, 407, headers=[challenge])
        else:
            event.call.ring(network.now)
            event.call.answer(network.now, ANSWER)

    bob.on_event = act
    alice.call(BOB, credentials=Login("alice", "secret"))
    return alice, bob


def too_short(network: Network) -> tuple[Party, Party]:
    """The first INVITE asks for a session that is too short (422)."""
    alice = Party(network, ALICE, session=SessionSettings(interval=100))
    bob = Party(network, BOB, session=SessionSettings(shortest=400))
    bob.on_event = answering(bob)
    alice.call(BOB)
    return alice, bob


def without_an_offer(network: Network) -> tuple[Party, Party]:
    """Our offer is in the 200; here nobody answers it, and the call stands all the same."""
    alice, bob = Party(network, ALICE), Party(network, BOB)
    bob.on_event = answering(bob)
    alice.call(BOB, body=b"")
    return alice, bob


@pytest.mark.parametrize("begin", [challenged, too_short, without_an_offer])
@pytest.mark.parametrize("harm", ["lost", "doubled", "delayed"])
@pytest.mark.parametrize("number", range(1, 11))
def test_any_one_datagram_of_how_a_call_begins(network, begin, harm: str, number: int):
    if harm == "delayed":
        network.delayed = {number: 0.7}
    else:
        setattr(network, harm, {number})
    alice, bob = begin(network)
    network.run(10.0)
    standing = [call for party in (alice, bob) for call in party.agent.calls]
    assert [call.state for call in standing] == [CallState.CONFIRMED] * 2
    standing[0].hang_up(network.now)
    network.run(100.0)
    for party in (alice, bob):
        assert party.agent.calls == ()
        layer = party.agent._layer
        assert (layer._servers, layer._clients, len(layer.timers)) == ({}, {}, 0)
    assert len([each for each in endings(alice) if isinstance(each, CallEnded)]) == 1
