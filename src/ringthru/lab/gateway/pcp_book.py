"""The mappings that the fake gateway's PCP server granted, and by which rules (RFC 6887 §11–§13, §15).

Lives here: nonces, lifetimes, ports and pinholes, deletion, filters; of the quirk suite the rows about them.
Never here: who may ask, the form of a message (pcp_server); the epoch's clock.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from math import ceil, inf
from typing import Final

from ...net.address import Endpoint
from .mapping_table import Entry, Key, MappingTable
from .pcp_mapping import PcpMapping, read_filters
from .pcp_messages import (
    DESCRIPTION,
    MAP,
    PEER,
    PREFER_FAILURE,
    Option,
    PcpError,
    Request,
    Result,
    write_address,
)

PROTOCOLS: Final = {6: "tcp", 17: "udp"}  # IANA's numbers
SHORTEST, LONGEST_LIFE = 120, 86400  # seconds, recommended by §15
PC04_LIFE: Final = 13  # seconds: a FRITZ!Box 7530 AX

Slot = tuple[str, Endpoint]  # a protocol and the internal endpoint: what a client knows a mapping by


class PcpBook:
    """What one gateway granted by PCP; ``external_address`` gives a text ("" for none).

    An IPv4 mapping is in the gateway's ``table`` too, which other protocols change; an IPv6 one here alone.
    """

    def __init__(
        self, table: MappingTable, external_address: Callable[[], str], clock: Callable[[], float]
    ) -> None:
        self._table = table
        self._external_address = external_address
        self._clock = clock
        self._held: dict[Slot, PcpMapping] = {}
        self._renewed: set[Slot] = set()

    @property
    def pinholes(self) -> dict[Slot, PcpMapping]:
        """The IPv6 ports open now."""
        return {slot: held for slot, held in self._mappings().items() if ":" in slot[1].host}

    def lets_in(self, slot: Slot, remote: str) -> bool:
        """Whether the filters of a mapping let this remote address in; no filter lets in everybody."""
        held = self._mappings().get(slot)
        return held is not None and (not held.filters or any(each.lets_in(remote) for each in held.filters))

    def keeps_out(self, slot: Slot, remote: str) -> bool:
        """Whether a filter stands before this remote address; other protocols ask for none."""
        return slot in self._mappings() and not self.lets_in(slot, remote)

    def clear(self) -> None:
        """A power cycle; the table is cleared by its owner."""
        self._held.clear()
        self._renewed.clear()

    def hold(self, protocol: str, internal: Endpoint, nonce: bytes) -> None:
        """Let an IPv6 port of another host in for ever, as if it had always been so."""
        self._held[protocol, internal] = PcpMapping(nonce, internal, inf)

    def map(
        self, request: Request, host: str, options: tuple[Option, ...]
    ) -> tuple[int, bytes, tuple[Option, ...]]:
        """Seconds granted, the body of the answer, the options we honoured.

        Raises:
            PcpError: as RFC 6887 has it.
            Refused: by the table.
        """
        if request.lifetime == 0 and request.opcode == MAP:
            self._delete(request, host)
            return 0, request.body, options
        slot = _slot(request, host)
        self._check_nonce(slot, request.nonce)
        old = self._mappings().get(slot)
        if old is not None:
            self._renewed.add(slot)
        external, left = self._kept(request, old) or self._grant(request, slot, options)
        filters = read_filters(options, old.filters if old is not None else ())
        kept = () if self._has("PC10") else filters
        self._held[slot] = PcpMapping(request.nonce, external, self._clock() + left, kept)
        where = struct.pack("!HH", request.internal_port, external.port) + write_address(external.host)
        return left, request.body[:16] + where + request.body[36:], options

    def _kept(self, request: Request, old: PcpMapping | None) -> tuple[Endpoint, int] | None:
        """What stays as it is, whatever was asked for; None: it is granted anew."""
        if old is None:
            return None
        unmoved = self._has("PC06") and old.nonce == request.nonce
        # PEER never shortens a lifetime (§12.1)
        shorter = request.opcode == PEER and self._life(request.lifetime) < self._left(old)
        return (old.external, self._left(old)) if unmoved or shorter else None

    def _left(self, held: PcpMapping) -> int:
        return max(1, ceil(held.expires_at - self._clock()))

    def _check_nonce(self, slot: Slot, nonce: bytes) -> None:
        mappings = self._mappings()
        held = mappings.get(slot)
        if self._has("PC01") and held is not None and held.nonce != nonce:
            raise PcpError(Result.NOT_AUTHORIZED, self._left(held))  # §11.3
        used = any(each.nonce == nonce for other, each in mappings.items() if other != slot)
        if self._has("PC19") and used:
            raise PcpError(Result.NOT_AUTHORIZED)

    def _grant(self, request: Request, slot: Slot, options: tuple[Option, ...]) -> tuple[Endpoint, int]:
        exact = any(each.code == PREFER_FAILURE for each in options)
        if ":" in slot[1].host:
            return self._open_pinhole(request, slot[1], exact), self._life(request.lifetime)
        address = self._external_address()
        try:
            IPv4Address(address)
        except ValueError as error:
            raise PcpError(Result.NETWORK_FAILURE) from error
        suggested = request.suggested_address
        differs = suggested not in ("0.0.0.0", "::", address)
        if differs and (exact or self._has("PC12")):
            raise PcpError(Result.CANNOT_PROVIDE_EXTERNAL)
        entry = self._add(request, slot, exact, _description(options, slot))
        return Endpoint(address, entry.key.external_port), ceil(self._table.lifetime_left(entry) or 0)

    def _add(self, request: Request, slot: Slot, exact: bool, description: str) -> Entry:
        protocol, internal = slot
        lifetime = self._life(request.lifetime)
        if not exact or not request.suggested_port:
            key = Key(protocol, request.suggested_port or internal.port)
            return self._table.add_near(key, internal, lifetime, description=description, made_by="pcp")
        key = Key(protocol, request.suggested_port)
        holder = self._table.get(key)
        if holder is not None and holder.internal != internal:
            raise PcpError(Result.CANNOT_PROVIDE_EXTERNAL)
        return self._table.add(key, internal, lifetime, description=description, made_by="pcp")

    def _open_pinhole(self, request: Request, internal: Endpoint, exact: bool) -> Endpoint:
        """§11.3 for a firewall: the same port on the same address, or nothing."""
        if self._table.quirks.refuse:
            raise PcpError(Result.NOT_AUTHORIZED)
        suggested = request.suggested_address
        differs = suggested not in ("::", internal.host) or request.suggested_port not in (0, internal.port)
        if exact and differs:
            raise PcpError(Result.CANNOT_PROVIDE_EXTERNAL)
        return internal

    def _life(self, asked: int) -> int:
        granted = PC04_LIFE if self._has("PC04") else min(max(asked, SHORTEST), LONGEST_LIFE)
        longest = self._table.quirks.longest_lifetime
        return granted if longest is None else min(granted, longest)

    def _delete(self, request: Request, host: str) -> None:
        """§15.1: deleting what is not there succeeds; what UPnP mapped is not ours to take."""
        if request.protocol == 0 and request.internal_port:
            raise PcpError(Result.MALFORMED_REQUEST)
        for slot, held in list(self._mappings().items()):
            named = PROTOCOLS.get(request.protocol) == slot[0] or request.protocol == 0
            port = request.internal_port in (0, slot[1].port)
            if not (slot[1].host == host and named and port):
                continue
            if self._has("PC01") and held.nonce != request.nonce:
                raise PcpError(Result.NOT_AUTHORIZED, self._left(held))
            if self._has("PC21") and ":" in host and slot in self._renewed:
                raise PcpError(Result.NOT_AUTHORIZED)
            del self._held[slot]
            if ":" not in host:
                self._table.delete(Key(slot[0], held.external.port))

    def _mappings(self) -> dict[Slot, PcpMapping]:
        """Those still alive: an IPv4 one only as long as the table, which others change too, has it."""
        for slot, held in list(self._held.items()):
            entry = None if ":" in slot[1].host else self._table.get(Key(slot[0], held.external.port))
            gone = ":" not in slot[1].host and (entry is None or entry.internal != slot[1])
            if gone or held.expires_at <= self._clock():
                del self._held[slot]
                self._renewed.discard(slot)
        return self._held

    def _has(self, row: str) -> bool:
        return self._table.quirks.has(row)


def _slot(request: Request, host: str) -> Slot:
    if request.protocol not in PROTOCOLS:
        raise PcpError(Result.UNSUPP_PROTOCOL if request.protocol else Result.MALFORMED_REQUEST)
    if request.internal_port == 0:
        raise PcpError(Result.UNSUPP_PROTOCOL)  # all ports of one host: a router has only one address
    return PROTOCOLS[request.protocol], Endpoint(host, request.internal_port)


def _description(options: tuple[Option, ...], slot: Slot) -> str:
    told = next((each.data.decode("utf-8", "replace") for each in options if each.code == DESCRIPTION), "")
    return told or f"PCP {slot[0]} {slot[1].port}"
