"""The audio of a scripted phone: frames that it says, frames that it hears, keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Protocol

from ringthru.lab.datagrams import OnDatagram
from ringthru.media import Codec, MalformedPacket, MediaAddress, RtpPacket
from ringthru.media.rtp.telephone_event import KEYS, TelephoneEvent
from ringthru.net.address import Endpoint

FRAME = 160  # octets: 20 ms of G.711


class Socket(Protocol):
    """What a phone needs of the network it stands in."""

    local: Endpoint

    def send(self, data: bytes, to: Endpoint) -> bool: ...
    def close(self) -> None: ...


OpenSocket = Callable[[int, OnDatagram], Socket]  # a port (0: any) of the phone's host


class Audio:
    """A phone's RTP socket: says frames of its own, and keeps those it hears."""

    def __init__(self, open_socket: OpenSocket, shows: str | None = None) -> None:
        """``shows``: the address its SDP tells, when that is not where it is reached (it is behind a NAT)."""
        self._socket = open_socket(0, self._on_datagram)
        self._shows = shows
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self.heard: list[tuple[bytes, Endpoint]] = []

    @property
    def address(self) -> MediaAddress:
        host, port = self._socket.local
        return MediaAddress(self._shows or host, port, port + 1)

    def say(self, frame: bytes, codec: Codec, to: Endpoint) -> None:
        self._socket.send(self._next(frame, codec), to)

    def say_swapped(self, one: bytes, other: bytes, codec: Codec, to: Endpoint) -> None:
        """Two packets of which the second overtakes the first."""
        for packet in reversed([self._next(each, codec) for each in (one, other)]):
            self._socket.send(packet, to)

    def _next(self, frame: bytes, codec: Codec) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        stamp = self._sequence * codec.clock_rate // 50 & 0xFFFFFFFF
        return RtpPacket(codec.payload_type, self._sequence, stamp, self._ssrc, frame).encode()

    def press(self, key: str, event_type: int, to: Endpoint) -> None:
        stamp = (self._sequence + 1) * FRAME
        for number in range(4):
            self._sequence = (self._sequence + 1) & 0xFFFF
            event = TelephoneEvent(KEYS.index(key), number == 3, 10, FRAME * (number + 1))
            packet = RtpPacket(event_type, self._sequence, stamp & 0xFFFFFFFF, self._ssrc, event.encode())
            self._socket.send(packet.encode(), to)

    def sources_of(self, frame: bytes) -> list[Endpoint]:
        return [source for heard, source in self.heard if heard == frame]

    def forget(self, frame: bytes) -> None:
        """From now on only what comes anew counts as heard."""
        self.heard[:] = [each for each in self.heard if each[0] != frame]

    def close(self) -> None:
        self._socket.close()

    def _on_datagram(self, data: bytes, source: Endpoint) -> None:
        try:
            self.heard.append((RtpPacket.decode(data).payload, source))
        except MalformedPacket:
            return
