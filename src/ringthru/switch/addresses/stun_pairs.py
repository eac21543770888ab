"""RTP and RTCP port pairs whose ports behind a NAT a STUN server tells, where no gateway maps any for us.

``ext-rtp-ip`` = ``stun:SERVER`` names an address. The port that goes with it only the very socket can learn:
many NATs give another one than ours. So a few pairs are held ready, and each of their sockets asks, now and
again, which also keeps the NAT's entry alive. A far call takes one whose answers are there, and never waits
for any: without them it shows our own ports, which is right behind a NAT that keeps ports; else the call
relies on latching.

Lives here: the pairs that are ready, and their questions. Never here: which peers are shown them
(`reachability.py`), mappings (`rtp_pool.py`), SDP.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from functools import partial
from typing import Final

from ...media import Engine, NoFreePorts, PortPair, Ports
from ...media.engine.pair_driver import send_all
from ...net.address import Endpoint
from ...net.stun import LONGEST
from ...net.values import frozen
from .address_lookup import LookupFailed, StunExchange, resolve, server_of

log = logging.getLogger(__name__)

READY: Final = 4  # pairs held ready of one server; a call that finds none does without
AGAIN: Final = 25.0  # seconds between questions; NATs forget a UDP flow after 30 (RFC 5626 §4.4.2: 24 to 29)


@frozen
class SeenPair:
    """Two bound sockets, and the ports that a STUN server saw them at."""

    pair: Ports
    external_rtp_port: int
    external_rtcp_port: int

    @property
    def host(self) -> str:
        """Ours, that the sockets are bound to."""
        return self.pair.host


class _AskingPair:
    """One idle pair, which asks; ``seen`` is None while there is no answer for both of its sockets."""

    def __init__(self, pair: PortPair, server: str) -> None:
        self.pair = pair
        self.seen: SeenPair | None = None
        self._server = server
        self._exchanges: list[StunExchange] = []
        for number, sock in enumerate(pair.sockets):
            asyncio.get_running_loop().add_reader(sock.fileno(), partial(self._read, number))
        self._task = asyncio.ensure_future(self._keep_asking())

    def stop(self) -> None:
        """The sockets are somebody else's from now on."""
        self._task.cancel()
        for sock in self.pair.sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())

    async def _keep_asking(self) -> None:
        while True:
            try:
                rtp, rtcp = await self._ask()
            except (LookupFailed, OSError) as error:
                self.seen = None
                log.debug(
                    "The STUN server %s does not tell RTP port %d: %s",
                    self._server,
                    self.pair.rtp_port,
                    error,
                )
            else:
                self.seen = SeenPair(self.pair, rtp.port, rtcp.port)
            await asyncio.sleep(AGAIN)

    async def _ask(self) -> tuple[Endpoint, Endpoint]:
        host, port = server_of(self._server)
        server = Endpoint(await resolve(host), port)
        self._exchanges = [StunExchange(server) for _ in self.pair.sockets]

        rtp, rtcp = await asyncio.gather(
            *(
                exchange.run(partial(_ask_by, sock, server))
                for exchange, sock in zip(self._exchanges, self.pair.sockets, strict=True)
            )
        )
        return rtp, rtcp

    def _read(self, number: int) -> None:
        """What came to an idle socket: an answer, or something that nobody waits for."""
        try:
            data, source = self.pair.sockets[number].recvfrom(LONGEST)
        except OSError:
            return
        if self._exchanges:
            self._exchanges[number].receive(data, Endpoint(*source[:2]))


class StunPairs:
    """The pairs of one server, bound to one address of ours."""

    def __init__(self, engine: Engine, host: str, server: str) -> None:
        self._engine = engine
        self._host = host
        self._server = server
        self._idle: deque[_AskingPair] = deque()
        self._closed = False

    @property
    def ready(self) -> int:
        """Pairs that a call could show rightly now."""
        return sum(1 for each in self._idle if each.seen is not None)

    def fill(self) -> None:
        """Reserve what is missing, and have it ask; returns at once."""
        while len(self._idle) < READY and not self._closed:
            try:
                pair = self._engine.reserve(self._host)
            except NoFreePorts as error:
                log.warning("No RTP ports left to hold ready: %s", error)
                return
            if not isinstance(pair, PortPair):
                return  # on another machine
            self._idle.append(_AskingPair(pair, self._server))

    def take(self) -> SeenPair | Ports:
        """Ports for a far call, at once.

        Raises:
            NoFreePorts: the configured range is used up.
        """
        chosen = next((each for each in self._idle if each.seen is not None), None)
        if chosen is None or chosen.seen is None:
            return self._engine.reserve(self._host)
        self._idle.remove(chosen)
        chosen.stop()
        asyncio.get_running_loop().call_soon(self.fill)
        return chosen.seen

    def close(self) -> None:
        """Let go of the idle sockets."""
        self._closed = True
        while self._idle:
            each = self._idle.popleft()
            each.stop()
            self._engine.release(each.pair)


def _ask_by(sock: socket.socket, server: Endpoint, question: bytes) -> None:
    send_all(sock, [question], server)
