"""Port 5351 of the fake gateway: NAT-PMP and PCP on one socket, told apart by the version octet.

Lives here: which of the two hears a datagram, what a server of one says to clients of the other
(RFC 6887 §9), and the rows about who hears and who speaks: NP01, NP12, NP13, NP19, PC07, PC09, PC18, PC20.
Never here: sockets, what is granted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import IPv6Network
from typing import Final

from ...net.address import Endpoint
from .mapping_table import MappingTable
from .natpmp_server import NatPmpServer
from .pcp_messages import VERSION, PcpError, Result, refusal
from .pcp_server import PcpServer
from .replies import Reply

PORT: Final = 5351  # RFC 6886 §1.1, RFC 6887 §19.1
MULTICAST: Final = "224.0.0.1"
ANYCAST: Final = ("192.0.0.9", "2001:1::1")  # RFC 7723
TRIES: Final = 3  # NP13
MOST_COUNTED: Final = 256  # different requests NP13 remembers


class PortControl:
    """Answers on port 5351 of one gateway; ``protocols`` among "natpmp" and "pcp".

    ``address`` is the gateway's own inside address. ``answer`` is told where a datagram was sent ``to``: rows
    NP19 and PC20 hear only multicast and anycast. Row PC18 hears no host over IPv4; that it listens at one of
    the gateway's addresses only is for whoever carries the datagrams.
    """

    def __init__(
        self,
        table: MappingTable,
        epoch: Callable[[], int],
        external_address: Callable[[], str],
        clock: Callable[[], float],
        *,
        address: str,
        protocols: Iterable[str] = ("natpmp", "pcp"),
        inside_v6: IPv6Network | None = None,
    ) -> None:
        self.protocols = frozenset(protocols)
        self.natpmp = NatPmpServer(table, epoch, external_address)
        self.pcp = PcpServer(table, epoch, external_address, clock, inside_v6=inside_v6)
        self._table = table
        self._epoch = epoch
        self._address = address
        self._tries: Counter[bytes] = Counter()
        self._turn = 0  # of PC09

    @property
    def is_open(self) -> bool:
        """Whether anybody listens; where nobody does, ICMP says "port unreachable"."""
        return self._speaks_natpmp or "pcp" in self.protocols

    def clear(self) -> None:
        """A power cycle; the table is cleared by its owner."""
        self.pcp.book.clear()
        self._tries.clear()

    def answer(self, datagram: bytes, source: Endpoint, to: str = "") -> list[Reply]:
        """What is sent back; ``to`` "" is the gateway's own address."""
        if self._table.quirks.mute or not self.is_open or len(datagram) < 2:
            return []
        if datagram[0] == 0 and self._speaks_natpmp:
            return self._natpmp_answer(datagram, source, to)
        if datagram[0] != 0 and self._hears_pcp(source, to):
            return self._pcp_answer(datagram, source)
        if datagram[1] >= 128 or to in (*ANYCAST, MULTICAST) or not self.pcp.is_inside(source.host):
            return []
        return self._sent(self._other_version(datagram))

    @property
    def _speaks_natpmp(self) -> bool:
        return "natpmp" in self.protocols and not self._has("NP01")

    def _hears_pcp(self, source: Endpoint, to: str) -> bool:
        if "pcp" not in self.protocols or self._has("PC09"):
            return False
        if self._has("PC20"):
            return to in ANYCAST
        return to not in ANYCAST and (":" in source.host or not self._has("PC18"))

    def _natpmp_answer(self, datagram: bytes, source: Endpoint, to: str) -> list[Reply]:
        if to in ANYCAST or (self._has("NP19") and to != MULTICAST):
            return []
        if self._has("NP13") and not self._heard_at_last(datagram):
            return []
        speaker = self._second_address() if self._has("NP12") else ""
        return self._sent(self.natpmp.answer(datagram, source), speaker)

    def _pcp_answer(self, datagram: bytes, source: Endpoint) -> list[Reply]:
        if self._has("PC07") and datagram[0] == VERSION and datagram[1] < 128:
            disabled = refusal(datagram, PcpError(Result.NO_RESOURCES), self._epoch())
            return self._sent([disabled] if self.pcp.is_inside(source.host) else [])
        return self._sent(self.pcp.answer(datagram, source))

    def _sent(self, answers: list[bytes], speaker: str = "") -> list[Reply]:
        return [Reply(each, source_host=speaker) for each in answers]

    def _other_version(self, datagram: bytes) -> list[bytes]:
        """To a client of the protocol that is not spoken here."""
        if datagram[0] == 0:  # for NAT-PMP; a PCP server says so in PCP's form (RFC 6887 §9, appendix A)
            return [self.pcp.unsupported_version(datagram)] if "pcp" in self.protocols else []
        if self._has("PC09"):
            self._turn += 1
            if self._turn % 2:
                return [self.pcp.unsupported_version(datagram, version=1)]
        return [self.natpmp.unsupported_version(datagram)] if self._speaks_natpmp or self._has("PC09") else []

    def _heard_at_last(self, datagram: bytes) -> bool:
        if len(self._tries) >= MOST_COUNTED:
            self._tries.clear()
        self._tries[datagram] += 1
        return self._tries[datagram] % TRIES == 0

    def _second_address(self) -> str:
        return self._table.quirks.second_address or f"{self._address.rpartition('.')[0]}.254"

    def _has(self, row: str) -> bool:
        return self._table.quirks.has(row)
