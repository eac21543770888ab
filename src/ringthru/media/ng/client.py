"""One node's client: commands out, repeated until they are answered, and the answers matched.

ng travels by UDP: a command is sent again under the same cookie, and the node then repeats its answer
instead of doing the thing twice. Lives here: cookies, repeating, giving up. Never here: sockets, clocks,
what a command means, or which node is asked (``nodes``).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ...net.values import frozen, record
from ..errors import LocalError, MalformedPacket
from .bencode import MAX_SIZE
from .messages import Command, Message, encode_message

WAIT: Final = 0.25  # seconds for an answer; one in the same building takes 0.2 ms
ATTEMPTS: Final = 3  # then the command is given up
MAX_PENDING: Final = 4096  # commands that wait for an answer


@frozen
class Answered:
    """A node's answer, whether it says yes or no; ``seconds`` after the command was first sent."""

    cookie: str
    answer: Message
    seconds: float


@frozen
class Unanswered:
    """A command that was sent three times in vain; the node may have done it all the same."""

    cookie: str


@record
class _Pending:
    datagram: bytes
    sent_at: float
    due_at: float
    attempts: int = 1


class NgClient:
    """Call ``send``, ``receive_datagram`` or ``handle_timeout``, then drain both queues."""

    def __init__(self, prefix: str) -> None:
        """``prefix`` begins every cookie: random, so that no stranger guesses an answer's."""
        self._prefix = prefix
        self._serial = 0
        self._pending: dict[str, _Pending] = {}
        self._out: deque[bytes] = deque()
        self._events: deque[Answered | Unanswered] = deque()
        self.stray = 0  # datagrams that answered nothing that waits: duplicates, late ones, nonsense

    def send(self, command: Command, now: float) -> str:
        """Send a command; the result is the cookie under which its end is told.

        Raises:
            LocalError: 4,096 commands wait already, or it is longer than a datagram.
        """
        if len(self._pending) >= MAX_PENDING:
            raise LocalError(f"{MAX_PENDING} commands wait for this node's answers")
        self._serial += 1
        cookie = f"{self._prefix}_{self._serial}"
        datagram = encode_message(cookie, command)
        if len(datagram) >= MAX_SIZE:
            raise LocalError(f"a command of {len(datagram)} bytes does not fit a datagram")
        self._pending[cookie] = _Pending(datagram, now, now + WAIT)
        self._out.append(datagram)
        return cookie

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take a datagram known to come from the node."""
        try:
            answer = Message.decode(datagram)
        except MalformedPacket:
            self.stray += 1
            return
        pending = self._pending.pop(answer.cookie, None)
        if pending is None:
            self.stray += 1
            return
        self._events.append(Answered(answer.cookie, answer, now - pending.sent_at))

    def handle_timeout(self, now: float) -> None:
        for cookie, pending in list(self._pending.items()):
            if now < pending.due_at:
                continue
            if pending.attempts == ATTEMPTS:
                del self._pending[cookie]
                self._events.append(Unanswered(cookie))
                continue
            pending.attempts += 1
            pending.due_at = now + WAIT
            self._out.append(pending.datagram)

    def next_timeout(self) -> float | None:
        return min((each.due_at for each in self._pending.values()), default=None)

    def datagrams_to_send(self) -> list[bytes]:
        sent, self._out = list(self._out), deque()
        return sent

    def events(self) -> list[Answered | Unanswered]:
        told, self._events = list(self._events), deque()
        return told
