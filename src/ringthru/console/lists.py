"""The command ``show``: legs, calls, phones, mappings, tasks, and the words that this switch knows.

Lives here: FreeSWITCH's columns, each filled with what we have. Never here: the layouts (``tables``).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from ..switch.audio.codec_choice import codec_modules
from ..switch.dialplan.applications import APPLICATIONS
from ..switch.snapshots import ChannelSnapshot, RegistrationSnapshot, SwitchSnapshot
from .commands import Command, CommandTable
from .nat_map import mapping_table
from .switch_like import SwitchLike
from .tables import Table
from .text import words_of

LEG_COLUMNS: Final = (
    *("uuid", "direction", "created", "created_epoch", "name", "state", "cid_name", "cid_num", "ip_addr"),
    *("dest", "application", "application_data", "dialplan", "context", "read_codec", "read_rate"),
    *("read_bit_rate", "write_codec", "write_rate", "write_bit_rate", "secure", "hostname"),
    *("presence_id", "presence_data", "accountcode", "callstate", "callee_name", "callee_num"),
    *("callee_direction", "call_uuid", "sent_callee_name", "sent_callee_num", "initial_cid_name"),
    *("initial_cid_num", "initial_ip_addr", "initial_dest", "initial_dialplan", "initial_context"),
    *("advertised", "advertised_media"),  # ours: what this peer is shown
)
SIDE: Final = (
    *("uuid", "direction", "created", "created_epoch", "name", "state", "cid_name", "cid_num", "ip_addr"),
    *("dest", "presence_id", "presence_data", "accountcode", "callstate", "callee_name", "callee_num"),
    *("callee_direction", "call_uuid", "hostname", "sent_callee_name", "sent_callee_num"),
)
OTHER: Final = tuple(each for each in SIDE if each not in ("call_uuid", "hostname"))
CALL_COLUMNS: Final = (*SIDE, *(f"b_{each}" for each in OTHER), "call_created_epoch")
DETAILED_COLUMNS: Final = (*LEG_COLUMNS, *(f"b_{each}" for each in LEG_COLUMNS), "call_created_epoch")
PHONE_COLUMNS: Final = (
    *("reg_user", "realm", "token", "url", "expires", "network_ip", "network_port", "network_proto"),
    *("hostname", "metadata"),
)
TASK_COLUMNS: Final = (
    *("task_id", "task_desc", "task_group", "task_runtime", "task_sql_manager", "hostname"),
)
WORD_COLUMNS: Final = ("name", "description", "syntax", "ikey")
INTERFACE_COLUMNS: Final = ("type", "name", "ikey")
ENDPOINTS: Final = (
    *(("error", "mod_dptools"), ("group", "mod_dptools"), ("loopback", "mod_loopback")),
    *(("portaudio", "mod_portaudio"), ("sofia", "mod_sofia"), ("user", "mod_dptools")),
)
DIALPLANS: Final = (("XML", "mod_dialplan_xml"), ("inline", "mod_dptools"))
FILES: Final = (
    *(("file_string", "mod_dptools"), ("local_stream", "mod_local_stream")),
    *(("silence_stream", "mod_tone_stream"), ("tone_stream", "mod_tone_stream"), ("wav", "mod_sndfile")),
)
# FreeSWITCH's modules whose work is done here, so that those who look for one find it
MODULES: Final = (
    *("mod_cdr_csv", "mod_commands", "mod_conference", "mod_console", "mod_db", "mod_dialplan_xml"),
    *("mod_dptools", "mod_event_socket", "mod_expr", "mod_g711", "mod_hash", "mod_json_cdr"),
    *("mod_local_stream", "mod_logfile", "mod_loopback", "mod_portaudio", "mod_sndfile", "mod_sofia"),
    "mod_tone_stream",
)
USAGE: Final = (  # FreeSWITCH's
    "codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]|"
    "calls|detailed_calls|bridged_calls|detailed_bridged_calls|aliases|complete|chat|management|modules|"
    "nat_map|say|interfaces|interface_types|tasks|limits|status"
)
COMPLETE_COLUMNS: Final = ("sticky", *(f"a{number}" for number in range(1, 11)), "hostname")
# Kinds of interfaces; in FreeSWITCH any word that begins so will do (codecs, files)
ONE_OF: Final = ("api", "application", "modules")  # lists of which one can be named
KINDS: Final = ("chat", "codec", "dialplan", "endpoint", "file", "limit", "management", "say", "timer")
OTHERS: Final = {
    "chat": (("sip", "mod_sofia"),),
    "limit": (("db", "mod_db"), ("hash", "mod_hash")),
    "timer": (("soft", "CORE_SOFTTIMER_MODULE"),),
}


def leg_cells(leg: ChannelSnapshot, hostname: str) -> dict[str, str]:
    """A leg by FreeSWITCH's names of columns."""
    application, _, data = leg.application.partition("(")
    rate, bits = (str(leg.codec_rate), str(leg.codec_bit_rate)) if leg.codec else ("", "")
    created = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(leg.began))
    return {
        "uuid": leg.uuid,
        "direction": leg.direction,
        "created": created,
        "created_epoch": str(int(leg.began)),
        "name": leg.name,
        "state": leg.state,
        "cid_name": leg.caller_name,
        "cid_num": leg.caller_number,
        "ip_addr": leg.peer.host,
        "dest": leg.destination,
        "application": application,
        "application_data": data.removesuffix(")"),
        "dialplan": leg.dialplan,
        "context": leg.context,
        **{f"{way}_codec": leg.codec for way in ("read", "write")},
        **{f"{way}_rate": rate for way in ("read", "write")},
        **{f"{way}_bit_rate": bits for way in ("read", "write")},
        "hostname": hostname,
        "accountcode": leg.account,
        "presence_id": leg.presence_id,
        "callstate": leg.call_state,
        "call_uuid": leg.call_uuid,
        "initial_cid_name": leg.caller_name,
        "initial_cid_num": leg.caller_number,
        "initial_ip_addr": leg.peer.host,
        "initial_dest": leg.destination,
        "initial_dialplan": leg.dialplan,
        "initial_context": leg.context,
        "advertised": str(leg.advertised) if leg.advertised.host else "",
        "advertised_media": str(leg.advertised_media or ""),
    }


