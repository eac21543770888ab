"""RTP and RTCP port pairs that the gateway has mapped before a call needs them.

A far call takes a pair from here, and never waits for a gateway:

======================  ================================================================================
what there is           what the call gets
======================  ================================================================================
mapped pairs            the one of which most is proven: that somebody outside came through, or that the
                        gateway lists it; its SDP shows the ports that the gateway granted
half a pair             one whose RTP port is mapped and whose RTCP port is not: a small table had room for
                        one. Audio comes in, and reports too where the peer sends both to one port (RFC 5761)
one still asked for     that; its SDP shows the ports we asked for, which most gateways grant. When others
                        are granted, a new offer shows them (``moving``); a warning says so, and also
                        when there is no answer in time
none, or refused ones   ports without a mapping; a warning says that the call relies on latching
======================  ================================================================================

The pool fills itself beside it. Each shortage doubles what is held ready, up to ``most`` pairs; each
quiet minute takes one away again. Lives here: which pairs are ready. Never here: SIP, SDP, codecs.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from ...media import Engine, NoFreePorts, Ports
from ...net.values import frozen
from ...portmap import Family, Mapping, MappingState, PortMapper, Protocol, Rung, Wanted

log = logging.getLogger(__name__)

RUNGS: Final = tuple(Rung)  # lowest first
PATIENCE: Final = 0.5  # seconds after which a mapping that a call uses already is called missing
LEAST: Final = 2  # pairs held ready, that is four mappings; home gateways' tables are small
MOST: Final = 8  # pairs
BUDGET: Final = 28  # pairs, in calls and ready: the mapper's 64 mappings, less what profiles and people need
QUIET: Final = 60.0  # seconds without a shortage, after which one pair less is held ready

Spawn = Callable[[Coroutine[Any, Any, None]], None]


@frozen
class MappedPair:
    """Two bound sockets and the mappings through which a far peer reaches them."""

    pair: Ports
    rtp: Mapping
    rtcp: Mapping

    @property
    def host(self) -> str:
        """Ours, that the sockets are bound to."""
        return self.pair.host

    @property
    def mapped(self) -> bool:
        return self.rtp.state is MappingState.ACCEPTED and self.rtcp.state is MappingState.ACCEPTED

    @property
    def half(self) -> bool:
        """Audio gets in, and the gateway has refused the port of its reports."""
        return self.rtp.state is MappingState.ACCEPTED and self.rtcp.state is MappingState.REFUSED

    @property
    def proof(self) -> int:
        """How much is proven of the weaker mapping; what was looked for and not found ranks below all."""
        return min(-1 if each.disproved else RUNGS.index(each.rung) for each in (self.rtp, self.rtcp))

    @property
    def asked_for(self) -> bool:
        """The gateway may still say yes."""
        return not {self.rtp.state, self.rtcp.state} - {MappingState.ACCEPTED, MappingState.REQUESTED}

    @property
    def external_ports(self) -> tuple[int, int]:
        """RTP and RTCP; the ports we asked for where none is granted."""
        return self.rtp.external_port or self.pair.rtp_port, self.rtcp.external_port or self.pair.rtcp_port

    @property
    def external_rtp_port(self) -> int:
        return self.external_ports[0]

    @property
    def external_rtcp_port(self) -> int:
        return self.external_ports[1]


class RtpPool:
    """Keeps mapped pairs ready while the profile's gateway is known."""

    def __init__(
        self,
        engine: Engine,
        mapper: PortMapper,
        host: str,
        spawn: Spawn,
        least: int = LEAST,
        most: int = MOST,
    ) -> None:
        """``spawn`` runs a task beside the switch's others. For an IPv6 ``host`` mappings are pinholes."""
        self._family = Family.IPV6 if ":" in host else Family.IPV4
        self._engine = engine
        self._mapper = mapper
        self._host = host
        self._spawn = spawn
        self._least, self._most = least, max(most, least)
        self._wanted = least
        self._timer: asyncio.TimerHandle | None = None
        self._idle: deque[MappedPair] = deque()
        self._in_calls = 0
        self.why_none = ""  # why the last call that got no mapping got none

    @property
    def size(self) -> int:
        """Pairs to be held ready."""
        return self._wanted

    @property
    def ready(self) -> int:
        """Pairs that a call could take now."""
        return sum(1 for each in self._idle if each.mapped)

    def fill(self) -> None:
        """Reserve and ask for what is missing; returns at once."""
        while len(self._idle) < min(self._wanted, BUDGET - self._in_calls):
            try:
                pair = self._engine.reserve(self._host)
            except NoFreePorts as error:
                log.warning("No RTP ports left to hold ready: %s", error)
                return
            rtp, rtcp = (
                self._mapper.want(
                    Wanted(
                        Protocol.UDP,
                        port,
                        label=f"Ringthru {name} {port}",
                        listed=False,
                        family=self._family,
                    )
                )
                for name, port in (("rtp", pair.rtp_port), ("rtcp", pair.rtcp_port))
            )
            self._idle.append(MappedPair(pair, rtp, rtcp))

    def take(self) -> MappedPair | Ports:
        """Ports for a far call, at once; without mappings where no better ones are to be had.

        Raises:
            NoFreePorts: the configured range is used up.
        """
        chosen = max((each for each in self._idle if each.mapped), key=_proof, default=None)
        if chosen is None:
            self._grow()
            chosen = self._next_best()
        if chosen is None:
            return self._unmapped()
        self._idle.remove(chosen)
        self._in_calls += 1
        for mapping in (chosen.rtp, chosen.rtcp):
            self._mapper.set_listed(mapping, True)
        # To reserve the next pair and ask for it takes half as long as a call: its answer leaves first.
        asyncio.get_running_loop().call_soon(self.fill)
        if chosen.half:
            text = "RTCP port %d is not mapped (%s): audio comes in, reports to a port of their own do not"
            log.info(text, chosen.pair.rtcp_port, chosen.rtcp.reason)
        elif not chosen.mapped:
            self._spawn(self._watch(chosen, chosen.external_ports))
        return chosen

    def _next_best(self) -> MappedPair | None:
        """Where no whole pair is mapped: half of one, else one that is asked for."""
        half = max((each for each in self._idle if each.half), key=_proof, default=None)
        if half is not None:
            return half
        if not any(each.asked_for for each in self._idle):
            self.fill()
        return next((each for each in self._idle if each.asked_for), None)

    def _grow(self) -> None:
        self._wanted = min(self._wanted * 2, self._most)
        self._rest()

    def _rest(self) -> None:
        """Look again when it was quiet for so long."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._wanted > self._least:
            self._timer = asyncio.get_running_loop().call_later(QUIET, self._shrink)

    def _shrink(self) -> None:
        self._wanted -= 1
        self._rest()
        if len(self._idle) > self._wanted:
            spare = self._idle.pop()
            self._engine.release(spare.pair)
            self._spawn(self._release(spare))

    async def _release(self, pair: MappedPair) -> None:
        for mapping in (pair.rtp, pair.rtcp):
            await self._mapper.release(mapping)

    def _unmapped(self) -> Ports:
        """Every pair that is held ready was refused: those would be a promise that nobody keeps."""
        pair = self._engine.reserve(self._host)
        reason = (
            next((each.rtp.reason or each.rtcp.reason for each in self._idle), "") or "no port is held ready"
        )
        self.why_none = reason
        log.warning("RTP port %d is not mapped (%s); the call relies on latching", pair.rtp_port, reason)
        return pair

    async def _watch(self, chosen: MappedPair, shown: tuple[int, int]) -> None:
        """A call uses a pair whose mappings are still asked for: tell when they turn out otherwise."""
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(chosen.rtp.settled(), chosen.rtcp.settled())
        except TimeoutError:
            pass
        if not chosen.mapped:
            reason = chosen.rtp.reason or chosen.rtcp.reason or "the gateway has not answered yet"
            port = chosen.pair.rtp_port
            log.warning("RTP port %d is not mapped (%s); the call relies on latching", port, reason)
        elif chosen.external_ports != shown:
            text = "The gateway granted RTP port %d after a call was told of %d, which it is told now"
            log.warning(text, chosen.external_rtp_port, shown[0])

    async def give_back(self, used: MappedPair | Ports) -> None:
        """The call is over and its sockets are closed: take its mappings off the gateway."""
        if isinstance(used, MappedPair):
            self._in_calls -= 1
            await self._release(used)
            self.fill()

    def leave(self) -> None:
        """Let go of the idle pairs and of their mappings, while the mapper goes on."""
        for each in self._idle:
            self._spawn(self._release(each))
        self.close()

    def close(self) -> None:
        """Let go of the idle sockets; the mapper deletes the mappings at its own stop."""
        if self._timer is not None:
            self._timer.cancel()
        self._wanted = 0
        while self._idle:
            self._engine.release(self._idle.popleft().pair)


def _proof(pair: MappedPair) -> int:
    return pair.proof
