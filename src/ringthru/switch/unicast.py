"""A leg's audio to and from a program, by datagrams (``unicast`` of the event socket's ``sendmsg``).

What the peer says goes to the program, and what the program sends is said to the peer: 8000 Hz, one channel,
as signed 16-bit little-endian samples, or as the leg's own G.711 octets (``native``). It ends with the call,
or with the next one of the same leg.

Lives here: the socket, the pace, the conversion. Never here: who asked for it, packets of RTP.
"""

from __future__ import annotations

import asyncio
from array import array
from sys import byteorder
from typing import TYPE_CHECKING, Any, Final, cast

from ..media import Recorder, linear_of
from ..media.coders import remedy, ulaw_of
from ..media.g711 import G711
from ..media.payloads import Payloads
from ..media.reordering import LIVE
from ..net.address import Endpoint

if TYPE_CHECKING:
    from .channel import Channel

TICK: Final = 0.02  # seconds between looks at what the peer said
LONGEST: Final = 3200  # octets of one datagram: 200 ms; longer ones are not taken


class UnicastRefused(Exception):
    """It cannot be; the text says why."""


class Unicast(asyncio.DatagramProtocol):
    """One leg's exchange with one program."""

    def __init__(self, channel: Channel, remote: Endpoint, *, native: bool) -> None:
        """Raises UnicastRefused: the leg has no audio, or a codec that nobody here makes."""
        media = channel.media
        if media is None or media.codec is None:
            raise UnicastRefused("the call has no audio yet: answer it first")
        name = media.codec.name
        if name not in channel.coders:
            raise UnicastRefused(f"the call speaks {name}, which nothing here makes: {remedy(name)}")
        if native and name not in G711:
            raise UnicastRefused(f"the call speaks {name}: leave out native, or have it speak PCMU or PCMA")
        self._media = media
        self._payloads = Payloads()
        self._remote = remote
        self._native = native
        self._tap = media.leg.tap()
        self._recorder = Recorder(self._tap, LIVE)
        self._feed = media.leg.feed()
        self._leg = media.leg
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def open(self, local: Endpoint) -> None:
        """Raises UnicastRefused: the port cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_datagram_endpoint(lambda: self, local_addr=local, remote_addr=self._remote)
        except OSError as error:
            self.close()
            raise UnicastRefused(f"{local}: {error.strerror or error}") from error
        self._tick()

    def close(self) -> None:
        """End it; harmless twice."""
        self._tap.close()
        self._leg.hush()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # it is none for ``isinstance``

    def datagram_received(self, data: bytes, source: tuple[str | Any, int]) -> None:
        """What the program wants said; the socket is connected, so nobody else is heard."""
        if not data or len(data) > LONGEST:
            return
        agreed = self._media.negotiated
        if self._native:
            self._feed.write(data, len(data))
        elif agreed is not None:
            for payload, samples in self._payloads.of(ulaw_of(_samples(data)), agreed):
                self._feed.write(payload, samples)

    def error_received(self, error: Exception) -> None:
        """The program does not listen (yet); it may."""

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)
        if self._transport is None:
            return
        if self._native:
            for frame in self._recorder.frames():
                self._transport.sendto(frame.payload)
        else:
            for ulaw in self._recorder.take_each():
                self._transport.sendto(linear_of(ulaw))


def _samples(data: bytes) -> array[int]:
    """Little-endian 16-bit samples; an odd octet at the end does not count."""
    samples = array("h", data[: len(data) & ~1])
    if byteorder == "big":
        samples.byteswap()
    return samples
