"""``list_users``: who is in the directory, in which group, and on which phones.

Lives here: FreeSWITCH's table. Never here: the directory, registrations.
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


def commands() -> list[Command]:
    return [
        Command("list_users", LIST_USERS, "List Users configured in Directory", list_users),
    ]
