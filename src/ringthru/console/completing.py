"""``alias``, and ``console_complete``, by which clients of the event socket complete a line.

Lives here: both, as fs_cli reads them. Never here: which words there are (``commands``).
"""

from __future__ import annotations

from typing import Final

from .commands import Command, CommandTable
from .switch_like import SwitchLike
from .tables import xml_text
from .text import visible

MOST_ALIASES: Final = 1000
ACROSS: Final = 4  # columns of the list
LONGEST: Final = 4096  # characters of a line to complete


async def alias(switch: SwitchLike, arguments: str) -> str:
    """``add WORD COMMAND`` (or ``stickyadd``: none outlives the switch) and ``del WORD|*``."""
    verb, _, rest = arguments.partition(" ")
    word, _, line = rest.strip().partition(" ")
    match verb.lower():
        case "add" | "stickyadd" if word and line.strip():
            if len(switch.aliases) >= MOST_ALIASES and word not in switch.aliases:
                return "-ERR there are too many aliases\n"
            switch.aliases[word] = line.strip()
        case "del" if word == "*":
            switch.aliases.clear()
        case "del" if word:
            if switch.aliases.pop(word, None) is None:
                return f"-ERR there is no alias {visible(word)}\n"
        case _:
            return "-USAGE: [add|stickyadd] <alias> <command> | del [<alias>|*]\n"
    return "+OK\n"


def typed_of(arguments: str) -> str:
    """What stands before the cursor: ``c=POSITION;TEXT``, or all of the text."""
    position, semicolon, text = arguments.partition(";")
    digits = position.removeprefix("c=")
    if not (semicolon and position.startswith("c=") and digits.isdecimal() and len(digits) < 6):
        return arguments[:LONGEST]
    return text[: int(digits)][:LONGEST]


def completion_text(words: list[str], typed: str) -> str:
    """The list, then ``write=LENGTH:TEXT``: what to take away before the cursor, and what to put there."""
    last = typed.rpartition(" ")[2]
    shown = ""
    if len(words) > 1:
        rows = [words[at : at + ACROSS] for at in range(0, len(words), ACROSS)]
        shown = "\n\n" + "".join("".join(f"{each:>20}\t" for each in row) + "\n" for row in rows)
    common = _beginning(words)
    put = f"{common} " if len(words) == 1 else common
    return f"{shown}\n\nwrite={len(last)}:{put}" if len(put) > len(last) else f"{shown}\n\nwrite=0:"


def _beginning(words: list[str]) -> str:
    """With what all of them begin."""
    first, last = min(words, default=""), max(words, default="")
    differ = next(
        (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None
    )
    return first if differ is None else first[:differ]


def commands(table: CommandTable) -> list[Command]:
    async def console_complete(switch: SwitchLike, arguments: str) -> str:
        typed = typed_of(arguments)
        return completion_text(table.completions(switch.snapshot(), typed), typed)

    async def console_complete_xml(switch: SwitchLike, arguments: str) -> str:
        typed = typed_of(arguments)
        words = table.completions(switch.snapshot(), typed)
        items = "".join(f"  <item>{xml_text(each)}</item>\n" for each in words)
        return f"<complete>\n{items}</complete>\n"

    return [
        Command(
            "alias", "[add|stickyadd] <alias> <command> | del [<alias>|*]", "Alias", alias, ("add", "del")
        ),
        Command("console_complete", "<line>", "", console_complete),
        Command("console_complete_xml", "<line>", "", console_complete_xml),
    ]
