"""The program's flags, single-dash as FreeSWITCH's users type them (``--long`` is understood too).

More of them may stand in the environment, in RINGTHRU_OPTS or else FREESWITCH_OPTS; the command line counts
after it.

Lives here: which flags there are, reading them, the text of ``-help``.
Never here: what a flag does.

Not made with ``argparse``: it takes every unambiguous beginning of a single-dash flag for the flag
(``-nonatm``), and a mistyped ``-nonat`` must be an error, not something close to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..net.places import state_folder
from ..net.values import frozen


class FlagError(ValueError):
    """The command line is not understood; the text is the whole message."""


@frozen
class Flag:
    """One flag; ``value`` names what follows it, empty when nothing does."""

    name: str
    text: str
    value: str = ""


VARIABLE_FOLDERS: Final = (  # their variables are named after the flags, but for two
    *(
        "base",
        "mod",
        "htdocs",
        "scripts",
        "temp",
        "grammar",
        "certs",
        "recordings",
        "storage",
        "cache",
        "sounds",
    ),
)
FLAGS: Final = (
    Flag("help", "this message"),
    Flag("version", "print the version and exit"),
    Flag("nonat", "disable auto nat detection"),
    Flag("nonatmap", "disable auto nat port mapping"),
    Flag("c", "output to a console, with a prompt (the default)"),
    Flag("nc", "no console, and to the background"),
    Flag("ncwait", "no console, to the background, and back when calls are taken"),
    Flag("nf", "no forking: -nc and -ncwait stay in the foreground, with log lines"),
    Flag("stop", "stop the one that runs, and wait until it has ended"),
    Flag("conf", "alternate directory for configuration files", "confdir"),
    Flag("log", "directory for the log file (without it there is none)", "logdir"),
    Flag("db", "alternate directory for what is kept between runs", "dbdir"),
    Flag("run", "alternate directory for the pid file (without it that of -db)", "rundir"),
    Flag("u", "go on as this user once started by root", "user"),
    Flag("g", "go on as this group", "group"),
    *(
        Flag(each, f"alternate directory, what $${{{each}_dir}} stands for", "dir")
        for each in VARIABLE_FOLDERS
    ),
    Flag("allowexec", "let the configuration run programs (exec, exec-set); off, as trees are passed around"),
)
# FreeSWITCH's, for what there is none of here: its scripts and units start with them
WITHOUT_EFFECT: Final = (
    *("nosql", "nort", "nocal", "heavy-timer", "monotonic-clock", "rp", "lp", "np", "hp", "waste", "core"),
    *("vg", "elegant-term", "reincarnate", "reincarnate-reexec", "no-auto-stack"),
)
BY_NAME: Final = {each: Flag(each, "") for each in WITHOUT_EFFECT} | {
    **{each.name: each for each in FLAGS},
    "h": FLAGS[0],
    "?": FLAGS[0],
}
OPTS: Final = ("RINGTHRU_OPTS", "FREESWITCH_OPTS")  # the first that is set counts
FACES: Final = ("c", "nc", "ncwait")  # of these the last one given counts


@frozen
class Options:
    """What the command line asks for. A directory that is None was not given."""

    help: bool = False
    version: bool = False
    nat_enabled: bool = True
    mapping_enabled: bool = True
    console: bool = True
    conf: Path | None = None
    log: Path | None = None
    db: Path | None = None
    run: Path | None = None
    background: bool = False
    wait: bool = False  # before it goes there, until it serves
    folders: tuple[tuple[str, Path], ...] = ()  # global variables, and the directories they stand for
    stop: bool = False
    user: str = ""
    group: str = ""
    allow_exec: bool = False

    @property
    def log_folder(self) -> Path | None:
        """Where the log file is; one in the background has one, for there is nothing else to read."""
        if self.log is None and self.background:
            return (self.db or state_folder()) / "log"
        return self.log

    @property
    def run_folder(self) -> Path:
        """Where the pid file is."""
        return self.run or self.db or state_folder()


def words_of_environment(environment: Mapping[str, str]) -> list[str]:
    """The flags in RINGTHRU_OPTS, else FREESWITCH_OPTS; quotes as in a shell.

    Raises:
        FlagError: a quote is not closed.
    """
    name = next((each for each in OPTS if environment.get(each, "").strip()), None)
    if name is None:
        return []
    import shlex  # not of a start without any

    try:
        return shlex.split(environment[name])
    except ValueError as error:
        raise FlagError(f"{name} cannot be read: {error}: '{environment[name]}'") from error


def read_flags(arguments: list[str]) -> Options:
    """Read the command line; of a flag given twice the last one counts.

    Raises:
        FlagError: a flag nobody knows, or one that lacks its value.
    """
    given: dict[str, str] = {}
    left = iter(arguments)
    for argument in left:
        name, equals, value = argument.removeprefix("-").removeprefix("-").partition("=")
        flag = BY_NAME.get(name) if argument.startswith("-") else None
        if flag is None or (equals and not flag.value):
            raise FlagError(f"Unknown option '{argument}', see 'ringthru -help' for a list of valid options")
        if flag.value and not equals:
            value = next(left, "")
        if flag.value and not value:
            raise FlagError(f"Option '{argument}' needs a value: {argument.rstrip('=')} [{flag.value}]")
        given.pop(flag.name, None)  # so that the order is that of the last mention
        given[flag.name] = value
    return _options(given)


def _options(given: dict[str, str]) -> Options:
    def directory(name: str) -> Path | None:
        return Path(given[name]).expanduser() if name in given else None

    face = next((name for name in reversed(given) if name in FACES), "c")
    return Options(
        help="help" in given,
        version="version" in given,
        nat_enabled="nonat" not in given,
        mapping_enabled="nonatmap" not in given,
        console=face == "c",
        conf=directory("conf"),
        log=directory("log"),
        db=directory("db"),
        run=directory("run"),
        background=face != "c" and "nf" not in given,
        wait=face != "c" and "ncwait" in given,
        folders=tuple((_variable(name), Path(given[name])) for name in VARIABLE_FOLDERS if name in given),
        stop="stop" in given,
        user=given.get("u", ""),
        group=given.get("g", ""),
        allow_exec="allowexec" in given,
    )


def _variable(flag: str) -> str:
    return f"{flag.removesuffix('s') if flag == 'scripts' else flag}_dir"


ACCEPTED: Final = (
    "FreeSWITCH's -{} are accepted and change nothing. More flags may stand in the environment, in "
    "RINGTHRU_OPTS or else FREESWITCH_OPTS."
)


def help_text() -> str:
    """The text of ``-help``, laid out as FreeSWITCH's."""
    lines = (f"\t{_spelled(each):<23}-- {each.text}\n" for each in FLAGS)
    return (
        "Usage: ringthru [OPTIONS]\n"
        "       ringthru cli [-x COMMAND] ...\n"
        "       ringthru doctor [--json|--report FILE]\n"
        "       ringthru demo [--once]\n"
        "       ringthru config new|check TREE\n"
        "       ringthru nat COMMAND ...\n"
        "       ringthru lab gateway ...\n"
        "       ringthru media-node ...\n"
        "\n"
        "These are the optional arguments you can pass to ringthru:\n"
        f"{''.join(lines)}"
        "\n"
        f"{_filled(ACCEPTED.format(', -'.join(WITHOUT_EFFECT)))}\n"
        "\n"
        "ringthru cli         the console of a running switch\n"
        "ringthru doctor      what is wrong with it, what that means, and what to do\n"
        "ringthru demo        a call through a NAT gateway, on loopback alone\n"
        "ringthru config      write a configuration to edit; tell what is wrong with one\n"
        "ringthru nat         open ports on the gateway, without the switch\n"
        "ringthru lab         play a gateway, for other programs to be tested on\n"
        "ringthru media-node  the audio of other switches, by rtpengine's commands\n"
        "\n"
        "--help after each tells more.\n"
    )


def _filled(text: str) -> str:
    import textwrap  # of no use to a start

    return textwrap.fill(text, 90, break_on_hyphens=False)


def _spelled(flag: Flag) -> str:
    return f"-{flag.name} [{flag.value}]" if flag.value else f"-{flag.name}"
