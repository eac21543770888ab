"""The fake gateway's PCP server (RFC 6887), written apart from our client on purpose.

Lives here: what is granted to whom, the rules of nonces and options, and rows PC01–PC19 of the
quirk suite.
Never here: sockets, the epoch's clock; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from math import ceil, inf
from typing import Final

from ...net.address import Endpoint
from .mapping_table import Entry, Key, MappingTable, Reason, Refused
from .noise import noise
from .pcp_mapping import PcpMapping, read_filters
from .pcp_messages import (
    ANNOUNCE,
    DESCRIPTION,
    FILTER,
    LONGEST,
    MAP,
    OPTIONAL,
    PEER,
    PREFER_FAILURE,
    RESPONSE,
    THIRD_PARTY,
    VERSION,
    Option,
    PcpError,
    Request,
    Result,
    announcement,
    head,
    read_address,
    read_request,
    refusal,
    write_address,
)

PROTOCOLS: Final = {6: "tcp", 17: "udp"}  # IANA's numbers
SHORTEST, LONGEST_LIFE = 120, 86400  # seconds, recommended by §15
PC04_LIFE: Final = 13  # seconds: a FRITZ!Box 7530 AX
LONGEST_DESCRIPTION: Final = 1016  # octets (RFC 7220 §3)
RESULTS: Final = {
    Reason.NOT_AUTHORIZED: Result.NOT_AUTHORIZED,
    Reason.CONFLICT: Result.CANNOT_PROVIDE_EXTERNAL,
    Reason.FULL: Result.USER_EX_QUOTA,
    Reason.FAILED: Result.NETWORK_FAILURE,
}

Slot = tuple[str, Endpoint]  # a protocol and the internal endpoint: what a client knows a mapping by


class PcpServer:
    """Answers for one gateway. ``epoch`` gives whole seconds, ``external_address`` a text ("" for none).

    ``allowed`` hosts are let in where row PC03 holds the others off; ``pinholes`` are the IPv6 ports open.
    ``inside_v6`` is the LAN's prefix; ``third_party`` lets a client map for others (§13.1). While
    ``keeps_flows`` is False there is no PEER.
    """

    def __init__(
        self,
        table: MappingTable,
        epoch: Callable[[], int],
        external_address: Callable[[], str],
        clock: Callable[[], float],
        *,
        inside_v6: IPv6Network | None = None,
        third_party: bool = False,
    ) -> None:
        self.allowed: set[str] = set()
        self.keeps_flows = True
        self.inside_v6 = inside_v6
        self.third_party = third_party
        self._table = table
        self._epoch = epoch
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

    def is_inside(self, host: str) -> bool:
        """Whether it is a host of ours: on the LAN, or reaching us from a link-local address."""
        if ":" not in host:
            return self._table.is_inside(host)
        address = IPv6Address(host.partition("%")[0])
        return is_link_local(host) or (self.inside_v6 is not None and address in self.inside_v6)

    def answer(self, datagram: bytes, source: Endpoint) -> list[bytes]:
        """The datagrams to send back; none for what is no request or comes from elsewhere than inside."""
        if len(datagram) < 2 or datagram[1] & RESPONSE or not self.is_inside(source.host):
            return []
        if self._table.quirks.garbage:
            return [noise(datagram, 5), noise(datagram, 60), bytes((VERSION, RESPONSE | MAP)) + bytes(3)]
        return self._spoilt(self._respond(datagram, source.host))

    def unsupported_version(self, datagram: bytes, version: int = VERSION) -> bytes:
        """What a server of another version says, in PCP's form (§9)."""
        error = PcpError(Result.UNSUPP_VERSION)
        return head(datagram[1], error.result, error.lifetime, self._epoch(), version)

    def announcement(self) -> bytes:
        """An unsolicited ANNOUNCE (§14.1.2)."""
        return announcement(self._epoch())

    def _respond(self, datagram: bytes, client: str) -> bytes:
        if datagram[0] != VERSION:
            return self.unsupported_version(datagram)
        try:
            request = read_request(datagram)
            self._check_client(request, client)
            options = self._options(request)
            if request.opcode == ANNOUNCE:
                return head(ANNOUNCE, Result.SUCCESS, 0, self._epoch())
            if request.opcode == PEER and not self.keeps_flows:
                raise PcpError(Result.UNSUPP_OPCODE)
            lifetime, body, told = self._map(request, self._whose(request, options), options)
        except PcpError as error:
            return refusal(datagram, error, self._epoch())
        except Refused as refused:
            result = RESULTS.get(refused.reason, Result.NO_RESOURCES)
            return refusal(datagram, PcpError(result), self._epoch())
        words = b"".join(option.encode() for option in told)
        return head(request.opcode, Result.SUCCESS, lifetime, self._epoch()) + body + words

    def _check_client(self, request: Request, client: str) -> None:
        same = write_address(client) == write_address(request.client)
        if self._has("PC02") or not same:
            raise PcpError(Result.ADDRESS_MISMATCH)
        if self._has("PC03") and request.opcode != ANNOUNCE and client not in self.allowed:
            raise PcpError(Result.NOT_AUTHORIZED)

    def _options(self, request: Request) -> tuple[Option, ...]:
        """The options we know, checked (§7.3); of the others the mandatory ones are refused."""
        known = {THIRD_PARTY, PREFER_FAILURE, FILTER, DESCRIPTION}
        if self._has("PC11"):
            known = {DESCRIPTION}
        if not self.third_party:
            known.discard(THIRD_PARTY)
        if any(each.code not in known and each.code < OPTIONAL for each in request.options):
            raise PcpError(Result.UNSUPP_OPTION)
        options = tuple(each for each in request.options if each.code in known)
        for option in options:
            self._check_option(option, request.opcode)
        once = [each.code for each in options if each.code != FILTER]
        if len(once) != len(set(once)):
            raise PcpError(Result.MALFORMED_OPTION)
        return options

    def _check_option(self, option: Option, opcode: int) -> None:
        opcodes, lengths = {
            THIRD_PARTY: ({MAP, PEER}, {16}),
            PREFER_FAILURE: ({MAP}, {0}),
            FILTER: ({MAP}, {20}),
            DESCRIPTION: ({MAP, PEER}, range(LONGEST_DESCRIPTION + 1)),
        }[option.code]
        permitted: Collection[int] = lengths
        unwelcome = option.code == DESCRIPTION and self._has("PC22")
        if opcode not in opcodes or len(option.data) not in permitted or unwelcome:
            raise PcpError(Result.MALFORMED_OPTION)

    def _whose(self, request: Request, options: tuple[Option, ...]) -> str:
        """The internal address: the client's own, or the third party's."""
        other = next((read_address(each.data) for each in options if each.code == THIRD_PARTY), None)
        if other is None:
            return request.client
        if other == request.client:
            raise PcpError(Result.MALFORMED_REQUEST)  # §13.1
        if not self.is_inside(other):
            raise PcpError(Result.NOT_AUTHORIZED)
        return other

    def _map(
        self, request: Request, host: str, options: tuple[Option, ...]
    ) -> tuple[int, bytes, tuple[Option, ...]]:
        """Seconds granted, the body of the answer, the options we honoured."""
        if request.lifetime == 0 and request.opcode == MAP:
            self._delete(request, host)
            return 0, request.body, options
        if request.protocol not in PROTOCOLS:
            raise PcpError(Result.UNSUPP_PROTOCOL if request.protocol else Result.MALFORMED_REQUEST)
        if request.internal_port == 0:
            raise PcpError(Result.UNSUPP_PROTOCOL)  # all ports of one host: a router has only one address
        slot = PROTOCOLS[request.protocol], Endpoint(host, request.internal_port)
        self._check_nonce(slot, request.nonce)
        old = self._mappings().get(slot)
        if old is not None:
            self._renewed.add(slot)
        if old is not None and self._has("PC06") and old.nonce == request.nonce:
            external, left = old.external, self._left(old)
        elif old is not None and request.opcode == PEER and self._life(request.lifetime) < self._left(old):
            external, left = old.external, self._left(old)  # PEER never shortens a lifetime (§12.1)
        else:
            external, left = self._grant(request, slot, options)
        filters = read_filters(options, old.filters if old is not None else ())
        kept = () if self._has("PC10") else filters
        self._held[slot] = PcpMapping(request.nonce, external, self._clock() + left, kept)
        where = struct.pack("!HH", request.internal_port, external.port) + write_address(external.host)
        return left, request.body[:16] + where + request.body[36:], options

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

    def _spoilt(self, answer: bytes) -> list[bytes]:
        """Row PC15: before the good answer come those that must be dropped (RFC 6887 §8.3)."""
        if not self._has("PC15"):
            return [answer]
        wrong_nonce = answer[:24] + bytes(b ^ 255 for b in answer[24:36]) + answer[36:]
        no_response = answer[:1] + bytes((answer[1] & 127,)) + answer[2:]
        too_long = answer + bytes(LONGEST + 4 - len(answer))
        unknown_option = Option(254, b"?").encode()
        return [wrong_nonce, answer + b"\0\0", too_long, no_response, answer + unknown_option]

    def _has(self, row: str) -> bool:
        return self._table.quirks.has(row)


def is_link_local(host: str) -> bool:
    return ":" in host and IPv6Address(host.partition("%")[0]).is_link_local


def _description(options: tuple[Option, ...], slot: Slot) -> str:
    told = next((each.data.decode("utf-8", "replace") for each in options if each.code == DESCRIPTION), "")
    return told or f"PCP {slot[0]} {slot[1].port}"
