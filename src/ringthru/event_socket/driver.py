"""The event socket of a switch: where clients connect, and who is let in.

Lives here: listening, the access lists, the number of connections. Never here: what is said.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ..net.address import Endpoint
from ..net.sockets import listen_tcp
from ..net.values import replace
from ..switch.configuration.event_socket_settings import CLUECON, EventSocketSettings
from . import texts
from .hub_driver import Hub
from .link_driver import Link
from .outbound_driver import OutboundSockets
from .session import Door, EslUser, Rights

if TYPE_CHECKING:
    from ..console.commands import CommandTable
    from ..console.logs import Logs
    from ..switch.switch import Switch

log = logging.getLogger(__name__)

MOST_CLIENTS: Final = 200  # at once
MOST_STRANGERS: Final = 40  # who have not shown a password yet
RETRY: Final = 5.0  # seconds until a port that is taken is tried again
LOOPBACK: Final = "127.0.0.1"
BOTH_FAMILIES: Final = ("::", "0.0.0.0")  # what FreeSWITCH means by ``::``


class EventSocket:
    """Serves clients, and the dialplan's ``socket``, from ``start`` to ``stop``."""

    def __init__(
        self, switch: Switch, table: CommandTable, logs: Logs | None, settings: EventSocketSettings
    ) -> None:
        self._switch = switch
        self._settings = _safe(settings)
        self._door = Door(settings.password or switch.event_socket_password(), self._find_user)
        self._servers: list[asyncio.Server] = []
        self._retry: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._refused = ""  # why the port could not be had, as it was last said
        self.hub = Hub(switch, table, logs)
        switch.calls.sockets = OutboundSockets(self.hub).serve

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens; None while it does not."""
        sockets = [each for server in self._servers for each in server.sockets]
        return Endpoint(*sockets[0].getsockname()[:2]) if sockets else None

    async def start(self) -> None:
        """Listen; a port that somebody else has is tried again, unless ``stop-on-bind-error`` says no."""
        host, port = self._settings.listen_ip, self._settings.listen_port
        failures: list[tuple[Endpoint, OSError]] = []
        for each in BOTH_FAMILIES if host == "::" else (host,):
            where = Endpoint(each, port)
            try:
                server = await self._loop.create_server(self._new_link, sock=listen_tcp(where))
            except OSError as error:
                failures.append((where, error))
            else:
                self._servers.append(server)
                log.info("Event socket listens on %s", Endpoint(*server.sockets[0].getsockname()[:2]))
        if not self._servers:
            self._cannot_listen(*failures[0])

    async def stop(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        for server in self._servers:
            server.close()
        self._switch.calls.sockets = None
        await self.hub.close()

    def _cannot_listen(self, where: Endpoint, error: OSError) -> None:
        said = f"{error}"
        if said != self._refused:
            log.error("Socket Error! Could not listen on %s:%d: %s", *where, said)
            self._refused = said
        if self._settings.stop_on_bind_error:
            log.error("There is no event socket: stop-on-bind-error is set; free the port and start anew")
            return
        self._retry = self._loop.call_later(RETRY, lambda: self.hub.spawn(self.start()))

    # --- who comes in -------------------------------------------------------------------------------

    def _new_link(self) -> asyncio.Protocol:
        return _Doorkeeper(self)

    def admits(self, peer: Endpoint) -> bool:
        """Whether somebody may try a password: by the lists, and by what he did before."""
        if not all(self._switch.allows(acl, peer.host) for acl in self._settings.acls):
            log.warning("Event socket: IP %s rejected by acl %s", peer.host, ",".join(self._settings.acls))
            return False
        if not self._switch.guard.admits(peer, "", self._loop.time()):
            return False
        clients = sum(each.came_to_us for each in self.hub.links)
        if clients >= MOST_CLIENTS or not self._has_room_for_strangers():
            log.warning("Event socket: too many connections: %s is refused", peer)
            return False
        return True

    def _has_room_for_strangers(self) -> bool:
        """Who says nothing goes when others come: clients show their password at once."""
        strangers = [each for each in self.hub.links if each.is_stranger]
        if len(strangers) < MOST_STRANGERS:
            return True
        silent = [each for each in strangers if each.is_silent]
        if silent:
            min(silent, key=lambda each: each.came).close("it said nothing, and others want to come in")
        return bool(silent)

    def make_link(self) -> Link:
        return Link(self.hub, self._door)

    def _find_user(self, user: str, domain: str) -> EslUser | None:
        found = self._switch.calls.directory.find_user(domain, user)
        password = found.params.get("esl-password", "") if found is not None else ""
        return EslUser(password, Rights.read(found.params)) if found is not None and password else None


class _Doorkeeper(asyncio.Protocol):
    """The first to meet a connection: hands it to a link, or sends it away."""

    def __init__(self, event_socket: EventSocket) -> None:
        self._event_socket = event_socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        peer = Endpoint(*(transport.get_extra_info("peername") or ("", 0))[:2])
        if not self._event_socket.admits(_unmapped(peer)):
            transport.write(texts.REFUSED)
            transport.close()
            return
        link = self._event_socket.make_link()
        transport.set_protocol(link)
        link.connection_made(transport)


def _unmapped(peer: Endpoint) -> Endpoint:
    """An IPv4 client of a socket that serves both families (RFC 4291 §2.5.5.2)."""
    return Endpoint(peer.host.removeprefix("::ffff:"), peer.port)


def _safe(settings: EventSocketSettings) -> EventSocketSettings:
    """With the password that everybody knows nothing listens where others could reach it."""
    if settings.password != CLUECON:
        return settings
    if settings.on_loopback:
        log.warning("event_socket.conf: the password is %s, which everybody knows; set another one", CLUECON)
        return settings
    text = "event_socket.conf: everybody knows the password %s: not listening on %s, but on %s alone"
    log.error(text, CLUECON, settings.listen_ip, LOOPBACK)
    return replace(settings, listen_ip=LOOPBACK)
