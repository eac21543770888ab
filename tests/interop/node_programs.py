"""Programs of Node.js that tests run, with what ``make`` has installed for them from npm."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

MODULES = Path(sys.prefix) / "node" / "node_modules"
MISSING = f"what runs on Node.js is not installed in {MODULES}: make unit does it, where npm is"


def node() -> list[str]:
    """The words that run a script; the test is skipped, or fails in CI, where it cannot be."""
    found = shutil.which("node")
    if found is None or not MODULES.exists():
        if os.environ.get("CI"):
            pytest.fail(f"required here: {MISSING}", pytrace=False)
        pytest.skip(MISSING)
    return ["env", f"NODE_PATH={MODULES}", found]
