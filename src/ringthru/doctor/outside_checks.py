"""Checks of what lies beyond the gateway: its address, and other NATs.

Lives here: judging. Never here: the gateway's own behaviour (``gateway_checks``), who gets in through it
(``reach_checks``), asking anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..net.address import AddressKind
from ..portmap import MapperSnapshot, MappingState
from .examination import Examination
from .finding import Finding, fail, ok, unknown, warn
from .gateway_checks import mapped_here
from .refusals import NO_ROOM, NO_ROOM_OR_ADDRESS

BRIDGE: Final = (
    "set the device in front of it to bridge mode, or forward the ports there to {address} and write the"
    " public address into ext-sip-ip and ext-rtp-ip as autonat:ADDRESS"
)
CGNAT: Final = (
    "ask the provider for a public IPv4 address, use IPv6, or let calls come in through a trunk: registered"
    " with it nothing needs to be opened"
)
CLASSES: Final = {
    AddressKind.PRIVATE: ("a private address: another NAT stands in front of it", BRIDGE),
    AddressKind.SHARED: ("one of carrier-grade NAT (100.64.0.0/10): the provider translates too", CGNAT),
    AddressKind.UNSPECIFIED: ("no address at all", "look whether its line to the Internet is up"),
    AddressKind.DOCUMENTATION: (
        "one of documentation (RFC 5737), which nobody has",
        "look into the gateway's settings of its Internet line: this was copied from a manual",
    ),
    AddressKind.LINK_LOCAL: (
        "one that it gave to itself (169.254.0.0/16): nobody gave it an address",
        "look whether its line to the Internet is up",
    ),
}
DS_LITE: Final = "192.0.0."  # RFC 6333 §5.7


def check_outside(seen: Examination) -> Iterator[Finding]:
    mapper = seen.switch.mapper if seen.switch is not None else None
    if mapper is None or mapper.type is None:
        return
    yield _class(mapper)
    yield _agreement(mapper, seen)
    yield _upstream(mapper)


def _class(mapper: MapperSnapshot) -> Finding:
    address, kind = mapper.reported_address, mapper.address_kind
    if mapper.external_address is not None:
        beyond = ", of a gateway beyond ours" if mapper.external_address != address else ""
        return ok("wan.class", f"{mapper.external_address} is a public address{beyond}")
    if address is None or kind is None:
        if _grants_nothing_for_want_of_one(mapper):
            return warn(
                "wan.class",
                "the gateway tells no address on the Internet, and grants no port for want of room or of one",
                NO_ROOM.meaning,
                NO_ROOM.cure,
            )
        return unknown("wan.class", "the gateway does not tell its address on the Internet")
    if address.startswith(DS_LITE):
        words, cure = "one of DS-Lite: the provider has the only public IPv4 address", CGNAT
    else:
        words, cure = CLASSES.get(kind, (f"{kind.value}, not one of the Internet", BRIDGE))
    return fail(
        "wan.class",
        f"the gateway's outer address {address} is {words}",
        "A mapping opens the first door only: nobody on the Internet reaches this switch by it, and the"
        " address is not shown to anybody.",
        cure.format(address=address),
    )


def _grants_nothing_for_want_of_one(mapper: MapperSnapshot) -> bool:
    """A good router behind another one: miniupnpd 2.3 tells no address then, and refuses by PCP."""
    ours = mapped_here(mapper)
    refused = any(NO_ROOM_OR_ADDRESS in each.reason for each in ours)
    return refused and all(each.state is not MappingState.ACCEPTED for each in ours)


def _agreement(mapper: MapperSnapshot, seen: Examination) -> Finding:
    """The gateway's word against what providers and STUN servers saw of us."""
    told = mapper.external_address or mapper.reported_address
    assert seen.switch is not None
    witnesses = [
        (f"the provider {each.name}", each.seen_at.host)
        for each in seen.switch.trunks
        if each.seen_at is not None and each.registrar is not None and each.shown is not None
    ]
    witnesses += [
        (f"the STUN server asked for {each.name}", each.external_address)
        for each in seen.profiles
        if each.external_address is not None and "STUN" in each.address_source
    ]
    if not witnesses:
        return unknown(
            "wan.agree", "nobody outside has told yet where he sees us", cure="a trunk that registers does"
        )
    contrary = [(who, address) for who, address in witnesses if address != told]
    if not contrary:
        return ok(
            "wan.agree", f"{', '.join(who for who, _ in witnesses)}: seen at {told}, as the gateway says"
        )
    said = ", ".join(f"{who} sees us at {address}" for who, address in contrary)
    return warn(
        "wan.agree",
        f"the gateway says {told}, and {said}",
        "There is another NAT between the gateway and the Internet, a second line to it, or the peer is"
        " near.",
        "see wan.class; where there are two lines, write the address of the right one into ext-sip-ip",
    )


def _upstream(mapper: MapperSnapshot) -> Finding:
    if not mapper.chain:
        if mapper.external_address is not None:
            return ok("wan.upstream", "the gateway stands on the Internet itself")
        return unknown("wan.upstream", "whoever stands in front of the gateway does not answer us")
    names = ", ".join(
        f"{each.gateway} ({each.type.spoken if each.type else 'silent'})" for each in mapper.chain
    )
    last = mapper.chain[-1]
    if last.external_address is not None and all(each.type is not None for each in mapper.chain):
        return warn(
            "wan.upstream",
            f"further gateways stand in front of ours: {names}; the last one has {last.external_address}",
            "Every port is opened at each of them, which works while all of them agree.",
            "one of the devices in bridge mode makes that simpler",
        )
    return fail(
        "wan.upstream",
        f"further gateways stand in front of ours: {names}",
        "At least one of them does not open ports for us, or has no public address itself.",
        BRIDGE.format(address=mapper.reported_address or "our gateway"),
    )
