"""The drawn parts of the reference: public names, quirks, devices, profiles, exit codes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from draw_code import attributes, doc, fields, members, table

from ringthru import portmap
from ringthru.lab.gateway.devices import DEVICES
from ringthru.lab.gateway.quirks import ROWS, Quirks
from ringthru.lab.lab_command import EXIT_CODES
from ringthru.nat.words import EXIT_WORDS
from ringthru.net.address import AddressKind, Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import errors, events
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.memory.profile_codec import PHRASES, READERS
from ringthru.portmap.metrics import METRICS, samples_of
from ringthru.portmap.snapshots import (
    Filtering,
    FilterTruth,
    MapperSnapshot,
    MappingSnapshot,
    PeerSnapshot,
    ServiceSnapshot,
)
from ringthru.portmap.values import GatewayType, MappingState, Protocol
from ringthru.switch import metrics as switch_metrics

COMMON = {  # fields that need no comment in the code, because they are the same everywhere
    "protocol": "what the mapping carries",
    "internal_port": "our port, 1–65535",
    "external_port": "the port others dial, 1–65535; None until it is granted",
    "external_address": "what others dial; None when there is none that is public",
    "sticky": "wanted at the next start too; it changes nothing on the gateway",
    "remote": "the other end of the flow",
    "external": "where the remote sees us",
    "whole": "False: behind another NAT, where `external` is our own gateway's word alone",
    "peers": "flows kept alive",
    "listed": "whether it should be shown to people",
    "state": "what we are doing about it",
    "type": "the protocol spoken with the gateway",
    "gateway": "the gateway's address",
    "reason": "in words, for people",
    "words": "in words, for people",
    "rung": "how far it is proven",
    "previous": "the address before; None when there was none",
    "current": "the address now; None when there is none that is public",
    "label": "what it was wanted with",
    "family": "IPv4 or IPv6",
    "in_use": "whether it is the one that is asked",
    "mapping_enabled": "False while mapping is switched off",
    "entries": "what was read, in the gateway's order",
    "complete": "whether that is all of it",
    "internal_client": "where it leads",
    "description": "the entry's text",
    "enabled": "whether the gateway says that it works",
    "exact": "no other external port will do",
    "truth": "what somebody outside has shown",
    "filtering": "whether strangers are kept out; None: it is for everybody, or not granted",
    "holds": "whether the rung holds; None: cannot be verified",
    "allow_from": "networks that may come in; empty: everybody",
    "lifetime": "seconds",
    "fingerprint": "of its kind: maker, model and firmware as told",
    "external_port wanted": "the port to ask for first, 1–65535; None: the internal port's number",
    "internal_client wanted": "the machine it leads to; None: this one",
    "external_address reported": "as this service told it",
    "internal_port entry": "the port there",
    "address": "our own address in the LAN",
    "network": "the LAN",
    "rules": "which addresses count as public",
}
SPECIAL = {
    ("Wanted", "external_port"): "external_port wanted",
    ("Wanted", "internal_client"): "internal_client wanted",
    ("GatewayEntry", "internal_port"): "internal_port entry",
    ("ServiceSnapshot", "external_address"): "external_address reported",
}
PARAMETERS = {  # of PortMapper: what each means, and its range
    "surroundings": "where we are: address, network, gateway; None: the system is asked, and asked again when"
    " the network changes",
    "mapping_enabled": "False: gateways are looked for, and nothing is mapped",
    "lease": "the life asked for, in seconds, 1–604800; mappings may bring their own",
    "budget": "mappings held at most; fewer where the gateway's table is known to be small",
    "witness_after": "seconds after which the UPnP side of a gateway that speaks PCP or NAT-PMP is looked"
    " for, to read its table; 0 or more",
    "log": "a logger, or a function of a level and a text",
    "store": "the file of the journal and of learned profiles; None: nothing is remembered",
    "kept": "what is mapped is meant to outlive this process: no later start deletes it",
    "interface": "the name of the interface to use; of no effect with `surroundings`",
    "gateway": "the gateway's address, in place of the default route's",
    "description_url": "where the gateway's UPnP description is: `http://ADDRESS:PORT/PATH` with an address"
    " of digits; looked at without a search",
    "pcp_server": "who is asked by PCP and NAT-PMP when it is not the gateway: an address, or the path of a"
    " dhclient.leases or dhclient6.leases file whose option says it (RFC 7291); for its address's family",
    "address6": "the one of our global IPv6 addresses that pinholes lead to; None: the steadiest",
    "nested": "map on a gateway beyond ours too, where ours has no public address",
    "outer_gateway": "the address of that gateway, when it is not found; only with `nested`",
    "echo": "an echo host outside that knocks at our mappings, `HOST:PORT` in numbers, or several: the first"
    " that can tell is asked, at a mapping with `allow_from` all of them; None: nobody does",
    "echo_listens": "have it knock at UDP ports too that nobody has bound; they are bound for the moment",
    "natpmp_port": "the UDP port where gateways speak PCP and NAT-PMP",
    "ssdp_port": "the UDP port where gateways answer searches",
    "stop_patience": "seconds that `stop` waits for deletions at most",
    "tap": "hears every message to and from gateways (`engine_driver.Tap`), as `ringthru nat capture` does",
}
WHEN = {  # events: when they come, beyond what their docstrings say
    "GatewayFound": "after the first search, and whenever a gateway is found again",
    "NoGateway": "once for each search that begins anew, some 5 s after it began",
    "GatewayLost": "it did not answer at all, or our own network changed, or `reinit` was called",
    "ExternalAddressChanged": "told by an answer, seldom later than a minute after it happened; not with the"
    " first address, which comes with `GatewayFound` if it is known by then",
    "EpochChanged": "an answer's epoch shows a restart (RFC 6886 §3.6, RFC 6887 §8.5); mappings are asked for"
    " again at once",
    "MappingAdded": "after the gateway's yes; for a set, when all members have theirs",
    "MappingRemoved": "also when a gateway with our mappings is lost, or `release` was called",
    "MappingFailed": "the mapping stays wanted, and is asked for again",
    "MappingProven": "for LISTED when it was read back, for REACHABLE when `reached` was called",
    "FilterJudged": "echo hosts on both sides of the filter have knocked (one on its wrong side that came"
    " in is enough), or `tried` was called; again when it turns out otherwise",
    "PeerAdded": "after the gateway's yes, and whenever the remote sees us elsewhere",
    "PeerRemoved": "also when the gateway is lost, or `release_peer` was called",
    "PeerFailed": "the flow stays wanted; a gateway that has no request for it is not asked again",
    "MappingFell": "it is made again at once; three times in a row in vain, and it is refused",
}
PROPERTIES = {  # that need no docstring
    "protocol": "what it carries; as it was wanted",
    "internal_port": "as it was wanted",
    "remote": "the other end of the flow, as it was wanted",
    "state": "what we are doing about it: a `MappingState`; with `nested`, on the whole chain",
    "mapping_enabled": "False while mapping is switched off",
}
ATTRIBUTES = {
    "watched": "set it when what comes in at the internal port goes through `PortMapper.saw`: the echo host"
    " knocks at UDP ports for which that is so",
    "mappings": "the members, in the order they were wanted",
    "wanted": "what was wanted; one value, or the members of a set",
    "placement": "on every gateway, or on one: a `Placement`",
    "on": "what each gateway is asked for, a `Mapping` or a `MappingSet`, by interface",
}
CONTRACT = {  # of Engine; words for calls that need no docstring
    "receive_pmp": "",
    "pmp_refused": "",
    "receive_ssdp": "",
    "receive_http": "",
    "handle_timeout": "Do what is due. Calling it too early does no harm.",
    "next_timeout": "When `handle_timeout` is to be called, on the same clock as `now`; None: not at all.",
    "notes": "",
    "pmp_to_send": "Datagrams for the gateway's UDP port 5351 (drains).",
    "ssdp_to_send": "Datagrams, and where each goes (drains).",
    "http_to_send": "Requests, each with a number that `receive_http` wants back (drains).",
    "events": "What happened, in order (drains). A `Released` tells that a deletion is over.",
    "lessons": "",
}
ERRORS = {
    "PortmapError": "the root; catch it to catch everything raised on purpose",
    "LocalError": "a port, lease, set, URL or address that makes no sense, or a store's file that cannot be"
    " used: mend the call; trying again does not help",
    "RemoteError": "what a gateway sent is of no use: logged and counted, never raised out of `PortMapper`",
    "MalformedMessage": "a decoder of `portmap.wire` met bytes that are no message: drop them; never raised"
    " out of `PortMapper`",
}


def meaning(cls: type, name: str, words: str) -> str:
    """A field's comment in the code, or else the words for fields of that name."""
    return words or COMMON[SPECIAL.get((cls.__name__, name), name)]


