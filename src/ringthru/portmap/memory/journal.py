"""What becomes of yesterday's mappings, now that a gateway is found.

Lives here: which gateway is which, and who may touch what.
Never here: files, clocks, or the orders that adopt and delete.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from ...net.values import frozen
from ..values import Family, GatewayType, Protocol
from .holding import GatewayIdentity, Holding, JournalEntry

Ports = tuple[Family, Protocol, str, int]

SLACK: Final = 60.0  # seconds: an entry is written before the gateway's clock starts, and clocks differ


@frozen
class Adoption:
    """Every entry of the journal in its place; of several entries for one mapping only the latest counts.

    ``holdings``: this gateway has them, nobody living renews them, and it is spoken to as when they were
    made: for ``MappingBook.adopt``, with the seconds left, None for ever.
    ``kept``: this gateway has them because a person wanted them to stay; only lent to a lease that wants one.
    ``other_protocol``: this gateway seems to have them, but only the protocol of ``entry.gateway.type`` can
    delete them: PCP takes orders for a mapping only with its nonce (RFC 6887 §11.3), which NAT-PMP and UPnP
    do not carry, and what they made has none. ``Leftovers`` has that protocol do it.
    ``leftovers``: on other gateways, or leading to an address that we had then; they wait until they run out.
    Permanent ones wait for ever, and are to be shown.
    ``expired``: to be struck out: they ran out, or somebody living has the same port on that gateway.
    ``others``: somebody living renews them; not ours to touch.
    """

    holdings: tuple[tuple[Holding, float | None], ...] = ()
    kept: tuple[JournalEntry, ...] = ()
    other_protocol: tuple[JournalEntry, ...] = ()
    leftovers: tuple[JournalEntry, ...] = ()
    expired: tuple[JournalEntry, ...] = ()
    others: tuple[JournalEntry, ...] = ()


def take_stock(
    entries: Iterable[JournalEntry],
    gateway: GatewayIdentity,
    *,
    own_address: str,
    family: Family,
    now: float,
    living: Collection[str],
) -> Adoption:
    """Put every entry in its place.

    ``gateway`` is the one in use for ``family``, reached from ``own_address``; ``now`` is the wall clock,
    seconds since 1970; ``living`` are the owners that are alive, without ourselves.
    """
    entries = list(entries)
    others = tuple(entry for entry in entries if entry.owner in living)
    busy = _by_ports(others)
    places: dict[str, list[JournalEntry]] = {}
    for entry in _latest(entry for entry in entries if entry.owner not in living):
        places.setdefault(_place(entry, gateway, own_address, family, now, busy), []).append(entry)
    holdings = tuple((entry.holding, seconds_left(entry, now)) for entry in places.pop("holdings", ()))
    return Adoption(holdings, others=others, **{name: tuple(found) for name, found in places.items()})


def same_gateway(one: GatewayIdentity, other: GatewayIdentity) -> bool:
    """Whether two identities are one gateway, as far as can be told.

    By UPnP the UDN decides, whatever the address. By PCP and NAT-PMP the address must be the same, and the
    hardware address too where both are known. A UDN and a hardware address cannot be compared: there, and
    where a name is unknown, the address decides.
    """
    by_upnp = one.type is GatewayType.UPNP
    comparable = by_upnp is (other.type is GatewayType.UPNP) and bool(one.name and other.name)
    same_name = one.name.lower() == other.name.lower()
    if comparable and by_upnp:
        return same_name
    return one.address == other.address and (same_name or not comparable)


def seconds_left(entry: JournalEntry, now: float) -> float | None:
    """How long a gateway still holds it: 0 when it ran out, None for ever.

    A wall clock that went back (a board without a battery) gives no more than the lifetime.
    """
    lifetime = entry.holding.lifetime
    return None if lifetime == 0 else min(max(entry.at + lifetime - now, 0.0), float(lifetime))


def _place(
    entry: JournalEntry,
    gateway: GatewayIdentity,
    own_address: str,
    family: Family,
    now: float,
    others: dict[Ports, list[GatewayIdentity]],
) -> str:
    """The field of ``Adoption`` an entry belongs in, nobody living being its owner."""
    lifetime = entry.holding.lifetime
    if lifetime and now > entry.at + lifetime + SLACK:
        return "expired"
    busy = (each for side in _ports(entry.holding) for each in others.get(side, ()))
    if not entry.holding.remote and any(same_gateway(entry.gateway, each) for each in busy):
        return "expired"
    if entry.holding.family is not family or not same_gateway(entry.gateway, gateway):
        return "leftovers"
    if not leads_to(entry, own_address):
        return "leftovers"
    if entry.kept:
        return "kept"
    return "holdings" if entry.gateway.type is gateway.type else "other_protocol"


def _ports(holding: Holding) -> tuple[Ports, Ports]:
    """The two sides a gateway knows a mapping by: deleting by either may take another mapping that has it."""
    common = (holding.family, holding.protocol)
    return (*common, "outside", holding.external_port), (
        *common,
        holding.internal_client,
        holding.internal_port,
    )


def _by_ports(entries: Iterable[JournalEntry]) -> dict[Ports, list[GatewayIdentity]]:
    """Where each port is in use."""
    found: dict[Ports, list[GatewayIdentity]] = {}
    for entry in entries:
        for side in () if entry.holding.remote else _ports(entry.holding):
            found.setdefault(side, []).append(entry.gateway)
    return found


def _latest(entries: Iterable[JournalEntry]) -> list[JournalEntry]:
    """Without the older entries for a mapping: a crash between two notes, or two owners that both died."""
    latest: dict[tuple[object, ...], list[JournalEntry]] = {}
    for entry in sorted(entries, key=lambda each: each.at, reverse=True):
        alike = latest.setdefault(entry.holding.key, [])
        if not any(_is_repeated(entry, later) for later in alike):
            alike.append(entry)
    return [entry for alike in latest.values() for entry in alike]


def same_mapping(entry: JournalEntry, holding: Holding, gateway: GatewayIdentity) -> bool:
    """Whether an entry is for this very mapping: one key, one gateway, one protocol."""
    if entry.holding.key != holding.key or entry.gateway.type is not gateway.type:
        return False
    return same_gateway(entry.gateway, gateway)


def leads_to(entry: JournalEntry, own_address: str) -> bool:
    """Whether its mapping leads, as far as is known, to that address of ours (empty: to any)."""
    return own_address == "" or entry.own_address in ("", own_address)


def _is_repeated(entry: JournalEntry, later: JournalEntry) -> bool:
    return same_mapping(entry, later.holding, later.gateway) and leads_to(entry, later.own_address)
