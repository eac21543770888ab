"""The short way of a packet that only goes on with its stream, as nearly all do.

Its peer is where it was, its number follows the last, its type is what was agreed on, and nobody asked
anything of the two legs since the packet before: then all that was decided for that one holds for this one
too. It is counted, and its header is rewritten where it lies. Nothing is made anew for it.

Lives here: how such a packet is known, and what is done with it. Never here: any other packet; a rule that
``stream`` and ``outgoing`` do not have: ``tests/media/test_short_way.py`` goes both ways and compares.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from ..rtp.packet import MAX_DATAGRAM, RtpPacket

if TYPE_CHECKING:
    from .stream import MediaStream

HEADER: Final = Struct("!HHII")  # RTP's; version, marker and type in one number
PLAIN: Final = 0x8000  # that number without marker, padding, extension and contributing sources


class ShortWay:
    """From one leg to another, or back where it came from, for what follows one packet."""

    __slots__ = (
        "_allowance",
        "_changes",
        "_kind",
        "_origin",
        "_peer",
        "_reporter",
        "_sender",
        "_sent_kind",
        "_sink",
        "_source",
        "_ssrc",
        "_table",
        "_target",
    )

    def __init__(self, origin: MediaStream, sink: MediaStream, packet: RtpPacket) -> None:
        """For those after ``packet``, which was passed on; ``find`` knows whether there is one."""
        agreed, source = origin.negotiated, origin.reporter.source
        heard, told = origin.peer.rtp, sink.peer.rtp
        assert agreed is not None
        assert source is not None
        assert heard is not None
        assert told is not None
        way = sink.outgoing.way_of(agreed)
        assert way is not None
        self._origin, self._sink = origin, sink
        self._changes = origin.changes + sink.changes
        self._kind, self._ssrc = PLAIN | packet.payload_type, packet.ssrc
        self._peer = (heard.target.host, heard.target.port)  # a plain tuple is compared faster
        self._target = (told.target.host, told.target.port)
        self._reporter, self._source = origin.reporter, source
        self._sender = sink.sender
        self._sent_kind, self._table = PLAIN | way[0], way[1]
        self._allowance = sink.outgoing.allowance if sink is origin else None

    @classmethod
    def find(cls, origin: MediaStream, sink: MediaStream, packet: RtpPacket) -> ShortWay | None:
        """None where something needs a look at every packet."""
        agreed, source = origin.negotiated, origin.reporter.source
        passes = (
            agreed is not None
            and packet.payload_type == agreed.heard_type != agreed.heard_event
            and origin.hears_plainly
            and sink.outgoing.way_of(agreed) is not None
            and sink.peer.protection is None
            and source is not None
            and source.believed
            and sink.sender.goes_on(origin, source.ssrc, source.highest)
        )
        return cls(origin, sink, packet) if passes else None

    def carry(
        self, buffer: bytearray, size: int, source: tuple[str, int], now: float
    ) -> tuple[str, int] | None:
        """Make of the ``size`` octets in ``buffer`` what is to be sent, and say where to.

        None: it is another packet than was thought; nothing was done, and ``receive_rtp`` is to take it.
        """
        kind, sequence, timestamp, ssrc = HEADER.unpack_from(buffer)
        if (
            kind != self._kind
            or ssrc != self._ssrc
            or sequence != self._source.highest + 1
            or not HEADER.size <= size <= MAX_DATAGRAM
            or (source != self._peer and source[:2] != self._peer)  # IPv6 has more than an address and a port
            or self._origin.changes + self._sink.changes != self._changes
            or (self._allowance is not None and not self._allowance.take(now))
        ):
            return None
        octets = size - HEADER.size
        self._origin.heard_at = now
        self._reporter.receive_next(octets, timestamp, now)
        if self._table is not None:
            buffer[HEADER.size : size] = buffer[HEADER.size : size].translate(self._table)
        sent, timestamp = self._sender.go_on(octets, timestamp, now)
        HEADER.pack_into(buffer, 0, self._sent_kind, sent, timestamp, self._sender.ssrc)
        return self._target
