"""Pages lead where they say: links and their headings, the files of the map, the list of decisions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = ROOT / "docs" / "decisions"
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)  # what is in it is no page's own words
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s#:]*)(?:#([^)\s]*))?\)")


def words(page: Path) -> str:
    return BLOCK.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The names that a reader's browser finds a page's headings by."""
    headings = [
        re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each) for each in re.findall("^#+ (.*)$", words(page), re.M)
    ]
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target, heading in LINK.findall(words(page)):
        led = page.parent / target if target else page
        assert led.exists(), target
        assert not heading or led.suffix != ".md" or heading in anchors(led), f"{target}#{heading}"


def test_the_map_names_files_that_are_there() -> None:
    files = {path.name for place in ("src", "tests") for path in (ROOT / place).rglob("*.*")}
    named = set(re.findall(r"[\w/]*?(\w+\.(?:py|c))\b", words(ROOT / "ARCHITECTURE.md")))
    assert len(named) > 50
    assert named <= files


def test_each_decision_is_listed_once_by_its_title() -> None:
    listed = re.findall(r"^- \[(.*)\]\((.*)\)$", words(DECISIONS / "README.md"), re.MULTILINE)
    titled = [
        (path.read_text().splitlines()[0].removeprefix("# "), path.name) for path in DECISIONS.glob("[0-9]*")
    ]
    assert sorted(listed) == sorted(titled)
