"""Event socket messages on the wire: lines ``Name: value``, an empty line, a body of Content-Length bytes.

What a client sends begins with the command's own line; what a server sends is headers alone. Both sides are
here, so that a client can be made of it as well.

Lives here: bytes ⇄ requests and frames. Never here: what a command means, events, sockets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..net.values import frozen

Header = tuple[str, str]

MAX_HEAD: Final = 64 << 10  # bytes before the body
MAX_LINES: Final = 1000
MAX_BODY: Final = 16 << 20
LENGTH: Final = "content-length"


class MalformedMessage(ValueError):
    """The bytes are no message of the event socket, or one larger than is taken."""


@frozen
class Request:
    """A command with its headers, from a client."""

    line: str  # ``api status``
    headers: tuple[Header, ...] = ()
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """A header's value; names compare without case, and of several the first counts."""
        return _value(self.headers, name)

    def encode(self) -> bytes:
        """Raises MalformedMessage: a line break inside of the line or a header."""
        headers = self.headers
        if self.body and self.get(LENGTH) is None:
            headers = (*headers, ("Content-Length", str(len(self.body))))
        return _head(self.line, headers) + self.body


@frozen
class Frame:
    """What a server sends: a reply, an event, a line of the log."""

    headers: tuple[Header, ...]
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """A header's value; names compare without case, and of several the first counts."""
        return _value(self.headers, name)

    @property
    def content_type(self) -> str:
        return self.get("Content-Type") or ""

    def encode(self) -> bytes:
        """Raises MalformedMessage: a line break inside of a header."""
        return _head("", self.headers) + self.body


class MessageReader:
    """Cuts a stream into messages, however its bytes come."""

    def __init__(self, max_head: int = MAX_HEAD, max_body: int = MAX_BODY) -> None:
        self.max_head = max_head
        self.max_body = max_body
        self._buffer = bytearray()
        self._from = 0  # where the next line begins
        self._searched = 0  # up to here there is no line break
        self._lines: list[str] = []
        self._body_length: int | None = None  # None: the head is not complete

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def buffered(self) -> int:
        """Bytes that came and belong to no message yet."""
        return len(self._buffer)

    def next_request(self) -> Request | None:
        """The next message as a client's; None: more bytes are needed.

        Raises:
            MalformedMessage: nothing that follows can be understood.
        """
        message = self._next()
        if message is None:
            return None
        lines, body = message
        return Request(lines[0].strip(), _headers(lines[1:]), body)

    def next_frame(self) -> Frame | None:
        """The next message as a server's; None and errors as in ``next_request``."""
        message = self._next()
        return None if message is None else Frame(_headers(message[0]), message[1])

    def _next(self) -> tuple[list[str], bytes] | None:
        if self._body_length is None and not self._read_head():
            return None
        length = self._body_length or 0
        end = self._from + length
        if len(self._buffer) < end:
            return None
        lines, body = self._lines, bytes(self._buffer[self._from : end])
        del self._buffer[:end]
        self._lines, self._body_length, self._from, self._searched = [], None, 0, 0
        return lines, body

    def _read_head(self) -> bool:
        """Take whole lines; True when the empty one after them has come."""
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            line = self._buffer[self._from : end].rstrip(b"\r")
            self._from = self._searched = end + 1
            if line:
                self._lines.append(line.decode("utf-8", "replace"))
                self._check_size(self._from)
            elif self._lines:
                self._body_length = self._length()
                return True
            else:  # empty lines before a message do not count
                del self._buffer[: self._from]
                self._from = self._searched = 0
        self._searched = len(self._buffer)
        self._check_size(len(self._buffer))
        return False

    def _check_size(self, size: int) -> None:
        if size > self.max_head or len(self._lines) > MAX_LINES:
            raise MalformedMessage(f"a message's head of more than {self.max_head} bytes, or too many lines")

    def _length(self) -> int:
        text = _value(_headers(self._lines), LENGTH)
        if text is None:
            return 0
        if not (text.isascii() and text.isdigit() and len(text) < 12) or int(text) > self.max_body:
            raise MalformedMessage(f"Content-Length {text[:20]!r}; at most {self.max_body} bytes are taken")
        return int(text)


def _headers(lines: Iterable[str]) -> tuple[Header, ...]:
    """Lines without a colon say nothing."""
    split = (line.partition(":") for line in lines)
    return tuple((name.strip(), value.strip()) for name, colon, value in split if colon)


def _head(line: str, headers: Iterable[Header]) -> bytes:
    lines = [*([line] if line else []), *(f"{name}: {value}" for name, value in headers)]
    if any("\n" in each or "\r" in each for each in lines):
        raise MalformedMessage("a line break inside of a header")
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def _value(headers: Iterable[Header], name: str) -> str | None:
    folded = name.lower()
    return next((value for key, value in headers if key.lower() == folded), None)
