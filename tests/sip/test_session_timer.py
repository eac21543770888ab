"""Session timers (RFC 4028) and UPDATE (RFC 3311) between two agents, and with peers that know neither."""

from __future__ import annotations

import pytest

from ringthru.sip import (
    CallEnded,
    CallFailed,
    CallState,
    IncomingCall,
    LocalError,
    RequestReceived,
    ResponseReceived,
    SessionRefreshDue,
    SessionSettings,
)

from .network import ALICE, ANSWER, BOB, OFFER, Network, Party, Script, answering

HALF_HOUR = SessionSettings(interval=1800)


@pytest.fixture
def network() -> Network:
    return Network()


def party(network: Network, local=ALICE, **settings) -> Party:
    made = Party(network, local, **settings)
    made.on_event = answering(made)
    return made


def refreshing(each: Party) -> None:
    """Let a party answer whatever comes, and send the re-INVITEs that its timer asks for."""

    def act(event) -> None:
        now = each.network.now
        if isinstance(event, IncomingCall):
            event.call.answer(now, ANSWER)
        elif isinstance(event, SessionRefreshDue):
            event.call.reinvite(now, OFFER)
        elif isinstance(event, RequestReceived):
            each.agent.respond(event.incoming, 200, now, body=ANSWER)

    each.on_event = act


class TestAgreement:
    def test_what_the_caller_asks_is_granted_and_the_caller_refreshes(self, network):
        alice, bob = party(network, session=HALF_HOUR), party(network, BOB)
        call = alice.call(BOB)
        network.run(1.0)
        assert call.session.interval == 1800
        assert call.session.ours
        assert not bob.last(IncomingCall).call.session.ours
        invite = bob.last(IncomingCall).call.request
        assert invite.get("Session-Expires") == "1800"
        assert "timer" in invite.get("Supported")

    def test_a_called_side_may_ask_as_well_and_refreshes_for_a_caller_without_timers(self, network):
        """§9: no ``timer`` in Supported: then the called side is the refresher, and requires nothing."""
        script, _ = Script(network, ALICE), party(network, BOB, session=HALF_HOUR)
        script.send(script.request("INVITE", BOB), BOB)
        ok = script.got[-1]
        assert ok.get("Session-Expires") == "1800;refresher=uas"
        assert ok.get("Require") is None

    def test_a_caller_that_refreshes_is_told_to(self, network):
        script, _ = Script(network, ALICE), party(network, BOB)
        rows = {"Supported": "timer", "Session-Expires": "600;refresher=uac"}
        script.send(script.request("INVITE", BOB, **rows), BOB)
        assert script.got[-1].get("Session-Expires") == "600;refresher=uac"
        assert script.got[-1].get("Require") == "timer"

    def test_the_longer_wish_yields_but_not_below_min_se(self, network):
        script, _ = Script(network, ALICE), party(network, BOB, session=SessionSettings(interval=120))
        rows = {"Supported": "timer", "Session-Expires": "3600", "Min-SE": "300"}
        script.send(script.request("INVITE", BOB, **rows), BOB)
        assert script.got[-1].get("Session-Expires") == "300;refresher=uac"

    @pytest.mark.parametrize(("wish", "asked", "granted"), [(0, None, 90), (1800, 3600, 90), (0, 120, 90)])
    def test_one_call_may_be_refreshed_more_often(self, network, wish, asked, granted):
        """As the way through a caller's NAT needs it; 422 goes by the agent's own minimum, 120 s here."""
        script = Script(network, ALICE)
        bob = Party(network, BOB, session=SessionSettings(interval=wish, shortest=120))

        def act(event) -> None:
            if isinstance(event, IncomingCall):
                event.call.session.shorten(90)
                event.call.answer(network.now, ANSWER)

        bob.on_event = act
        rows = {} if asked is None else {"Supported": "timer", "Session-Expires": str(asked)}
        script.send(script.request("INVITE", BOB, **rows), BOB)
        refresher = "uas" if asked is None else "uac"
        assert script.got[-1].get("Session-Expires") == f"{granted};refresher={refresher}"

    def test_nobody_asks_and_there_is_no_timer(self, network):
        alice, _ = party(network), party(network, BOB)
        call = alice.call(BOB)
        network.run(1.0)
        assert call.session.interval == 0
        network.run(7200.0)
        assert call.state is CallState.CONFIRMED

    def test_switched_off(self, network):
        """``enable-timer`` false: neither offered nor granted, and ``Require: timer`` is refused."""
        script, _ = Script(network, ALICE), party(network, BOB, session=SessionSettings(enabled=False))
        rows = {"Supported": "timer", "Session-Expires": "50", "Require": "timer"}
        script.send(script.request("INVITE", BOB, **rows), BOB)
        assert (script.got[-1].status, script.got[-1].get("Unsupported")) == (420, "timer")

    @pytest.mark.parametrize("value", ["", "x", "90x;refresher", ";refresher=uac", "9" * 400, '9;x="'])
    def test_nonsense_is_no_timer_and_no_harm(self, network, value):
        script, bob = Script(network, ALICE), party(network, BOB)
        script.send(script.request("INVITE", BOB, Supported="timer", Session_Expires=value), BOB)
        assert script.got[-1].status == 200
        assert bob.last(IncomingCall).call.session.interval == 0


