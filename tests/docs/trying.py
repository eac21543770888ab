"""What the guides show of dialplans and files of settings, read as a switch would read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ringthru.switch.configuration import Dialplan, load_tree
from ringthru.switch.configuration.tree import Tree
from ringthru.switch.dialplan.applications import APPLICATIONS


def tried(page: str) -> list[tuple[str, str]]:
    """The extensions that say what they do: a comment of lines ``NUMBER => ACTIONS``, and the XML."""
    return re.findall(r"<!-- tried\n(.*?)-->\n```xml\n(.*?)```", page, re.DOTALL)


def block(page: str, name: str) -> tuple[list[str], str]:
    """A named piece of XML, and the names that it is to yield."""
    found = re.search(rf"<!-- {name}: (.*?) -->\n```xml\n(.*?)```", page, re.DOTALL)
    assert found is not None, name
    return found[1].split(", "), found[2]


def tree_of(section: str, xml: str, folder: Path, variables: Mapping[str, str] | None = None) -> Tree:
    text = f'<document><section name="{section}">{xml}</section></document>'
    (folder / "freeswitch.xml").write_text(text)
    return load_tree(folder, dict(variables or {}), {}).tree


def check_extensions(lines: str, xml: str, folder: Path, variables: Mapping[str, str] | None = None) -> None:
    """Each number of ``lines`` leads to the actions that stand beside it, and each application is known."""
    context = f'<context name="default">{xml}</context>'
    plan = Dialplan.read(tree_of("dialplan", context, folder, variables))
    assert set(re.findall(r'application="(\w+)"', xml)) <= APPLICATIONS.keys()
    now = datetime(2026, 11, 25, tzinfo=UTC)
    for line in lines.splitlines():
        number, _, what = line.partition(" => ")
        actions = plan.route("default", {"destination_number": number}.get, lambda: now).actions
        assert "; ".join(f"{each.application}({each.data})" for each in actions) == what
