"""HTTP as much as a UPnP device speaks it: reading requests, and the rows HT01–HT23 that shape answers.

Lives here: requests and responses as values, and the script that puts a response on the wire.
Never here: what is on the pages, sockets; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from .quirks import Quirks
from .replies import Ending, HttpScript, Piece

LARGEST_HEAD: Final = 16384  # bytes
MOST_HEADERS: Final = 64
LARGEST_BODY: Final = 65536  # bytes
CHUNK: Final = 100  # bytes; small, so that words are cut (HT05)
DRIP: Final = 600  # bytes, one each second (HT20)
HUGE: Final = 5 * 1024 * 1024  # bytes (HT20)


@frozen
class HttpRequest:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    names: frozenset[str] = frozenset()  # of the headers, as they were written


@frozen
class HttpResponse:
    """``status`` is the whole text behind the version: "200 OK"."""

    status: str
    body: bytes = b""
    headers: tuple[str, ...] = ()  # lines beside the usual ones
    delay: float = 0.0  # seconds of thinking
    script: HttpScript | None = None  # sent as it is instead of everything else


RESET: Final = HttpResponse("", script=HttpScript(ending=Ending.RESET))


def wants_more(received: bytes, *, first_segment_only: bool = False) -> bool:
    """Whether a request is still incomplete after these bytes.

    Raises:
        ValueError: it is no HTTP, or larger than we take.
    """
    if first_segment_only and received:
        return False
    first, ended, _ = received.partition(b"\r\n")
    if ended and first.count(b" ") < 2:
        raise ValueError("no request line")
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        if len(received) > LARGEST_HEAD:
            raise ValueError("a head without end")
        return True
    return len(body) < _length(_headers(head.split(b"\r\n")[1:]))


def read_request(received: bytes) -> HttpRequest:
    """Read a request, whole or cut.

    Raises:
        ValueError: it is no HTTP, or larger than we take.
    """
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, path, _ = first.decode("latin-1").split(" ", 2)
    headers = _headers(lines)
    names = frozenset(line.partition(b":")[0].decode("latin-1") for line in lines)
    return HttpRequest(method, path, headers, body[: _length(headers)], names)


def refused_by_head(request: HttpRequest, here: Endpoint, quirks: Quirks) -> HttpResponse | None:
    """What a gateway has against a request before it looks at the path; None: nothing."""
    headers = request.headers
    if quirks.has("HT07") and len(request.body) < _length(headers):
        return HttpResponse("400 Bad Request")
    if quirks.has("HT09") and "expect" in headers:
        return HttpResponse("417 Expectation Failed")
    if quirks.has("HT09") and "transfer-encoding" in headers:
        return HttpResponse("411 Length Required")
    if quirks.has("HT21") and headers.get("host") != str(here):
        return HttpResponse("404 Not Found")
    if quirks.has("HT19"):
        return HttpResponse("301 Moved Permanently", headers=(f"Location: http://{here.host}/admin.html",))
    return None


def script_of(response: HttpResponse, quirks: Quirks) -> HttpScript:
    """The response on the wire, in this gateway's dialect."""
    if response.script is not None:
        return response.script
    whole = _head(response, quirks) + _body(response.body, quirks)
    ending = Ending.KEEP_OPEN if quirks.has("HT02") else Ending.CLOSE
    return HttpScript((Piece(response.delay + quirks.delay, whole),), ending)


def endless(again: bool) -> HttpScript:
    """HT20: 5 MiB of blanks the first time, a byte each second the next."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<?xml version='1.0'?>\n"
    if again:
        return HttpScript((Piece(0.0, head), *(Piece(1.0, b" ") for _ in range(DRIP))), Ending.KEEP_OPEN)
    return HttpScript((Piece(0.0, head + b" " * HUGE),), Ending.KEEP_OPEN)


def _head(response: HttpResponse, quirks: Quirks) -> bytes:
    lines = [f"HTTP/{'1.0' if quirks.has('HT01') else '1.1'} {response.status}"]
    lines.append('Content-Type: text/xml; charset="utf-8"')
    if quirks.has("HT05"):
        lines.append("Transfer-Encoding: chunked")
    elif not (quirks.has("HT01") or quirks.has("HT02")):
        lines.append(f"Content-Length: {len(response.body)}")
    if not quirks.has("HT02"):
        lines.append("Connection: close")
    lines += [f"Server: {quirks.server}", "EXT:", *response.headers]
    if quirks.has("HT06"):
        lines[1] = lines[1].replace(":", " :", 1)
        lines.insert(2, "a line without its mark")
    return ("\n" if quirks.has("HT06") else "\r\n").join((*lines, "", "")).encode()


def _body(body: bytes, quirks: Quirks) -> bytes:
    if not quirks.has("HT05"):
        return body
    chunks = (body[at : at + CHUNK] for at in range(0, len(body), CHUNK))
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def _headers(lines: Iterable[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in list(lines)[:MOST_HEADERS]:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


def _length(headers: dict[str, str]) -> int:
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= LARGEST_BODY:
        raise ValueError(f"a body of {length} bytes")
    return length