def field_table(cls: type) -> str:
    rows = [
        (f"`{name}`", f"`{kind}`", "" if default is None else f"`{default}`", meaning(cls, name, words))
        for name, kind, default, words in fields(cls)
    ]
    return table("Field", "Type", "Default", "Meaning", rows=rows) if rows else "No fields."


def member_table(cls: type) -> str:
    rows = [(f"`{name}`", f"`{value}`", words) for name, value, words in members(cls)]
    if not any(words for _, _, words in rows):
        return table("Member", "Value", rows=[row[:2] for row in rows])
    return table("Member", "Value", "Meaning", rows=rows)


def draw_events() -> str:
    parts = []
    for cls in sorted(events.Event.__args__, key=lambda each: list(WHEN).index(each.__name__)):
        parts += [f"### {cls.__name__}", doc(cls), f"When: {WHEN[cls.__name__]}.", field_table(cls)]
    return "\n\n".join(parts)


def public(kind: Callable[[Any], bool]) -> list[Any]:
    found = [getattr(portmap, name) for name in portmap.__all__]
    return [each for each in found if isinstance(each, type) and kind(each)]


def draw_enums() -> str:
    parts = []
    for cls in [*public(lambda each: issubclass(each, Enum)), AddressKind]:
        parts += [f"### {cls.__name__}", doc(cls), member_table(cls)]
    return "\n\n".join(parts)


