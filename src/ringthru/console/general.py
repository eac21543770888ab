"""The commands about the switch as a whole: status, version, variables, calls, stopping.

Lives here: FreeSWITCH's texts for them.
Never here: nat_map and sofia, which have their own modules.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ..switch.calls.causes import find_cause
from ..switch.snapshots import SwitchSnapshot
from ..switch.variable_names import spelled
from ..switch.words import uptime_words
from .commands import Command, CommandTable
from .logs import Logs
from .switch_like import SwitchLike
from .tables import Table
from .text import aligned, visible, words_of

log = logging.getLogger(__name__)

ORIGINATE_SYNTAX: Final = (
    "<call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] "
    "[<cid_name>] [<cid_num>] [<timeout_sec>]"
)
UPTIME: Final = "[us|ms|s|m|h|d|microseconds|milliseconds|seconds|minutes|hours|days]"
UPTIME_UNITS: Final = (
    *(("us", "microseconds", 1e-6), ("ms", "milliseconds", 1e-3), ("s", "seconds", 1.0)),
    *(("m", "minutes", 60.0), ("h", "hours", 3600.0), ("d", "days", 86400.0)),
)
UPTIME_SCALES: Final = {name: scale for short, long, scale in UPTIME_UNITS for name in (short, long)}

STUN_PATIENCE: Final = 10.0  # seconds at a console; by itself a question is repeated for 39 (RFC 8489)
NODE_COLUMNS: Final = ("node", "weight", "state", "legs", "answered", "unanswered", "full", "stray", "ms")


async def version(switch: SwitchLike, arguments: str) -> str:
    number = switch.snapshot().version
    short = words_of(arguments)[:1] == ["short"]
    return f"{number}\n" if short else f"Ringthru Version {number} ({number})\n"


async def uptime(switch: SwitchLike, arguments: str) -> str:
    scale = UPTIME_SCALES.get(arguments.lower() or "s")
    return f"-USAGE: {UPTIME}\n" if scale is None else f"{int(switch.snapshot().uptime / scale)}\n"


async def hostname(switch: SwitchLike, arguments: str) -> str:
    return switch.snapshot().hostname


async def global_getvar(switch: SwitchLike, arguments: str) -> str:
    """One variable, empty when there is none of that name; without a name all of them."""
    if arguments:
        return visible(switch.variables.get(arguments.lower(), ""))
    return "".join(f"{spelled(name)}={visible(value)}\n" for name, value in sorted(switch.variables.items()))


async def global_setvar(switch: SwitchLike, arguments: str) -> str:
    """``NAME=VALUE [=EXPECTED]``; without a value it is unset."""
    name, equals, value = arguments.partition("=")
    if not equals or not name.strip():
        return "-USAGE: <var>=<value> [=<value2>]\n"
    value, _, expected = value.partition(" =")
    if expected and switch.variables.get(name.strip().lower(), "") != expected.strip():
        return "-ERR Not set\n"
    switch.set_variable(name.strip(), value.strip())
    return "+OK"


async def stun(switch: SwitchLike, arguments: str) -> str:
    """What a STUN server sees of us, over a socket of its own: the address and the port."""
    words = words_of(arguments)
    if not words:
        return "-STUN Failed! NO STUN SERVER\n"
    try:
        async with asyncio.timeout(STUN_PATIENCE):
            return f"{await switch.ask_stun(words[0])}\n"
    except TimeoutError:
        return "-STUN Failed! [Timeout]\n"
    except ValueError as error:
        return f"-STUN Failed! [{visible(str(error))}]\n"


async def reloadacl(switch: SwitchLike, arguments: str) -> str:
    """FreeSWITCH answers before it has read them; we say what became of it."""
    asked = arguments.lower() == "reloadxml"
    first = "This option is deprecated, we now always reloadxml.\n" if asked else ""
    said = await switch.reload()
    return first + ("+OK acl reloaded\n" if said == "Success" else f"-ERR [{visible(said)}]\n")


async def acl(switch: SwitchLike, arguments: str) -> str:
    """Too few words are no member of anything, as FreeSWITCH has it."""
    address, name = (*words_of(arguments), "", "")[:2]
    if not name:
        return "false"
    allowed = switch.acl_allows(address, name)
    if allowed is None:
        log.warning("acl: there is no list named '%s'", name)
    return "true" if allowed else "false"


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
    given, *wanted = words_of(arguments) or [""]
    known = find_cause(given)
    cause = known.name if known is not None else "MANAGER_REQUEST"
    if len(wanted) < 2:
        await switch.hang_up_all(cause)
        return f"+OK hangup all channels with cause {cause}\n"
    pairs = dict(zip(wanted[::2], wanted[1::2], strict=False))
    for leg in list(switch.calls.channels.values()):
        if all(leg.variables.get(name.lower()) == value for name, value in pairs.items()):
            switch.kill(leg.uuid, cause)
    first = f"[{visible(wanted[0])}]=[{visible(wanted[1])}]{'...' if len(pairs) > 1 else ''}"
    return f"+OK hangup all channels matching {first} with cause: {cause}\n"


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
        f"{stack_line()}"
        f"Media engine: {snapshot.media_engine} ({snapshot.media_engine_why})\n"
    )


def stack_line() -> str:
    """FreeSWITCH's threads have stacks to watch; ours are what the system gives a process."""
    import resource

    now, most = resource.getrlimit(resource.RLIMIT_STACK)
    now = max(now, 0)  # unlimited is a negative number
    return f"Current Stack Size/Max {now // 1024}K/{(now if most < 0 else most) // 1024}K\n"


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


def help_command(table: CommandTable) -> Command:
    """``help``: all commands; ``help NAME``: the forms of one."""

    async def help_(switch: SwitchLike, arguments: str) -> str:
        name = (words_of(arguments) or [""])[0]
        if not name:
            rows = ((each.name, each.syntax, each.description, each.home) for each in table)
            listed = Table(("name", "syntax", "description", "ikey"), tuple(rows)).lines()
            return f"\nValid Commands:\n\n{listed}"
        command = table.get(name)
        return f"Unknown Command: {visible(name)}" if command is None else _details(command)

    return Command("help", "[<command>]", "Show help for all the api commands", help_)


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
        Command("global_setvar", "<var>=<value> [=<value2>]", "Set global var", global_setvar),
        Command("hostname", "", "Return the system hostname", hostname),
        Command("hupall", "<cause> [<var> <value>] [<var2> <value2>]", "hupall", hupall),
        Command("originate", ORIGINATE_SYNTAX, "Originate a call", originate, ("user/", "sofia/{profile}/")),
        Command("reloadacl", "", "Reload XML", reloadacl, ("reloadxml",)),
        Command("reloadxml", "", "Reload XML", reloadxml),
        Command("rtpengine", "", "Show the media nodes", rtpengine, home="ringthru"),
        Command("shutdown", "", stop, shutdown, home="ringthru"),
        Command("stun", "<stun_server>[:port] [<source_ip>[:<source_port]]", "Execute STUN lookup", stun),
        Command("switchname", "", "Return the switch name", hostname),
        Command("uptime", UPTIME, "Show uptime", uptime),
        Command("uuid_kill", "<uuid> [cause]", "Kill channel", uuid_kill, ("{uuid}",)),
        Command("version", "[short]", "Version", version, ("short",)),
        _status_command(logs.idle_cpu),
    ]
