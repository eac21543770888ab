"""The engine as a program of its own in a namespace, and the test's end of the line to it.

Run as a program it obeys one JSON line at a time from a Unix socket: those are the same in every
namespace, so no packet of the test's own mixes with what is tested.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import ringthru
from ringthru.lab.namespaces.laboratory import PBX, PUB, PUB_ADDRESS, Laboratory
from ringthru.lab.namespaces.netns import wait_for
from ringthru.lab.namespaces.world import World
from ringthru.net.address import Endpoint
from ringthru.portmap import (
    Family,
    GroupMapping,
    MapperGroup,
    MapperSnapshot,
    Mapping,
    Placement,
    PortMapper,
    Protocol,
    SetRule,
    Wanted,
    WantedPeer,
)
from ringthru.portmap.drivers import proving_driver

Answer = dict[str, Any]


class Program:
    """What runs in the namespace: one ``PortMapper``, and its events in the order they came."""

    def __init__(self, settings: dict[str, Any]) -> None:
        store = settings.pop("store", None)
        if (seconds := settings.pop("prove_every", None)) is not None:
            proving_driver.PROVE_EVERY = proving_driver.FIRST_RETRY = seconds  # type: ignore[misc]
        self.mapper = PortMapper(**settings, store=Path(store) if store else None, log=self.log)
        self.events: list[str] = []
        self.mappings: dict[int, Mapping] = {}
        self.mapper.subscribe(lambda event: self.events.append(repr(event)))
        self.stopped = False
        self.over = asyncio.Event()

    def log(self, level: int, text: str) -> None:
        print(logging.getLevelName(level), text, flush=True)

    async def serve(self, path: str) -> None:
        server = await asyncio.start_unix_server(self._talk, path)
        async with server:
            self.mapper.start()
            await self.over.wait()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self.stopped and (line := await reader.readline()):
            order = json.loads(line)
            answer = await getattr(self, order.pop("do"))(**order)
            writer.write(json.dumps(answer or {}).encode() + b"\n")
            await writer.drain()
        writer.close()
        if self.stopped:
            self.over.set()

    async def want(self, port: int, protocol: str = "udp", family: str = "ipv4", **rest: Any) -> Answer:
        wanted = Wanted(Protocol(protocol), port, family=Family(family), label="Ringthru test", **rest)
        self.mappings[port] = self.mapper.want(wanted)
        return {}

    async def want_set(self, rule: str, members: list[list[Any]]) -> Answer:
        wanted = tuple(Wanted(Protocol(name), port, label="Ringthru test") for name, port in members)
        for each in self.mapper.want_set(wanted, SetRule[rule]).mappings:
            self.mappings[each.internal_port] = each
        return {}

    async def want_peer(self, port: int, remote: list[Any], external: int | None = None) -> Answer:
        self.mapper.want_peer(WantedPeer(Protocol.UDP, port, Endpoint(*remote), external, lifetime=600))
        return {}

    async def release(self, port: int) -> Answer:
        return {"agreed": await self.mapper.release(self.mappings.pop(port))}

    async def republish(self) -> Answer:
        await self.mapper.republish()
        return {}

    async def look(self) -> Answer:
        return {"snapshot": shown(self.mapper.snapshot()), "events": self.events}

    async def stop(self) -> Answer:
        await self.mapper.stop()
        self.stopped = True
        return {}


class GroupProgram(Program):
    """The same with a ``MapperGroup``: every answer is told interface by interface."""

    def __init__(self, settings: dict[str, Any]) -> None:
        store = settings.pop("store", None)
        interfaces, every = settings.pop("interfaces", ()), settings.pop("every_address", False)
        make = partial(PortMapper, **settings, store=Path(store) if store else None, log=self.log)
        self.mapper = MapperGroup(make, interfaces=interfaces, every_address=every)  # type: ignore[assignment]
        self.events: list[str] = []
        self.wishes: dict[int, GroupMapping[Mapping]] = {}
        self.mapper.subscribe(lambda told: self.events.append(f"{told.interface}: {told.event!r}"))  # type: ignore[attr-defined]
        self.stopped = False
        self.over = asyncio.Event()

    async def want(  # type: ignore[override]
        self, port: int, protocol: str = "udp", family: str = "ipv4", placement: str = "every", **rest: Any
    ) -> Answer:
        wanted = Wanted(Protocol(protocol), port, family=Family(family), label="Ringthru test", **rest)
        group: Any = self.mapper
        self.wishes[port] = group.want(wanted, Placement(placement))
        return {}

    async def look(self) -> Answer:
        group: Any = self.mapper
        interfaces = {
            each.interface: {
                "state": each.state.value,
                **(shown(each.mapper) if each.mapper else {}),
            }
            for each in group.snapshot().interfaces
        }
        granted = {str(port): list(each.granted) for port, each in self.wishes.items()}
        return {"snapshot": {"interfaces": interfaces, "granted": granted}, "events": self.events}


def shown(snapshot: MapperSnapshot) -> Answer:
    """What the tests look at, in JSON's words."""
    return {
        "type": snapshot.type.value if snapshot.type else None,
        "gateway": snapshot.gateway,
        "external": snapshot.external_address,
        "learned": list(snapshot.learned),
        "reported": snapshot.reported_address,
        "services": [(each.type.value, each.gateway, each.in_use) for each in snapshot.services],
        "peers": {
            f"{each.protocol.value} {each.internal_port}": {
                "external": each.external,
                "near": each.near,
                "state": each.state.value,
                "reason": each.reason,
                "life": each.lifetime_left,
            }
            for each in snapshot.peers
        },
        "chain": [shown(each) for each in snapshot.chain],
        "mappings": {
            f"{each.protocol.value} {each.internal_port}": {
                "external": each.external_port,
                "address": each.external_address,
                "state": each.state.value,
                "rung": each.rung.value,
                "reason": each.reason,
                "life": each.lifetime_left,
                "filtering": (each.filtering.truth.value, each.filtering.words) if each.filtering else None,
                "evidence": [each.words for each in each.evidence],
                "asked": [each.asked for each in each.attempts],
            }
            for each in snapshot.mappings
        },
    }


