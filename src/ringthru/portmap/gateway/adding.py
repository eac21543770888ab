"""The ladder of AddPortMapping: what each answer leads to, until it is granted or there is no more to try.

Lives here: the order of attempts, and the lessons they teach.
Never here: other external ports (the lease picks those), clocks, or reading back what was granted.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final

from ...net.values import replace
from ..values import OUR_NAME, GatewayEntry
from ..wire import description, http, soap
from .entries import Whose, look_up, scan_table
from .orders import Declined, Granted, MapOrder, Outcome, Remedy
from .upnp_calls import FETCH_DEADLINE, INVALID_ACTION, LACKING, Answering, Steps, call, forbidden
from .upnp_values import Ask, Igd, Reply, Watched

INVALID_ARGUMENTS: Final = 402
ONLY_PERMANENT: Final = frozenset((725, INVALID_ARGUMENTS))  # 402 means the lease on some gateways (AD02)
CONFLICT: Final = frozenset((718, 729, 501))  # 501 "action failed" stands for 718 on some (AD08)
REMOTE_HOST: Final = "NewRemoteHost"
REMOTE_WILDCARD_ONLY: Final = 726
REMEDIES: Final = {
    716: Remedy.ANOTHER_PORT,  # "no wildcard in the external port": we never send one
    718: Remedy.ANOTHER_PORT,
    729: Remedy.ANOTHER_PORT,
    501: Remedy.ANOTHER_PORT,
    724: Remedy.SAME_PORT,
    728: Remedy.ROOM,
}
ALL_PORTS_ONLY: Final = 727
FIRST_FREE_PORT: Final = 1024  # some refuse what is below (AD28)
SMALLEST_FULL_TABLE: Final = 8  # entries; with fewer, "invalid arguments" means something else
LONGEST_DESCRIPTION: Final = 31  # characters; 63, 64 and 256 are limits in the field (AD23)
MOST_WATCHED: Final = 1024
SUSPICIOUS: Final = 5  # conflicts of one internal port, at as many external ones
NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9 .-]+")
NOT_PLAINEST: Final = re.compile(r"[^A-Za-z0-9 ]+")
PERMISSION: Final = "the gateway forbids it; look for a switch like 'allow port mapping by UPnP' in its menu"
FRITZ_BOX: Final = (
    "the FRITZ!Box forbids it; look for 'Permit independent port sharing' "
    "('Selbständige Portfreigaben erlauben') under Internet > Permit Access, for this device"
)
THIRD_PARTY: Final = "the gateway maps ports for the asking host alone"
LOGIN: Final = "the gateway asks for a login"


def add(igd: Igd, order: MapOrder) -> Steps:
    """Make or renew a mapping."""
    if order.allow_from:
        return Declined("UPnP cannot limit who may come in", Remedy.ANOTHER_SERVICE)
    if igd.profile.renew_by_delete:
        yield from _clear_own(igd, order)
    lease = 0 if igd.profile.permanent_only else order.lifetime
    answer = yield from _ask(igd, order, lease)
    if _code(answer) == INVALID_ACTION and not igd.other_types_tried:
        answer = yield from _as_other_types(igd, order, lease, answer)
    if _code(answer) in ONLY_PERMANENT and lease:
        lease, answer = 0, (yield from _permanently(igd, order, answer))
    if _code(answer) in (INVALID_ARGUMENTS, REMOTE_WILDCARD_ONLY):
        answer = yield from _in_other_words(igd, order, lease, answer)
    if isinstance(answer, soap.Success):
        return _granted(igd, order, lease)
    if answer.code in CONFLICT:
        return (yield from _settle_conflict(igd, order, lease, answer))
    if _may_have_done_it(answer) and (yield from look_up(igd, order)).whose is Whose.OURS:
        return _granted(igd, order, lease)  # its own table is proof, too
    return (yield from _declined(igd, order, answer))


def _ask(igd: Igd, order: MapOrder, lease: int, words: str | None = None) -> Answering:
    internal = (order.internal_client or igd.own_address, order.internal_port)
    words = plain(order) if words is None else words
    request = soap.add_mapping(order.protocol, order.external_port, internal, words, lease)
    if igd.profile.omit_remote_host:
        request = request.without(REMOTE_HOST)
    if igd.argument_order:
        request = request.in_order(igd.argument_order)
    return call(igd, request)


def plain(order: MapOrder) -> str:
    """A description that every gateway takes, different for each port and protocol (AD22, AD23)."""
    words = " ".join(NOT_PLAIN.sub(" ", order.description).split())
    if len(words) <= LONGEST_DESCRIPTION:
        return words
    end = f" {order.protocol.value} {order.internal_port}"
    return words[: LONGEST_DESCRIPTION - len(end)].rstrip() + end


def _permanently(igd: Igd, order: MapOrder, refusal: soap.Success | soap.Fault) -> Answering:
    """Once without a lease; 402 may have meant something else (AD01, AD02)."""
    answer = yield from _ask(igd, order, 0)
    if _code(refusal) == 725 or isinstance(answer, soap.Success):
        igd.learn(permanent_only=True)
    return answer


def _in_other_words(igd: Igd, order: MapOrder, lease: int, answer: soap.Success | soap.Fault) -> Answering:
    """Plainer words, no remote host, and then the arguments as its SCPD has them."""
    plainest = " ".join(NOT_PLAINEST.sub(" ", plain(order)).split())
    if plainest != plain(order):
        answer = yield from _ask(igd, order, lease, plainest)
    if _code(answer) in (INVALID_ARGUMENTS, REMOTE_WILDCARD_ONLY):
        before = igd.profile
        igd.learn(omit_remote_host=not before.omit_remote_host)  # AD11
        answer = yield from _ask(igd, order, lease, plainest)
        if isinstance(answer, soap.Fault):
            igd.profile = before
    if _code(answer) == INVALID_ARGUMENTS and not igd.argument_order:
        igd.argument_order = yield from _scpd_order(igd)
        if igd.argument_order:
            answer = yield from _ask(igd, order, lease, plainest)
        if isinstance(answer, soap.Fault):
            igd.argument_order = ()
    return answer


def _scpd_order(igd: Igd) -> Generator[Ask, Reply, tuple[str, ...]]:
    """What the SCPD gives AddPortMapping; a hint, for many are wrong or missing (DE07)."""
    place = igd.service.scpd
    if place is None:
        return ()
    reply = yield Ask(place.endpoint, http.get_request(place.endpoint, place.path), FETCH_DEADLINE)
    if not isinstance(reply, http.Response):
        return ()
    return description.action_arguments(reply.body, "AddPortMapping")


def _as_other_types(igd: Igd, order: MapOrder, lease: int, refusal: soap.Success | soap.Fault) -> Answering:
    """Some take the action under another version or name of their service only."""
    igd.other_types_tried = True
    told = igd.service
    for kind in other_types(told.type):
        igd.service = replace(told, type=kind)
        answer = yield from _ask(igd, order, lease)
        if _code(answer) != INVALID_ACTION and (isinstance(answer, soap.Success) or answer.code is not None):
            return answer
    igd.service = told
    return refusal


def other_types(kind: str) -> list[str]:
    """The same connection by its other version, its other name, and its older owner's."""
    owner, _, rest = kind.partition(":service:")
    name, _, version = rest.partition(":")
    other_name = "WANPPPConnection" if "ip" in name.lower() else "WANIPConnection"
    other_owner = "urn:schemas-upnp-org" if "dslforum" in owner else "urn:dslforum-org"
    kinds = [f"{owner}:service:{name}:{'1' if version == '2' else '2'}"]
    return [*kinds, f"{owner}:service:{other_name}:1", f"{other_owner}:service:{name}:1"]


