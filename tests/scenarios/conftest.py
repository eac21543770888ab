"""Homes to try stories in; each test has its own addresses, and everything is closed after it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ringthru.console.logs import Logs, setup
from ringthru.console.standard import standard_table
from ringthru.event_socket.driver import EventSocket
from ringthru.switch.configuration.event_socket_settings import EventSocketSettings

from .console_phone import AT_ONCE, RING_CONSOLE, Pa
from .dialled import Start
from .engines import media_engine
from .home import (
    DEFAULT,
    PASSWORD,
    PUBLIC,
    RING_1000,
    VARS,
    WITHOUT_VOICEMAIL,
    Edit,
    Home,
    Place,
    Say,
    build,
    extension,
    variables,
)
from .socket_client import SECRET
from .street import Street

HOMES = 120  # then the addresses come round again; nothing of the first homes is open by then
Places = Callable[..., Place]


@pytest.fixture(scope="session")
def places() -> Places:
    """Places of one's own; two runs of the tests on one machine take different blocks of 127/8."""
    block, numbers = 128 + os.getpid() % 100, count()
    return lambda street=None: Place(block, next(numbers) % HOMES, street)


@pytest.fixture
async def found(places: Places, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Build a home, its switch not started: ``await found(edits, **options)``."""
    async with AsyncExitStack() as stack:

        async def make(edits: dict[str, Any] | None = None, **options: Any) -> Home:
            place = options.pop("place", None) or places()
            home = await build(place, tmp_path / str(place.number), edits or {}, **options)
            stack.push_async_callback(home.close)
            return home

        yield make


@pytest.fixture
def edits() -> dict[str, Any]:
    """What ``home`` has otherwise than the configuration that we ship; a file of tests may have its own."""
    return {PUBLIC: RING_1000}


@pytest.fixture
async def home(found: Callable[..., Any], edits: dict[str, Any]) -> Home:
    """The ordinary home: started, its ports mapped, strangers may ring 1000."""
    made: Home = await found(edits)
    await made.switch.start()
    await made.mapped()
    return made


@pytest.fixture(params=["c", "python"])
def each_engine(request: pytest.FixtureRequest) -> Edit:
    """The edit of ``SWITCH_XML`` that gives a home each media engine of ours that is built."""
    if request.param == "c":
        pytest.importorskip("ringthru.media.engine._native", reason="the C engine is not built")
    return media_engine(request.param)


@pytest.fixture
def logs() -> Iterator[Logs]:
    logs = setup()
    yield logs
    logs.close()


@pytest.fixture
def say(home: Home, logs: Logs) -> Say:
    """Say a line at the console of ``home``: ``await say("show calls")``; what is answered."""
    table = standard_table(logs)
    return lambda line: table.run(home.switch, line)


@pytest.fixture
async def served(found: Callable[..., Any], logs: Logs) -> AsyncIterator[Callable[..., Any]]:
    """A started home with its event socket: ``home, endpoint = await served(edits, **settings)``."""
    async with AsyncExitStack() as stack:

        async def make(edits: Any = None, **settings: Any) -> tuple[Home, EventSocket]:
            home = await found(edits)
            await home.switch.start()
            await home.mapped()
            usual = {
                "listen_ip": home.address,
                "listen_port": 0,
                "acls": ("127.0.0.0/8",),
                "password": SECRET,
            }
            chosen = EventSocketSettings(**{**usual, **settings})
            event_socket = EventSocket(home.switch, standard_table(logs), logs, chosen)
            await event_socket.start()
            stack.push_async_callback(event_socket.stop)
            return home, event_socket

        yield make


@pytest.fixture
def new_homes(found: Any, places: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Two homes on one street, each behind its own gateway, mapped: ``await new_homes(edits)``."""

    async def make(edits: dict[str, Any]) -> tuple[Home, Home]:
        street = Street(monkeypatch)
        first = places()
        made = []
        for number, place in enumerate((first, places(first.number)), 1):
            home: Home = await found(edits, place=place, external=number)
            assert home.gateway is not None
            street.gateways.append(home.gateway)
            made.append(home)
        await asyncio.gather(*(each.switch.start() for each in made))
        for each in made:
            await each.mapped()
        return made[0], made[1]

    return make


@pytest.fixture
async def homes(new_homes: Callable[..., Any]) -> tuple[Home, Home]:
    """Two of them, where strangers may ring 1000."""
    made: tuple[Home, Home] = await new_homes({PUBLIC: RING_1000})
    return made


@pytest.fixture
def dialled(found: Any) -> Any:
    """Call a number of the default context, whose extension does this."""

    async def call(*actions: tuple[str, str], more: list[Edit] | None = None) -> Start:
        home: Home = await found({DEFAULT: [extension("77", *actions), *(more or [])]})
        await home.switch.start()
        return home, home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)

    return call


@pytest.fixture
async def office(found: Callable[..., Any]) -> Home:
    """Strangers may ring 1000 and nobody else; nobody has voicemail, which would take what nobody takes."""
    made: Home = await found({PUBLIC: RING_1000, DEFAULT: WITHOUT_VOICEMAIL})
    await made.switch.start()
    await made.mapped()
    return made


@pytest.fixture
def pa(logs: Logs) -> Pa:
    table = standard_table(logs)

    async def run(home: Home, arguments: str) -> str:
        return await table.run(home.switch, f"pa {arguments}")

    return run


@pytest.fixture
async def house(found: Any) -> Home:
    music = variables(hold_music="tone_stream://%(1000,0,350);loops=-1")
    home: Home = await found({DEFAULT: [RING_CONSOLE, AT_ONCE, RING_1000], VARS: [music]})
    await home.switch.start()
    return home
