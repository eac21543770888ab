"""Every race of RFC 5407 once more, and each of its datagrams lost, doubled and late.

`test_races.py` asserts what each race must come to where nothing else goes wrong. Here anything may: both
sides must end up of one mind all the same, each call ends once, and nobody keeps anything.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringthru.sip import CallState, IncomingCall, Request, Response

from .flows import Flow, User, harmed, harms, rest
from .network import ALICE, ANSWER, BOB, CAROL, OFFER, Network, Party, Script, answering, endings
from .test_races import Two, slow

PATIENCE = 40.0  # seconds; more than 64 × T1


def until(network: Network, condition: Callable[[], bool]) -> None:
    """Let time pass until it is so, or no timer can make it so any more."""
    end = network.now + PATIENCE
    while not condition() and network.now < end:
        network.run(0.05)


def answered(network: Network, **settings: bool) -> Two:
    """A call as far as the caller knows it stands; the ACK may be on its way."""
    two = Two(network, **settings)
    until(network, lambda: two.call.state is CallState.CONFIRMED)
    return two


def standing(network: Network) -> Two:
    two = answered(network)
    until(network, lambda: two.far.state is CallState.CONFIRMED)
    two.assert_standing()
    return two


def ringing(network: Network) -> Two:
    two = Two(network, rings=True)
    until(network, lambda: "CallProgress" in two.alice.kinds())
    return two


def stands_and_ends(two: Two) -> None:
    """What they did changed nothing: both still talk, may offer, and hang up."""
    two.network.run(PATIENCE)
    two.assert_standing()
    assert two.call.may_offer
    assert two.far.may_offer
    two.call.hang_up(two.network.now)
    is_over(two)


def is_over(two: Two) -> None:
    rest(two.network)
    assert len(endings(two.alice)) == 1
    assert two.bob.kinds().count("CallEnded") + two.bob.kinds().count("CallCancelled") == 1


def race_3_1_1_a_repeated_invite(network: Network) -> None:
    began = network.now
    network.loses = lambda data: (
        data.startswith(b"SIP/2.0 1") or (data.startswith(b"SIP/2.0 200") and network.now < began + 0.3)
    )
    two = answered(network)
    assert two.bob.kinds().count("IncomingCall") == 1
    stands_and_ends(two)


def race_3_1_2_a_cancel_that_crosses_the_200(network: Network) -> None:
    two = ringing(network)
    slow(network, b"CANCEL")
    two.call.hang_up(network.now)
    two.alice.settle()
    network.run(0.1)
    two.far.answer(network.now, ANSWER)
    is_over(two)


def race_3_1_3_a_bye_of_the_early_state(network: Network) -> None:
    script, bob = Asking(network, ALICE), Party(network, BOB)
    bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.ring(network.now)
    to = script.ask(script.request("INVITE", BOB), 180).get("To") or ""
    call = bob.last(IncomingCall).call
    call.answer(network.now, ANSWER)
    rows = {"To": to, "CSeq": "2 BYE", "Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-2"}
    script.ask(script.request("BYE", BOB, **rows), 200)
    assert call.state is CallState.ENDED
    rest(network)
    assert len(endings(bob)) == 1


def race_3_1_4_a_reinvite_that_overtakes_the_ack(network: Network) -> None:
    slow(network, b"ACK")
    two = answered(network)
    two.call.reinvite(network.now, OFFER)
    stands_and_ends(two)


def race_3_1_5_a_reinvite_that_overtakes_the_ack_with_the_answer(network: Network) -> None:
    script, bob = Asking(network, ALICE), Party(network, BOB)
    bob.on_event = answering(bob)
    to = script.ask(script.request("INVITE", BOB), 200).get("To") or ""
    rows = {"To": to, "CSeq": "2 INVITE", "Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-2"}
    again = script.request("INVITE", BOB, **rows)
    again.body = OFFER
    script.ask(again, 491)
    rows = {"To": to, "Via": f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-3"}
    ack = script.request("ACK", BOB, **rows)
    ack.body = ANSWER
    for _ in range(2):
        script.send(ack, BOB)
    call = bob.last(IncomingCall).call
    assert call.state is CallState.CONFIRMED
    call.hang_up(network.now)
    rest(network)
    assert len(endings(bob)) == 1


def race_3_1_6_a_bye_that_overtakes_the_ack(network: Network) -> None:
    slow(network, b"ACK")
    two = answered(network)
    two.call.hang_up(network.now)
    is_over(two)


def race_3_2_1_both_hang_up(network: Network) -> None:
    two = standing(network)
    two.call.hang_up(network.now)
    two.far.hang_up(network.now)
    is_over(two)


def race_3_2_2_a_reinvite_that_crosses_the_bye(network: Network) -> None:
    two = standing(network)
    two.call.hang_up(network.now)
    two.far.reinvite(network.now, OFFER)
    is_over(two)


def race_3_2_3_the_200_of_a_reinvite_after_our_bye(network: Network) -> None:
    two = standing(network)
    slow(network, b"SIP/2.0 200", holds=b"INVITE\r\n")
    two.call.reinvite(network.now, OFFER)
    network.run(0.1)
    two.call.hang_up(network.now)
    is_over(two)


def race_3_2_4_the_ack_after_our_bye(network: Network) -> None:
    slow(network, b"ACK")
    two = answered(network)
    two.far.hang_up(network.now)
    is_over(two)


def race_3_3_1_two_reinvites(network: Network) -> None:
    two = standing(network)
    two.call.reinvite(network.now, OFFER)
    two.far.reinvite(network.now, OFFER)
    stands_and_ends(two)


def race_3_3_2_an_update_and_a_reinvite(network: Network) -> None:
    two = standing(network)
    two.call.update(network.now, OFFER)
    two.far.reinvite(network.now, OFFER)
    stands_and_ends(two)


def race_3_3_2_a_reinvite_and_an_update(network: Network) -> None:
    two = standing(network)
    two.far.update(network.now, OFFER)
    two.call.reinvite(network.now, OFFER)
    stands_and_ends(two)


def race_3_3_3_a_refer_that_crosses_the_bye(network: Network) -> None:
    two = standing(network)
    two.call.hang_up(network.now)
    two.far.ask(network.now, "REFER", [("Refer-To", f"<sip:carol@{CAROL}>")])
    is_over(two)


def race_a_a_bye_of_the_callee_in_an_early_dialog(network: Network) -> None:
    alice, script = Party(network, ALICE), Asking(network, BOB)
    alice.call(BOB)
    until(network, lambda: bool(script.got))
    invite = script.got[0]
    assert isinstance(invite, Request)
    for _ in range(2):
        script.send(script.response(invite, 180, Contact=f"<sip:bob@{BOB}>"), ALICE)
    rows = {"Via": f"SIP/2.0/UDP {BOB};rport;branch=z9hG4bK-b", "Call-ID": invite.call_id}
    rows |= {"From": f"{invite.get('To')};tag=callee", "To": invite.get("From") or "", "CSeq": "1 BYE"}
    script.ask(script.request("BYE", ALICE, **rows), 200, ALICE)
    until(network, lambda: bool(script.requests("CANCEL")))
    for _ in range(2):
        script.send(script.response(invite, 487), ALICE)
        script.send(script.response(script.requests("CANCEL")[0], 200), ALICE)
    rest(network)
    assert len(endings(alice)) == 1


def race_b_a_bye_that_overlaps_our_own_reinvite(network: Network) -> None:
    two = standing(network)
    slow(network, b"INVITE", holds=b"2 INVITE")
    two.call.reinvite(network.now, OFFER)
    two.alice.settle()
    two.call.hang_up(network.now)
    is_over(two)


def race_c_a_cancel_whose_487_is_lost(network: Network) -> None:
    two = ringing(network)
    lost = [2]

    def loses(data: bytes) -> bool:
        if lost[0] and data.startswith(b"SIP/2.0 487"):
            lost[0] -= 1
            return True
        return False

    network.loses = loses
    two.call.hang_up(network.now)
    is_over(two)


def race_d_requests_in_the_mortal_state(network: Network) -> None:
    two = standing(network)
    two.call.hang_up(network.now)
    for method in ("INFO", "NOTIFY", "UPDATE"):
        two.far.ask(network.now, method)
    is_over(two)


def race_e_two_that_answer_a_fork(network: Network) -> None:
    """Both branches answer: one call stands, the other one is acknowledged and hung up."""
    alice, one = User(network, ALICE), Asking(network, BOB)
    call = alice.call(BOB)
    until(network, lambda: bool(one.got))
    invite = one.got[0]
    assert isinstance(invite, Request)
    for tag in ("first", "second", "first", "second"):  # each repeats its 200
        one.send(one.response(invite, 200, tag, Contact=f"<sip:{tag}@{BOB}>"), ALICE)
        network.run(0.5)
    until(network, lambda: call.state is CallState.CONFIRMED)
    assert call.state is CallState.CONFIRMED
    for _ in range(2):
        for bye in one.requests("BYE"):
            one.send(one.response(bye, 200), ALICE)
        call.hang_up(network.now)
        network.run(1.0)
    rest(network)
    assert len({each.to.tag for each in one.requests("BYE")}) == 2
    assert len(endings(alice)) == 1


class Asking(Script):
    """A peer that repeats its requests until the answer that it waits for has come."""

    def ask(self, request: Request, status: int, remote=BOB) -> Response:
        end = self.network.now + PATIENCE
        while self.network.now < end:
            self.send(request, remote)
            self.network.run(0.5)
            for each in self.got:
                if isinstance(each, Response) and each.status == status and each.cseq == request.cseq:
                    return each
        raise AssertionError(f"no {status} to {request.method}, but {self.statuses}")


RACES: list[Flow] = [race for name, race in sorted(globals().items()) if name.startswith("race_")]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_race(race: Flow) -> None:
    race(Network())


@pytest.mark.parametrize(("race", "harm", "number"), harms(RACES))
def test_race_with_one_datagram_harmed(race: Flow, harm: str, number: int) -> None:
    race(harmed(harm, number))