def _clear_own(igd: Igd, order: MapOrder) -> Generator[Ask, Reply, None]:
    """Delete what a renewal is to replace, where adding again does not prolong it (AD33, AD34)."""
    found = yield from look_up(igd, order)
    if found.whose is Whose.OURS:
        yield from call(igd, soap.delete_mapping(order.protocol, order.external_port))


def _settle_conflict(igd: Igd, order: MapOrder, lease: int, refusal: soap.Fault) -> Steps:
    """Somebody has the port. If that is us, replace it; if nobody, see where else we are mapped."""
    found = yield from look_up(igd, order)
    if found.whose is Whose.OURS:  # left by an earlier run, or simply not renewable by adding (AD06, AD34)
        yield from call(igd, soap.delete_mapping(order.protocol, order.external_port))
        answer = yield from _ask(igd, order, lease)
        if isinstance(answer, soap.Success):
            if refusal.code != 501:  # which some say at random (AD38)
                igd.learn(renew_by_delete=True)
            return _granted(igd, order, lease)
        return (yield from _declined(igd, order, answer))
    if found.whose is Whose.NOBODY and refusal.code == 718 and _seems_mapped(igd, order):
        elsewhere = yield from _elsewhere(igd, order, lease)
        if elsewhere is not None:
            return elsewhere
    if igd.service.version >= 2 and not order.exact:
        answer = yield from _ask_any(igd, order, lease)
        port = answer.number("NewReservedPort") if isinstance(answer, soap.Success) else None
        if port is not None and 1 <= port <= 65535:
            return _granted(igd, replace(order, external_port=port), lease)
    holder = f"; {found.words}" if found.whose is Whose.THEIRS else ""
    return Declined(f"{refusal}{holder}", Remedy.ANOTHER_PORT)