def draw_values() -> str:
    told = events.Event.__args__
    parts = []
    for cls in public(lambda each: hasattr(each, "__match_args__") and each not in told):
        parts += [f"### {cls.__name__}", doc(cls), field_table(cls)]
    return "\n\n".join([*parts, "### Surroundings", doc(Surroundings), field_table(Surroundings)])


def draw_errors() -> str:
    parts = []
    for cls in (each for each in vars(errors).values() if isinstance(each, type)):
        base = "" if cls is errors.PortmapError else f" It is a `{cls.__base__.__name__}`."
        parts += [f"### {cls.__name__}", doc(cls) + base, f"What to do: {ERRORS[cls.__name__]}."]
    return "\n\n".join(parts)


def draw_parameters() -> str:
    rows = []
    for name, each in inspect.signature(portmap.PortMapper).parameters.items():
        default = "the module's logger" if name == "log" else f"`{each.default}`"
        if name == "witness_after" or isinstance(each.default, float):
            default = f"`{each.default:g}`"
        rows.append((f"`{name}`", default, PARAMETERS[name]))
    assert len(rows) == len(PARAMETERS), "a parameter is described that does not exist"
    return table("Parameter", "Default", "Meaning", rows=rows)


def _signature(name: str, function: Any) -> str:
    told = inspect.signature(function)
    shown = str(told.replace(parameters=[p for p in told.parameters.values() if p.name != "self"]))
    shown = re.sub(r"<(\w+\.\w+): [^>]*>", r"\1", shown.replace("'", ""))
    return f"{'await ' if inspect.iscoroutinefunction(function) else ''}{name}{shown}"


def method_table(cls: type) -> str:
    rows = []
    members = {name: each for base in reversed(cls.__mro__) for name, each in vars(base).items()}
    for name, each in members.items():
        if name.startswith("_"):
            continue
        if isinstance(each, property):
            rows.append((f"`{name}`", doc(each.fget) or PROPERTIES[name]))
        elif inspect.isfunction(each):
            rows.append((f"`{_signature(name, each)}`", doc(each)))
    rows += [(f"`{name}`", words or ATTRIBUTES[name]) for name, words in attributes(cls)]
    return table("Call", "What it does", rows=rows)


def draw_engine() -> str:
    rows = []
    for name, words in CONTRACT.items():
        call = getattr(Engine, name)
        rows.append((f"`{_signature(name, call)}`", doc(call) or words))
    return table("Call", "Meaning", rows=rows)


def draw_quirks() -> str:
    parts, sections = [], {row.section: row.protocol for row in ROWS.values()}
    for section, protocol in sections.items():
        rows = []
        for row in (each for each in ROWS.values() if each.section == section):
            hoped = row.expectation
            can = {"accepted": hoped.accepted, "listed": hoped.listed, "reachable": hoped.reachable}
            rows.append((row.id, row.title, _cannot(can), ", ".join(row.excludes)))
        head = f"### {section[0].upper()}{section[1:]} ({protocol})"
        parts += [head, table("Row", "What the gateway does", "Out of reach", "Not with", rows=rows)]
    return "\n\n".join(parts)


def _cannot(can: dict[str, bool]) -> str:
    return ", ".join(rung for rung, possible in can.items() if not possible)


