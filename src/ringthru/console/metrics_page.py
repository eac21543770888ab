"""``/metrics`` over HTTP, for Prometheus and nobody else.

Lives here: listening, who is let in, three answers. Never here: what the page says.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from ..net.address import Endpoint
from ..net.exposition import CONTENT_TYPE
from ..net.sockets import listen_tcp
from ..switch.configuration.metrics_settings import MetricsSettings

log = logging.getLogger(__name__)

LONGEST: Final = 8192  # bytes of a request
PATIENCE: Final = 5.0  # seconds for a request to come, and for its answer to go
MOST: Final = 20  # connections at once
PLAIN: Final = "text/plain; charset=utf-8"


class MetricsPage:
    """Serves from ``start`` to ``stop``; each connection gets one answer."""

    def __init__(
        self, settings: MetricsSettings, allows: Callable[[str, str], bool], text: Callable[[], str]
    ) -> None:
        """``allows`` says whether a list, or a network written out, holds an address."""
        self._settings = settings
        self._allows = allows
        self._text = text
        self._server: asyncio.Server | None = None
        self._open = 0

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens; None while it does not."""
        if self._server is None:
            return None
        return Endpoint(*self._server.sockets[0].getsockname()[:2])

    async def start(self) -> None:
        """Listen. A port that somebody else has is said, and there are no metrics then."""
        where = Endpoint(self._settings.listen_ip, self._settings.listen_port)
        try:
            self._server = await asyncio.start_server(self._serve, sock=listen_tcp(where), limit=LONGEST)
        except OSError as error:
            log.error(
                "No metrics: %s cannot be listened on: %s. Set another one in metrics.conf", where, error
            )
            return
        log.info("Metrics: http://%s/metrics", self.endpoint)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = (writer.get_extra_info("peername") or ("",))[0]
        self._open += 1
        try:
            if self._open <= MOST and self._admits(peer):
                async with asyncio.timeout(PATIENCE):
                    writer.write(self.answer(await reader.readuntil(b"\r\n\r\n")))
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # too slow, too long, or gone
        except asyncio.CancelledError:
            pass  # the program ends; Python 3.11 would log it as an error of ours
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def _admits(self, peer: str) -> bool:
        admitted = all(self._allows(acl, peer) for acl in self._settings.acls)
        if not admitted:
            log.warning("Metrics: IP %s rejected by acl %s", peer, ",".join(self._settings.acls))
        return admitted

    def answer(self, request: bytes) -> bytes:
        """The response to a request (RFC 9112); only its first line counts."""
        words = request.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response("400 Bad Request", PLAIN, "This is HTTP/1.1 alone.\n")
        if words[0] not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", PLAIN, "Only GET and HEAD.\n", "Allow: GET, HEAD\r\n")
        if words[1].split(b"?", 1)[0] != b"/metrics":
            return _response("404 Not Found", PLAIN, "The metrics are at /metrics.\n")
        whole = _response("200 OK", CONTENT_TYPE, self._text())
        return whole if words[0] == b"GET" else whole.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"


def _response(status: str, kind: str, text: str, more: str = "") -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nConnection: close\r\n{more}\r\n"
    )
    return head.encode() + body
