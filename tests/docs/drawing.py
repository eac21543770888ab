"""The scripts beside the pages, as modules."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from .conftest import DOCS


def script(name: str) -> ModuleType:
    """A script of docs/; they import each other by name, as they do when they are run."""
    folder = str(DOCS)
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)
