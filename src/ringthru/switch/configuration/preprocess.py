"""FreeSWITCH's text stage: one flat document out of many files, before any XML is read.

Works line by line. Directives are ``<X-PRE-PROCESS cmd="set" data="name=value"/>`` and the older
``<!--#set "name=value"-->``; an XML comment around one does not disable it (people write
``X-NO-PRE-PROCESS`` for that). ``$${name}`` is replaced before the directive on a line is looked at.

``exec`` and ``exec-set`` run a command only where whoever started the program allows it and hands one in that
runs it; else they are noted and left out, for trees come from strangers.

Lives here: set, include, env-set, and the map from flat lines back to files.
Never here: XML, logging, how a command is run (``commands``).
"""

from __future__ import annotations

import glob
import logging
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ...net.values import frozen
from ..variable_names import variable_name
from .errors import ConfigurationError, Note, Position

# What FreeSWITCH fixes
DEEPEST = 100  # includes within includes
# What we chose: a configuration that needs more is a mistake
MOST_FILES = 10_000
MOST_LINES = 1_000_000
LONGEST_LINE = 1 << 20  # characters, variables replaced

DIRECTIVE: Final = re.compile(
    r"""<X-PRE-PROCESS(?P<attributes>(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*/?>"""
    r"""|<!--\#(?P<word>[\w-]+)\s+(?P<argument>.*?)\s*-->"""
    r"""|(?P<broken></?X-PRE-PROCESS\b[^>]*>?)""",
    re.IGNORECASE,
)
ATTRIBUTE: Final = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
WRAPPING: Final = re.compile(r"</?include(?:\s[^<>]*)?/?>|<\?[^\n]*?\?>", re.IGNORECASE)
VARIABLE: Final = re.compile(r"\$\$\{([^{}]*)(\}?)")
NOT_EXECUTED: Final = {
    "exec": "no command is run from a configuration file without -allowexec: the directive is ignored",
    "exec-set": "no command is run from a configuration file without -allowexec: the directive is ignored"
    " and the variable left as it was",
}
Run = Callable[[str], str]  # a shell's line to its output; ValueError with the reason when that fails


@frozen
class FlatDocument:
    """The text that XML parsing sees, and where each of its lines came from."""

    text: str
    positions: tuple[Position, ...]  # of each line of the text, the first at index 0
    variables: dict[str, str]  # the global variables, those handed in included
    notes: tuple[Note, ...]
    names: frozenset[str]  # of the variables that the text asks for


def preprocess(
    path: Path, variables: Mapping[str, str], environment: Mapping[str, str], run: Run | None = None
) -> FlatDocument:
    """Flatten ``path`` and everything it includes.

    Args:
        variables: global variables that exist already; the mapping is not changed.
        environment: what ``env-set`` reads.
        run: what runs the commands of ``exec`` and ``exec-set``; None: nothing does.

    Raises:
        ConfigurationError: a file cannot be read, includes itself, or the whole grows out of bounds.
    """
    work = _Preprocessor(dict(variables), environment, run)
    work.read(path, included_at=None)
    text, names = "\n".join(work.lines), frozenset(work.names)
    return FlatDocument(text, tuple(work.positions), work.variables, tuple(work.notes), names)


