"""The engine as a program would use it: ``python -m bench.inside.engine first|many|watch|hold …``.

Prints one JSON object a line. Instants are of CLOCK_MONOTONIC, which all namespaces share.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from ringthru.net.address import Endpoint
from ringthru.portmap import Event, PortMapper, Protocol, Rung, Wanted

FIRST_PORT = 20000
PAGE = resource.getpagesize()
MAP_OPCODES = (1, 2)  # PCP MAP, NAT-PMP UDP and TCP: the requests that map
NO_RECORD = "-"
ADD = (b"#AddPortMapping", b"#AddAnyPortMapping")


class Requests:
    """A tap that keeps the requests that mapped, for the bare exchange to send once more.

    ``gap`` is the time, in seconds, in which a gateway that had answered was not asked yet again.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.datagrams: list[bytes] = []
        self.http: list[tuple[str, int, bytes, bool]] = []
        self.gap = 0.0
        self._answered_at: float | None = None

    def pmp_out(self, datagram: bytes, now: float) -> None:
        if datagram[1] in MAP_OPCODES:
            self._asked()
            self.datagrams.append(datagram)

    def http_out(self, number: int, ask: Any, now: float) -> None:
        if any(action in ask.data for action in ADD):
            self._asked()
            self.http.append((ask.endpoint.host, ask.endpoint.port, ask.data, ask.ahead))

    def pmp_in(self, datagram: bytes, now: float) -> None:
        self._answered_at = time.perf_counter()

    def http_in(self, number: int, reply: object, now: float) -> None:
        self._answered_at = time.perf_counter()

    def _asked(self) -> None:
        if self._answered_at is not None:
            self.gap += time.perf_counter() - self._answered_at
        self._answered_at = None

    def pmp_refused(self, now: float) -> None: ...
    def ssdp_out(self, datagram: bytes, to: Endpoint, now: float) -> None: ...
    def ssdp_in(self, datagram: bytes, source: Endpoint, now: float) -> None: ...


async def first(port: str, store: str = "") -> None:
    """A cold library call: from nothing to one mapping; with a store, perhaps at a gateway that it knows."""
    began = time.perf_counter()
    mapper = PortMapper(store=Path(store) if store else None)
    mapping = mapper.want(Wanted(Protocol.UDP, int(port)))  # before the start: PCP is looked for with it
    mapper.start()
    granted = await mapping.settled()
    seconds, address = time.perf_counter() - began, mapper.snapshot().reported_address
    say(seconds=seconds, granted=granted, address=address, type=kind(mapper))
    mapper.leave()


async def many(count: str, how: str, record: str, store: str = "") -> None:
    """Warm: so many mappings, ``in-turn`` (each wanted when the one before is granted) or ``together``.

    Without a record (``-``) the end is when the last one is granted.
    """
    requests = Requests()
    mapper = PortMapper(budget=int(count) + 1, store=Path(store) if store else None, tap=requests)
    mapper.start()
    await mapper.want(Wanted(Protocol.UDP, FIRST_PORT - 1)).settled()
    requests.forget()
    wanted = [Wanted(Protocol.UDP, port) for port in range(FIRST_PORT, FIRST_PORT + int(count))]
    began, cpu = time.perf_counter(), time.process_time()
    if how == "in-turn":
        granted = [await mapper.want(each).settled() for each in wanted]
    else:
        mappings = [mapper.want(each) for each in wanted]
        granted = [await each.settled() for each in mappings]
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    http = [(host, port, data.decode(), ahead) for host, port, data, ahead in requests.http]
    datagrams = [each.hex() for each in requests.datagrams]
    told = {"seconds": seconds, "cpu": cpu, "gap": requests.gap}
    if record != NO_RECORD:
        Path(record).write_text(json.dumps({"datagrams": datagrams, "http": http}))
    if record != NO_RECORD and kind(mapper) == "upnp":
        told["listed"] = await until_listed(mapper)
    say(**told, granted=all(granted), type=kind(mapper))
    mapper.leave()


async def until_listed(mapper: PortMapper) -> float:
    """Seconds until the gateway's table has shown every mapping."""
    began = time.perf_counter()
    while any(each.rung is Rung.ACCEPTED for each in mapper.snapshot().mappings):
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


async def watch(count: str) -> None:
    """Hold so many mappings, and tell every event, until SIGTERM."""
    mapper = PortMapper(budget=int(count))
    mapper.subscribe(lambda event: say(at=time.monotonic(), event=type(event).__name__, **_told(event)))
    mapper.start()
    mappings = [mapper.want(Wanted(Protocol.UDP, FIRST_PORT + each)) for each in range(int(count))]
    await asyncio.gather(*(each.settled() for each in mappings))
    await asyncio.sleep(LISTENING)
    say(at=time.monotonic(), event="ready", type=kind(mapper))
    await terminated()
    mapper.leave()


async def hold(count: str, seconds: str) -> None:
    """What so many mappings cost this process in so many seconds."""
    mapper = PortMapper(budget=int(count))
    mapper.start()
    before = memory()
    mappings = [mapper.want(Wanted(Protocol.UDP, FIRST_PORT + each)) for each in range(int(count))]
    granted = sum(await asyncio.gather(*(each.settled() for each in mappings)))
    await asyncio.sleep(LISTENING)
    grown, cpu, packets = memory() - before, time.process_time(), counted()
    say(event="holding", granted=granted)
    await asyncio.sleep(float(seconds))
    say(
        cpu=time.process_time() - cpu,
        packets=counted() - packets,
        rss=memory(),
        grown=grown,
        granted=granted,
        type=kind(mapper),
    )
    mapper.leave()


LISTENING = 1.5  # seconds: the engine begins to listen for announcements one second after its start


def _told(event: Event) -> dict[str, Any]:
    return {"address": current} if (current := getattr(event, "current", None)) else {}


def kind(mapper: PortMapper) -> str:
    found = mapper.snapshot().type
    return found.value if found else "none"


def memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def counted() -> int:
    """Packets that eth0 has sent and received; ARP's are among them."""
    line = next(each for each in Path("/proc/self/net/dev").read_text().splitlines() if "eth0:" in each)
    fields = line.partition(":")[2].split()
    return int(fields[1]) + int(fields[9])


async def terminated() -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


def say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


WORKS: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "first": first,
    "many": many,
    "watch": watch,
    "hold": hold,
}

if __name__ == "__main__":
    asyncio.run(WORKS[sys.argv[1]](*sys.argv[2:]))
