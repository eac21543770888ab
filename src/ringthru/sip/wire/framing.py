"""Where a message begins, bends and ends (RFC 3261 §7.3, §7.5, §18.3).

Lives here: one message's bytes to start line, header lines, (name, raw value) pairs and body; the caps.
Never here: what any header or start line means, or the stream a message is cut from (`stream.py`).
"""

from __future__ import annotations

import re
from typing import Final

from ..errors import MalformedMessage
from .grammar import TOKEN
from .holes import HERE, HERE_HOST, HERE_URI, without_holes
from .names import SPELLED, canonical

MAX_MESSAGE: Final = 65536  # bytes
MAX_HEADERS: Final = 100
MAX_DIGITS: Final = 9  # of a Content-Length

FOLD: Final = re.compile(r"\n[ \t]+")


def split_datagram(datagram: bytes) -> tuple[str, list[str], bytes, str | None]:
    """Start line, unfolded header lines, what follows the empty line; and what is wrong with the text.

    Nobody may send us a hole of ours: U+FFFD takes its place, so that the message can be refused.
    """
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
    problem = None
    if HERE in text or HERE_HOST in text or HERE_URI in text:
        text, problem = without_holes(text), "NUL, SOH or STX among the headers"
    start, *lines = _split_lines(text)
    return start, lines, datagram[end + gap :], problem


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


def read_headers(lines: list[str]) -> tuple[list[tuple[str, str]], str | None]:
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


def cut_body(text: str | None, rest: bytes) -> bytes:
    """§18.3: what lies beyond Content-Length is discarded; what is missing is an error.

    ``text`` is the Content-Length; without one the body is the rest of the datagram.
    """
    if text is None:
        return rest
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS or int(text) > len(rest):
        # One that no message of ours may have is too large (§21.5.7), whatever of it came.
        large = text.isascii() and text.isdigit() and (len(text) > MAX_DIGITS or int(text) > MAX_MESSAGE)
        problem = f"Content-Length {text[:20]} with {len(rest)} bytes"
        raise MalformedMessage(problem, status=513 if large else 400)
    return rest[: int(text)]
