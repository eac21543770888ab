"""Checks of SIP itself: routers that rewrite it, providers, phones, and which address whom is shown.

Lives here: judging snapshots. Never here: registering, or asking phones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..net.spans import span
from ..switch.snapshots import RegistrationSnapshot, TrunkSnapshot
from .examination import Examination, ProfileFacts, Shown
from .finding import Finding, fail, ok, skip, unknown, warn

MOST_NAMED: Final = 8  # phones in one finding
LONG_EXPIRY: Final = 120  # seconds; the NAT before us forgets an unused UDP flow sooner (RFC 4787 REQ-5)
ALG_CURE: Final = (
    "switch off SIP ALG (SIP helper, SIP fixup, 'VoIP passthrough') in the router; or let it see no SIP:"
    " register-transport=tls for the provider, or other ports than 5060 on both sides"
)
REFUSED: Final = {
    401: (
        "The provider does not accept the name or the password.",
        "compare username and password with its papers",
    ),
    403: (
        "The provider does not let this account register.",
        "compare username, realm and password with its papers; some providers forbid it after too many tries",
    ),
    404: ("The provider does not know this account.", "compare username and from-domain with its papers"),
    407: ("A proxy does not accept the name or the password.", "compare auth-username and password"),
    408: ("The provider's registrar does not answer behind its proxy.", "wait; it is tried again by itself"),
    503: ("The provider is overloaded, or is being worked on.", "wait; it is tried again by itself"),
}


def check_sip(seen: Examination) -> Iterator[Finding]:
    if seen.switch is None:
        return
    trunks = seen.switch.trunks
    yield _alg(trunks)
    for each in trunks:
        yield _trunk(each, seen)
    if not trunks:
        yield skip("trunk", "the configuration names no provider")
    for profile in seen.profiles:
        for shown in profile.shown:
            yield _explained(profile, shown)
    yield _phones(seen.switch.registrations)


def _alg(trunks: tuple[TrunkSnapshot, ...]) -> Finding:
    """What providers repeat of our Via: a router that rewrites SIP shows itself there."""
    rewritten = [each for each in trunks if each.rewritten]
    if rewritten:
        words = "; ".join(
            f"{each.name} answers with a Via that is not ours: {each.rewritten}" for each in rewritten
        )
        return fail(
            "sip.alg",
            words,
            "Something on the way rewrites SIP, as a rule a SIP ALG in the router.",
            ALG_CURE,
        )
    asked = [each.name for each in trunks if each.answered is not None and each.transport == "UDP"]
    if asked:
        return ok("sip.alg", f"{', '.join(asked)} repeat what we sent as it was")
    return unknown(
        "sip.alg", "no provider has answered over UDP yet: only an answer shows what a router does to SIP"
    )


def _trunk(trunk: TrunkSnapshot, seen: Examination) -> Finding:
    id = f"trunk.{trunk.name}"
    if trunk.ping_interval and not trunk.ping_reachable:
        return fail(
            id,
            f"it answers none of our OPTIONS ({trunk.registrar or trunk.proxy})",
            "Calls are not sent there. The line to it is down, or a firewall drops what it answers.",
            "look whether its host answers from elsewhere; a provider that ignores OPTIONS needs no ping",
        )
    match trunk.state:
        case "NOREG":
            return ok(id, f"it is used without registering, at {trunk.registrar or trunk.proxy}")
        case "REGED" if trunk.expires_in is not None:
            return _registered(id, trunk, seen)
        case "DOWN" | "UNREGED":
            return skip(
                id,
                f"it is {trunk.state}: nothing is sent to it",
                f"sofia profile {trunk.profile} register {trunk.name}",
            )
        case "TRYING" | "REGISTER" | "UNREGISTER" if not trunk.reason:
            return unknown(
                id, f"it is {trunk.state}: its answer is awaited", cure="ask again in a few seconds"
            )
    return _not_registered(id, trunk)


def _registered(id: str, trunk: TrunkSnapshot, seen: Examination) -> Finding:
    left = trunk.expires_in or 0.0
    where = f"registered with {trunk.registrar} over {trunk.transport}, for {span(left)} more"
    if trunk.seen_at is not None and trunk.shown is not None and trunk.seen_at.host != trunk.shown.host:
        return warn(
            id,
            f"{where}; it sees us at {trunk.seen_at}, and we show it {trunk.shown}",
            "Its calls may go to an address that does not lead here.",
            "set ext-sip-ip of the profile to auto-nat, or see wan.agree",
        )
    behind_nat = (
        seen.switch is not None and seen.switch.mapper is not None and seen.switch.mapper.type is not None
    )
    mapped = any(each.mapped for each in seen.profiles if each.name == trunk.profile)
    if (
        trunk.transport == "UDP"
        and not mapped
        and not trunk.ping_interval
        and behind_nat
        and trunk.expires > LONG_EXPIRY
    ):
        return warn(
            id,
            f"{where}; nothing is sent to it in between, and its profile has no mapping",
            "The gateway forgets the way after a minute or two, and calls from the provider stop coming.",
            f"ping=25 in the gateway {trunk.name}, or expire-seconds=60, or ext-sip-ip=auto-nat in its"
            " profile",
        )
    return ok(id, where)


def _not_registered(id: str, trunk: TrunkSnapshot) -> Finding:
    again = f"; tried again in {span(trunk.next_try)}" if trunk.next_try is not None else ""
    state = f"it is {trunk.state}{again}"
    if trunk.answered is not None and trunk.answered[0] >= 300:
        status, phrase = trunk.answered
        meaning, cure = REFUSED.get(
            status,
            ("The provider refuses the registration.", "ask the provider what that answer of its means"),
        )
        return fail(id, f"{state}; it answered {status} {phrase}", meaning, cure)
    if trunk.registrar is None:
        return fail(
            id,
            f"{state}; {trunk.reason or 'its place is not known'}",
            f"DNS leads nowhere for {trunk.proxy}.",
            "look at the spelling of proxy and realm, and whether this machine's DNS works",
        )
    return fail(
        id,
        f"{state}; {trunk.reason or f'{trunk.registrar} does not answer'}",
        f"No answer comes from {trunk.registrar}: the line is down, it is the wrong place, or a"
        " firewall is in the way.",
        "look whether the Internet works here, and at proxy and port; try register-transport=tcp",
    )


def _explained(profile: ProfileFacts, shown: Shown) -> Finding:
    id = f"addr.{profile.name}.{'lan' if shown.where == 'on the LAN' else 'internet'}"
    evidence = f"{shown.result}; {'; '.join(shown.reasons)}" if shown.reasons else shown.result
    if shown.where == "on the Internet" and profile.asks_mapping and not shown.is_public:
        return warn(
            id,
            evidence,
            "A peer on the Internet cannot answer to a private address; only one that goes by where it"
            " hears us from, as providers do, can.",
            "see gw.found and wan.class",
        )
    return ok(id, evidence)


def _phones(rows: tuple[RegistrationSnapshot, ...]) -> Finding:
    if not rows:
        return unknown("phones", "no phone is registered", cure="'phone_setup' says what to type into one")
    away = [each for each in rows if not each.reachable]
    behind = sum("NAT" in each.state.value for each in rows)
    all_of_them = f"{len(rows)} registered, {behind} of them behind a NAT"
    if not away:
        return ok("phones", all_of_them)
    names = ", ".join(f"{each.user} at {each.source}" for each in away[:MOST_NAMED])
    more = f" and {len(away) - MOST_NAMED} more" if len(away) > MOST_NAMED else ""
    hidden = any("NAT" in each.state.value for each in away)
    return warn(
        "phones",
        f"{all_of_them}; no answer to our OPTIONS comes from {names}{more}",
        "The NAT in front of it has forgotten the way, or it is switched off: it does not ring."
        if hidden
        else "It is switched off, or its network is down: it does not ring.",
        "let the phone register every 60 s, or over TCP or TLS; the next registration opens the way again",
    )
