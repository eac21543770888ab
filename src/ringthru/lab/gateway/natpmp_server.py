"""The fake gateway's NAT-PMP server (RFC 6886), written apart from our client on purpose.

Lives here: the answer to each datagram, and rows NP03–NP18 of the quirk suite.
Never here: sockets; ringthru.portmap, whose errors must not hide behind our own. NP01, NP12, NP13 and NP19,
which are about who hears and who speaks, are in port_control; announcements (§3.2.1) are in announcer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from math import ceil
from typing import Final

from ...net.address import Endpoint
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

NP03_STEP: Final = 1111  # ports beyond the suggested one
NP06_LIFE: Final = 60  # seconds: ProtonVPN
NP15_PHASE: Final = 600  # seconds: normal, then standing still, then running fast, then back to 0


class NatPmpServer:
    """Answers for one gateway. ``epoch`` gives whole seconds, ``external_address`` a text ("" for none).

    ``forced_result`` is answered to every mapping request while it is not None: a code of §3.5, such as 3
    while the WAN is down (NP09 is 2).
    """

    def __init__(
        self, table: MappingTable, epoch: Callable[[], int], external_address: Callable[[], str]
    ) -> None:
        self.forced_result: int | None = None
        self._table = table
        self._true_epoch = epoch
        self._external_address = external_address
        self._turn = 0  # of NP05

    def answer(self, request: bytes, source: Endpoint) -> list[bytes]:
        """The datagrams to send back; none for what is no request or comes from elsewhere than inside."""
        quirks = self._table.quirks
        if quirks.mute or len(request) < 2 or not self._table.is_inside(source.host):
            return []
        if quirks.garbage:
            return _garbage(request)
        version, opcode = request[0], request[1]
        if version != 0:
            return [self.unsupported_version(request)]
        if opcode >= RESPONSE:
            return []
        if opcode == ADDRESS:
            return [self._address()]
        if opcode not in PROTOCOLS:
            # §3.5: the whole packet goes back, marked as a response
            return [bytes((0, RESPONSE | opcode)) + struct.pack("!H", BAD_OPCODE) + request[4:]]
        return [self._map(request, source.host)] if len(request) >= 12 else []

    def unsupported_version(self, request: bytes) -> bytes:
        """What is said to another version, PCP among them: 8 octets (§3.5, RFC 6887 §9)."""
        return self._error(request[1], BAD_VERSION)

    def announcement(self) -> bytes:
        """What §3.2.1 has sent to 224.0.0.1 when the address changed, or the state was lost."""
        return self._address()

    def _epoch(self) -> int:
        epoch = self._true_epoch()
        if not self._has("NP15"):
            return epoch
        phase, within = epoch // NP15_PHASE % 3, epoch % NP15_PHASE
        return (within, NP15_PHASE, NP15_PHASE + 2 * within)[phase]

    def _error(self, opcode: int, result: int) -> bytes:
        return struct.pack("!BBHI", 0, RESPONSE | opcode & 127, result, self._epoch())

    def _address(self) -> bytes:
        if self._has("NP10"):
            return self._error(ADDRESS, SUCCESS) + bytes(4)
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
            return self._answer(opcode, SUCCESS, internal_port, *self._delete(PROTOCOLS[opcode], internal))
        result, external_port, lifetime = self._grant(
            Key(PROTOCOLS[opcode], external_port), internal, lifetime
        )
        if self._has("NP05") and result == SUCCESS:
            self._turn += 1
            internal_port = external_port if self._turn % 2 else 0
        return self._answer(opcode, result, internal_port, external_port, lifetime)

    def _answer(self, opcode: int, result: int, internal_port: int, external_port: int, life: int) -> bytes:
        return self._error(opcode, result) + struct.pack("!HHI", internal_port, external_port, life)

    def _grant(self, key: Key, internal: Endpoint, lifetime: int) -> tuple[int, int, int]:
        """Result code, external port, seconds; a refusal carries zeros (§3.5)."""
        refusal = self._refusal(key, internal)
        if refusal is not None:
            return refusal, 0, 0
        if self._has("NP06"):
            lifetime = NP06_LIFE
        description = f"NAT-PMP {internal.port} {key.protocol}"
        try:
            entry = self._table.add_near(
                self._suggestion(key, internal),
                internal,
                lifetime,
                description=description,
                made_by="natpmp",
                forward=not self._has("NP07"),
            )
        except Refused as refused:
            return RESULTS.get(refused.reason, OUT_OF_RESOURCES), 0, 0
        return SUCCESS, entry.key.external_port, ceil(self._table.lifetime_left(entry) or 0)

    def _refusal(self, key: Key, internal: Endpoint) -> int | None:
        if self._has("NP09") or internal.port == 0:
            return NOT_AUTHORIZED
        if self._has("NP04") and key.external_port == 0:
            return OUT_OF_RESOURCES
        return self.forced_result

    def _suggestion(self, key: Key, internal: Endpoint) -> Key:
        """Where the search for a free port begins; a client that has a mapping keeps it in any case."""
        port = key.external_port or internal.port
        if self._has("NP03"):
            port = _moved(port, NP03_STEP)
        if self._has("NP18"):
            twin = self._table.get(key._replace(external_port=port).companion)
            port = _moved(port, 1) if twin is not None and twin.internal == internal else port
        elif key.external_port == 0 and not self._has("NP03"):
            return key  # none suggested: any free one
        return key._replace(external_port=port)

    def _delete(self, protocol: str, internal: Endpoint) -> tuple[int, int]:
        """§3.4: by internal port, 0 for all of this client; deleting what is not there succeeds.

        The external port and the seconds of the answer: zeros, but for NP17.
        """
        last = 0, 0
        for entry in self._table:
            if entry.key.protocol == protocol and (
                entry.internal == internal or (internal.port == 0 and entry.internal.host == internal.host)
            ):
                last = entry.key.external_port, ceil(self._table.lifetime_left(entry) or 0)
                self._table.delete(entry.key)
        return last if self._has("NP17") else (0, 0)

    def _has(self, row: str) -> bool:
        return self._table.quirks.has(row)


def _moved(port: int, step: int) -> int:
    """A port further on, never a well-known one."""
    return port + step if port + step <= 65535 else 1024 + step


def _garbage(request: bytes) -> list[bytes]:
    """Noise, the noise of an answer's length, an answer's head with noise behind, a cut answer."""
    head = bytes((0, RESPONSE | request[1]))
    return [noise(request, 3), noise(request, 16), head + noise(request, 14), head + bytes(3)]
