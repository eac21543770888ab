"""The command ``sofia``: profiles, their addresses, and the phones registered with them.

Lives here: which words lead where, and the table of ``sofia status``.
Never here: a profile; how one is shown (``sofia_profiles``), and a gateway (``sofia_gateways``).
"""

from __future__ import annotations

import time
from typing import Final

from ..switch.snapshots import SwitchSnapshot
from .commands import Command
from .sofia_data import SofiaData, is_user
from .sofia_gateways import gateways_text, one_gateway, trunk_fields, trunk_state
from .sofia_levels import USAGE as LEVELS_USAGE
from .sofia_levels import SofiaLevels, tracelevel
from .sofia_profile import PHRASES, recovered, sofia_global, sofia_profile
from .sofia_profile import USAGE as PROFILE_USAGE
from .sofia_profiles import (
    fields_of_2009,
    presence_hosts,
    profile_fields,
    profile_text,
    registration_fields,
    registrations_text,
    subscriptions_text,
)
from .switch_like import SwitchLike
from .text import RULE, count, visible, words_of

FRAME: Final = "-" * 80
USAGE: Final = f"""USAGE:
{FRAME}
{PROFILE_USAGE}
sofia <status|xmlstatus> profile <name> [reg [<contact str>]] | [pres <pres str>] | [user <user@domain>]
sofia <status|xmlstatus> gateway <name>
sofia <status|xmlstatus|jsonstatus> [gateway]
sofia jsonstatus profile <name> [reg [<contact str>]] | [user <user@domain>]

{LEVELS_USAGE}
sofia recover [flush]
sofia help
{FRAME}
"""


async def sofia(switch: SwitchLike, arguments: str, levels: SofiaLevels) -> str:
    words = words_of(arguments)
    match words:
        case [] | ["help", *_]:
            return USAGE
        case ["profile", *rest]:
            return await sofia_profile(switch, rest)
        case ["global", *rest]:
            return await sofia_global(switch, rest)
        case ["status"]:
            return status_text(switch.snapshot(), old=switch.layout != "current")
        case ["status", "profile", name, *rest]:
            return _profile(switch.snapshot(), name, rest, switch.layout)
        case ["status", "gateway"]:
            return gateways_text(switch.snapshot().trunks)
        case ["status", "gateway", name, *_]:
            return one_gateway(switch.snapshot().trunks, name)
        case ["status", *_]:
            return "Invalid Syntax!\n"
        case ["recover", *rest]:
            return recovered(rest, "calls")
        case ["loglevel", *rest]:
            return levels.loglevel(rest) or USAGE
        case ["tracelevel", *rest]:
            return tracelevel(switch, rest)
        case [("xmlstatus" | "jsonstatus") as form, *rest]:
            return _data(switch.snapshot()).answer(form.removesuffix("status"), rest)
    return f"Unknown Command [{visible(words[0])}]\n"


def status_text(snapshot: SwitchSnapshot, old: bool = False) -> str:
    """The table of ``sofia status``: running profiles and their aliases, by name; ``old``: as in 2009."""
    running = [each for each in snapshot.profiles if each.running]
    rows = [
        (each.name, "profile", url, f"RUNNING ({each.sessions}){mark}")
        for each in running
        for url, mark in ((each.url, ""), (each.tls_url, " (TLS)"))
        if url is not None
    ]
    aliases = [(alias, "  alias", each.name, "ALIASED") for each in running for alias in each.aliases]
    trunks = [
        (each.name if old else f"{each.profile}::{each.name}", "gateway", each.to_uri, trunk_state(each))
        for each in snapshot.trunks
    ]
    width = 32 if old else 40
    lines = [_row(width, "Name", "   Type", "Data", "State"), RULE]
    lines += [_row(width, *row) for row in sorted(rows + aliases + trunks)]
    lines += [RULE, f"{count(len(running), 'profile')} {count(len(aliases), 'alias', 'es')}"]
    return "".join(line + "\n" for line in lines)


def _row(width: int, name: str, kind: str, data: str, state: str) -> str:
    return f"{visible(name):>25}\t{kind}\t  {visible(data):>{width}}\t{state}"


def _profile(snapshot: SwitchSnapshot, name: str, rest: list[str], layout: str) -> str:
    profile = next((each for each in snapshot.profiles if name == each.name or name in each.aliases), None)
    if profile is None:
        return "Invalid Profile!\n"
    ours = [each for each in snapshot.registrations if each.profile == profile.name]
    old = layout != "current"
    text = profile_text(profile, fields_of_2009 if old else profile_fields, name)
    match rest:
        case []:
            return text + (registrations_text(ours, snapshot.hostname, time.time()) if old else "")
        case ["reg"]:
            chosen = ours
        case ["reg", part]:
            chosen = [each for each in ours if part in each.contact]
        case ["sub", *parts]:
            watches = (each for each in snapshot.subscriptions if each.profile == profile.name)
            return subscriptions_text(
                each for each in watches if all(part in (each.watcher + " " + each.watched) for part in parts)
            )
        case ["pres", part]:
            chosen = ours if part in presence_hosts(profile) else []
        case ["user", user]:
            chosen = [each for each in ours if is_user(each, user)]
        case _:
            return "Invalid Syntax!\n"
    return registrations_text(chosen, snapshot.hostname, time.time())


def _data(snapshot: SwitchSnapshot) -> SofiaData:
    now = time.time()
    return SofiaData(
        snapshot,
        profile_fields,
        lambda binding: registration_fields(binding, snapshot.hostname, now),
        trunk_fields,
        trunk_state,
    )


def commands() -> list[Command]:
    levels = SofiaLevels()
    return [
        Command(
            "sofia",
            "<cmd> <args>",
            "Sofia Controls",
            lambda switch, arguments: sofia(switch, arguments, levels),
            (
                *("help", "status", "status profile {profile}", "status profile {profile} reg"),
                "status profile {profile} sub",
                *("xmlstatus", "xmlstatus profile {profile}", "jsonstatus", "jsonstatus profile {profile}"),
                *("status gateway", "profile restart all", "global siptrace on", "global siptrace off"),
                *("loglevel all", "tracelevel"),
                *(f"profile {{profile}} {each}" for each in PHRASES),
            ),
            home="mod_sofia",
            details=(
                ("sofia status", "the SIP profiles, their addresses, the calls on each"),
                ("sofia status profile <name>", "one profile in full, with its external addresses"),
                ("sofia status profile <name> reg", "the phones registered with it"),
                ("sofia status profile <name> sub [<part>]", "who watches whom, and messages (lamps)"),
                ("sofia status gateway [<name>]", "the SIP providers, and how each registration goes"),
                ("sofia xmlstatus | jsonstatus …", "the same for programs"),
                ("sofia profile <name> rescan", "take its parameters and new gateways; no call drops"),
                ("sofia profile <name> restart", "open its sockets anew; its calls end"),
                ("sofia profile <name> start | stop", "begin or end to serve"),
                ("sofia profile <name> flush_inbound_reg [<user>@<domain>]", "forget where phones are"),
                ("sofia profile <name> register | unregister <gateway> | all", "with a provider"),
                ("sofia profile <name> killgw | startgw <gateway>", "forget a provider, or take a new one"),
                ("sofia profile <name> siptrace on | off", "every SIP message to the log"),
            ),
        )
    ]