class TestTooSmall:
    """422 (§6, §7.3, §9)."""

    def test_we_refuse_less_than_our_minimum(self, network):
        script, bob = Script(network, ALICE), party(network, BOB, session=SessionSettings(shortest=120))
        script.send(script.request("INVITE", BOB, Supported="timer", Session_Expires="100"), BOB)
        assert (script.got[-1].status, script.got[-1].get("Min-SE")) == (422, "120")
        assert bob.seen == []

    def test_a_caller_that_knows_no_timers_is_not_refused_for_what_a_proxy_asked(self, network):
        """It could make nothing of a 422; we refresh, and not more often than our minimum says."""
        script, bob = Script(network, ALICE), party(network, BOB, session=SessionSettings(shortest=120))
        script.send(script.request("INVITE", BOB, Session_Expires="1"), BOB)
        answer = script.got[-1]
        assert (answer.status, answer.get("Session-Expires")) == (200, "120;refresher=uas")
        assert answer.get("Require") is None
        assert bob.last(IncomingCall).call.session.interval == 120

    def test_we_ask_again_for_what_the_peer_wants(self, network):
        alice = party(network, session=SessionSettings(interval=100))
        party(network, BOB, session=SessionSettings(shortest=400))
        call = alice.call(BOB)
        network.run(1.0)
        assert call.state is CallState.CONFIRMED
        assert call.session.interval == 400
        assert [line.split(" ")[0] for _, line in network.log].count("INVITE") == 2

    def test_a_peer_that_is_never_content_is_given_up(self, network):
        alice, script = party(network, session=SessionSettings(interval=100)), Script(network, BOB)
        alice.call(BOB)
        for _ in range(3):
            network.run(0.1)
            script.send(script.response(script.requests("INVITE")[-1], 422, Min_SE="500"), ALICE)
        assert alice.last(CallFailed).status == 422
        assert len(script.requests("INVITE")) == 2


