"""The commands about users: who is in the directory, in which group, and on how many phones.

Lives here: FreeSWITCH's texts for them. Never here: the directory, registrations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..switch.configuration import Domain, User
from .commands import Command
from .switch_like import SwitchLike
from .text import visible, words_of

USER_COLUMNS: Final = (
    "userid|context|domain|group|contact|callgroup|effective_caller_id_name|effective_caller_id_number"
)
SHOWN: Final = ("callgroup", "effective_caller_id_name", "effective_caller_id_number")
LIST_USERS: Final = "[group <group>] [domain <domain>] [user <user>] [context <context>]"


async def list_users(switch: SwitchLike, arguments: str) -> str:
    """The directory, a user a line; ``group G``, ``domain D``, ``user U`` and ``context C`` choose."""
    words = words_of(arguments)
    wanted = dict(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or not set(wanted) <= {"group", "domain", "user", "context"}:
        return f"-USAGE: {LIST_USERS}\n"
    rows = (
        _user_row(switch, domain, user)
        for domain in switch.calls.directory.domains.values()
        for user in domain.users.values()
        if _fits(domain, user, wanted)
    )
    lines = (USER_COLUMNS, *("|".join(map(visible, row)) for row in rows))
    return "".join(f"{each}\n" for each in lines) + "\n+OK\n"


def _groups(domain: Domain, user: User) -> list[str]:
    return [name for name, members in domain.groups.items() if user in members]


def _fits(domain: Domain, user: User, wanted: Mapping[str, str]) -> bool:
    here = {"domain": domain.name, "user": user.id, "context": user.variables.get("user_context", "")}
    in_group = "group" not in wanted or wanted["group"] in _groups(domain, user)
    return in_group and all(wanted.get(key, value) == value for key, value in here.items())


def _user_row(switch: SwitchLike, domain: Domain, user: User) -> tuple[str, ...]:
    contact = switch.calls.router.functions.call(f"sofia_contact({user.id}@{domain.name})") or ""
    groups = ":".join(_groups(domain, user))
    first = (user.id, user.variables.get("user_context", ""), domain.name, groups, contact)
    return (*first, *(user.variables.get(each, "") for each in SHOWN))


async def sofia_count_reg(switch: SwitchLike, arguments: str) -> str:
    """``[PROFILE/]USER@DOMAIN``: how many phones are registered so."""
    if not arguments:
        return "-USAGE: [profile/]<user>@<domain>\n"
    profile, _, user = arguments.rpartition("/")
    rows = switch.snapshot().registrations
    return str(sum(each.user == user and profile in ("", each.profile) for each in rows))


async def in_group(switch: SwitchLike, arguments: str) -> str:
    """``USER[@DOMAIN] GROUP``, or a comma between them, as FreeSWITCH reads it in spite of its syntax."""
    words = words_of(arguments.replace(",", " "))
    if len(words) != 2:
        return "false"
    endpoints = switch.calls.dialer.endpoints
    user, domain = endpoints.user(words[0]), endpoints.domain(words[0].partition("@")[2])
    members = domain.groups.get(words[1], ()) if domain is not None else ()
    return "true" if user is not None and user in members else "false"


def commands() -> list[Command]:
    return [
        Command("in_group", "<user>[@<domain>] <group_name>", "Determine if a user is in a group", in_group),
        Command("list_users", LIST_USERS, "List Users configured in Directory", list_users),
        Command(
            "sofia_count_reg",
            "[profile/]<user>@<domain>",
            "Count Sofia registration",
            sofia_count_reg,
            home="mod_sofia",
        ),
    ]
