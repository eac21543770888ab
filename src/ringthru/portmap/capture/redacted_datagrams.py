"""What of a datagram of port 5351 may be shown: fields that are known, addresses and nonces in them replaced.

Whatever a field that is not known holds becomes zeros, as long as it was.

Lives here: taking apart NAT-PMP (RFC 6886) and PCP (RFC 6887).
Never here: what stands for what (placeholders).
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from .placeholders import Placeholders

PCP: Final = 2  # version octets on port 5351
NAT_PMP: Final = 0
NAT_PMP_ADDRESS: Final = 128
NAT_PMP_SIZES: Final = {0: 2, 1: 12, 2: 12, NAT_PMP_ADDRESS: 12, 129: 16, 130: 16}
PCP_OPCODES: Final = {1: (24, 20, (44,)), 2: (24, 20, (44, 64))}  # nonce at, numbers to, addresses at
PCP_WITH_ADDRESS: Final = frozenset((1,))  # THIRD_PARTY (RFC 6887 §13.1)
PCP_FILTER: Final = 3  # §13.3: prefix length and port, then an address
PCP_DESCRIPTION: Final = 128  # RFC 7220


class DatagramRedactor:
    """Redacts the datagrams of one capture; ``description`` does what a mapping's name needs."""

    def __init__(self, places: Placeholders, description: Callable[[str], str]) -> None:
        self._places = places
        self._description = description
        self._nonces: dict[bytes, bytes] = {}

    def redact(self, datagram: bytes) -> bytes:
        """A NAT-PMP or PCP datagram; what is neither keeps its first four octets and its length."""
        if len(datagram) >= 2 and datagram[0] == NAT_PMP:
            return self._natpmp(datagram)
        if len(datagram) >= 24 and datagram[0] == PCP:
            return self._pcp(datagram)
        return datagram[:4] + bytes(max(0, len(datagram) - 4))

    def _natpmp(self, datagram: bytes) -> bytes:
        """RFC 6886 §3.2, §3.3: an address answer has its address at 8; all else is numbers."""
        told = NAT_PMP_SIZES.get(datagram[1], 8)
        shown = bytearray(datagram[:told])
        if datagram[1] == NAT_PMP_ADDRESS and len(datagram) >= told:
            shown[8:12] = self._packed(datagram[8:12])
        elif datagram[1] == NAT_PMP_ADDRESS:
            shown[8:] = bytes(len(shown[8:]))
        return bytes(shown) + bytes(len(datagram) - len(shown))

    def _pcp(self, datagram: bytes) -> bytes:
        """RFC 6887 §7: the client's address in a request; then the opcode's own fields, then options."""
        shown = bytearray(datagram[:12]) + bytes(len(datagram) - 12)
        if not datagram[1] & 0x80:
            shown[8:24] = self._packed16(datagram[8:24])
        opcode = PCP_OPCODES.get(datagram[1] & 0x7F)
        end = 24
        if opcode is not None:
            nonce, numbers, addresses = opcode
            end = addresses[-1] + 16
            shown[nonce : nonce + 12] = self._nonce(datagram[nonce : nonce + 12])
            shown[nonce + 12 : nonce + numbers] = datagram[nonce + 12 : nonce + numbers]
            for at in addresses:
                shown[at : at + 16] = self._packed16(datagram[at : at + 16])
            if opcode is PCP_OPCODES[2]:
                shown[60:64] = datagram[60:64]  # the remote port of PEER (§12.1)
        self._options(datagram, shown, end)
        return bytes(shown[: len(datagram)])

    def _options(self, datagram: bytes, shown: bytearray, at: int) -> None:
        """RFC 6887 §7.3: code, reserved, length; data padded to four octets."""
        while at + 4 <= len(datagram):
            shown[at : at + 4] = datagram[at : at + 4]
            code, length = datagram[at], int.from_bytes(datagram[at + 2 : at + 4])
            data = datagram[at + 4 : at + 4 + length]
            if code in PCP_WITH_ADDRESS:
                shown[at + 4 : at + 4 + len(data)] = self._packed16(data)
            elif code == PCP_FILTER:
                shown[at + 4 : at + 4 + len(data)] = data[:4] + self._packed16(data[4:])
            elif code == PCP_DESCRIPTION:
                shown[at + 4 : at + 4 + len(data)] = self._told(data)
            at += 4 + length + -length % 4

    def _told(self, data: bytes) -> bytes:
        text = data.decode("latin-1").rstrip("\0")
        return self._description(text).encode("latin-1").ljust(len(data), b"\0") if text else data

    def _nonce(self, nonce: bytes) -> bytes:
        """It proves whose a mapping is (RFC 6887 §11.1): the same one stays the same, no more."""
        return self._nonces.setdefault(nonce, (len(self._nonces) + 1).to_bytes(12)[-len(nonce) or 12 :])

    def _packed(self, octets: bytes) -> bytes:
        return IPv4Address(self._places.address(str(IPv4Address(octets)))).packed

    def _packed16(self, octets: bytes) -> bytes:
        if len(octets) != 16:
            return bytes(len(octets))
        address = IPv6Address(octets)
        if address.ipv4_mapped is not None:
            return octets[:12] + self._packed(octets[12:])
        return IPv6Address(self._places.address(str(address))).packed
