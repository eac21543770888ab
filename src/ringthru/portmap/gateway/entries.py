"""Reading a gateway's table: one mapping of ours, one place, or everything.

Lives here: whose an entry is, and what a gateway's silence about one is worth.
Never here: adding, deleting, or deciding what follows from a mapping that is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from typing import Final

from ...net.address import parse_address
from ...net.values import frozen, replace
from ..errors import MalformedMessage
from ..values import OUR_NAME, GatewayEntry, Protocol, printable
from ..wire import soap
from ..wire.location import same_host
from .orders import (
    BLOCK,
    SHARED,
    EntryOrder,
    EntryTold,
    Inspected,
    InspectOrder,
    MapOrder,
    NoEntry,
    UnmapOrder,
)
from .upnp_calls import Steps, call, forbidden
from .upnp_values import Ask, Igd, Reading, Reply, Watched

NO_SUCH_ENTRY: Final = 714
TABLE_ENDS: Final = frozenset((713, NO_SUCH_ENTRY))
TABLE_MAY_END: Final = frozenset((402, 500, 501))  # said at the end of the table by some; also of any mishap
EMPTY_LIST: Final = 730  # GetListOfPortMappings: no mapping in that range
EMPTY_TABLE: Final = "the gateway's table is empty, and it has never shown an entry"
MOST_SCANNED: Final = 200  # entries read to find one; tables of 160 are real
TOO_LONG: Final = f"the gateway's table has more than {MOST_SCANNED} entries, and cannot be asked for one"
MOST_REPEATS: Final = 3  # some give their last entry for ever
SURE_OF_AGE: Final = 30.0  # seconds between two readings that show whether a lease was prolonged
BLUR: Final = 5  # seconds by which a gateway's count-down may be off


class Whose(Enum):
    """To whom the entry at an external port leads."""

    OURS = "ours"
    THEIRS = "somebody else's"
    NOBODY = "not there"
    UNKNOWN = "cannot be told"


@frozen
class Found:
    """What the table says of one external port."""

    whose: Whose
    words: str
    lease: int | None = None  # seconds left, 0 for ever; None: not told
    enabled: bool = True


def inspect(igd: Igd, order: InspectOrder, now: float) -> Steps:
    """Read a mapping of ours back; a gateway that cannot tell has not failed (LI04, LI06, LI17)."""
    found = yield from _look_at_all(igd, order, now)
    if found is None:
        found = yield from look_up(igd, order)
    if found.whose is Whose.UNKNOWN:
        return Inspected(None, verified=False, words=found.words)
    if found.whose is Whose.NOBODY and not igd.shows_entries and not (yield from _shows_any(igd)):
        return Inspected(None, verified=False, words=EMPTY_TABLE)
    if found.whose is not Whose.OURS or not found.enabled:
        return Inspected(None, missing=True, words=found.words)
    _compare(igd, order, found.lease, now)
    return Inspected(found.lease, words=found.words)


def _look_at_all(igd: Igd, order: InspectOrder, now: float) -> Generator[Ask, Reply, Found | None]:
    """What one listing for many says of this one; None: not that it is ours, so it is asked for by name.

    To walk through the table by index would never be fewer requests than a look at each of ours.
    """
    reading = yield from _reading(igd, order, now)
    entry = reading and reading.entries.get(order.external_port)
    if not reading or not entry or not entry.enabled:
        return None
    if _whose(igd, order, entry.internal_client, entry.internal_port) is not Whose.OURS:
        return None
    lease = entry.lifetime and max(1, entry.lifetime - round(now - reading.at))
    words = f"{soap.GET_LIST}: {entry.internal_client}:{entry.internal_port}"
    left = "" if lease is None else f", {lease} s left"
    return Found(Whose.OURS, f"{words}{left}", lease)


def _reading(igd: Igd, order: InspectOrder, now: float) -> Generator[Ask, Reply, Reading | None]:
    """The order's block of the table, read just now or a moment ago; None: not worth it, or not possible."""
    key = order.protocol, order.external_port // BLOCK
    known = igd.readings.get(key)
    if known is not None and known.at >= max(order.since, now - SHARED):
        return known
    if not order.of_many or igd.service.version < 2:
        return None
    first = key[1] * BLOCK
    entries = yield from _listed(igd, order.protocol, max(first, 1), min(first + BLOCK - 1, 65535))
    igd.readings[key] = Reading(now, {each.external_port: each for each in entries or () if each is not None})
    return igd.readings[key]


