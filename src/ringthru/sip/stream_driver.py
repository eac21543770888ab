"""Connections: TCP, and TLS over it (RFC 3261 §18).

Lives here: sockets, handshakes, and the bytes of every connection of one agent.
Never here: how long a peer may dawdle (`connection.py`), how many may come (`connections.py`), certificates
(`tls_driver.py`), or SIP.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from ..net.address import Endpoint
from ..net.sockets import keep_small_and_alive, listen_tcp
from .connection import Connection
from .connections import ConnectionBook
from .flow import Flow
from .framing import MAX_MESSAGE

if TYPE_CHECKING:
    from .tls_driver import TlsContexts  # late: most switches do without

log = logging.getLogger(__name__)

CONNECT_PATIENCE = 4.0  # seconds for a TCP handshake: two lost packets
HANDSHAKE_PATIENCE = 8.0  # seconds for TLS, after that
PARTING = 2.0  # seconds that last words may take before a connection is cut
BREATH = 0.1  # seconds without accepting when the system has no descriptors left
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, and keep nothing


class Owner(Protocol):
    """Who gets the messages, and hears what failed."""

    def message_received(self, data: bytes, flow: Flow) -> None: ...

    def pump(self) -> None: ...

    def flow_failed(self, flow: Flow, reason: str) -> None: ...

    def trace_bytes(self, way: str, data: bytes, flow: Flow) -> None: ...


class StreamDriver:
    """One reliable transport of one agent: what listens, what was accepted, what was opened.

    ``tls`` None: TCP. Nothing that a peer does is raised out of here.
    """

    def __init__(self, local: Endpoint, owner: Owner, book: ConnectionBook, tls: TlsContexts | None) -> None:
        self.local = local
        self.transport = "TCP" if tls is None else "TLS"
        self.owner = owner
        self.book = book
        self.tls = tls
        self.loop = asyncio.get_running_loop()
        self._links: dict[int, Link] = {}
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self) -> None:
        """Begin to accept; port 0 takes any, ``local`` tells which.

        Raises:
            PortInUse, OSError: as `listen_tcp`.
        """
        self._listener = listen_tcp(self.local)
        host, port = self._listener.getsockname()[:2]
        self.local = Endpoint(host, port)
        self.spawn(self._accept(self._listener))

    def close(self) -> None:
        """Stop listening, and cut every connection once what was written has left."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._listener is not None:
            # Not before the accepting is cancelled: the loop would watch a number that may be another's.
            self.loop.call_soon(self._listener.close)
            self._listener = None
        for link in tuple(self._links.values()):
            link.leave("the switch stops")

    def is_open(self, flow: Flow) -> bool:
        """Whether a message for ``flow`` would find a connection."""
        return self.book.find(flow) in self._links

    def send(self, data: bytes, flow: Flow) -> None:
        """Send now, or when a connection stands; a failure is told to the owner."""
        link = self._links.get(self.book.find(flow) or 0)
        if link is None:
            link = self._open(flow)
        if link is not None:
            link.send(data)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, number: int) -> None:
        self.book.remove(number)
        self._links.pop(number, None)

    # Out

    def _open(self, flow: Flow) -> Link | None:
        """A connection on its way to the flow's peer."""
        refusal = self.book.room_to_open() if self._listener is not None else "the switch stops"
        if refusal is not None:
            self.owner.flow_failed(flow, refusal)
            return None
        link = self._enter(flow.remote, flow.name, opened_by_us=True)
        self.spawn(self._connect(link))
        return link

    def _enter(self, remote: Endpoint, name: str, *, opened_by_us: bool) -> Link:
        number = self.book.add(self.transport, remote, name, opened_by_us=opened_by_us)
        link = Link(self, Flow(self.transport, self.local, remote, number, name), opened_by_us)
        self._links[number] = link
        return link

    async def _connect(self, link: Link) -> None:
        flow = link.flow
        tls: dict[str, Any] = {}
        patience = CONNECT_PATIENCE
        if self.tls is not None:
            tls = {"ssl": self.tls.client, "server_hostname": flow.name or flow.remote.host}
            tls["ssl_handshake_timeout"] = HANDSHAKE_PATIENCE
            patience += HANDSHAKE_PATIENCE
        try:
            async with asyncio.timeout(patience):
                await self.loop.create_connection(
                    lambda: link, *flow.remote, local_addr=(self.local.host, 0), **tls
                )
        except TimeoutError:
            self._fail(link, f"no connection in {patience:.0f} s")
        except (OSError, ValueError) as error:  # ssl's errors are OSErrors; IDNA does not take every name
            self._fail(link, _words(error))
        except asyncio.CancelledError:
            link.lost("the switch stops")
            raise

    def _fail(self, link: Link, reason: str) -> None:
        log.warning("No connection to %s: %s", link.flow, reason)
        link.lost(reason)

    # In

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, address = await self.loop.sock_accept(listener)
                self._admit(sock, Endpoint(*address[:2]))
            except OSError as error:  # no descriptors left, or a connection that ended before it began
                log.warning("%s %s: a connection was not accepted: %s", self.transport, self.local, error)
                await asyncio.sleep(BREATH)
            await asyncio.sleep(0)  # a crowd at the door must not keep the rest of the switch waiting

    def _admit(self, sock: socket.socket, remote: Endpoint) -> None:
        refusal = self.book.room_for(remote.host)
        if refusal is not None:
            log.debug("%s %s: no connection for %s: %s", self.transport, self.local, remote, refusal)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
            return
        self.spawn(self._welcome(sock, self._enter(remote, "", opened_by_us=False)))

    async def _welcome(self, sock: socket.socket, link: Link) -> None:
        tls: dict[str, Any] = {}
        if self.tls is not None:
            tls = {"ssl": self.tls.server, "ssl_handshake_timeout": HANDSHAKE_PATIENCE}
        try:
            await self.loop.connect_accepted_socket(lambda: link, sock, **tls)
        except OSError as error:
            sock.close()
            log.debug("%s from %s: no handshake: %s", self.transport, link.flow.remote, error)
            link.lost("no handshake")


