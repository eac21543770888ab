"""RFC 3263 §4.3: the next place is tried where nobody answers, or with 503."""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip import (
    CallAnswered,
    CallFailed,
    CallState,
    IncomingCall,
    Request,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)

from .network import ALICE, BOB, CAROL, Network, Party, Script, answering, endings

NOBODY = Endpoint("127.40.0.99", 5060)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def alice(network) -> Party:
    return Party(network, ALICE, seen_by=lambda flow: Endpoint(ALICE.host, flow.remote.port))


@pytest.fixture
def bob(network) -> Party:
    """Full."""
    party = Party(network, BOB)

    def refuse(event) -> None:
        if isinstance(event, IncomingCall):
            event.call.reject(network.now, 503)
        elif isinstance(event, RequestReceived):
            party.agent.respond(event.incoming, 503, network.now)

    party.on_event = refuse
    return party


@pytest.fixture
def carol(network) -> Party:
    party = Party(network, CAROL)

    def serve(event) -> None:
        answering(party)(event)
        if isinstance(event, RequestReceived):
            party.agent.respond(event.incoming, 200, network.now)

    party.on_event = serve
    return party


class TestCalls:
    @pytest.mark.parametrize(("first", "seconds"), [(BOB, 1.0), (NOBODY, 5.0)])
    def test_the_next_one_answers(self, network, alice, bob, carol, first, seconds):
        call = alice.call(first, alternatives=[alice.flow(CAROL)])
        network.run(seconds)
        assert call.state is CallState.CONFIRMED
        invite = carol.last(IncomingCall).call.request
        assert len(invite.vias) == 1
        assert invite.contact.uri.port == CAROL.port, "our own address is asked for anew"

    def test_who_was_silent_is_tried_last_for_a_minute(self, network, alice, carol):
        """One dead server of a provider must not cost every call four seconds."""
        for wait, tries in ((5.0, 4), (5.0, 0), (70.0, 0), (5.0, 4)):
            before = len([line for _, line in network.log if line.startswith("INVITE sip:bob@127.40.0.99")])
            call = alice.call(NOBODY, alternatives=[alice.flow(CAROL)])
            network.run(wait)
            assert call.state is CallState.CONFIRMED
            after = len([line for _, line in network.log if line.startswith("INVITE sip:bob@127.40.0.99")])
            assert after - before - 1 == tries, wait
            call.hang_up(network.now)
            network.run(1.0)

    def test_the_last_place_is_waited_for_as_long_as_ever(self, network, alice):
        call = alice.call(NOBODY, alternatives=[alice.flow(NOBODY)])
        network.run(35.9)
        assert call.state is not CallState.ENDED
        network.run(0.2)
        assert alice.last(CallFailed).status == 408

    def test_the_failure_of_the_last_is_the_calls(self, network, alice, bob):
        call = alice.call(NOBODY, alternatives=[alice.flow(BOB)])
        network.run(34.0)
        assert call.state is CallState.ENDED
        assert alice.last(CallFailed).status == 503

    def test_another_refusal_is_final(self, network, alice, bob, carol):
        bob.on_event = lambda event: (
            event.call.reject(network.now, 486) if isinstance(event, IncomingCall) else None
        )
        alice.call(BOB, alternatives=[alice.flow(CAROL)])
        network.run(1.0)
        assert alice.last(CallFailed).status == 486
        assert carol.seen == []

    def test_who_hung_up_calls_nobody_else(self, network, alice, carol):
        call = alice.call(NOBODY, alternatives=[alice.flow(CAROL)])
        call.hang_up(network.now)
        network.run(70.0)
        assert carol.seen == []
        assert alice.kinds() == ["CallFailed"]


