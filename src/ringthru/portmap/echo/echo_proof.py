"""The outside echo, as we ask it: one question about one mapping, from HELLO to a verdict.

Lives here: what is asked when, and what an answer proves. Never here: sockets, clocks, randomness.

The verdict has three values. True: it came in, or somebody outside was let in. False: it was sent, and did
not come in. None: nobody could tell, which is no failure of the mapping.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from ...net.address import parse_address
from ...net.values import frozen, replace
from ..errors import MalformedMessage
from ..values import Protocol
from ..wire.echo import TOKEN_SIZE, Kind, Message, Outcome, decode

HELLO_WAITS: Final = (0.5, 1.0, 2.0)  # seconds after each HELLO; then the echo host does not answer
PROVE_WAITS: Final = (0.5, 1.0, 2.0, 4.0)  # a TCP probe alone may take three seconds
ARRIVAL: Final = 1.0  # seconds a probe may take after the report that it was sent
ATTEMPTS: Final = 3  # probes, each with a token of its own: one may be lost


@frozen
class Proof:
    """Whether traffic from outside reaches a mapping, and who says so."""

    holds: bool | None  # None: nobody could tell
    words: str
    seen_address: str | None = None  # our external address as the echo host sees it


def compared(proof: Proof, told: str) -> Proof:
    """The proof, given the external address that the last gateway told (empty: none).

    A host that sees us at another address knocked there: whoever dials the address that was told is not shown
    to come through, and why nobody does may be just that.
    """
    seen, said = parse_address(proof.seen_address or ""), parse_address(told)
    if seen is None or said is None or seen == said or seen.version != said.version:
        return proof
    words = f"{proof.words}, at {seen}: that is where it sees us, and the gateway says {said}"
    return replace(proof, holds=None if proof.holds else proof.holds, words=words)


class _State(Enum):
    ASKING = "asking"  # HELLO is out
    PROVING = "proving"  # PROVE is out
    WAITING = "waiting"  # it was sent, says the host; it has not come in yet
    OVER = "over"


class EchoProof:
    """One question, driven from outside; ``proof`` is set at the end.

    ``watched``: whether whatever comes in at the internal port is handed to ``saw``. Without that, a TCP
    connection that was accepted is proof on the host's word, and a UDP datagram proves nothing.
    """

    def __init__(
        self,
        protocol: Protocol,
        external_port: int,
        host: str,
        random_bytes: Callable[[int], bytes],
        *,
        watched: bool,
    ) -> None:
        self.proof: Proof | None = None
        self._protocol = protocol
        self._port = external_port
        self._host = host
        self._random_bytes = random_bytes
        self._watched = watched
        self._state = _State.OVER
        self._tokens: list[bytes] = []  # of all attempts: a late probe is a probe
        self._message = b""  # what is repeated
        self._waits: tuple[float, ...] = ()
        self._timeout: float | None = None
        self._to_send: list[bytes] = []
        self._outcome = Outcome.NONE
        self._seen_address: str | None = None

    def start(self, now: float) -> None:
        """Ask, with a fresh token.

        Raises:
            LocalError: the external port is not 1–65535.
        """
        self._tokens.append(self._random_bytes(TOKEN_SIZE))
        self._state = _State.ASKING
        hello = Message(Kind.HELLO, self._protocol, self._port, self._tokens[-1])
        self._send(hello.encode(), HELLO_WAITS, now)

    def receive_datagram(self, data: bytes, now: float) -> None:
        """Take a datagram of the echo host; another question's answer, and nonsense, change nothing."""
        try:
            message = decode(data)
        except MalformedMessage:
            return
        if self._state is _State.OVER or message.token != self._tokens[-1]:
            return
        if message.kind is Kind.CHALLENGE and self._state is _State.ASKING:
            self._seen_address = message.address
            self._state = _State.PROVING
            prove = Message(Kind.PROVE, self._protocol, self._port, message.token, message.cookie)
            self._send(prove.encode(), PROVE_WAITS, now)
        elif message.kind is Kind.REPORT and self._state is _State.PROVING:
            self._judge(message.outcome, now)

    def saw(self, data: bytes) -> bool:
        """Take what came in at the internal port; whether it was our probe."""
        try:
            message = decode(data)
        except MalformedMessage:
            return False
        if message.kind is not Kind.PROBE or message.token not in self._tokens:
            return False
        if self._state is not _State.OVER:
            self._end(True, f"a probe of {self._host} came in")
        return True

    def refused(self) -> None:
        """The system says that nobody listens where the echo host should be."""
        if self._state in (_State.ASKING, _State.PROVING):
            self._end(None, f"no echo host listens at {self._host}")

    def handle_timeout(self, now: float) -> None:
        if self._timeout is None or now < self._timeout:
            return
        if self._state is _State.WAITING:
            self._missed(now)
        elif self._waits:
            self._send(self._message, self._waits, now)
        else:
            self._end(None, f"the echo host {self._host} does not answer")

    def next_timeout(self) -> float | None:
        return self._timeout

    def datagrams_to_send(self) -> list[bytes]:
        datagrams, self._to_send = self._to_send, []
        return datagrams

    def _send(self, message: bytes, waits: tuple[float, ...], now: float) -> None:
        self._to_send.append(message)
        self._message, self._waits = message, waits[1:]
        self._timeout = now + waits[0]

    def _judge(self, outcome: Outcome, now: float) -> None:
        self._outcome = outcome
        if outcome in (Outcome.SENT, Outcome.CONNECTED) and self._watched:
            self._state, self._timeout = _State.WAITING, now + ARRIVAL
        elif outcome is Outcome.CONNECTED:
            self._end(True, f"{self._host} was let in")
        elif outcome is Outcome.REFUSED:
            self._end(False, f"{self._host} was refused")
        elif outcome is Outcome.TIMEOUT:
            self._end(False, f"{self._host} got no answer")
        elif outcome is Outcome.SENT:
            self._end(None, f"{self._host} sent a probe, and nobody here looks whether it comes in")
        else:
            self._end(None, f"{self._host} sent no probe: {outcome.name.lower()}")

    def _missed(self, now: float) -> None:
        """It should have come in by now."""
        if len(self._tokens) < ATTEMPTS and self._outcome is Outcome.SENT:
            self.start(now)
        elif self._outcome is Outcome.CONNECTED:
            self._end(False, f"{self._host} was let in, but by another machine than this")
        else:
            self._end(False, f"{len(self._tokens)} probes of {self._host} did not come in")

    def _end(self, holds: bool | None, words: str) -> None:
        self._state, self._timeout = _State.OVER, None
        self._to_send.clear()
        self.proof = Proof(holds, words, self._seen_address)
