"""RTP and RTCP port pairs that the gateway has mapped before a call needs them.

A far call takes a pair from here, so that setting it up does not wait for a gateway. The pool fills
itself again beside it. Lives here: which pairs are ready. Never here: SIP, SDP, codecs.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress

from ..media import MediaEngine, NoFreePorts, PortPair
from ..net.values import frozen
from ..portmap import Mapping, MappingState, PortMapper, Protocol, Wanted

log = logging.getLogger(__name__)

PATIENCE = 0.3  # seconds a call may wait for its ports when the pool is empty
POOL_SIZE = 2  # pairs held ready, that is four mappings; home gateways' tables are small


@frozen
class MappedPair:
    """Two bound sockets and the mappings through which a far peer reaches them."""

    pair: PortPair
    rtp: Mapping
    rtcp: Mapping

    @property
    def mapped(self) -> bool:
        return self.rtp.state is MappingState.ACCEPTED and self.rtcp.state is MappingState.ACCEPTED

    @property
    def external_rtp_port(self) -> int:
        return self.rtp.external_port or self.pair.rtp_port

    @property
    def external_rtcp_port(self) -> int:
        return self.rtcp.external_port or self.pair.rtcp_port


class RtpPool:
    """Keeps ``size`` mapped pairs ready while the profile's gateway is known."""

    def __init__(self, engine: MediaEngine, mapper: PortMapper, host: str, size: int = POOL_SIZE) -> None:
        self._engine = engine
        self._mapper = mapper
        self._host = host
        self._size = size
        self._idle: deque[MappedPair] = deque()
        self._gateway_is_quick = True

    def fill(self) -> None:
        """Reserve and ask for what is missing; returns at once."""
        while len(self._idle) < self._size:
            try:
                pair = self._engine.reserve(self._host)
            except NoFreePorts as error:
                log.warning("No RTP ports left to hold ready: %s", error)
                return
            rtp, rtcp = (
                self._mapper.want(Wanted(Protocol.UDP, port, label=f"Ringthru {name} {port}", listed=False))
                for name, port in (("rtp", pair.rtp_port), ("rtcp", pair.rtcp_port))
            )
            self._idle.append(MappedPair(pair, rtp, rtcp))

    async def take(self) -> MappedPair:
        """A pair for a far call: one that is ready at once, as a rule.

        When more calls come together than were held ready, each waits for its own pair, because the port that
        the gateway grants is the port its SDP must show; but never longer than ``PATIENCE``, and not at all
        while the gateway is known to be slow.

        Raises:
            NoFreePorts: the configured range is used up.
        """
        self.fill()
        if not self._idle:
            raise NoFreePorts("every port of the RTP range is in use")
        chosen = next((each for each in self._idle if each.mapped), self._idle[0])
        self._idle.remove(chosen)
        self.fill()
        try:
            await self._settle(chosen)
        except asyncio.CancelledError:
            self._idle.append(chosen)
            raise
        for mapping in (chosen.rtp, chosen.rtcp):
            self._mapper.set_listed(mapping, True)
        return chosen

    async def _settle(self, chosen: MappedPair) -> None:
        """Give the gateway its moment, and warn when the pair goes out unmapped."""
        if not chosen.mapped and self._gateway_is_quick:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await asyncio.gather(chosen.rtp.settled(), chosen.rtcp.settled())
        self._gateway_is_quick = chosen.mapped
        if not chosen.mapped:
            reason = chosen.rtp.reason or "the gateway has not answered yet"
            port = chosen.pair.rtp_port
            log.warning("RTP port %d is not mapped (%s); the call relies on latching", port, reason)

    async def give_back(self, used: MappedPair) -> None:
        """The call is over and its sockets are closed: take its mappings off the gateway."""
        for mapping in (used.rtp, used.rtcp):
            await self._mapper.release(mapping)

    def close(self) -> None:
        """Let go of the idle sockets; the mapper deletes the mappings at its own stop."""
        while self._idle:
            self._engine.release(self._idle.popleft().pair)
