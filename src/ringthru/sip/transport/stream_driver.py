"""Connections: TCP, and TLS over it (RFC 3261 §18).

Lives here: accepting and opening connections of one agent, and finding the one a message takes.
Never here: one connection's bytes (`link_driver.py`), how many may come (`connections.py`), certificates
(`tls_driver.py`), or SIP.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from ...net.address import Endpoint
from ...net.sockets import listen_tcp
from ..flow import Flow
from .connections import ConnectionBook
from .link_driver import Link

if TYPE_CHECKING:
    from .tls_driver import TlsContexts  # late: most switches do without

log = logging.getLogger(__name__)

CONNECT_PATIENCE = 4.0  # seconds for a TCP handshake: two lost packets
HANDSHAKE_PATIENCE = 8.0  # seconds for TLS, after that
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
        back = flow.connection != 0  # the peer's own is gone: it is to blame, and may do that often
        refusal = self.book.room_to_open(flow.remote.host, back=back)
        if self._listener is None:
            refusal = "the switch stops"
        if refusal is not None:
            self.owner.flow_failed(flow, refusal)
            return None
        link = self._enter(flow.remote, flow.name, opened_by_us=True)
        self.spawn(self._connect(link, logging.DEBUG if back else logging.WARNING))
        return link

    def _enter(self, remote: Endpoint, name: str, *, opened_by_us: bool) -> Link:
        number = self.book.add(self.transport, remote, name, opened_by_us=opened_by_us)
        link = Link(self, Flow(self.transport, self.local, remote, number, name), opened_by_us)
        self._links[number] = link
        return link

    async def _connect(self, link: Link, blame: int) -> None:
        """``blame`` is the level at which a failure is logged."""
        flow = link.flow
        tls: dict[str, Any] = {}
        patience = CONNECT_PATIENCE
        if self.tls is not None:
            self.tls.refresh()
            tls = {"ssl": self.tls.client, "server_hostname": flow.name or flow.remote.host}
            tls["ssl_handshake_timeout"] = HANDSHAKE_PATIENCE
            patience += HANDSHAKE_PATIENCE
        try:
            async with asyncio.timeout(patience):
                await self.loop.create_connection(
                    lambda: link, *flow.remote, local_addr=(self.local.host, 0), **tls
                )
        except TimeoutError:
            self._fail(link, f"no connection in {patience:.0f} s", blame)
        except (OSError, ValueError) as error:  # ssl's errors are OSErrors; IDNA does not take every name
            self._fail(link, _words(error), blame)
        except asyncio.CancelledError:
            link.lost("the switch stops")
            raise

    def _fail(self, link: Link, reason: str, blame: int) -> None:
        log.log(blame, "No connection to %s: %s", link.flow, reason)
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
            self.tls.refresh()
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
