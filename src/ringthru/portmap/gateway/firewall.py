"""An IPv6 firewall's procedures (UPnP WANIPv6FirewallControl:1): pinholes instead of mappings.

Nothing is translated: the external address and port are our own. A pinhole is known by its UniqueID, which is
the ``reference`` of its grant. A gateway that starts anew gives the same numbers out again, to whoever comes
first (P612), and no action tells whose one is. So a pinhole is renewed and closed, and looked at where its
name is doubtful, by asking for it as if it were new: the gateway gives the name it bears by now (§2.5.3).

Lives here: what to ask, and what each answer leads to. Never here: sockets, clocks, which address is stable.
"""

from __future__ import annotations

from collections.abc import Generator
from ipaddress import IPv6Network
from typing import Final

from ...net.values import replace
from ..values import Protocol, printable
from ..wire import soap
from ..wire.location import Location
from .adding import refusal_words
from .igd_discovery import fetch, igd_of
from .orders import (
    AddressOrder,
    AddressTold,
    Declined,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    NoEntry,
    Order,
    Remedy,
    UnmapOrder,
    Unmapped,
)
from .upnp_calls import LACKING, Answering, Steps, Unreachable, call, forbidden
from .upnp_values import Ask, Igd, IgdFound, NotIgd, Reply

LONGEST_LEASE: Final = 86400  # seconds (§2.3.10); 0, "for ever", is no lease here (P610)
DEFAULT_LEASE: Final = 3600
DISCARD: Final = 9  # a port to ask about when none is meant
FULL: Final = 701
FIREWALL_OFF: Final = 702
NOT_ALLOWED: Final = 703
NO_SUCH_PINHOLE: Final = 704
INVALID_ARGS: Final = 402  # miniupnpd's word for it (P611); the name is the only argument there is
GONE: Final = (NO_SUCH_PINHOLE, INVALID_ARGS)
NO_TRAFFIC: Final = 709
OFF: Final = ("0", "false", "no")
NOT_ALLOWED_WORDS: Final = (
    "the gateway's IPv6 firewall lets nobody open it; look for a switch like "
    "'allow pinholes' or 'allow UPnP for IPv6' in its menu"
)
OFF_WORDS: Final = "the gateway's IPv6 firewall is off: everything is let in, and nothing needs to be opened"
NO_TABLE: Final = "WANIPv6FirewallControl has no action that lists pinholes"


def steps(igd: Igd, order: Order, now: float) -> Steps:
    """The procedure for an order at an IPv6 firewall."""
    if isinstance(order, AddressOrder):
        return ask_address(igd)
    if isinstance(order, MapOrder):
        return open_pinhole(igd, order)
    if isinstance(order, UnmapOrder):
        return close_pinhole(igd, order)
    if isinstance(order, InspectOrder):
        return inspect(igd, order)
    return no_table()


def no_table() -> Steps:
    yield from ()
    return NoEntry(NO_TABLE)


def discover(location: Location, own_address: str) -> Generator[Ask, Reply, list[IgdFound] | NotIgd]:
    """Every IPv6 firewall of a device that answers; those that may be opened come first."""
    described = yield from fetch(location)
    if isinstance(described, NotIgd):
        return described
    found: list[IgdFound] = []
    for service in described.firewalls:
        igd = igd_of(described, service, location, own_address)
        try:
            answer = yield from call(igd, soap.get_firewall_status())
        except Unreachable:
            continue
        found.append(IgdFound(igd, own_address, _status_words(answer), not _is_closed(answer)))
    if not found:
        return NotIgd(f"{location}: no IPv6 firewall that answers")
    return sorted(found, key=lambda each: not each.connected)


def ask_address(igd: Igd) -> Steps:
    """Our own address is what others dial, as long as pinholes are allowed at all (P605)."""
    answer = yield from call(igd, soap.get_firewall_status())
    if _is_closed(answer):
        return Declined(NOT_ALLOWED_WORDS, Remedy.PERMISSION)
    if igd.outbound_timeout is None:
        igd.outbound_timeout = yield from _outbound_timeout(igd)
    return AddressTold(igd.own_address)


