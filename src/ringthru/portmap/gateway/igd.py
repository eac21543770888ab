"""A UPnP gateway's procedures, step by step: what to ask, and what each answer leads to.

Each procedure is a generator: it yields an ``Ask``, is sent the reply, and returns its outcome. The error
ladder lives here, and what we learn of one gateway's ways.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final

from ..errors import MalformedMessage
from ..values import OUR_NAME, GatewayEntry, Protocol, printable
from ..wire import description, http, soap
from ..wire.location import Location
from .orders import (
    AddressTold,
    Declined,
    EntryOrder,
    EntryTold,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    NoEntry,
    Outcome,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)
from .upnp_values import Ask, FailureKind, HttpFailure, Igd, IgdFound, NotIgd, Reply

FETCH_DEADLINE: Final = 3.0  # seconds for a description
ACTION_DEADLINE: Final = 10.0  # seconds for an action: some take 6
ONLY_PERMANENT: Final = frozenset((725, 402))  # 402 "invalid args" means the lease on some gateways
CONFLICT: Final = frozenset((718, 729, 501))  # 501 "action failed" stands for 718 on some
SAME_PORT_ONLY: Final = 724
NO_SUCH_ENTRY: Final = 714
TABLE_ENDS: Final = frozenset((713, NO_SUCH_ENTRY))
TABLE_MAY_END: Final = frozenset((402, 500, 501))  # said at the end of the table by some; also of any mishap
FORBIDDEN: Final = frozenset((606, 403))
PERMISSION_WORDS: Final = (
    "the gateway forbids it; look for a switch like 'allow port mapping by UPnP' in its menu"
)


Steps = Generator[Ask, Reply, Outcome]
Answering = Generator[Ask, Reply, soap.Success | soap.Fault]


class Unreachable(Exception):
    """Nobody answers any more; ends a procedure."""


def discover(
    location: Location, own_address: str, is_public: Callable[[str], bool]
) -> Generator[Ask, Reply, IgdFound | NotIgd]:
    """Fetch a description and find the best WAN connection in it; its first call is already the address."""
    request = http.get_request(location.endpoint, location.path)
    reply = yield Ask(location.endpoint, request, FETCH_DEADLINE)
    if isinstance(reply, HttpFailure):
        return NotIgd(f"{location}: {reply.reason}")
    try:
        described = description.decode(reply.body, location)
    except MalformedMessage as error:
        return NotIgd(f"{location}: {error}")
    found: list[tuple[tuple[bool, bool, bool], IgdFound]] = []
    for service in described.services:
        igd = Igd(location, described.words, service, own_address)
        try:
            alone = len(described.services) == 1
            connected = alone or (yield from _connected(igd))
            answer = yield from _call(igd, soap.get_external_address())
        except Unreachable:
            continue
        address = _address(answer) or ""
        found.append(((is_public(address), connected, bool(address)), IgdFound(igd, address)))
    if not found:
        return NotIgd(f"{location}: no WAN connection answers")
    return max(found, key=lambda each: each[0])[1]  # the first of equals


def _connected(igd: Igd) -> Generator[Ask, Reply, bool]:
    """Status ranks, it never vetoes: some say Disconnected and work."""
    answer = yield from _call(igd, soap.get_status())
    if isinstance(answer, soap.Fault):
        return False
    return answer.value("NewConnectionStatus").lower() in ("connected", "up")


def ask_address(igd: Igd) -> Steps:
    answer = yield from _call(igd, soap.get_external_address())
    address = _address(answer)
    return Declined(str(answer)) if address is None else AddressTold(address)


def _address(answer: soap.Success | soap.Fault) -> str | None:
    if isinstance(answer, soap.Fault):
        return None
    return printable(answer.value("NewExternalIPAddress"))


def add(igd: Igd, order: MapOrder) -> Steps:
    """The error ladder of AddPortMapping."""
    lease = 0 if igd.permanent_only else order.lifetime
    answer = yield from _call(igd, _add_call(igd, order, lease))
    if isinstance(answer, soap.Fault) and answer.code in ONLY_PERMANENT and lease:
        lease = 0
        answer = yield from _call(igd, _add_call(igd, order, lease))
        igd.permanent_only = isinstance(answer, soap.Success)
    conflict = isinstance(answer, soap.Fault) and answer.code in CONFLICT
    if conflict and (yield from _entry_is_ours(igd, order)):
        # Left by an earlier run, and this gateway cannot replace it: delete, then add.
        yield from _call(igd, soap.delete_mapping(order.protocol, order.external_port))
        answer = yield from _call(igd, _add_call(igd, order, lease))
    if isinstance(answer, soap.Success):
        return Granted(order.external_port, lease, verified=not lease or not igd.can_read_back)
    return Declined(_reason(answer), _remedy(answer))


def _add_call(igd: Igd, order: MapOrder, lease: int) -> soap.Call:
    internal = (igd.own_address, order.internal_port)
    return soap.add_mapping(order.protocol, order.external_port, internal, order.description, lease)


def _remedy(fault: soap.Fault) -> Remedy:
    if fault.code in CONFLICT:
        return Remedy.ANOTHER_PORT
    if fault.code == SAME_PORT_ONLY:
        return Remedy.SAME_PORT
    return Remedy.PERMISSION if _forbidden(fault) else Remedy.LATER


def _reason(fault: soap.Fault) -> str:
    return f"{PERMISSION_WORDS}: {fault}" if _forbidden(fault) else str(fault)


def _forbidden(fault: soap.Fault) -> bool:
    return fault.code in FORBIDDEN or (fault.code is None and fault.status in (401, 403))


def remove(igd: Igd, order: UnmapOrder) -> Steps:
    """Delete what is ours; an entry that meanwhile leads to somebody else is left alone."""
    if igd.can_read_back and (yield from _entry_is_ours(igd, order)) is False:
        return Unmapped()
    answer = yield from _call(igd, soap.delete_mapping(order.protocol, order.external_port))
    if isinstance(answer, soap.Success) or answer.code == NO_SUCH_ENTRY:
        return Unmapped()
    return Declined(_reason(answer))


def inspect(igd: Igd, order: InspectOrder) -> Steps:
    """Read the granted lease back; a gateway that cannot tell has not failed."""
    if not igd.can_read_back:
        return Inspected(None)
    answer = yield from _call(igd, soap.get_mapping(order.protocol, order.external_port))
    if isinstance(answer, soap.Fault):
        missing = answer.code == NO_SUCH_ENTRY
        igd.can_read_back = missing
        return Inspected(None, missing)
    return Inspected(answer.number("NewLeaseDuration"))


def entry_at(igd: Igd, order: EntryOrder) -> Steps:
    """Read one entry of the gateway's table."""
    answer = yield from _call(igd, soap.get_mapping_at(order.index))
    if isinstance(answer, soap.Success):
        return EntryTold(_entry(igd, answer))
    likely = (answer.status if answer.code is None else answer.code) in TABLE_MAY_END
    return NoEntry(str(answer), answer.code in TABLE_ENDS, likely)


