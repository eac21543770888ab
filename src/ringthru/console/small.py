"""Small commands that scripts use: texts, times, addresses, the counters of ``limit``.

Lives here: FreeSWITCH's texts for them. Never here: one that does something to a call.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import shlex
import time
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from ..net.interfaces import interfaces
from .commands import Command, CommandTable
from .levels import level_of
from .switch_like import SwitchLike
from .tables import xml_text
from .text import visible, words_of

log = logging.getLogger(__name__)

LONGEST_SLEEP: Final = 60_000  # milliseconds
COALESCE: Final = "[^^<delim>]<value1>,<value2>,..."
LIMIT_USAGE: Final = "<backend> <realm> <id> [rate]"
INTERFACE_IP: Final = "[auto|ipv4|ipv6] <ifname>"
LOOPBACK: Final = {4: "127.0.0.1", 6: "::1"}


async def coalesce(switch: SwitchLike, arguments: str) -> str:
    """The first of several values that is not empty."""
    separator = ","
    if arguments.startswith("^^") and len(arguments) > 2:
        separator, arguments = arguments[2], arguments[3:]
    if not arguments:
        return f"-USAGE: {COALESCE}\n"
    return next((each for each in arguments.split(separator) if each), "")


async def replace(switch: SwitchLike, arguments: str) -> str:
    """``TEXT|OLD|NEW``; ``m:~`` before it makes ``~`` the separator."""
    separator = "|"
    if arguments.startswith("m:") and len(arguments) > 3:
        separator, arguments = arguments[2], arguments[3:]
    parts = arguments.split(separator)
    if len(parts) < 3 or not parts[1]:
        return "-ERR"
    return parts[0].replace(parts[1], parts[2])


async def quote_shell_arg(switch: SwitchLike, arguments: str) -> str:
    return shlex.quote(arguments) if arguments else ""


async def is_lan_addr(switch: SwitchLike, arguments: str) -> str:
    try:
        return "true" if ip_address(arguments.strip()).is_private else "false"
    except ValueError:
        return "false"


async def gethost(switch: SwitchLike, arguments: str) -> str:
    """A name's IPv4 address."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(arguments, None)
        return next(str(each[4][0]) for each in found if ":" not in str(each[4][0]))
    except (OSError, UnicodeError, StopIteration):
        return "-ERR"


async def interface_ip(switch: SwitchLike, arguments: str) -> str:
    """An interface's first address of a family; nothing where it has none."""
    family, name = (*words_of(arguments.lower()), "", "")[:2]
    versions = {"auto": (4, 6), "ipv4": (4,), "ipv6": (6,)}.get(family)
    if versions is None or not name:
        return f"USAGE: interface_ip {INTERFACE_IP}\n"
    if name == "lo":
        return LOOPBACK[versions[0]]
    found = next((each for each in interfaces() if each.name.lower() == name), None)
    fitting = (each for each in (found.addresses if found else ()) if ip_address(each).version in versions)
    return next(fitting, "")


async def getcputime(switch: SwitchLike, arguments: str) -> str:
    """Milliseconds of the process, its own and the kernel's for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return f"{int(used.ru_utime * 1000)}, {int(used.ru_stime * 1000)}"


async def file_exists(switch: SwitchLike, arguments: str) -> str:
    if not arguments:
        return "false"
    there = await asyncio.to_thread(Path(arguments).exists)
    return "true" if there else "false"


async def msleep(switch: SwitchLike, arguments: str) -> str:
    """Answer so many milliseconds later; at most a minute."""
    digits = arguments if arguments.isascii() and arguments.isdigit() and len(arguments) < 9 else "0"
    await asyncio.sleep(min(int(digits), LONGEST_SLEEP) / 1000)
    return "+OK"


async def strftime_tz(switch: SwitchLike, arguments: str) -> str:
    """``ZONE [EPOCH|][FORMAT]``: the time there, now or at a moment."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    zone, _, form = arguments.partition(" ")
    moment, bar, rest = form.partition("|")
    if bar:
        form = rest
    when = (
        float(moment) if bar and moment.isascii() and moment.isdigit() and len(moment) < 12 else time.time()
    )
    try:
        there = ZoneInfo(zone) if zone else UTC
        return datetime.fromtimestamp(when, there).strftime(form or "%Y-%m-%d %T")
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        return "-ERR Invalid timezone/format\n"


