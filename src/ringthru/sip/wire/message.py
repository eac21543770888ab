"""SIP messages (RFC 3261 §7): bytes to (name, raw value) pairs and back.

Lives here: requests and responses, and their typed headers, read on demand.
Never here: what one header's value looks like (headers.py), or what a message makes anybody do.

After ``check`` (and so after `parsing.parse`) no typed property raises: what cannot be read was refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, Self, TypeVar

from ringthru.net.address import Endpoint

from ..errors import LocalError, MalformedMessage
from .header_list import HeaderList
from .headers import CSeq, NameAddr, Via, read_call_id, read_expires, read_max_forwards, top_via
from .holes import HERE, HERE_HOST, HERE_URI, fill
from .names import SINGLE_HEADERS
from .uri import SipUri

T = TypeVar("T")

MAX_ELEMENTS: Final = 100  # of one list header; thousands fit into a datagram, and cost a tenth of a second


class Message(HeaderList):
    """The headers, and the body. What is typed is read once, and kept until its header changes.

    Every message has the five of ``READERS``, and they are asked for all the time: they are plain attributes,
    read by ``__getattr__`` where nothing is kept.
    """

    __slots__ = ("body", "call_id", "cseq", "from_", "to", "via")

    body: bytes
    via: Via  # the top one
    from_: NameAddr
    to: NameAddr
    cseq: CSeq
    call_id: str

    # ------------------------------------------------------------------ typed headers

    def __getattr__(self, attribute: str) -> Any:
        for name, kept_as, reader in READERS:
            if kept_as == attribute:
                value = self._index().get(name)
                if value is None:
                    raise MalformedMessage(f"no {name}")
                typed = reader(value)
                setattr(self, attribute, typed)
                return typed
        raise AttributeError(attribute)

    def _changed(self, name: str) -> None:
        super()._changed(name)
        if name in KEPT_AS:
            with suppress(AttributeError):  # it was not read
                delattr(self, KEPT_AS[name])

    def _read_list(self, name: str, reader: Callable[[str], T]) -> list[T]:
        key = name + "s"
        typed: list[T] | None = self._typed.get(key)
        if typed is None:
            first = self._first or self._index()
            value = first.get(name)
            if value and "," not in value and len(first) == len(self.headers):
                typed = [reader(value)]  # as nearly always
            else:
                elements = self.get_all(name) if value is not None else []
                if len(elements) > MAX_ELEMENTS:
                    raise MalformedMessage(f"{len(elements)} elements of {name}")
                typed = [reader(element) for element in elements]
            self._typed[key] = typed
        return typed

    @property
    def vias(self) -> list[Via]:
        """Every Via, topmost first."""
        return self._read_list("Via", Via.parse)

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact; empty for ``Contact: *`` (see contact_is_star)."""
        kept: list[NameAddr] | None = self._typed.get("Contacts")
        if kept is not None:
            return kept
        return [] if self.contact_is_star else self._read_list("Contact", NameAddr.parse)

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, None without one."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def contact_is_star(self) -> bool:
        """Whether this is ``Contact: *``, every binding (§10.2.2)."""
        first = self._first or self._index()
        return first.get("Contact") == "*" and len(self._rows("Contact")) == 1

    @property
    def routes(self) -> list[NameAddr]:
        return self._read_list("Route", NameAddr.parse)

    @property
    def record_routes(self) -> list[NameAddr]:
        return self._read_list("Record-Route", NameAddr.parse)

    @property
    def max_forwards(self) -> int | None:
        """0 to 255, None without the header (§20.22)."""
        kept: int | None = self._typed.get("Max-Forwards")
        if kept is not None or "Max-Forwards" not in self._index():
            return kept
        kept = self._typed["Max-Forwards"] = read_max_forwards(self._index()["Max-Forwards"])
        return kept

    @property
    def expires(self) -> int | None:
        """Seconds, at most 2**32 - 1; None without the header or when it is no number (§10.3 step 6)."""
        return read_expires(self.get("Expires"))

    # ------------------------------------------------------------------ out

    def start_line(self) -> str:
        raise NotImplementedError

    @property
    def secure(self) -> bool:
        """Whether the Request-URI it goes with is a ``sips:`` one: then our Contact must be, too."""
        raise NotImplementedError

    def encode(self, here: Endpoint | None = None, transport: str = "UDP") -> bytes:
        """The bytes to send over ``transport``; ``here`` fills the holes, a port of 5060 left out.

        Raises:
            LocalError: a hole without ``here``, a line end inside a header, text that is not Unicode.
        """
        lines, length = [self.start_line()], str(len(self.body))
        if ("Content-Length", length) in self.headers:
            lines += [f"{name}: {value}" for name, value in self.headers]
        else:
            lines += [f"{name}: {value}" for name, value in self.headers if name != "Content-Length"]
            lines.append(f"Content-Length: {length}")
        text = "\r\n".join(lines)
        ends = len(lines) - 1
        if text.count("\n") != ends or text.count("\r") != ends:
            raise LocalError("line end inside a header")
        if HERE in text or HERE_HOST in text or HERE_URI in text:
            text = fill(text, here, transport, self.secure)
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
        present, typed = self._index(), self._typed
        if len(present) != len(self.headers):
            self._refuse_repeated()
        for name, attribute, reader in READERS:
            if name not in present:
                raise MalformedMessage(f"no {name}")
            setattr(self, attribute, reader(present[name]))
        if "Max-Forwards" in present:
            typed["Max-Forwards"] = read_max_forwards(present["Max-Forwards"])
        if "Contact" in present:
            self._check_contacts()
        if "Route" in present:
            _ = self.routes
        if "Record-Route" in present:
            _ = self.record_routes
        if len(present) != len(self.headers) or "," in present["Via"]:
            _ = self.vias
        else:
            typed["Vias"] = [self.via]

    def _check_contacts(self) -> None:
        _ = self.contacts

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
        super().__init__(headers)
        self.body = body
        self.method = method
        self.uri = uri

    def __repr__(self) -> str:
        return f"<{self.method} {self.uri}>"

    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    @property
    def secure(self) -> bool:
        return self.uri[:5].lower() == "sips:"

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
    """A response; ``status`` is 100 to 699. ``to_secure``: it answers a request to a ``sips:`` URI."""

    __slots__ = ("reason", "status", "to_secure")

    def __init__(
        self,
        status: int,
        reason: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        to_secure: bool = False,
    ) -> None:
        super().__init__(headers)
        self.body = body
        self.status = status
        self.reason = reason
        self.to_secure = to_secure

    def __repr__(self) -> str:
        return f"<{self.status} {self.reason}>"

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    @property
    def secure(self) -> bool:
        return self.to_secure

    def _check_contacts(self) -> None:
        """One that cannot be read is as good as none: somebody waits for the response."""
        try:
            _ = self.contacts
        except MalformedMessage:
            self._typed["Contacts"] = []

    def copy(self) -> Self:
        """An independent message with the same content."""
        return type(self)(self.status, self.reason, self.headers, self.body, self.to_secure)


# What every message has: its header, the attribute, and how that is read.
READERS: Final[tuple[tuple[str, str, Callable[[str], object]], ...]] = (
    ("Via", "via", top_via),
    ("From", "from_", NameAddr.parse),
    ("To", "to", NameAddr.parse),
    ("CSeq", "cseq", CSeq.parse),
    ("Call-ID", "call_id", read_call_id),
)
KEPT_AS: Final = {name: attribute for name, attribute, _ in READERS}
