"""PCP messages on the wire (RFC 6887): headers, MAP, PEER, ANNOUNCE, and what an older server says.

Lives here: the packets, their fields, and the bytes they become.
Never here: sockets, clocks, retries, logging, or what a server remembers.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import ClassVar, Final

from ...net.values import frozen
from ..errors import LocalError, MalformedMessage
from .pcp_options import Option, decode_options, encode_options, pack_address, unpack_address

PORT: Final = 5351  # where a server listens (§19.1); NAT-PMP's too
VERSION: Final = 2
RESPONSE: Final = 0x80  # the R bit (§7.2)
LONGEST: Final = 1100  # bytes of a message (§7)
SHORTEST_REFUSAL: Final = 8  # bytes: all that an older server's "unsupported version" needs
NONCE_SIZE: Final = 12
ANYCAST_IPV4: Final = "192.0.0.9"  # whoever does PCP on the way out listens here (RFC 7723 §4.1)
ANYCAST_IPV6: Final = "2001:1::1"
NO_IPV4: Final = "0.0.0.0"  # no address in particular, written ::ffff:0.0.0.0 (§5)
NO_IPV6: Final = "::"


class Opcode(IntEnum):
    """What is asked (§19.2)."""

    ANNOUNCE = 0
    MAP = 1
    PEER = 2


class ResultCode(IntEnum):
    """How it went (§7.4)."""

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


LAST_RESULT: Final = max(ResultCode)


@frozen
class Mapping:
    """What a MAP is about (§11.1): ``protocol`` by IANA's number, ports 0–65535.

    In a request the external side is a suggestion, in an answer it is what was assigned.

    Raises:
        LocalError: a nonce that is not 12 bytes.
    """

    LAYOUT: ClassVar = Struct("!12sB3xHH16s")

    nonce: bytes
    protocol: int
    internal_port: int
    external_port: int
    external_address: str = NO_IPV4

    def __post_init__(self) -> None:
        if len(self.nonce) != NONCE_SIZE:
            raise LocalError(f"a PCP nonce of {len(self.nonce)} bytes: {NONCE_SIZE} are asked for")

    def encode(self) -> bytes:
        return self.LAYOUT.pack(
            self.nonce,
            self.protocol,
            self.internal_port,
            self.external_port,
            pack_address(self.external_address),
        )

    @classmethod
    def read(cls, data: bytes) -> Mapping:
        nonce, protocol, internal_port, external_port, external = cls.LAYOUT.unpack_from(data)
        return cls(nonce, protocol, internal_port, external_port, unpack_address(external))


@frozen
class Peering:
    """What a PEER is about (§12.1): a mapping, and the one peer that it is for."""

    LAYOUT: ClassVar = Struct("!36sH2x16s")

    mapping: Mapping
    remote_port: int
    remote_address: str

    def encode(self) -> bytes:
        return self.LAYOUT.pack(self.mapping.encode(), self.remote_port, pack_address(self.remote_address))

    @classmethod
    def read(cls, data: bytes) -> Peering:
        mapping, port, address = cls.LAYOUT.unpack_from(data)
        return cls(Mapping.read(mapping), port, unpack_address(address))


Body = Mapping | Peering | None  # an ANNOUNCE has none (§14.1)
BODIES: Final[dict[Opcode, type[Mapping | Peering]]] = {Opcode.MAP: Mapping, Opcode.PEER: Peering}


@frozen
class Request:
    """A request (§7.1). ``lifetime`` in seconds, 0 deletes; ``client`` is the address it is sent from."""

    LAYOUT: ClassVar = Struct("!BBxxI16s")

    opcode: Opcode
    lifetime: int
    client: str
    body: Body = None
    options: tuple[Option, ...] = ()

    def encode(self) -> bytes:
        """The datagram.

        Raises:
            LocalError: an address that is none, or options that do not fit into 1100 bytes.
        """
        head = self.LAYOUT.pack(VERSION, self.opcode, self.lifetime, pack_address(self.client))
        return _fitting(head + _encode_rest(self.body, self.options))

    @classmethod
    def decode(cls, datagram: bytes) -> Request:
        """Read a request off the wire.

        Raises:
            MalformedMessage: no PCP request, of an odd size, cut, or with an opcode or an option amiss.
        """
        _check_size(datagram)
        version, opcode, lifetime, client = cls.LAYOUT.unpack_from(datagram)
        if version != VERSION or opcode & RESPONSE:
            raise MalformedMessage(f"PCP version {version}, opcode {opcode}: no request")
        body, options = _decode_rest(_opcode(opcode), datagram[cls.LAYOUT.size :])
        return cls(Opcode(opcode), lifetime, unpack_address(client), body, options)


@frozen
class Response:
    """An answer (§7.2). ``lifetime`` in seconds: granted, or how long a refusal stands (§7.4).

    ``result`` is a ``ResultCode``, or a number that RFC 6887 does not know. A refusal may come without body.
    """

    LAYOUT: ClassVar = Struct("!BBxBII12x")

    opcode: Opcode
    result: int
    lifetime: int
    epoch: int  # seconds since the server lost its state (§8.5)
    body: Body = None
    options: tuple[Option, ...] = ()

    def encode(self) -> bytes:
        """The datagram.

        Raises:
            LocalError: an address that is none, or options that do not fit into 1100 bytes.
        """
        head = self.LAYOUT.pack(VERSION, self.opcode | RESPONSE, self.result, self.lifetime, self.epoch)
        return _fitting(head + _encode_rest(self.body, self.options))


@frozen
class VersionRefused:
    """The server speaks another version only: 0 is NAT-PMP, said in NAT-PMP's form (§9)."""

    version: int


