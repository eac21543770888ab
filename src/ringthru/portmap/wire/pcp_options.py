"""Options of PCP messages on the wire (RFC 6887 §7.3 and §13, RFC 7220), and its way of writing addresses.

Lives here: each option's fields and the bytes they become.
Never here: which option goes with which request, or what a server makes of it.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import Struct
from typing import ClassVar, Final

from ...net.values import frozen
from ..errors import LocalError, MalformedMessage

HEADER: Final = Struct("!BxH")  # code, reserved, length of the data without its padding (§7.3)
OPTIONAL: Final = 128  # from this code on a server may pass over what it does not know (§7.3)
V4_MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96: how an IPv4 address is written (§5)
V4_PREFIX: Final = 96  # bits of it
LONGEST_DESCRIPTION: Final = 1016  # octets (RFC 7220 §2)


@lru_cache(maxsize=256)  # the same few addresses are in every message, and the library takes 5 µs for each
def pack_address(text: str) -> bytes:
    """An address in 16 bytes; IPv4 as ``::ffff:a.b.c.d`` (RFC 6887 §5). A zone (``%eth0``) is left out.

    Raises:
        LocalError: it is no address.
    """
    try:
        address = ip_address(text)
    except ValueError as error:
        raise LocalError(f"{text!r} is no address") from error
    return V4_MAPPED + address.packed if isinstance(address, IPv4Address) else address.packed


@lru_cache(maxsize=256)
def unpack_address(data: bytes) -> str:
    """The address in 16 bytes as text, IPv4 in its own form."""
    if data.startswith(V4_MAPPED):
        return str(IPv4Address(data[len(V4_MAPPED) :]))
    return str(IPv6Address(data))


@frozen
class ThirdParty:
    """The mapping is for another host: its internal address (RFC 6887 §13.1)."""

    CODE: ClassVar = 1

    address: str

    def data(self) -> bytes:
        return pack_address(self.address)

    @classmethod
    def read(cls, data: bytes) -> ThirdParty:
        if len(data) != 16:
            raise MalformedMessage(f"PCP THIRD_PARTY of {len(data)} bytes")
        return cls(unpack_address(data))


@frozen
class PreferFailure:
    """Refuse rather than give another external port or address than suggested (RFC 6887 §13.2)."""

    CODE: ClassVar = 2

    def data(self) -> bytes:
        return b""

    @classmethod
    def read(cls, data: bytes) -> PreferFailure:
        if data:
            raise MalformedMessage(f"PCP PREFER_FAILURE with {len(data)} bytes")
        return cls()


@frozen
class Filter:
    """Let in a network's hosts only (RFC 6887 §13.3); ``port`` 0 is any of their ports.

    ``prefix`` is in bits of the address as it is written: 0–32 for IPv4, 0–128 for IPv6. ``::`` with 0 bits
    means no filter at all: it strikes out those that came before it.
    """

    CODE: ClassVar = 3
    LAYOUT: ClassVar = Struct("!xBH16s")

    address: str
    prefix: int
    port: int = 0

    def data(self) -> bytes:
        address = pack_address(self.address)
        bits = self.prefix + (V4_PREFIX if address.startswith(V4_MAPPED) else 0)
        return self.LAYOUT.pack(bits, self.port, address)

    @classmethod
    def read(cls, data: bytes) -> Filter:
        if len(data) != cls.LAYOUT.size:
            raise MalformedMessage(f"PCP FILTER of {len(data)} bytes")
        bits, port, address = cls.LAYOUT.unpack(data)
        if bits == 0:
            return cls("::", 0, port)  # the address means nothing then
        least = V4_PREFIX if address.startswith(V4_MAPPED) else 1
        if not least <= bits <= 128:
            raise MalformedMessage(f"PCP FILTER of {bits} bits")
        return cls(unpack_address(address), bits - V4_PREFIX if least == V4_PREFIX else bits, port)


@frozen
class Description:
    """Words for people about a mapping (RFC 7220); cut to 1016 octets of UTF-8 when sent."""

    CODE: ClassVar = 128

    text: str

    def data(self) -> bytes:
        cut = self.text.encode(errors="replace")[:LONGEST_DESCRIPTION]
        return cut.decode(errors="ignore").rstrip("\0").encode()  # not amid a character

    @classmethod
    def read(cls, data: bytes) -> Description:
        return cls(data.decode(errors="replace").rstrip("\0"))


@frozen
class UnknownOption:
    """A mandatory option that we do not know: a server must refuse it, a client need not care (§7.3)."""

    code: int
    content: bytes

    @property
    def CODE(self) -> int:
        return self.code

    def data(self) -> bytes:
        return self.content


Option = ThirdParty | PreferFailure | Filter | Description | UnknownOption
KNOWN: Final = {each.CODE: each for each in (ThirdParty, PreferFailure, Filter, Description)}


def encode_options(options: tuple[Option, ...]) -> bytes:
    """Every option in turn, its data padded with zeros to a multiple of four (§7.3)."""
    return b"".join(
        HEADER.pack(option.CODE, len(data)) + data + bytes(-len(data) % 4)
        for option, data in ((option, option.data()) for option in options)
    )


def decode_options(data: bytes) -> tuple[Option, ...]:
    """Read the options; optional ones that we do not know are skipped.

    Raises:
        MalformedMessage: an option ends after the message, or has a length or a prefix that it cannot have.
    """
    options: list[Option] = []
    while data:
        if len(data) < HEADER.size:
            raise MalformedMessage(f"{len(data)} bytes in place of a PCP option")
        code, length = HEADER.unpack_from(data)
        content, data = data[HEADER.size : HEADER.size + length], data[HEADER.size + length + -length % 4 :]
        if len(content) < length:
            raise MalformedMessage(f"PCP option {code} of {length} bytes, {len(content)} there")
        kind = KNOWN.get(code)
        if kind is not None:
            options.append(kind.read(content))
        elif code < OPTIONAL:
            options.append(UnknownOption(code, content))
    return tuple(options)
