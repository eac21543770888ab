"""The prompt of ``ringthru cli``: history, completion asked of the switch, F-keys, lines of the log above it.

Lives here: prompt_toolkit. Never here: what a line does.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.patch_stdout import patch_stdout

from ..console.editing import bindings_of, history_of
from .session import Session
from .slash import WORDS

HINT: Final = "Type Ctrl-D, /exit, /quit or /bye to leave."


class FromSwitch(Completer):
    """Words after which the switch is asked; the client's own are known here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, event: CompleteEvent) -> list[Completion]:
        return []  # prompt_toolkit asks the other one, inside of a loop

    async def get_completions_async(
        self, document: Document, event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        typed = document.text_before_cursor.rpartition(";;")[2].lstrip()
        if typed.startswith("/"):
            words = [each for each in WORDS if each.startswith(typed)]
        else:
            words = await self._session.complete(typed)
        start = len(typed) if typed.startswith("/") else len(typed.rpartition(" ")[2])
        for each in words:
            yield Completion(each, start_position=-start)


async def interactive(
    session: Session, keys: dict[str, str], history: Path | None, *, leave_by_interrupt: bool = False
) -> None:
    """Ask for lines until one of them, or Ctrl-D, says goodbye. Ctrl-C clears the line; it may leave, too."""
    editor: PromptSession[str] = PromptSession(
        completer=FromSwitch(session),
        complete_while_typing=False,
        history=history_of(history),
        key_bindings=bindings_of(keys),
    )
    with patch_stdout(raw=True):
        while not session.over.is_set():
            try:
                line = await editor.prompt_async(lambda: f"ringthru@{session.name}> ")
            except KeyboardInterrupt:
                if leave_by_interrupt:
                    return
                session.show.note(HINT)
                continue
            except EOFError:
                return
            await _run(session, line)


async def _run(session: Session, line: str) -> None:
    """Ctrl-C, which the prompt does not read meanwhile, ends the waiting, not the command."""
    task = asyncio.ensure_future(session.run(line))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        session.show.note("Not waited for any longer.")
    finally:
        loop.remove_signal_handler(signal.SIGINT)
