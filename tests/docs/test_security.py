"""SECURITY.md names bounds and tests that exist, where it says that they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from .conftest import DOCS

ROOT = DOCS.parent
TEXT = (ROOT / "SECURITY.md").read_text()
BOUNDS = TEXT.partition("## What bounds memory and time")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (`[A-Z].+?`) \| .+ \| (.+?) \|$", BOUNDS, re.MULTILINE)
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")


def files(named: str) -> list[Path]:
    """Where the third column says that a bound is; a name alone is beside the one before it."""
    found, folder = [], ROOT
    for name in re.findall(r"`([\w/.]+)`", named):
        path = ROOT / "src/ringthru" / name
        if not path.exists():
            path = folder / name
        folder = path.parent
        found += [path] if path.is_file() else [*path.rglob("*.py"), *path.rglob("*.h")]
    return found


@pytest.mark.parametrize(("names", "places"), ROWS, ids=[names for names, _ in ROWS])
def test_each_bound_is_where_it_is_said_to_be(names: str, places: str) -> None:
    inside = files(places)
    assert inside, places
    text = "\n".join(path.read_text() for path in inside)
    for name in re.findall(r"`\.?([\w.-]+)`", names):
        assert name.rpartition(".")[2] in text, f"{name} is not in {places}"


def test_each_test_that_is_named_exists() -> None:
    named = NAMED_TEST.findall(TEXT)
    assert len(named) > 40
    for file, path in named:
        tree: ast.Module | ast.ClassDef = ast.parse((ROOT / file).read_text())
        for name in path.split("::"):
            found = [each for each in tree.body if getattr(each, "name", None) == name]
            assert found, f"{file}: {path}"
            tree = found[0]
