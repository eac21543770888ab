"""SIP messages (RFC 3261 §7): bytes to (name, raw value) pairs and back.

Lives here: framing, the header list, and typed headers read from it on demand.
Never here: what one header's value looks like (headers.py), or what a message makes anybody do.

After parse() has returned, no typed property raises: what cannot be read was refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, Self, TypeVar

from ringthru.net.address import Endpoint

from .errors import LocalError, MalformedMessage
from .headers import TOKEN, CSeq, NameAddr, Via, split_list
from .names import LIST_HEADERS, SINGLE_HEADERS, SPELLED, canonical
from .uri import SipUri

T = TypeVar("T")

HERE: Final = "\x00"  # a hole: our own host[:port], filled when the message is encoded
HERE_HOST: Final = "\x01"  # a hole: our own host only

MAX_MESSAGE: Final = 65536  # bytes
MAX_HEADERS: Final = 100
MAX_EXPIRES: Final = 2**32 - 1  # seconds; larger values mean this (§20.19)
DEFAULT_PORT: Final = 5060

REQUEST_LINE: Final = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+) ([^\s]+) SIP/2\.0", re.IGNORECASE)
STATUS_LINE: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE)
OTHER_VERSION: Final = re.compile(r"[^ ]+ [^ ]+ SIP/[0-9]+\.[0-9]+", re.IGNORECASE)
FOLD: Final = re.compile(r"\n[ \t]+")
REQUIRED: Final = ("Via", "From", "To", "Call-ID", "CSeq")


class Message:
    """The headers, in order and raw, and the body. Change headers through the methods only.

    Typed properties are read once and kept until a header changes.
    """

    __slots__ = ("_first", "_typed", "body", "headers")

    def __init__(self, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> None:
        self.headers: list[tuple[str, str]] = [(canonical(name), value) for name, value in headers]
        self.body = body
        self._first: dict[str, str] | None = None
        self._typed: dict[str, Any] = {}

    # ------------------------------------------------------------------ raw headers

    def get(self, name: str) -> str | None:
        """The raw value of the first header of that name, long or compact, any case."""
        first = self._index()
        name = canonical(name)
        if name in first or name in SPELLED:
            return first.get(name)
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def get_all(self, name: str) -> list[str]:
        """Every value of that name; list headers are cut at their commas.

        Raises:
            MalformedMessage: an unclosed quote or bracket in a list header.
        """
        name = canonical(name)
        values = self._rows(name)
        if name not in LIST_HEADERS:
            return values
        return [element for value in values for element in split_list(value)]

    def add(self, name: str, value: str) -> None:
        """Append a header at the end."""
        self.headers.append((canonical(name), value))
        self._changed()

    def prepend(self, name: str, value: str) -> None:
        """Put a header before all others (a Via, a Route)."""
        self.headers.insert(0, (canonical(name), value))
        self._changed()

    def set(self, name: str, value: str) -> None:
        """Replace every header of that name by one, in the place of the first, else at the end."""
        name = canonical(name)
        place = next((i for i, (each, _) in enumerate(self.headers) if _same(each, name)), len(self.headers))
        self.remove(name)
        self.headers.insert(place, (name, value))

    def remove(self, name: str) -> None:
        """Remove every header of that name."""
        name = canonical(name)
        self.headers = [pair for pair in self.headers if not _same(pair[0], name)]
        self._changed()

    def replace_top(self, name: str, value: str) -> None:
        """Replace the first element of a list header (the top Via), and leave the others alone."""
        name = canonical(name)
        for place, (each, old) in enumerate(self.headers):
            if each == name:
                self.headers[place] = (name, ", ".join([value, *split_list(old)[1:]]))
                break
        self._changed()

    def _index(self) -> dict[str, str]:
        """The first value of each name, built once per change."""
        if self._first is None:
            self._first = dict(reversed(self.headers))
        return self._first

    def _rows(self, name: str) -> list[str]:
        if name in SPELLED:  # a canonical name, and so are those of the pairs
            return [value for each, value in self.headers if each == name]
        return [value for each, value in self.headers if _same(each, name)]

    def _changed(self) -> None:
        self._first = None
        self._typed.clear()

    # ------------------------------------------------------------------ typed headers

    def _read(self, name: str, reader: Callable[[str], T]) -> T:
        """A required header through its reader, once."""
        try:
            return self._typed[name]  # type: ignore[no-any-return]
        except KeyError:
            value = self._index().get(name)
        if value is None:
            raise MalformedMessage(f"no {name}")
        self._typed[name] = typed = reader(value)
        return typed

    def _read_list(self, name: str, reader: Callable[[str], T]) -> list[T]:
        key = name + "s"
        if key not in self._typed:
            self._typed[key] = [reader(element) for element in self.get_all(name)]
        return self._typed[key]  # type: ignore[no-any-return]

    @property
    def via(self) -> Via:
        """The top Via."""
        return self._read("Via", _top_via)

    @property
    def vias(self) -> list[Via]:
        """Every Via, topmost first."""
        return self._read_list("Via", Via.parse)

    @property
    def from_(self) -> NameAddr:
        return self._read("From", NameAddr.parse)

    @property
    def to(self) -> NameAddr:
        return self._read("To", NameAddr.parse)

    @property
    def cseq(self) -> CSeq:
        return self._read("CSeq", CSeq.parse)

    @property
    def call_id(self) -> str:
        return self._read("Call-ID", _read_call_id)

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact; empty for ``Contact: *`` (see contact_is_star)."""
        return [] if self.contact_is_star else self._read_list("Contact", NameAddr.parse)

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, None without one."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def contact_is_star(self) -> bool:
        """Whether this is ``Contact: *``, every binding (§10.2.2)."""
        return self._index().get("Contact") == "*" and len(self._rows("Contact")) == 1

    @property
    def routes(self) -> list[NameAddr]:
        return self._read_list("Route", NameAddr.parse)

    @property
    def record_routes(self) -> list[NameAddr]:
        return self._read_list("Record-Route", NameAddr.parse)

    @property
    def max_forwards(self) -> int | None:
        """0 to 255, None without the header (§20.22)."""
        return None if "Max-Forwards" not in self._index() else self._read("Max-Forwards", _read_max_forwards)

    @property
    def expires(self) -> int | None:
        """Seconds, at most 2**32 - 1; None without the header or when it is no number (§10.3 step 6)."""
        return read_expires(self.get("Expires"))

    # ------------------------------------------------------------------ out

    def start_line(self) -> str:
        raise NotImplementedError

    def encode(self, here: Endpoint | None = None) -> bytes:
        """The bytes to send; ``here`` fills the holes, its port left out when it is 5060.

        Raises:
            LocalError: a hole without ``here``, a line end inside a header, text that is not Unicode.
        """
        length = str(len(self.body))
        rows = self.headers
        if self.get("Content-Length") != length:
            rows = [pair for pair in rows if pair[0] != "Content-Length"] + [("Content-Length", length)]
        lines = [self.start_line()]
        lines += [f"{name}: {value}" for name, value in rows]
        text = "\r\n".join(lines)
        if text.count("\n") != len(rows) or text.count("\r") != len(rows):
            raise LocalError("line end inside a header")
        if HERE in text or HERE_HOST in text:
            text = _fill(text, here)
        try:
            return text.encode() + b"\r\n\r\n" + self.body
        except UnicodeEncodeError as error:
            raise LocalError(f"a header that is not Unicode: {error}") from error

    # ------------------------------------------------------------------ checks

    def check(self) -> None:
        """Read every typed header that is there, so that none of them raises later.

        Raises:
            MalformedMessage: one of them is missing, repeated, or unreadable.
        """
        present = self._index()
        if len(present) != len(self.headers):
            self._refuse_repeated()
        _ = self.via, self.from_, self.to, self.cseq, self.call_id, self.max_forwards
        if "Contact" in present:
            _ = self.contacts
        if "Route" in present:
            _ = self.routes
        if "Record-Route" in present:
            _ = self.record_routes
        if len(present) != len(self.headers) or "," in present["Via"]:
            _ = self.vias

    def _refuse_repeated(self) -> None:
        """§7.3.1: what is no list may not come twice; we insist where it matters."""
        for name, count in Counter(name for name, _ in self.headers).items():
            if count > 1 and name in SINGLE_HEADERS:
                raise MalformedMessage(f"{count} {name} headers")


