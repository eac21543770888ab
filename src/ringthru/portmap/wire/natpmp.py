"""NAT-PMP messages on the wire (RFC 6886).

Lives here: the packets, their fields, and the bytes they become.
Never here: sockets, clocks, retries, logging, or what a gateway remembers.
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Address
from struct import Struct
from typing import ClassVar, Final

from ...net.values import frozen
from ..errors import MalformedMessage

PORT: Final = 5351  # where a gateway listens (RFC 6886 §3.1)
VERSION: Final = 0
RESPONSE: Final = 0x80  # set in the opcode of every response (§3.5)
HEADER: Final = Struct("!BBHI")  # version, opcode, result, seconds since the epoch


class Opcode(IntEnum):
    """What is asked (RFC 6886 §3.2, §3.3)."""

    ADDRESS = 0
    MAP_UDP = 1
    MAP_TCP = 2


class ResultCode(IntEnum):
    """How it went (RFC 6886 §3.5)."""

    SUCCESS = 0
    UNSUPPORTED_VERSION = 1
    NOT_AUTHORIZED = 2  # "supports it, but the user has turned the feature off"
    NETWORK_FAILURE = 3  # the gateway has no address of its own yet
    OUT_OF_RESOURCES = 4
    UNSUPPORTED_OPCODE = 5


@frozen
class AddressRequest:
    """Ask for the external address (RFC 6886 §3.2)."""

    opcode: ClassVar = Opcode.ADDRESS

    def encode(self) -> bytes:
        return bytes((VERSION, Opcode.ADDRESS))


@frozen
class MappingRequest:
    """Ask for one mapping (RFC 6886 §3.3); a ``lifetime`` of 0 deletes it (§3.4).

    Ports are 1–65535; the suggested external port is 0 in a deletion only. ``lifetime`` is in seconds.
    """

    LAYOUT: ClassVar = Struct("!BBxxHHI")

    opcode: Opcode
    internal_port: int
    suggested_external_port: int = 0
    lifetime: int = 7200  # what §3.3 recommends

    def encode(self) -> bytes:
        return self.LAYOUT.pack(
            VERSION, self.opcode, self.internal_port, self.suggested_external_port, self.lifetime
        )


@frozen
class AddressResponse:
    """The external address (RFC 6886 §3.2); ``epoch`` is whole seconds."""

    LAYOUT: ClassVar = Struct("!BBHI4s")

    epoch: int
    address: str


@frozen
class MappingResponse:
    """What the gateway granted (RFC 6886 §3.3); ``lifetime`` and ``epoch`` are whole seconds."""

    LAYOUT: ClassVar = Struct("!BBHIHHI")

    opcode: Opcode
    epoch: int
    internal_port: int
    external_port: int
    lifetime: int


@frozen
class ErrorResponse:
    """A refusal. Eight bytes are enough for one (RFC 6886 §3.5); what follows them means nothing."""

    opcode: Opcode | None  # None: an opcode, or none, that we did not ask (unsupported version)
    result: ResultCode
    epoch: int


Request = AddressRequest | MappingRequest
Response = AddressResponse | MappingResponse | ErrorResponse


def decode(datagram: bytes) -> Response:
    """Read a response off the wire; bytes after it are ignored.

    Raises:
        MalformedMessage: too short, not version 0, not a response, or a code that RFC 6886 does not define.
    """
    if len(datagram) < HEADER.size:
        raise MalformedMessage(f"NAT-PMP response of {len(datagram)} bytes")
    version, opcode, code, epoch = HEADER.unpack_from(datagram)
    if version != VERSION:
        raise MalformedMessage(f"NAT-PMP version {version}")
    try:
        result = ResultCode(code)
    except ValueError as error:
        raise MalformedMessage(f"NAT-PMP result code {code}") from error
    if result is ResultCode.UNSUPPORTED_VERSION:
        return ErrorResponse(None, result, epoch)  # §3.5: the opcode is 0 here, without the response bit
    return _decode_answer(datagram, opcode, result, epoch)


def _decode_answer(datagram: bytes, raw_opcode: int, result: ResultCode, epoch: int) -> Response:
    try:
        opcode = Opcode(raw_opcode ^ RESPONSE)
    except ValueError as error:
        if result is ResultCode.UNSUPPORTED_OPCODE and raw_opcode & RESPONSE:
            return ErrorResponse(None, result, epoch)
        raise MalformedMessage(f"NAT-PMP opcode {raw_opcode}") from error
    if result is not ResultCode.SUCCESS:
        return ErrorResponse(opcode, result, epoch)
    layout = AddressResponse.LAYOUT if opcode is Opcode.ADDRESS else MappingResponse.LAYOUT
    if len(datagram) < layout.size:
        raise MalformedMessage(f"NAT-PMP {opcode.name} response of {len(datagram)} bytes")
    if opcode is Opcode.ADDRESS:
        return AddressResponse(epoch, str(IPv4Address(layout.unpack_from(datagram)[4])))
    return MappingResponse(opcode, epoch, *layout.unpack_from(datagram)[4:])