class Engine:
    """One such program behind the laboratory's gateway, as a test holds it."""

    def __init__(self, laboratory: World, directory: Path, role: str = PBX, **settings: Any) -> None:
        self.laboratory = laboratory
        self._role = role
        self._settings = settings
        self._directory = directory
        self._line: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Engine:
        """Start it, and return when it obeys."""
        path = self._directory / "engine.socket"
        path.unlink(missing_ok=True)
        argv = [sys.executable, __file__, str(path), json.dumps(self._settings)]
        source = str(Path(ringthru.__file__).parents[1])
        self.process = self.laboratory.popen(
            self._role, argv, self._directory / "engine.log", {"PYTHONPATH": source}
        )
        self._line = wait_for(lambda: self._connected(path), 10, "the engine's socket")
        return self

    def _connected(self, path: Path) -> socket.socket | None:
        assert self.process is not None
        assert self.process.poll() is None, self.words()
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(path))
        except OSError:
            line.close()
            return None
        line.settimeout(30)
        return line

    def ask(self, do: str, **order: Any) -> Answer:
        """Have one order carried out."""
        assert self._line is not None
        self._line.sendall(json.dumps({"do": do, **order}).encode() + b"\n")
        octets = b""
        while not octets.endswith(b"\n"):
            piece = self._line.recv(65536)
            assert piece, self.words()
            octets += piece
        answer: Answer = json.loads(octets)
        return answer

    def want(self, port: int, **rest: Any) -> None:
        self.ask("want", port=port, **rest)

    def look(self) -> Answer:
        """Its snapshot now."""
        snapshot: Answer = self.ask("look")["snapshot"]
        return snapshot

    def events(self) -> list[str]:
        """All that its subscriber has heard."""
        events: list[str] = self.ask("look")["events"]
        return events

    def mapping(self, port: int, protocol: str = "udp") -> Answer:
        mapping: Answer = self.look()["mappings"][f"{protocol} {port}"]
        return mapping

    def until(self, condition: Callable[[], Any], timeout: float = 10.0, what: str = "") -> Any:
        """Wait for something; if it does not come, the engine's own words are in the message."""
        try:
            return wait_for(condition, timeout, what)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.look()}\n{self.words()}") from error

    def until_granted(self, *ports: int, protocol: str = "udp", timeout: float = 10.0) -> list[int]:
        """The external ports of mappings, once all are accepted."""

        def granted() -> bool:
            mappings = self.look()["mappings"]
            return all(mappings[f"{protocol} {port}"]["state"] == "accepted" for port in ports)

        self.until(granted, timeout, f"the mappings of {ports}")
        return [self.mapping(port, protocol)["external"] for port in ports]

    def heard(self, words: str, timeout: float = 10.0) -> str:
        """The first event that contains these words."""
        found: str = self.until(
            lambda: next((each for each in self.events() if words in each), ""), timeout, words
        )
        return found

    def words(self) -> str:
        """Its log."""
        return (self._directory / "engine.log").read_text(errors="replace")

    def stop(self) -> None:
        """Have it take back what it mapped, and end."""
        self.ask("stop")
        assert self.process is not None
        assert self.process.wait(60) == 0, self.words()
        assert "Traceback" not in self.words(), self.words()

    @contextmanager
    def frozen(self, port: int) -> Iterator[None]:
        """Stopped in its tracks for a while, at a moment when it does not listen at ``port`` itself."""
        process = self.process
        assert process is not None

        def caught() -> bool:
            process.send_signal(signal.SIGSTOP)
            wait_for(self._is_stopped, 5, "a frozen engine")
            if f":{port} " not in self.laboratory.run(self._role, ["ss", "-uan"]).stdout:
                return True
            process.send_signal(signal.SIGCONT)
            return False

        try:
            wait_for(caught, 20, "a moment between two proofs")
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def _is_stopped(self) -> bool:
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def nat(laboratory: World, *words: str, check: bool = True, role: str = PBX, patience: float = 30) -> str:
    """Run ``ringthru nat …`` to its end; what it printed."""
    source = str(Path(ringthru.__file__).parents[1])
    argv = ["env", f"PYTHONPATH={source}", sys.executable, "-m", "ringthru", "nat", *words]
    done = laboratory.run(role, argv, check=check, timeout=patience)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def arrives(laboratory: World, port: int, to: tuple[str, int], here: str, there: tuple[str, str]) -> bool:
    """Whether a datagram sent from outside (``there``: role and address) to ``to`` reaches ``port`` here."""
    inside = laboratory.udp_socket(PBX, here, port)
    outside = laboratory.udp_socket(*there)
    with inside, outside:
        outside.sendto(os.urandom(4) + b" knock", to)
        inside.settimeout(1.0)
        try:
            return inside.recv(64).endswith(b" knock")
        except TimeoutError:
            return False


@contextmanager
def echo_host(laboratory: Laboratory, directory: Path, address: str = PUB_ADDRESS) -> Iterator[None]:
    """``ringthru nat echo`` on the host outside, listening at one of its addresses."""
    source = str(Path(ringthru.__file__).parents[1])
    argv = [sys.executable, "-m", "ringthru", "nat", "echo", "--listen", address]
    process = laboratory.popen(PUB, argv, directory / f"echo-{address}.log", {"PYTHONPATH": source})
    wait_for(lambda: f"{address}:4478" in laboratory.run(PUB, ["ss", "-uan"]).stdout, 10, "the echo host")
    try:
        yield
    finally:
        laboratory.end(process)


async def _main(path: str, settings: str) -> None:
    read = json.loads(settings)
    kind = GroupProgram if read.pop("group", False) else Program
    await kind(read).serve(path)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:3]))
