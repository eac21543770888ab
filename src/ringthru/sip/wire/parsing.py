"""Bytes to a whole message (RFC 3261 §7, §18.3).

Lives here: start lines, the order of the checks, what can be told of a message that is refused.
Never here: lines and lengths (`framing.py`), headers (`message.py`).
"""

from __future__ import annotations

import re
from typing import Final

from ..errors import MalformedMessage
from .framing import cut_body, read_headers, split_datagram
from .grammar import TOKEN
from .message import Request, Response

REQUEST_LINE: Final = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+) ([^\s]+) SIP/2\.0", re.IGNORECASE)
STATUS_LINE: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE)
OTHER_VERSION: Final = re.compile(r"[^ ]+ [^ ]+ SIP/[0-9]+\.[0-9]+", re.IGNORECASE)


def parse(datagram: bytes) -> Request | Response:
    """Read one message from one datagram (§7, §18.3).

    Folded lines are joined, compact names made long, line ends may be bare LF, a body longer than
    Content-Length is cut. Text that is not UTF-8 is read as Latin-1, as old phones write it.

    Raises:
        MalformedMessage: not a SIP message, one over the caps (64 KiB, 100 headers), or one whose
            required headers cannot be read. It tells whether the request can be answered.
    """
    start, lines, rest, problem = split_datagram(datagram)
    headers, bad_line = read_headers(lines)
    found = REQUEST_LINE.fullmatch(start)
    message = Request(found[1], found[2]) if found is not None else _read_odd_start(start)
    message.headers = headers
    try:
        if problem is not None or bad_line is not None:
            raise MalformedMessage(problem or bad_line or "")
        message.body = cut_body(message.get("Content-Length"), rest)
        if found is None and isinstance(message, Request):
            status = 505 if OTHER_VERSION.fullmatch(start) else 400
            raise MalformedMessage(f"bad start line {start[:80]!r}", status=status)
        message.check()
    except MalformedMessage as error:
        error.answerable = _answerable(message)
        raise
    return message


def _read_odd_start(start: str) -> Request | Response:
    """The message of a status line; a bad request line gives what can be told of it."""
    if start[:4].upper() == "SIP/":
        found = STATUS_LINE.fullmatch(start)
        if found is None:
            raise MalformedMessage(f"bad status line {start[:80]!r}")
        return Response(int(found[1]), found[2] or "")
    method, _, rest = start.partition(" ")
    if not TOKEN.fullmatch(method):
        raise MalformedMessage(f"no SIP: {start[:80]!r}")
    return Request(method, rest)


def _answerable(message: Request | Response) -> Request | None:
    if not isinstance(message, Request) or message.method == "ACK":
        return None
    try:
        _ = message.via
    except MalformedMessage:
        return None
    return message
