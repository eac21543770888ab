"""``ringthru config``: a tree of one's own to edit (``new``), and what a tree comes to (``check``).

Exit status: 0: done, or the switch would start with the tree; 1: it would not, or (with ``--strict``)
something wants attention, or the tree cannot be written; 2: the command line is not understood.

Lives here: arguments, the text, the JSON. Never here: what is checked (``switch.checking``).
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..net.places import state_folder
from ..net.surroundings import look_around
from ..switch.checking import Finding, TreeReport, check_tree
from ..switch.foresight import Outlook
from ..switch.reachability import RULES, Seen
from ..switch.state import default_tree
from .in_dialplan import AT_ONCE
from .serve import words_for
from .text import count, visible


def main(arguments: list[str]) -> int:
    """Run ``ringthru config``; the exit status."""
    try:
        wanted = _parser().parse_args(arguments)
    except SystemExit as ended:  # argparse has said why
        return int(ended.code or 0)
    if wanted.command == "new":
        return _new(wanted.tree.expanduser())
    return _check(wanted)


def _new(tree: Path) -> int:
    """Write the tree that we ship where somebody can edit it; nothing that is there is touched."""
    source = default_tree()
    try:
        tree.mkdir(parents=True, exist_ok=True)
        if any(tree.iterdir()):
            print(f"ringthru config: {visible(str(tree))} is not empty: name a new folder", file=sys.stderr)
            return 1
        for file in sorted(each for each in source.rglob("*") if each.is_file()):
            target = tree / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())  # and not its mode: what is installed may be read-only
    except OSError as error:
        print(f"ringthru config: {visible(words_for(error))}", file=sys.stderr)
        return 1
    name = shlex.quote(str(tree))
    print(f"The default configuration is in {visible(str(tree))}; README.md there says what is where.")
    print("When it is edited:")
    print(f"  ringthru config check {name}\n  ringthru -conf {name}")
    return 0


def _check(wanted: argparse.Namespace) -> int:
    report = check_tree(wanted.tree.expanduser(), state_folder(), look_around(), commands=AT_ONCE)
    if wanted.json:
        print(json.dumps(as_json(report), indent=2))
    else:
        sys.stdout.write("".join(f"{visible(line)}\n" for line in as_lines(report)))
    attention = wanted.strict and (report.warnings or report.weak)
    return 1 if report.errors or attention else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ringthru config", description="Make or check a configuration tree."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    new = commands.add_parser(
        "new",
        help="write the default tree into a folder, to be edited",
        description="Writes what the switch reads without -conf. Nothing that exists is touched.",
    )
    new.add_argument("tree", type=Path, help="a directory that is empty, or does not exist yet")
    check = commands.add_parser(
        "check",
        help="what is wrong with a tree, what is ignored, and what peers will see",
        description="Reads a tree as the switch would. Nothing is opened, sent, run or written.",
    )
    check.add_argument("tree", type=Path, help="the directory that holds freeswitch.xml")
    check.add_argument("--json", action="store_true", help="the same for programs")
    check.add_argument(
        "--strict", action="store_true", help="exit status 1 for warnings and weak passwords too"
    )
    return parser


def as_lines(report: TreeReport) -> Iterator[str]:
    """The report for people, the worst first."""
    yield from _block("Errors", map(_line, report.errors))
    yield from _block("Warnings", map(_line, report.warnings))
    yield from _block("Weak passwords", _weak_lines(report.weak))
    yield from _block("Ignored", map(_line, report.ignored))
    for each in report.profiles:
        yield from _profile(each)
        yield ""
    errors, warnings = len(report.errors), len(report.warnings) + len(report.weak)
    verdict = (
        "the switch would not start with this tree" if errors else "the switch would start with this tree"
    )
    counts = (count(errors, "error"), count(warnings, "warning"), f"{len(report.ignored)} ignored")
    yield f"{', '.join(counts)}: {verdict}"


def _weak_lines(weak: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A line for all users of a domain whose passwords have the same fault."""
    alike: dict[tuple[str, str], list[str]] = {}
    for user, why in weak:
        name, _, domain = user.rpartition("@")
        alike.setdefault((domain, why), []).append(name)
    for (domain, why), names in alike.items():
        if len(names) == 1:
            yield f"{names[0]}@{domain}: the password {why}"
        else:
            yield f"{', '.join(names)} of {domain}: the password of each {why}"


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from (f"{title}:", *(f"  {line}" for line in found), "")


def _line(finding: Finding) -> str:
    where = f"{finding.position}: " if finding.position is not None else ""
    return f"{where}{finding.text}" + (f" ({finding.remedy})" if finding.remedy else "")


def _profile(outlook: Outlook) -> Iterator[str]:
    yield f"Profile {outlook.name} at {outlook.listens}:"
    settings = (("ext-sip-ip", outlook.ext_sip_ip), ("ext-rtp-ip", outlook.ext_rtp_ip))
    yield "  " + ", ".join(
        f"{name} {'not set' if text is None else text or 'empty'}" for name, text in settings
    )
    yield f"  its ports are {'' if outlook.mapped else 'not '}opened on a gateway: {outlook.mapping_reason}"
    yield _seen(f"a peer inside, {outlook.peer_inside},", outlook.inside)
    yield _seen(f"a peer outside, {outlook.peer_outside},", outlook.outside)
    if outlook.unanswered != outlook.outside:
        yield _seen("  until that is known, or without a gateway, it", outlook.unanswered)
    yield from (f"  {each.name} {each.value}: {each.text}" for each in outlook.meanings)


def _seen(who: str, seen: Seen) -> str:
    return f"  {who} sees {seen.signalling} and sends audio to {seen.media}: {RULES[seen.row]}"


def as_json(report: TreeReport) -> dict[str, Any]:
    """The report for programs."""
    return {
        "starts": not report.errors,
        "findings": [_finding(each) for each in report.findings],
        "weak_passwords": [{"user": user, "reason": reason} for user, reason in report.weak],
        "profiles": [_outlook(each) for each in report.profiles],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    position = finding.position
    return {
        "level": logging.getLevelName(finding.level).lower(),
        "file": str(position.path) if position is not None else None,
        "line": position.line or None if position is not None else None,
        "text": finding.text,
        "remedy": finding.remedy or None,
        "ignored": finding.ignored or None,
    }


def _outlook(outlook: Outlook) -> dict[str, Any]:
    return {
        "profile": outlook.name,
        "listens": str(outlook.listens),
        "ext_sip_ip": outlook.ext_sip_ip,
        "ext_rtp_ip": outlook.ext_rtp_ip,
        "mapped": outlook.mapped,
        "mapping_reason": outlook.mapping_reason,
        "inside": _sight(outlook.peer_inside, outlook.inside),
        "outside": _sight(outlook.peer_outside, outlook.outside),
        "outside_until_known": _sight(outlook.peer_outside, outlook.unanswered),
        "parameters": [
            {"name": each.name, "value": each.value, "meaning": each.text} for each in outlook.meanings
        ],
    }


def _sight(peer: str, seen: Seen) -> dict[str, Any]:
    return {
        "peer": peer,
        "signalling": str(seen.signalling),
        "media": seen.media,
        "row": seen.row,
        "rule": RULES[seen.row],
        "reasons": list(seen.reasons),
    }
