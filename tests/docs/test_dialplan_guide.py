"""What the dialplan's guide shows is hunted through, dialled and expanded here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringthru.switch.configuration import Dialplan, expand, load_tree
from ringthru.switch.dialing.dialstring import parse_dial_string
from ringthru.switch.dialing.originate import read_extension
from ringthru.switch.dialplan.applications import APPLICATIONS, LEFT_OUT
from ringthru.switch.dialplan.functions import condition, reckoned, regex

from .conftest import DOCS

PAGE = (DOCS / "guide" / "dialplan.md").read_text()
SHOWN = re.compile(r"<!-- tried\n(.*?)-->\n```xml\n(.*?)```", re.DOTALL)
TRIED = re.compile(r"(?:at (?P<at>[\d: -]+): |with (?P<with>[^:]+): )?(?P<number>\S+) => (?P<what>.*)")
FUNCTIONS = {"cond": condition, "expr": reckoned, "regex": regex}


def values(text: str | None) -> dict[str, str]:
    return dict(pair.strip().split("=") for pair in text.split(",")) if text else {}


def rows() -> list[tuple[str, str]]:
    return [(line, xml) for lines, xml in SHOWN.findall(PAGE) for line in lines.splitlines()]


def lines_of(word: str) -> list[str]:
    return [
        line
        for block in re.findall(rf"<!-- {word}\n(.*?)-->", PAGE, re.DOTALL)
        for line in block.splitlines()
    ]


def hunted(xml: str, found: re.Match[str], tmp_path: Path) -> str:
    """What these extensions do with the call that a line of ``TRIED`` describes."""
    text = f'<document><section name="dialplan"><context name="default">{xml}</context></section></document>'
    (tmp_path / "freeswitch.xml").write_text(text)
    plan = Dialplan.read(load_tree(tmp_path, {}, {}).tree)
    now = datetime.fromisoformat(found["at"] or "2026-11-25 12:00").replace(tzinfo=UTC)
    fields = {"destination_number": found["number"], **values(found["with"])}
    actions = plan.route("default", fields.get, lambda: now).actions
    return "; ".join(f"{each.application}({each.data})" for each in actions)


@pytest.mark.parametrize(("line", "xml"), rows())
def test_each_extension_does_what_stands_beside_it(line: str, xml: str, tmp_path: Path) -> None:
    found = TRIED.fullmatch(line)
    assert found is not None, line
    assert hunted(xml, found, tmp_path) == found["what"].replace("nothing", "")


@pytest.mark.parametrize("xml", [xml for _, xml in SHOWN.findall(PAGE)])
def test_only_applications_that_there_are(xml: str) -> None:
    assert set(re.findall(r'application="(\w+)"', xml)) <= APPLICATIONS.keys()


def test_every_block_of_xml_is_tried() -> None:
    assert PAGE.count("```xml") == len(SHOWN.findall(PAGE))


@pytest.mark.parametrize("line", lines_of("dialled"))
def test_each_dial_string_can_be_read(line: str) -> None:
    assert parse_dial_string(line).branches


@pytest.mark.parametrize("line", lines_of("expanded"))
def test_each_form_of_a_variable(line: str) -> None:
    found = re.fullmatch(r"with ([^:]+): (.*) = (\S+)", line)
    assert found is not None, line
    known = values(found[1])

    def lookup(name: str) -> str | None:
        call = re.fullmatch(r"(\w+)\((.*)\)", name)
        return FUNCTIONS[call[1]](call[2]) if call else known.get(name)

    assert expand(found[2], lookup) == found[3]


def test_every_application_is_named() -> None:
    table = PAGE[PAGE.index("## Applications") : PAGE.index("### What steers")]
    assert [name for name in sorted(APPLICATIONS) if f"`{name}`" not in table] == []
    assert not LEFT_OUT & APPLICATIONS.keys()


def test_each_originate_can_be_read() -> None:
    lines = [line for line in re.findall(r"^originate (.*)$", PAGE, re.MULTILINE) if "<" not in line]
    assert len(lines) == 3
    for line in lines:
        url, onward, *rest = line.split()
        assert parse_dial_string(url)
        assert read_extension(onward, rest[0] if rest else "XML", "default") is not None
