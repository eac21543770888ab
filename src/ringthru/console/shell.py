"""The console on a terminal: a prompt with completion and history, log lines above it.

Lives here: the shell.
Never here: commands. ``prompt_toolkit`` is imported when the shell starts, in a thread: it takes longer
to load than the switch takes to answer its first call.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .commands import CommandTable
from .plain import run_line, write_out
from .switch_like import SwitchLike
from .text import visible

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer

SHOWN: Final = 100  # lines of the history
PATIENCE: Final = 1.0  # seconds; a command that takes longer goes on while the prompt is back
PARTINGS: Final = ("exit", "quit", "bye", "/exit", "/quit", "/bye")  # of shells, and of fs_cli
WELCOME: Final = """\
Ringthru {version} takes calls.
  phone_setup     what to type into a phone
  nat_map status  what the gateway lets in
  help            all that can be asked
  shutdown        the end; so is Ctrl-D, twice
"""
PARTING_HINT: Final = "Type 'shutdown', or press Ctrl-D twice, to stop the switch; its calls end."
HINT: Final = "Type 'shutdown' to stop the switch, or press Ctrl-C (or Ctrl-D) again."


class Shell:
    """One prompt on one terminal. ``run`` returns when the switch was asked to stop."""

    def __init__(
        self,
        switch: SwitchLike,
        table: CommandTable,
        history: Path | None = None,
        write: Callable[[str], None] = write_out,
        welcome: str = "",
    ) -> None:
        """``welcome`` is said once, above the first prompt."""
        self._switch = switch
        self._table = table
        self._history = history
        self._write = write
        self._welcome = welcome
        self._running: set[asyncio.Task[None]] = set()
        self._leaving = False

    async def run(self) -> None:
        for module in ("prompt_toolkit", "prompt_toolkit.patch_stdout", "prompt_toolkit.history"):
            await asyncio.to_thread(importlib.import_module, module)
        from prompt_toolkit.patch_stdout import patch_stdout

        session = self._session()
        here = f"@{self._switch.snapshot().hostname}" if self._switch.layout == "current" else ""
        prompt = f"ringthru{here}> "
        try:
            with patch_stdout(raw=True):
                if self._welcome:
                    self._write(self._welcome)
                while not self._leaving:
                    await self._one_line(session, prompt)
        finally:
            for task in self._running:
                task.cancel()

    async def _one_line(self, session: PromptSession[str], prompt: str) -> None:
        """Read a line and run it; twice Ctrl-C (or Ctrl-D) in a row on an empty line stops the switch."""
        line = await self._ask(session, prompt)
        if line is None:
            self._write(HINT)
            line = await self._ask(session, prompt)
        if line is not None and line.strip().lower() == "history":
            self._write(_numbered(session.history.get_strings()))
        else:
            await self._run("shutdown" if line is None else line)

    async def _ask(self, session: PromptSession[str], prompt: str) -> str | None:
        """A line, or None for Ctrl-C or Ctrl-D. SIGINT from elsewhere stays with the entry point."""
        try:
            return await session.prompt_async(prompt, handle_sigint=False)
        except (EOFError, KeyboardInterrupt):
            return None

    async def _run(self, line: str) -> None:
        if line.strip().lower() in PARTINGS:
            self._write(PARTING_HINT)
            return
        self._leaving = line.strip().lower() in ("shutdown", "...", "fsctl shutdown")
        task = asyncio.create_task(run_line(self._switch, self._table, line, self._write))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait({task}, timeout=PATIENCE)

    def _session(self) -> PromptSession[str]:
        from prompt_toolkit import PromptSession

        from .editing import KEYS, bindings_of, history_of

        return PromptSession(
            completer=self.completer(),
            complete_while_typing=False,
            history=history_of(self._history),
            key_bindings=bindings_of({**KEYS, **self._switch.console_keys}),
        )

    def completer(self) -> Completer:
        """Completion from the command table, for the last command on the line."""
        from prompt_toolkit.completion import CompleteEvent, Completer, Completion
        from prompt_toolkit.document import Document

        table, switch = self._table, self._switch

        class FromTable(Completer):
            def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
                typed = document.text_before_cursor.rpartition(";;")[2]
                word = typed.rpartition(" ")[2]
                for each in table.completions(switch.snapshot(), typed):
                    yield Completion(each, start_position=-len(word))

        return FromTable()


def _numbered(lines: list[str]) -> str:
    """The last of what was typed, the latest at the end."""
    rows = list(enumerate(lines, start=1))[-SHOWN:]
    return "\n".join(f"{number:>5}  {visible(line)}" for number, line in rows)
