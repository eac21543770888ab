"""The outside echo on the wire: asking a host on the Internet to knock at a mapped port. A protocol of ours.

Every message is one datagram of 56 bytes, whichever way it goes: nobody can make an echo host send more
than was sent to it. ::

    4  magic "RTe" and the version, 1      16  cookie
    1  kind                                16  address (IPv4 as ::ffff:a.b.c.d)
    1  protocol (IANA's number: 6, 17)      2  port
    12 token                                1  outcome
                                            3  zero

HELLO asks; CHALLENGE brings the cookie and tells the asker its own address as seen from there; PROVE asks
again with the cookie, which shows that the asker is where it says; PROBE is what knocks at the port, and
bears the token; REPORT says what came of it.

Lives here: the messages and their bytes. Never here: cookies made or believed, sockets, clocks.
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import ClassVar, Final

from ...net.address import parse_address
from ...net.values import frozen
from ..errors import LocalError, MalformedMessage
from ..values import Protocol

PORT: Final = 4478  # where an echo host listens unless told otherwise; our choice
MAGIC: Final = b"RTe\x01"
SIZE: Final = 56  # bytes of every message
TOKEN_SIZE: Final = 12
COOKIE_SIZE: Final = 16
NO_COOKIE: Final = bytes(COOKIE_SIZE)
NUMBERS: Final = {Protocol.TCP: 6, Protocol.UDP: 17}
PROTOCOLS: Final = {number: protocol for protocol, number in NUMBERS.items()}


class Kind(IntEnum):
    """What a message is for; the asker sends 1 and 3, the echo host the others."""

    HELLO = 1
    CHALLENGE = 2
    PROVE = 3
    PROBE = 4
    REPORT = 5


class Outcome(IntEnum):
    """What became of a probe, as the echo host saw it."""

    NONE = 0  # not a report
    SENT = 1  # UDP: it went out, and nothing came back against it
    CONNECTED = 2  # TCP: somebody accepted the connection
    REFUSED = 3  # TCP reset, or ICMP says that nobody is there
    TIMEOUT = 4  # TCP: no answer
    LIMITED = 5  # too many questions: nothing was sent
    FAILED = 6  # the echo host itself could not send


@frozen
class Message:
    """One message. ``port`` is the external port in question, 1–65535; ``address`` the asker's, as seen.

    Raises:
        LocalError: a token, a cookie, a port or an address that cannot be.
    """

    LAYOUT: ClassVar = Struct("!4sBB12s16s16sHB3x")

    kind: Kind
    protocol: Protocol
    port: int
    token: bytes
    cookie: bytes = NO_COOKIE
    address: str = "0.0.0.0"
    outcome: Outcome = Outcome.NONE

    def __post_init__(self) -> None:
        if len(self.token) != TOKEN_SIZE or len(self.cookie) != COOKIE_SIZE:
            raise LocalError(f"a token of {len(self.token)} bytes, a cookie of {len(self.cookie)}")
        if not 1 <= self.port <= 65535:
            raise LocalError(f"port {self.port} cannot be probed: ports are 1 to 65535")

    def encode(self) -> bytes:
        """The datagram.

        Raises:
            LocalError: the address is none.
        """
        return self.LAYOUT.pack(
            MAGIC,
            self.kind,
            NUMBERS[self.protocol],
            self.token,
            self.cookie,
            _pack(self.address),
            self.port,
            self.outcome,
        )


def is_echo(datagram: bytes) -> bool:
    """Whether it may be one of these messages; cheap, for whoever owns the socket that is knocked at."""
    return len(datagram) == SIZE and datagram.startswith(MAGIC)


def decode(datagram: bytes) -> Message:
    """Read a message; bytes that are to be zero are not looked at.

    Raises:
        MalformedMessage: not 56 bytes, another magic or version, or a field that cannot be.
    """
    if not is_echo(datagram):
        raise MalformedMessage(f"not an echo message: {len(datagram)} bytes, {datagram[:4]!r}")
    _, kind, protocol, token, cookie, address, port, outcome = Message.LAYOUT.unpack(datagram)
    if port == 0 or protocol not in PROTOCOLS:
        raise MalformedMessage(f"an echo message about protocol {protocol}, port {port}")
    try:
        return Message(
            Kind(kind), PROTOCOLS[protocol], port, token, cookie, _unpack(address), Outcome(outcome)
        )
    except ValueError as error:
        raise MalformedMessage(str(error)) from error


def _pack(text: str) -> bytes:
    address = parse_address(text.partition("%")[0])
    if address is None:
        raise LocalError(f"{text[:60]!r} is no address")
    mapped = isinstance(address, IPv4Address)
    return bytes(10) + b"\xff\xff" + address.packed if mapped else address.packed


def _unpack(data: bytes) -> str:
    address = IPv6Address(data)
    return str(address.ipv4_mapped or address)
