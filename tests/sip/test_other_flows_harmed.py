"""What no RFC of flows plays, and each of its datagrams lost, doubled and late: refreshes, other places …

The call stands until somebody hangs up, each side is told once of its end, and nobody keeps anything.
"""

from __future__ import annotations

import pytest

from ringthru.sip import (
    CallState,
    IncomingCall,
    RequestReceived,
    ResponseReceived,
    SessionRefreshDue,
    SessionSettings,
)

from .flows import Flow, User, harmed, harms, rest
from .network import ALICE, BOB, CAROL, OFFER, Network, endings

SHORT = SessionSettings(interval=90)  # seconds; what we refresh after 45, and end after 58
NO_UPDATE = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS")


class Refreshing(User):
    """Sends the re-INVITEs that its timer asks for, as a switch does."""

    def _act(self, event: object) -> None:
        if isinstance(event, SessionRefreshDue):
            event.call.reinvite(self.network.now, OFFER)
        super()._act(event)


def talk(network: Network, alice: User, bob: User, minutes: float) -> None:
    """The call stands all the time; then the called one hangs up."""
    call = alice.call(BOB)
    network.run(minutes * 60)
    assert call.state is bob.far.state is CallState.CONFIRMED
    bob.far.hang_up(network.now)
    rest(network)
    assert len(endings(alice)) == len(endings(bob)) == 1


def refreshed_by_update(network: Network) -> None:
    talk(network, Refreshing(network, ALICE, session=SHORT), Refreshing(network, BOB), 3.5)
    assert len(network.sent("UPDATE")) >= 4


def refreshed_by_the_called_one(network: Network) -> None:
    alice = Refreshing(network, ALICE, session=SessionSettings(enabled=False))
    talk(network, alice, Refreshing(network, BOB, session=SHORT), 3.5)
    assert len(network.sent("UPDATE")) >= 4


def refreshed_by_reinvite(network: Network) -> None:
    bob = Refreshing(network, BOB, allow=NO_UPDATE)
    talk(network, Refreshing(network, ALICE, session=SHORT, allow=NO_UPDATE), bob, 3.5)
    assert network.sent("UPDATE") == []
    assert len(network.sent("INVITE")) >= 5


def a_short_session_is_refused(network: Network) -> None:
    bob = Refreshing(network, BOB, session=SessionSettings(shortest=400))
    talk(network, Refreshing(network, ALICE, session=SessionSettings(interval=100)), bob, 1.0)


def the_next_place_where_one_is_full(network: Network) -> None:
    """RFC 3263 §4.3: 503, and the next one answers."""
    alice, full, carol = User(network, ALICE), User(network, BOB, refuses=503), User(network, CAROL)
    call = alice.call(BOB, alternatives=[alice.flow(CAROL)])
    network.run(45.0)
    assert call.state is carol.far.state is CallState.CONFIRMED
    call.hang_up(network.now)
    rest(network)
    assert len(endings(alice)) == len(endings(carol)) == 1
    assert full.kinds().count("IncomingCall") <= 1


def what_is_asked_within_a_call(network: Network) -> None:
    """Each comes once, and each answer with it."""
    alice, bob = User(network, ALICE), User(network, BOB)
    call = alice.call(BOB)
    network.run(40.0)
    for method in ("INFO", "MESSAGE", "OPTIONS"):
        call.ask(network.now, method)
        bob.far.ask(network.now, method)
        network.run(40.0)
    for party in (alice, bob):
        asked = [e.incoming.request.method for e in party.seen if isinstance(e, RequestReceived)]
        assert asked == ["INFO", "MESSAGE", "OPTIONS"]
        answered = [e.response.status for e in party.seen if isinstance(e, ResponseReceived)]
        assert answered == [200, 200, 200]
    call.hang_up(network.now)
    rest(network)
    assert len(endings(alice)) == len(endings(bob)) == 1


def a_call_is_replaced(network: Network) -> None:
    """RFC 3891: carol takes alice's place at bob's."""
    alice, bob, carol = User(network, ALICE), User(network, BOB), User(network, CAROL)
    call = alice.call(BOB)
    network.run(40.0)
    old, dialog = bob.far, call.dialog
    assert dialog is not None
    names = f"{call.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
    new = carol.call(BOB, headers=[("Replaces", names)])
    network.run(40.0)
    old.hang_up(network.now)
    network.run(40.0)
    assert [each.state for each in (call, new)] == [CallState.ENDED, CallState.CONFIRMED]
    assert len([each for each in bob.seen if isinstance(each, IncomingCall)]) == 2
    new.hang_up(network.now)
    rest(network)


FLOWS: list[Flow] = [
    refreshed_by_update,
    refreshed_by_the_called_one,
    refreshed_by_reinvite,
    a_short_session_is_refused,
    the_next_place_where_one_is_full,
    what_is_asked_within_a_call,
    a_call_is_replaced,
]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_flow(flow: Flow) -> None:
    flow(Network())


@pytest.mark.parametrize(("flow", "harm", "number"), harms(FLOWS))
def test_flow_with_one_datagram_harmed(flow: Flow, harm: str, number: int) -> None:
    flow(harmed(harm, number))
