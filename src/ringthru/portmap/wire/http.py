"""HTTP/1.x for gateways: requests in one piece, and a lenient, capped reader of what they send.

Strict about us (one write, no redirects, a cap), lenient about them: bare LF, headers without colon, no head
at all, lengths that lie, chunks without an end, connections that never close.
Never here: sockets, time, XML.
"""

from __future__ import annotations

import re
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from ..errors import MalformedMessage

CAP: Final = 256 * 1024  # bytes of one response, headers included
FAULT: Final = 500  # the status of a SOAP fault, whose body tells what is wrong
LONGEST_LINE: Final = 16 * 1024  # bytes
MOST_HEADERS: Final = 100  # names kept of one message; those after them are read and forgotten
STATUS_LINE: Final = re.compile(rb"[A-Z]{2,8}(?:/\d+(?:\.\d+)?)?\s+(\d{3})\b", re.IGNORECASE)
DOCUMENT: Final = re.compile(rb"(?:\xef\xbb\xbf){0,3}<")  # no line of a head begins so
REQUEST_LINE: Final = re.compile(rb"([A-Z-]{1,20})\s+(\S{1,1024})(?:\s+HTTP/[\d.]+)?\s*\Z", re.IGNORECASE)
ENVELOPE_SPACE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
PLAIN_HEAD: Final = re.compile(  # of an answer in which nothing is odd
    rb"HTTP/1\.[01] 200 [^\r\n\x00]{0,64}(?:\r\n[A-Za-z-]{1,64}:[^\r\n\x00]{0,1024}){1,32}\r\n\r\n"
)
PLAIN_SERVER: Final = re.compile(rb"\r\nserver:([^\r\n]*)\r\n", re.IGNORECASE)
PLAIN_LENGTH: Final = re.compile(rb"\r\ncontent-length: ?(\d{1,6})\r\n", re.IGNORECASE)
LAST_TAG: Final = re.compile(rb"</(?:[\w.-]+:)?(?:root|Envelope|propertyset)\s*>[\s\x00]*\Z", re.IGNORECASE)


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


class _Reader:
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
        chunked = "chunked" in self._headers.get("transfer-encoding", "").lower()
        return self._in_body and self._length is None and not chunked

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

    def _start_line(self, line: bytes) -> None:
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
        raise NotImplementedError

    def _line(self) -> bytes | None:
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

    def _read_body(self) -> None:
        if "chunked" in self._headers.get("transfer-encoding", "").lower():
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


class ResponseReader(_Reader):
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


class RequestReader(_Reader):
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


def _believable(text: str) -> int | None:
    digits = text.strip('"')
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
