"""RFC 5359, "SIP Service Examples": every flow that a user agent of ours has a part in, each datagram harmed.

The services are those of a switch between its legs, and what it does there is in tests/scenarios. Here its
user agent plays what the wire sees of them: the calls, holds, referrals and replacements. The list, with
those that do not apply, is in docs/reference/flows.md.
"""

from __future__ import annotations

import pytest

from ringthru.sip import (
    Call,
    CallFailed,
    CallState,
    IncomingCall,
    Replaces,
    Request,
    ResponseReceived,
)
from ringthru.sip.agent.referral import Progress

from .flows import Flow, User, harmed, harms, rest
from .network import ALICE, BOB, CAROL, OFFER, Network, Party

PATIENCE = 45.0  # seconds; whatever is repeated has come by then


def called(alice: User, bob: User) -> Call:
    """Alice's call to Bob, which stands."""
    call = alice.call(bob.local)
    alice.network.run(5.0)
    assert call.state is bob.far.state is CallState.CONFIRMED
    return call


def offered(party: Party, call: Call) -> None:
    """A re-INVITE of this side (a hold, or its end), answered."""
    before = party.kinds().count("ResponseReceived")
    call.reinvite(party.network.now, OFFER)
    party.network.run(PATIENCE)
    assert party.kinds().count("ResponseReceived") == before + 1
    assert party.last(ResponseReceived).response.status == 200


def over(network: Network, *calls: Call) -> None:
    for call in calls:
        if call.state is not CallState.ENDED:
            call.hang_up(network.now)
            network.run(1.0)
    rest(network)


def f2_1_call_hold(network: Network) -> None:
    alice, bob = User(network, ALICE), User(network, BOB)
    call = called(alice, bob)
    offered(bob, bob.far)
    offered(bob, bob.far)
    assert len(alice.asked("INVITE")) == 2
    over(network, call)


def f2_2_consultation_hold(network: Network) -> None:
    """Bob holds Alice, speaks to Carol, comes back."""
    alice, bob, carol = User(network, ALICE), User(network, BOB), User(network, CAROL)
    call = called(alice, bob)
    offered(bob, bob.far)
    consulted = called(bob, carol)
    consulted.hang_up(network.now)
    network.run(PATIENCE)
    offered(bob, bob.far)
    assert call.state is CallState.CONFIRMED
    over(network, call)


def f2_3_music_on_hold(network: Network) -> None:
    """The holder sends the music itself: to the wire a hold with a new offer, and its end."""
    f2_1_call_hold(network)


def referred(transferor: User, transferee: User, call: Call, refer_to: str) -> list[str]:
    """REFER, the new call, the NOTIFYs; returns what the transferor was told."""
    network = transferor.network
    call.ask(network.now, "REFER", [("Refer-To", f"<{refer_to}>")])
    network.run(PATIENCE)
    assert transferor.last(ResponseReceived).response.status == 202
    assert transferee.referral is not None
    transferee.referral.notify(200, network.now)
    network.run(PATIENCE)
    return [str(Progress.read(each).status) for each in transferor.asked("NOTIFY")]


def f2_4_unattended_transfer(network: Network) -> None:
    """Bob sends Alice on to Carol."""
    alice, bob, carol = User(network, ALICE), User(network, BOB), User(network, CAROL)
    called(alice, bob)
    assert referred(bob, alice, bob.far, f"sip:carol@{CAROL}") == ["100", "200"]
    onward = called(alice, carol)
    over(network, bob.far, onward)


def f2_5_attended_transfer(network: Network) -> None:
    """Bob asks Carol first; Alice's new call takes the place of his."""
    alice, bob, carol = User(network, ALICE), User(network, BOB), User(network, CAROL)
    called(alice, bob)
    offered(bob, bob.far)
    consulted = called(bob, carol)
    assert referred(bob, alice, bob.far, f"sip:carol@{CAROL}") == ["100", "200"]
    onward = replacing(alice, carol, consulted)
    carols = carol.agent.call_replaced_by(read_replaces(carol.far.request))
    assert carols is not None
    carols.hang_up(network.now)
    network.run(PATIENCE)
    assert consulted.state is CallState.ENDED
    over(network, bob.far, onward)


def replacing(caller: User, target: User, standing: Call) -> Call:
    """An INVITE that takes the place of ``standing``, which is at its caller here (RFC 3891)."""
    dialog = standing.dialog
    assert dialog is not None
    value = str(Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag))
    call = caller.call(target.local, headers=[("Replaces", value), ("Require", "replaces")])
    caller.network.run(PATIENCE)
    assert call.state is CallState.CONFIRMED
    return call


def read_replaces(request: Request) -> Replaces:
    return Replaces.parse(request.get("Replaces") or "")


def forwarded(network: Network, bob: User, status: int) -> None:
    """What Bob's phone says makes the caller's side call Carol."""
    alice, carol = User(network, ALICE), User(network, CAROL)
    alice.call(BOB)
    network.run(PATIENCE)
    failed = alice.last(CallFailed)
    assert failed.status == status
    onward = called(alice, carol)
    over(network, onward)
    assert bob.kinds().count("CallConfirmed") == 0


def f2_7_call_forwarding_unconditional(network: Network) -> None:
    contact = (("Contact", f"<sip:carol@{CAROL}>"),)
    forwarded(network, User(network, BOB, refuses=302, headers=contact), 302)


def f2_8_call_forwarding_busy(network: Network) -> None:
    forwarded(network, User(network, BOB, refuses=486), 486)


