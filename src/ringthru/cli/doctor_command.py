"""``ringthru doctor``: what is wrong with the switch that runs, and around it.

Exit status: 0: nothing, as far as can be told; 1: warnings; 2: something does not work, or no switch runs; 3:
the command line is not understood, or the report cannot be written.

Lives here: flags, colours, the exit status. Never here: checks; the text, which the console has too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Final

from ..console.doctor import Painter, findings_text
from ..doctor.finding import Finding, Status, fail, worst_of
from ..doctor.html_report import to_html
from ..doctor.json_form import from_json, to_json
from ..net.places import state_folder
from ..net.values import replace
from .link import Link, NoAnswer, NotConnected
from .options import OptionError, Options, add_place, options_of

TROUBLE: Final = 3
EXIT: Final = {Status.WARN: 1, Status.FAIL: 2}
COLOURS: Final = {
    Status.OK: "32",
    Status.WARN: "33",
    Status.FAIL: "31",
    Status.UNKNOWN: "36",
    Status.SKIP: "90",
}
PATIENCE: Final = 10_000  # milliseconds for an answer
OLD: Final = "Unknown Command"


def main(arguments: list[str]) -> int:
    """Ask the switch, or look at the machine alone; the exit status."""
    try:
        wanted = _parser().parse_args(arguments)
        options = options_of(wanted)
        options = replace(options, timeout=options.timeout or PATIENCE)
    except SystemExit as ended:  # argparse has said why
        return TROUBLE if ended.code else 0
    except OptionError as error:
        print(f"ringthru doctor: {error}", file=sys.stderr)
        return TROUBLE
    findings = _findings(options, wanted)
    if wanted.report is not None and not _write(wanted.report, findings, options):
        return TROUBLE
    if wanted.json:
        print(to_json(findings))
    elif wanted.report is None:
        sys.stdout.write(findings_text(findings, _painter(wanted)))
    return EXIT.get(worst_of(findings), 0)


def _findings(options: Options, wanted: argparse.Namespace) -> tuple[Finding, ...]:
    """The switch's own; where none answers, that, and what can be said of the machine without it."""
    try:
        return asyncio.run(_ask(options))
    except NotConnected as error:
        why, runs = str(error), error.refused
    except (NoAnswer, ValueError) as error:
        why, runs = str(error), True
    from ..doctor.machine_driver import examine_machine  # late: it loads the switch
    from ..switch.state import default_tree

    conf, state = wanted.conf or default_tree(), wanted.db or state_folder()
    return _unasked(why, runs), *examine_machine(conf, state, with_ports=not runs)


def _unasked(why: str, runs: bool) -> Finding:
    if runs:
        return fail(
            "switch.runs",
            f"somebody listens there, and tells us nothing: {why}",
            "Only this machine was looked at.",
            "name the switch that is meant by -H and -P, and its password by -p, or its -db folder by --db",
        )
    return fail(
        "switch.runs",
        why,
        "No switch takes calls here, so only this machine was looked at.",
        "start it; where it runs elsewhere, or has its event socket at another port, name that by -H and -P",
    )


async def _ask(options: Options) -> tuple[Finding, ...]:
    """Raises NotConnected, NoAnswer, or ValueError: whoever listens there is no switch of ours."""
    link = await Link.open(options, lambda heard: None)
    try:
        answer = await link.api("doctor json")
    finally:
        await link.close()
    if answer.startswith(("-ERR", OLD)):
        raise ValueError(f"{options.host}:{options.port} has no doctor: {answer.strip()}")
    return from_json(answer)


def _write(file: Path, findings: tuple[Finding, ...], options: Options) -> bool:
    """The report, for its owner alone to read."""
    title = f"What the doctor found at {options.host}, {time.strftime('%Y-%m-%d %H:%M')}"
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as page:
            page.write(to_html(findings, title))
    except OSError as error:
        print(f"ringthru doctor: {file}: {error.strerror}", file=sys.stderr)
        return False
    print(f"{file} has the report; users' names are taken out of it, addresses are not", file=sys.stderr)
    return True


def _painter(wanted: argparse.Namespace) -> Painter | None:
    if not sys.stdout.isatty() or wanted.no_color or os.environ.get("NO_COLOR"):
        return None
    return lambda status, text: f"\x1b[{COLOURS[status]}m{text}\x1b[0m"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ringthru doctor",
        description="What is wrong with the switch that runs here, what it means, and what to do. Nothing is"
        " sent to anybody but the switch.",
        epilog="Exit status: 0: nothing is wrong, as far as can be told; 1: warnings; 2: something does not"
        " work, or no switch runs; 3: wrong flags, or the report cannot be written.",
    )
    add_place(parser)
    add = parser.add_argument
    add("--json", action="store_true", help="the findings for programs")
    add("--report", type=Path, metavar="FILE.html", help="one page to keep; users' names are taken out")
    add("--conf", type=Path, metavar="DIR", help="the tree, where no switch runs (that which we ship)")
    add("-n", "--no-color", "--no-colour", action="store_true", help="no colours")
    return parser
