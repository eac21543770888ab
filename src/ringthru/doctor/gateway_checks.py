"""Checks of the NAT gateway: whether there is one, which, and what it does with our mappings.

Lives here: judging the mapper's snapshot. Never here: the address it has (``outside_checks``), asking it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..net.spans import span
from ..portmap import Family, MapperSnapshot, MappingSnapshot, MappingState, Rung
from .examination import Examination
from .finding import Finding, fail, ok, skip, unknown, warn
from .refusals import advice_for

LATELY: Final = 3600.0  # seconds for which a restart of the gateway is told
NEARLY_FULL: Final = 0.9  # of the places in the gateway's table
BUDGET: Final = 64  # mappings that we ask for at most where the table's size is not known
SHORT_OF_BREATH: Final = 2.0  # seconds of a lease left, which is no renewal in time


def check_gateway(seen: Examination) -> Iterator[Finding]:
    if seen.switch is None:
        return
    mapper = seen.switch.mapper
    if mapper is None:
        yield skip(
            "gw.found", "NAT is switched off (-nonat): no gateway is looked for", "start without -nonat"
        )
        return
    yield _found(mapper, seen)
    if mapper.type is None:
        return
    yield _which(mapper)
    yield from _permission(mapper)
    yield _kept(mapper)
    yield _room(mapper)
    yield _restarted(seen.gateway_restarted)


def mapped_here(mapper: MapperSnapshot) -> list[MappingSnapshot]:
    """Those of IPv4 that lead to this machine."""
    return [each for each in mapper.mappings if each.family is Family.IPV4 and each.internal_client is None]


def _found(mapper: MapperSnapshot, seen: Examination) -> Finding:
    if mapper.type is not None:
        maker = f", and calls itself {mapper.description}" if mapper.description else ""
        return ok("gw.found", f"{mapper.gateway} answers by {mapper.type.spoken}{maker}")
    if not mapper.verdict_known:
        return unknown("gw.found", "a gateway is still being looked for", cure="ask again in a few seconds")
    who = seen.host.gateway or "the gateway"
    if mapper.hesitant:
        return unknown("gw.found", f"{who} answers the search, and has not told yet what it can do")
    wanted = _wanted_ports(seen)
    if not wanted:
        return skip("gw.found", f"{who} answers none of PCP, NAT-PMP and UPnP; no profile asks for a mapping")
    return fail(
        "gw.found",
        f"{who} answers none of PCP, NAT-PMP and UPnP",
        "Peers on the Internet do not reach the ports of this switch.",
        f"switch on UPnP or NAT-PMP there; or forward {wanted} to {seen.host.own_address} by hand, and"
        " write the public address into ext-sip-ip and ext-rtp-ip as autonat:ADDRESS",
    )


def _wanted_ports(seen: Examination) -> str:
    """``5080/udp, 5080/tcp, 16384-32768/udp``: what would have to be forwarded; empty where nothing asks."""
    asking = [each for each in seen.profiles if each.asks_mapping]
    if not asking:
        return ""
    sip = [f"{port.inside}/{port.protocol}" for each in asking for port in each.ports]
    first, last = seen.host.rtp_range
    return ", ".join((*dict.fromkeys(sip), f"{first}-{last}/udp"))


def _which(mapper: MapperSnapshot) -> Finding:
    used = [each for each in mapper.services if each.in_use]
    others = [each for each in mapper.services if not each.in_use]
    names = ", ".join(f"{each.type.spoken} of {each.gateway}" for each in others)
    chosen = mapper.type.spoken if mapper.type is not None else "none"
    reserve = f"; in reserve: {names}" if names else ""
    state = next((each.status for each in used if each.status), "")
    gateways = {each.gateway for each in mapper.services if ":" not in each.gateway}
    evidence = f"{chosen} of {mapper.gateway} is used{f' ({state})' if state else ''}{reserve}"
    if len(gateways) > 1:
        return warn(
            "gw.which",
            evidence,
            "More than one device here offers to open ports; only the one that leads to the Internet helps.",
            "switch UPnP and NAT-PMP off on the other (an access point, a second router)",
        )
    return ok("gw.which", evidence)


def _permission(mapper: MapperSnapshot) -> Iterator[Finding]:
    if not mapper.mapping_enabled:
        yield skip("gw.perm", "port mapping is switched off", "'nat_map mapping enable' switches it on")
        return
    ours = mapped_here(mapper)
    refused = [each for each in ours if each.state is MappingState.REFUSED]
    by_reason: dict[str, list[MappingSnapshot]] = {}
    for each in refused:
        by_reason.setdefault(each.reason, []).append(each)
    for reason, those in by_reason.items():
        advice = advice_for(reason)
        ports = ", ".join(f"{each.internal_port}/{each.protocol.value}" for each in those[:8])
        more = f" and {len(those) - 8} more" if len(those) > 8 else ""
        judge = fail if any(each.listed for each in those) else warn
        evidence = f"the gateway refuses {ports}{more}: {reason or 'it does not say why'}"
        yield judge("gw.perm", evidence, advice.meaning, advice.cure)
    if refused:
        return
    granted = sum(each.state is MappingState.ACCEPTED for each in ours)
    if granted:
        waiting = "" if granted == len(ours) else ", the others are being asked for"
        yield ok("gw.perm", f"{granted} of {len(ours)} mappings are granted{waiting}")
    elif ours:
        yield unknown("gw.perm", f"{len(ours)} mappings are asked for, and not answered yet")
    else:
        yield skip("gw.perm", "nothing asks for a mapping", "'nat_map add PORT udp' tries one")


def _kept(mapper: MapperSnapshot) -> Finding:
    granted = [each for each in mapped_here(mapper) if each.state is MappingState.ACCEPTED]
    if not granted:
        return skip("gw.keep", "no mapping is granted")
    lost = [each for each in granted if _is(each, Rung.LISTED, False)]
    if lost:
        return _not_listed(lost)
    forgets = next((each for each in mapper.learned if "forgets mappings" in each), None)
    if forgets is not None:
        return warn(
            "gw.keep",
            f"this gateway {forgets}",
            "It lost mappings before their time; each is looked at often, and made again.",
            "update the gateway's firmware; a fixed forward does not get lost",
        )
    ends = min((each.lifetime_left for each in granted if each.lifetime_left is not None), default=None)
    if ends is not None and ends < SHORT_OF_BREATH:
        return warn(
            "gw.keep",
            f"a lease ends in {span(ends)}, and is not renewed yet",
            "The gateway is late with its answers.",
            "look whether it is overloaded, or far away (WLAN)",
        )
    least = f"the next ends in {span(ends)}" if ends is not None else "without an end"
    listed = sum(_is(each, Rung.LISTED, True) for each in granted)
    proof = (
        f"{listed} of them were read back from its table" if listed else "none was read back from its table"
    )
    return ok("gw.keep", f"{len(granted)} mappings are kept and renewed, {least}; {proof}")


def _not_listed(lost: list[MappingSnapshot]) -> Finding:
    """The gateway said yes, and its own table says otherwise."""
    ports = ", ".join(f"{each.internal_port}/{each.protocol.value}" for each in lost)
    words = next(each.words for each in lost[0].evidence if each.rung is Rung.LISTED)
    return fail(
        "gw.keep",
        f"the gateway granted {ports}, and its own table says otherwise: {words}",
        "It forgets mappings, or led the port to somebody else. They are asked for again by themselves.",
        "if it goes on: update the gateway's firmware, or forward the ports by hand",
    )


def _room(mapper: MapperSnapshot) -> Finding:
    full = next(
        (each for each in mapper.mappings if "budget" in each.reason or "table holds" in each.reason), None
    )
    room = next((each for each in mapper.learned if each.startswith("holds ")), "")
    held = len(mapped_here(mapper))
    known = next((int(word) for word in room.split() if word.isdigit()), None)
    evidence = f"{held} mappings of ours" + (f"; this gateway {room}" if room else "")
    if full is not None or (known is not None and held >= known * NEARLY_FULL):
        return warn(
            "gw.cap",
            f"{evidence}{f': {full.reason}' if full is not None else ''}",
            "There is no room for more: calls beyond that get ports without a mapping, and rely on latching.",
            "rtcp-mux=true in the profile halves what a call needs; or forward a fixed range by hand",
        )
    if held > BUDGET * NEARLY_FULL:
        return warn(
            "gw.cap",
            f"{held} of the {BUDGET} mappings that we allow ourselves are in use",
            "Many calls are up, or many ports were mapped by hand.",
            "'nat_map detail' lists them; 'nat_map del' takes one back",
        )
    return ok(
        "gw.cap", evidence if room else f"{evidence}; how many it takes was not found out, which is well"
    )


def _restarted(seconds: float | None) -> Finding:
    if seconds is not None and seconds < LATELY:
        return warn(
            "gw.reboot",
            f"the gateway lost its state {span(seconds)} ago; the mappings were made again",
            "It was restarted, by hand or by itself. Calls through it may have had a gap.",
            "nothing to do once; if it happens often, look at its power supply and its firmware",
        )
    words = "it was not seen to restart" if seconds is None else f"it restarted {span(seconds)} ago"
    return ok("gw.reboot", words)


def _is(mapping: MappingSnapshot, rung: Rung, holds: bool) -> bool:
    return any(each.rung is rung and each.holds is holds for each in mapping.evidence)
