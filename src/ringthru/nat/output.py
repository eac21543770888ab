"""Where the command line writes: tables and colours on a terminal, plain text in a pipe, JSON when asked.

Results go to standard output; progress, warnings and errors to standard error. ``rich`` is imported only
where somebody looks at a terminal. Who does not read on (``| head``) changes nothing but what is written.

Lives here: layout. Never here: what is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, cast

from .stream import Stream


class Output:
    """One command's output. With ``as_json`` only ``document`` and ``line`` write to standard output."""

    def __init__(
        self, out: TextIO, err: TextIO, *, as_json: bool = False, colour: bool = True, quiet: bool = False
    ) -> None:
        self.as_json = as_json
        self._to = Stream(out)
        self._out, self._err = cast("TextIO", self._to), cast("TextIO", Stream(err))
        self._quiet = quiet
        self._rich = not as_json and colour and out.isatty()
        self._spins = not as_json and not quiet and err.isatty()
        self._colour = colour

    @property
    def failure(self) -> OSError | None:
        """Why nobody reads the results any more; None: somebody may."""
        return self._to.failure

    @property
    def is_read(self) -> bool:
        """Whether somebody may read what comes next."""
        self._to.look()
        return self._to.failure is None

    def say(self, text: str = "") -> None:
        """A line for people."""
        if not self.as_json:
            print(text, file=self._out)

    def raw(self, text: str) -> None:
        """What a program reads, as it is."""
        self._out.write(text)

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Name and value, one pair a line."""
        width = max((len(name) for name, _ in rows), default=0) + 2
        for name, value in rows:
            self.say(f"{name + ':':<{width}} {value}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], good: int | None = None) -> None:
        """Rows under headings; ``good`` is the column that deserves the eye."""
        if self.as_json:
            return
        if self._rich:
            self._rich_table(columns, rows, good)
            return
        self.say(aligned([columns, *rows]))

    def note(self, text: str) -> None:
        """A remark beside the result; not shown with ``--quiet``."""
        if not self._quiet and not self.as_json:
            print(text, file=self._err)

    def error(self, text: str) -> None:
        print(f"ringthru nat: {text}", file=self._err)

    def document(self, document: dict[str, Any]) -> None:
        """The command's result as JSON."""
        if self.as_json:
            print(_as_json(document, indent=2), file=self._out)

    def line(self, document: dict[str, Any]) -> None:
        """One of many objects, each on its own line."""
        if self.as_json:
            print(_as_json(document), file=self._out)

    @contextmanager
    def waiting(self, what: str) -> Iterator[Callable[[str], None]]:
        """A spinner that says what is waited for, while standard error is a terminal.

        What is given says something else with it.
        """
        if not self._spins:
            yield lambda text: None
            return
        from rich.console import Console
        from rich.markup import escape

        with Console(file=self._err, no_color=not self._colour).status(escape(what)) as spinner:
            yield lambda text: spinner.update(escape(text))

    @contextmanager
    def live(self) -> Iterator[Callable[[str], None] | None]:
        """A picture that is drawn again and again, on a terminal; None where there is none."""
        if not self._rich:
            yield None
            return
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        with Live(console=Console(file=self._out), auto_refresh=False) as picture:
            yield lambda text: picture.update(Text(text), refresh=True)

    def _rich_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], good: int | None) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for at, column in enumerate(columns):
            last = at == len(columns) - 1  # the one with words: addresses must stay in one piece
            table.add_column(column, style="bold green" if at == good else None, no_wrap=not last)
        for row in rows:
            table.add_row(*map(Text, row))  # Text: a gateway's brackets are no markup
        Console(file=self._out).print(table)


class Later(Output):
    """Keeps what is said until it is shown: what is done side by side is read one after the other."""

    def __init__(self, shown_on: Output) -> None:
        self.as_json = shown_on.as_json
        self._shown_on = shown_on
        self._said: list[Callable[[], None]] = []

    def show(self) -> None:
        """Say all of it."""
        for each in self._said:
            each()

    def say(self, text: str = "") -> None:
        self._said.append(lambda: self._shown_on.say(text))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], good: int | None = None) -> None:
        self._said.append(lambda: self._shown_on.table(columns, rows, good))

    def note(self, text: str) -> None:
        self._said.append(lambda: self._shown_on.note(text))

    def error(self, text: str) -> None:
        self._said.append(lambda: self._shown_on.error(text))

    @contextmanager
    def waiting(self, what: str) -> Iterator[Callable[[str], None]]:
        """Nobody sees this one's spinner."""
        yield lambda text: None


def _as_json(document: dict[str, Any], indent: int | None = None) -> str:
    import json  # late: of no use to people

    return json.dumps(document, indent=indent)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell, two blanks apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
