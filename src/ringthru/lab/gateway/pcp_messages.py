"""PCP messages as the fake gateway reads and writes them (RFC 6887 §7), written apart from our client.

Lives here: headers, options, addresses of 16 octets, result codes.
Never here: what is granted; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from ...net.values import frozen

VERSION: Final = 2
RESPONSE: Final = 128
HEADER: Final = 24  # octets
LONGEST: Final = 1100  # octets (§7)
ANNOUNCE, MAP, PEER = range(3)
BODY: Final = {ANNOUNCE: 0, MAP: 36, PEER: 56}  # octets of opcode-specific data
THIRD_PARTY, PREFER_FAILURE, FILTER = 1, 2, 3  # §13
DESCRIPTION: Final = 128  # RFC 7220
OPTIONAL: Final = 128  # from here on a server may skip what it does not know (§7.3)


class Result(IntEnum):
    """RFC 6887 §7.4."""

    SUCCESS = 0
    UNSUPP_VERSION = 1
    NOT_AUTHORIZED = 2
    MALFORMED_REQUEST = 3
    UNSUPP_OPCODE = 4
    UNSUPP_OPTION = 5
    MALFORMED_OPTION = 6
    NETWORK_FAILURE = 7
    NO_RESOURCES = 8
    UNSUPP_PROTOCOL = 9
    USER_EX_QUOTA = 10
    CANNOT_PROVIDE_EXTERNAL = 11
    ADDRESS_MISMATCH = 12
    EXCESSIVE_REMOTE_PEERS = 13


SHORT_ERRORS: Final = frozenset(  # §7.4: those worth asking again after half a minute
    {
        Result.NETWORK_FAILURE,
        Result.NO_RESOURCES,
        Result.USER_EX_QUOTA,
        Result.CANNOT_PROVIDE_EXTERNAL,
    }
)
SHORT_ERROR, LONG_ERROR = 30, 1800  # seconds (§7.4)


class PcpError(Exception):
    """A request refused. ``lifetime``: seconds the client should believe it; None: what §7.4 recommends."""

    def __init__(self, result: Result, lifetime: int | None = None) -> None:
        super().__init__(result.name)
        self.result = result
        self.lifetime = lifetime if lifetime is not None else error_lifetime(result)


def error_lifetime(result: Result) -> int:
    """Seconds (§7.4)."""
    return SHORT_ERROR if result in SHORT_ERRORS else LONG_ERROR


@frozen
class Option:
    """One option, without its padding."""

    code: int
    data: bytes

    def encode(self) -> bytes:
        padding = bytes(-len(self.data) % 4)
        return struct.pack("!BxH", self.code, len(self.data)) + self.data + padding


@frozen
class Request:
    """A request whose frame is sound; its options may still be wrong."""

    opcode: int
    lifetime: int  # seconds
    client: str  # what the client believes to be its address
    body: bytes
    options: tuple[Option, ...]

    @property
    def nonce(self) -> bytes:
        return self.body[:12]

    @property
    def protocol(self) -> int:
        return self.body[12]

    @property
    def internal_port(self) -> int:
        return int.from_bytes(self.body[16:18])

    @property
    def suggested_port(self) -> int:
        return int.from_bytes(self.body[18:20])

    @property
    def suggested_address(self) -> str:
        return read_address(self.body[20:36])


def read_address(octets: bytes) -> str:
    """16 octets as text; an IPv4 address is written mapped on the wire (§5)."""
    address = IPv6Address(octets)
    return str(address.ipv4_mapped or address)


def write_address(text: str) -> bytes:
    """The other way round."""
    address = ip_address(text.partition("%")[0])
    return bytes(10) + b"\xff\xff" + address.packed if isinstance(address, IPv4Address) else address.packed


def read_request(datagram: bytes) -> Request:
    """Read a request of our version (§8.2).

    Raises:
        PcpError: malformed, or an opcode we do not know.
    """
    if not HEADER <= len(datagram) <= LONGEST or len(datagram) % 4:
        raise PcpError(Result.MALFORMED_REQUEST)
    opcode, lifetime = datagram[1], int.from_bytes(datagram[4:8])
    if opcode not in BODY:
        raise PcpError(Result.UNSUPP_OPCODE)
    end = HEADER + BODY[opcode]
    if len(datagram) < end:
        raise PcpError(Result.MALFORMED_REQUEST)
    options = tuple(_read_options(datagram[end:]))
    return Request(opcode, lifetime, read_address(datagram[8:24]), datagram[HEADER:end], options)


def _read_options(octets: bytes) -> Iterable[Option]:
    while octets:
        if len(octets) < 4:
            raise PcpError(Result.MALFORMED_OPTION)
        code, length = struct.unpack_from("!BxH", octets)
        end = 4 + length + -length % 4
        if end > len(octets):
            raise PcpError(Result.MALFORMED_OPTION)
        yield Option(code, octets[4 : 4 + length])
        octets = octets[end:]


def head(opcode: int, result: int, lifetime: int, epoch: int, version: int = VERSION) -> bytes:
    """The 24 octets every response begins with (§7.2)."""
    return struct.pack("!BBxBII12x", version, RESPONSE | opcode & 127, result, lifetime, epoch)


def refusal(datagram: bytes, error: PcpError, epoch: int, version: int = VERSION) -> bytes:
    """The request goes back behind our header, cut and padded to a legal length (§8.2)."""
    rest = datagram[HEADER:LONGEST]
    return head(datagram[1], error.result, error.lifetime, epoch, version) + rest + bytes(-len(rest) % 4)


def announcement(epoch: int) -> bytes:
    """An unsolicited ANNOUNCE: "look whether your mappings are still there" (§14.1.2)."""
    return head(ANNOUNCE, Result.SUCCESS, 0, epoch)
