"""The process of the engine in Python: the machines of this package around one socket to the switch.

Lives here: what the switch's messages make happen. Never here: a rule about media.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
import sys
from functools import partial
from typing import Any, Final

from ..events import MediaEvent
from ..leg.playing import FedPlayer, PacketTap
from ..sound.sounds import Sound
from .driver import MediaEngine
from .leg_driver import MediaLeg
from .obeying_driver import Obeying, serve
from .pair_driver import PortPair
from .poll_driver import PacketPoll, PacketSelector

SHARE_EVERY: Final = 0.1  # seconds between the frames of a tap
SHARED_AT_ONCE: Final = 24  # frames of one message: of the largest packets it holds no more (``LARGEST``)
MOST_LEGS: Final = 1 << 20  # the switch keeps count


class Hosted(MediaEngine):
    """An engine whose sockets are made elsewhere."""

    def __init__(self, packets: PacketPoll) -> None:
        super().__init__(capacity=MOST_LEGS, packets=packets)

    def adopt(self, pair: PortPair, name: str, rtp_timeout: float, hold_timeout: float) -> MediaLeg:
        """A leg on sockets that came from the switch."""
        self._running_loop()
        leg = MediaLeg(self, pair, name, rtp_timeout, hold_timeout)
        self._legs.add(leg)
        return leg


class Twin(Obeying):
    """Does what the switch says, and tells it what happens."""

    def __init__(self, packets: PacketPoll, link: socket.socket) -> None:
        """``packets`` is who reads the sockets of the legs, ``link`` leads to the switch."""
        super().__init__(link)
        self._engine = Hosted(packets)
        self._legs: dict[int, MediaLeg] = {}
        self._feeds: dict[int, FedPlayer] = {}
        self._taps: dict[tuple[int, int], PacketTap] = {}
        self._tick: asyncio.TimerHandle | None = None
        self._share()

    async def close(self) -> None:
        """Close every leg."""
        await self._engine.close()

    # The verbs, in the order of the interface

    def do_open(
        self, number: int, host: str, port: int, name: str, timeout: float, on_hold: float, *sockets: int
    ) -> None:
        rtp, rtcp = (socket.socket(fileno=each) for each in sockets)
        leg = self._engine.adopt(PortPair(host, port, rtp, rtcp), name, timeout, on_hold)
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


def main(descriptor: int) -> None:
    """Do what is said over a socket."""
    selector = PacketSelector()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(serve(descriptor, partial(Twin, selector.packets)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