def _entry(igd: Igd, answer: soap.Success) -> GatewayEntry | None:
    ports = answer.number("NewExternalPort"), answer.number("NewInternalPort")
    external, internal = (None if port is None or port > 65535 else port for port in ports)
    kind = answer.value("NewProtocol").lower()
    if external is None or internal is None or kind not in ("udp", "tcp"):
        return None
    client = printable(answer.value("NewInternalClient"))
    words = printable(answer.value("NewPortMappingDescription"))
    return GatewayEntry(
        Protocol(kind),
        external,
        client,
        internal,
        words,
        answer.number("NewLeaseDuration") or None,
        enabled=answer.value("NewEnabled").lower() in ("1", "true", "yes"),
        ours=client == igd.own_address and words.startswith(OUR_NAME),
    )


def _entry_is_ours(igd: Igd, order: MapOrder | UnmapOrder) -> Generator[Ask, Reply, bool | None]:
    """Whether the entry at that external port leads to us; None when the gateway cannot tell."""
    answer = yield from _call(igd, soap.get_mapping(order.protocol, order.external_port))
    if isinstance(answer, soap.Fault):
        if answer.code == NO_SUCH_ENTRY:
            return False
        igd.can_read_back = False
        return None
    client = answer.value("NewInternalClient")
    return client == igd.own_address and answer.number("NewInternalPort") == order.internal_port


def _call(igd: Igd, call: soap.Call) -> Answering:
    """One action, asked twice when time runs out.

    Raises:
        Unreachable: nobody answers at the control point.
    """
    control = igd.service.control
    for attempt in (1, 2):
        reply = yield Ask(control.endpoint, call.encode(igd.service), ACTION_DEADLINE)
        if isinstance(reply, http.Response):
            return soap.decode(call, reply)
        if reply.kind is FailureKind.BROKEN:  # some reset the connection at an action they lack
            return soap.Fault(None, reply.reason, 0)
        if reply.kind is FailureKind.REFUSED or attempt == 2:
            raise Unreachable(f"{control.endpoint}: {reply.reason}")
    raise AssertionError


def guarded(steps: Steps) -> Steps:
    """The same steps, with silence as an outcome."""
    try:
        return (yield from steps)
    except Unreachable as error:
        return Silent(str(error))
