"""Session descriptions on the wire (RFC 8866).

Lives here: the lines of a description, read leniently within bounds, and written strictly.
Never here: what an offer means, or which answer it gets (``offer_answer``).
"""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, Self

from ...net.values import frozen, record
from ..errors import MalformedSdp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .codecs import Codec

MAX_SIZE: Final = 65536  # bytes; the largest body that a UDP datagram could carry
MAX_MEDIA: Final = 32  # m= lines
MAX_ATTRIBUTES: Final = 256  # a= lines, all together
TEXTS_KEPT: Final = 64  # of attributes as they are written

Attribute = tuple[str, str | None]


@frozen
class Origin:
    """The ``o=`` line (§5.2); ``session_id`` and ``version`` are decimal text of any length."""

    username: str
    session_id: str
    version: str
    host: str

    def encode(self) -> str:
        return f"o={self.username} {self.session_id} {self.version} {encode_host(self.host)}\r\n"


@frozen
class MediaDescription:
    """One ``m=`` line and what belongs to it (§5.14); ``port`` is 0–65535, 0 means refused.

    ``codecs`` is what ``audio.formats_of`` has read of it, once it was asked.
    """

    __slots__ = ("codecs",)

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    host: str | None = None  # its own c= line, when it has one
    attributes: tuple[Attribute, ...] = ()

    if TYPE_CHECKING:
        codecs: ClassVar[Sequence[Codec]]

    def attribute(self, name: str) -> str | None:
        """The value of the first attribute so named; a flag's value is empty; None without it."""
        for key, value in self.attributes:
            if key == name:
                return value or ""
        return None

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name and value is not None]

    def encode(self) -> str:
        lines = [f"m={self.kind} {self.port} {self.protocol} {' '.join(self.formats)}\r\n"]
        if self.host is not None:
            lines.append(f"c={encode_host(self.host)}\r\n")
        lines.append(encode_attributes(self.attributes))
        return "".join(lines)


@frozen
class SessionDescription:
    """A whole description; bandwidth, times, keys and contacts are read over and not kept."""

    origin: Origin
    host: str | None  # the session's c= line
    media: tuple[MediaDescription, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    name: str = "-"

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a description; bare LF, missing ``s=`` or ``t=`` and unknown lines are forgiven.

        Raises:
            MalformedSdp: no ``v=0`` first, no usable ``o=``, a broken ``m=`` or ``c=``, not
                UTF-8, or beyond 64 KiB, 32 media or 256 attributes.
        """
        if len(body) > MAX_SIZE:
            raise MalformedSdp(f"a description of {len(body)} bytes")
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise MalformedSdp("not UTF-8") from error
        lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
        first = lines[0].rstrip("\r")
        letter, _, value = first.partition("=")
        if (letter, value.strip()) != ("v", "0"):
            raise MalformedSdp(f"begins with {first[:20]!r}, not with v=0")
        reader = _Reader()
        reader.read(lines)
        if reader.origin is None:
            raise MalformedSdp("no o= line")
        media = tuple(draft.finish() for draft in reader.media)
        return cls(reader.origin, reader.host, media, tuple(reader.attributes), reader.name)

    def host_of(self, media: MediaDescription) -> str | None:
        """Where this medium goes: its own ``c=`` line, else the session's (§5.7)."""
        return media.host if media.host is not None else self.host

    def attribute(self, media: MediaDescription, name: str) -> str | None:
        """An attribute of this medium, else of the session."""
        value = media.attribute(name)
        if value is not None:
            return value
        for key, text in self.attributes:
            if key == name:
                return text or ""
        return None

    def encode(self) -> bytes:
        """The bytes of the description, in the order of §5; times are always ``0 0``."""
        lines = ["v=0\r\n", self.origin.encode(), f"s={self.name}\r\n"]
        if self.host is not None:
            lines.append(f"c={encode_host(self.host)}\r\n")
        lines.append("t=0 0\r\n")
        lines.append(encode_attributes(self.attributes))
        lines += [media.encode() for media in self.media]
        return "".join(lines).encode()


def encode_host(host: str) -> str:
    return f"IN {'IP6' if ':' in host else 'IP4'} {host}"


@lru_cache(maxsize=TEXTS_KEPT)
def encode_attributes(attributes: tuple[Attribute, ...]) -> str:
    """The lines of attributes; kept, for what we offer and answer is nearly always the same."""
    return "".join(
        [f"a={name}\r\n" if value is None else f"a={name}:{value}\r\n" for name, value in attributes]
    )


@record
class _Draft:
    """A medium whose lines are still being read."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    host: str | None = None
    attributes: list[Attribute] = field(default_factory=list)

    def finish(self) -> MediaDescription:
        return MediaDescription(
            self.kind, self.port, self.protocol, self.formats, self.host, tuple(self.attributes)
        )


@record
class _Reader:
    """Takes the lines; what follows an ``m=`` line belongs to it."""

    origin: Origin | None = None
    name: str = "-"
    host: str | None = None
    attributes: list[Attribute] = field(default_factory=list)
    media: list[_Draft] = field(default_factory=list)
    attribute_count: int = 0

    def read(self, lines: list[str]) -> None:
        """An empty or unreadable line says nothing; real devices send them."""
        for line in lines:
            letter, equals, value = line.rstrip("\r").partition("=")
            if letter == "a" and equals:
                self._attribute(value)
            elif letter == "o" and equals and not self.media:
                self.origin = _origin(value)
            elif letter == "s" and equals and not self.media:
                self.name = value or "-"
            elif letter == "c" and equals:
                self._connection(_host(value))
            elif letter == "m" and equals:
                self._medium(value)

    def _connection(self, host: str) -> None:
        if self.media:
            # A layered address may be repeated (§5.7); the first is the base.
            self.media[-1].host = self.media[-1].host or host
        else:
            self.host = host

    def _medium(self, value: str) -> None:
        if len(self.media) == MAX_MEDIA:
            raise MalformedSdp(f"more than {MAX_MEDIA} media")
        words = value.split()
        if len(words) < 4:
            raise MalformedSdp(f"m={value[:60]!r}")
        port = words[1].partition("/")[0]
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
            raise MalformedSdp(f"port {words[1][:20]!r} in an m= line")
        self.media.append(_Draft(words[0].lower(), int(port), words[2], tuple(words[3:])))

    def _attribute(self, value: str) -> None:
        self.attribute_count += 1
        if self.attribute_count > MAX_ATTRIBUTES:
            raise MalformedSdp(f"more than {MAX_ATTRIBUTES} attributes")
        name, colon, rest = value.partition(":")
        home = self.media[-1].attributes if self.media else self.attributes
        home.append((name.strip().lower(), rest.strip() if colon else None))


def _origin(value: str) -> Origin:
    words = value.split()
    if len(words) < 6:
        raise MalformedSdp(f"o={value[:60]!r}")
    # A user name with blanks is against §5.2, but seen; the last five fields never hold any.
    return Origin("_".join(words[:-5]), words[-5], words[-4], words[-1])


def _host(value: str) -> str:
    words = value.split()
    if len(words) < 3 or words[0].upper() != "IN":
        raise MalformedSdp(f"c={value[:60]!r}")
    return words[2].partition("/")[0]  # a TTL or a count follows a multicast address (§5.7)
