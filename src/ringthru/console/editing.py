"""What both prompts have, the switch's own and the client's: F-keys, Ctrl-C, the history.

Lives here: that part of prompt_toolkit. Never here: completion, what a line does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings

log = logging.getLogger(__name__)

KEYS: Final = {  # FreeSWITCH's
    "f1": "help",
    "f2": "status",
    "f3": "show channels",
    "f4": "show calls",
    "f5": "sofia status",
    "f6": "reloadxml",
    "f7": "console loglevel 0",
    "f8": "console loglevel 7",
    "f9": "sofia status profile internal",
    "f10": "sofia profile internal siptrace on",
    "f11": "sofia profile internal siptrace off",
    "f12": "version",
}


def history_of(file: Path | None) -> History:
    """The lines of earlier runs, and where those of this one go; none are kept where that cannot be."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    if file is None:
        return InMemoryHistory()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError as error:
        log.warning("no history of commands is kept: %s", error)
        return InMemoryHistory()
    return FileHistory(str(file))


def bindings_of(keys: Mapping[str, str]) -> KeyBindings:
    """Ctrl-C clears a line, or is a KeyboardInterrupt on an empty one; each key of ``keys`` runs its line."""
    from prompt_toolkit.key_binding import KeyBindings

    bindings = KeyBindings()

    def press(key: str, command: str) -> None:
        @bindings.add(key)
        def _(event: Any) -> None:
            event.current_buffer.text = command
            event.current_buffer.validate_and_handle()

    @bindings.add("c-c")
    def _(event: Any) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt)

    for key, command in keys.items():
        press(key, command)
    return bindings
