"""Small commands that scripts use, each of which has to wait, or asks the machine.

Lives here: FreeSWITCH's texts for them. Never here: what the dialplan can ask as well (``asking``), calls.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from ipaddress import ip_address
from typing import Final

from ..net.interfaces import interfaces
from ..switch.dialplan import text_functions
from .commands import Command, CommandTable
from .levels import level_of
from .switch_like import SwitchLike
from .tables import xml_text
from .text import visible, words_of

log = logging.getLogger(__name__)

LONGEST_SLEEP: Final = 60_000  # milliseconds
LONGEST_NAP: Final = 1_000_000  # microseconds, of time_test
USUAL_NAPS: Final = 10
MOST_NAPS: Final = 100
INTERFACE_IP: Final = "[auto|ipv4|ipv6] <ifname>"
LOOPBACK: Final = {4: "127.0.0.1", 6: "::1"}


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
    """The dialplan's, beside the loop: here nobody's call waits for the disk."""
    return await asyncio.to_thread(text_functions.file_exists, arguments)


async def msleep(switch: SwitchLike, arguments: str) -> str:
    """Answer so many milliseconds later; at most a minute."""
    digits = arguments if arguments.isascii() and arguments.isdigit() and len(arguments) < 9 else "0"
    await asyncio.sleep(min(int(digits), LONGEST_SLEEP) / 1000)
    return "+OK"


async def time_test(switch: SwitchLike, arguments: str) -> str:
    """``MICROSECONDS [COUNT]``: how long a sleep of that length takes here, ten times or so often."""
    given, _, count = arguments.partition(" ")
    if not arguments:
        return "parameter missing\n"
    span, loop = min(_number(given), LONGEST_NAP), asyncio.get_running_loop()
    most = min(_number(count.strip()) or USUAL_NAPS, MOST_NAPS)
    lines, total = [], 0
    for number in range(1, most + 1):
        began = loop.time()
        await asyncio.sleep(span / 1e6)
        took = round((loop.time() - began) * 1e6)
        total += took
        lines.append(f"test {number} sleep {span} {took}\n")
    return "".join(lines) + f"avg {total // most}\n"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


async def write_log(switch: SwitchLike, arguments: str) -> str:
    """``LEVEL TEXT``: a line of the log."""
    level, space, text = arguments.partition(" ")
    if not arguments:
        return "-ERR\n"
    log.log((level_of(level) if space else None) or logging.DEBUG, "%s", text if space else level)
    return "+OK\n"


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
    return [
        Command("file_exists", "<file>", "Check if a file exists on server", file_exists),
        Command("getcputime", "[reset]", "Gets CPU time in milliseconds (user,kernel)", getcputime),
        Command("gethost", "", "gethostbyname", gethost),
        Command("interface_ip", INTERFACE_IP, "Return the primary IP of an interface", interface_ip),
        Command("log", "<level> <message>", "Log", write_log),
        Command("msleep", "<milliseconds>", "Sleep N milliseconds", msleep),
        Command("time_test", "<mss> [count]", "Show time jitter", time_test),
    ]
