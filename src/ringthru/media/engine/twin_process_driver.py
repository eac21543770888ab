"""The process of the engine in Python: the machines of this package around one socket to the switch.

Garbage is not collected here, for a collection holds every packet up, and nothing here makes cycles. The
process ends when the switch closes its end of the socket, however that comes about.

Lives here: what the switch's messages make happen. Never here: a rule about media.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import mmap
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from ..driver import MediaEngine, MediaLeg
from ..events import MediaEvent
from ..pair_driver import PortPair
from ..playing import FedPlayer, PacketTap
from ..sounds import Sound
from .twin_wire import LARGEST, decode, encode

log = logging.getLogger(__name__)

MOST_DESCRIPTORS: Final = 2  # of one message
ORDERS_AT_ONCE: Final = 256
SHARE_EVERY: Final = 0.1  # seconds between the frames of a tap
SHARED_AT_ONCE: Final = 40  # frames of one message
MOST_LEGS: Final = 1 << 20  # the switch keeps count


class Hosted(MediaEngine):
    """An engine whose sockets are made elsewhere."""

    def __init__(self, obey: Callable[[], None]) -> None:
        """``obey`` follows the orders that came."""
        super().__init__(capacity=MOST_LEGS)
        self._obey = obey

    def _on_ready(self) -> None:
        self._obey()  # what was ordered before a packet was sent holds for it
        super()._on_ready()

    def adopt(self, pair: PortPair, name: str, rtp_timeout: float) -> MediaLeg:
        """A leg on sockets that came from the switch."""
        leg = MediaLeg(self, pair, name, self._running_loop(), rtp_timeout)
        self._legs.add(leg)
        return leg


class Twin:
    """Does what the switch says, and tells it what happens."""

    def __init__(self, link: socket.socket) -> None:
        self.over = asyncio.Event()
        self._link = link
        self._engine = Hosted(self._obey)
        self._legs: dict[int, MediaLeg] = {}
        self._feeds: dict[int, FedPlayer] = {}
        self._taps: dict[tuple[int, int], PacketTap] = {}
        self._waiting: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._tick: asyncio.TimerHandle | None = None
        self._loop.add_reader(link.fileno(), self._obey)
        self._share()

    async def close(self) -> None:
        """Close every leg."""
        await self._engine.close()

    def _obey(self) -> None:
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

    # The verbs, in the order of the interface

    def do_open(self, number: int, host: str, port: int, name: str, timeout: float, *sockets: int) -> None:
        rtp, rtcp = (socket.socket(fileno=each) for each in sockets)
        leg = self._engine.adopt(PortPair(host, port, rtp, rtcp), name, timeout)
        self._legs[number] = leg

        def tell(event: MediaEvent) -> None:
            self.tell("event", number, event)

        leg.subscribe(tell)

    def do_connect(self, number: int, negotiated: Any, speak_first: bool) -> None:
        self._legs[number].connect(negotiated, speak_first=speak_first)

    def do_report(self, number: int, serial: int) -> None:
        self.tell("answer", serial, self._legs[number].report())

    def do_close(self, number: int, serial: int) -> None:
        self._share()
        self._feeds.pop(number, None)
        for leg, tap in [each for each in self._taps if each[0] == number]:
            del self._taps[leg, tap]
        self.tell("answer", serial, self._legs.pop(number).close())

    def do_bridge(self, number: int, other: int) -> None:
        self._legs[number].bridge(self._legs[other])

    def do_unbridge(self, number: int) -> None:
        self._legs[number].unbridge()

    def do_echo(self, number: int, on: bool) -> None:
        self._legs[number].echo(on)

    def do_delay_echo(self, number: int, delay: float) -> None:
        self._legs[number].delay_echo(delay)

    def do_block(self, number: int, media: bool | None, keys: bool | None) -> None:
        self._legs[number].block(media=media, keys=keys)

    def do_play(self, number: int, size: int, times: int, start: int, memory: int) -> None:
        with mmap.mmap(memory, size, prot=mmap.PROT_READ) if size else memoryview(b"") as octets:
            sound = Sound(bytes(octets[:]), times, start)
        os.close(memory)
        self._legs[number].play(sound)

    def do_feed(self, number: int) -> None:
        self._feeds[number] = self._legs[number].feed()

    def do_write(self, number: int, frame: bytes, samples: int) -> None:
        self._feeds[number].write(frame, samples)

    def do_finish(self, number: int) -> None:
        self._feeds[number].finish()

    def do_hush(self, number: int) -> None:
        self._legs[number].hush()

    def do_tap(self, number: int, tap: int) -> None:
        self._taps[number, tap] = self._legs[number].tap()

    def do_close_tap(self, number: int, tap: int, serial: int) -> None:
        self._share()
        self._taps.pop((number, tap)).close()
        self.tell("answer", serial, None)

    def do_press(self, number: int, key: str, milliseconds: int) -> None:
        self._legs[number].press(key, milliseconds)

    def _share(self) -> None:
        """Hand over what the taps kept."""
        for (number, tap), kept in self._taps.items():
            frames = kept.read()
            for start in range(0, len(frames), SHARED_AT_ONCE):
                part = frames[start : start + SHARED_AT_ONCE]
                self.tell("frames", number, tap, kept.dropped, part)
        if self._tick is not None:
            self._tick.cancel()
        if not self.over.is_set():
            self._tick = self._loop.call_later(SHARE_EVERY, self._share)


async def serve(descriptor: int) -> None:
    """Do what is said over a socket, until its other end is closed."""
    link = socket.socket(fileno=descriptor)
    link.setblocking(False)
    twin = Twin(link)
    gc.collect()
    gc.freeze()
    gc.disable()
    twin.tell("begun")
    await twin.over.wait()
    await twin.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C is for the switch, which then says when
    asyncio.run(serve(int(sys.argv[1])))
