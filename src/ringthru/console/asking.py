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

HASH: Final = "[insert|delete|select]/<realm>/<key>/<value>"
UNLOAD: Final = "[-f] <mod_name>"
COALESCE: Final = "[^^<delim>]<value1>,<value2>,..."
DATABASE: Final = "[insert|delete|select|exists|count|list]/<realm>/<key>/<value>"
GROUP: Final = "[insert|delete|call]:<group name>:<url>"
IN_GROUP: Final = "<user>[@<domain>] <group_name>"
DOMAIN_DATA: Final = "<domain> [var|param|attr] <name>"
CONTACTS: Final = "[profile/]<user>@<domain>"
ZONE: Final = "<timezone_name> [<epoch>|][format string]"
QUOTE: Final = "Quote/escape a string for use on shell command line"
SQL: Final = "Escape a string to prevent sql injection"
# Name, syntax, description, the least words, what is said of fewer (it differs in FreeSWITCH), and its module
FUNCTIONS: Final = (
    ("coalesce", COALESCE, "Return first nonempty parameter", 1, f"-USAGE: {COALESCE}\n", "mod_commands"),
    ("cond", "<expr> ? <true val> : <false val>", "Evaluate a conditional", 3, "-ERR", "mod_commands"),
    ("db", DATABASE, "db get/set", 0, "", "mod_db"),
    ("domain_data", DOMAIN_DATA, "Find domain data", 3, "", "mod_commands"),
    ("domain_exists", "<domain>", "Check if a domain exists", 1, "", "mod_commands"),
    ("escape", "<data>", "Escape a string", 0, "", "mod_commands"),
    ("expr", "<expr>", "Evaluate an expression", 1, "-USAGE: <expr>\n", "mod_expr"),
    ("group", GROUP, "group [insert|delete|call]", 0, "", "mod_db"),
    ("group_call", "<group>[@<domain>]", "Generate a dial string to call a group", 1,
     "error/NO_ROUTE_DESTINATION", "mod_commands"),
    ("hash", HASH, "hash get/set", 1, f"-USAGE: {HASH}\n", "mod_hash"),
    ("in_group", IN_GROUP, "Determine if a user is in a group", 0, "", "mod_commands"),
    ("is_lan_addr", "<ip>", "See if an ip is a lan addr", 0, "", "mod_commands"),
    ("md5", "<data>", "Return md5 hash", 1, "!err!", "mod_commands"),
    ("quote_shell_arg", "<data>", QUOTE, 0, "", "mod_commands"),
    ("regex", "<data>|<pattern>[|<subst string>][n|b]", "Evaluate a regex", 1, "-ERR", "mod_commands"),
    ("replace", "<data>|<string1>|<string2>", "Replace a string", 0, "", "mod_commands"),
    ("sofia_contact", CONTACTS, "Sofia Contacts", 1, "", "mod_sofia"),
    ("sofia_count_reg", CONTACTS, "Count Sofia registration", 1, f"-USAGE: {CONTACTS}\n", "mod_sofia"),
    ("sofia_username_of", CONTACTS, "Sofia Username Lookup", 1, "", "mod_sofia"),
    ("sql_escape", "<string>", SQL, 1, "-USAGE: <string>\n", "mod_commands"),
    ("strepoch", "<string>", "Convert a date string into epoch time", 0, "", "mod_dptools"),
    ("strftime", "<format_string>", "strftime", 0, "", "mod_dptools"),
    ("strftime_tz", ZONE, "Display formatted time of timezone", 0, "", "mod_commands"),
    ("strmicroepoch", "<string>", "Convert a date string into micoepoch time", 0, "", "mod_dptools"),
    ("tolower", "<string>", "Lower Case a string", 0, "", "mod_commands"),
    ("toupper", "<string>", "Upper Case a string", 0, "", "mod_commands"),
    ("url_decode", "<string>", "Url decode a string", 0, "", "mod_commands"),
    ("url_encode", "<string>", "Url encode a string", 0, "", "mod_commands"),
    ("user_data", "<user>@<domain> [var|param|attr] <name>", "Find user data", 3, "", "mod_commands"),
    ("user_exists", "<key> <user> <domain>", "Find a user", 3, "false", "mod_commands"),
)  # fmt: skip
PHRASES: Final = {  # what Tab offers behind them
    "db": ("insert/", "delete/", "select/", "exists/", "count/", "list/"),
    "group": ("insert:", "delete:", "call:"),
    "hash": ("insert/", "delete/", "select/"),
}