async def write_log(switch: SwitchLike, arguments: str) -> str:
    """``LEVEL TEXT``: a line of the log."""
    level, space, text = arguments.partition(" ")
    if not arguments:
        return "-ERR\n"
    log.log((level_of(level) if space else None) or logging.DEBUG, "%s", text if space else level)
    return "+OK\n"


async def limit_usage(switch: SwitchLike, arguments: str) -> str:
    """How many calls count there; with ``rate`` also how many began in its interval."""
    words = words_of(arguments)
    if len(words) == 2:
        words.insert(0, "hash")
    if len(words) < 3:
        return f"USAGE: limit_usage {LIMIT_USAGE}\n"
    count = switch.calls.shelf.usage(words[1], words[2])
    if words[3:4] != ["rate"]:
        return str(count)
    return f"{count}/{switch.calls.shelf.begun(words[1], words[2])}"


async def limit_hash_usage(switch: SwitchLike, arguments: str) -> str:
    if not arguments:
        return "USAGE: limit_hash_usage <realm> <id> [rate]\n"
    return await limit_usage(switch, f"hash {arguments}")


def needing(table: CommandTable) -> list[Command]:
    async def xml_wrap(switch: SwitchLike, arguments: str) -> str:
        """Another command's answer within XML."""
        if not arguments:
            return "-ERR Invalid syntax\n"
        said = await table.run(switch, arguments)
        text = "\n".join(map(xml_text, said.split("\n")))
        return f'<result>\n  <row id="1">\n    <data>{text}</data>\n  </row>\n</result>\n'

    async def complete(switch: SwitchLike, arguments: str) -> str:
        """``add LINE``: what Tab offers besides; ``del LINE|*``."""
        verb, _, line = arguments.partition(" ")
        line = line.strip()
        if verb.lower() not in ("add", "del") or not line or not line.isprintable():
            return "-USAGE: add <word>|del [<word>|*]\n"
        done = table.offer(line) if verb.lower() == "add" else table.offer_no_more(line)
        return "+OK\n" if done else f"-ERR {visible(line)} is not offered, or there is too much\n"

    return [
        Command("complete", "add <word>|del [<word>|*]", "Complete", complete, ("add", "del")),
        Command("xml_wrap", "<command> <args>", "Wrap another api command in xml", xml_wrap),
    ]


def commands() -> list[Command]:
    usage = "Get the usage count of a limited resource"
    deprecated = "Deprecated: gets the usage count of a limited resource"
    quote = "Quote/escape a string for use on shell command line"
    zone = "<timezone_name> [<epoch>|][format string]"
    return [
        Command("coalesce", COALESCE, "Return first nonempty parameter", coalesce),
        Command("file_exists", "<file>", "Check if a file exists on server", file_exists),
        Command("getcputime", "[reset]", "Gets CPU time in milliseconds (user,kernel)", getcputime),
        Command("gethost", "", "gethostbyname", gethost),
        Command("interface_ip", INTERFACE_IP, "Return the primary IP of an interface", interface_ip),
        Command("is_lan_addr", "<ip>", "See if an ip is a lan addr", is_lan_addr),
        Command("limit_hash_usage", "<realm> <id>", deprecated, limit_hash_usage),
        Command("limit_usage", "<backend> <realm> <id>", usage, limit_usage),
        Command("log", "<level> <message>", "Log", write_log),
        Command("msleep", "<milliseconds>", "Sleep N milliseconds", msleep),
        Command("quote_shell_arg", "<data>", quote, quote_shell_arg),
        Command("replace", "<data>|<string1>|<string2>", "Replace a string", replace),
        Command("strftime_tz", zone, "Display formatted time of timezone", strftime_tz),
    ]
