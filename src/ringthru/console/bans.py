"""The command ``bans``: which addresses are not listened to, and letting one of them in again.

Lives here: ours, for FreeSWITCH leaves bans to fail2ban. Never here: who is banned, and why.
"""

from __future__ import annotations

from .commands import Command
from .switch_like import SwitchLike
from .text import aligned, count, span, visible, words_of


async def bans(switch: SwitchLike, arguments: str) -> str:
    match words_of(arguments):
        case [] | ["list"]:
            return bans_text(switch)
        case ["lift", host]:
            return "+OK\n" if switch.unban(host) else f"-ERR {visible(host)} is not banned\n"
    return "-USAGE: [list] | lift <ip>\n"


def bans_text(switch: SwitchLike) -> str:
    rows = [
        (each.source, span(each.left), str(each.dropped), visible(each.reason))
        for each in switch.snapshot().bans
    ]
    table = aligned([("ip", "left", "dropped", "reason"), *rows]) if rows else ""
    return f"{table}{count(len(rows), 'address', 'es')} banned.\n"


def commands() -> list[Command]:
    return [
        Command(
            "bans",
            "[list] | lift <ip>",
            "Addresses that are not listened to",
            bans,
            ("list", "lift"),
            home="ringthru",
        )
    ]