def _function(name: str, least: int, otherwise: str) -> Handler:
    async def ask(switch: SwitchLike, arguments: str) -> str:
        if len(words_of(arguments)) < least:
            return otherwise
        found = switch.calls.router.functions.call(f"{name}({arguments})")
        return "" if found is None else found

    return ask


async def host_lookup(switch: SwitchLike, arguments: str) -> str:
    """A name's address, IPv4 first."""
    if not arguments:
        return "parameter missing\n"
    try:
        found = await asyncio.get_running_loop().getaddrinfo(arguments, None)
    except (OSError, UnicodeError):
        return "!err!"
    return sorted((str(each[4][0]) for each in found), key=lambda text: ":" in text)[0]


async def echo(switch: SwitchLike, arguments: str) -> str:
    return arguments


async def create_uuid(switch: SwitchLike, arguments: str) -> str:
    return random_uuid()


async def module_exists(switch: SwitchLike, arguments: str) -> str:
    """Whether the work of one of FreeSWITCH's modules is done here."""
    if not arguments:
        return ""
    return "true" if arguments in MODULES else "false"


async def load(switch: SwitchLike, arguments: str) -> str:
    """The modules that are here cannot be taken away, and no others added; the XML is read as there."""
    if not arguments:
        return "-USAGE: <mod_name>\n"
    return await _reloaded(switch) + f"-ERR [{_not_loaded(arguments)}]\n"


async def unload(switch: SwitchLike, arguments: str) -> str:
    name = arguments.removeprefix("-f").strip()
    return f"-ERR [{_not_unloaded(name)}]\n" if name else f"-USAGE: {UNLOAD}\n"


async def reload(switch: SwitchLike, arguments: str) -> str:
    name = arguments.removeprefix("-f").strip()
    if not name:
        return f"-USAGE: {UNLOAD}\n"
    said = await _reloaded(switch)
    return f"{said}-ERR unloading module [{_not_unloaded(name)}]\n-ERR loading module [{_not_loaded(name)}]\n"


async def _reloaded(switch: SwitchLike) -> str:
    return "+OK Reloading XML\n" if await switch.reload() == "Success" else ""


def _not_loaded(name: str) -> str:
    """FreeSWITCH's words first, for those who look for them."""
    if name in MODULES:
        return "Module already loaded"
    return f"{visible(name)}: there is no such module here, and none can be added"


def _not_unloaded(name: str) -> str:
    if name not in MODULES:
        return "No such module!"
    return "Module is not unloadable; 'sofia profile NAME restart' opens a profile's sockets anew"


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
    return visible(expanded(switch, arguments))


def _expand_command(table: CommandTable) -> Command:
    async def run(switch: SwitchLike, arguments: str) -> str:
        line = expanded(switch, arguments)
        name = line.partition(" ")[0]
        if not line:
            return "-ERR No input\n"
        if table.get(name) is None:
            return "-ERR Cannot execute command\n"
        return await table.run(switch, line)

    return Command("expand", "[uuid:<uuid> ]<cmd> <args>", "Execute an api with variable expansion", run)


def commands(table: CommandTable) -> list[Command]:
    return [
        *(
            Command(name, syntax, text, _function(name, least, otherwise), PHRASES.get(name, ()), home)
            for name, syntax, text, least, otherwise, home in FUNCTIONS
        ),
        Command("load", "<mod_name>", "Load Module", load),
        Command("reload", UNLOAD, "Reload module", reload),
        Command("unload", UNLOAD, "Unload module", unload),
        Command("create_uuid", "", "Create a uuid", create_uuid),
        Command("echo", "<data>", "Echo", echo),
        Command("eval", "[uuid:<uuid> ]<expression>", "eval (noop)", evaluate),
        Command("host_lookup", "<hostname>", "Lookup host", host_lookup),
        Command("module_exists", "<module>", "Check if module exists", module_exists),
        _expand_command(table),
    ]
