"""A set of rtpengines: which one a call goes to, who is alive, and what happens when one is not.

A call's place is its rank by rendezvous hash, weighted: when a node goes, only its own calls move, and each
to the node that was second for it. A command of a call that has no node yet walks down that ranking, past
nodes that are out, that do not answer, or that are full (``max-sessions``); one that has a node stays there.

==========  ===================================================  =========================
state       comes when                                           new calls
==========  ===================================================  =========================
unknown     at the start, before the first pong                  after those that are up
up          any answer                                           by hash
down        a command was sent three times in vain               none; still pinged
==========  ===================================================  =========================

Lives here: these rules. Never here: sockets, what a call's description says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum
from hashlib import blake2b
from math import log
from typing import Final

from ringthru.net.address import Endpoint

from ...net.values import frozen, record
from ..errors import LocalError
from .client import Answered, NgClient
from .messages import Command, Message, ping
from .node import Node, NodeSnapshot

PING_EVERY: Final = 2.0  # seconds


class NodeState(Enum):
    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@frozen
class Done:
    """What a node said to a command, yes or no."""

    ticket: int
    node: Node
    answer: Message


@frozen
class Failed:
    """No node took the command; ``reason`` is for the log."""

    ticket: int
    reason: str


@frozen
class StateChanged:
    node: Node
    state: NodeState


FarmEvent = Done | Failed | StateChanged


@record
class _Errand:
    """A command on its way; ``left`` are the nodes to try after this one."""

    ticket: int
    command: Command
    left: list[Node]


@record
class _Member:
    node: Node
    client: NgClient
    errands: dict[str, _Errand]
    state: NodeState = NodeState.UNKNOWN
    ping_at: float = 0.0
    ping_cookie: str = ""
    answered: int = 0
    unanswered: int = 0
    full: int = 0
    round_trip: float | None = None


def rank(call_id: str, nodes: Sequence[Node]) -> list[Node]:
    """The nodes in this call's order of preference: weighted rendezvous hashing."""

    def score(node: Node) -> float:
        digest = blake2b(f"{node.address}\0{call_id}".encode(), digest_size=7).digest()
        fraction = (int.from_bytes(digest, "big") + 1) / (2**56 + 1)  # above 0, below 1
        return -node.weight / log(fraction)

    return sorted(nodes, key=score, reverse=True)


class Farm:
    """All nodes of a switch, driven from outside."""

    def __init__(self, nodes: Sequence[Node], prefix: str, now: float) -> None:
        """``prefix`` is what cookies begin with: random."""
        self._members = {
            node.address: _Member(node, NgClient(f"{prefix}{index}"), {}, ping_at=now)
            for index, node in enumerate(nodes)
        }
        self._serial = 0
        self._events: deque[FarmEvent] = deque()

    def candidates(self, call_id: str) -> list[Node]:
        """Who may take a new call, best first."""
        ranked = [self._members[node.address] for node in rank(call_id, self.nodes)]
        usable = [each for each in ranked if each.state is not NodeState.DOWN]
        return [each.node for each in sorted(usable, key=lambda each: each.state is not NodeState.UP)]

    @property
    def nodes(self) -> list[Node]:
        return [each.node for each in self._members.values()]

    def state(self, node: Node) -> NodeState:
        return self._members[node.address].state

    def place(self, command: Command, call_id: str, now: float) -> int:
        """Give a new call's command to the best node that takes it; the result is the ticket of its end."""
        return self._set_out(command, self.candidates(call_id), now)

    def tell(self, node: Node, command: Command, now: float) -> int:
        """Give a command to the node that has its call."""
        return self._set_out(command, [node], now)

    def _set_out(self, command: Command, nodes: list[Node], now: float) -> int:
        self._serial += 1
        self._go_on(_Errand(self._serial, command, nodes), now, "no media node is up")
        return self._serial

    def _go_on(self, errand: _Errand, now: float, reason: str) -> None:
        """Try the next node; ``reason`` is why the last one was not it."""
        while errand.left:
            member = self._members[errand.left.pop(0).address]
            try:
                cookie = member.client.send(errand.command, now)
            except LocalError as error:
                reason = f"{member.node}: {error}"
                continue
            member.errands[cookie] = errand
            return
        self._events.append(Failed(errand.ticket, reason))

    def receive_datagram(self, source: Endpoint, datagram: bytes, now: float) -> None:
        """Take a datagram; one of somebody who is no node is dropped."""
        member = self._members.get(source)
        if member is not None:
            member.client.receive_datagram(datagram, now)
            self._settle(member, now)

    def handle_timeout(self, now: float) -> None:
        for member in self._members.values():
            member.client.handle_timeout(now)
            self._settle(member, now)
            if now >= member.ping_at:
                member.ping_at = now + PING_EVERY
                if not member.ping_cookie:
                    member.ping_cookie = member.client.send(ping(), now)

    def _settle(self, member: _Member, now: float) -> None:
        for event in member.client.events():
            errand = member.errands.pop(event.cookie, None)
            if event.cookie == member.ping_cookie:
                member.ping_cookie = ""
            if isinstance(event, Answered):
                self._answered(member, errand, event, now)
            else:
                self._unanswered(member, errand, now)

    def _answered(self, member: _Member, errand: _Errand | None, event: Answered, now: float) -> None:
        member.answered += 1
        member.round_trip = event.seconds
        self._enter(member, NodeState.UP)
        if errand is None:
            return
        if event.answer.full:
            member.full += 1
        if event.answer.full and errand.left:
            self._go_on(errand, now, f"{member.node}: {event.answer.reason}")
        else:
            self._events.append(Done(errand.ticket, member.node, event.answer))

    def _unanswered(self, member: _Member, errand: _Errand | None, now: float) -> None:
        member.unanswered += 1
        self._enter(member, NodeState.DOWN)
        if errand is not None:
            errand.left = [
                each for each in errand.left if self._members[each.address].state is not NodeState.DOWN
            ]
            self._go_on(errand, now, f"{member.node} does not answer")

    def _enter(self, member: _Member, state: NodeState) -> None:
        if member.state is not state:
            member.state = state
            self._events.append(StateChanged(member.node, state))

    def next_timeout(self) -> float | None:
        times = [each.ping_at for each in self._members.values()]
        times += [when for each in self._members.values() if (when := each.client.next_timeout()) is not None]
        return min(times, default=None)

    def datagrams_to_send(self) -> list[tuple[Endpoint, bytes]]:
        return [
            (address, datagram)
            for address, member in self._members.items()
            for datagram in member.client.datagrams_to_send()
        ]

    def events(self) -> list[FarmEvent]:
        told, self._events = list(self._events), deque()
        return told

    def snapshot(self) -> list[NodeSnapshot]:
        return [
            NodeSnapshot(
                address=str(each.node),
                weight=each.node.weight,
                state=each.state.value,
                answered=each.answered,
                unanswered=each.unanswered,
                full=each.full,
                stray=each.client.stray,
                round_trip_ms=None if each.round_trip is None else each.round_trip * 1000,
            )
            for each in self._members.values()
        ]
