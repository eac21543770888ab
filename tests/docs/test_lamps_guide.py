"""What the page about busy lamps shows is read and hunted through here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringthru.switch.configuration.settings import PROFILE_PARAMETERS

from .conftest import DOCS
from .trying import check_extensions, tried

PAGE = (DOCS / "guide" / "lamps.md").read_text()
TRIED = tried(PAGE)
assert len(TRIED) == 1


@pytest.mark.parametrize(("lines", "xml"), TRIED)
def test_each_extension_does_what_stands_beside_it(lines: str, xml: str, tmp_path: Path) -> None:
    check_extensions(lines, xml, tmp_path, {"domain": "192.168.1.103"})


def test_every_parameter_that_is_named_is_known() -> None:
    table = PAGE.partition("| parameter |")[2].partition("\n\n")[0]
    named = {re.findall(r"`([a-z-]+)`", line)[0] for line in table.splitlines() if line.startswith("| `")}
    assert named == {each for each in PROFILE_PARAMETERS if "presence" in each or "subscriptions" in each}
