"""The commands of Ringthru, put together.

Lives here: which families make the table.
Never here: a command.
"""

from __future__ import annotations

from . import bans, calls, general, nat_map, sofia
from .commands import CommandTable
from .logs import Logs


def standard_table(logs: Logs) -> CommandTable:
    """A table of all commands; ``console`` and ``status`` use the process's ``logs``."""
    families = (
        *(general.commands(logs), calls.commands(logs.idle_cpu)),
        *(nat_map.commands(), sofia.commands(), bans.commands()),
    )
    table = CommandTable([command for family in families for command in family])
    table.add(general.show_command(table))
    table.add(general.help_command(table))
    return table
