"""A leg's audio to and from a program (``unicast`` of the event socket's ``sendmsg``).

What the peer says goes to the program, and what the program sends is said to the peer: 8000 Hz, one channel,
as signed 16-bit little-endian samples, or as the leg's own G.711 octets (``native``). It goes by datagrams,
or over a TCP connection that we make to the program. It ends with the call, with the next one of the same
leg, or when the program closes its connection.

Lives here: the socket, the pace, the conversion. Never here: who asked for it, packets of RTP.
"""

from __future__ import annotations

import asyncio
from array import array
from sys import byteorder
from typing import TYPE_CHECKING, Any, Final, cast

from ...media import Recorder, linear_of
from ...media.coding.coders import remedy, ulaw_of
from ...media.coding.payloads import Payloads
from ...media.rtp.reordering import LIVE
from ...media.sound.g711 import G711
from ...net.address import Endpoint

if TYPE_CHECKING:
    from ..calls.channel import Channel

TICK: Final = 0.02  # seconds between looks at what the peer said
LONGEST: Final = 3200  # octets of one datagram: 200 ms; longer ones are not taken
FRAME: Final = 160  # samples that a stream is cut into
AHEAD: Final = 64_000  # octets that a program on a stream may leave unread (4 s); then it is let go
PATIENCE: Final = 5.0  # seconds for a program to take the connection


class UnicastRefused(Exception):
    """It cannot be; the text says why."""


class Unicast(asyncio.DatagramProtocol, asyncio.Protocol):
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
        self._waiting = bytearray()  # of a stream: less than a frame
        self._is_stream = False  # ``isinstance`` does not tell the kinds of transports apart
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def open(self, local: Endpoint, *, stream: bool = False) -> None:
        """By datagrams, or as a ``stream`` over TCP.

        Raises:
            UnicastRefused: nobody is there, or the port is taken.
        """
        self._is_stream = stream
        loop = asyncio.get_running_loop()
        try:
            if stream:
                async with asyncio.timeout(PATIENCE):
                    await loop.create_connection(lambda: self, *self._remote, local_addr=local)
            else:
                await loop.create_datagram_endpoint(lambda: self, local_addr=local, remote_addr=self._remote)
        except (OSError, TimeoutError) as error:
            self.close()
            where = f"from {local} to {self._remote}"
            raise UnicastRefused(
                f"{where}: {getattr(error, 'strerror', '') or error or 'no answer'}"
            ) from error
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
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """A program that closes its stream wants no more."""
        self.close()

    def datagram_received(self, data: bytes, source: tuple[str | Any, int]) -> None:
        """What the program wants said; the socket is connected, so nobody else is heard."""
        if data and len(data) <= LONGEST:
            self._say(data)

    def data_received(self, data: bytes) -> None:
        """The same of a stream, whose pieces end anywhere."""
        self._waiting += data
        size = FRAME if self._native else 2 * FRAME
        while len(self._waiting) >= size:
            self._say(bytes(self._waiting[:size]))
            del self._waiting[:size]

    def error_received(self, error: Exception) -> None:
        """The program does not listen (yet); it may."""

    def _say(self, data: bytes) -> None:
        agreed = self._media.negotiated
        if self._native:
            self._feed.write(data, len(data))
        elif agreed is not None:
            for payload, samples in self._payloads.of(ulaw_of(_samples(data)), agreed):
                self._feed.write(payload, samples)

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)
        if self._native:
            for frame in self._recorder.frames():
                self._send(frame.payload)
        else:
            for ulaw in self._recorder.take_each():
                self._send(linear_of(ulaw))

    def _send(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self._is_stream:
            self._transport.write(data)
            if self._transport.get_write_buffer_size() > AHEAD:
                self._transport.abort()
        else:
            cast(asyncio.DatagramTransport, self._transport).sendto(data)


def _samples(data: bytes) -> array[int]:
    """Little-endian 16-bit samples; an odd octet at the end does not count."""
    samples = array("h", data[: len(data) & ~1])
    if byteorder == "big":
        samples.byteswap()
    return samples
