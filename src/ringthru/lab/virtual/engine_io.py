"""The virtual world's view of an engine: what it wants to send, and where to hand things in.

Lives here: names alone. Never here: time, the way of a datagram.
"""

from __future__ import annotations

from typing import Any

from ...net.address import Endpoint
from ...portmap.discovery.announcements import Announcements
from ...portmap.engine.engine import Engine
from ...portmap.gateway.upnp_values import Reply
from ...portmap.wire.pcp import ANYCAST_IPV4
from ..gateway.announcer import GROUP, Notice
from ..gateway.gena import Delivery


class EngineIo:
    """An engine, and what listens to announcements for it; events are not subscribed to here."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._announcements = Announcements(lambda level, text: None)
        self.unheard = 0  # events nobody takes

    def next_timeout(self) -> float | None:
        times = (self._engine.next_timeout(), self._announcements.next_timeout())
        return min((each for each in times if each is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        self._announcements.handle_timeout(now)
        self._engine.handle_timeout(now)
        self._pass_hints(now)

    def pmp_to_send(self) -> list[tuple[bytes, str]]:
        """Datagrams for port 5351, and the address each is for; "" is the default gateway."""
        carrier = [(each, ANYCAST_IPV4) for each in self._engine.anycast_to_send()]
        return [(each, "") for each in self._engine.pmp_to_send()] + carrier

    def ssdp_to_send(self) -> list[tuple[bytes, Endpoint]]:
        return list(self._engine.ssdp_to_send())

    def http_to_send(self) -> list[Any]:
        """Values with ``number`` and ``ask``."""
        return list(self._engine.http_to_send())

    def receive_pmp(self, data: bytes, source: Endpoint, now: float) -> None:
        take = self._engine.receive_anycast if source.host == ANYCAST_IPV4 else self._engine.receive_pmp
        take(data, now)

    def pmp_refused(self, now: float) -> None:
        self._engine.pmp_refused(now)

    def receive_ssdp(self, data: bytes, source: Endpoint, now: float) -> None:
        self._engine.receive_ssdp(data, source, now)

    def receive_http(self, number: int, reply: Reply, now: float) -> None:
        self._engine.receive_http(number, reply, now)

    def receive_notice(self, notice: Notice, now: float) -> None:
        """An announcement of port 5350, or a NOTIFY of port 1900."""
        self._announcements.watch(self._engine.gateway, self._engine.gateway_name)
        if notice.group.port == GROUP.port:
            self._announcements.receive_pmp(notice.data, notice.source, now)
        else:
            self._announcements.receive_ssdp(notice.data, notice.source, now)
        self._pass_hints(now)

    def receive_event(self, delivery: Delivery, source: Endpoint, now: float) -> None:
        """A GENA NOTIFY, as the request it is."""
        self.unheard += 1

    def _pass_hints(self, now: float) -> None:
        for hint in self._announcements.hints():
            self._engine.hint(hint, now)
