"""What both processes beside the switch have in common: a socket to it, orders that come, news that go.

Garbage is not collected there, for a collection holds every packet up, and nothing there makes cycles. The
process ends when the switch closes its end of the socket, however that comes about.

Lives here: messages and life. Never here: what an order means.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable
from typing import Any, Final

from .twin_wire import LARGEST, decode, encode

log = logging.getLogger(__name__)

MOST_DESCRIPTORS: Final = 2  # of one message
ORDERS_AT_ONCE: Final = 256


class Obeying:
    """Does what the switch says: an order ``verb`` is the method ``do_verb``."""

    def __init__(self, link: socket.socket) -> None:
        self.over = asyncio.Event()
        self._link = link
        self._waiting: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(link.fileno(), self.obey)

    async def close(self) -> None:
        """Let go of everything."""

    def obey(self) -> None:
        """Follow the orders that came."""
        for _ in range(ORDERS_AT_ONCE):
            try:
                data, descriptors, _, _ = socket.recv_fds(self._link, LARGEST, MOST_DESCRIPTORS)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._end()
                return
            verb, *words = decode(data)
            try:
                getattr(self, f"do_{verb}")(*words, *descriptors)
            except Exception:  # a bug of ours must cost one leg, not the calls beside it
                log.exception("%s of leg %s", verb, words[:1])

    def _end(self) -> None:
        if not self.over.is_set():
            self.over.set()
            self._loop.remove_reader(self._link.fileno())

    def tell(self, *words: Any) -> None:
        """Tell the switch; what does not fit now goes when there is room, in order."""
        self._waiting.append(encode(*words))
        if len(self._waiting) == 1:
            self._flush()

    def _flush(self) -> None:
        try:
            while self._waiting:
                self._link.send(self._waiting[0])
                self._waiting.pop(0)
        except BlockingIOError:
            self._loop.call_later(0.01, self._flush)
        except OSError:
            self._waiting.clear()


async def serve(descriptor: int, make: Callable[[socket.socket], Obeying]) -> None:
    """Do what is said over a socket, until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C is for the switch, which then says when
    link = socket.socket(fileno=descriptor)
    link.setblocking(False)
    obeying = make(link)
    gc.collect()
    gc.freeze()
    gc.disable()
    obeying.tell("begun")
    await obeying.over.wait()
    await obeying.close()
