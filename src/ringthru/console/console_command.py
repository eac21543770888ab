"""The command ``console``: which lines of the log the console shows, and in which colours.

Lives here: its words and FreeSWITCH's texts. Never here: the log (``logs``).
"""

from __future__ import annotations

from typing import Final

from .commands import Command
from .levels import LEVELS, level_of, name_of
from .logs import Logs
from .switch_like import SwitchLike
from .text import words_of

RULE: Final = "-" * 80
NAMES: Final = tuple(name.lower() for name, _ in LEVELS)
USAGE: Final = (
    f"USAGE:\n{RULE}\n"
    "console help\n"
    "console loglevel [[0-7] | <loglevel_string>]\n"
    "console colorize [on|off|toggle]\n"
    f"{RULE}\n"
)
LOGLEVEL: Final = (
    f"USAGE:\n{RULE}\n"
    "console loglevel [[0-7] | <loglevel_string>]\n"
    "\n"
    "What the console shows, from 0 (the least) to 7 (everything), by number or by name:\n"
    "\n"
    f"{''.join(f'  {number} {name}{chr(10)}' for number, name in enumerate(NAMES))}"
    f"{RULE}\n"
)
COLORIZE: Final = (
    f"USAGE:\n{RULE}\nconsole colorize [on|off|toggle]\n\nWhether the console's lines have colours.\n{RULE}\n"
)
WORDS: Final = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


def commands(logs: Logs) -> list[Command]:
    def loglevel(words: list[str]) -> str:
        if words == ["help"]:
            return LOGLEVEL
        if words:
            level = level_of(words[0])
            if level is None:
                return "-ERR syntax error, console log level not set!\n"
            logs.set_console_level(level)
            return f"+OK console log level set to {name_of(level)}\n"
        return f"+OK console log level set to {name_of(logs.console_level)}\n"

    def colorize(words: list[str]) -> str:
        if words == ["help"]:
            return COLORIZE
        if words:
            wanted = not logs.colours if words[0] == "toggle" else WORDS.get(words[0])
            if wanted is None:
                return COLORIZE
            logs.colours = wanted
        return f"+OK console color {'enabled' if logs.colours else 'disabled'}\n"

    async def console(switch: SwitchLike, arguments: str) -> str:
        match words_of(arguments.lower()):
            case ["loglevel", *rest]:
                return loglevel(rest)
            case ["colorize", *rest]:
                return colorize(rest)
        return USAGE

    phrases = (
        *(f"loglevel {name}" for name in NAMES),
        *(f"colorize {each}" for each in ("on", "off", "toggle")),
    )
    syntax = "loglevel [[0-7] | <loglevel_string>] | colorize [on|off|toggle]"
    return [
        Command(
            "console", syntax, "Console log level and colours", console, (*phrases, "help"), "mod_console"
        )
    ]
