"""What the command line and the configuration files of ``ringthru cli`` say.

A file has sections, ``[default]`` among them, of ``name => value`` or ``name = value``: FreeSWITCH's
``~/.fs_cli_conf`` and ``/etc/fs_cli.conf`` are read as they are, ours (``.ringthru_cli_conf``) before them.

Lives here: names, defaults, where the password comes from. Never here: what becomes of them.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ..net.places import state_folder
from ..net.values import frozen, replace

FILES: Final = (
    *("~/.ringthru_cli_conf", "/etc/ringthru_cli.conf", "~/.fs_cli_conf"),
    *("/etc/fs_cli.conf", "/etc/freeswitch/fs_cli.conf"),
)
DEFAULT: Final = "default"
OF_THE_SERVICE: Final = Path("/var/lib/ringthru")  # -db of the unit that the guide shows
PASSWORD_FILE: Final = "event_socket_password"
KNOWN_TO_ALL: Final = "ClueCon"  # FreeSWITCH's
HERE: Final = ("127.0.0.1", "localhost", "::1")
NUMBERS: Final = ("port", "timeout", "connect_timeout", "debug")
SWITCHES: Final = ("quiet", "retry", "reconnect", "batch", "no_color", "interrupt", "log_uuid")
OTHER_NAMES: Final = {  # of files
    "log-level": "loglevel",
    "log_level": "loglevel",
    "log-uuid": "log_uuid",
    "connect-timeout": "connect_timeout",
    "no-color": "no_color",
    "batchmode": "batch",
}


class OptionError(ValueError):
    """The text is the whole message."""


@frozen
class Options:
    """All that a session needs. Times are milliseconds; 0: no limit."""

    host: str = "127.0.0.1"
    port: int = 8021
    user: str = ""
    password: str = ""
    loglevel: str = "debug"
    quiet: bool = False
    retry: bool = False
    reconnect: bool = False
    batch: bool = False
    no_color: bool = False
    interrupt: bool = False  # Ctrl-C leaves
    log_uuid: bool = False  # before each line of the log about a call
    debug: int = 0  # 6: what the client does; 7: also what it sends
    timeout: int = 0
    connect_timeout: int = 5000
    execute: tuple[str, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()  # f1 … f12, and what each runs


def read_options(
    arguments: list[str], files: Iterable[Path] | None = None, folder: Path | None = None
) -> Options:
    """The command line over the file's section over the defaults.

    ``folder`` is where the switch keeps what it made, its password among it; without it, this user's own,
    and then that of the service.

    Raises:
        OptionError: a section that no file has, or a value that cannot be meant.
        SystemExit: argparse's, for a flag that nobody knows (2) and after ``--help`` (0).
    """
    return options_of(_parser().parse_args(arguments), files, folder)


def options_of(
    parsed: argparse.Namespace, files: Iterable[Path] | None = None, folder: Path | None = None
) -> Options:
    """The same of what argparse has made of a command line; what is no option of a session does not count.

    Raises:
        OptionError.
    """
    given = dict(vars(parsed))
    profile, named = given.pop("profile"), given.pop("db") or folder
    found = _section(files, profile)
    ours: tuple[str, ...] = Options.__match_args__
    told = {
        name: value
        for name, value in given.items()
        if name in ours and value is not None and value is not False and value != []
    }
    if "execute" in told:
        told["execute"] = tuple(told["execute"])
    options = replace(Options(), **{**found, **told})
    _check(options)
    return (
        options
        if options.password
        else replace(
            options, password=_password(options, [named] if named else [state_folder(), OF_THE_SERVICE])
        )
    )


def _check(options: Options) -> None:
    if not 1 <= options.port <= 65535:
        raise OptionError(f"port {options.port}: it must be from 1 to 65535")
    if not 0 <= options.debug <= 7:
        raise OptionError(f"debug level {options.debug}: it must be from 0 to 7")


def _password(options: Options, folders: Iterable[Path]) -> str:
    """The one that the switch on this machine made; else FreeSWITCH's, which everybody knows."""
    if options.host in HERE and not options.user:
        for folder in folders:
            with contextlib.suppress(OSError):  # it is another user's, or there is none
                return (folder / PASSWORD_FILE).read_text().strip()
    return KNOWN_TO_ALL


