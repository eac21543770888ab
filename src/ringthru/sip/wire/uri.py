"""SIP and SIPS URIs (RFC 3261 §19.1); other schemes are carried, not understood.

Lives here: the URI as a value, its text, its comparison.
Never here: name resolution, or an address of our own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ...net.values import frozen
from ..errors import MalformedMessage
from .grammar import KEPT, LONGEST_KEPT, MAX_PARAMETERS

MAX_PORT: Final = 65535
# What may differ only by being absent, and then never matches (§19.1.4; transport by its examples).
DECISIVE: Final = ("user", "ttl", "method", "maddr", "transport")
UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()")
USER_UNRESERVED: Final = frozenset("&=+$,;?/")

# A hole for our own address (`holes.py`) may stand where a host stands.
SIP_URI: Final = re.compile(
    r"([sS][iI][pP][sS]?):"
    r"(?:([^@:\s<>\"\x00-\x1f\x7f]+)(?::([^@\s<>\"\x00-\x1f\x7f]*))?@)?"  # userinfo
    r"(?:([A-Za-z0-9._-]+|\x00|\x01|\x02)|\[([0-9A-Fa-f:.]+)\])"  # host
    r"(?::([0-9]{1,5}))?"  # port
    r"(;[^?\s<>\"\x00-\x1f\x7f]*)?"  # uri-parameters
    r"(?:\?([^\s<>\"\x00-\x1f\x7f]*))?"  # headers
)
OTHER_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):([^\s<>\"\x00-\x1f\x7f]+)")
BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


@frozen
class SipUri:
    """One URI; every part is the text of the wire, its escapes kept (so nothing can be smuggled in).

    ``host`` is a name, an IPv4 address, or an IPv6 address without its brackets. ``port`` is None
    when the URI names none. A URI of another scheme (``tel:``, ``urn:``) has an empty ``host`` and its
    opaque part in ``user``; only ``tel:`` has its parameters split off.
    """

    scheme: str
    user: str | None
    host: str
    port: int | None = None
    parameters: tuple[tuple[str, str | None], ...] = ()
    password: str | None = None
    headers: str = ""

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Read a URI without angle brackets.

        ::

            SIP-URI  =  "sip:" [ userinfo ] hostport uri-parameters [ headers ]
            userinfo =  ( user / telephone-subscriber ) [ ":" password ] "@"
            hostport =  host [ ":" port ]

        The user part is read more liberally than the ABNF: phones send ``#`` unescaped.

        Raises:
            MalformedMessage: no scheme, white space, a broken escape, a port above 65535.
        """
        return _uri(text) if len(text) <= LONGEST_KEPT else cls._read(text)

    @classmethod
    def _read(cls, text: str) -> SipUri:
        if "%" in text and BROKEN_ESCAPE.search(text):
            raise MalformedMessage(f"broken escape in URI {text[:80]!r}")
        found = SIP_URI.fullmatch(text)
        if found is None:
            return cls._parse_opaque(text)
        scheme, user, password, host, ipv6, port, parameters, headers = found.groups()
        return cls(
            scheme.lower(),
            user,
            host or ipv6,
            None if port is None else read_port(port),
            read_uri_parameters(parameters) if parameters else (),
            password,
            headers or "",
        )

    @classmethod
    def _parse_opaque(cls, text: str) -> SipUri:
        found = OTHER_URI.fullmatch(text)
        if found is None or found[1].lower() in ("sip", "sips"):
            raise MalformedMessage(f"no URI: {text[:80]!r}")
        scheme, rest = found[1].lower(), found[2]
        if scheme != "tel":
            return cls(scheme, rest, "")
        number, semicolon, parameters = rest.partition(";")
        return cls(scheme, number, "", None, read_uri_parameters(semicolon + parameters))

    def __str__(self) -> str:
        parts = [self.scheme, ":"]
        if self.user is not None:
            parts.append(self.user)
            if self.password is not None:
                parts += (":", self.password)
            if self.host:
                parts.append("@")
        parts.append(f"[{self.host}]" if ":" in self.host else self.host)
        if self.port is not None:
            parts.append(f":{self.port}")
        for name, value in self.parameters:
            parts.append(f";{name}" if value is None else f";{name}={value}")
        if self.headers:
            parts += ("?", self.headers)
        return "".join(parts)

    @property
    def is_sip(self) -> bool:
        """Whether this is a ``sip:`` or ``sips:`` URI, one that has a host."""
        return self.scheme in ("sip", "sips")

    @property
    def decoded_user(self) -> str:
        """The user with its escapes undone, for people and dialplans; "" without a user.

        May hold any character, line ends included: escape() it before it goes back on the wire.
        """
        return unescape(self.user) if self.user is not None else ""

    def parameter(self, name: str) -> str | None:
        """The value of a URI parameter; "" when it has none; None when it is absent."""
        name = name.lower()
        for each, value in self.parameters:
            if each.lower() == name:
                return value or ""
        return None

    def has_parameter(self, name: str) -> bool:
        return self.parameter(name) is not None

    def same_as(self, other: SipUri) -> bool:
        """Whether both name the same resource (RFC 3261 §19.1.4). Not transitive, says the RFC."""
        return (
            self.scheme == other.scheme
            and self.port == other.port
            and self.host.lower() == other.host.lower()
            and normal(self.user) == normal(other.user)
            and normal(self.password) == normal(other.password)
            and self._parameters_agree(other)
            and self._header_set() == other._header_set()
        )

    def _parameters_agree(self, other: SipUri) -> bool:
        mine, theirs = self._parameter_set(), other._parameter_set()
        if any((name in mine) != (name in theirs) for name in DECISIVE):
            return False
        return all(theirs[name] == value for name, value in mine.items() if name in theirs)

    def _parameter_set(self) -> dict[str, str]:
        return {
            (normal(name) or "").lower(): (normal(value) or "").lower() for name, value in self.parameters
        }

    def _header_set(self) -> list[tuple[str, str]]:
        pairs = (field.partition("=") for field in self.headers.split("&") if field)
        return sorted(((normal(name) or "").lower(), normal(value) or "") for name, _, value in pairs)


