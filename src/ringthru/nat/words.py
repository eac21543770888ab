"""What the command line says to people: kinds of address, protocols, rungs, exit codes.

Lives here: words. Never here: layout, or anything that asks a gateway.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ..net.address import AddressKind
from ..net.spans import span
from ..portmap.snapshots import MapperSnapshot, MappingSnapshot
from ..portmap.values import GatewayType, MappingState, Rung


class Exit(IntEnum):
    """What the command's exit status means; in ``--help`` and the guide too."""

    OK = 0
    NO_GATEWAY = 1
    USAGE = 2
    REFUSED = 3
    PARTLY = 4
    LOCAL = 5
    INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


EXIT_WORDS: Final = {
    Exit.OK: "done",
    Exit.NO_GATEWAY: "no gateway that maps ports answered",
    Exit.USAGE: "the command line is not understood",
    Exit.REFUSED: "the gateway refused",
    Exit.PARTLY: "done in part, or it cannot work as it is (double NAT, not listed, list cut short)",
    Exit.LOCAL: "trouble on this machine (interface, file, permissions)",
    Exit.INTERRUPTED: "interrupted by Ctrl-C or SIGTERM; what it had mapped is taken back",
}
PROTOCOLS: Final = {GatewayType.PCP: "PCP", GatewayType.NAT_PMP: "NAT-PMP", GatewayType.UPNP: "UPnP IGD"}
SENTENCES: Final = {
    AddressKind.PUBLIC: "a public address: a mapped port can be reached from the Internet",
    AddressKind.PRIVATE: (
        "double NAT: this address is private: another NAT stands in front of this gateway, and mapped ports"
        " are not reachable from the Internet; put the device in front in bridge mode, or forward ports there"
    ),
    AddressKind.SHARED: (
        "carrier-grade NAT: the provider shares one public address among many customers and mapped ports are"
        " not reachable from the Internet; ask the provider for a public IPv4 address, or use IPv6"
    ),
    AddressKind.UNSPECIFIED: "the gateway has no address of its own yet: is its Internet line up?",
    AddressKind.DOCUMENTATION: "an address of documentation, which nobody has: the gateway is misconfigured",
    AddressKind.INVALID: "what the gateway told is not an address",
}


def protocol_words(kind: GatewayType) -> str:
    return PROTOCOLS[kind]


def kind_sentence(snapshot: MapperSnapshot) -> str:
    """What the external address means for those outside."""
    if snapshot.address_kind is None:
        return "the gateway tells no external address"
    general = f"a {snapshot.address_kind.value} address: mapped ports are not reachable from the Internet"
    return SENTENCES.get(snapshot.address_kind, general)


def address_words(snapshot: MapperSnapshot) -> str:
    """The external address and what it means, as a sentence."""
    if snapshot.type is None:
        return "Nobody is there to tell it."
    if snapshot.reported_address is None:
        return f"{kind_sentence(snapshot)[:1].upper()}{kind_sentence(snapshot)[1:]}."
    return f"{clean(snapshot.reported_address)}: {kind_sentence(snapshot)}."


def gateway_words(snapshot: MapperSnapshot) -> str:
    if snapshot.type is None:
        return "none answers" if snapshot.verdict_known else "looking for one …"
    maker = f" ({clean(snapshot.description)})" if snapshot.description else ""
    return f"{clean(snapshot.gateway or '?')} by {protocol_words(snapshot.type)}{maker}"


def how_far(mapping: MappingSnapshot) -> str:
    """The highest rung, and the one above it that was looked at and does not hold."""
    if mapping.state is MappingState.REFUSED:
        return "refused"
    rung = Rung.ACCEPTED if mapping.state is MappingState.ACCEPTED else Rung.REQUESTED
    highest = max((mapping.rung, rung), key=list(Rung).index)
    fails = [each.rung.value for each in mapping.evidence if each.holds is False]
    return ", not ".join([highest.value, *fails[:1]])


def lease_words(mapping: MappingSnapshot) -> str:
    if mapping.external_port is None:
        return "-"
    return "no end" if mapping.lifetime_left is None else span(mapping.lifetime_left)


def port_words(port: int, client: str | None) -> str:
    """Where a mapping leads: a port of this machine, or of another one."""
    return f"{port} of {clean(client)}" if client else str(port)


def only_from(networks: tuple[str, ...]) -> str:
    """Whom a mapping lets in, where that is not everybody."""
    return f"(only from {', '.join(map(clean, networks))})" if networks else ""


def filter_words(mapping: MappingSnapshot) -> str:
    """Whether strangers are kept out, and who says so; empty where everybody may come in."""
    known = mapping.filtering
    if known is None:
        return ""
    return f"only from {', '.join(mapping.allow_from)}, {known.truth.value}: {clean(known.words)}"


def place(address: str | None, port: int | None) -> str:
    """``203.0.113.5:5060``; what is not known is a question mark."""
    host = clean(address or "?")
    return f"[{host}]:{port or '?'}" if ":" in host else f"{host}:{port or '?'}"


def clean(text: str) -> str:
    """A gateway's words on one line, with nothing in them that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
