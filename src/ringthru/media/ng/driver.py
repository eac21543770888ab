"""The sockets of a set of media nodes: commands out, answers in, and the keys they log.

Lives here: bytes and time. Never here: a rule; those are ``nodes``'.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from ringthru.net.address import Endpoint

from ..errors import LocalError, MalformedPacket
from .bencode import MAX_SIZE
from .dtmf_log import LoggedKey
from .messages import Command, Message
from .node import Node, NodeSnapshot
from .nodes import Done, Failed, Farm, FarmEvent, NodeState, StateChanged

log = logging.getLogger(__name__)

PER_WAKE_UP: Final = 64  # datagrams; then the loop does something else


class NoNode(LocalError):
    """No media node took a command; the message says why."""


class FarmDriver:
    """All nodes of a switch, in one running event loop."""

    def __init__(
        self,
        nodes: Sequence[Node],
        on_state: Callable[[Node, NodeState], None],
        on_key: Callable[[LoggedKey], None],
        keys_at: Endpoint | None = None,
    ) -> None:
        """``keys_at`` is where nodes send their DTMF log to, an address of this machine."""
        self._nodes = list(nodes)
        self._on_state = on_state
        self._on_key = on_key
        self._keys_at = keys_at
        self._farm: Farm | None = None
        self._waiting: dict[int, asyncio.Future[Done]] = {}
        self._sockets: dict[bool, socket.socket] = {}  # for IPv6, for IPv4
        self._key_socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Open the sockets, and ping; harmless twice.

        Raises:
            OSError: the address for keys is taken, or is none of this machine's.
        """
        if self._farm is not None:
            return
        self._loop = asyncio.get_running_loop()
        if self._keys_at is not None:
            self._key_socket = self._open(":" in self._keys_at.host, self._keys_at, self._on_keys_ready)
        for six in {":" in node.address.host for node in self._nodes}:
            self._sockets[six] = self._open(six, None, partial(self._on_ready, six))
        self._farm = Farm(self._nodes, os.urandom(6).hex(), self._loop.time())
        self._pump()

    def _open(self, six: bool, bound_to: Endpoint | None, reader: Callable[[], None]) -> socket.socket:
        family = socket.AF_INET6 if six else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            if bound_to is not None:
                sock.bind(bound_to)
        except OSError:
            sock.close()
            raise
        self._loop.add_reader(sock.fileno(), reader)
        return sock

    def close(self) -> None:
        """Close the sockets; whoever still waits for an answer hears that there is none."""
        sockets = [*self._sockets.values()]
        if self._key_socket is not None:
            sockets.append(self._key_socket)
        for sock in sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets, self._key_socket, self._farm = {}, None, None
        if self._timer is not None:
            self._timer.cancel()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(NoNode("the media nodes are let go of"))
        self._waiting.clear()

    async def place(self, command: Command, call_id: str) -> tuple[Node, Message]:
        """Give a new call's command to the best node that takes it; returns that node and its answer.

        Raises:
            NoNode: none is up, or none answers, within three quarters of a second for each.
        """
        farm = self._running()
        done = await self._end_of(farm.place(command, call_id, self._loop.time()))
        return done.node, done.answer

    async def tell(self, node: Node, command: Command) -> Message:
        """Give a command to the node that has its call.

        Raises:
            NoNode: it does not answer.
        """
        return (await self._end_of(self._running().tell(node, command, self._loop.time()))).answer

    def state(self, node: Node) -> NodeState:
        return self._farm.state(node) if self._farm is not None else NodeState.DOWN

    def snapshot(self) -> list[NodeSnapshot]:
        return self._farm.snapshot() if self._farm is not None else []

    def _running(self) -> Farm:
        if self._farm is None:
            raise NoNode("the media nodes are not started")
        return self._farm

    async def _end_of(self, ticket: int) -> Done:
        future: asyncio.Future[Done] = self._loop.create_future()
        self._waiting[ticket] = future
        self._pump()
        try:
            return await future
        finally:
            self._waiting.pop(ticket, None)

    def _on_ready(self, six: bool) -> None:
        for datagram, source in _read(self._sockets[six]):
            if self._farm is not None:
                self._farm.receive_datagram(source, datagram, self._loop.time())
        self._pump()

    def _on_keys_ready(self) -> None:
        if self._key_socket is None:
            return
        hosts = {node.address.host for node in self._nodes}
        for datagram, source in _read(self._key_socket):
            if source.host in hosts:
                with suppress(MalformedPacket):
                    self._on_key(LoggedKey.decode(datagram))

    def _on_timer(self) -> None:
        if self._farm is not None:
            self._farm.handle_timeout(self._loop.time())
            self._pump()

    def _pump(self) -> None:
        farm = self._farm
        if farm is None:
            return
        for address, datagram in farm.datagrams_to_send():
            try:
                self._sockets[":" in address.host].sendto(datagram, address)
            except OSError as error:  # the machine says what silence will say in a moment
                log.debug("ng to %s: %s", address, error)
        for event in farm.events():
            self._act_on(event)
        if self._timer is not None:
            self._timer.cancel()
        when = farm.next_timeout()
        self._timer = None if when is None else self._loop.call_at(when, self._on_timer)

    def _act_on(self, event: FarmEvent) -> None:
        if isinstance(event, StateChanged):
            self._on_state(event.node, event.state)
            return
        future = self._waiting.get(event.ticket)
        if future is None or future.done():
            return  # whoever asked is gone
        if isinstance(event, Failed):
            future.set_exception(NoNode(event.reason))
        else:
            future.set_result(event)


def _read(sock: socket.socket) -> list[tuple[bytes, Endpoint]]:
    """What has come, up to a bound."""
    read: list[tuple[bytes, Endpoint]] = []
    while len(read) < PER_WAKE_UP:
        try:
            datagram, source = sock.recvfrom(MAX_SIZE)
        except OSError:
            break  # nothing more; or an ICMP error, which silence will tell as well
        read.append((datagram, Endpoint(source[0], source[1])))
    return read