def look_up(igd: Igd, order: MapOrder | UnmapOrder | InspectOrder) -> Generator[Ask, Reply, Found]:
    """Whose the entry at an order's external port is: asked for by name, else sought in the table."""
    if not igd.profile.cannot_read_back:
        answer = yield from call(igd, soap.get_mapping(order.protocol, order.external_port))
        if isinstance(answer, soap.Success):
            return _judge(igd, order, answer)
        if answer.code in TABLE_ENDS:
            return Found(Whose.NOBODY, f"GetSpecificPortMappingEntry: {answer}")
        if not forbidden(answer):
            igd.learn(cannot_read_back=True)
    return (yield from _seek(igd, order))


def _shows_any(igd: Igd) -> Generator[Ask, Reply, bool]:
    """Whether its table has anything to show at all; on some it is empty whatever they hold (LI06)."""
    scan = yield from scan_table(igd, lambda entry: True)
    igd.shows_entries = scan.found is not None
    return igd.shows_entries


def _judge(igd: Igd, order: MapOrder | UnmapOrder | InspectOrder, answer: soap.Success) -> Found:
    client, port = answer.address("NewInternalClient"), answer.number("NewInternalPort")
    lease, enabled = answer.number("NewLeaseDuration"), _enabled(answer)
    left = "not told" if lease is None else f"{lease} s left" if lease else "for ever"
    words = (
        f"GetSpecificPortMappingEntry: {client or 'nobody'}:{port}, {left}{'' if enabled else ', disabled'}"
    )
    return Found(_whose(igd, order, client, port), words, lease, enabled)


def _whose(igd: Igd, order: MapOrder | UnmapOrder | InspectOrder, client: str, port: int | None) -> Whose:
    host = order.internal_client or igd.own_address
    told = port is not None and 0 < port < 65536
    if told and port != order.internal_port:
        return Whose.THEIRS
    if parse_address(client) is None or not told:  # a host's name, no port, or nothing
        return Whose.UNKNOWN
    if not same_host(client, host):
        return Whose.THEIRS
    igd.shows_entries = True
    return Whose.OURS


def _seek(igd: Igd, order: MapOrder | UnmapOrder | InspectOrder) -> Generator[Ask, Reply, Found]:
    if igd.table_too_long:
        return Found(Whose.UNKNOWN, TOO_LONG)
    scan = yield from scan_table(igd, lambda entry: is_at(entry, order.protocol, order.external_port))
    igd.table_too_long = scan.found is None and scan.count >= MOST_SCANNED
    if scan.found is not None:
        entry = scan.found
        words = f"the gateway's table: {entry.internal_client or 'nobody'}:{entry.internal_port}"
        whose = _whose(igd, order, entry.internal_client, entry.internal_port)
        return Found(whose, words, entry.lifetime, entry.enabled)
    if scan.complete and scan.count:
        igd.shows_entries = True
        return Found(Whose.NOBODY, f"the gateway's table does not have it, among {scan.count} entries")
    return Found(Whose.UNKNOWN, "the gateway shows no table of mappings")


@frozen
class Scan:
    """How a search through the table ended."""

    found: GatewayEntry | None
    count: int  # entries met
    complete: bool  # False: it may have more


def scan_table(igd: Igd, wanted: Callable[[GatewayEntry], bool]) -> Generator[Ask, Reply, Scan]:
    """The first entry that is wanted, among 200 at most; all at once where the gateway can (IGD:2)."""
    whole = yield from _whole_table(igd)
    if whole:
        return Scan(next((e for e in whole if e is not None and wanted(e)), None), len(whole), True)
    before, repeats = None, 0
    for index in range(MOST_SCANNED):
        outcome = yield from _entry_by_index(igd, index)
        if isinstance(outcome, NoEntry):
            return Scan(None, index, outcome.certain or (outcome.likely and index > 0))
        if outcome.entry is not None and wanted(outcome.entry):
            return Scan(outcome.entry, index + 1, False)
        repeats = repeats + 1 if before is not None and _is_same(before, outcome.entry) else 0
        before = outcome.entry
        if repeats >= MOST_REPEATS:
            return Scan(None, index + 1 - repeats, False)
    return Scan(None, MOST_SCANNED, complete=False)