def _may_have_done_it(answer: soap.Fault) -> bool:
    """Whether it says nothing of use, but may have understood: it hung up, or talked of something else."""
    return answer.code is None and (answer.status in (0, 200) or answer.status >= 500)


def _ask_any(igd: Igd, order: MapOrder, lease: int) -> Answering:
    internal = (order.internal_client or igd.own_address, order.internal_port)
    return call(igd, soap.add_any_mapping(order.protocol, order.external_port, internal, plain(order), lease))


def _seems_mapped(igd: Igd, order: MapOrder) -> bool:
    """Whether the conflict may be about the internal port: then other external ports meet it as well (AD07).

    Reading the whole table costs many requests; a single conflict is not worth them, unless no other will do.
    """
    key = (order.protocol, order.internal_port)
    if len(igd.conflicts) >= MOST_WATCHED:
        igd.conflicts.clear()
    igd.conflicts[key] = igd.conflicts.get(key, 0) + 1
    return order.exact or igd.conflicts[key] == SUSPICIOUS


def _elsewhere(igd: Igd, order: MapOrder, lease: int) -> Generator[Ask, Reply, Outcome | None]:
    """The internal port may be mapped already, at another external port (AD07): replace ours, use others'."""
    host = order.internal_client or igd.own_address

    def is_it(entry: GatewayEntry) -> bool:
        internal = (entry.internal_client, entry.internal_port)
        return entry.protocol is order.protocol and internal == (host, order.internal_port)

    scan = yield from scan_table(igd, is_it)
    if scan.found is None or not scan.found.external_port:
        return None
    there = replace(order, external_port=scan.found.external_port)
    if scan.found.description.startswith(OUR_NAME):
        yield from call(igd, soap.delete_mapping(there.protocol, there.external_port))
        answer = yield from _ask(igd, order, lease)
        return _granted(igd, order, lease) if isinstance(answer, soap.Success) else None
    if order.exact:
        return None
    answer = yield from _ask(igd, there, lease)
    return _granted(igd, there, lease) if isinstance(answer, soap.Success) else None


def _granted(igd: Igd, order: MapOrder, lease: int) -> Granted:
    igd.conflicts.pop((order.protocol, order.internal_port), None)
    key = (order.protocol, order.external_port)
    before = igd.watched.get(key)
    if before is None and len(igd.watched) >= MOST_WATCHED:
        igd.watched.clear()
    last = Watched(lease) if before is None else replace(before, asked=lease, renewed=True)
    igd.watched[key] = last
    return Granted(order.external_port, lease, verified=False)


def _declined(igd: Igd, order: MapOrder, fault: soap.Success | soap.Fault) -> Steps:
    assert isinstance(fault, soap.Fault)
    if forbidden(fault):
        below = order.external_port < FIRST_FREE_PORT and not order.exact
        return Declined(refusal_words(igd, order, fault), Remedy.ANOTHER_PORT if below else Remedy.PERMISSION)
    if fault.code == INVALID_ARGUMENTS:
        return (yield from _perhaps_full(igd, fault))
    if fault.code == ALL_PORTS_ONLY:
        return Declined(f"the gateway maps all ports at once or none, and all is too much: {fault}")
    if fault.code is None or fault.code in LACKING:
        return Declined(str(fault), Remedy.ANOTHER_SERVICE)
    return Declined(str(fault), REMEDIES.get(fault.code, Remedy.LATER))


def refusal_words(igd: Igd, order: MapOrder | None, fault: soap.Fault) -> str:
    """What a person can do about a prohibition (AD12, AD13, HT23)."""
    if fault.code is None and fault.status == 401:
        return f"{LOGIN}: {fault}"
    if order is not None and order.internal_client not in (None, igd.own_address):
        return f"{THIRD_PARTY}: {fault}"
    return f"{FRITZ_BOX if 'fritz' in igd.words.lower() else PERMISSION}: {fault}"


def _perhaps_full(igd: Igd, fault: soap.Fault) -> Steps:
    """ "Invalid arguments" to everything: some say so when their table is full (AD14)."""
    scan = yield from scan_table(igd, lambda entry: False)
    if not scan.complete or scan.count < SMALLEST_FULL_TABLE:
        return Declined(str(fault))
    igd.learn(table_size=scan.count)
    return Declined(f"{fault}; its table holds {scan.count} mappings and may be full", Remedy.ROOM)


def _code(answer: soap.Success | soap.Fault) -> int | None:
    return answer.code if isinstance(answer, soap.Fault) else None
