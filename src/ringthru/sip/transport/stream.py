"""A byte stream cut into messages (RFC 3261 §18.3, §7.5).

Lives here: where one message ends and the next begins, and keepalives between them.
Never here: what a message says, how long its end may take, or the connection.
"""

from __future__ import annotations

import re
from typing import Final

from ...net.values import frozen
from ..wire.framing import MAX_DIGITS, MAX_MESSAGE

CRLF: Final = b"\r\n"
HEAD_END: Final = re.compile(rb"\n\r?\n")  # bare LF line ends are read in datagrams, so here too
# As framing.read_headers would find it: at the start of a line, its value perhaps folded.
CONTENT_LENGTH: Final = re.compile(
    rb"\n(?:content-length|l)[ \t]*:(?:[ \t]|\r?\n[ \t])*([^\r\n]*)", re.IGNORECASE
)


@frozen
class Broken:
    """Why what follows can no longer be told from what came before: the connection must be closed.

    ``head`` is the message's beginning, for its refusal; empty when nothing could be read of it.
    """

    why: str
    head: bytes = b""


class _Unreadable(Exception):
    """Carries a `Broken` out of the reading of one head."""


class MessageStream:
    """Takes bytes as they come, gives whole messages, and each CRLF between two of them.

    Without Content-Length a message has no body: the RFC demands the header on streams, and some phones
    forget it where it would say 0. A message is at most 64 KiB, so no more than that waits here.
    """

    __slots__ = ("_buffer", "_end", "_searched", "broken")

    def __init__(self) -> None:
        self.broken: Broken | None = None
        self._buffer = bytearray()
        self._searched = 0  # no end of the headers before this
        self._end = 0  # of the message, once its headers are whole

    @property
    def waiting(self) -> int:
        """Bytes of a message whose end has not come yet."""
        return len(self._buffer)

    def receive(self, data: bytes) -> list[bytes]:
        """What became whole by these bytes, in order; nothing any more once the stream is ``broken``."""
        if self.broken is not None:
            return []
        self._buffer += data
        found: list[bytes] = []
        try:
            while (message := self._next()) is not None:
                found.append(message)
        except _Unreadable as error:
            self.broken = error.args[0]
            self._buffer.clear()
        return found

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if not self._end:
            if (blank := self._blank()) is not None:
                return blank
            end = HEAD_END.search(buffer, self._searched)
            if (end.end() if end is not None else len(buffer)) > MAX_MESSAGE:
                raise _Unreadable(Broken(f"headers of more than {MAX_MESSAGE} bytes"))
            if end is None:
                self._searched = max(len(buffer) - 2, 0)
                return None
            self._end = end.end() + _body_length(bytes(buffer[: end.end()]))
        if len(buffer) < self._end:
            return None
        message = bytes(buffer[: self._end])
        self._cut(self._end)
        return message

    def _blank(self) -> bytes | None:
        """One CRLF before a message (§7.5, RFC 5626 §3.5.1); other blanks that phones send vanish."""
        buffer = self._buffer
        while buffer:
            if buffer.startswith(CRLF):
                self._cut(2)
                return CRLF
            if buffer[0] not in b"\n\0 \t" and not (buffer[0] == 13 and len(buffer) > 1):
                return None  # a message begins, or half a CRLF is here
            self._cut(1)
        return None

    def _cut(self, length: int) -> None:
        del self._buffer[:length]
        self._end = self._searched = 0


def _body_length(head: bytes) -> int:
    lengths = CONTENT_LENGTH.findall(head)
    if not lengths:
        return 0
    text = lengths[0].strip(b" \t")
    if len(lengths) > 1 or not text.isdigit() or len(text) > MAX_DIGITS:
        why = f"Content-Length {text[:20].decode('latin-1')!r}, {len(lengths)} times"
        raise _Unreadable(Broken(why, head))
    if len(head) + int(text) > MAX_MESSAGE:
        raise _Unreadable(Broken(f"a message of {len(head) + int(text)} bytes", head))
    return int(text)
