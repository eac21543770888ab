"""``/metrics`` over HTTP, for Prometheus and nobody else.

Lives here: who is let in, three answers. Never here: what the page says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from ..net.address import Endpoint
from ..net.exposition import CONTENT_TYPE
from ..switch.configuration.metrics_settings import MetricsSettings
from .http import Request, Response
from .server_driver import Ends, HttpServer, bad_method

log = logging.getLogger(__name__)

MOST_READERS: Final = 20  # connections at once


class MetricsPage:
    """Serves from ``start`` to ``stop``; each connection gets one answer."""

    def __init__(
        self, settings: MetricsSettings, allows: Callable[[str, str], bool], text: Callable[[], str]
    ) -> None:
        """``allows`` says whether a list, or a network written out, holds an address."""
        self._settings = settings
        self._allows = allows
        self._text = text
        self._where = Endpoint(settings.listen_ip, settings.listen_port)
        self.server = HttpServer(self._where, self._admits, self._answer, most=MOST_READERS)

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens; None while it does not."""
        return self.server.endpoint

    async def start(self) -> None:
        """Listen. A port that somebody else has is said, and there are no metrics then."""
        try:
            await self.server.start()
        except OSError as error:
            text = "No metrics: %s cannot be listened on: %s. Set another one in metrics.conf"
            log.error(text, self._where, error)
            return
        log.info("Metrics: http://%s/metrics", self.endpoint)

    async def stop(self) -> None:
        await self.server.stop()

    def _admits(self, ends: Ends) -> bool:
        admitted = all(self._allows(acl, ends.peer.host) for acl in self._settings.acls)
        if not admitted:
            log.warning("Metrics: IP %s rejected by acl %s", ends.peer.host, ",".join(self._settings.acls))
        return admitted

    async def _answer(self, request: Request, ends: Ends) -> Response:
        if request.method not in ("GET", "HEAD"):
            return bad_method("GET", "HEAD")
        if request.path != "/metrics":
            return Response.text(HTTPStatus.NOT_FOUND, "The metrics are at /metrics.")
        return Response(body=self._text().encode(), kind=CONTENT_TYPE)
