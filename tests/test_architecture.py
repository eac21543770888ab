"""The house keeps its shape: imports run one way, and only drivers touch sockets and clocks."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ringthru"
MAY_IMPORT = {
    "net": set(),
    "portmap": {"net"},
    "sip": {"net"},
    "media": {"net"},
    "switch": {"net", "portmap", "sip", "media"},
    "doctor": {"net", "portmap", "sip", "media", "switch"},
    "console": {"net", "switch", "doctor"},
    "event_socket": {"net", "switch", "console"},
    "cli": {"net", "switch", "doctor", "console", "event_socket"},
    "web": {"net", "switch", "doctor", "console"},
    "nat": {"net", "portmap"},
    "lab": {"net", "portmap", "sip", "media", "switch"},
}
WORLD = {"asyncio", "socket", "ssl", "time", "random", "secrets", "select", "threading", "subprocess"}
PURE_ROOMS = {"portmap", "sip", "media", "event_socket", "doctor", "web"}  # only drivers meet the world here
INSIDE = {  # the folders of a room, from the ground up: each imports only those before it
    "sip": ("wire", "transactions", "registrar", "agent", "transport"),
    "media": ("rtp", "sound", "description", "coding", "leg", "quality", "ng", "devices", "engine", "node"),
}
DISCREET = {"net", "portmap", "nat", "lab"}  # rooms where no module reaches for private parts of another
FILES = sorted(SOURCE.rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports_of(path: Path) -> list[tuple[str, int]]:
    """Every module a file imports, relative ones made absolute, with its line."""
    package = ["ringthru", *path.relative_to(SOURCE).parts[:-1]]
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.append((module, node.lineno))
            found += [(f"{module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def room_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).parts
    return parts[0] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_run_downwards_only(path: Path) -> None:
    room = room_of(path)
    if not room:
        return  # entry points may import any room
    for module, line in imports_of(path):
        parts = module.split(".")
        if parts[0] != "ringthru" or len(parts) < 2 or parts[1] == room or parts[1] not in MAY_IMPORT:
            continue
        assert parts[1] in MAY_IMPORT[room], f"{path}:{line}: {room} may not import {module}"


@pytest.mark.parametrize("room", INSIDE)
def test_imports_run_downwards_inside_a_room_too(room: str) -> None:
    folders = INSIDE[room]
    assert set(folders) == {p.parent.name for p in (SOURCE / room).glob("*/__init__.py")}
    for path in (SOURCE / room).glob("*/**/*.py"):
        floor = folders.index(path.relative_to(SOURCE).parts[1])
        for module, line in imports_of(path):
            parts = module.split(".")
            if parts[:2] == ["ringthru", room] and len(parts) > 2 and parts[2] in folders:
                assert folders.index(parts[2]) <= floor, f"{path}:{line}: {folders[floor]} imports {parts[2]}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_only_drivers_touch_sockets_and_clocks(path: Path) -> None:
    if room_of(path) not in PURE_ROOMS or "driver" in path.stem:
        return
    for module, line in imports_of(path):
        assert module.split(".")[0] not in WORLD, f"{path}:{line}: {module} belongs in a driver"


def test_every_room_is_known() -> None:
    assert {p.name for p in SOURCE.iterdir() if p.is_dir() and (p / "__init__.py").exists()} == set(
        MAY_IMPORT
    )


def test_no_module_state_that_two_switches_would_share() -> None:
    """Two switches must run in one process: no module-level lists, dicts or sets that code changes."""
    for path in FILES:
        tree = parsed(path)
        for node in ast.walk(tree):
            assert not isinstance(node, ast.Global), f"{path}:{node.lineno}: a global"


def test_nobody_reaches_for_the_private_parts_of_another_module() -> None:
    """What begins with an underscore is of the module that names it, or of a class it builds on."""
    found = []
    for path in FILES:
        if room_of(path) in DISCREET:
            own, reached = private_names(ast.parse(path.read_text()))
            where = path.relative_to(SOURCE)
            found += [f"{where}:{line} {name}" for name, line in reached if name not in own]
    assert found == []


def private_names(tree: ast.Module) -> tuple[set[str], list[tuple[str, int]]]:
    """The private names that a module defines; and those it asks of others than ``self``, by line."""
    own, reached = {"_replace", "_asdict", "_fields"}, []  # of named tuples, and public in all but name
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own.add(node.name)
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            whose = node.value.id if isinstance(node.value, ast.Name) else ""
            if whose not in ("self", "cls"):
                reached.append((node.attr, node.lineno))
            elif isinstance(node.ctx, ast.Store):
                own.add(node.attr)
    return own, reached
