"""HTTP/1.1 on the wire, as much of it as a small server needs (RFC 9112): a request read, an answer written.

Each connection carries one request; there is no keep-alive, no chunk and no pipeline to get wrong.

Lives here: bytes and the values they mean. Never here: sockets, who may ask, what is answered.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from ..net.values import frozen

LONGEST_HEAD: Final = 8192  # bytes of a request line and its headers
LONGEST_BODY: Final = 4096  # bytes: the longest form has three short fields
MOST_FIELDS: Final = 10  # of a form or a query
HEAD_END: Final = b"\r\n\r\n"
PLAIN: Final = "text/plain; charset=utf-8"
SINGLE: Final = frozenset(("host", "content-length", "cookie", "authorization", "origin"))
Header = tuple[str, str]


class BadRequest(Exception):
    """What came cannot be answered but with this status."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status


@frozen
class Request:
    """One request; names of headers are in lower case."""

    method: str
    path: str  # as it was sent, without the query
    query: str = ""
    headers: tuple[Header, ...] = ()
    body: bytes = b""

    @classmethod
    def parse(cls, head: bytes) -> Request:
        """The head, up to its empty line; obsolete line folding is refused (RFC 9112 §5.2).

        Raises:
            BadRequest: it is not HTTP/1, or a header that may come once came twice.
        """
        first, *lines = head.removesuffix(HEAD_END).decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
            raise BadRequest(HTTPStatus.BAD_REQUEST, "This is HTTP/1.1 alone.")
        headers = tuple(_header(line) for line in lines if line)
        names = [name for name, _ in headers]
        if any(names.count(name) > 1 for name in SINGLE):
            raise BadRequest(HTTPStatus.BAD_REQUEST, "A header came twice.")
        path, _, query = words[1].partition("?")
        return cls(words[0], path, query, headers)

    def header(self, name: str) -> str:
        """The first header of that name, which is in lower case; empty: there is none."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def content_length(self) -> int:
        """Bytes that follow the head.

        Raises:
            BadRequest: more than we take, no number, or chunks.
        """
        text = self.header("content-length") or "0"
        if self.header("transfer-encoding"):
            raise BadRequest(HTTPStatus.NOT_IMPLEMENTED, "Say Content-Length; chunks are not read.")
        if not (text.isascii() and text.isdigit()):
            raise BadRequest(HTTPStatus.BAD_REQUEST, "Content-Length is no number.")
        if len(text) > 9 or int(text) > LONGEST_BODY:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"More than {LONGEST_BODY} bytes.")
        return int(text)

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form (application/x-www-form-urlencoded); what is no form has none."""
        try:
            pairs = parse_qsl(self.body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            return {}
        return dict(pairs)

    def cookie(self, name: str) -> str:
        """The value of a cookie (RFC 6265 §5.4); empty: there is none."""
        pairs = (part.strip().partition("=") for part in self.header("cookie").split(";"))
        return next((value for key, _, value in pairs if key == name), "")


def _header(line: str) -> Header:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise BadRequest(HTTPStatus.BAD_REQUEST, "A line is no header.")
    return name.lower(), value.strip()


@frozen
class Response:
    """One answer. With ``stream`` its pieces follow the head until they end or the client goes."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    kind: str = PLAIN
    headers: tuple[Header, ...] = ()
    stream: AsyncGenerator[bytes, None] | None = None

    @classmethod
    def text(cls, status: HTTPStatus, words: str, *headers: Header) -> Response:
        return cls(status, f"{words}\n".encode(), headers=headers)

    @classmethod
    def to(cls, path: str, *headers: Header) -> Response:
        """Go there, and ask by GET (RFC 9110 §15.4.4)."""
        return cls(HTTPStatus.SEE_OTHER, headers=(("Location", path), *headers))

    def encode(self, *, head_only: bool = False) -> bytes:
        """The head, and the body that is known; of HEAD the head alone."""
        length = () if self.stream is not None else (("Content-Length", str(len(self.body))),)
        headers = (
            ("Content-Type", self.kind),
            *length,
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
            *self.headers,
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        head = f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n{lines}\r\n".encode("latin-1")
        return head if head_only else head + self.body