def _outbound_timeout(igd: Igd) -> Generator[Ask, Reply, int | None]:
    """How long answers to what we send are let in; of use to those who keep flows alive."""
    request = soap.get_outbound_timeout(Protocol.UDP, (igd.own_address, DISCARD))
    answer = yield from call(igd, request)
    return answer.number("OutboundPinholeTimeout") if isinstance(answer, soap.Success) else None


def open_pinhole(igd: Igd, order: MapOrder) -> Steps:
    """Make one, or renew the one we have."""
    remote = _one_address(order.allow_from)
    if remote is None:
        return Declined("a pinhole is for one address or for all", Remedy.ANOTHER_SERVICE)
    lease = min(order.lifetime or DEFAULT_LEASE, LONGEST_LEASE)
    answer = yield from _add(igd, order, remote, lease)
    if isinstance(answer, soap.Fault):
        return _declined(igd, order, answer)
    reference = printable(answer.value("UniqueID"))
    if not reference:
        return Declined("the gateway gave the pinhole no name", Remedy.ANOTHER_SERVICE)
    return _granted(igd, order, lease, reference)


def _add(igd: Igd, order: MapOrder | UnmapOrder | InspectOrder, remote: str, lease: int) -> Answering:
    internal = (order.internal_client or igd.own_address, order.internal_port)
    return call(igd, soap.add_pinhole(order.protocol, remote, internal, lease))


def _granted(igd: Igd, order: MapOrder, lease: int, reference: str) -> Granted:
    address = order.internal_client or igd.own_address
    return Granted(order.internal_port, lease, verified=False, external_address=address, reference=reference)


def _declined(igd: Igd, order: MapOrder, fault: soap.Fault) -> Declined:
    if fault.code == NOT_ALLOWED:
        return Declined(f"{NOT_ALLOWED_WORDS}: {fault}", Remedy.PERMISSION)
    if forbidden(fault):
        return Declined(refusal_words(igd, order, fault), Remedy.PERMISSION)
    if fault.code == FIREWALL_OFF:
        return Declined(f"{OFF_WORDS}: {fault}")
    if fault.code == FULL:
        return Declined(str(fault), Remedy.ROOM)
    if fault.code is None or fault.code in LACKING:
        return Declined(str(fault), Remedy.ANOTHER_SERVICE)
    return Declined(str(fault))


def close_pinhole(igd: Igd, order: UnmapOrder) -> Steps:
    """Ask for it once more, which tells its name; delete what bears it, or let it end in a second (P603)."""
    answer = yield from _add(igd, order, _one_address(order.allow_from) or "", 1)
    if isinstance(answer, soap.Fault):
        return Unmapped() if answer.code == FULL else Declined(str(answer))  # full: no room for one it lacks
    reference = printable(answer.value("UniqueID"))
    if not reference:
        return Unmapped()  # it has that one second
    answer = yield from call(igd, soap.delete_pinhole(reference))
    if isinstance(answer, soap.Success) or answer.code in GONE:
        return Unmapped()
    shortened = yield from call(igd, soap.update_pinhole(reference, 1))
    forbidden_too = isinstance(shortened, soap.Fault) and shortened.code not in GONE
    return Declined(str(answer)) if forbidden_too else Unmapped()


