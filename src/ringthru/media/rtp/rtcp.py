"""RTCP packets on the wire (RFC 3550 §6).

Lives here: sender and receiver reports, CNAME, BYE, and the compound they travel in.
Never here: when to send one, or what the numbers mean (``statistics``).
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import ClassVar, Final, Self

from ...net.values import frozen
from ..errors import MalformedPacket

SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201
SOURCE_DESCRIPTION: Final = 202
GOODBYE: Final = 203
CNAME: Final = 1  # the one SDES item that must be sent (§6.5.1)
COMMON: Final = Struct("!BBH")
WORD: Final = Struct("!I")


@frozen
class ReportBlock:
    """What a receiver heard of one source (§6.4.1).

    ``fraction_lost`` is in 1/256, ``lost`` a signed 24-bit count, ``jitter`` in timestamp
    units, ``last_sr`` the middle 32 bits of an NTP time, ``delay`` in 1/65536 s.
    """

    LAYOUT: ClassVar = Struct("!IIIIII")

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_sr: int = 0
    delay: int = 0

    def encode(self) -> bytes:
        loss = self.fraction_lost << 24 | self.lost & 0xFFFFFF
        rest = (self.highest_sequence, self.jitter, self.last_sr, self.delay)
        return self.LAYOUT.pack(self.ssrc, loss, *rest)

    @classmethod
    def decode(cls, data: bytes, offset: int) -> Self:
        ssrc, loss, *rest = cls.LAYOUT.unpack_from(data, offset)
        lost = loss & 0xFFFFFF
        return cls(ssrc, loss >> 24, lost - (lost >> 23 << 24), *rest)


@frozen
class SenderReport:
    """§6.4.1; ``ntp`` is 32.32 fixed point, counts are of the whole session."""

    LAYOUT: ClassVar = Struct("!IQIII")

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()

    def encode(self) -> bytes:
        body = self.LAYOUT.pack(self.ssrc, self.ntp, self.rtp_timestamp, self.packets, self.octets)
        return _packet(SENDER_REPORT, len(self.reports), body + _blocks(self.reports))


@frozen
class ReceiverReport:
    """§6.4.2: what a participant sends who has not spoken lately."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()

    def encode(self) -> bytes:
        return _packet(RECEIVER_REPORT, len(self.reports), WORD.pack(self.ssrc) + _blocks(self.reports))


@frozen
class SourceDescription:
    """§6.5: the canonical name of one source; other items are read over."""

    ssrc: int
    cname: str

    def encode(self) -> bytes:
        text = self.cname.encode()[:255]
        chunk = WORD.pack(self.ssrc) + bytes((CNAME, len(text))) + text
        chunk += bytes(4 - len(chunk) % 4)  # at least one null octet ends the items
        return _packet(SOURCE_DESCRIPTION, 1, chunk)


@frozen
class Goodbye:
    """§6.6: these sources leave."""

    sources: tuple[int, ...]

    def encode(self) -> bytes:
        return _packet(GOODBYE, len(self.sources), b"".join(WORD.pack(each) for each in self.sources))


@frozen
class OtherPacket:
    """A well-formed packet of a type we have no use for (APP, feedback, extended reports)."""

    packet_type: int
    count: int
    body: bytes

    def encode(self) -> bytes:
        return _packet(self.packet_type, self.count, self.body)


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye | OtherPacket


def encode_compound(packets: Sequence[RtcpPacket]) -> bytes:
    """One datagram; §6.1 wants a report first and a CNAME in it."""
    return b"".join(packet.encode() for packet in packets)


def is_rtcp(datagram: bytes) -> bool:
    """Whether a datagram that came to a port of both is RTCP: by its second octet (RFC 5761 §4)."""
    return len(datagram) > 1 and 192 <= datagram[1] <= 223


def decode_compound(datagram: bytes) -> tuple[RtcpPacket, ...]:
    """Read a compound packet.

    Raises:
        MalformedPacket: it fails a check of §A.2 (version 2 throughout, a report first, no
            padding there, lengths that add up), or a packet is shorter than its counts say.
    """
    packets: list[RtcpPacket] = []
    offset = 0
    while offset < len(datagram):
        if len(datagram) - offset < COMMON.size:
            raise MalformedPacket("RTCP cut within a header")
        first, packet_type, words = COMMON.unpack_from(datagram, offset)
        end = offset + 4 * (words + 1)
        _check(first, packet_type, offset, end, len(datagram))
        body = datagram[offset + 4 : end]
        if first & 0x20:
            body = _unpadded(body)
        packets.append(_read(packet_type, first & 0x1F, body))
        offset = end
    if not packets:
        raise MalformedPacket("an empty RTCP datagram")
    return tuple(packets)


def _check(first: int, packet_type: int, offset: int, end: int, size: int) -> None:
    if first >> 6 != 2:
        raise MalformedPacket(f"RTCP version {first >> 6}")
    if end > size:
        raise MalformedPacket(f"RTCP of {end} bytes cut to {size}")
    if offset == 0 and packet_type not in (SENDER_REPORT, RECEIVER_REPORT):
        raise MalformedPacket(f"a compound that begins with type {packet_type}")
    if first & 0x20 and end < size:
        raise MalformedPacket("padding before the last RTCP packet")


def _unpadded(body: bytes) -> bytes:
    padding = body[-1] if body else 0
    if padding == 0 or padding % 4 or padding > len(body):
        raise MalformedPacket(f"RTCP padding of {padding} bytes")
    return body[:-padding]


def _read(packet_type: int, count: int, body: bytes) -> RtcpPacket:
    if packet_type == SENDER_REPORT:
        _need(body, SenderReport.LAYOUT.size + 24 * count)
        ssrc, ntp, timestamp, packets, octets = SenderReport.LAYOUT.unpack_from(body)
        blocks = _read_blocks(body, SenderReport.LAYOUT.size, count)
        return SenderReport(ssrc, ntp, timestamp, packets, octets, blocks)
    if packet_type == RECEIVER_REPORT:
        _need(body, 4 + 24 * count)
        return ReceiverReport(WORD.unpack_from(body)[0], _read_blocks(body, 4, count))
    if packet_type == GOODBYE:
        _need(body, 4 * count)
        return Goodbye(tuple(WORD.unpack_from(body, 4 * index)[0] for index in range(count)))
    if packet_type == SOURCE_DESCRIPTION and count == 1:
        return _read_description(body)
    return OtherPacket(packet_type, count, body)


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        raise MalformedPacket(f"RTCP body of {len(body)} bytes where {size} are announced")


def _read_blocks(body: bytes, offset: int, count: int) -> tuple[ReportBlock, ...]:
    return tuple(ReportBlock.decode(body, offset + 24 * index) for index in range(count))


def _read_description(body: bytes) -> RtcpPacket:
    _need(body, 4)
    offset = 4
    while offset < len(body) and body[offset]:
        _need(body, offset + 2)
        size = body[offset + 1]
        _need(body, offset + 2 + size)
        if body[offset] == CNAME:
            text = body[offset + 2 : offset + 2 + size]
            return SourceDescription(WORD.unpack_from(body)[0], text.decode(errors="replace"))
        offset += 2 + size
    return OtherPacket(SOURCE_DESCRIPTION, 1, body)


def _blocks(reports: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(block.encode() for block in reports)


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    return COMMON.pack(0x80 | count, packet_type, len(body) // 4) + body