_uri: Final = lru_cache(KEPT)(SipUri._read)


def read_port(digits: str) -> int:
    """A port from one to five digits.

    Raises:
        MalformedMessage: above 65535.
    """
    port = int(digits)
    if port > MAX_PORT:
        raise MalformedMessage(f"port {port}")
    return port


def read_uri_parameters(text: str) -> tuple[tuple[str, str | None], ...]:
    """``*( ";" pname [ "=" pvalue ] )``; the names keep their case.

    Raises:
        MalformedMessage: a parameter without a name.
    """
    found: list[tuple[str, str | None]] = []
    pieces = text.split(";")[1:]
    if len(pieces) > MAX_PARAMETERS:
        raise MalformedMessage(f"{len(pieces)} URI parameters")
    for piece in pieces:
        name, equals, value = piece.partition("=")
        if not name:
            raise MalformedMessage(f"URI parameter without a name in {text[:80]!r}")
        found.append((name, value if equals else None))
    return tuple(found)


def escape(text: str) -> str:
    """A user part for the wire: whatever §25.1 does not allow there becomes ``%HH`` of its UTF-8."""
    return "".join(
        each if each in UNRESERVED or each in USER_UNRESERVED else "".join(f"%{b:02X}" for b in each.encode())
        for each in text
    )


def unescape(text: str) -> str:
    """Undo ``%HH``, reading the bytes as UTF-8; bytes that are not UTF-8 become U+FFFD."""
    if "%" not in text:
        return text
    return ESCAPES.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode("utf-8", "replace"), text)


def normal(text: str | None) -> str | None:
    """The comparable form (§19.1.4): only escapes of unreserved characters are undone."""
    if text is None or "%" not in text:
        return text
    return ESCAPE.sub(lambda found: _normal_escape(found[1]), text)


def _normal_escape(digits: str) -> str:
    character = chr(int(digits, 16))
    return character if character in UNRESERVED else f"%{digits.upper()}"
