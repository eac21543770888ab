"""HEP3: a SIP message with where it came from and went to, for a capture server (HEP/EEP, revision 3).

    "HEP3"  length (2)  { vendor (2)  type (2)  length (2)  value } …

Lives here: the packet. Never here: sockets, clocks, which addresses are told.
"""

from __future__ import annotations

from ipaddress import ip_address
from struct import Struct
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen

MAGIC: Final = b"HEP3"
LENGTH: Final = Struct("!H")
CHUNK: Final = Struct("!HHH")
GENERIC: Final = 0  # the vendor of the chunks that the paper itself defines
SIP: Final = 1  # the value of the chunk "protocol type"
FAMILIES: Final = {4: 2, 6: 10}  # AF_INET, AF_INET6 as Linux numbers them
PROTOCOLS: Final = {"UDP": 17}  # all else is TCP's 6 (IANA)
LONGEST: Final = 0xFFFF  # octets of a packet, its head among them


@frozen
class HepPacket:
    """One message. ``seconds`` and ``microseconds`` are of the wall clock."""

    transport: str  # UDP, TCP, TLS
    source: Endpoint
    destination: Endpoint
    seconds: int
    microseconds: int
    payload: bytes
    capture_id: int = 0  # of who captures, 0 to 2^32-1
    correlation: str = ""  # the Call-ID

    def encode(self) -> bytes:
        """The packet; a payload that does not fit is cut off.

        Raises:
            ValueError: an address that is none, or one of another family than the other.
        """
        source, destination = ip_address(self.source.host), ip_address(self.destination.host)
        if source.version != destination.version:
            raise ValueError(f"{source} and {destination} are not of one family")
        first = 3 if source.version == 4 else 5
        head = b"".join(
            (
                _chunk(1, bytes((FAMILIES[source.version],))),
                _chunk(2, bytes((PROTOCOLS.get(self.transport, 6),))),
                _chunk(first, source.packed),
                _chunk(first + 1, destination.packed),
                _chunk(7, LENGTH.pack(self.source.port)),
                _chunk(8, LENGTH.pack(self.destination.port)),
                _chunk(9, self.seconds.to_bytes(4, "big")),
                _chunk(10, self.microseconds.to_bytes(4, "big")),
                _chunk(11, bytes((SIP,))),
                _chunk(12, self.capture_id.to_bytes(4, "big")),
                _chunk(17, self.correlation.encode()[:255]) if self.correlation else b"",
            )
        )
        room = LONGEST - len(MAGIC) - LENGTH.size - len(head) - CHUNK.size
        body = head + _chunk(15, self.payload[:room])
        return MAGIC + LENGTH.pack(len(MAGIC) + LENGTH.size + len(body)) + body


def _chunk(kind: int, value: bytes) -> bytes:
    return CHUNK.pack(GENERIC, kind, CHUNK.size + len(value)) + value