def f2_9_call_forwarding_no_answer(network: Network) -> None:
    alice, carol = User(network, ALICE), User(network, CAROL)
    bob = User(network, BOB, answers=False)
    ringing = alice.call(BOB)
    network.run(5.0)
    ringing.hang_up(network.now)
    network.run(PATIENCE)
    assert alice.last(CallFailed).status == 487
    onward = called(alice, carol)
    over(network, onward)
    assert bob.kinds().count("CallCancelled") == 1


def f2_10_third_party_is_added(network: Network) -> None:
    """The focus holds two calls, and re-INVITEs the first into the mix."""
    alice, bob, carol = User(network, ALICE), User(network, BOB), User(network, CAROL)
    first = called(alice, bob)
    second = called(alice, carol)
    offered(alice, first)
    over(network, first, second)


def f2_12_find_me(network: Network) -> None:
    """Two phones ring at once; the first that answers has the call, the other is cancelled."""
    alice, bob, carol = User(network, ALICE), User(network, BOB, answers=False), User(network, CAROL)
    lost = alice.call(BOB)
    call = called(alice, carol)
    lost.hang_up(network.now, [("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    network.run(PATIENCE)
    assert lost.state is CallState.ENDED
    assert bob.kinds().count("CallCancelled") == 1
    over(network, call)


def f2_13_incoming_call_screening(network: Network) -> None:
    alice, bob = User(network, ALICE), User(network, BOB, refuses=403)
    alice.call(BOB)
    rest(network)
    assert alice.last(CallFailed).status == 403
    assert bob.kinds().count("CallConfirmed") == 0


def f2_14_outgoing_call_screening(network: Network) -> None:
    f2_13_incoming_call_screening(network)  # the same to the wire; only who refuses is another


def f2_15_call_park(network: Network) -> None:
    """Bob sends Alice to where calls are parked; from another phone she is taken over by Replaces."""
    alice, bob, park = User(network, ALICE), User(network, BOB), User(network, CAROL)
    called(alice, bob)
    assert referred(bob, alice, bob.far, f"sip:park@{CAROL}") == ["100", "200"]
    parked = called(alice, park)
    dialog = parked.dialog
    assert dialog is not None
    bob.far.hang_up(network.now)
    network.run(PATIENCE)
    value = str(Replaces(dialog.call_id, dialog.local_tag, dialog.remote_tag))
    taken = bob.call(ALICE, headers=[("Replaces", value)])
    network.run(PATIENCE)
    assert alice.agent.call_replaced_by(read_replaces(alice.far.request)) is parked
    parked.hang_up(network.now)
    over(network, taken)


def f2_16_call_pickup(network: Network) -> None:
    """Carol takes a call that rings at Bob: an INVITE whose Replaces names the early dialog."""
    alice, bob, carol = User(network, ALICE), User(network, BOB, answers=False), User(network, CAROL)
    ringing = alice.call(BOB)
    network.run(65.0)  # a 180 that is lost comes again after a minute; before it there is no dialog to name
    tag = bob.far.request_tag
    value = f"{ringing.call_id};to-tag={ringing.request_tag};from-tag={tag};early-only"
    taken = carol.call(ALICE, headers=[("Replaces", value)])
    network.run(PATIENCE)
    assert taken.state is CallState.CONFIRMED
    found = alice.agent.call_replaced_by(read_replaces(alice.last(IncomingCall).call.request))
    assert found is ringing
    ringing.hang_up(network.now)
    network.run(PATIENCE)
    assert bob.kinds().count("CallCancelled") == 1
    over(network, taken)


def f2_18_click_to_dial(network: Network) -> None:
    """Somebody who is no phone has Alice called, and refers her to Bob."""
    clicker, alice, bob = User(network, CAROL), User(network, ALICE), User(network, BOB)
    control = called(clicker, alice)
    assert referred(clicker, alice, control, f"sip:bob@{BOB}") == ["100", "200"]
    onward = called(alice, bob)
    over(network, control, onward)


FLOWS: list[Flow] = [flow for name, flow in sorted(globals().items()) if name.startswith("f2_")]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_flow(flow: Flow) -> None:
    flow(Network())


@pytest.mark.parametrize(("flow", "harm", "number"), harms(FLOWS))
def test_flow_with_one_datagram_harmed(flow: Flow, harm: str, number: int) -> None:
    flow(harmed(harm, number))


@pytest.mark.parametrize("package", ["dialog", "presence", "message-summary"])
def test_2_17_automatic_redial_and_other_subscriptions_are_declined(package: str) -> None:
    """We serve no event package but REFER's own: 489 (RFC 6665 §8.3.2), and the phone goes on without."""
    network = Network()
    alice, bob = User(network, ALICE), User(network, BOB)
    rows = [("Event", package), ("Contact", f"<sip:alice@{ALICE}>")]
    alice.agent.request(Request("SUBSCRIBE", f"sip:bob@{BOB}", rows), alice.flow(BOB), network.now)
    rest(network)
    assert alice.last(ResponseReceived).response.status == 489
    assert bob.seen == []


def test_2_11_a_join_is_declined() -> None:
    """RFC 3911's Join is not supported: where it is required, 420 names it."""
    network = Network()
    alice, bob = User(network, ALICE), User(network, BOB)
    alice.call(BOB, headers=[("Join", "call;to-tag=a;from-tag=b"), ("Require", "join")])
    rest(network)
    assert alice.last(CallFailed).status == 420
    assert alice.last(CallFailed).response.get("Unsupported") == "join"
    assert bob.seen == []
