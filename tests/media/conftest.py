"""Each media engine on real sockets, and two phones to try it with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringthru.media import Engine
from ringthru.media.engine.driver import MediaEngine
from ringthru.media.engine.twin_driver import TwinEngine

from .engine_phones import Phone, until
from .native import native_engine


@pytest.fixture(params=["in-process", "python", "c"])
def make(request) -> Callable[..., Engine]:
    """Makes an engine: ``make(first_port, last_port, capacity=…)``."""
    kinds = {"in-process": MediaEngine, "python": TwinEngine}
    return kinds[request.param] if request.param in kinds else native_engine()


@pytest.fixture
async def engine(make):
    made = make(20000, 20399)
    await made.start()
    await until(lambda: getattr(made, "begun", True))
    yield made
    await made.close()


@pytest.fixture
def phones():
    made = [Phone("127.30.1.1"), Phone("127.30.1.2")]
    yield made
    for phone in made:
        phone.close()
