"""The engine in C where it is built. A missing one fails in CI, and skips loudly elsewhere.

One that is there and cannot be loaded fails everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

MISSING = "the C engine is not built: install gcc and python3-dev, and run make again"


def native_engine() -> Callable[..., Any]:
    """The class of the engine in C."""
    try:
        from ringthru.media.engine.native_driver import NativeEngine
    except ImportError as error:
        if os.environ.get("CI") == "true" or find_spec("ringthru.media.engine._native") is not None:
            pytest.fail(f"{MISSING} ({error})")
        pytest.skip(f"{MISSING} ({error})")
    return NativeEngine
