"""The UDP socket of one agent.

asyncio's own transport reads one datagram each time round the loop, and to go round costs as much as to read
a message. Here a wake-up reads all that has come, up to a number that leaves the loop's others their turn.

Lives here: reading, sending, waiting for the system to take more. Never here: what a datagram says.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from ...net.sockets import DATAGRAM_LIMIT

log = logging.getLogger(__name__)

AT_ONCE: Final = 16  # datagrams for one wake-up
WAITING: Final = 1024  # datagrams that the system did not take yet; beyond, one is lost as on any wire
# Bytes asked for, so that a burst outlives a pause of ours; Linux grants as much as net.core.rmem_max allows.
RECEIVE_BUFFER: Final = 1 << 20


class DatagramDriver:
    """Reads and sends on a bound socket, which it owns, until it is closed."""

    def __init__(self, sock: socket.socket, take: Callable[[bytes, Endpoint], None]) -> None:
        """``take`` gets each datagram and where it came from; it raises nothing."""
        self._socket = sock
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[bytes, Endpoint]] = deque()
        self._closed = False
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._loop.add_reader(sock.fileno(), self._readable)

    def send(self, data: bytes, remote: Endpoint) -> None:
        """Send, or keep it until the system takes more; what it refuses is lost, which SIP lives with."""
        if self._waiting:
            if len(self._waiting) < WAITING:
                self._waiting.append((data, remote))
            return
        try:
            self._socket.sendto(data, remote)
        except BlockingIOError:
            self._waiting.append((data, remote))
            self._loop.add_writer(self._socket.fileno(), self._writable)
        except OSError as error:
            log.debug("A datagram to %s was not sent: %s", remote, error)

    def close(self) -> None:
        """Send what waits, as far as the system takes it at once, and close."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._socket.fileno())
        self._writable()
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        for _ in range(AT_ONCE):
            if self._closed:  # by what the datagram before made somebody do
                return
            try:
                data, source = self._socket.recvfrom(DATAGRAM_LIMIT)
            except BlockingIOError:
                return
            except OSError as error:
                log.debug("%s: nothing could be read: %s", self._socket.getsockname(), error)
                return
            self._take(data, Endpoint(source[0], source[1]))

    def _writable(self) -> None:
        while self._waiting:
            try:
                self._socket.sendto(*self._waiting[0])
            except BlockingIOError:
                break
            except OSError as error:
                log.debug("A datagram to %s was not sent: %s", self._waiting[0][1], error)
            self._waiting.popleft()
        if not self._waiting:
            self._loop.remove_writer(self._socket.fileno())
