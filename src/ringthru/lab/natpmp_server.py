"""The fake gateway's NAT-PMP server (RFC 6886), written apart from our client on purpose.

Lives here: the answer to each datagram.
Never here: sockets; ringthru.portmap, whose errors must not hide behind our own.

Announcements (§3.2.1) are missing: they are multicast, and loopback has none.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from math import ceil
from typing import Final

from ..net.address import Endpoint
from .mapping_table import Key, MappingTable, Reason, Refused
from .noise import noise

RESPONSE: Final = 128
ADDRESS, MAP_UDP, MAP_TCP = 0, 1, 2
PROTOCOLS: Final = {MAP_UDP: "udp", MAP_TCP: "tcp"}
SUCCESS, BAD_VERSION, NOT_AUTHORIZED, NETWORK_FAILURE, OUT_OF_RESOURCES, BAD_OPCODE = range(6)  # §3.5
RESULTS: Final = {
    Reason.NOT_AUTHORIZED: NOT_AUTHORIZED,
    Reason.CONFLICT: OUT_OF_RESOURCES,
    Reason.FULL: OUT_OF_RESOURCES,
    Reason.FAILED: NETWORK_FAILURE,
}


class NatPmpServer:
    """Answers for one gateway. ``epoch`` gives whole seconds, ``external_address`` a text ("" for none)."""

    def __init__(
        self, table: MappingTable, epoch: Callable[[], int], external_address: Callable[[], str]
    ) -> None:
        self._table = table
        self._epoch = epoch
        self._external_address = external_address

    def answer(self, request: bytes, source: Endpoint) -> list[bytes]:
        """The datagrams to send back; none for what is no request or comes from elsewhere than inside."""
        quirks = self._table.quirks
        if quirks.mute or len(request) < 2 or not self._table.is_inside(source.host):
            return []
        if quirks.garbage:
            return _garbage(request)
        version, opcode = request[0], request[1]
        if version != 0:
            return [self._error(opcode, BAD_VERSION)]
        if opcode >= RESPONSE:
            return []
        if opcode == ADDRESS:
            return [self._address()]
        if opcode not in PROTOCOLS:
            # §3.5: the whole packet goes back, marked as a response
            return [bytes((0, RESPONSE | opcode)) + struct.pack("!H", BAD_OPCODE) + request[4:]]
        return [self._map(request, source.host)] if len(request) >= 12 else []

    def _error(self, opcode: int, result: int) -> bytes:
        return struct.pack("!BBHI", 0, RESPONSE | opcode, result, self._epoch())

    def _address(self) -> bytes:
        try:
            address = IPv4Address(self._external_address()).packed
        except AddressValueError:
            return self._error(ADDRESS, NETWORK_FAILURE) + bytes(4)
        return self._error(ADDRESS, SUCCESS) + address

    def _map(self, request: bytes, client: str) -> bytes:
        opcode = request[1]
        internal_port, external_port, lifetime = struct.unpack_from("!HHI", request, 4)
        internal = Endpoint(client, internal_port)
        if lifetime == 0:
            self._delete(PROTOCOLS[opcode], internal)
            return self._error(opcode, SUCCESS) + struct.pack("!HHI", internal_port, 0, 0)
        result, external_port, lifetime = self._grant(
            Key(PROTOCOLS[opcode], external_port), internal, lifetime
        )
        return self._error(opcode, result) + struct.pack("!HHI", internal_port, external_port, lifetime)

    def _grant(self, key: Key, internal: Endpoint, lifetime: int) -> tuple[int, int, int]:
        """Result code, external port, seconds; a refusal carries zeros (§3.5)."""
        if internal.port == 0:
            return NOT_AUTHORIZED, 0, 0
        description = f"NAT-PMP {internal.port} {key.protocol}"
        try:
            entry = self._table.add_near(key, internal, lifetime, description=description, made_by="natpmp")
        except Refused as refused:
            return RESULTS[refused.reason], 0, 0
        return SUCCESS, entry.key.external_port, ceil(self._table.lifetime_left(entry) or 0)

    def _delete(self, protocol: str, internal: Endpoint) -> None:
        """§3.4: by internal port, 0 for all of this client; deleting what is not there succeeds."""
        for entry in self._table:
            if entry.key.protocol == protocol and (
                entry.internal == internal or (internal.port == 0 and entry.internal.host == internal.host)
            ):
                self._table.delete(entry.key)


def _garbage(request: bytes) -> list[bytes]:
    """Noise, the noise of an answer's length, an answer's head with noise behind, a cut answer."""
    head = bytes((0, RESPONSE | request[1]))
    return [noise(request, 3), noise(request, 16), head + noise(request, 14), head + bytes(3)]
