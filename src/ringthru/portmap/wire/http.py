"""HTTP/1.x for gateways: requests and responses, written in one piece and read with a cap.

Strict about us (one write, no redirects, a cap), lenient about them: ``http_reader`` says how lenient.
Never here: sockets, time, XML.
"""

from __future__ import annotations

import re
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from ..errors import MalformedMessage
from .http_reader import MessageReader

CAP: Final = 256 * 1024  # bytes of one response, headers included
FAULT: Final = 500  # the status of a SOAP fault, whose body tells what is wrong
STATUS_LINE: Final = re.compile(rb"[A-Z]{2,8}(?:/\d+(?:\.\d+)?)?\s+(\d{3})\b", re.IGNORECASE)
REQUEST_LINE: Final = re.compile(rb"([A-Z-]{1,20})\s+(\S{1,1024})(?:\s+HTTP/[\d.]+)?\s*\Z", re.IGNORECASE)
ENVELOPE_SPACE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
PLAIN_HEAD: Final = re.compile(  # of an answer in which nothing is odd
    rb"HTTP/1\.[01] 200 [^\r\n\x00]{0,64}(?:\r\n[A-Za-z-]{1,64}:[^\r\n\x00]{0,1024}){1,32}\r\n\r\n"
)
PLAIN_SERVER: Final = re.compile(rb"\r\nserver:([^\r\n]*)\r\n", re.IGNORECASE)
PLAIN_LENGTH: Final = re.compile(rb"\r\ncontent-length: ?(\d{1,6})\r\n", re.IGNORECASE)


def get_request(host: Endpoint, path: str) -> bytes:
    """A GET of ``path`` at ``host``, an address literal."""
    return request_head("GET", host, path, ())


def post_request(host: Endpoint, path: str, action: str, body: bytes) -> bytes:
    """A SOAP POST, header and body together: old gateways read the first segment only.

    ``action`` is ``urn#Action``; name and quotes of its header are compared letter by letter by some.
    """
    return _post("POST", host, path, (f'SOAPAction: "{action}"',), body)


def m_post_request(host: Endpoint, path: str, action: str, body: bytes) -> bytes:
    """The same in the extension framework's form (UPnP DA 1.0 §3.2.1): a second try, never the first."""
    extension = (f'MAN: "{ENVELOPE_SPACE}"; ns=01', f'01-SOAPAction: "{action}"')
    return _post("M-POST", host, path, extension, body)


def _post(method: str, host: Endpoint, path: str, own: tuple[str, ...], body: bytes) -> bytes:
    headers = (*own, 'Content-Type: text/xml; charset="utf-8"', f"Content-Length: {len(body)}")
    return request_head(method, host, path, headers) + body


def request_head(method: str, host: Endpoint, path: str, headers: tuple[str, ...]) -> bytes:
    """The lines before the body. A zone index is no part of the host's name (RFC 6874 §1)."""
    literal = Endpoint(host.host.partition("%")[0], host.port)
    lines = (f"{method} {path} HTTP/1.1", f"Host: {literal}", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1", "replace")


@frozen
class Response:
    """A response: its status, and the body as far as it came."""

    status: int
    body: bytes
    server: str = ""
    subscription: str = ""  # SID, in the answer to SUBSCRIBE
    timeout: str = ""  # TIMEOUT, likewise


@frozen
class Request:
    """A request that came to us, the body as far as it came; header names in lower case."""

    method: str  # in capitals
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class ResponseReader(MessageReader):
    """Reads one response, fed bytes as they come; ``response`` is set as soon as it is whole.

    Feed it, and tell it ``end()`` when the connection ended or time is up: what came until then may do.
    """

    def __init__(self, cap: int = CAP) -> None:
        super().__init__(cap)
        self.response: Response | None = None
        self._status = 0

    @property
    def may_be_whole(self) -> bool:
        """As of any message; and a refusal says all in its first line, unless it is a SOAP fault (500)."""
        says_all = self._status >= 300 and self._status != FAULT
        return self._has_no_end if says_all else super().may_be_whole

    def end(self) -> Response:
        """No more will come: give what there is.

        Raises:
            MalformedMessage: not even the headers came.
        """
        self._end()
        assert self.response is not None
        return self.response

    def _start_line(self, line: bytes) -> None:
        found = STATUS_LINE.match(line)
        if found is None:
            raise MalformedMessage(f"not HTTP: {line[:40]!r}")
        self._status = int(found[1])

    def _no_start_line(self) -> None:
        self._status = 200  # what it says is judged by itself, as ever

    def _restart(self) -> bool:
        return 100 <= self._status < 200  # "100 Continue" that we never asked for: the response follows

    def _is_bodyless(self) -> bool:
        return self._status in (204, 304) or "sid" in self._headers  # the answer to SUBSCRIBE has none

    def _take(self) -> None:
        server, sid, timeout = (self._headers.get(name, "") for name in ("server", "sid", "timeout"))
        self.response = Response(self._status, bytes(self._body), server, sid, timeout)


def whole_response(data: bytes) -> Response | None:
    """The response that these bytes plainly are, all of it; None: ``ResponseReader`` is to judge.

    Most answers of most gateways are such: status 200, one length, and just so many bytes behind the headers.
    The reader makes the same of them, in ten times the time.
    """
    head = PLAIN_HEAD.match(data)
    if head is None:
        return None
    end = head.end()
    length = PLAIN_LENGTH.search(data, 0, end)
    if length is None or len(data) != end + int(length[1]) or _has_odd_headers(data[:end].lower()):
        return None
    server = PLAIN_SERVER.search(data, 0, end)
    return Response(200, data[end:], server[1].decode("latin-1").strip() if server else "")


def _has_odd_headers(head: bytes) -> bool:
    """Headers that would have to be read, or one that counts twice."""
    twice = head.count(b"content-length") > 1 or head.count(b"\nserver") > 1
    return twice or b"\ntransfer-encoding" in head or b"\nsid" in head or b"\ntimeout" in head


class RequestReader(MessageReader):
    """Reads one request that came to us, as leniently; ``request`` is set as soon as it is whole."""

    def __init__(self, cap: int = CAP) -> None:
        super().__init__(cap)
        self.request: Request | None = None
        self._method = self._path = ""

    def end(self) -> Request:
        """No more will come: give what there is.

        Raises:
            MalformedMessage: not even the headers came.
        """
        self._end()
        assert self.request is not None
        return self.request

    def _start_line(self, line: bytes) -> None:
        found = REQUEST_LINE.match(line)
        if found is None:
            raise MalformedMessage(f"not an HTTP request: {line[:40]!r}")
        self._method, self._path = found[1].decode("ascii").upper(), found[2].decode("latin-1")

    def _no_start_line(self) -> None:
        raise MalformedMessage("a document where a request line was awaited")

    def _is_bodyless(self) -> bool:
        return self._method in ("GET", "HEAD")

    def _take(self) -> None:
        headers = tuple(self._headers.items())
        self.request = Request(self._method, self._path, headers, bytes(self._body))
