"""The reference names every public thing, and nothing that does not exist."""

from __future__ import annotations

import ast
import inspect
import re
from enum import Enum
from functools import cache
from pathlib import Path

import pytest

from ringthru import portmap
from ringthru.lab.gateway.devices import DEVICES
from ringthru.lab.gateway.quirks import ROWS
from ringthru.nat.memory import default_path
from ringthru.nat.words import Exit
from ringthru.net import address, surroundings
from ringthru.portmap import PortMapper, errors, events, values
from ringthru.portmap.engine import engine
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import Wanted

from .conftest import DOCS
from .drawing import script

REFERENCE = DOCS / "reference"
draw = script("draw")
TEXTS = {page.name: page.read_text() for page in REFERENCE.glob("*.md")}
ALL = "\n".join(TEXTS.values())
HEADINGS = set(re.findall(r"^#{2,3} (\w+)$", ALL, re.MULTILINE))
SECTIONS = {"Calls", "Parameters", "Values", "Errors", "Files", "Ports"}


def section(name):
    """What stands under the heading of that name."""
    found = re.search(rf"^(#+) {name}$\n(.*?)(?=^#{{1,3}} |\Z)", ALL, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {name}"
    return found[2]


@pytest.mark.parametrize("page", draw.pages(), ids=lambda page: page.name)
def test_what_is_drawn_is_what_the_code_says_now(page):
    text = page.read_text()
    assert text == draw.drawn(text), "the code has changed: run `python docs/draw.py`"


@pytest.mark.parametrize("name", portmap.__all__)
def test_every_public_name_has_its_heading(name):
    assert name in HEADINGS


def test_every_heading_is_a_name_that_exists():
    homes = (portmap, address, surroundings, errors)
    for name in HEADINGS - SECTIONS:
        assert any(hasattr(home, name) for home in homes), name


@pytest.mark.parametrize("name", portmap.__all__)
def test_every_field_and_member_is_told(name):
    thing, text = getattr(portmap, name), section(name)
    if isinstance(thing, type):
        for field in getattr(thing, "__match_args__", ()):
            assert f"| `{field}` |" in text
        if issubclass(thing, Enum):
            for member in thing:
                assert f"| `{member.name}` | `{member.value!r}` |" in text


def test_every_event_says_when():
    for cls in events.Event.__args__:
        assert "\nWhen: " in section(cls.__name__)


def test_every_parameter_and_call_of_portmapper_is_told():
    text = TEXTS["engine.md"]
    for name in inspect.signature(PortMapper).parameters:
        assert f"| `{name}` |" in text
    for name in (each for each in vars(PortMapper) if not each.startswith("_")):
        assert re.search(rf"^\| `(await )?{name}\b", text, re.MULTILINE), name


@pytest.mark.parametrize("cls", [portmap.MapperGroup, portmap.GroupMapping])
def test_every_parameter_and_call_of_a_group_is_told(cls):
    text = TEXTS["groups.md"]
    for name in inspect.signature(portmap.MapperGroup).parameters:
        assert f"| `{name}` |" in text
    for base in cls.__mro__:
        for name in (each for each in vars(base) if not each.startswith("_")):
            assert re.search(rf"^\| `(await )?{name}\b", text, re.MULTILINE), name


def test_every_row_device_profile_field_and_exit_status_is_told():
    for row in ROWS.values():
        assert f"| {row.id} | " in TEXTS["quirks.md"]
    for name in DEVICES:
        assert f"| `{name}` |" in TEXTS["devices.md"]
    for name in GatewayProfile.__match_args__:
        assert f"| `{name}` |" in TEXTS["profiles.md"]
    for status in Exit:
        assert f"| {int(status)} | " in TEXTS["files.md"]


def test_every_name_with_a_dot_exists():
    """`PortMapper.saw`, `MappingState.REFUSED`, `Wanted.lifetime` …"""
    homes = (portmap, address, surroundings, errors, values, engine)
    for path in sorted(DOCS.glob("*/*.md")):
        for cls, name in re.findall(r"`([A-Z]\w+)\.(\w+)", path.read_text()):
            owner = next((getattr(home, cls) for home in homes if hasattr(home, cls)), None)
            if owner is not None:
                known = set(dir(owner)) | set(getattr(owner, "__annotations__", ()))
                assert name in known, f"{path.name}: {cls}.{name}"


def test_every_module_that_is_named_exists():
    for path in sorted(DOCS.glob("*/*.md")):
        for name in re.findall(r"`ringthru\.([\w.]+)`", path.read_text()):
            home = DOCS.parent / "src" / "ringthru"
            first = home.joinpath(*name.split("."))
            inside = home.joinpath(*name.split(".")[:-1])
            exists = first.exists() or first.with_suffix(".py").exists()
            assert exists or name.split(".")[-1] in inside.with_suffix(".py").read_text(), (
                f"{path.name}: {name}"
            )


NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@pytest.mark.parametrize("page", ["engines.md", "compatibility.md", "flows.md"])
def test_each_test_that_is_named_exists(page):
    named = NAMED_TEST.findall(TEXTS[page])
    assert named
    for file, path in named:
        tree: ast.Module | ast.ClassDef = parsed(DOCS.parent / file)
        for name in path.split("::"):
            found = [each for each in tree.body if getattr(each, "name", None) == name]
            assert found, f"{file}: {path}"
            tree = found[0]


def test_each_row_of_compatibility_names_a_test_or_says_why_not():
    rows = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", TEXTS["compatibility.md"], re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    assert len(rows) == 151
    for number, shown in rows:
        tests, reason = NAMED_TEST.findall(shown), re.match(r"\*not yet\*: .{20,}", shown)
        assert bool(tests) != bool(reason), number


class TestOtherEngines:
    def test_each_row_names_one(self):
        rows = [each for each in TEXTS["engines.md"].splitlines() if each.startswith("| ")]
        told = [each for each in rows if not each.startswith("| What |")]
        assert len(told) > 60
        for row in told:
            assert "`tests/" in row, row


class TestWhatIsSaidByHand:
    def test_files(self, monkeypatch):
        monkeypatch.setenv("XDG_STATE_HOME", "/state")
        assert str(default_path()) == "/state/ringthru/nat.sqlite3"
        assert "`$XDG_STATE_HOME/ringthru/nat.sqlite3`" in TEXTS["files.md"]

    def test_limits(self):
        for lease in (1, 604800):
            PortMapper(lease=lease)
        for lease in (0, 604801):
            with pytest.raises(errors.LocalError):
                PortMapper(lease=lease)
        for port in (0, 65536):
            with pytest.raises(errors.LocalError):
                Wanted(portmap.Protocol.UDP, port)

    def test_an_interface_that_does_not_exist(self):
        with pytest.raises(errors.LocalError, match="interfaces with an IPv4 address"):
            PortMapper(interface="no-such-thing")