class TestRefresh:
    def test_at_half_the_interval_by_update(self, network):
        alice, bob = party(network, session=HALF_HOUR), party(network, BOB)
        call = alice.call(BOB)
        network.run(899.0)
        assert network.sent("INVITE") == [0]
        network.run(3.0)
        assert len(network.sent("UPDATE")) == 1
        network.run(6 * 3600.0)
        assert call.state is bob.last(IncomingCall).call.state is CallState.CONFIRMED
        assert len(network.sent("UPDATE")) == 25

    def test_the_called_side_refreshes_when_the_caller_wants_it(self, network):
        alice, bob = party(network), party(network, BOB, session=HALF_HOUR)
        call = alice.call(BOB)
        network.run(1.0)
        assert call.session.interval == 1800
        assert call.session.ours  # table 2: nobody named, so we named the caller
        network.run(3600.0)
        assert call.state is bob.last(IncomingCall).call.state is CallState.CONFIRMED

    def test_for_a_caller_that_knows_no_timers_we_refresh_as_long_as_the_call_stands(self, network):
        """As a phone behind a NAT needs it: its answers to the refreshes say nothing of a timer."""
        alice = party(network, session=SessionSettings(enabled=False))
        bob = party(network, BOB, session=SessionSettings(interval=90))
        call = alice.call(BOB)
        network.run(455.0)
        assert len(network.sent("UPDATE")) == 10
        assert call.state is CallState.CONFIRMED
        alice.receive = lambda data, source: None  # it dies
        network.run(100.0)
        assert bob.kinds().count("CallEnded") == 1

    def test_by_reinvite_where_the_peer_does_not_serve_update(self, network):
        alice = party(network, session=HALF_HOUR)
        bob = party(network, BOB, allow=("INVITE", "ACK", "BYE", "CANCEL"))
        refreshing(alice)
        refreshing(bob)
        call = alice.call(BOB)
        network.run(4000.0)
        assert call.state is CallState.CONFIRMED
        assert network.sent("UPDATE") == []
        assert len(network.sent("INVITE")) >= 4

    def test_who_does_not_refresh_keeps_its_role_in_other_requests(self, network):
        """§7.4: a re-INVITE of the other side, a hold say, leaves the refresher alone."""
        alice, bob = party(network, session=HALF_HOUR), party(network, BOB)
        refreshing(alice)
        refreshing(bob)
        call = alice.call(BOB)
        network.run(1.0)
        far = bob.last(IncomingCall).call
        far.reinvite(network.now, OFFER)
        network.run(1.0)
        assert bob.last(ResponseReceived).response.get("Session-Expires") == "1800;refresher=uas"
        assert call.session.ours
        assert not far.session.ours

    def test_a_silent_refresher_ends_the_call(self, network):
        """§10: BYE a third of the interval, or 32 s, before it ends."""
        script, bob = Script(network, ALICE), party(network, BOB)
        rows = {"Supported": "timer", "Session-Expires": "600;refresher=uac"}
        script.send(script.request("INVITE", BOB, **rows), BOB)
        to = script.got[-1].get("To")
        via = f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-2"
        script.send(script.request("ACK", BOB, To=to, Via=via), BOB)
        network.run(567.0)
        assert script.requests("BYE") == []
        network.run(2.0)
        assert script.requests("BYE")[0].get("Reason") == 'SIP;cause=408;text="Session Timer Expired"'
        assert bob.last(CallEnded).reason == "Session Timer Expired"

    def test_a_peer_that_lost_the_call_ends_it(self, network):
        """§10: 481 to a refresh is the end at once."""
        alice, script = party(network, session=HALF_HOUR), Script(network, BOB)
        call = alice.call(BOB)
        network.run(0.1)
        rows = {"Contact": f"<sip:bob@{BOB}>", "Session-Expires": "1800;refresher=uac", "Allow": "UPDATE"}
        script.send(script.response(script.got[0], 200, **rows), ALICE)
        network.run(901.0)
        script.send(script.response(script.requests("UPDATE")[0], 481), ALICE)
        assert call.state is CallState.ENDED

    def test_a_refresh_that_failed_for_now_is_tried_again(self, network):
        alice, script = party(network, session=HALF_HOUR), Script(network, BOB)
        call = alice.call(BOB)
        network.run(0.1)
        rows = {"Contact": f"<sip:bob@{BOB}>", "Session-Expires": "1800;refresher=uac", "Allow": "UPDATE"}
        script.send(script.response(script.got[0], 200, **rows), ALICE)
        network.run(901.0)
        script.send(script.response(script.requests("UPDATE")[0], 500), ALICE)
        network.run(6.0)
        again = script.requests("UPDATE")[-1]
        assert again.cseq.number == script.requests("UPDATE")[0].cseq.number + 1
        script.send(script.response(again, 200, Session_Expires="1800;refresher=uac"), ALICE)
        assert call.session.interval == 1800

    def test_an_allow_that_lied_is_believed_no_more(self, network):
        alice, script = party(network, session=HALF_HOUR), Script(network, BOB)
        refreshing(alice)
        alice.call(BOB)
        network.run(0.1)
        rows = {"Contact": f"<sip:bob@{BOB}>", "Session-Expires": "1800;refresher=uac", "Allow": "UPDATE"}
        script.send(script.response(script.got[0], 200, **rows), ALICE)
        network.run(901.0)
        script.send(script.response(script.requests("UPDATE")[0], 501), ALICE)
        network.run(6.0)
        assert {each.cseq.number for each in script.requests("INVITE")} == {1, 3}

    def test_nothing_is_left_after_the_call(self, network):
        alice, bob = party(network, session=HALF_HOUR), party(network, BOB)
        call = alice.call(BOB)
        network.run(950.0)
        call.hang_up(network.now)
        network.run(60.0)
        for each in (alice, bob):
            assert len(each.agent._layer.timers) == 0


