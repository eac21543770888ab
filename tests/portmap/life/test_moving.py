"""Our address, our default gateway or our link changes; the machine sleeps: mappings are made again."""

from __future__ import annotations

import select
import subprocess
import sys
from pathlib import Path

import pytest

from ringthru.net.changes import Clocks, SuspendWatch, clock
from ringthru.portmap.drivers import listening_driver
from ringthru.portmap.drivers import mapper_driver as driver_module
from ringthru.portmap.memory.store_driver import Store

from ...scenarios.waiting import eventually
from .conftest import settled

PATIENCE = 30.0  # seconds for what should come within two
HERE = Path(__file__).parent
HOME = ("addr add 10.9.0.10/24 dev wire", "route add default via 10.9.0.1")


class Program:
    """A script in a namespace; ``line`` waits for the next thing it tells."""

    def __init__(self, namespace: str, script: str, *arguments: str) -> None:
        argv = ["ip", "netns", "exec", namespace, sys.executable, str(HERE / script), *arguments]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, bufsize=0)

    def line(self) -> str:
        if not select.select([self._process.stdout], [], [], PATIENCE)[0]:
            return "nothing"
        return self._process.stdout.readline().decode().strip()

    def end(self) -> list[str]:
        """Close its input, and read what it had to say."""
        said, _ = self._process.communicate(b"\n", timeout=20)
        return said.decode().splitlines()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def lan(namespace, tmp_path):
    """A namespace with a wire into another one, where a gateway of two addresses is."""
    other = type(namespace)()
    namespace.ip(f"link add wire type veth peer name wire netns {other.name}")
    other.ip("addr add 10.9.0.1/24 dev wire", "addr add 10.9.0.2/24 dev wire", "link set wire up")
    namespace.ip("link set wire up", *HOME)
    gateway = Program(other.name, "natpmp_gateway.py", "10.9.0.1", "10.9.0.2")
    assert gateway.line() == "ready"
    yield namespace, gateway
    gateway.kill()
    other.remove()


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def mover(lan, journal):
    """The engine in that namespace, with its first mapping made."""
    made = Program(lan[0].name, "mover.py", str(journal))
    assert made.line() == "26201 from 10.9.0.10 at 10.9.0.1"
    yield made
    made.kill()


def written(journal):
    store = Store(journal)
    entries = store.entries()
    store.close()
    return [(entry.own_address, entry.gateway.address) for entry in entries]


class TestOurNetworkChanges:
    def test_another_address_of_ours(self, lan, mover, journal):
        namespace, _ = lan
        namespace.ip("addr del 10.9.0.10/24 dev wire", "addr add 10.9.0.11/24 dev wire", HOME[1])
        assert mover.line() == "26201 is lost"
        assert mover.line() == "26201 from 10.9.0.11 at 10.9.0.1"
        assert written(journal) == [("10.9.0.10", "10.9.0.1"), ("10.9.0.11", "10.9.0.1")]
        mover.end()
        assert written(journal) == [("10.9.0.10", "10.9.0.1")]  # not ours to delete from elsewhere

    def test_another_default_gateway(self, lan, mover, journal):
        namespace, _ = lan
        namespace.ip("route replace default via 10.9.0.2")
        assert mover.line() == "26201 is lost"
        assert mover.line() == "26201 from 10.9.0.10 at 10.9.0.2"
        mover.end()
        assert written(journal) == [("10.9.0.10", "10.9.0.1")]

    def test_the_link_goes_and_comes_back(self, lan, mover, journal):
        namespace, gateway = lan
        assert gateway.line() == "map 26201 for 10.9.0.10"
        namespace.ip("link set wire down")
        assert mover.line() == "26201 is lost"
        namespace.ip("link set wire up", HOME[1])
        assert mover.line() == "26201 from 10.9.0.10 at 10.9.0.1"
        mover.end()
        assert written(journal) == []
        assert "unmap 26201 for 10.9.0.10" in (gateway.line(), gateway.line())

    def test_without_any_network_it_waits_for_one(self, lan, journal):
        namespace, _ = lan
        namespace.ip("addr flush dev wire")
        engine = Program(namespace.name, "mover.py", str(journal))
        namespace.ip(*HOME)
        assert engine.line() == "26201 from 10.9.0.10 at 10.9.0.1"
        engine.end()


class TestTheMachineSleeps:
    """A lease's clock goes on while we sleep (CLOCK_BOOTTIME); the loop's does not."""

    async def test_after_waking_up_everything_is_asked_again(self, build, new_mapper, tapped, monkeypatch):
        asleep = 0.0

        def read() -> Clocks:
            return Clocks(clock() + asleep, clock())

        monkeypatch.setattr(driver_module, "LISTEN_AFTER", 0.0)
        monkeypatch.setattr(listening_driver, "SuspendWatch", lambda call: SuspendWatch(call, read))
        house = await build("natpmp")
        mapper = new_mapper(house, tap=tapped)
        (mapping,) = await settled(mapper, 26210)
        watching = await eventually(lambda: mapper._watching)
        assert mapping.expires_at == pytest.approx(clock() + 3600, abs=60)
        house.gateway._table.clear()  # what a power failure at night leaves
        asleep = 7200.0
        watching._suspend.look()
        await eventually(lambda: house.ours() == {26210})
        assert tapped.said.count("map 26210") == 2
