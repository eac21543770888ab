"""Header field values as typed values (RFC 3261 §20, §25.1).

Lives here: Via, name-addr, CSeq; the Digest headers of authentication.py by name.
Never here: whole messages, or what a header means for a transaction.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from ...net.address import same_host
from ...net.values import frozen, replace
from ..errors import MalformedMessage
from .authentication import Challenge, Credentials
from .grammar import (
    KEPT,
    LONGEST_KEPT,
    QUOTED,
    TOKEN,
    Parameters,
    find_parameter,
    quote,
    read_parameters,
    split_list,
    unquote,
    write_parameters,
)
from .uri import SipUri, read_port

__all__ = [
    "TOKEN",
    "CSeq",
    "Challenge",
    "Credentials",
    "NameAddr",
    "Parameters",
    "Via",
    "quote",
    "split_list",
    "unquote",
]

MAX_CSEQ: Final = 2**31 - 1  # §8.1.1.5
MAX_EXPIRES: Final = 2**32 - 1  # seconds; larger values mean this (§20.19)

VIA: Final = re.compile(
    r"[A-Za-z0-9\-.!%*_+`'~]+[ \t]*/[ \t]*[A-Za-z0-9\-.!%*_+`'~]+[ \t]*/[ \t]*"  # SIP/2.0/
    r"([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+"  # transport
    r"(?:([A-Za-z0-9._-]+|\x00|\x01|\x02)|\[([0-9A-Fa-f:.]+)\])[ \t]*"  # host
    r"(?::[ \t]*([0-9]{1,5})[ \t]*)?"  # port
)
DISPLAY_REFUSED: Final = re.compile(r"[,;>\"]")
CSEQ: Final = re.compile(r"([0-9]{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)")


@frozen
class Via:
    """One hop (§20.42). ``host`` has no brackets; ``port`` is None when the sent-by names none.

    ``branch`` is that parameter; ``wants_rport``: ``rport`` is there at all, empty or filled (RFC 3581 §4).
    """

    __slots__ = ("branch", "wants_rport")

    transport: str
    host: str
    port: int | None = None
    parameters: Parameters = ()

    if TYPE_CHECKING:  # no fields: they follow from the parameters, and each message asks for them
        branch: ClassVar[str | None]
        wants_rport: ClassVar[bool]

    def __post_init__(self) -> None:
        object.__setattr__(self, "branch", find_parameter(self.parameters, "branch"))
        object.__setattr__(self, "wants_rport", "rport" in dict(self.parameters))

    @classmethod
    def parse(cls, text: str) -> Via:
        """``sent-protocol LWS sent-by *( SEMI via-params )``, with spaces about "/" and ":".

        Raises:
            MalformedMessage: anything else, or a port above 65535.
        """
        found = VIA.match(text)
        if found is None:
            raise MalformedMessage(f"bad Via {text[:80]!r}")
        transport, host, ipv6, port = found.groups()
        parameters = read_parameters(text[found.end() :])
        return cls(transport.upper(), host or ipv6, None if port is None else read_port(port), parameters)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {host}{port}{write_parameters(self.parameters)}"

    def parameter(self, name: str) -> str | None:
        """The value; "" when the parameter has none; None when it is absent."""
        return find_parameter(self.parameters, name)

    @property
    def received(self) -> str | None:
        return self.parameter("received")

    @property
    def rport(self) -> int | None:
        """The filled-in source port; None when ``rport`` is absent, empty or no port."""
        text = self.parameter("rport")
        if not text or not text.isascii() or not text.isdigit() or len(text) > 5:
            return None
        return int(text)

    def seen_from(self, host: str, port: int) -> Via:
        """As the server forwards or answers it: ``received`` always, ``rport`` where it was asked for.

        §18.2.1 demands ``received`` only for a differing host; RFC 3581 §4 demands it beside rport.
        """
        if not self.wants_rport and (host == self.host or same_host(host, self.host)):
            return self
        others = [each for each in self.parameters if each[0] != "received"]
        filled = [(name, str(port) if name == "rport" else value) for name, value in others]
        return Via(self.transport, self.host, self.port, (*filled, ("received", host)))


@frozen
class NameAddr:
    """From, To, Contact, Route: a URI with a display name and header parameters (§20.10).

    ``display`` is decoded; parameter values are as written, quotes included. ``tag`` is that parameter.
    """

    __slots__ = ("tag",)

    display: str
    uri: SipUri
    parameters: Parameters = ()

    if TYPE_CHECKING:
        tag: ClassVar[str | None]  # no field: it follows from the parameters, and is asked for all the time

    def __post_init__(self) -> None:
        object.__setattr__(self, "tag", find_parameter(self.parameters, "tag"))

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """``( name-addr / addr-spec ) *( SEMI generic-param )``.

        Without brackets what follows ";" belongs to the header, and "?" and "," are refused (§20.10).
        A display name without quotes may be any text but ``, ; > "``.

        Raises:
            MalformedMessage: anything else.
        """
        if len(text) > LONGEST_KEPT:
            return cls._read(text)
        return _tagged(text) if ";tag=" in text else _name_addr(text)

    @classmethod
    def _read_tagged(cls, text: str) -> NameAddr:
        """A From or To with a tag at its end: the address comes with many dialogs, and is read once."""
        address, _, tag = text.rpartition(";tag=")
        if not TOKEN.fullmatch(tag):
            return cls._read(text)  # it stands inside of something
        found = _name_addr(address)
        return cls(found.display, found.uri, (*found.parameters, ("tag", tag)))

    @classmethod
    def _read(cls, text: str) -> NameAddr:
        text = text.strip(" \t")
        if text[:1] == '"':
            display, rest = cls._read_quoted_display(text)
        elif "<" in text:
            display, _, rest = text.partition("<")
            display = display.rstrip(" \t")
            if display and DISPLAY_REFUSED.search(display):
                return cls._parse_bare(text)  # the "<" stood inside a parameter, or nowhere sensible
        else:
            return cls._parse_bare(text)
        uri, closed, tail = rest.partition(">")
        if not closed:
            raise MalformedMessage(f"'<' without '>' in {text[:80]!r}")
        tail = tail.lstrip(" \t")
        return cls(display, SipUri.parse(uri), read_parameters(tail) if tail else ())

    @staticmethod
    def _read_quoted_display(text: str) -> tuple[str, str]:
        found = QUOTED.match(text)
        rest = text[found.end() :].lstrip(" \t") if found is not None else ""
        if found is None or rest[:1] != "<":
            raise MalformedMessage(f"bad display name in {text[:80]!r}")
        return unquote(found[0]), rest[1:]

    @classmethod
    def _parse_bare(cls, text: str) -> NameAddr:
        uri, semicolon, tail = text.partition(";")
        if "?" in uri or "," in uri:
            raise MalformedMessage(f"URI needs angle brackets: {text[:80]!r}")
        return cls("", SipUri.parse(uri.rstrip(" \t")), read_parameters(semicolon + tail))

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{write_parameters(self.parameters)}"

    def parameter(self, name: str) -> str | None:
        """The value without quotes; "" when the parameter has none; None when it is absent."""
        return find_parameter(self.parameters, name)

    def with_tag(self, tag: str) -> NameAddr:
        """The same with this tag, replacing any other."""
        others = tuple(each for each in self.parameters if each[0] != "tag")
        return replace(self, parameters=(*others, ("tag", tag)))


_name_addr: Final = lru_cache(KEPT)(NameAddr._read)
_tagged: Final = lru_cache(KEPT)(
    NameAddr._read_tagged
)  # apart: those of thousands of dialogs push out no address


@frozen
class CSeq:
    """Sequence number (0 to 2**31 - 1) and method (§20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """``1*DIGIT LWS Method``.

        Raises:
            MalformedMessage: anything else, or a number of 2**31 and above.
        """
        return _cseq(text) if len(text) <= LONGEST_KEPT else cls._read(text)

    @classmethod
    def _read(cls, text: str) -> CSeq:
        found = CSEQ.fullmatch(text)
        if found is None or int(found[1]) > MAX_CSEQ:
            raise MalformedMessage(f"bad CSeq {text[:80]!r}")
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


_cseq: Final = lru_cache(KEPT)(CSeq._read)


def top_via(value: str) -> Via:
    elements = split_list(value) if "," in value else [value]
    return Via.parse(elements[0] if elements else "")


def read_call_id(value: str) -> str:
    if not value or " " in value or "\t" in value:
        raise MalformedMessage(f"bad Call-ID {value[:80]!r}")
    return value


def read_max_forwards(value: str) -> int:
    if value == "70":  # what the RFC recommends
        return 70
    if not (value.isascii() and value.isdigit()) or len(value) > 9 or int(value) > 255:
        raise MalformedMessage(f"bad Max-Forwards {value[:20]!r}")
    return int(value)


def read_expires(text: str | None) -> int | None:
    """``delta-seconds``, clamped to 2**32 - 1; None when there is none or it is no number."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return int(text) if len(text) <= 10 and int(text) <= MAX_EXPIRES else MAX_EXPIRES
