"""Findings as one HTML page to keep or to hand on: nothing else is loaded, and users' names are taken out.

Lives here: the page. Never here: files, who asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from ..net.values import replace
from .checks import GROUPS
from .finding import Finding, Status, worst_of

USER: Final = re.compile(r"[^\s@<>:;,/'\"()]+(?=@)")  # what stands before an @
STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
h2 { margin: 1.5em 0 0.3em; font-size: 1.1em } dl { margin: 0 } dd { margin: 0 0 0 1.5em }
section { border-left: 0.4em solid; padding: 0.3em 1em; margin: 0.4em 0 }
.ok { border-color: #2a7d3f } .warn { border-color: #c77700 } .fail { border-color: #b3261e }
.unknown, .skip { border-color: #888 } code { font-weight: bold } .status { text-transform: uppercase }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #ddd } }
"""
WORDS: Final = {
    Status.OK: "All is well.",
    Status.UNKNOWN: "Nothing is wrong, as far as can be told.",
    Status.SKIP: "Nothing was looked at.",
    Status.WARN: "It works; something wants attention.",
    Status.FAIL: "Something does not work.",
}


def to_html(findings: Iterable[Finding], title: str) -> str:
    """The page; all that came from elsewhere is escaped. ``title`` says what was examined, and when."""
    found = tuple(redacted(findings))
    body = "".join(_groups(found))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n<p>{WORDS[worst_of(found)]}</p>\n{body}</body></html>\n"
    )


def _groups(findings: tuple[Finding, ...]) -> Iterator[str]:
    group = ""
    for each in findings:
        if each.group != group:
            group = each.group
            yield f"<h2>{escape(GROUPS.get(group, group))}</h2>\n"
        yield _section(each)


def _section(finding: Finding) -> str:
    status = finding.status.value
    rows = ((finding.meaning, ""), (finding.cure, "What to do: "))
    lines = "".join(f"<dd>{before}{escape(_shown(text))}</dd>" for text, before in rows if text)
    return (
        f'<section class="{status}"><dl><dt><span class="status">{status}</span>'
        f" <code>{escape(_shown(finding.id))}</code>"
        f" {escape(_shown(finding.evidence))}</dt>{lines}</dl></section>\n"
    )


def _shown(text: str) -> str:
    """Without marks of direction and the like, by which a text looks like another one."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def redacted(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The same with each user's part before an ``@`` as ``user-1``, ``user-2`` …: who is who stays visible,
    and nobody's number or name is.

    A number of its own and no hash, from which a short number is guessed back in a moment.
    """
    names: dict[str, str] = {}

    def hide(match: re.Match[str]) -> str:
        return names.setdefault(match[0], f"user-{len(names) + 1}")

    for each in findings:
        words = {name: USER.sub(hide, getattr(each, name)) for name in ("evidence", "meaning", "cure")}
        yield replace(each, **words)
