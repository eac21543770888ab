"""Checks of who gets in: how much is proven of each mapping of SIP, and of the ports for audio.

Lives here: judging rungs and their evidence. Never here: proving anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..portmap import Evidence, MapperSnapshot, MappingSnapshot, MappingState, Rung
from .examination import Examination
from .finding import Finding, fail, ok, skip, unknown, warn
from .gateway_checks import mapped_here
from .refusals import advice_for


def check_reach(seen: Examination) -> Iterator[Finding]:
    mapper = seen.switch.mapper if seen.switch is not None else None
    if mapper is None or mapper.type is None:
        return
    yield from _sip_reached(mapper, seen)
    yield _rtp_reached(mapper, seen)


def _sip_reached(mapper: MapperSnapshot, seen: Examination) -> Iterator[Finding]:
    ports = {
        (port.inside, port.protocol): (each.name, port.transport)
        for each in seen.profiles
        if each.mapped
        for port in each.ports
    }
    found = False
    for mapping in mapped_here(mapper):
        who = ports.get((mapping.internal_port, mapping.protocol.value))
        if who is not None:
            found = True
            yield _reach(f"reach.sip.{who[0]}.{who[1].lower()}", mapping, f"profile {who[0]} over {who[1]}")
    for each in seen.profiles:
        if each.kept_closed:
            found = True
            yield fail(
                f"reach.sip.{each.name}",
                f"profile {each.name} asks to be mapped, and is kept closed",
                "Users of the directory have passwords that are guessed in minutes (see sec.weak).",
                f"better passwords; or allow-weak-secrets=true in profile {each.name}, at your own risk",
            )
    if not found:
        yield skip(
            "reach.sip", "no profile is opened to the Internet", "ext-sip-ip=auto-nat in a profile does that"
        )


def _reach(id: str, mapping: MappingSnapshot, who: str) -> Finding:
    """How much is proven of one SIP mapping."""
    outside = f"{mapping.external_address or '?'}:{mapping.external_port or '?'}"
    if mapping.state is MappingState.REFUSED:
        advice = advice_for(mapping.reason)
        return fail(id, f"{who}: the gateway refuses the port: {mapping.reason}", advice.meaning, advice.cure)
    if mapping.state is not MappingState.ACCEPTED:
        return unknown(id, f"{who}: the mapping is {mapping.state.value}{_because(mapping)}")
    top, listed = _of(mapping, Rung.REACHABLE), _of(mapping, Rung.LISTED)
    if top is not None and top.holds is not None:
        return _tried(id, top, who, outside)
    if listed is not None and listed.holds is False:
        return fail(
            id,
            f"{who}: the gateway said yes to {outside}, and does not have it: {listed.words}",
            "It forgot the mapping; it is asked for again by itself.",
            "see gw.keep",
        )
    proof = f"; {listed.words}" if listed is not None and listed.holds else ""
    return unknown(
        id,
        f"{who}: the gateway opened {outside}{proof}",
        "Nobody outside has come through yet, so it can only be said that the gateway agreed.",
        "a call from outside proves it",
    )


def _tried(id: str, top: Evidence, who: str, outside: str) -> Finding:
    """Somebody outside has tried it."""
    if top.holds:
        return ok(id, f"{who} is reached at {outside}: {top.words}")
    return fail(
        id,
        f"{who}: the gateway opened {outside}, and a stranger did not come through: {top.words}",
        "The mapping exists and leads nowhere: a firewall or another NAT is in the way.",
        "see wan.class and wan.upstream; look at the firewalls of the gateway and of this machine",
    )


def _rtp_reached(mapper: MapperSnapshot, seen: Examination) -> Finding:
    pool = [
        each for each in mapped_here(mapper) if each.label.startswith(("Ringthru rtp ", "Ringthru rtcp "))
    ]
    if not pool:
        if any(each.mapped for each in seen.profiles):
            return warn(
                "reach.rtp",
                "no port for audio is mapped",
                "Calls from outside find none ready; they rely on latching, and callees behind NATs of"
                " their own may hear nothing.",
                "see wan.class and gw.perm",
            )
        return skip("reach.rtp", "no profile is mapped, so no ports for audio are held ready")
    refused = [each for each in pool if each.state is MappingState.REFUSED]
    ready = [each for each in pool if each.state is MappingState.ACCEPTED]
    if refused:
        advice = advice_for(refused[0].reason)
        return (warn if ready else fail)(
            "reach.rtp",
            f"{len(refused)} of {len(pool)} ports for audio are refused: {refused[0].reason}",
            "Calls that get none of the others rely on latching: where the peer cannot send first, there is"
            f" audio one way or none. {advice.meaning}",
            advice.cure,
        )
    if len(ready) < len(pool):
        return unknown(
            "reach.rtp", f"{len(ready)} of {len(pool)} ports for audio are mapped, the others asked for"
        )
    return ok("reach.rtp", f"{len(ready)} ports for audio are mapped before a call needs them")


def _of(mapping: MappingSnapshot, rung: Rung) -> Evidence | None:
    return next((each for each in mapping.evidence if each.rung is rung), None)


def _because(mapping: MappingSnapshot) -> str:
    return f": {mapping.reason}" if mapping.reason else ""
