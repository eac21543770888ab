"""The port behind which a NAT keeps the very socket that a profile listens on, as a STUN server sees it.

An address can be asked for by any socket of ours; the port that a NAT gave to this one cannot. So the
question leaves by the SIP socket itself, again and again: the answer shows a port that changed, and the
packets keep the NAT's entry alive (RFC 5626 §4.4.2).

Lives here: asking, and the port that was answered. Never here: which peers are shown it (``reachability``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from .address_lookup import LookupFailed, StunExchange, resolve, server_of

log = logging.getLogger(__name__)

AGAIN: Final = 25.0  # seconds; NATs forget a UDP flow after 30 (RFC 5626 §4.4.2: 24 to 29)


class StunPort:
    """Asks for one profile. ``port`` is None until there is an answer, and keeps the last one."""

    def __init__(
        self, server: str, send: Callable[[bytes, Endpoint], None], on_change: Callable[[], None]
    ) -> None:
        """``send`` is the profile's own UDP socket; what comes back goes to ``receive``."""
        self.server = server
        self.port: int | None = None
        self._send = send
        self._on_change = on_change
        self._exchange: StunExchange | None = None
        self._failed = ""
        self._task = asyncio.ensure_future(self._keep_asking())

    def receive(self, data: bytes, source: Endpoint) -> None:
        """A datagram at the SIP socket that is no SIP."""
        if self._exchange is not None:
            self._exchange.receive(data, source)

    def close(self) -> None:
        self._task.cancel()

    async def _keep_asking(self) -> None:
        while True:
            try:
                port = (await self._ask()).port
            except (LookupFailed, OSError) as error:
                if str(error) != self._failed:
                    log.info("The STUN server %s does not tell our SIP port: %s", self.server, error)
                self._failed = str(error)
            else:
                self._failed = ""
                if port != self.port:
                    log.info("The STUN server %s sees our SIP port at %d", self.server, port)
                    self.port = port
                    self._on_change()
            await asyncio.sleep(AGAIN)

    async def _ask(self) -> Endpoint:
        host, port = server_of(self.server)
        server = Endpoint(await resolve(host), port)
        self._exchange = StunExchange(server)
        try:
            return await self._exchange.run(lambda data: self._send(data, server))
        finally:
            self._exchange = None
