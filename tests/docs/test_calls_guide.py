"""The page about calls says of each parameter and variable what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import ringthru
from ringthru.switch.configuration.settings import PROFILE_PARAMETERS, ProfileSettings

from .conftest import DOCS

PAGE = (DOCS / "guide" / "calls.md").read_text()
SOURCES = "\n".join(path.read_text() for path in (Path(ringthru.__file__).parent / "switch").rglob("*.py"))


def rows(title: str) -> list[list[str]]:
    part = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    found = [re.split(r"(?<!\\)\|", line)[1:-1] for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in row] for row in found]


def test_each_parameter_is_known_and_has_the_default_that_stands_there():
    named = rows("Parameters of a profile")
    assert len(named) == 12
    for name, default, _ in named:
        field = name.replace("-", "_")
        assert PROFILE_PARAMETERS[name](default) == ProfileSettings.__defaults__[field], name


def test_each_variable_is_one_that_the_switch_reads_or_sets():
    named = rows("Variables of a call")
    assert len(named) == 12
    for name, _ in named:
        assert name.removesuffix("NAME") in SOURCES, name
