"""The fixed texts of the event socket, to the byte.

Lives here: what is said. Never here: when.
"""

from __future__ import annotations

from typing import Final

from .framing import Frame, Header

AUTH_REQUEST: Final = Frame((("Content-Type", "auth/request"),)).encode()
REFUSED: Final = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"
GOODBYE: Final = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
ACCEPTED: Final = "+OK accepted"
INVALID: Final = "-ERR invalid"
NOT_FOUND: Final = "-ERR command not found"
NO_SESSION: Final = "-ERR not controlling a session"
DENIED: Final = "-ERR permission denied"
NO_KEYWORDS: Final = "-ERR no keywords supplied"
TOO_MANY: Final = "-ERR too many of them: wait until some are done"
TOO_MANY_FILTERS: Final = "-ERR too many filters, or too many that take long: delete some"
LEVELS: Final = ("console", "alert", "crit", "err", "warning", "notice", "info", "debug")


def reply(text: str, *headers: Header) -> bytes:
    """``command/reply``. A text has no line breaks: whatever of it came from outside loses them."""
    shown = tuple((name, " ".join(value.splitlines())) for name, value in (("Reply-Text", text), *headers))
    return Frame((("Content-Type", "command/reply"), *shown)).encode()


def api_response(body: str) -> bytes:
    data = body.encode("utf-8", "replace")
    return Frame((("Content-Type", "api/response"), ("Content-Length", str(len(data)))), data).encode()


def disconnect_notice(*headers: Header) -> bytes:
    """The last frame of a connection; ``headers`` tell of which channel, where it had one."""
    named = (
        ("Content-Type", "text/disconnect-notice"),
        *headers,
        ("Content-Length", str(len(GOODBYE))),
    )
    return Frame(named, GOODBYE).encode()


def linger_notice(uuid: str, name: str, seconds: int) -> bytes:
    """The call is over, and its events go on for so long."""
    headers = (
        ("Content-Type", "text/disconnect-notice"),
        ("Controlled-Session-UUID", uuid),
        ("Content-Disposition", "linger"),
        ("Channel-Name", " ".join(name.splitlines())),
        ("Linger-Time", str(seconds)),
        ("Content-Length", "0"),
    )
    return Frame(headers).encode()


def log_line(line: str, level: int, file: str, function: str, number: int, uuid: str) -> bytes:
    """``log/data``: one line of the log, with its line break."""
    data = line.encode("utf-8", "replace")
    headers = (
        ("Content-Type", "log/data"),
        ("Content-Length", str(len(data))),
        ("Log-Level", str(level)),
        ("Text-Channel", "3" if uuid else "0"),
        ("Log-File", file),
        ("Log-Func", function),
        ("Log-Line", str(number)),
        ("User-Data", uuid),
    )
    return Frame(headers, data).encode()


def level_number(text: str) -> int | None:
    """FreeSWITCH's level for what somebody typed: 0–7, more for more than DEBUG; None when it is none."""
    text = text.strip().lower()
    if text.isascii() and text.isdigit() and len(text) < 3:
        return int(text)
    return LEVELS.index(text) if text in LEVELS else None
