"""A UPnP gateway's procedures, step by step: what to ask, and what each answer leads to.

Each procedure is a generator: it yields an ``Ask``, is sent the reply, and returns its outcome.
Lives here: the choice of procedure, the external address, deleting. Never here: sockets, clocks.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from ..wire import soap
from .adding import INVALID_ARGUMENTS, REMOTE_HOST, add, refusal_words
from .entries import NO_SUCH_ENTRY, Whose, entry_at, inspect, look_up
from .igd_discovery import discover, told_address
from .orders import (
    AddressOrder,
    AddressTold,
    Declined,
    EntryOrder,
    InspectOrder,
    MapOrder,
    Order,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)
from .upnp_calls import Answering, Steps, Unreachable, call, forbidden
from .upnp_values import Ask, Igd, Reply

__all__ = ["discover", "guarded", "steps"]

NOTHING_IN_RANGE: Final = 730


def steps(igd: Igd, order: Order, now: float) -> Steps:
    """The procedure for an order at a WAN connection."""
    if isinstance(order, MapOrder | UnmapOrder):
        igd.readings.clear()  # the table is about to change
    if isinstance(order, AddressOrder):
        return ask_address(igd)
    if isinstance(order, MapOrder):
        return add(igd, order)
    if isinstance(order, UnmapOrder):
        return remove(igd, order)
    if isinstance(order, InspectOrder):
        return inspect(igd, order, now)
    assert isinstance(order, EntryOrder)
    return entry_at(igd, order)


def ask_address(igd: Igd) -> Steps:
    answer = yield from call(igd, soap.get_external_address())
    address = told_address(igd, answer)
    return Declined(str(answer)) if address is None else AddressTold(address)


def remove(igd: Igd, order: UnmapOrder) -> Steps:
    """Delete what is ours; an entry that meanwhile leads to somebody else is left alone (LI15).

    That there is no entry is believed of those only that have shown us one: some list nothing, ever (LI06).
    """
    found = yield from look_up(igd, order)
    igd.watched.pop((order.protocol, order.external_port), None)
    if found.whose is Whose.THEIRS or (found.whose is Whose.NOBODY and igd.shows_entries):
        return Unmapped()
    if found.whose is Whose.UNKNOWN and (yield from _removed_as_own(igd, order)):
        return Unmapped()
    answer = yield from _delete(igd, order)
    if isinstance(answer, soap.Success) or answer.code == NO_SUCH_ENTRY:
        return Unmapped()
    if forbidden(answer):
        return Declined(refusal_words(igd, None, answer), Remedy.PERMISSION)
    return Declined(str(answer))


def _delete(igd: Igd, order: UnmapOrder) -> Answering:
    request = soap.delete_mapping(order.protocol, order.external_port)
    answer = yield from call(igd, request)
    if isinstance(answer, soap.Fault) and answer.code == INVALID_ARGUMENTS:
        answer = yield from call(igd, request.without(REMOTE_HOST))
    return answer


def _removed_as_own(igd: Igd, order: UnmapOrder) -> Generator[Ask, Reply, bool]:
    """Where the table cannot be read, IGD:2 can still delete the asking host's own mappings alone."""
    if igd.service.version < 2 or order.internal_client is not None:
        return False
    port = order.external_port
    answer = yield from call(igd, soap.delete_mapping_range(order.protocol, port, port))
    return isinstance(answer, soap.Success) or answer.code == NOTHING_IN_RANGE


def guarded(steps: Steps) -> Steps:
    """The same steps, with silence as an outcome."""
    try:
        return (yield from steps)
    except Unreachable as error:
        return Silent(str(error))