def draw_devices() -> str:
    rows, plain = [], Quirks()
    for each in DEVICES.values():
        quirks = each.quirks
        told = ("rows", "manufacturer", "model", "server")
        others = [
            n for n in Quirks.__match_args__ if n not in told and getattr(quirks, n) != getattr(plain, n)
        ]
        settings = [*sorted(quirks.rows), *(f"{name}={getattr(quirks, name)}" for name in others)]
        spoken = ", ".join(sorted(each.protocols))
        words = f"{quirks.manufacturer} {quirks.model}"
        rows.append((f"`{each.name}`", words, each.title, spoken, ", ".join(settings), each.source))
    return table("Name", "Maker and model", "What is special", "Speaks", "Plays", "Reported", rows=rows)


def draw_quirk_fields() -> str:
    return field_table(Quirks)


def draw_profile() -> str:
    rows = []
    for name, kind, default, words in fields(GatewayProfile):
        by_hand = "yes" if name in READERS else "no"
        shown = PHRASES[name](_example(name)) if name in PHRASES else ""
        rows.append(
            (f"`{name}`", f"`{kind}`", f"`{default}`", meaning(GatewayProfile, name, words), shown, by_hand)
        )
    return table("Field", "Type", "Unknown", "Meaning", "Shown, for example, as", "Settable", rows=rows)


def _example(name: str) -> object:
    return {
        "recheck_every": 45.0,
        "table_size": 20,
        "pace": 0.2,
        "missing_actions": frozenset({"AddAnyPortMapping"}),
    }.get(name, True)


def draw_exit_codes() -> str:
    return table("Status", "Meaning", rows=[(str(int(code)), words) for code, words in EXIT_WORDS.items()])


def draw_lab_exit_codes() -> str:
    lines = [line.strip() for line in EXIT_CODES.splitlines()[1:] if line.startswith("  ")]
    return table("Status", "Meaning", rows=[tuple(line.split("  ", 1)) for line in lines])  # type: ignore[misc]


def draw_metrics() -> str:
    told = labels_of_metrics()
    rows = [(f"`{each.name}`", each.kind, ", ".join(told[each.name]), each.help) for each in METRICS.values()]
    return table("Name", "Type", "Labels", "What it is", rows=rows)


def draw_exporter_metrics() -> str:
    rows = [(f"`{each.name}`", each.kind, each.help) for each in switch_metrics.EXPORTER.values()]
    return table("Name", "Type", "What it is", rows=rows)


def draw_switch_metrics() -> str:
    rows = [(f"`{each.name}`", each.kind, each.help) for each in switch_metrics.OURS.values()]
    return table("Name", "Type", "What it is", rows=rows)


def labels_of_metrics() -> dict[str, list[str]]:
    """The labels that each metric has for a snapshot with something of everything."""
    mapping = MappingSnapshot(
        *(Protocol.UDP, 5060, 5060, MappingState.ACCEPTED, False, True, 60.0, ""),
        filtering=Filtering(FilterTruth.WORD, "", 0.0),
    )
    flow = PeerSnapshot(
        Protocol.UDP, 5060, Endpoint("8.8.8.8", 53), None, MappingState.REQUESTED, None, None, ""
    )
    service = ServiceSnapshot(GatewayType.PCP, "192.168.1.1", "", None, True)
    seen = MapperSnapshot(
        *(GatewayType.PCP, "192.168.1.1", "", None, "10.0.0.2", AddressKind.PRIVATE, True, True, (mapping,)),
        services=(service,),
        peers=(flow,),
        counters=(("PCP: result NOT_AUTHORIZED", 1),),
    )
    return {name: [f"`{label}`" for label, _ in labels] for name, labels, _ in samples_of(seen)}


PARTS: dict[str, Callable[[], str]] = {
    "metrics": draw_metrics,
    "exporter metrics": draw_exporter_metrics,
    "switch metrics": draw_switch_metrics,
    "events": draw_events,
    "enums": draw_enums,
    "values": draw_values,
    "errors": draw_errors,
    "parameters": draw_parameters,
    "portmapper": lambda: method_table(portmap.PortMapper),
    "mapping": lambda: method_table(portmap.Mapping),
    "peer mapping": lambda: method_table(portmap.PeerMapping),
    "mapping set": lambda: method_table(portmap.MappingSet),
    "mapper group": lambda: method_table(portmap.MapperGroup),
    "group mapping": lambda: method_table(portmap.GroupMapping),
    "engine contract": draw_engine,
    "quirks": draw_quirks,
    "quirk fields": draw_quirk_fields,
    "devices": draw_devices,
    "profile": draw_profile,
    "exit codes": draw_exit_codes,
    "lab exit codes": draw_lab_exit_codes,
}
