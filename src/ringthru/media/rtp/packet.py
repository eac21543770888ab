"""RTP packets on the wire (RFC 3550 §5).

Lives here: the header, what makes it valid (§A.1), and the bytes of a packet.
Never here: sockets, clocks, what a stream remembers of earlier packets.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple, Self

from ..errors import MalformedPacket

VERSION_BITS: Final = 0x80  # version 2 in the two top bits
HEADER: Final = Struct("!BBHII")
MAX_DATAGRAM: Final = 2048  # bytes; far above 200 ms of G.711, and what we read at a time


class RtpPacket(NamedTuple):
    """One packet; ``timestamp`` counts the codec's clock, all numbers are unsigned.

    A named tuple and no frozen dataclass: it is made 50 times a second and leg, at a third
    of the cost.
    """

    payload_type: int  # 0–127
    sequence: int  # 16 bits
    timestamp: int  # 32 bits
    ssrc: int  # 32 bits
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        second = self.payload_type | self.marker << 7
        header = HEADER.pack(VERSION_BITS, second, self.sequence, self.timestamp, self.ssrc)
        return header + self.payload

    @classmethod
    def decode(cls, datagram: bytes) -> Self:
        """Read a packet; contributing sources, extension and padding are read over.

        Raises:
            MalformedPacket: not version 2, cut short, a padding that does not fit, or a
                payload type that is RTCP's (72–76, §5.1 and RFC 5761 §4).
        """
        size = len(datagram)
        if size < 12:
            raise MalformedPacket(f"RTP of {size} bytes")
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(datagram)
        if first & 0xC0 != VERSION_BITS:
            raise MalformedPacket(f"RTP version {first >> 6}")
        payload_type = second & 0x7F
        if 72 <= payload_type <= 76:
            raise MalformedPacket(f"RTCP where RTP belongs, type {second}")
        # Nearly always there is neither padding, extension nor contributing source.
        payload = datagram[12:] if first == VERSION_BITS else _plain_payload(datagram, first)
        return cls(payload_type, sequence, timestamp, ssrc, payload, second > 127)


def _plain_payload(datagram: bytes, first: int) -> bytes:
    start = 12 + 4 * (first & 0x0F)
    end = len(datagram)
    if first & 0x10:  # one extension (§5.3.1)
        if end < start + 4:
            raise MalformedPacket("cut within the extension")
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    if first & 0x20:  # the last octet counts the padding, itself included (§5.1)
        padding = datagram[-1]
        if padding == 0:
            raise MalformedPacket("padding of no bytes")
        end -= padding
    if end < start:
        raise MalformedPacket("more header and padding than packet")
    return datagram[start:end]