def _words(error: Exception) -> str:
    """What went wrong, and for certificates what to do about it."""
    refused = getattr(error, "verify_message", None)
    if refused is not None:
        return f"its certificate is not believed ({refused}); see tls-verify-policy and cafile.pem"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Link(asyncio.Protocol):
    """One connection's socket, and the machine that judges what comes over it."""

    def __init__(self, driver: StreamDriver, flow: Flow, opened_by_us: bool) -> None:
        self.flow = flow
        self._driver = driver
        self._machine = Connection(opened_by_us=opened_by_us, now=driver.loop.time(), chance=random.random())
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []  # until the connection stands
        self._waiting_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def send(self, data: bytes) -> None:
        """Write, or keep until the connection stands; a peer that takes nothing off our hands is cut off."""
        if self._over:
            return
        limit = self._driver.book.limits.unsent
        if self._transport is None:
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            if self._waiting_bytes > limit:
                self.lost(f"more than {limit} bytes wait for the connection")
            return
        self._driver.owner.trace_bytes("send", data, self.flow)
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > limit:
            self._cut(f"{self.flow.remote} does not read what it is sent")

    def leave(self, reason: str) -> None:
        """Say what was written, and close."""
        if self._transport is None:
            self.lost(reason)
            return
        self._over = True
        self._stop_timer()
        self._transport.close()
        self._timer = self._driver.loop.call_later(PARTING, self._transport.abort)

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._over:
            transport.abort()
            return
        self._transport = transport
        transport.max_size = MAX_MESSAGE  # type: ignore[attr-defined]  # else 256 KiB are taken for every read
        sock = transport.get_extra_info("socket")
        if sock is not None:
            keep_small_and_alive(sock)
        if (problem := self._identity_problem(transport)) is not None:
            log.warning("%s is not who it should be: %s; see tls-verify-policy", self.flow, problem)
            self._cut(problem)
            return
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self.send(data)
        self._watch()

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        machine, driver = self._machine, self._driver
        machine.receive_data(data, driver.loop.time())
        for message in machine.messages():
            driver.owner.message_received(message, self.flow)
        driver.owner.pump()
        if self._over:
            return
        if not driver.book.note(self.flow.connection, proven=machine.proven, unread=machine.waiting):
            self._cut("too much of unfinished messages")
            return
        self._act()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._transport = None
        self.lost(str(exc) if exc is not None else "the peer closed the connection")

    # Our own

    def lost(self, reason: str) -> None:
        """The connection is no more: out of the books, and whoever counted on it is told."""
        self._over = True
        self._waiting.clear()
        self._stop_timer()
        known = self.flow.connection in self._driver.book
        self._driver.forget(self.flow.connection)
        if known:
            log.debug("%s: %s", self.flow, reason)
            self._driver.owner.flow_failed(self.flow, reason)

    def _cut(self, reason: str) -> None:
        """End it without another word."""
        transport = self._transport
        self.lost(reason)
        if transport is not None:
            transport.abort()

    def _act(self) -> None:
        """Do what the machine wants."""
        if self._over:
            return
        if data := self._machine.data_to_send():
            self.send(data)
        if (reason := self._machine.closing) is not None and not self._over:
            self.lost(reason)
            self.leave(reason)
        else:
            self._watch()

    def _watch(self) -> None:
        """Wake up when the machine may want something; most messages move no timer."""
        when = self._machine.next_timeout()
        if when is None or self._over or (self._timer is not None and self._timer.when() <= when):
            return
        self._stop_timer()
        self._timer = self._driver.loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._machine.handle_timeout(self._driver.loop.time())
        self._act()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _identity_problem(self, transport: asyncio.Transport) -> str | None:
        """Why a TLS peer is not who it should be."""
        tls = self._driver.tls
        if tls is None:
            return None
        certificate = transport.get_extra_info("peercert")
        return tls.problem_with(
            certificate, self.flow.name or self.flow.remote.host, self._machine.opened_by_us
        )