class _Preprocessor:
    def __init__(self, variables: dict[str, str], environment: Mapping[str, str], run: Run | None) -> None:
        self.variables = variables
        self.names: set[str] = set()
        self._run_command = run
        self.environment = environment
        self.lines: list[str] = []
        self.positions: list[Position] = []
        self.notes: list[Note] = []
        self._stack: list[Path] = []  # the files being read, outermost first
        self._files = 0

    def read(self, path: Path, included_at: Position | None) -> None:
        self._refuse_runaway(path, included_at or Position(path, 0))
        self._stack.append(path)
        text = _read_text(path, included_at).replace("\r\n", "\n").replace("\r", "\n")
        for number, line in enumerate(text.split("\n"), start=1):
            self._take_line(line, Position(path, number))
        self._stack.pop()

    def _refuse_runaway(self, path: Path, position: Position) -> None:
        self._files += 1
        if path in self._stack:
            raise ConfigurationError(position, f"{path} includes itself", "remove one of the includes")
        if len(self._stack) > DEEPEST:
            raise ConfigurationError(
                position, f"includes are nested more than {DEEPEST} deep", "flatten them"
            )
        if self._files > MOST_FILES or len(self.lines) > MOST_LINES:
            limits = f"{MOST_FILES} files or {MOST_LINES} lines"
            raise ConfigurationError(
                position, f"the configuration has more than {limits}", "narrow the includes"
            )

    def _take_line(self, line: str, position: Position) -> None:
        line = WRAPPING.sub("", self._replace_variables(line, position))
        written = 0
        for match in DIRECTIVE.finditer(line):
            self._emit(line[written : match.start()], position)
            self._obey(match, position)
            written = match.end()
        self._emit(line[written:], position)

    def _emit(self, text: str, position: Position) -> None:
        if text.strip():
            self.lines.append(text)
            self.positions.append(position)

    def _replace_variables(self, line: str, position: Position) -> str:
        def value(match: re.Match[str]) -> str:
            if not match[2]:
                self._note(logging.ERROR, position, f"'{match[0][:60]}' has no closing brace")
                return match[0]
            self.names.add(name := match[1].lower())
            # A line break in a value would shift every later line away from its position.
            return " ".join(self.variables.get(name, "").splitlines())

        line = VARIABLE.sub(value, line)
        if len(line) > LONGEST_LINE:
            message = f"the line has more than {LONGEST_LINE} characters once its variables are replaced"
            raise ConfigurationError(position, message, "a variable may be built from itself over and over")
        return line

    def _obey(self, match: re.Match[str], position: Position) -> None:
        if match["broken"] is not None:
            if not match["broken"].startswith("</"):
                text = 'the directive is ignored: write <X-PRE-PROCESS cmd="…" data="…"/> on one line'
                self._note(logging.WARNING, position, text)
            return
        if match["word"] is not None:
            self._run(match["word"].lower(), _unquote(match["argument"]), position)
            return
        attributes = {m[1].lower(): m[2] or m[3] or "" for m in ATTRIBUTE.finditer(match["attributes"])}
        self._run(attributes.get("cmd", "").lower(), attributes.get("data", ""), position)

    def _run(self, command: str, data: str, position: Position) -> None:
        if command == "set":
            self._set(data, position)
        elif command == "env-set":
            self._env_set(data, position)
        elif command == "include":
            self._include(data, position)
        elif command == "stun-set":
            self._stun_set(data, position)
        elif command in NOT_EXECUTED and self._run_command is not None:
            self._execute(command, data, self._run_command, position)
        elif command in NOT_EXECUTED:
            self._note(logging.WARNING, position, f"{command} '{data}': {NOT_EXECUTED[command]}")
        else:
            self._note(logging.WARNING, position, f"unknown pre-process command '{command}': ignored")

    def _set(self, data: str, position: Position) -> None:
        name, equals, value = _unquote(data).partition("=")
        if not equals or not _unquote(name):
            self._note(logging.WARNING, position, f"set '{data}' is ignored: it is not NAME=VALUE")
            return
        self.variables[variable_name(_unquote(name))] = _unquote(value.lstrip())

    def _stun_set(self, data: str, position: Position) -> None:
        """No server is asked while files are read: the variable holds the question, for ext-sip-ip to ask."""
        self._set(data, position)
        text = f"stun-set '{data}': asked by the profiles whose ext-sip-ip or ext-rtp-ip it becomes"
        self._note(logging.INFO, position, text)

    def _env_set(self, data: str, position: Position) -> None:
        name, equals, source = _unquote(data).partition("=")
        source = _unquote(source).removeprefix("$").strip("{}")
        if not equals or not _unquote(name) or not source:
            self._note(logging.WARNING, position, f"env-set '{data}' is ignored: it is not NAME=$VARIABLE")
        elif source in self.environment:
            self.variables[variable_name(_unquote(name))] = self.environment[source]

    def _execute(self, command: str, data: str, run: Run, position: Position) -> None:
        """``exec`` pastes what the command prints, ``exec-set`` makes it a variable's value."""
        data = _unquote(data)
        name, equals, line = data.partition("=") if command == "exec-set" else ("", "=", data)
        if not equals or not line.strip() or (command == "exec-set" and not name.strip()):
            self._note(logging.WARNING, position, f"{command} '{data}' is ignored: there is no command in it")
            return
        try:
            output = run(_unquote(line))
        except ValueError as error:
            self._note(logging.ERROR, position, f"{command} '{data}' failed: {error}")
            return
        if command == "exec-set":
            self.variables[variable_name(_unquote(name))] = output.strip()
            return
        for each in output.splitlines():
            self._emit(each, position)

    def _include(self, pattern: str, position: Position) -> None:
        full = os.path.join(position.path.parent, pattern)
        try:
            found = sorted(name for name in glob.glob(full) if os.path.isfile(name))
        except (OSError, ValueError, re.error) as error:
            raise ConfigurationError(position, f"cannot include '{pattern}': {error}") from error
        if not pattern or not found:
            self._note(logging.INFO, position, f"No files to include at {full}")
        for name in found:
            self.read(Path(os.path.normpath(name)), position)

    def _note(self, level: int, position: Position, text: str) -> None:
        self.notes.append(Note(level, position, text))


def _unquote(text: str) -> str:
    """Strip blanks and one pair of quotes around the whole."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _read_text(path: Path, included_at: Position | None) -> str:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(included_at or Position(path, 0), f"cannot read {path}: {reason}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # files from the time before UTF-8; every byte means something there