class TestOneThatWasOnlySlow:
    """It answers after the call went on to the next place: nobody there may be left ringing, or talking."""

    @pytest.fixture
    def slow(self, network) -> Script:
        return Script(network, BOB)

    def given_up(self, network, alice, slow) -> Request:
        alice.call(BOB, alternatives=[alice.flow(CAROL)])
        network.run(5.0)
        assert alice.last(CallAnswered)
        return slow.requests("INVITE")[0]

    def test_its_ringing_is_cancelled(self, network, alice, slow, carol):
        invite = self.given_up(network, alice, slow)
        for _ in range(2):
            slow.send(slow.response(invite, 180), ALICE)
            network.run(0.3)
        cancel = slow.requests("CANCEL")[0]
        assert cancel.via.branch == invite.via.branch
        slow.send(slow.response(cancel, 200), ALICE)
        slow.send(slow.response(invite, 487), ALICE)
        network.run(0.3)
        assert slow.methods[-1] == "ACK"
        assert endings(alice) == [], "the call with the other goes on"

    def test_its_answer_is_acknowledged_and_ended(self, network, alice, slow, carol):
        invite = self.given_up(network, alice, slow)
        slow.send(slow.response(invite, 200, Contact=f"<sip:bob@{BOB}>"), ALICE)
        network.run(0.3)
        assert slow.methods[-2:] == ["ACK", "BYE"]
        assert endings(alice) == []

    def test_its_refusal_is_acknowledged(self, network, alice, slow, carol):
        invite = self.given_up(network, alice, slow)
        slow.send(slow.response(invite, 486), ALICE)
        network.run(0.3)
        assert slow.methods[-1] == "ACK"
        assert endings(alice) == []

    def test_nothing_is_kept_for_ever(self, network, alice, slow, carol):
        invite = self.given_up(network, alice, slow)
        slow.send(slow.response(invite, 180), ALICE)
        network.run(70.0)  # it never says 487
        assert not any(branch == invite.via.branch for branch, _ in alice.agent._layer._clients)


class TestWhereOthersAreCalledNext:
    """By a dial string, say: silence is not waited for 32 s at the only address either."""

    def test_it_fails_after_four_seconds(self, network, alice):
        alice.call(NOBODY, more=True)
        network.run(3.9)
        assert not endings(alice)
        network.run(0.2)
        assert alice.last(CallFailed).status == 408

    def test_who_rings_late_is_cancelled(self, network, alice):
        slow = Script(network, BOB)
        alice.call(BOB, more=True)
        network.run(5.0)
        slow.send(slow.response(slow.requests("INVITE")[0], 180), ALICE)
        network.run(0.3)
        assert slow.methods[-1] == "CANCEL"

    def test_who_says_trying_may_take_its_time(self, network, alice):
        slow = Script(network, BOB)
        call = alice.call(BOB, more=True)
        network.run(0.1)
        slow.send(slow.response(slow.requests("INVITE")[0], 100), ALICE)
        network.run(60.0)
        assert call.state is not CallState.ENDED


class TestRequests:
    def ask(self, alice: Party, first: Endpoint, *others: Endpoint) -> None:
        request = Request("OPTIONS", "sip:carol@example.com")
        flows = [alice.flow(each) for each in others]
        alice.agent.request(request, alice.flow(first), alice.network.now, alternatives=flows)

    @pytest.mark.parametrize(("first", "seconds"), [(BOB, 1.0), (NOBODY, 5.0)])
    def test_the_next_one_answers(self, network, alice, bob, carol, first, seconds):
        self.ask(alice, first, CAROL)
        network.run(seconds)
        event = alice.last(ResponseReceived)
        assert event.response.status == 200
        assert event.handle.flow.remote == CAROL
        assert event.handle.seen_at.port == CAROL.port

    def test_who_says_trying_is_waited_for(self, network, alice, carol):
        slow = Script(network, BOB)
        self.ask(alice, BOB, CAROL)
        network.run(0.1)
        slow.send(slow.response(slow.requests("OPTIONS")[0], 100), ALICE)
        network.run(20.0)
        assert carol.seen == []
        slow.send(slow.response(slow.requests("OPTIONS")[0], 200), ALICE)
        network.run(0.1)
        assert alice.last(ResponseReceived).handle.flow.remote == BOB

    def test_nobody_at_all(self, network, alice):
        self.ask(alice, NOBODY, NOBODY)
        network.run(70.0)
        assert isinstance(alice.last(RequestFailed), RequestFailed)
