"""One HTTP/1.x message, fed as its bytes come, and what gateways make of the format forgiven.

Bare LF, headers without colon, no head at all, lengths that lie, chunks without an end, connections that
never close. Never here: what stands in a first line (``http``: its readers know), sockets, time.
"""

from __future__ import annotations

import re
from typing import Final

from ..errors import MalformedMessage

LONGEST_LINE: Final = 16 * 1024  # bytes
MOST_HEADERS: Final = 100  # names kept of one message; those after them are read and forgotten
DOCUMENT: Final = re.compile(rb"(?:\xef\xbb\xbf){0,3}<")  # no line of a head begins so
LAST_TAG: Final = re.compile(rb"</(?:[\w.-]+:)?(?:root|Envelope|propertyset)\s*>[\s\x00]*\Z", re.IGNORECASE)


class MessageReader:
    """Reads one message, fed bytes as they come; ``_take`` gets it as soon as it is whole."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._done = False
        self._buffer = bytearray()
        self._position = 0  # first byte not yet understood
        self._seen = 0  # up to here there is no line end
        self._received = 0
        self._started = False  # the first line came
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._in_body = False
        self._chunk_left: int | None = None  # None: the next line is a chunk's size
        self._length: int | None = None  # None: not told, or not believable

    @property
    def may_be_whole(self) -> bool:
        """Whether only the end of the connection would tell that this is all."""
        return bool(self._body) and self._has_no_end

    @property
    def _has_no_end(self) -> bool:
        """Whether the headers tell neither a length nor chunks."""
        return self._in_body and self._length is None and not self._is_chunked

    @property
    def _is_chunked(self) -> bool:
        return "chunked" in self._headers.get("transfer-encoding", "").lower()

    @property
    def has_body(self) -> bool:
        """Whether there is anything that a reset of the connection should not take away."""
        return bool(self._body)

    def feed(self, data: bytes) -> None:
        """Take bytes.

        Raises:
            MalformedMessage: this is not HTTP, or more came than the cap allows.
        """
        if self._done:
            return
        self._received += len(data)
        if self._received > self._cap:
            raise MalformedMessage(f"more than {self._cap // 1024} KiB")
        self._buffer += data
        self._read_head()
        if self._in_body:
            self._read_body()

    def _end(self) -> None:
        """No more will come: take what there is.

        Raises:
            MalformedMessage: not even the headers came.
        """
        if not self._done:
            if not self._in_body:
                raise MalformedMessage("the connection ended before a whole message came")
            self._finish()

    # What the two kinds of message know of themselves

    def _start_line(self, line: bytes) -> None:
        """Read the first line that is not blank."""
        raise NotImplementedError

    def _no_start_line(self) -> None:
        """A document, and nothing before it (HTTP/0.9)."""
        raise NotImplementedError

    def _restart(self) -> bool:
        """Whether these headers were but a preface, and another message follows."""
        return False

    def _is_bodyless(self) -> bool:
        """Whether no body may follow, whatever the headers say."""
        raise NotImplementedError

    def _take(self) -> None:
        """Make a value of what was read."""
        raise NotImplementedError

    # The head

    def _line(self) -> bytes | None:
        """The next line without its end; None: it has not come yet."""
        end = self._buffer.find(b"\n", max(self._seen, self._position))
        if end < 0:
            self._seen = len(self._buffer)
            if self._seen - self._position > LONGEST_LINE:
                raise MalformedMessage("a header line without end")
            return None
        line = bytes(self._buffer[self._position : end])
        self._position = self._seen = end + 1
        return line.rstrip(b"\r")

    def _read_head(self) -> None:
        while not self._in_body:
            if DOCUMENT.match(self._buffer, self._position):
                if not self._started:
                    self._no_start_line()
                self._begin_body()
            elif (line := self._line()) is not None:
                self._header_line(line)
            else:
                return

    def _header_line(self, line: bytes) -> None:
        if not self._started:
            if line.strip():  # blank lines before the first one are forgiven
                self._start_line(line)
                self._started = True
        elif line.strip():
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                self._take_header(name.strip().lower(), value.strip())
        elif self._restart():
            self._started = False
            self._headers.clear()
        else:
            self._begin_body()

    def _begin_body(self) -> None:
        self._length = _believable(self._headers.get("content-length", ""))
        self._in_body = True

    def _take_header(self, name: str, value: str) -> None:
        if name == "content-length" and self._headers.get(name, value) != value:
            value = "?"  # two lengths: believe neither
        if name in self._headers or len(self._headers) < MOST_HEADERS:
            self._headers[name] = value

    # The body

    def _read_body(self) -> None:
        if self._is_chunked:
            self._read_chunks()
            return
        self._body += self._buffer[self._position :]
        self._position = len(self._buffer)
        length = self._length
        if length is not None and len(self._body) >= length:
            if LAST_TAG.search(self._body[max(length - 256, 0) : length]):
                del self._body[length:]  # else the length lies: what came with it belongs to it
            self._finish()
        elif (length is None and self._is_bodyless()) or LAST_TAG.search(self._body[-256:]):
            self._finish()  # some tell no length, or too much, and keep the connection: here is the end

    def _read_chunks(self) -> None:
        while not self._done:
            if self._chunk_left is None:
                line = self._line()
                if line is None:
                    return
                self._chunk_size(line)
                continue
            piece = self._buffer[self._position : self._position + self._chunk_left]
            if not piece:
                return
            self._body += piece
            self._position += len(piece)
            self._chunk_left = self._chunk_left - len(piece) or None

    def _chunk_size(self, line: bytes) -> None:
        text = line.partition(b";")[0].strip()
        if not text:
            return  # the line end after a chunk
        try:
            size = int(text, 16)
        except ValueError as error:
            raise MalformedMessage(f"a chunk of size {text[:16]!r}") from error
        if size <= 0:
            self._finish()  # trailers, if any, are of no use to us
        else:
            self._chunk_left = size

    def _finish(self) -> None:
        self._done = True
        self._take()


def _believable(text: str) -> int | None:
    """A length that may be one: digits, not too many of them."""
    digits = text.strip('"')
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
