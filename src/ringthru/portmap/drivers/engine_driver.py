"""One engine on asyncio: moves its bytes and its time, knows no rule."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from typing import Protocol as Interface

from ...net.address import Endpoint
from ..discovery.site import Site
from ..engine.engine import Engine
from ..engine.machine import DISCARD
from ..gateway.upnp_client import HttpRequest
from ..gateway.upnp_values import Ask, Reply
from ..memory.holding import Forget, GatewayIdentity, Note
from ..memory.profile import GatewayProfile
from ..memory.recollection import Recollection
from ..values import Family
from ..wire.pcp import ANYCAST_IPV4
from .udp_driver import UdpPort

if TYPE_CHECKING:  # loaded when there is something to ask by HTTP
    from .http_ahead_driver import HttpConnections

OwnPort = Callable[[], int]
Recall = Callable[[GatewayIdentity], Recollection]


class Tap(Interface):
    """Somebody who listens to everything that is said to gateways, e.g. to record it."""

    def pmp_out(self, datagram: bytes, now: float) -> None: ...
    def pmp_in(self, datagram: bytes, now: float) -> None: ...
    def pmp_refused(self, now: float) -> None: ...
    def ssdp_out(self, datagram: bytes, to: Endpoint, now: float) -> None: ...
    def ssdp_in(self, datagram: bytes, source: Endpoint, now: float) -> None: ...
    def http_out(self, number: int, ask: Ask, now: float) -> None: ...
    def http_in(self, number: int, reply: Reply, now: float) -> None: ...


class Memory(Interface):
    """Where notes and lessons go before anything more is sent, and what is remembered of a gateway."""

    def recall(self, identity: GatewayIdentity, address: str, family: Family) -> Recollection: ...
    def write(self, notes: list[tuple[Note, GatewayIdentity]], address: str) -> None: ...
    def learn(self, profiles: list[GatewayProfile]) -> None: ...


class EngineDriver:
    """An engine with its sockets, at one site. ``on_change`` is called whenever its events may be read.

    The two ports are where gateways listen; ``clock`` gives the engine's time in seconds.
    """

    def __init__(
        self,
        make_engine: Callable[[OwnPort, Recall], Engine],
        site: Site,
        *,
        clock: Callable[[], float],
        log: Callable[[int, str], None],
        on_change: Callable[[], None],
        pmp_port: int,
        memory: Memory | None = None,
        tap: Tap | None = None,
    ) -> None:
        self.site = site
        self.engine = make_engine(self._own_port, self._recall)
        self.clock = clock
        self._log = log
        self._on_change = on_change
        self._pmp_port = pmp_port
        self._memory = memory
        self._tap = tap
        self._pmp: UdpPort | None = None
        self._anycast: UdpPort | None = None  # to the carrier's NAT, when it is asked
        self._ssdp: UdpPort | None = None
        self._ssdp_tried = False  # to open it, in this place
        self._http: HttpConnections | None = None
        self._notes: list[tuple[Note, GatewayIdentity]] = []
        self._lessons: list[GatewayProfile] = []
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = 0.0  # when it fires
        self._tidying: asyncio.Handle | None = None
        self._starting: asyncio.TimerHandle | None = None
        self.started = self.closed = False
        self.forgot_at = float("-inf")  # when a mapping of ours was last struck out: deleted, or run out

    def start(self) -> None:
        """Open the sockets, and begin to look for a gateway."""
        if self.started or self.closed:
            return
        self.started = True
        self._open_sockets()
        # A journal may know by which nonce a gateway holds what is wanted: it is read when one is found.
        self.engine.start(self.clock(), early=self._memory is None)
        self.pump()

    def start_after(self, delay: float) -> None:
        """The same, some seconds later."""
        self._starting = asyncio.get_running_loop().call_later(delay, self.start)

    def load_upnp(self) -> None:
        """Load what a gateway is spoken to with by UPnP: 20 ms that nobody waits for, before it answers."""
        if self.site.searches:
            from ..gateway import igd as igd
            from . import http_ahead_driver as http_ahead_driver

    def move(self, site: Site) -> None:
        """We are somewhere else now: other sockets, and the search begins again."""
        if not self.started or self.closed:
            return
        self.engine.move(site, self.clock())
        self._remember()  # what was mapped was mapped from the address we had
        self.site = site
        self._close_sockets()
        self._open_sockets()
        self.pump()

    def stop(self) -> None:
        """Have everything deleted; the engine tells when it has ``stopped``."""
        if self._starting is not None:
            self._starting.cancel()
        self.engine.stop(self.clock())
        self.pump()

    def pump(self) -> None:
        """Carry out what the engine wants done. Safe to be entered again from a subscriber."""
        if self.started and not self.closed:
            self._send()
            if self._has_urgent_notes():
                self._remember()
        self._on_change()
        if self.started and not self.closed and self._tidying is None:
            self._tidying = asyncio.get_running_loop().call_soon(self._tidy)

    def _tidy(self) -> None:
        """In the next turn of the loop, behind those whom ``on_change`` woke: they may want the next mapping,
        and what it sends goes first."""
        self._tidying = None
        self._remember()
        self._set_timer()

    def close(self) -> None:
        """End everything at once; what the engine still wanted is not done."""
        if self.started and not self.closed:
            self._remember()
        self.closed = True
        for timer in (self._timer, self._starting, self._tidying):
            if timer is not None:
                timer.cancel()
        self._close_sockets()

    def _has_urgent_notes(self) -> bool:
        """Whether a crash now would leave something that nobody knows of, or unlearn a lesson."""
        self._notes += self.engine.notes()
        self._lessons += self.engine.lessons()
        return bool(self._lessons) or any(note.urgent for note, _ in self._notes)

    def _remember(self) -> None:
        """Before anything is sent; what only confirms another note, at the latest in the next turn."""
        notes, self._notes = self._notes + self.engine.notes(), []
        lessons, self._lessons = self._lessons + self.engine.lessons(), []
        if any(isinstance(note, Forget) for note, _ in notes):
            self.forgot_at = self.clock()
        if self._memory is not None and notes:
            self._memory.write(notes, self.site.address)
        if self._memory is not None and lessons:
            self._memory.learn(lessons)

    def _send(self) -> None:
        """What is answered soonest goes first; the rest is made ready while that travels."""
        datagrams, anycast = self.engine.pmp_to_send(), self.engine.anycast_to_send()
        if datagrams or anycast:
            self._remember()
            self._send_to_5351(datagrams, anycast, self.clock())
        searches, requests = self.engine.ssdp_to_send(), self.engine.http_to_send()
        if searches or requests:
            self._remember()
            self._search(searches, self.clock())
        for request in requests:
            self._exchange(request)

    def _send_to_5351(self, datagrams: list[bytes], anycast: list[bytes], now: float) -> None:
        for datagram in datagrams:
            if self._tap is not None:
                self._tap.pmp_out(datagram, now)
            if self._pmp is not None:
                self._pmp.send(datagram)
        for datagram in anycast:
            if self._anycast is None:
                there = Endpoint(ANYCAST_IPV4, self._pmp_port)
                self._anycast = self._open(self._got_anycast, self._anycast_failed, there)
            if self._anycast is not None:
                self._anycast.send(datagram)

    def _search(self, searches: list[tuple[bytes, Endpoint]], now: float) -> None:
        if searches and not self._ssdp_tried and self.site.searches:
            self._ssdp_tried = True
            self._ssdp = self._open(self._got_ssdp, lambda: None, None)
        for datagram, to in searches:
            if self._tap is not None:
                self._tap.ssdp_out(datagram, to, now)
            if self._ssdp is not None:
                self._ssdp.send(datagram, to)

    def _exchange(self, request: HttpRequest) -> None:
        from .http_ahead_driver import HttpConnections  # late, see load_upnp: nobody needs it beside PCP

        if self._http is None:
            self._http = HttpConnections(self.site.address, self.site.interface, self.engine.opened_ahead)
        if self._tap is not None:
            self._tap.http_out(request.number, request.ask, self.clock())
        replied = partial(self._replied, request.number)
        self._http.exchange(request.ask, replied)

    def _replied(self, number: int, reply: Reply) -> None:
        if self._tap is not None:
            self._tap.http_in(number, reply, self.clock())
        self.engine.receive_http(number, reply, self.clock())
        self.pump()

    def _set_timer(self) -> None:
        """A timer that comes too early stands: most timeouts only move away."""
        when = self.engine.next_timeout()
        if self._timer is not None:
            if when is not None and self._due_at <= when:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            delay = max(0.0, when - self.clock())
            self._due_at = when
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.engine.handle_timeout(max(self._due_at, self.clock()))
        self.pump()

    def _open_sockets(self) -> None:
        site = self.site
        if site.port_5351_at is not None:
            there = Endpoint(site.port_5351_at, self._pmp_port)
            self._pmp = self._open(self._got_pmp, self._pmp_failed, there)

    def _open(
        self,
        on_datagram: Callable[[bytes, Endpoint], None],
        on_failure: Callable[[], None],
        peer: Endpoint | None,
    ) -> UdpPort | None:
        try:
            index, name = self.site.interface_index, self.site.interface
            return UdpPort(self.site.address, on_datagram, on_failure, peer, index, name)
        except OSError as error:
            words = f"no way to ask for a NAT gateway from {self.site.address}: {error}"
            self._log(logging.WARNING, words)
            asyncio.get_running_loop().call_soon(on_failure)
            return None

    def _close_sockets(self) -> None:
        for port in (self._pmp, self._anycast, self._ssdp):
            if port is not None:
                port.close()
        self._pmp = self._anycast = self._ssdp = None
        self._ssdp_tried = False
        if self._http is not None:
            self._http.close()
            self._http = None

    def _recall(self, identity: GatewayIdentity) -> Recollection:
        if self._memory is None:
            return Recollection(identity.name, GatewayProfile(identity.fingerprint))
        return self._memory.recall(identity, self.site.address, self.site.family)

    def _own_port(self) -> int:
        return self._pmp.local.port if self._pmp is not None else DISCARD

    def _got_pmp(self, datagram: bytes, source: Endpoint) -> None:
        if self._tap is not None:
            self._tap.pmp_in(datagram, self.clock())
        self.engine.receive_pmp(datagram, self.clock())
        self.pump()

    def _got_anycast(self, datagram: bytes, source: Endpoint) -> None:
        self.engine.receive_anycast(datagram, self.clock())
        self.pump()

    def _anycast_failed(self) -> None:
        if not self.closed:
            self.engine.anycast_refused(self.clock())
            self.pump()

    def _pmp_failed(self) -> None:
        if not self.closed:
            if self._tap is not None:
                self._tap.pmp_refused(self.clock())
            self.engine.pmp_refused(self.clock())
            self.pump()

    def _got_ssdp(self, datagram: bytes, source: Endpoint) -> None:
        if self._tap is not None:
            self._tap.ssdp_in(datagram, source, self.clock())
        self.engine.receive_ssdp(datagram, source, self.clock())
        self.pump()
