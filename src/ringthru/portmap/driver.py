"""The engine on asyncio: sockets, HTTP fetches and time."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..net.surroundings import Surroundings
from .events import Event
from .values import MapperSnapshot, MappingState, Protocol, Wanted


class Mapping:
    """A mapping somebody wanted."""

    protocol: Protocol
    internal_port: int
    external_port: int | None
    state: MappingState
    expires_at: float | None
    reason: str

    async def settled(self) -> bool:
        raise NotImplementedError


class PortMapper:
    def __init__(
        self,
        surroundings: Surroundings,
        *,
        mapping_enabled: bool = True,
        lease: int = 3600,
        log: Callable[[int, str], None] | logging.Logger | None = None,
    ) -> None: ...

    def start(self) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    async def reinit(self) -> None:
        raise NotImplementedError

    def want(self, wanted: Wanted) -> Mapping:
        raise NotImplementedError

    async def release(self, mapping: Mapping) -> bool:
        raise NotImplementedError

    async def republish(self) -> None:
        raise NotImplementedError

    def set_mapping_enabled(self, enabled: bool) -> None:
        raise NotImplementedError

    def set_listed(self, mapping: Mapping, listed: bool) -> None:
        raise NotImplementedError

    def snapshot(self) -> MapperSnapshot:
        raise NotImplementedError

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        raise NotImplementedError