def channel_table(snapshot: SwitchSnapshot) -> Table:
    legs = (leg_cells(each, snapshot.hostname) for each in snapshot.channels)
    return Table(LEG_COLUMNS, tuple(tuple(leg.get(each, "") for each in LEG_COLUMNS) for leg in legs))


def call_table(snapshot: SwitchSnapshot, *, detailed: bool = False, bridged: bool = False) -> Table:
    """Two legs that talk are one call, and so is a leg alone, unless only bridged ones are asked for."""
    legs = {each.uuid: each for each in snapshot.channels}
    columns = DETAILED_COLUMNS if detailed else CALL_COLUMNS
    rows: list[tuple[str, ...]] = []
    for leg in snapshot.channels:
        if leg.uuid not in legs:
            continue
        del legs[leg.uuid]
        other = legs.pop(leg.bridged_to, None) if leg.bridged_to else None
        if bridged and other is None:
            continue
        cells = leg_cells(leg, snapshot.hostname)
        cells["call_created_epoch"] = cells["created_epoch"]
        if other is not None:
            cells |= {f"b_{name}": cell for name, cell in leg_cells(other, snapshot.hostname).items()}
        rows.append(tuple(cells.get(each, "") for each in columns))
    return Table(columns, tuple(rows))


def registration_table(snapshot: SwitchSnapshot) -> Table:
    now = time.time()
    rows = tuple(_phone_row(each, now, snapshot.hostname) for each in snapshot.registrations)
    return Table(PHONE_COLUMNS, rows)


def _phone_row(phone: RegistrationSnapshot, now: float, hostname: str) -> tuple[str, ...]:
    user, _, realm = phone.user.partition("@")
    transport = phone.state.value.partition("-")[0].lower()
    url = f"sofia/{phone.profile}/{phone.contact}"
    expires = str(int(now + phone.expires_in))
    source = phone.source
    where = (source.host, str(source.port), "udp" if transport == "auto" else transport, hostname, "")
    return (user, realm, phone.call_id, url, expires, *where)


def task_table(switch: SwitchLike) -> Table:
    """What is scheduled; the first rows, numbered 0, are what the switch does by itself."""
    shown = switch.snapshot()
    lefts = [each.lifetime_left for each in shown.mapper.mappings] if shown.mapper is not None else []
    ends = [each for each in lefts if each is not None]
    own = [("0", "nat_republish", "nat", str(int(time.time() + min(ends) / 2)))] if ends else []
    later = [
        (str(each.number), each.description, each.group, str(int(each.due)))
        for each in switch.schedule.entries()
    ]
    return Table(TASK_COLUMNS, tuple((*row, "0", shown.hostname) for row in (*own, *later)))


def alias_table(switch: SwitchLike) -> Table:
    hostname = switch.snapshot().hostname
    rows = tuple(("0", alias, line, hostname) for alias, line in sorted(switch.aliases.items()))
    return Table(("sticky", "alias", "command", "hostname"), rows)


def api_table(table: CommandTable) -> Table:
    """The rows of ``show api``."""
    rows = tuple((each.name, each.description, each.syntax, each.home) for each in table)
    return Table(WORD_COLUMNS, rows)


def application_table() -> Table:
    """The dialplan's applications, with the first line of what each says of itself."""
    rows = []
    for name, run in sorted(APPLICATIONS.items()):
        text = (run.__doc__ or "").strip().partition("\n")[0]
        rows.append((name, "" if run.__name__ == "application" else text, "", "mod_dptools"))
    return Table(WORD_COLUMNS, tuple(rows))