def inspect(igd: Igd, order: InspectOrder) -> Steps:
    """Whether it is there and lets packets in; how long it lives no firewall tells.

    What bears its name may be another's, since a restart (P612). Where that is likely it is asked for: when
    the order says so, or a gateway that told of names before refuses to tell of this one (§2.5.6: only the
    host that a pinhole leads to is told of it). Where a gateway may tell anybody, a name proves nothing.
    """
    if not order.reference:
        return Inspected(None, verified=False, words="a pinhole without a name cannot be asked for")
    told_before = igd.shows_entries
    answers = (
        (yield from call(igd, soap.check_pinhole(order.reference))),
        (yield from call(igd, soap.get_pinhole_packets(order.reference))),
    )
    seen = _seen(igd, *answers)
    denied = not seen.verified and any(isinstance(each, soap.Fault) and forbidden(each) for each in answers)
    there = seen.verified and not seen.missing
    igd.refused_a_name |= denied and told_before
    if order.lifetime and ((there and order.doubtful) or (denied and told_before)):
        return (yield from _see_whose(igd, order, seen))
    if there and not igd.guards_names:
        words = f"{seen.words}, by its name alone, which may be another's after a restart"
        return replace(seen, verified=False, words=words, named=True)
    return seen


def _see_whose(igd: Igd, order: InspectOrder, seen: Inspected) -> Steps:
    lease = min(order.lifetime, LONGEST_LEASE)
    answer = yield from _add(igd, order, _one_address(order.allow_from) or "", lease)
    if isinstance(answer, soap.Fault):
        full = answer.code == FULL  # there is no room for one it lacks
        return Inspected(None, missing=full, verified=full, words=f"AddPinhole, to see whose it is: {answer}")
    name = printable(answer.value("UniqueID"))
    if name in ("", order.reference):
        return replace(seen, lifetime=lease)
    words = f"AddPinhole: it bears the name {name} by now, and what bears {order.reference} is another's"
    return Inspected(lease, words=words, reference=name)


def _seen(igd: Igd, answer: soap.Success | soap.Fault, packets: soap.Success | soap.Fault) -> Inspected:
    """What both looks at one name come to; ``packets`` answers GetPinholePackets."""
    if isinstance(answer, soap.Success) or isinstance(packets, soap.Success) or answer.code == NO_TRAFFIC:
        igd.shows_entries = True
    if isinstance(answer, soap.Success):
        working = answer.value("IsWorking").lower() not in OFF
        words = "CheckPinholeWorking: it works" if working else "CheckPinholeWorking: it does not work"
        return Inspected(None, missing=not working, words=f"{words}{_count(packets)}")
    told_before = igd.shows_entries and answer.code == _code(packets) == INVALID_ARGS
    if NO_SUCH_PINHOLE in (answer.code, _code(packets)) or told_before:
        return Inspected(None, missing=True, words="the gateway does not know the pinhole any more")
    if answer.code == NO_TRAFFIC:
        return Inspected(None, words=f"CheckPinholeWorking: no traffic yet{_count(packets)}")
    if isinstance(packets, soap.Success):
        return Inspected(None, words=f"GetPinholePackets: it is there{_count(packets)}")
    return Inspected(None, verified=False, words=f"CheckPinholeWorking: {answer}")


def _count(packets: soap.Success | soap.Fault) -> str:
    number = packets.number("PinholePackets") if isinstance(packets, soap.Success) else None
    return "" if number is None else f", {number} packets so far"


def _code(answer: soap.Success | soap.Fault) -> int | None:
    return answer.code if isinstance(answer, soap.Fault) else None


def _is_closed(answer: soap.Success | soap.Fault) -> bool:
    """It is on, and says that nobody may open it; silence about that is no veto."""
    if isinstance(answer, soap.Fault):
        return False
    on = answer.value("FirewallEnabled").lower() not in OFF
    return on and answer.value("InboundPinholeAllowed").lower() in OFF


def _status_words(answer: soap.Success | soap.Fault) -> str:
    if isinstance(answer, soap.Fault):
        return str(answer)
    if answer.value("FirewallEnabled").lower() in OFF:
        return "firewall off"
    return "pinholes not allowed" if _is_closed(answer) else "pinholes allowed"


def _one_address(networks: tuple[str, ...]) -> str | None:
    """The one address that may come in, empty for all; None when it is not so simple."""
    if not networks:
        return ""
    try:
        network = IPv6Network(networks[0])
    except ValueError:
        return None
    return str(network.network_address) if len(networks) == 1 and network.prefixlen == 128 else None
