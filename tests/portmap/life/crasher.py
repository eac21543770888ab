"""A process whose children run the mapping engine and are killed on command; started by ``conftest``.

Each line on standard input is one life: JSON with the keys of ``live``. It runs in a fork, so that starting
Python is paid once. The answer is a line with how it ended: a signal's number, or 0 for a whole life.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from ipaddress import IPv4Network
from pathlib import Path

from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import PortMapper, Protocol, Wanted
from ringthru.portmap.memory import memory_driver  # noqa: F401  (loaded once, for all forks)
from ringthru.portmap.wire import soap  # noqa: F401


class Executioner:
    """Kills this process at a step of its talk with gateways: before a request is sent, after it, or once an
    answer has come but before anything is made of it."""

    def __init__(self, step: int, when: str) -> None:
        self._steps, self._when = step, when

    def _out(self, *_: object) -> None:
        if self._when == "before":
            self._count(self._die)
        elif self._when == "after":
            self._count(lambda: asyncio.get_running_loop().call_soon(self._die))

    def _in(self, *_: object) -> None:
        if self._when == "answered":
            self._count(self._die)

    pmp_out = ssdp_out = http_out = _out
    pmp_in = ssdp_in = http_in = _in

    def pmp_refused(self, now: float) -> None: ...

    def _count(self, die) -> None:
        self._steps -= 1
        if self._steps == 0:
            die()

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


async def live(house: int, store: str, ports: list[int], step: int, when: str) -> None:
    """Want these UDP ports until each has its verdict, and stop; die at that step (0: never)."""
    around = Surroundings(
        f"127.83.{house}.10",
        IPv4Network(f"127.83.{house}.0/24"),
        f"127.83.{house}.1",
        AddressRules((IPv4Network("127.84.0.0/16"),)),
        multicast=False,
    )
    mapper = PortMapper(
        around,
        log=lambda level, text: None,
        store=Path(store),
        tap=Executioner(step, when),
        witness_after=3600.0,
    )
    mapper.start()
    for mapping in [mapper.want(Wanted(Protocol.UDP, port)) for port in ports]:
        await mapping.settled()
    if when == "held":
        os.kill(os.getpid(), signal.SIGKILL)
    await mapper.stop()


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(live(**json.loads(line)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