class TestUpdateWithAnOffer:
    """RFC 3311 §5."""

    def standing(self, network):
        alice, bob = party(network), party(network, BOB)
        refreshing(bob)
        call = alice.call(BOB)
        network.run(1.0)
        return alice, bob, call

    def test_offer_and_answer(self, network):
        alice, bob, call = self.standing(network)
        assert call.updates
        handle = call.update(network.now, OFFER)
        network.run(1.0)
        event = alice.last(ResponseReceived)
        assert (event.handle, event.response.status, event.response.body) == (handle, 200, ANSWER)
        assert bob.last(RequestReceived).incoming.request.body == OFFER
        assert call.may_offer

    def test_one_offer_at_a_time(self, network):
        _, _, call = self.standing(network)
        call.update(network.now, OFFER)
        with pytest.raises(LocalError):
            call.reinvite(network.now, OFFER)

    def test_two_that_cross_are_both_491(self, network):
        alice, bob, call = self.standing(network)
        call.update(network.now, OFFER)
        bob.last(IncomingCall).call.update(network.now, OFFER)
        network.run(1.0)
        assert alice.last(ResponseReceived).response.status == 491
        assert bob.last(ResponseReceived).response.status == 491

    def test_without_an_offer_it_is_answered_here_and_moves_the_target(self, network):
        script, bob = Script(network, ALICE), party(network, BOB)
        script.send(script.request("INVITE", BOB), BOB)
        to = script.got[-1].get("To")
        script.send(script.request("ACK", BOB, To=to, Via=f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-2"), BOB)
        script.got.clear()
        via = f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-3"
        rows = {"To": to, "CSeq": "2 UPDATE", "Via": via, "Contact": "<sip:moved@127.40.0.1:5099>"}
        script.send(script.request("UPDATE", BOB, **rows), BOB)
        assert script.statuses == [200]
        assert str(bob.last(IncomingCall).call.dialog.remote_target) == "sip:moved@127.40.0.1:5099"

    def test_before_the_answer_it_is_answered_too(self, network):
        """An early dialog's target may move; an offer there waits for the answer (RFC 6337 §2.2)."""
        script, bob = Script(network, ALICE), party(network, BOB)
        bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.ring(network.now)
        script.send(script.request("INVITE", BOB), BOB)
        to = script.got[-1].get("To")
        for number, body in ((2, b""), (3, OFFER)):
            via = f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-{number}"
            update = script.request("UPDATE", BOB, To=to, CSeq=f"{number} UPDATE", Via=via)
            update.body = body
            script.send(update, BOB)
        assert script.statuses[-2:] == [200, 500]
        assert script.got[-1].get("Retry-After") is not None
