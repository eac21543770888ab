"""The command ``phone_setup``: what somebody types into a phone, so that it registers.

Lives here: ours; FreeSWITCH leaves it to the reader of its files. Never here: who may register (``door``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..net.surroundings import NOWHERE
from ..switch.configuration import User
from ..switch.profiles.profile import Profile
from ..switch.snapshots import ProfileSnapshot
from .commands import Command
from .switch_like import SwitchLike
from .text import aligned, visible, words_of

USAGE: Final = "-USAGE: [<user>[@<domain>]]\n"
ECHO: Final = "9196"  # FreeSWITCH's number for the echo test, and the shipped tree's


async def phone_setup(switch: SwitchLike, arguments: str) -> str:
    """Server, user and password of one user; without an argument the directory's first."""
    words = words_of(arguments)
    if len(words) > 1:
        return USAGE
    users = [user for each in switch.calls.directory.domains.values() for user in each.users.values()]
    found = switch.calls.dialer.endpoints.user(words[0]) if words else next(iter(users), None)
    if found is None:
        names = " ".join(visible(each.id) for each in users[:20]) or "nobody"
        return f"-ERR the directory has no such user; it has {names}\n"
    profile = _where_phones_register(switch)
    if profile is None:
        return "-ERR no profile runs that phones may register at\n"
    return "".join(_told(found, profile))


def _where_phones_register(switch: SwitchLike) -> Profile | None:
    """The first profile that asks callers for passwords; else the first that takes registrations."""
    willing = [
        each for each in switch.calls.profiles.values() if not each.settings.registration.disable_register
    ]
    return next((each for each in willing if each.settings.auth_calls), next(iter(willing), None))


def _told(user: User, profile: Profile) -> Iterator[str]:
    shown = profile.snapshot(0)
    domain = profile.settings.force_register_domain or user.domain
    alone = " (this machine alone: there is no network)" if shown.sip_ip == NOWHERE else ""
    rows = [("server", shown.sip_ip + alone), ("port", _ports(profile))]
    if domain != shown.sip_ip:
        rows.append(("domain", domain))
    rows += [("user", user.id), ("password", _password(user))]
    yield f"What to type into a phone for {visible(user.id)}:\n"
    yield aligned([(f"  {name}", visible(text)) for name, text in rows])
    yield _from_outside(profile, shown)
    yield f"Once it is registered, call {ECHO}: you hear yourself.\n"


def _ports(profile: Profile) -> str:
    """``5060 (UDP or TCP), 5061 (TLS)``."""
    over: dict[int, list[str]] = {}
    for transport in profile.transports.served:
        over.setdefault(profile.transports.local(transport).port, []).append(transport)
    return ", ".join(f"{port} ({' or '.join(transports)})" for port, transports in over.items())


def _password(user: User) -> str:
    if user.password:
        return user.password
    return "the one that its a1-hash was made of" if user.a1_hash else "none: this user cannot log in"


def _from_outside(profile: Profile, shown: ProfileSnapshot) -> str:
    if profile.mapped and shown.ext_sip_ip:
        port = profile.transports.external_port(profile.transports.served[0])
        return f"From outside, the same with server {shown.ext_sip_ip}, port {port}.\n"
    if profile.wants_mapping:
        return (
            "From outside it cannot register now: no gateway has opened a port; 'nat_map detail' says why.\n"
        )
    return ""


def commands() -> list[Command]:
    return [
        Command(
            "phone_setup",
            "[<user>[@<domain>]]",
            "What to type into a phone",
            phone_setup,
            home="ringthru",
        )
    ]
