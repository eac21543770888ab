"""The commands that answer a question: the functions of the dialplan, identifiers, the directory.

``${regex(…)}`` of a dialplan and ``regex …`` of the console are one function (``switch/functions``); here is
how the console names it, and how many words it wants.

Lives here: names, syntaxes, descriptions. Never here: the answers.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ..switch.configuration import expand
from ..switch.words import random_uuid
from .commands import Command, CommandTable, Handler
from .lists import MODULES
from .switch_like import SwitchLike
from .text import visible, words_of

# Name, syntax, description, the least words
FUNCTIONS: Final = (
    ("cond", "<expr> ? <true val> : <false val>", "Evaluate a conditional", 3),
    ("domain_exists", "<domain>", "Check if a domain exists", 1),
    ("expr", "<expr>", "Evaluate an expression", 1),
    ("group_call", "<group>[@<domain>][+A|+F|+E]", "Generate a dial string to call a group", 1),
    ("hash", "[insert|delete|select]/<realm>/<key>/<value>", "hash get/set", 1),
    ("limit_usage", "<backend> <realm> <id>", "Get the usage count of a limited resource", 3),
    ("md5", "<data>", "Return md5 hash", 1),
    ("regex", "<data>|<pattern>[|<subst string>][n|b]", "Evaluate a regex", 1),
    ("sofia_contact", "[profile/]<user>@<domain>", "Sofia Contacts", 1),
    ("tolower", "<string>", "Lowercase a string", 0),
    ("toupper", "<string>", "Uppercase a string", 0),
    ("strftime", "<format_string>", "strftime", 0),
    ("url_decode", "<string>", "Url decode a string", 0),
    ("url_encode", "<string>", "Url encode a string", 0),
    ("user_data", "<user>@<domain> [attr|var|param] <name>", "Find user data", 3),
    ("user_exists", "<key> <user> <domain>", "Find a user", 3),
)


def _function(name: str, syntax: str, least: int) -> Handler:
    async def ask(switch: SwitchLike, arguments: str) -> str:
        if len(words_of(arguments)) < least:
            return f"-USAGE: {syntax}\n"
        found = switch.calls.router.functions.call(f"{name}({arguments})")
        return "" if found is None else found

    return ask


async def host_lookup(switch: SwitchLike, arguments: str) -> str:
    """A name's address, IPv4 first."""
    if not arguments:
        return "-USAGE: <hostname>\n"
    try:
        found = await asyncio.get_running_loop().getaddrinfo(arguments, None)
    except (OSError, UnicodeError):
        return "-ERR no reply\n"
    return sorted((str(each[4][0]) for each in found), key=lambda text: ":" in text)[0]


async def echo(switch: SwitchLike, arguments: str) -> str:
    return arguments


async def create_uuid(switch: SwitchLike, arguments: str) -> str:
    return random_uuid()


async def module_exists(switch: SwitchLike, arguments: str) -> str:
    """Whether the work of one of FreeSWITCH's modules is done here."""
    if not arguments:
        return "-USAGE: <module>\n"
    return "true" if arguments in MODULES else "false"


async def no_modules(switch: SwitchLike, arguments: str) -> str:
    if not arguments:
        return "-USAGE: <mod_name>\n"
    return (
        f"-ERR [{visible(arguments)}: there are no modules to load here; 'reloadxml' reads the "
        "configuration anew, 'sofia profile NAME restart' opens a profile's sockets]\n"
    )


def expanded(switch: SwitchLike, text: str) -> str:
    """``[uuid:UUID ]TEXT`` with every ``${…}`` replaced, for that leg or without any."""
    router = switch.calls.router
    if text.startswith("uuid:"):
        uuid, _, text = text.removeprefix("uuid:").partition(" ")
        channel = switch.calls.channels.get(uuid)
        if channel is not None:
            return router.expanded(channel, text)
    return expand(text, router.lookup())


async def evaluate(switch: SwitchLike, arguments: str) -> str:
    if not arguments:
        return "-USAGE: [uuid:<uuid> ]<expression>\n"
    return visible(expanded(switch, arguments))


def _expand_command(table: CommandTable) -> Command:
    async def run(switch: SwitchLike, arguments: str) -> str:
        line = expanded(switch, arguments)
        name = line.partition(" ")[0]
        if not line:
            return "-USAGE: [uuid:<uuid> ]<cmd> <args>\n"
        if table.get(name) is None:
            return f"-ERR Cannot execute command {visible(name)}\n"
        return await table.run(switch, line)

    return Command("expand", "[uuid:<uuid> ]<cmd> <args>", "Execute an api with variable expansion", run)


def commands(table: CommandTable) -> list[Command]:
    loading = (("load", "Load Module"), ("reload", "Reload module"), ("unload", "Unload module"))
    return [
        *(
            Command(name, syntax, text, _function(name, syntax, least))
            for name, syntax, text, least in FUNCTIONS
        ),
        *(Command(name, "<mod_name>", text, no_modules) for name, text in loading),
        Command("create_uuid", "", "Create a uuid", create_uuid),
        Command("echo", "<data>", "Echo", echo),
        Command("eval", "[uuid:<uuid> ]<expression>", "eval (noop)", evaluate),
        Command("host_lookup", "<hostname>", "Lookup host", host_lookup),
        Command("module_exists", "<module>", "Check if module exists", module_exists),
        _expand_command(table),
    ]