class Request(Message):
    """A request; ``uri`` is the raw Request-URI."""

    __slots__ = ("method", "uri")

    def __init__(
        self, method: str, uri: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri

    def __repr__(self) -> str:
        return f"<{self.method} {self.uri}>"

    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    def copy(self) -> Self:
        """An independent message with the same content."""
        return type(self)(self.method, self.uri, self.headers, self.body)

    @property
    def request_uri(self) -> SipUri:
        """The Request-URI as a value.

        Raises:
            MalformedMessage: only when ``uri`` was set by hand to what is no URI.
        """
        kept: tuple[str, SipUri] | None = self._typed.get("request_uri")
        if kept is None or kept[0] != self.uri:
            kept = self._typed["request_uri"] = (self.uri, SipUri.parse(self.uri))
        return kept[1]

    def check(self) -> None:
        super().check()
        uri = self.request_uri
        if uri.headers and uri.is_sip:
            raise MalformedMessage("headers in the Request-URI")  # §19.1.1, table 1
        if self.cseq.method != self.method:
            raise MalformedMessage(f"CSeq of {self.cseq.method} in {self.method}")


class Response(Message):
    """A response; ``status`` is 100 to 699."""

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason

    def __repr__(self) -> str:
        return f"<{self.status} {self.reason}>"

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def copy(self) -> Self:
        """An independent message with the same content."""
        return type(self)(self.status, self.reason, self.headers, self.body)


# ---------------------------------------------------------------------- in


def parse(datagram: bytes) -> Request | Response:
    """Read one message from one datagram (§7, §18.3).

    Folded lines are joined, compact names made long, line ends may be bare LF, a body longer than
    Content-Length is cut. Text that is not UTF-8 is read as Latin-1, as old phones write it.

    Raises:
        MalformedMessage: not a SIP message, one over the caps (64 KiB, 100 headers), or one whose
            required headers cannot be read. It tells whether the request can be answered.
    """
    start, lines, rest = _split(datagram)
    headers, problem = _read_headers(lines)
    message = _read_start_line(start)
    message.headers = headers
    try:
        if problem is not None:
            raise MalformedMessage(problem)
        message.body = _cut_body(message, rest)
        if isinstance(message, Request) and not REQUEST_LINE.fullmatch(start):
            status = 505 if OTHER_VERSION.fullmatch(start) else 400
            raise MalformedMessage(f"bad start line {start[:80]!r}", status=status)
        message.check()
    except MalformedMessage as error:
        error.answerable = _answerable(message)
        raise
    return message


def _split(datagram: bytes) -> tuple[str, list[str], bytes]:
    """Start line, unfolded header lines, what follows the empty line."""
    if len(datagram) > MAX_MESSAGE:
        raise MalformedMessage(f"{len(datagram)} bytes")
    if datagram[:1] in (b"\r", b"\n"):
        datagram = datagram.lstrip(b"\r\n")  # §7.5
    end, gap = datagram.find(b"\n\r\n"), 3
    bare = datagram.find(b"\n\n", 0, end + 1 if end >= 0 else len(datagram))
    if bare >= 0:
        end, gap = bare, 2
    if end < 0:
        raise MalformedMessage("no empty line after the headers")
    head = datagram[: end - 1] if datagram[end - 1 : end] == b"\r" else datagram[:end]
    try:
        text = head.decode()
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    if HERE in text or HERE_HOST in text:
        raise MalformedMessage("NUL or SOH among the headers")
    start, *lines = _split_lines(text)
    return start, lines, datagram[end + gap :]


def _split_lines(text: str) -> list[str]:
    """The lines, folded ones joined by a space (§7.3.1: the same as the fold)."""
    lines = text.split("\r\n")
    ends = len(lines) - 1
    if text.count("\n") != ends or text.count("\r") != ends:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            raise MalformedMessage("lone CR among the headers")
        lines = text.split("\n")
    if "\n " in text or "\n\t" in text:
        start, *rest = lines
        lines = [start, *FOLD.sub(" ", "\n".join(rest)).split("\n")]
    return lines


def _read_headers(lines: list[str]) -> tuple[list[tuple[str, str]], str | None]:
    """The pairs, and what was wrong with the first line that is none."""
    if len(lines) > MAX_HEADERS:
        raise MalformedMessage(f"{len(lines)} headers")
    pairs, problem = [], None
    for line in lines:
        spelled, colon, value = line.partition(":")
        name = SPELLED.get(spelled)
        if name is None or not colon:
            spelled = spelled.rstrip(" \t")
            if not colon or not TOKEN.fullmatch(spelled):
                problem = problem or f"bad header line {line[:80]!r}"
                continue
            name = canonical(spelled)
        pairs.append((name, value.strip(" \t")))
    return pairs, problem


def _read_start_line(start: str) -> Request | Response:
    """The message of a start line; a bad request line gives what can be told of it."""
    found = REQUEST_LINE.fullmatch(start)
    if found is not None:
        return Request(found[1], found[2])
    if start[:4].upper() == "SIP/":
        found = STATUS_LINE.fullmatch(start)
        if found is None:
            raise MalformedMessage(f"bad status line {start[:80]!r}")
        return Response(int(found[1]), found[2] or "")
    method, _, rest = start.partition(" ")
    if not TOKEN.fullmatch(method):
        raise MalformedMessage(f"no SIP: {start[:80]!r}")
    return Request(method, rest)


def _cut_body(message: Message, rest: bytes) -> bytes:
    """§18.3: what lies beyond Content-Length is discarded; what is missing is an error."""
    text = message.get("Content-Length")
    if text is None:
        return rest
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > len(rest):
        raise MalformedMessage(f"Content-Length {text[:20]} with {len(rest)} bytes")
    return rest[: int(text)]


def _answerable(message: Request | Response) -> Request | None:
    if not isinstance(message, Request) or message.method == "ACK":
        return None
    try:
        _ = message.via
    except MalformedMessage:
        return None
    return message if all(message.get(name) is not None for name in REQUIRED) else None


def _top_via(value: str) -> Via:
    return Via.parse(split_list(value)[0] if "," in value else value)


def _read_call_id(value: str) -> str:
    if not value or " " in value or "\t" in value:
        raise MalformedMessage(f"bad Call-ID {value[:80]!r}")
    return value


def _read_max_forwards(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 9 or int(value) > 255:
        raise MalformedMessage(f"bad Max-Forwards {value[:20]!r}")
    return int(value)


def read_expires(text: str | None) -> int | None:
    """``delta-seconds``, clamped to 2**32 - 1; None when there is none or it is no number."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return int(text) if len(text) <= 10 and int(text) <= MAX_EXPIRES else MAX_EXPIRES


def _same(one: str, other: str) -> bool:
    return one == other or one.lower() == other.lower()


def _fill(text: str, here: Endpoint | None) -> str:
    if here is None:
        raise LocalError("our own address is not known yet")
    host = f"[{here.host}]" if ":" in here.host else here.host
    whole = host if here.port == DEFAULT_PORT else f"{host}:{here.port}"
    return text.replace(HERE, whole).replace(HERE_HOST, host)
