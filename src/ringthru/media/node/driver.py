"""A media node's sockets and clock: requests in, answers out, keys told, calls ended in time.

Lives here: bytes and time. Never here: a rule; those are in ``serving``, ``commands`` and ``calls``.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from ringthru.net.acl import AccessList
from ringthru.net.address import Endpoint

from ...net.values import frozen
from ..errors import LocalError
from ..interface import Engine
from ..ng.bencode import MAX_SIZE
from ..ng.dtmf_log import LoggedKey
from ..rtp.telephone_event import KeyHeard
from .calls import Calls, NodeCall
from .commands import Commands
from .recording_driver import Recordings
from .serving import NgServer
from .sides import Interface, Side

log = logging.getLogger(__name__)

PER_WAKE_UP: Final = 64  # datagrams; then the loop does something else
LARGEST_SOUND: Final = 16 << 20  # octets of a file


@frozen
class NodeSettings:
    """How a node runs; paths are folders, None where there is none."""

    listen: tuple[Endpoint, ...]
    interfaces: tuple[Interface, ...]
    allowed: AccessList
    most_calls: int = 1000
    timeout: float = 60.0  # seconds of silence on both sides
    keys_to: Endpoint | None = None  # the DTMF log
    recordings: Path | None = None
    sounds: Path | None = None


class NodeDriver:
    """One node, in one running event loop; the engine is its owner's."""

    def __init__(self, engine: Engine, settings: NodeSettings) -> None:
        self._settings = settings
        self._recordings = Recordings(settings.recordings)
        self.calls = Calls(
            engine,
            settings.interfaces,
            secret=secrets.token_hex,
            most=settings.most_calls,
            timeout=settings.timeout,
            on_key=self._on_key,
            on_begin=lambda call: log.info("New call %s", call.call_id),
            on_end=self._on_end,
        )
        commands = Commands(self.calls, self, time.time)
        self.server = NgServer(settings.allowed, commands.run)
        self._sockets: list[socket.socket] = []
        self._key_socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Open the sockets.

        Raises:
            OSError: an address is taken, or none of this machine's.
        """
        self._loop = asyncio.get_running_loop()
        for address in self._settings.listen:
            sock = _datagram_socket(address)
            self._sockets.append(sock)
            sock.bind(address)
            self._loop.add_reader(sock.fileno(), partial(self._on_ready, sock))
        if self._settings.keys_to is not None:
            self._key_socket = _datagram_socket(self._settings.keys_to)

    async def close(self) -> None:
        """End all calls."""
        if self._timer is not None:
            self._timer.cancel()
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self.calls.close()
        await self._recordings.close()
        if self._key_socket is not None:
            self._key_socket.close()

    # What commands need of the world

    def read_file(self, path: str) -> bytes:
        folder = self._settings.sounds
        if not path or folder is None:
            raise LocalError("No sound in the request (blob), and no --sound-dir here to take a file from")
        whole = (folder / path).resolve()
        if not whole.is_relative_to(folder.resolve()):
            raise LocalError("A file outside of --sound-dir is not played")
        try:
            with whole.open("rb") as file:
                return file.read(LARGEST_SOUND)
        except OSError as error:
            raise LocalError(f"The sound cannot be read: {error.strerror}") from error

    def record(self, call: NodeCall, on: bool) -> None:
        (self._recordings.begin if on else self._recordings.end)(call)

    # Events

    def _on_ready(self, sock: socket.socket) -> None:
        for _ in range(PER_WAKE_UP):
            try:
                datagram, source = sock.recvfrom(MAX_SIZE)
            except OSError:
                break  # nothing more; or an ICMP error about an answer that nobody waits for
            answer = self.server.receive_datagram(datagram, Endpoint(*source[:2]), self._loop.time())
            if answer is not None:
                _send(sock, answer, source)
        self._arm()

    def _on_timer(self) -> None:
        self.calls.handle_timeout(self._loop.time())
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        when = self.calls.next_timeout()
        self._timer = None if when is None else self._loop.call_at(when, self._on_timer)

    def _on_end(self, call: NodeCall) -> None:
        self._recordings.end(call)
        heard = ", ".join(
            f"{side.leg.report().packets_received} from {side.tag or '?'}" for side in call.sides
        )
        log.info("Call %s is over: packets: %s", call.call_id, heard)

    def _on_key(self, call: NodeCall, side: Side, key: KeyHeard) -> None:
        log.info("%s: %s pressed %s", call.call_id, side.tag, key.key)
        if self._key_socket is None or self._settings.keys_to is None:
            return
        remote = side.leg.report().remote
        told = LoggedKey(call.call_id, side.tag, key.key, key.milliseconds)
        datagram = told.encode(int(time.time()), remote.host if remote is not None else "")
        _send(self._key_socket, datagram, self._settings.keys_to)


def _datagram_socket(address: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


def _send(sock: socket.socket, datagram: bytes, to: Sequence[object]) -> None:
    try:
        sock.sendto(datagram, tuple(to))
    except OSError as error:
        log.debug("To %s: %s", to, error)
