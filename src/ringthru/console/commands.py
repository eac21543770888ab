"""The command table: one list of commands, which every face reads.

Lives here: what a command is, finding it, running it, completing it.
Never here: a command itself, or how a face prints what it answered.

A body is returned exactly as FreeSWITCH's API returns it, with or without a final newline; the face
adds its own.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Final

from ..net.values import frozen
from ..switch.events.bus import EventBus
from ..switch.snapshots import SwitchSnapshot
from .switch_like import SwitchLike
from .text import visible

log = logging.getLogger(__name__)

NO_REPLY: Final = "-ERR no reply\n"  # what a client is told where a body is empty
DEEPEST: Final = 8  # aliases within aliases
MOST_OFFERED: Final = 1000  # lines added to what Tab completes

Handler = Callable[[SwitchLike, str], Awaitable[str]]


@frozen
class Command:
    """One command: ``handler`` gets the switch and the text after the name.

    ``phrases`` are what may follow the name, for completion; ``{profile}`` and ``{uuid}`` stand for the
    profiles and the calls of the moment. ``home`` is the FreeSWITCH module that has the command, or
    ``ringthru`` for our own. ``details`` are further forms, each with what it does, for ``help NAME``.
    """

    name: str
    syntax: str
    description: str
    handler: Handler
    phrases: tuple[str, ...] = ()
    home: str = "mod_commands"
    details: tuple[tuple[str, str], ...] = ()


class CommandTable:
    """All commands by name; names are compared without case."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands = {each.name.lower(): each for each in commands}
        self._offered: dict[str, None] = {}  # lines that somebody wants completed

    def add(self, command: Command) -> None:
        """One more; ``help`` and ``show`` are added last, since they speak of the others."""
        self._commands[command.name.lower()] = command

    def offer(self, line: str) -> bool:
        """Complete this line, too; False: there are too many."""
        if len(self._offered) < MOST_OFFERED:
            self._offered[line] = None
        return line in self._offered

    def offer_no_more(self, line: str) -> bool:
        """That line, or ``*``, all of them; False: it was not offered."""
        if line == "*":
            self._offered.clear()
            return True
        return self._offered.pop(line, False) is None

    def __iter__(self) -> Iterator[Command]:
        return iter(sorted(self._commands.values(), key=lambda each: each.name))

    def get(self, name: str) -> Command | None:
        return self._commands.get(name.lower())

    async def run(self, switch: SwitchLike, line: str) -> str:
        """The body of one command's answer; whatever goes wrong inside is logged and said in one line."""
        name, _, arguments = line.strip().partition(" ")
        command = self.get(name)
        if command is None:
            return f"Unknown Command: {visible(name)}" if name else ""
        if "API" in switch.bus.wanted:
            words = (("API-Command", name), ("API-Command-Argument", arguments.strip()))
            switch.bus.tell("API", (each for each in words if each[1]))
        try:
            return await command.handler(switch, arguments.strip())
        except Exception as error:  # a command must not take the switch down
            log.exception("command '%s' failed", line)
            return f"-ERR {visible(name)} failed: {visible(str(error)) or type(error).__name__}\n"

    def lines(self, snapshot: SwitchSnapshot) -> Iterator[str]:
        """All that Tab may come to."""
        for command in self:
            yield from _lines(command, snapshot)
        yield from self._offered

    def completions(self, snapshot: SwitchSnapshot, typed: str) -> list[str]:
        """The words that may stand where the last word of ``typed`` stands, sorted."""
        typed = typed.lstrip()
        start = typed.rfind(" ") + 1
        lines = self.lines(snapshot)
        found = {line[start:].partition(" ")[0] for line in lines if line.startswith(typed)}
        return sorted(found - {""})


def tell_of_job(bus: EventBus, line: str, uuid: str, body: str, owner: str = "") -> None:
    """A command that was run in the background has ended; ``owner`` is the call that wanted it, if any."""
    command, _, arguments = line.strip().partition(" ")
    whose = [("Job-Owner-UUID", owner)] if owner else []
    headers = [("Job-UUID", uuid), *whose, ("Job-Command", command)]
    if arguments:
        headers.append(("Job-Command-Arg", arguments))
    bus.tell("BACKGROUND_JOB", headers, body or NO_REPLY)


def split_commands(line: str) -> list[str]:
    """``cmd1;;cmd2`` is two commands; empty ones are dropped."""
    return [part.strip() for part in line.split(";;") if part.strip()]


def unaliased(line: str, aliases: Mapping[str, str]) -> str:
    """A line whose first word is an alias, with what it stands for."""
    for _ in range(DEEPEST):
        word, _, rest = line.strip().partition(" ")
        if word not in aliases:
            break
        line = f"{aliases[word]} {rest}".strip()
    return line


def _lines(command: Command, snapshot: SwitchSnapshot) -> Iterator[str]:
    yield command.name
    for phrase in command.phrases:
        if "{profile}" in phrase:
            names = (name for each in snapshot.profiles for name in (each.name, *each.aliases))
            yield from (f"{command.name} {phrase.replace('{profile}', name)}" for name in names)
        elif "{uuid}" in phrase:
            uuids = (each.uuid for each in snapshot.channels)
            yield from (f"{command.name} {phrase.replace('{uuid}', uuid)}" for uuid in uuids)
        else:
            yield f"{command.name} {phrase}"
