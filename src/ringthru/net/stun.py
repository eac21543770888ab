"""STUN: which address does a server on the Internet see us at? (RFC 8489, the Binding method alone.)

Lives here: the messages, and the client that asks until it is answered. Never here: sockets, clocks, names of
servers. What is learnt is the address of one flow; only its host is of use for another socket.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Final

from .address import Endpoint
from .values import frozen

PORT: Final = 3478
# What the RFC fixes
COOKIE: Final = 0x2112A442  # §5
HEADER: Final = Struct("!HHI12s")
ATTRIBUTE: Final = Struct("!HH")
FAMILIES: Final = {1: 4, 2: 16}  # §14.1: octets of an address
MUST_BE_KNOWN: Final = 0x8000  # attributes below it must be understood (§14)
RTO: Final = 0.5  # seconds to the first repetition, doubled each time (§6.2.1)
ATTEMPTS: Final = 7  # Rc
LAST_WAIT: Final = 16  # Rm: RTOs after the last attempt
# What we chose
LONGEST: Final = 1500  # octets of a response
MOST_ATTRIBUTES: Final = 50


class Method(IntEnum):
    """Message types (§5): the method Binding and its classes."""

    REQUEST = 0x0001
    SUCCESS = 0x0101
    ERROR = 0x0111


class Kind(IntEnum):
    """Attributes that are read (§14)."""

    MAPPED_ADDRESS = 0x0001
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    XOR_MAPPED_ADDRESS = 0x0020


class MalformedStun(ValueError):
    """The datagram is no STUN message, or one that means nothing to us."""


@frozen
class Response:
    """What a server answered: an address, or a refusal with its code and reason."""

    transaction: bytes
    mapped: Endpoint | None
    code: int = 0
    reason: str = ""


def encode_request(transaction: bytes) -> bytes:
    """A Binding request without attributes; ``transaction`` is 12 octets nobody can guess (§6)."""
    return HEADER.pack(Method.REQUEST, 0, COOKIE, transaction)


def decode_response(data: bytes) -> Response:
    """Read a Binding response.

    Raises:
        MalformedStun: too short or too long, another method, no address in a success, or an attribute that
            would have to be understood.
    """
    if not HEADER.size <= len(data) <= LONGEST:
        raise MalformedStun(f"a STUN message of {len(data)} octets")
    kind, length, cookie, transaction = HEADER.unpack_from(data)
    if cookie != COOKIE or length != len(data) - HEADER.size or length % 4:
        raise MalformedStun("no STUN header")
    attributes = _attributes(data)
    if kind == Method.SUCCESS:
        return Response(transaction, _mapped(attributes, transaction))
    if kind == Method.ERROR:
        code, reason = _error(attributes.get(Kind.ERROR_CODE, b""))
        return Response(transaction, None, code, reason)
    raise MalformedStun(f"a STUN message of type {kind:#06x}")


def _attributes(data: bytes) -> dict[int, bytes]:
    """The attributes by their types; of several of one type the first counts (§14)."""
    found: dict[int, bytes] = {}
    for kind, value, _ in attributes_of(data, MOST_ATTRIBUTES):
        if kind < MUST_BE_KNOWN and kind not in Kind.__members__.values() and kind not in OLD:
            raise MalformedStun(f"the attribute {kind:#06x} would have to be understood")
        found.setdefault(kind, value)
    return found


def attributes_of(data: bytes, most: int) -> Iterator[tuple[int, bytes, int]]:
    """Each attribute of a message: its type, its value, and at which octet it begins (§14).

    Raises:
        MalformedStun: they do not end where the message does, or there are more of them than ``most``.
    """
    at = HEADER.size
    for _ in range(most):
        if at == len(data):
            return
        if at + ATTRIBUTE.size > len(data):
            break
        kind, length = ATTRIBUTE.unpack_from(data, at)
        start, end = at + ATTRIBUTE.size, at + ATTRIBUTE.size + (length + 3) // 4 * 4
        if end > len(data):
            break
        yield kind, data[start : start + length], at
        at = end
    raise MalformedStun("attributes that do not end where the message does")


# RFC 3489's own, which its servers still send: CHANGE-REQUEST, SOURCE-, CHANGED- and REFLECTED-ADDRESS. And
# what only those who share a secret can use: USERNAME, MESSAGE-INTEGRITY, REALM, NONCE.
OLD: Final = frozenset((0x0003, 0x0004, 0x0005, 0x000B, 0x0006, 0x0008, 0x0014, 0x0015))


def _mapped(attributes: dict[int, bytes], transaction: bytes) -> Endpoint:
    """XOR-MAPPED-ADDRESS (§14.2), which no gateway on the way rewrites; else MAPPED-ADDRESS."""
    if Kind.XOR_MAPPED_ADDRESS in attributes:
        mask = COOKIE.to_bytes(4, "big") + transaction
        return _address(attributes[Kind.XOR_MAPPED_ADDRESS], mask, COOKIE >> 16)
    if Kind.MAPPED_ADDRESS in attributes:
        return _address(attributes[Kind.MAPPED_ADDRESS], bytes(16), 0)
    raise MalformedStun("a success without an address")


def _address(value: bytes, mask: bytes, port_mask: int) -> Endpoint:
    size = FAMILIES.get(value[1], 0) if len(value) >= 4 else 0
    if not size or len(value) != 4 + size:
        raise MalformedStun("an address that is none")
    port = int.from_bytes(value[2:4], "big") ^ port_mask
    octets = bytes(one ^ other for one, other in zip(value[4:], mask, strict=False))
    host = IPv4Address(octets) if size == 4 else IPv6Address(octets)
    return Endpoint(str(host), port)


def _error(value: bytes) -> tuple[int, str]:
    """ERROR-CODE (§14.8)."""
    if len(value) < 4:
        return 0, "no error code"
    reason = value[4:].decode("utf-8", "replace")[:128]
    return (value[2] & 7) * 100 + value[3], "".join(each for each in reason if each.isprintable())


@frozen
class Mapped:
    """The server sees us here."""

    endpoint: Endpoint


@frozen
class Refused:
    """The server answered, but not with an address."""

    reason: str


@frozen
class Unanswered:
    """No answer to any attempt."""


StunEvent = Mapped | Refused | Unanswered


class StunClient:
    """One question to one server, repeated until it is answered (§6.2.1).

    Call ``start``, ``receive_datagram`` or ``handle_timeout``; then send ``datagrams_to_send()`` to the
    server, act on ``events()``, and sleep until ``next_timeout()``. What does not come from the server, or
    bears another transaction, is overlooked.
    """

    def __init__(self, server: Endpoint, transaction: bytes) -> None:
        self.server = server
        self._transaction = transaction
        self._attempts = 0
        self._due: float | None = None
        self._out: list[bytes] = []
        self._events: list[StunEvent] = []

    def start(self, now: float) -> None:
        self._due = now
        self.handle_timeout(now)

    def receive_datagram(self, data: bytes, source: Endpoint, now: float) -> None:
        """Take one datagram; whatever it is, nothing is raised."""
        if self._due is None or source != self.server:
            return
        try:
            response = decode_response(data)
        except MalformedStun:
            return
        if response.transaction != self._transaction:
            return
        if response.mapped is not None:
            self._finish(Mapped(response.mapped))
        else:
            self._finish(Refused(f"{response.code} {response.reason}".strip()))

    def handle_timeout(self, now: float) -> None:
        if self._due is None or now < self._due:
            return
        if self._attempts == ATTEMPTS:
            self._finish(Unanswered())
            return
        wait = RTO * 2**self._attempts if self._attempts < ATTEMPTS - 1 else RTO * LAST_WAIT
        self._attempts += 1
        self._out.append(encode_request(self._transaction))
        self._due = now + wait

    def next_timeout(self) -> float | None:
        return self._due

    def datagrams_to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def events(self) -> list[StunEvent]:
        out, self._events = self._events, []
        return out

    def _finish(self, event: StunEvent) -> None:
        self._due = None
        self._out.clear()
        self._events.append(event)
