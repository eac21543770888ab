"""The commands of Ringthru, put together.

Lives here: which families make the table.
Never here: a command.
"""

from __future__ import annotations

from . import (
    asking,
    audio_test,
    bans,
    call_records,
    calls,
    chat,
    completing,
    conference,
    console_command,
    control,
    declined,
    doctor,
    general,
    leg_audio,
    leg_messages,
    leg_schedule,
    legs,
    limits,
    lists,
    local_stream,
    nat_map,
    pa,
    people,
    phone_setup,
    recordings,
    small,
    sofia,
    sofia_questions,
    timing,
    valet,
    voicemail,
    xml_commands,
)
from .commands import CommandTable
from .logs import Logs


def standard_table(logs: Logs) -> CommandTable:
    """A table of all commands; ``console`` and ``status`` use the process's ``logs``."""
    families = (
        *(general.commands(logs), calls.commands(logs.idle_cpu)),
        *(
            control.commands(logs),
            console_command.commands(logs),
            small.commands(),
            legs.commands(),
            leg_audio.commands(),
            leg_schedule.commands(),
            leg_messages.commands(),
            limits.commands(),
            chat.commands(),
            local_stream.commands(),
            xml_commands.commands(),
            declined.commands(),
            nat_map.commands(),
            people.commands(),
            phone_setup.commands(),
            sofia.commands(),
            sofia_questions.commands(),
            call_records.commands(),
            bans.commands(),
            doctor.commands(),
            conference.commands(),
            recordings.commands(),
            pa.commands(),
            audio_test.commands(),
            voicemail.commands(),
            valet.commands(),
        ),
    )
    table = CommandTable([command for family in families for command in family])
    needing_the_table = (
        asking.commands(table),
        completing.commands(table),
        small.needing(table),
        timing.commands(table),
    )
    for command in (each for family in needing_the_table for each in family):
        table.add(command)
    table.add(lists.show_command(table))
    table.add(general.help_command(table))
    return table
