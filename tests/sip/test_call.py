"""Calls between two agents, and with scripted peers (RFC 3261 §13–§15, RFC 3665)."""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallFailed,
    CallState,
    IncomingCall,
    LocalError,
    RequestReceived,
    ResponseReceived,
)
from ringthru.sip.wire.message import Request, Response

from .network import ALICE, ANSWER, BOB, CAROL, OFFER, Network, Party, Script, answering, endings


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def alice(network) -> Party:
    return Party(network, ALICE)


@pytest.fixture
def bob(network) -> Party:
    party = Party(network, BOB)
    party.on_event = answering(party)
    return party


def established(network, alice, bob):
    """A call that stands, as both sides hold it."""
    call = alice.call(BOB)
    network.run(1.0)
    return call, bob.last(IncomingCall).call


def lines(network) -> list[str]:
    return [line.split(" sip:")[0].removesuffix(" SIP/2.0") for _, line in network.log]


class TestSuccessfulCall:
    """RFC 3665 §3.1."""

    def test_the_ladder(self, network, alice, bob):
        call, far = established(network, alice, bob)
        assert call.state is far.state is CallState.CONFIRMED
        call.hang_up(network.now)
        network.run(1.0)
        assert lines(network) == [
            *("INVITE", "SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK", "ACK"),
            *("BYE", "SIP/2.0 200 OK"),
        ]
        assert alice.kinds() == ["CallProgress", "CallAnswered", "CallConfirmed", "CallEnded"]
        assert bob.kinds() == ["IncomingCall", "CallConfirmed", "CallEnded"]
        assert bob.last(CallEnded).request.method == "BYE"
        assert alice.agent.calls == bob.agent.calls == ()

    def test_the_callee_may_hang_up(self, network, alice, bob):
        call, far = established(network, alice, bob)
        far.hang_up(network.now, headers=[("Reason", "Q.850;cause=16")])
        network.run(1.0)
        assert call.state is far.state is CallState.ENDED
        assert alice.last(CallEnded).request.get("Reason") == "Q.850;cause=16"

    def test_bodies_arrive(self, network, alice, bob):
        call, far = established(network, alice, bob)
        assert far.request.body == OFFER
        assert alice.last(CallAnswered).response.body == ANSWER
        assert alice.last(CallAnswered).response.get("Content-Type") == "application/sdp"

    def test_nothing_is_left_after_a_minute(self, network, alice, bob):
        call, _ = established(network, alice, bob)
        call.hang_up(network.now)
        network.run(60.0)
        for party in (alice, bob):
            layer = party.agent._layer
            assert (layer._servers, layer._clients, layer._merging, layer._sources) == ({}, {}, {}, {})
            assert len(layer.timers) == 0
            assert party.agent._core.leaving == {}

    def test_an_answer_without_ringing(self, network, alice, bob):
        bob.on_event = answering(bob, ringing=False)
        call, _ = established(network, alice, bob)
        assert call.state is CallState.CONFIRMED

    def test_an_offer_in_the_answer_has_its_answer_in_the_ack(self, network, bob):
        """§13.2.1: an INVITE without SDP."""
        script = Script(network, ALICE)
        script.send(script.request("INVITE", BOB), BOB)
        ok = script.got[-1]
        ack = script.request("ACK", BOB, To=ok.get("To"), Via=f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-2")
        ack.body = b"v=0 in the ACK"
        script.send(ack, BOB)
        assert bob.last(CallConfirmed).ack.body == b"v=0 in the ACK"


class TestRepeatedInvite:
    def test_a_repeated_invite_is_not_a_second_call(self, network, alice, bob):
        network.doubled = {1}
        network.loses = lambda data: data.startswith(b"SIP/2.0 1") and network.now < 101.0
        bob.on_event = lambda event: None
        alice.call(BOB)
        network.run(3.0)
        assert bob.kinds() == ["IncomingCall"]

    def test_every_datagram_twice(self, network, alice, bob):
        network.doubled = set(range(1, 100))
        call, far = established(network, alice, bob)
        call.hang_up(network.now)
        network.run(40.0)
        assert alice.kinds() == ["CallProgress"] * 2 + ["CallAnswered", "CallConfirmed", "CallEnded"]
        assert bob.kinds() == ["IncomingCall", "CallConfirmed", "CallEnded"]


class TestMissingAck:
    """§13.3.1.4."""

    def test_the_answer_is_repeated_from_t1_to_t2_then_bye_with_a_reason(self, network, alice, bob):
        network.loses = lambda data: data.startswith(b"ACK")
        call, far = established(network, alice, bob)
        bye = []
        alice.on_event = lambda event: bye.append(event) if isinstance(event, CallEnded) else None
        network.run(40.0)
        expected = [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert network.sent("SIP/2.0 200")[: len(expected)] == expected
        assert network.sent("ACK") == expected
        assert bye[0].request.get("Reason") == 'SIP;cause=408;text="ACK Timeout"'
        assert bob.last(CallEnded).reason == "ACK Timeout"
        assert far.state is CallState.ENDED

    def test_hanging_up_waits_for_the_ack(self, network, alice, bob):
        """§15: no BYE before the ACK."""
        network.loses = lambda data: data.startswith(b"ACK") and network.now < 103.0
        call, far = established(network, alice, bob)
        assert far.state is CallState.ANSWERED
        far.hang_up(network.now)
        network.run(0.5)
        assert "BYE" not in lines(network)
        network.run(5.0)
        assert lines(network).count("BYE") == 1
        assert call.state is far.state is CallState.ENDED

    def test_hanging_up_without_any_ack_sends_bye_in_the_end(self, network, alice, bob):
        network.loses = lambda data: data.startswith(b"ACK")
        _, far = established(network, alice, bob)
        far.hang_up(network.now)
        network.run(40.0)
        assert len(endings(bob)) == 1
        assert alice.last(CallEnded)

    def test_a_bye_that_overtakes_the_ack_ends_the_call(self, network, alice, bob):
        """RFC 5407 §3.1.6."""
        network.loses = lambda data: data.startswith(b"ACK")
        call, far = established(network, alice, bob)
        call.hang_up(network.now)
        network.run(40.0)
        assert far.state is CallState.ENDED
        assert len(endings(bob)) == 1
        assert network.sent("SIP/2.0 200")[-1] < 3.0, "a 200 is not repeated after the BYE"


class TestRefusal:
    def test_busy(self, network, alice, bob):
        """RFC 3665 §3.8."""
        bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.reject(network.now, 486)
        call = alice.call(BOB)
        network.run(1.0)
        failed = alice.last(CallFailed)
        assert (failed.status, failed.reason, failed.response.status) == (486, "Busy Here", 486)
        assert call.state is CallState.ENDED
        assert lines(network) == ["INVITE", "SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here", "ACK"]
        assert bob.kinds() == ["IncomingCall", "CallEnded"]

    def test_hanging_up_an_incoming_call_refuses_it(self, network, alice, bob):
        bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.hang_up(network.now)
        alice.call(BOB)
        network.run(1.0)
        assert alice.last(CallFailed).status == 480

    def test_nobody_there(self, network, alice):
        """§8.1.3.1: silence is a 408."""
        call = alice.call(BOB)
        network.run(31.9)
        assert call.state is CallState.TRYING
        network.run(0.2)
        assert alice.last(CallFailed).status == 408
        assert alice.last(CallFailed).response is None

    def test_what_is_asked_of_an_ended_call_is_not_done(self, network, alice, bob):
        call, far = established(network, alice, bob)
        call.hang_up(network.now)
        network.run(1.0)
        assert not far.answer(network.now, ANSWER)
        assert not far.ring(network.now)
        assert not far.reject(network.now, 486)
        assert not far.hang_up(network.now)

    def test_nonsense_is_an_error_of_ours(self, network, alice, bob):
        call, far = established(network, alice, bob)
        with pytest.raises(LocalError):
            call.answer(network.now, ANSWER)
        with pytest.raises(LocalError):
            far.answer(network.now, ANSWER)
        with pytest.raises(LocalError):
            far.reject(network.now, 486)


class TestCancel:
    """§9; the races are in test_races.py."""

    def ringing(self, network, alice, bob):
        bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.ring(network.now)
        call = alice.call(BOB)
        network.run(1.0)
        return call, bob.last(IncomingCall).call

    def test_the_ladder(self, network, alice, bob):
        """RFC 3665 §3.8: cancelled while ringing."""
        call, far = self.ringing(network, alice, bob)
        call.hang_up(network.now)
        network.run(1.0)
        assert lines(network)[3:] == ["CANCEL", "SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated", "ACK"]
        assert alice.last(CallFailed).status == 487
        assert bob.kinds()[-1] == "CallCancelled"
        assert far.state is CallState.ENDED

    def test_no_cancel_before_a_provisional(self, network, alice, bob):
        network.lost = {2}  # the 100
        bob.on_event = lambda event: None
        call = alice.call(BOB)
        network.run(0.1)
        call.hang_up(network.now)
        network.run(0.1)
        assert "CANCEL" not in lines(network)
        network.run(1.0)  # the INVITE is repeated, and so is the 100
        assert lines(network).count("CANCEL") == 1
        assert alice.last(CallFailed).status == 487

    def test_no_provisional_at_all(self, network, alice):
        call = alice.call(BOB)
        call.hang_up(network.now)
        network.run(40.0)
        assert "CANCEL" not in lines(network)
        assert alice.kinds() == ["CallFailed"]

    def test_a_200_that_crosses_the_cancel_is_acknowledged_and_hung_up(self, network, alice, bob):
        call, far = self.ringing(network, alice, bob)
        call.hang_up(network.now)
        alice.settle()
        far.answer(network.now, ANSWER)
        network.run(1.0)
        assert {"ACK", "BYE"} <= set(lines(network))
        assert alice.kinds() == ["CallProgress", "CallFailed"]
        assert len(endings(bob)) == 1
        assert alice.agent.calls == bob.agent.calls == ()

    def test_a_cancel_for_nothing_is_481(self, network, bob):
        script = Script(network, ALICE)
        script.send(script.request("CANCEL", BOB), BOB)
        assert script.statuses == [481]

    def test_a_peer_that_never_finishes_a_cancelled_invite_is_given_up(self, network, alice):
        script = Script(network, BOB)
        call = alice.call(BOB)
        network.run(0.1)
        script.send(script.response(script.got[0], 180), ALICE)
        call.hang_up(network.now)
        network.run(40.0)
        assert alice.last(CallFailed).status == 487
        assert alice.agent._layer._clients == {}

    def test_hanging_up_twice_cancels_once(self, network, alice, bob):
        call, far = self.ringing(network, alice, bob)
        call.hang_up(network.now)
        call.hang_up(network.now)
        network.run(5.0)
        assert lines(network).count("CANCEL") == 1


class TestCrossingByes:
    """RFC 5407 §3.2.1: both hang up at once."""

    def test_both_get_200(self, network, alice, bob):
        call, far = established(network, alice, bob)
        call.hang_up(network.now)
        far.hang_up(network.now)
        network.run(1.0)
        assert lines(network)[-4:] == ["BYE", "BYE", "SIP/2.0 200 OK", "SIP/2.0 200 OK"]
        assert len(endings(alice)) == len(endings(bob)) == 1


class TestEarlyBye:
    def test_a_caller_may_end_a_ringing_call_by_bye(self, network, bob):
        bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.ring(network.now)
        script = Script(network, ALICE)
        script.send(script.request("INVITE", BOB), BOB)
        via = f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-2"
        script.send(script.request("BYE", BOB, To=script.got[-1].get("To"), CSeq="2 BYE", Via=via), BOB)
        assert sorted(script.statuses) == [100, 180, 200, 487]
        assert bob.kinds()[-1] == "CallCancelled"


class TestForks:
    """§13.2.2.4: one INVITE, several phones."""

    def test_a_second_callee_is_acknowledged_and_hung_up(self, network, alice):
        script = Script(network, BOB)
        call = alice.call(BOB)
        network.run(0.1)
        invite = script.got[0]
        for tag in ("one", "two"):
            script.send(script.response(invite, 180, tag, Contact=f"<sip:{tag}@{BOB}>"), ALICE)
        for tag in ("two", "one"):
            script.send(script.response(invite, 200, tag, Contact=f"<sip:{tag}@{BOB}>"), ALICE)
        assert [ack.uri for ack in script.requests("ACK")] == [f"sip:two@{BOB}", f"sip:one@{BOB}"]
        (bye,) = script.requests("BYE")
        assert (bye.uri, bye.to.tag) == (f"sip:one@{BOB}", "one")
        assert call.state is CallState.CONFIRMED
        assert alice.kinds() == ["CallProgress", "CallProgress", "CallAnswered", "CallConfirmed"]

    def test_a_repeated_200_gets_the_same_ack_even_after_the_call(self, network, alice):
        script = Script(network, BOB)
        call = alice.call(BOB)
        network.run(0.1)
        ok = script.response(script.got[0], 200, Contact=f"<sip:bob@{BOB}>")
        script.send(ok, ALICE)
        script.send(ok, ALICE)
        call.hang_up(network.now)
        script.send(ok, ALICE)
        first, second, third = script.requests("ACK")
        assert first.encode() == second.encode() == third.encode()


class TestRequestsInDialogs:
    """§12.2.2."""

    def info(self, script, to: str, number: int, branch: str, **more: str) -> Request:
        via = f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-{branch}"
        return script.request("INFO", BOB, To=to, CSeq=f"{number} INFO", Via=via, **more)

    def standing(self, network, bob):
        script = Script(network, ALICE)
        script.send(script.request("INVITE", BOB, CSeq="10 INVITE"), BOB)
        to = script.got[-1].get("To")
        via = f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-ack"
        script.send(script.request("ACK", BOB, To=to, CSeq="10 ACK", Via=via), BOB)
        script.got.clear()
        return script, to

    def test_a_request_comes_with_its_call(self, network, bob):
        script, to = self.standing(network, bob)
        script.send(self.info(script, to, 11, "a"), BOB)
        incoming = bob.last(RequestReceived).incoming
        assert incoming.call is bob.last(IncomingCall).call
        bob.agent.respond(incoming, 200, network.now)
        network.run(0.0)
        assert script.statuses == [200]

    def test_an_older_one_is_500(self, network, bob):
        script, to = self.standing(network, bob)
        script.send(self.info(script, to, 9, "a"), BOB)
        assert script.statuses == [500]

    @pytest.mark.parametrize("wrong", ["tag", "from"])
    def test_outside_any_dialog_is_481(self, network, bob, wrong):
        script, to = self.standing(network, bob)
        more = {"From": f"<sip:script@{ALICE}>;tag=other"} if wrong == "from" else {}
        script.send(self.info(script, to + ("x" if wrong == "tag" else ""), 11, "a", **more), BOB)
        assert script.statuses == [481]

    def test_an_answer_after_the_end_is_not_sent(self, network, bob):
        script, to = self.standing(network, bob)
        script.send(self.info(script, to, 11, "a"), BOB)
        incoming = bob.last(RequestReceived).incoming
        incoming.call.hang_up(network.now)
        bob.agent.respond(incoming, 200, network.now)
        network.run(0.0)
        assert script.statuses == []

    def test_we_may_ask_in_a_dialog_too(self, network, alice, bob):
        call, far = established(network, alice, bob)
        bob.on_event = lambda e: (
            isinstance(e, RequestReceived) and bob.agent.respond(e.incoming, 200, network.now)
        )
        handle = call.ask(network.now, "INFO", [("Content-Type", "application/dtmf-relay")], b"Signal=5")
        network.run(1.0)
        assert bob.last(RequestReceived).incoming.request.body == b"Signal=5"
        assert alice.last(ResponseReceived).handle is handle


class TestReinvite:
    """§14."""

    def accepting(self, party):
        def act(event):
            if isinstance(event, RequestReceived):
                party.agent.respond(
                    event.incoming, 200, party.network.now, body=b"again", content_type="application/sdp"
                )

        return act

    def test_an_offer_in_the_call(self, network, alice, bob):
        call, far = established(network, alice, bob)
        bob.on_event = self.accepting(bob)
        handle = call.reinvite(network.now, b"hold")
        network.run(1.0)
        incoming = bob.last(RequestReceived).incoming
        assert (incoming.request.method, incoming.request.body, incoming.call) == ("INVITE", b"hold", far)
        done = alice.last(ResponseReceived)
        assert done.handle is handle
        assert done.response.body == b"again"
        assert lines(network).count("ACK") == 2
        network.run(60.0)
        assert call.state is far.state is CallState.CONFIRMED, "the second 200 was confirmed as well"

    def test_its_answer_is_repeated_until_the_ack(self, network, alice, bob):
        call, far = established(network, alice, bob)
        bob.on_event = self.accepting(bob)
        network.loses = lambda data: data.startswith(b"ACK")
        call.reinvite(network.now, b"hold")
        network.run(40.0)
        assert bob.last(CallEnded).reason == "ACK Timeout"

    def test_it_carries_the_address_we_are_seen_at_now(self, network, alice, bob):
        addresses = [Endpoint("203.0.113.1", 40000), Endpoint("203.0.113.2", 40001)]
        alice = Party(network, CAROL, seen_by=lambda flow: addresses[0])
        call = alice.call(BOB)
        network.run(1.0)
        far = bob.last(IncomingCall).call
        assert far.dialog.remote_target.host == "203.0.113.1"
        addresses.pop(0)
        assert call.seen_at.host == "203.0.113.1", "frozen"
        bob.on_event = self.accepting(bob)
        call.reinvite(network.now, b"moved")
        network.run(1.0)
        assert call.seen_at == Endpoint("203.0.113.2", 40001)
        assert str(far.dialog.remote_target) == "sip:alice@203.0.113.2:40001"

    def test_two_that_cross_are_491_and_tried_again(self, network, alice, bob):
        """RFC 5407 §3.3.1, RFC 3261 §14.1: who made the Call-ID waits longer."""
        call, far = established(network, alice, bob)
        alice.on_event, bob.on_event = self.accepting(alice), self.accepting(bob)
        first, second = call.reinvite(network.now, b"a"), far.reinvite(network.now, b"b")
        network.run(10.0)
        assert lines(network).count("SIP/2.0 491 Request Pending") == 2
        assert alice.last(ResponseReceived).handle is first
        assert alice.last(ResponseReceived).response.status == 200
        assert bob.last(ResponseReceived).handle is second
        assert bob.last(ResponseReceived).response.status == 200

    def test_a_second_offer_before_the_first_is_answered_is_500(self, network, bob):
        script = Script(network, ALICE)
        script.send(script.request("INVITE", BOB), BOB)
        to = script.got[-1].get("To")
        script.send(script.request("ACK", BOB, To=to, Via=f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-2"), BOB)
        for number in (2, 3):
            via = f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-again{number}"
            script.send(script.request("INVITE", BOB, To=to, CSeq=f"{number} INVITE", Via=via), BOB)
        refused = script.got[-1]
        assert refused.status == 500
        assert 0 <= int(refused.get("Retry-After")) <= 10

    def test_only_one_of_ours_at_a_time(self, network, alice, bob):
        call, _ = established(network, alice, bob)
        call.reinvite(network.now, b"a")
        with pytest.raises(LocalError):
            call.reinvite(network.now, b"b")

    def test_a_peer_that_lost_the_call_ends_it(self, network, alice):
        """§12.2.1.2: 481 to a request in a dialog."""
        script = Script(network, BOB)
        call = alice.call(BOB)
        network.run(0.1)
        script.send(script.response(script.got[0], 200, Contact=f"<sip:bob@{BOB}>"), ALICE)
        call.reinvite(network.now, b"a")
        network.run(0.1)
        script.send(script.response(script.requests("INVITE")[-1], 481), ALICE)
        assert call.state is CallState.ENDED
        assert alice.last(CallEnded)
        assert len(script.requests("BYE")) == 1

    def test_a_pending_one_is_refused_when_the_call_ends(self, network, alice, bob):
        """§15.1.2."""
        call, far = established(network, alice, bob)
        call.reinvite(network.now, b"a")
        network.run(0.5)
        far.hang_up(network.now)
        network.run(1.0)
        assert "SIP/2.0 487 Request Terminated" in lines(network)
        network.run(60.0)
        assert alice.agent._layer._clients == {}


class TestNat:
    """A peer behind a NAT is answered and called where it was seen."""

    def test_a_phone_behind_a_nat_calls(self, network, bob):
        inside, outside = Endpoint("192.168.7.2", 5060), Endpoint("127.40.0.9", 41234)
        phone = Party(network, inside)
        network.outside_of[inside] = outside
        call = phone.call(BOB)
        network.run(1.0)
        far = bob.last(IncomingCall).call
        assert far.flow.remote == outside
        assert far.state is CallState.CONFIRMED
        far.hang_up(network.now)
        network.run(1.0)
        assert call.state is CallState.ENDED

    def test_a_phone_behind_a_nat_is_called(self, network, alice):
        inside, outside = Endpoint("192.168.7.2", 5060), Endpoint("127.40.0.9", 41234)
        phone = Party(network, inside)
        phone.on_event = answering(phone)
        network.outside_of[inside] = outside
        call = alice.call(outside)
        network.run(1.0)
        assert call.dialog.remote_target.host == "192.168.7.2"
        assert call.state is CallState.CONFIRMED
        assert phone.last(IncomingCall).call.state is CallState.CONFIRMED
        call.hang_up(network.now)
        network.run(1.0)
        assert len(endings(phone)) == 1

    def test_each_peer_is_told_the_address_it_can_reach(self, network, bob):
        carol = Party(network, CAROL)
        carol.on_event = answering(carol)

        def seen_by(flow):
            return Endpoint("203.0.113.9", 5080) if flow.remote == BOB else Endpoint("10.0.0.4", 5060)

        alice = Party(network, ALICE, seen_by=seen_by)
        far, near = alice.call(BOB), alice.call(CAROL)
        network.run(1.0)
        to_bob, to_carol = bob.last(IncomingCall).call.request, carol.last(IncomingCall).call.request
        assert str(to_bob.contact.uri) == "sip:alice@203.0.113.9:5080"
        assert to_bob.via.host == to_bob.from_.uri.host == "203.0.113.9"
        assert str(to_carol.contact.uri) == "sip:alice@10.0.0.4"
        assert (far.seen_at.host, near.seen_at.host) == ("203.0.113.9", "10.0.0.4")


class TestLongRinging:
    def test_a_ringing_is_repeated_every_minute(self, network, alice, bob):
        """§13.3.1.1: proxies give up after three."""
        bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.ring(network.now)
        call = alice.call(BOB)
        network.run(190.0)
        assert network.sent("SIP/2.0 180") == [0, 60, 120, 180]
        assert call.state is CallState.EARLY


class TestRouteSet:
    def test_record_route_is_copied_and_followed(self, network, bob):
        script = Script(network, CAROL)
        script.send(script.request("INVITE", BOB, Record_Route=f"<sip:{CAROL};lr>"), BOB)
        ok = script.got[-1]
        assert isinstance(ok, Response)
        assert ok.get("Record-Route") == f"<sip:{CAROL};lr>"
        via = f"SIP/2.0/UDP {CAROL};branch=z9hG4bK-2"
        script.send(script.request("ACK", BOB, To=ok.get("To"), Via=via), BOB)
        bob.last(IncomingCall).call.hang_up(network.now)
        network.run(0.0)
        (bye,) = script.requests("BYE")
        assert bye.get("Route") == f"<sip:{CAROL};lr>"