def decode(datagram: bytes) -> Response | VersionRefused:
    """Read an answer, or an announcement, off the wire.

    Raises:
        MalformedMessage: shorter than a header, longer than 1100 bytes, not a multiple of four, not an
            answer, an opcode that RFC 6887 does not define, or a body or an option amiss (§8.3).
    """
    if len(datagram) < SHORTEST_REFUSAL:
        raise MalformedMessage(f"PCP answer of {len(datagram)} bytes")
    version, opcode, result = datagram[0], datagram[1], datagram[3]
    if version != VERSION:
        return _other_version(version, opcode, result)
    _check_size(datagram)
    if not opcode & RESPONSE:
        raise MalformedMessage(f"PCP opcode {opcode}: no answer")
    _, _, result, lifetime, epoch = Response.LAYOUT.unpack_from(datagram)
    known = _opcode(opcode ^ RESPONSE)
    rest = datagram[Response.LAYOUT.size :]
    if result and len(rest) < _body_size(known):
        return Response(known, _result(result), lifetime, epoch)
    return Response(known, _result(result), lifetime, epoch, *_decode_rest(known, rest, bool(result)))


def _other_version(version: int, opcode: int, result: int) -> VersionRefused:
    """Of other versions one thing is understood: that they do not understand us.

    NAT-PMP's result has 16 bits, the lower of which are where ours are; its answer to an unsupported version
    may lack the response bit (RFC 6886 §3.5).
    """
    if result != ResultCode.UNSUPP_VERSION or not (opcode & RESPONSE or version == 0):
        raise MalformedMessage(f"PCP version {version}, opcode {opcode}, result {result}")
    return VersionRefused(version)


def _check_size(datagram: bytes) -> None:
    size = len(datagram)
    if size < Request.LAYOUT.size or size > LONGEST or size % 4:
        raise MalformedMessage(f"PCP message of {size} bytes")


def _fitting(datagram: bytes) -> bytes:
    if len(datagram) > LONGEST:
        raise LocalError(f"a PCP message of {len(datagram)} bytes: {LONGEST} is the most")
    return datagram


def _opcode(number: int) -> Opcode:
    try:
        return Opcode(number)
    except ValueError as error:
        raise MalformedMessage(f"PCP opcode {number}") from error


def _result(number: int) -> int:
    return ResultCode(number) if number <= LAST_RESULT else number


def _body_size(opcode: Opcode) -> int:
    kind = BODIES.get(opcode)
    return 0 if kind is None else kind.LAYOUT.size


def _encode_rest(body: Body, options: tuple[Option, ...]) -> bytes:
    return (b"" if body is None else body.encode()) + encode_options(options)


def _decode_rest(opcode: Opcode, data: bytes, refusal: bool = False) -> tuple[Body, tuple[Option, ...]]:
    """Body and options; a refusal's options are a copy of ours, and may be what it is about."""
    size = _body_size(opcode)
    if len(data) < size:
        raise MalformedMessage(f"PCP {opcode.name} with {len(data)} bytes behind its header")
    kind = BODIES.get(opcode)
    return None if kind is None else kind.read(data), () if refusal else decode_options(data[size:])
