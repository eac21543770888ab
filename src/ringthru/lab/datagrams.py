"""A UDP socket on the running loop, without asyncio's asynchronous opening.

Lives here: reading, sending, closing.
Never here: what the datagrams mean.

A forwarding plane must have its socket the moment the first datagram of a flow arrives;
``create_datagram_endpoint`` is a coroutine, this is not.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from ..net.address import Endpoint

LONGEST: Final = 65535  # bytes
BATCH: Final = 64  # datagrams read before other sockets get their turn

OnDatagram = Callable[[bytes, Endpoint], None]


class Datagrams:
    """Owns a bound socket from now on; calls ``on_datagram(data, source)`` for all that arrives."""

    def __init__(self, sock: socket.socket, on_datagram: OnDatagram) -> None:
        self._sock = sock
        self._on_datagram = on_datagram
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._read)
        self.local = Endpoint(*sock.getsockname()[:2])
        self.closed = False

    def send(self, data: bytes, to: Endpoint | None = None) -> bool:
        """Send to ``to``, or to where the socket is connected; False when the system would not take it."""
        if self.closed:
            return False
        try:
            if to is None:
                self._sock.send(data)
            else:
                self._sock.sendto(data, to)
        except OSError:
            return False  # nobody there, or a full buffer: a wire loses packets too
        return True

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _read(self) -> None:
        for _ in range(BATCH):
            if self.closed:
                return  # the last datagram made its receiver close us
            try:
                data, source = self._sock.recvfrom(LONGEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # "connection refused", reported for something sent earlier
            self._on_datagram(data, Endpoint(*source[:2]))
