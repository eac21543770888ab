"""A process that transcodes: for each call two sockets, and the way from one to the other and back.

Nothing that the switch does delays what is coded here: it has an interpreter of its own, and no collector.

Lives here: sockets, and what the switch's messages make happen. Never here: codecs (``transcoding``).
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import sys
from time import perf_counter
from typing import Any, Final

from ..coding.transcoding import OneWay, Side
from ..rtp.packet import MAX_DATAGRAM
from ..sound.g711 import ulaw_table
from .obeying_driver import Obeying, serve

SOCKETS_PER_WAKE_UP: Final = 64  # then the switch is listened to


class Way:
    """One direction: what comes in by one socket leaves by the other."""

    __slots__ = ("_coder", "_comes", "_goes", "seconds")

    def __init__(self, comes: socket.socket, goes: socket.socket, coder: OneWay) -> None:
        self.seconds = 0.0  # that coding took
        self._comes, self._goes, self._coder = comes, goes, coder

    def run(self) -> None:
        """Take one datagram."""
        try:
            datagram = self._comes.recv(MAX_DATAGRAM)
        except OSError:
            return  # nothing there after all, or nobody listens yet at the other end
        began = perf_counter()
        made = self._coder.receive(datagram)
        self.seconds += perf_counter() - began
        for each in made:
            try:
                self._goes.send(each)
            except OSError:
                return  # the leg has gone

    @property
    def counted(self) -> tuple[int, int, float]:
        """Packets that were made, those that could not be read, and the seconds it took."""
        return self._coder.packets, self._coder.broken, self.seconds


class Coders(Obeying):
    """All that is transcoded here."""

    def __init__(self, link: socket.socket) -> None:
        super().__init__(link)
        self._calls: dict[int, tuple[list[socket.socket], list[Way]]] = {}
        self._ways: dict[int, Way] = {}  # by the descriptor where something comes
        self._epoll = select.epoll()
        ulaw_table()  # before the first call, which it would hold up
        self._loop.add_reader(self._epoll.fileno(), self._on_ready)

    async def close(self) -> None:
        for number in list(self._calls):
            self.do_part(number)
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def do_join(self, number: int, sides: list[list[Any]], *descriptors: int) -> None:
        """Code what comes by one socket for the other; each is connected to a leg of the engine."""
        sockets = [socket.socket(fileno=each) for each in descriptors]
        one, other = (Side(codec, ptime, rate) for codec, ptime, rate in sides)
        here, there = sockets
        ways = [
            Way(here, there, OneWay(one, other, _random())),
            Way(there, here, OneWay(other, one, _random())),
        ]
        self._calls[number] = (sockets, ways)
        for sock, way in zip(sockets, ways, strict=True):
            self._ways[sock.fileno()] = way
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def do_part(self, number: int) -> None:
        """End it."""
        for sock in self._calls.pop(number)[0]:
            self._epoll.unregister(sock.fileno())
            del self._ways[sock.fileno()]
            sock.close()

    def do_report(self, number: int, serial: int) -> None:
        ways = self._calls[number][1] if number in self._calls else []
        self.tell("answer", serial, [list(way.counted) for way in ways])

    def _on_ready(self) -> None:
        for descriptor, _ in self._epoll.poll(0, SOCKETS_PER_WAKE_UP):
            way = self._ways.get(descriptor)
            if way is not None:
                way.run()


def _random() -> int:
    return int.from_bytes(os.urandom(4), "big")


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Coders))
