"""What callers hold in their hands: views of mappings, always up to date, and something to wait for.

The functions at the end are how the drivers of this package see behind them; programs have no use for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ...net.address import Endpoint
from ..errors import LocalError
from ..mapping.lease import Lease
from ..mapping.peer import Peer
from ..values import MappingState, Protocol, Rung


class Mapping:
    """A mapping that somebody wants: a view of it, always up to date.

    Whoever owns the socket at the internal port may set ``watched``: then what comes in there and begins like
    an echo's probe must be handed to ``PortMapper.saw``.
    """

    def __init__(self, lease: Lease, judge: Judge, awaited: dict[Mapping, None]) -> None:
        self.watched = False
        self._lease = lease
        self._judge = judge
        self._awaited = awaited  # the mappings that somebody waits for, this one among them or not
        self._over = False  # released: it means nothing any more
        self._waiting: list[asyncio.Future[bool]] = []
        self._beyond: Lease | None = None  # on the gateway beyond ours, which others dial then
        self._nested = False

    @property
    def protocol(self) -> Protocol:
        return self._lease.wanted.protocol

    @property
    def internal_port(self) -> int:
        return self._lease.wanted.internal_port

    @property
    def external_port(self) -> int | None:
        """The port others reach us at; None until it is granted (on every gateway of the chain)."""
        if self._nested:
            return self._beyond.external_port if self._beyond and self._lease.external_port else None
        return self._lease.external_port

    @property
    def near_port(self) -> int | None:
        """The port at our own gateway, which is another one than others dial where there is one beyond."""
        return self._lease.external_port if self._lease.state is MappingState.ACCEPTED else None

    @property
    def state(self) -> MappingState:
        if self._nested and self._lease.state is MappingState.ACCEPTED:
            return self._beyond.state if self._beyond else MappingState.REQUESTED
        return self._lease.state

    @property
    def rung(self) -> Rung:
        """How much of it is proven, at our own gateway."""
        return self._lease.ladder.rung

    @property
    def disproved(self) -> bool:
        """Whether somebody looked, and the gateway does not list it, or nobody comes through."""
        return any(self._lease.ladder.holds(each) is False for each in (Rung.LISTED, Rung.REACHABLE))

    @property
    def expires_at(self) -> float | None:
        """When the lease ends, in seconds of ``ringthru.net.changes.clock`` (since the machine started, its
        sleep included); None when it is not granted, or for ever."""
        return self._lease.expires_at

    @property
    def reason(self) -> str:
        """The last error in words; empty when there was none."""
        return self._lease.reason or (self._beyond.reason if self._beyond else "")

    async def settled(self) -> bool:
        """Wait for a verdict: True when granted; False when refused, disabled, released or without a gateway.

        It may take as long as the gateway does: callers set their own limit.
        """
        verdict = self._verdict
        if verdict is not None:
            return verdict
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._awaited[self] = None
        try:
            return bool(await future)
        finally:
            self._waits_no_more(future)

    def _waits_no_more(self, future: asyncio.Future[bool]) -> None:
        """Who lost patience leaves nothing behind."""
        if future in self._waiting:
            self._waiting.remove(future)
            if not self._waiting:
                self._awaited.pop(self, None)

    @property
    def _verdict(self) -> bool | None:
        return False if self._over else self._judge(self)

    def _settle(self) -> None:
        verdict = self._verdict if self._waiting else None
        if verdict is None:
            return
        waiting, self._waiting = self._waiting, []
        self._awaited.pop(self, None)
        for future in waiting:
            if not future.done():
                future.set_result(verdict)


Judge = Callable[[Mapping], bool | None]


class PeerMapping:
    """A flow whose translation somebody wants kept alive: a view of it, always up to date."""

    def __init__(
        self, peer: Peer, hopeless: Callable[[], bool], until: Callable[[Callable[[], bool]], Awaitable[bool]]
    ) -> None:
        self._peer = peer
        self._hopeless = hopeless
        self._until = until
        self._over = False  # given back: it means nothing any more

    @property
    def protocol(self) -> Protocol:
        return self._peer.wanted.protocol

    @property
    def internal_port(self) -> int:
        return self._peer.wanted.internal_port

    @property
    def remote(self) -> Endpoint:
        return self._peer.wanted.remote

    @property
    def external(self) -> Endpoint | None:
        """Where the remote sees us; None until that is known, and when the gateway keeps the flow no more."""
        return self._peer.seen

    @property
    def near(self) -> Endpoint | None:
        """Where our own gateway keeps it: behind another NAT that is not what the remote sees."""
        return self._peer.external

    @property
    def state(self) -> MappingState:
        """UNSUPPORTED when the gateway has no request for it, which is no failure of anybody."""
        return self._peer.state

    @property
    def expires_at(self) -> float | None:
        """When the gateway may forget it, in seconds of ``ringthru.net.changes.clock``; None: not granted."""
        return self._peer.expires_at

    @property
    def reason(self) -> str:
        """Why it is not kept alive, in words; empty when it is."""
        return self._peer.reason

    async def settled(self) -> bool:
        """Wait for a verdict: True when it is kept; False when it cannot be, or there is no gateway.

        It may take as long as the gateway does: callers set their own limit.
        """
        await self._until(lambda: self._over or self.state is not MappingState.REQUESTED or self._hopeless())
        return not self._over and self.state is MappingState.ACCEPTED


class MappingSet:
    """Mappings that are all granted, or none of them."""

    def __init__(self, mappings: Sequence[Mapping]) -> None:
        self.mappings = tuple(mappings)

    @property
    def external_ports(self) -> tuple[int, ...] | None:
        """In the order they were wanted; None until every one is granted."""
        ports = [each.external_port for each in self.mappings]
        granted = [port for port in ports if port is not None]
        return tuple(granted) if len(granted) == len(ports) else None

    async def settled(self) -> bool:
        """Wait for a verdict on all of them."""
        return all([await each.settled() for each in self.mappings])


def lease_of(mapping: Mapping) -> Lease:
    """The engine's record of it, at our own gateway.

    Raises:
        LocalError: it is no mapping.
    """
    if not isinstance(mapping, Mapping):
        raise LocalError(f"{mapping!r} is no Mapping, as want returns one, and want_set several (mappings)")
    return mapping._lease


def peer_of(flow: PeerMapping) -> Peer:
    """The engine's record of it.

    Raises:
        LocalError: it is no flow.
    """
    if not isinstance(flow, PeerMapping):
        raise LocalError(f"{flow!r} is no flow, which is what want_peer returns")
    return flow._peer


def beyond_of(mapping: Mapping) -> Lease | None:
    """The record of it on the gateway beyond ours; None: it is not asked for there."""
    return mapping._beyond


def lead_beyond(mapping: Mapping, lease: Lease | None) -> None:
    """It is asked for on the gateway beyond ours; None: not any more."""
    mapping._beyond = lease


def set_nested(mapping: Mapping, nested: bool) -> None:
    """Whether it counts only when the gateway beyond ours has it too."""
    mapping._nested = nested


def is_nested(mapping: Mapping) -> bool:
    return mapping._nested


def is_undecided(mapping: Mapping) -> bool:
    """Whether a gateway may still say something."""
    return mapping._verdict is None


def settle(mapping: Mapping) -> None:
    """Something changed: whoever waits for a verdict hears it, if there is one."""
    mapping._settle()


def end(handle: Mapping | PeerMapping) -> None:
    """It was released, and means nothing any more."""
    handle._over = True
    if isinstance(handle, Mapping):
        handle._settle()