def _interfaces(table: CommandTable) -> list[tuple[str, str, str]]:
    kinds = (
        ("codec", codec_modules()),
        ("dialplan", DIALPLANS),
        ("endpoint", ENDPOINTS),
        ("file", FILES),
        *OTHERS.items(),
    )
    return [
        *(("api", each.name, each.home) for each in table),
        *(("application", name, "mod_dptools") for name in sorted(APPLICATIONS)),
        *((kind, name, home) for kind, known in kinds for name, home in known),
    ]


def interface_table(table: CommandTable, kind: str = "") -> Table:
    """Everything of a kind (``codec`` …), or of all kinds."""
    rows = tuple(each for each in _interfaces(table) if kind in ("", each[0]))
    return Table(INTERFACE_COLUMNS, rows)


def type_table(table: CommandTable) -> Table:
    counted = Counter(row[0] for row in _interfaces(table))
    return Table(("type", "total"), tuple((kind, str(total)) for kind, total in sorted(counted.items())))


def module_table(table: CommandTable, name: str = "") -> Table:
    """What each module, or one of them, has; FreeSWITCH's ``generic`` is one that has none of these."""
    rows = [row for row in _interfaces(table) if row[2].startswith("mod_")]
    silent = set(MODULES) - {row[2] for row in rows}
    rows += [("generic", each, each) for each in silent]
    chosen = sorted(row for row in rows if name in ("", row[2]))
    return Table(("type", "name", "ikey", "filename"), tuple((*row, "") for row in chosen))


def complete_table(table: CommandTable, snapshot: SwitchSnapshot) -> Table:
    """The lines that Tab completes, a word a column."""
    rows = (
        ("0", *(*line.split()[:10], *[""] * 10)[:10], snapshot.hostname)
        for line in table.lines(snapshot)
        if " " in line
    )
    return Table(COMPLETE_COLUMNS, tuple(rows))


def named(table: Table, name: str) -> Table:
    """The row of that name alone."""
    return Table(table.columns, tuple(row for row in table.rows if row[0] == name))


def _lists_by_name(table: CommandTable) -> dict[str, Callable[[SwitchLike], Table]]:
    """What can be shown, and who makes the list of it."""
    lists: dict[str, Callable[[SwitchLike], Table]] = {
        "aliases": alias_table,
        "api": lambda switch: api_table(table),
        "application": lambda switch: application_table(),
        "bridged_calls": lambda switch: call_table(switch.snapshot(), bridged=True),
        "calls": lambda switch: call_table(switch.snapshot()),
        "channels": lambda switch: channel_table(switch.snapshot()),
        "complete": lambda switch: complete_table(table, switch.snapshot()),
        "detailed_bridged_calls": lambda switch: call_table(switch.snapshot(), detailed=True, bridged=True),
        "detailed_calls": lambda switch: call_table(switch.snapshot(), detailed=True),
        "interface_types": lambda switch: type_table(table),
        "interfaces": lambda switch: interface_table(table),
        "modules": lambda switch: module_table(table),
        "nat_map": lambda switch: mapping_table(switch.snapshot()),
        "registrations": lambda switch: registration_table(switch.snapshot()),
        "tasks": task_table,
    }
    for kind in KINDS:
        lists[kind] = lambda switch, kind=kind: interface_table(table, kind)  # type: ignore[misc]
    return lists


def show_command(table: CommandTable) -> Command:
    """``show WHAT [NAME] [like TEXT] [count] [as FORMAT]``."""
    lists = _lists_by_name(table)
    aliases = {"applications": "application", "apis": "api", "module": "modules"}

    async def show(switch: SwitchLike, arguments: str) -> str:
        words = words_of(arguments)
        name = words[0].lower() if words else ""
        if name.startswith("status"):  # FreeSWITCH: for those who keep typing it
            return await table.run(switch, "status")
        name = next((kind for kind in KINDS if name.startswith(kind)), aliases.get(name, name))
        made = lists.get(name)
        if made is None:
            return f"-USAGE: {USAGE}\n"
        shown, rest = made(switch), words[1:]
        if name in ONE_OF and rest and rest[0].lower() not in ("as", "count", "like"):
            one = rest.pop(0)
            shown = module_table(table, one) if name == "modules" else named(shown, one)
        if len(rest) > 1 and rest[0].lower() == "like":
            shown, rest = shown.like(rest[1]), rest[2:]
        return shown.in_format(rest)

    phrases = (*sorted(lists), "limits", "status")
    counted = tuple(f"{each} count" for each in ("calls", "channels", "registrations"))
    return Command("show", USAGE, "Show various reports", show, (*phrases, *counted, "nat_map as json"))
