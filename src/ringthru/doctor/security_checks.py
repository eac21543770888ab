"""Checks of what strangers could do: passwords, open contexts, the event socket, TLS.

Lives here: judging. Never here: secrets themselves; which password is weak (``weak_secrets`` of the switch).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from .examination import Examination, ProfileFacts, SecurityFacts
from .finding import Finding, fail, ok, skip, warn

MOST_NAMED: Final = 8  # users in one finding


def check_security(seen: Examination) -> Iterator[Finding]:
    if seen.switch is None:
        return
    yield _weak(seen.security, seen.profiles)
    yield _shared(seen.security)
    yield from _contexts(seen.profiles)
    yield _event_socket(seen.security)
    yield _tls(seen.profiles)


def _open(profiles: tuple[ProfileFacts, ...]) -> str:
    """``external (UDP 5080)``: whom the gateway leads strangers to; empty where nobody."""
    return ", ".join(f"{each.name} ({', '.join(each.open_ports)})" for each in profiles if each.open_ports)


def _weak(security: SecurityFacts, profiles: tuple[ProfileFacts, ...]) -> Finding:
    if not security.weak:
        return ok("sec.weak", f"none of {security.users} users has a password that is guessed at once")
    evidence = f"weak passwords: {_some([f'{user} (it {reason})' for user, reason in security.weak])}"
    cure = "give them better ones in the directory (12 characters, none of them a word), then 'reloadxml'"
    if opened := _open(profiles):
        return fail(
            "sec.weak",
            f"{evidence}; open to the Internet: {opened}",
            "Programs that try passwords all day find these in minutes, and call at your cost.",
            f"{cure}; until then allow-weak-secrets=false keeps the ports closed",
        )
    closed = [each.name for each in profiles if each.kept_closed]
    if closed:
        return fail(
            "sec.weak",
            f"{evidence}; profile {', '.join(closed)} asks to be mapped, and is kept closed",
            "As long as they are so, these profiles are not opened to the Internet.",
            cure,
        )
    return warn(
        "sec.weak",
        evidence,
        "Whoever is in this network guesses them; nothing is open to the Internet.",
        cure,
    )


def _some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _shared(security: SecurityFacts) -> Finding:
    if not security.shared:
        return ok("sec.shared", "no two users have one password")
    groups = "; ".join(_some(group) for group in security.shared[:MOST_NAMED])
    return warn(
        "sec.shared",
        f"one password each: {groups}",
        "Whoever knows one of them, or reads it off a phone, is all of them.",
        "give each user a password of its own in the directory",
    )


def _contexts(profiles: tuple[ProfileFacts, ...]) -> Iterator[Finding]:
    found = False
    for each in profiles:
        if each.blind:
            found = True
            yield fail(
                f"sec.context.{each.name}",
                f"profile {each.name} takes any password (accept-blind-reg or accept-blind-auth)",
                "Whoever reaches it is whoever he says he is.",
                "take these parameters out",
            )
        elif each.open_ports and not each.auth_calls and not each.limits_callers:
            found = True
            yield _strangers(each)
    if not found:
        opened = _open(profiles)
        yield ok(
            "sec.context",
            f"who calls {opened} proves himself" if opened else "nothing is open to the Internet",
        )


def _strangers(profile: ProfileFacts) -> Finding:
    """Nobody proves himself there: what do they get?"""
    name = f"sec.context.{profile.name}"
    seen = f"strangers on the Internet call context {profile.context} by {', '.join(profile.open_ports)}"
    if not profile.leads_on:
        return ok(name, f"{seen}, and are only heard or answered there: nothing leads on but for providers")
    return warn(
        name,
        f"{seen}, without a password, and get further by {_some(profile.leads_on)}",
        "Right where it rings a phone that may ring at night; wrong if it dials out, on your bill.",
        "look these extensions through; ask for ${sip_gateway_name} first where only providers may; or"
        " auth-calls=true, or apply-inbound-acl with the providers' networks",
    )


def _event_socket(security: SecurityFacts) -> Finding:
    if security.event_socket is None:
        return skip("sec.socket", "the event socket is off")
    if not security.event_socket_local:
        judge = fail if security.event_socket_known else warn
        secret = ", with the password that everybody knows" if security.event_socket_known else ""
        return judge(
            "sec.socket",
            f"the event socket listens on {security.event_socket}, beyond this machine{secret}",
            "Whoever logs in there runs every command; its password crosses the network unencrypted.",
            "listen-ip=127.0.0.1 in event_socket.conf, and an SSH tunnel for others",
        )
    if security.event_socket_known:
        return warn(
            "sec.socket",
            f"the event socket on {security.event_socket} has the password that everybody knows",
            "Every program of this machine, whoever runs it, controls the switch.",
            "take the password out of event_socket.conf: one is made, in a file for its user alone",
        )
    return ok("sec.socket", f"the event socket listens on {security.event_socket}, for this machine alone")


def _tls(profiles: tuple[ProfileFacts, ...]) -> Finding:
    opened = [each for each in profiles if each.open_ports and each.auth_calls]
    plain = [each.name for each in opened if not each.tls]
    if plain:
        return warn(
            "sec.tls",
            f"phones outside register at {', '.join(plain)} without TLS",
            "Who listens on the way reads who calls whom; passwords themselves are not sent.",
            "tls=true in the profile; the guide's page about TLS says how",
        )
    return ok(
        "sec.tls", "phones outside can use TLS" if opened else "no profile for phones is open to the Internet"
    )
