"""The command ``phone_setup``: what somebody types into a phone, so that it registers.

Lives here: ours; FreeSWITCH leaves it to the reader of its files. Never here: who may register (``door``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..net.address import Endpoint
from ..net.surroundings import NOWHERE
from ..net.values import frozen
from ..switch.configuration import User
from ..switch.profiles.profile import Profile
from ..switch.snapshots import ProfileSnapshot
from .commands import Command
from .switch_like import SwitchLike
from .text import aligned, visible, words_of

USAGE: Final = "-USAGE: [<user>[@<domain>]]\n"
ECHO: Final = "9196"  # FreeSWITCH's number for the echo test, and the shipped tree's


@frozen
class PhoneSetup:
    """What phones are told, apart from their user and its password."""

    server: str
    alone: bool  # the server is this machine's own address: there is no network
    ports: tuple[tuple[int, tuple[str, ...]], ...]  # with the transports of each
    domain: str  # "": the server is the domain
    outside: Endpoint | None  # the same from the Internet, as far as a gateway opened it
    wants_outside: bool


def setup_of(switch: SwitchLike, user: User | None = None) -> PhoneSetup | None:
    """Where a user registers; None: nowhere. Without a user the domain is left out."""
    profile = _where_phones_register(switch)
    if profile is None:
        return None
    shown = profile.snapshot(0)
    domain = profile.settings.force_register_domain or (user.domain if user is not None else shown.sip_ip)
    return PhoneSetup(
        shown.sip_ip,
        shown.sip_ip == NOWHERE,
        _ports(profile),
        domain if domain != shown.sip_ip else "",
        _outside(profile, shown),
        profile.wants_mapping,
    )


def people_of(switch: SwitchLike) -> list[User]:
    """Everybody in the directory."""
    return [user for each in switch.calls.directory.domains.values() for user in each.users.values()]


async def phone_setup(switch: SwitchLike, arguments: str) -> str:
    """Server, user and password of one user; without an argument the directory's first."""
    words = words_of(arguments)
    if len(words) > 1:
        return USAGE
    users = people_of(switch)
    found = switch.calls.dialer.endpoints.user(words[0]) if words else next(iter(users), None)
    if found is None:
        names = " ".join(visible(each.id) for each in users[:20]) or "nobody"
        return f"-ERR the directory has no such user; it has {names}\n"
    setup = setup_of(switch, found)
    if setup is None:
        return "-ERR no profile runs that phones may register at\n"
    return "".join(_told(found, setup))


def _where_phones_register(switch: SwitchLike) -> Profile | None:
    """The first profile that asks callers for passwords; else the first that takes registrations."""
    willing = [
        each for each in switch.calls.profiles.values() if not each.settings.registration.disable_register
    ]
    return next((each for each in willing if each.settings.auth_calls), next(iter(willing), None))


def _ports(profile: Profile) -> tuple[tuple[int, tuple[str, ...]], ...]:
    over: dict[int, list[str]] = {}
    for transport in profile.transports.served:
        over.setdefault(profile.transports.local(transport).port, []).append(transport)
    return tuple((port, tuple(transports)) for port, transports in over.items())


def _outside(profile: Profile, shown: ProfileSnapshot) -> Endpoint | None:
    if not (profile.mapped and shown.ext_sip_ip):
        return None
    return Endpoint(shown.ext_sip_ip, profile.transports.external_port(profile.transports.served[0]))


def _told(user: User, setup: PhoneSetup) -> Iterator[str]:
    alone = " (this machine alone: there is no network)" if setup.alone else ""
    rows = [("server", setup.server + alone), ("port", ports_in_words(setup))]
    if setup.domain:
        rows.append(("domain", setup.domain))
    rows += [("user", user.id), ("password", password_of(user))]
    yield f"What to type into a phone for {visible(user.id)}:\n"
    yield aligned([(f"  {name}", visible(text)) for name, text in rows])
    yield _from_outside(setup)
    yield f"Once it is registered, call {ECHO}: you hear yourself.\n"


def ports_in_words(setup: PhoneSetup) -> str:
    """``5060 (UDP or TCP), 5061 (TLS)``."""
    return ", ".join(f"{port} ({' or '.join(transports)})" for port, transports in setup.ports)


def password_of(user: User) -> str:
    """What to type, or why there is nothing to type."""
    if user.password:
        return user.password
    return "the one that its a1-hash was made of" if user.a1_hash else "none: this user cannot log in"


def _from_outside(setup: PhoneSetup) -> str:
    if setup.outside is not None:
        return f"From outside, the same with server {setup.outside.host}, port {setup.outside.port}.\n"
    if setup.wants_outside:
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
