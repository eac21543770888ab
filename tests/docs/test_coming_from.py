"""What people from other switches are told is there, is there; what they may copy does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringthru.__main__ import SUBCOMMANDS
from ringthru.console.flags import read_flags
from ringthru.console.logs import setup
from ringthru.console.standard import standard_table
from ringthru.switch.configuration.registration_settings import REGISTRATION_PARAMETERS
from ringthru.switch.configuration.settings import PROFILE_PARAMETERS
from ringthru.switch.configuration.switch_settings import SWITCH_PARAMETERS
from ringthru.switch.configuration.trunk_settings import TRUNK_PARAMETERS
from ringthru.switch.dialing.dialstring import parse_dial_string
from ringthru.switch.dialplan.applications import APPLICATIONS
from ringthru.switch.state import default_tree

from .conftest import DOCS
from .test_dialplan_guide import SHOWN, TRIED, hunted

PAGE = (DOCS / "guide" / "coming-from.md").read_text()
TREE = default_tree()
SHIPPED = "".join(file.read_text() for file in TREE.rglob("*.xml"))
PARAMETERS = {*PROFILE_PARAMETERS, *SWITCH_PARAMETERS, *TRUNK_PARAMETERS, *REGISTRATION_PARAMETERS}
# What stands there and is in no list of ours: a value, a variable's form, a part of an expression.
BESIDE = {"auto-nat", "x=1", "${x}", "$1", r"^0(\d+)$", "*8", "*97", "**1000"}


def ours() -> list[str]:
    """Every name in the last column of the two tables of words."""
    tables = PAGE[PAGE.index("## The words") : PAGE.index("## From FreeSWITCH")]
    rows = [line for line in tables.splitlines() if line.startswith("|") and "---" not in line]
    return sorted({name for row in rows for name in re.findall(r"`([^`]+)`", re.split(r" \| ", row)[-1])})


def is_there(name: str) -> bool:
    word, *rest = name.split()
    if word == "ringthru":
        return rest[0] in SUBCOMMANDS
    if word.startswith("-"):
        return bool(read_flags([word, "folder"]))
    if word.startswith("<"):
        return f"<{word.strip('<>')}" in SHIPPED or word.startswith("<gateway")
    if word.endswith(".xml"):
        return (TREE / word).is_file()
    if "/" in word:
        return bool(parse_dial_string(word).branches)
    return (
        word in APPLICATIONS
        or word in PARAMETERS
        or f'data="{word}=' in SHIPPED
        or f'name="{word}"' in SHIPPED
        or word
        in {"wday", "time-of-day", "bypass_media", "call_timeout"}  # tried by tests of their own pages
    )


@pytest.mark.parametrize("name", [each for each in ours() if each not in BESIDE])
def test_what_is_named_is_there(name: str) -> None:
    logs = setup()
    try:
        table = standard_table(logs)
    finally:
        logs.close()
    assert table.get(name.split()[0]) is not None or is_there(name)


@pytest.mark.parametrize(
    ("line", "xml"), [(line, xml) for lines, xml in SHOWN.findall(PAGE) for line in lines.splitlines()]
)
def test_each_extension_does_what_stands_beside_it(line: str, xml: str, tmp_path: Path) -> None:
    found = TRIED.fullmatch(line)
    assert found is not None, line
    assert hunted(xml, found, tmp_path) == found["what"]
    assert set(re.findall(r'application="(\w+)"', xml)) <= APPLICATIONS.keys()
