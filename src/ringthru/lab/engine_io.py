"""The virtual world's view of an engine: what it wants to send, and where to hand things in.

Lives here: names alone. Never here: time, the way of a datagram.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from ..net.address import Endpoint
from ..portmap.gateway.upnp_values import Reply
from .announcer import GROUP, Notice
from .gena import Delivery


class EngineIo:
    """Anything that keeps the engine's contract; a part it lacks (announcements, events) is not served."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._receive_pmp: Callable[..., None] = self._named("receive_pmp", "receive_natpmp")
        self._takes_source = len(signature(self._receive_pmp).parameters) == 3
        self._pmp_to_send = self._named("pmp_to_send", "natpmp_to_send")
        self._refused = self._named("pmp_refused", "natpmp_refused")
        self.unheard = 0  # announcements and events nobody takes

    def next_timeout(self) -> float | None:
        due: float | None = self._engine.next_timeout()
        return due

    def handle_timeout(self, now: float) -> None:
        self._engine.handle_timeout(now)

    def pmp_to_send(self) -> list[tuple[bytes, str]]:
        """Datagrams for port 5351, and the address each is for; "" is the default gateway."""
        return [self._addressed(each) for each in self._pmp_to_send()]

    def ssdp_to_send(self) -> list[tuple[bytes, Endpoint]]:
        return list(self._engine.ssdp_to_send())

    def http_to_send(self) -> list[Any]:
        """Values with ``number`` and ``ask``."""
        return list(self._engine.http_to_send())

    def receive_pmp(self, data: bytes, source: Endpoint, now: float) -> None:
        self._receive_pmp(data, source, now) if self._takes_source else self._receive_pmp(data, now)

    def pmp_refused(self, now: float) -> None:
        self._refused(now)

    def receive_ssdp(self, data: bytes, source: Endpoint, now: float) -> None:
        self._engine.receive_ssdp(data, source, now)

    def receive_http(self, number: int, reply: Reply, now: float) -> None:
        self._engine.receive_http(number, reply, now)

    def receive_notice(self, notice: Notice, now: float) -> None:
        """An announcement of port 5350, or a NOTIFY of port 1900."""
        name = "receive_announcement" if notice.group == GROUP else "receive_notify"
        take = getattr(self._engine, name, None)
        if take is None:
            self.unheard += 1
        else:
            take(notice.data, notice.source, now)

    def receive_event(self, delivery: Delivery, source: Endpoint, now: float) -> None:
        """A GENA NOTIFY, as the request it is."""
        take = getattr(self._engine, "receive_event", None)
        if take is None:
            self.unheard += 1
        else:
            take(delivery.data, source, now)

    def _named(self, *names: str) -> Any:
        return next(getattr(self._engine, name) for name in names if hasattr(self._engine, name))

    @staticmethod
    def _addressed(each: Any) -> tuple[bytes, str]:
        if isinstance(each, bytes):
            return each, ""
        data, to = each
        return data, to.host if isinstance(to, Endpoint) else str(to)