def is_at(entry: GatewayEntry, protocol: Protocol, external_port: int) -> bool:
    return entry.protocol is protocol and entry.external_port == external_port


def entry_at(igd: Igd, order: EntryOrder) -> Steps:
    """One entry of the gateway's table; the first may bring all the others along (IGD:2)."""
    if order.index == 0:
        igd.table = (yield from _whole_table(igd)) or None
    if igd.table is None:
        return (yield from _entry_by_index(igd, order.index))
    if order.index < len(igd.table):
        return EntryTold(igd.table[order.index])
    igd.table = None
    return NoEntry("", certain=True)


def _entry_by_index(igd: Igd, index: int) -> Generator[Ask, Reply, EntryTold | NoEntry]:
    answer = yield from call(igd, soap.get_mapping_at(index))
    if isinstance(answer, soap.Success):
        return EntryTold(_entry(igd, answer))
    likely = (answer.status if answer.code is None else answer.code) in TABLE_MAY_END
    return NoEntry(str(answer), answer.code in TABLE_ENDS, likely)


def _whole_table(igd: Igd) -> Generator[Ask, Reply, tuple[GatewayEntry | None, ...]]:
    """Everything by GetListOfPortMappings; nothing when that cannot be had, or has nothing to show.

    Long tables are not asked for, as that has killed gateways (LI18).
    """
    if igd.service.version < 2 or soap.GET_LIST in igd.profile.missing_actions:
        return ()
    beyond = yield from _entry_by_index(igd, BLOCK)
    if not isinstance(beyond, NoEntry):
        return ()
    entries: list[GatewayEntry | None] = []
    for protocol in Protocol:
        found = yield from _listed(igd, protocol, 1, 65535)
        if found is None:
            return ()
        entries += found
    return tuple(entries)


def _listed(
    igd: Igd, protocol: Protocol, first: int, last: int
) -> Generator[Ask, Reply, list[GatewayEntry | None] | None]:
    """What GetListOfPortMappings has in a range of ports; None where it has no answer."""
    answer = yield from call(igd, soap.get_mappings(protocol, first, last))
    if isinstance(answer, soap.Fault):
        return [] if answer.code == EMPTY_LIST else None
    try:
        return [_entry(igd, each) for each in soap.listed_entries(answer)]
    except MalformedMessage:
        return None


def _entry(igd: Igd, answer: soap.Success) -> GatewayEntry | None:
    ports = answer.number("NewExternalPort"), answer.number("NewInternalPort")
    external, internal = (None if port is None or port > 65535 else port for port in ports)
    kind = answer.value("NewProtocol").lower()
    if external is None or internal is None or kind not in ("udp", "tcp"):
        return None
    client = answer.address("NewInternalClient")
    words = printable(answer.value("NewPortMappingDescription") or answer.value("NewDescription"))
    lease = answer.number("NewLeaseDuration") or answer.number("NewLeaseTime")  # the second in a list (:2)
    ours = same_host(client, igd.own_address) and words.startswith(OUR_NAME)
    return GatewayEntry(
        Protocol(kind), external, client, internal, words, lease or None, _enabled_strictly(answer), ours
    )


def _enabled(answer: soap.Success) -> bool:
    """Off only when it says so: a blank is no word."""
    return answer.value("NewEnabled").lower() not in ("0", "false", "no")


def _enabled_strictly(answer: soap.Success) -> bool:
    return answer.value("NewEnabled").lower() in ("1", "true", "yes")


def _is_same(one: GatewayEntry, other: GatewayEntry | None) -> bool:
    return other is not None and other == replace(one, lifetime=other.lifetime)


def _compare(igd: Igd, order: InspectOrder, lease: int | None, now: float) -> None:
    """Learn from two readings whether adding again prolongs a lease here (AD33)."""
    key = (order.protocol, order.external_port)
    before = igd.watched.get(key)
    if before is None or not lease:
        return
    igd.watched[key] = Watched(before.asked, lease, now)
    if not before.renewed or before.left is None or now - before.at < SURE_OF_AGE:
        return
    ran_on = abs(before.left - (now - before.at) - lease) <= BLUR
    if ran_on and before.asked > lease + SURE_OF_AGE:
        igd.learn(renew_by_delete=True)