def _section(files: Iterable[Path] | None, profile: str | None) -> dict[str, object]:
    """The first file that has the section counts."""
    paths = [Path(each).expanduser() for each in FILES] if files is None else list(files)
    for path in paths:
        try:
            sections = read_sections(path.read_text(errors="replace"))
        except OSError:
            continue
        if (profile or DEFAULT) in sections:
            return _values(sections[profile or DEFAULT], path)
    if profile is not None:
        where = ", ".join(map(str, paths))
        hint = f"a command for the switch stands behind -x: ringthru cli -x {shlex.quote(profile)}"
        raise OptionError(f"no section [{profile}] in {where}; {hint}")
    return {}


def read_sections(text: str) -> dict[str, dict[str, str]]:
    """The sections of a file; ``;`` and ``#`` begin a comment's line."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = sections.setdefault(DEFAULT, {})
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            current = sections.setdefault(line[1:-1].strip(), {})
        elif line and line[0] not in ";#":
            name, equals, value = line.partition("=")
            if equals:
                current[name.strip().lower()] = value.removeprefix(">").strip()
    return sections


def _values(section: dict[str, str], path: Path) -> dict[str, object]:
    """Values by the names of ``Options``; names that are not ours do not count."""
    values: dict[str, object] = {}
    keys: list[tuple[str, str]] = []
    for written, text in section.items():
        name = OTHER_NAMES.get(written, written)
        if written.startswith("key_f"):
            keys.append((written.removeprefix("key_"), text))
        elif name in NUMBERS:
            if not text.isdecimal() or len(text) > 9:
                raise OptionError(f"{path}: {written} => {text}: a number is needed")
            values[name] = int(text)
        elif name in SWITCHES:
            values[name] = text.lower() in ("true", "yes", "on", "1")
        elif name in ("host", "user", "password", "loglevel"):
            values[name] = text
    if keys:
        values["keys"] = tuple(keys)
    return values


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ringthru cli",
        description="The console of a running switch (or of a FreeSWITCH), over its event socket.",
        epilog="Exit status: 0; 1: a command answered -ERR or -USAGE; 2: wrong flags; 255: no connection.",
    )
    add = parser.add_argument
    add_place(parser)
    add(
        "-x", "--execute", action="append", default=[], metavar="COMMAND", help="run it and leave; repeatable"
    )
    add("-l", "--loglevel", help="of the lines shown: 0 to 7, or console to debug")
    add("-U", "--log-uuid", action="store_true", help="before each of them the call's UUID")
    add("-q", "--quiet", action="store_true", help="show no lines of the log")
    add(
        "-b",
        "--batch",
        "--batchmode",
        action="store_true",
        help="no prompt, no colours: the log, and lines of the input",
    )
    add("-i", "--interrupt", action="store_true", help="Ctrl-C leaves")
    add("-r", "--retry", action="store_true", help="try until there is a connection")
    add("-R", "--reconnect", action="store_true", help="connect again when the connection is lost")
    add("-d", "--debug", type=int, metavar="LEVEL", help="what this client does: 0 to 7 (0)")
    add("-n", "--no-color", "--no-colour", action="store_true", help="no colours")
    add("-?", action="help", help="this text")
    return parser


def add_place(parser: argparse.ArgumentParser) -> None:
    """Where the switch is, and how to get in: what every client of it has to know."""
    add = parser.add_argument
    add("profile", nargs="?", help="a section of ~/.ringthru_cli_conf (or ~/.fs_cli_conf)")
    add("-H", "--host", help="where it listens (127.0.0.1)")
    add("-P", "--port", type=int, help="its port (8021)")
    add("-u", "--user", help="USER@DOMAIN of the directory")
    add("-p", "--password", help="without it, the one that the switch here made")
    add("-t", "--timeout", type=int, metavar="MS", help="for the answer to a command (none)")
    add("-T", "--connect-timeout", type=int, metavar="MS", help="for a connection (5000)")
    add("--db", type=Path, metavar="DIR", help="the switch's -db folder, for its password")
