"""The commands about the switch as a whole: status, version, variables, calls, stopping.

Lives here: FreeSWITCH's texts for them.
Never here: nat_map and sofia, which have their own modules.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ..switch.snapshots import SwitchSnapshot
from ..switch.words import uptime_words
from .commands import Command, CommandTable
from .levels import level_of, name_of
from .logs import Logs
from .switch_like import SwitchLike
from .tables import Table
from .text import aligned, visible, words_of

log = logging.getLogger(__name__)

ORIGINATE_SYNTAX: Final = (
    "<call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] "
    "[<cid_name>] [<cid_num>] [<timeout_sec>]"
)
UPTIME_SCALES: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

NODE_COLUMNS: Final = ("node", "weight", "state", "legs", "answered", "unanswered", "full", "stray", "ms")


async def version(switch: SwitchLike, arguments: str) -> str:
    number = switch.snapshot().version
    short = words_of(arguments)[:1] == ["short"]
    return f"{number}\n" if short else f"Ringthru Version {number} ({number})\n"


async def uptime(switch: SwitchLike, arguments: str) -> str:
    scale = UPTIME_SCALES.get((words_of(arguments) or ["s"])[0], 1.0)
    return str(int(switch.snapshot().uptime / scale))


async def hostname(switch: SwitchLike, arguments: str) -> str:
    return switch.snapshot().hostname


async def global_getvar(switch: SwitchLike, arguments: str) -> str:
    """One variable, empty when there is none of that name; without a name all of them."""
    if arguments:
        return visible(switch.variables.get(arguments, ""))
    return "".join(f"{name}={visible(value)}\n" for name, value in sorted(switch.variables.items()))


async def global_setvar(switch: SwitchLike, arguments: str) -> str:
    """``NAME=VALUE [=EXPECTED]``; without a value it is unset."""
    name, equals, value = arguments.partition("=")
    if not equals or not name.strip():
        return "-USAGE: <var>=<value> [=<value2>]\n"
    value, _, expected = value.partition(" =")
    if expected and switch.variables.get(name.strip(), "") != expected.strip():
        return "-ERR Not set\n"
    switch.set_variable(name.strip(), value.strip())
    return "+OK"


async def stun(switch: SwitchLike, arguments: str) -> str:
    """What a STUN server sees of us, over a socket of its own: the address and the port."""
    words = words_of(arguments)
    if not 1 <= len(words) <= 2:
        return "-USAGE: <stun_server>[:port] [<source_ip>[:<source_port]]\n"
    try:
        return f"{await switch.ask_stun(words[0])}\n"
    except ValueError as error:
        return f"-ERR STUN Failed! [{visible(str(error))}]\n"


async def reloadacl(switch: SwitchLike, arguments: str) -> str:
    """FreeSWITCH answers before it has read them; we say what became of it."""
    said = await switch.reload()
    return "+OK acl reloaded\n" if said == "Success" else f"-ERR [{visible(said)}]\n"


async def acl(switch: SwitchLike, arguments: str) -> str:
    match words_of(arguments):
        case [address, name]:
            allowed = switch.acl_allows(address, name)
            if allowed is None:
                log.warning("acl: there is no list named '%s'", name)
            return "true" if allowed else "false"
    return "-USAGE: <ip> <list_name>\n"


async def originate(switch: SwitchLike, arguments: str) -> str:
    words = ["" if word == "undef" else word for word in words_of(arguments)]
    if not 2 <= len(words) <= 7:
        return f"-USAGE: {ORIGINATE_SYNTAX}\n"
    url, extension, *rest = words
    dialplan, context, name, number, timeout = (*rest, *("XML", "default", "", "", "60")[len(rest) :])
    if timeout and not (timeout.isascii() and timeout.isdigit()):
        return f"-ERR '{visible(timeout)}' is not a number of seconds\n"
    answer = await switch.originate(
        url,
        extension,
        dialplan=dialplan or "XML",
        context=context or "default",
        caller_name=name,
        caller_number=number,
        timeout=int(timeout or 60),
    )
    return visible(answer.rstrip("\n")) + "\n"


async def reloadxml(switch: SwitchLike, arguments: str) -> str:
    """The configuration anew; FreeSWITCH says ``+OK`` to a broken one as well, we do not."""
    said = await switch.reload()
    return f"{'+OK' if said == 'Success' else '-ERR'} [{visible(said)}]\n"


async def hupall(switch: SwitchLike, arguments: str) -> str:
    """``[CAUSE [VARIABLE VALUE]…]``: all legs, or those whose variables have these values."""
    cause, *wanted = words_of(arguments) or ["MANAGER_REQUEST"]
    cause = cause.upper()
    if len(wanted) < 2:
        await switch.hang_up_all(cause)
    else:
        pairs = dict(zip(wanted[::2], wanted[1::2], strict=False))
        for leg in list(switch.calls.channels.values()):
            if all(leg.variables.get(name) == value for name, value in pairs.items()):
                switch.kill(leg.uuid, cause)
    return f"+OK hangup all channels with cause {visible(cause)}\n"


async def uuid_kill(switch: SwitchLike, arguments: str) -> str:
    match words_of(arguments):
        case [uuid, *rest]:
            cause = (rest or ["NORMAL_CLEARING"])[0].upper()
            return "+OK\n" if switch.kill(uuid, cause) else "-ERR No such channel!\n"
    return "-USAGE: <uuid> [cause]\n"


async def shutdown(switch: SwitchLike, arguments: str) -> str:
    switch.request_shutdown()
    return "+OK\n"


def status_text(snapshot: SwitchSnapshot, idle_cpu: float) -> str:
    """The text of ``status``."""
    now = len(snapshot.channels)
    return (
        f"UP {uptime_words(snapshot.uptime)}\n"
        f"Ringthru (Version {snapshot.version}) is ready\n"
        f"{snapshot.sessions_since_start} session(s) since startup\n"
        f"{now} session(s) - peak {snapshot.sessions_peak}, last 5min {snapshot.sessions_peak_5min} \n"
        f"{snapshot.per_second} session(s) per Sec out of max {snapshot.per_second_max}, "
        f"peak {snapshot.per_second_peak}, last 5min {snapshot.per_second_peak_5min} \n"
        f"{snapshot.sessions_max} session(s) max\n"
        f"min idle cpu 0.00/{idle_cpu:.2f}\n"
        f"Media engine: {snapshot.media_engine} ({snapshot.media_engine_why})\n"
    )


def nodes_text(snapshot: SwitchSnapshot) -> str:
    """The text of ``rtpengine``: a line for each node."""
    if not snapshot.media_nodes:
        return "-ERR there are no media nodes: media-engine in switch.conf is not rtpengine\n"
    rows: list[tuple[str, ...]] = [NODE_COLUMNS]
    for node in snapshot.media_nodes:
        numbers = (node.calls, node.answered, node.unanswered, node.full, node.stray)
        trip = "-" if node.round_trip_ms is None else f"{node.round_trip_ms:.1f}"
        rows.append((node.address, f"{node.weight:g}", node.state, *map(str, numbers), trip))
    return aligned(rows)


async def rtpengine(switch: SwitchLike, arguments: str) -> str:
    return nodes_text(switch.snapshot())


def _status_command(idle_cpu: Callable[[], float]) -> Command:
    async def status(switch: SwitchLike, arguments: str) -> str:
        return status_text(switch.snapshot(), idle_cpu())

    return Command("status", "", "Show current status", status)


def _console_command(logs: Logs) -> Command:
    async def console(switch: SwitchLike, arguments: str) -> str:
        match words_of(arguments):
            case ["loglevel"]:
                return f"+OK console log level set to {name_of(logs.console_level)}\n"
            case ["loglevel", text]:
                level = level_of(text)
                if level is None:
                    return "-ERR syntax error, console log level not set!\n"
                logs.set_console_level(level)
                return f"+OK console log level set to {name_of(level)}\n"
        return "-USAGE: console loglevel [[0-7]|<loglevel_string>]\n"

    names = ("console", "alert", "crit", "err", "warning", "notice", "info", "debug")
    phrases = tuple(f"loglevel {name}" for name in names)
    return Command("console", "loglevel <level>", "Console log level", console, phrases, "mod_console")


def help_command(table: CommandTable) -> Command:
    """``help``: all commands; ``help NAME``: the forms of one."""

    async def help_(switch: SwitchLike, arguments: str) -> str:
        name = (words_of(arguments) or [""])[0]
        if not name:
            rows = tuple((each.name, each.syntax, each.description, each.home) for each in table)
            listed = Table(("name", "syntax", "description", "ikey"), rows).as_text()
            return f"Valid Commands:\n\n{listed}\n'help NAME' says more about one.\n"
        command = table.get(name)
        return f"Unknown Command: {visible(name)}" if command is None else _details(command)

    return Command("help", "[<command>]", "Show the commands", help_, home="ringthru")


def _details(command: Command) -> str:
    plain = (f"{command.name} {command.syntax}".strip(), command.description)
    return aligned(list(command.details or (plain,)), gap=4)


def commands(logs: Logs) -> list[Command]:
    """All commands of this family but ``help``, which needs the finished table."""
    stop = "Stop the switch; mappings on the gateway are deleted"
    return [
        Command("...", "", stop, shutdown, home="ringthru"),
        Command("acl", "<ip> <list_name>", "Compare an ip to an acl list", acl),
        Command("global_getvar", "<var>", "Get global var", global_getvar),
        Command("global_setvar", "<var>=<value> [=<value2>]", "Set global_var", global_setvar),
        Command("hostname", "", "Return the system hostname", hostname),
        Command("hupall", "<cause> [<var> <value>]", "Hang up all calls", hupall),
        Command("originate", ORIGINATE_SYNTAX, "Originate a call", originate, ("user/", "sofia/{profile}/")),
        Command("reloadacl", "[reloadxml]", "Reload XML and the access lists", reloadacl),
        Command("reloadxml", "", "Read the configuration anew", reloadxml),
        Command("rtpengine", "", "Show the media nodes", rtpengine, home="ringthru"),
        Command("shutdown", "", stop, shutdown, home="ringthru"),
        Command("stun", "<stun_server>[:port] [<source_ip>[:<source_port]]", "Execute STUN lookup", stun),
        Command("switchname", "", "Return the switch name", hostname),
        Command("uptime", "[us|ms|s|m|h|d]", "Show uptime", uptime),
        Command("uuid_kill", "<uuid> [cause]", "Kill a channel", uuid_kill, ("{uuid}",)),
        Command("version", "[short]", "Version", version, ("short",)),
        _status_command(logs.idle_cpu),
        _console_command(logs),
    ]
