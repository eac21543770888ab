"""One media engine and its legs, all of them towards one socket: ``host.py ENGINE LEGS echo|bridge PORT``.

Prints the memory that each leg took and the legs' ports, then stays until standard input is closed; each line
there is answered with the processor time that was used so far, in seconds.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path
from typing import Any

from ringthru.media.codecs import PCMU
from ringthru.media.driver import MediaEngine
from ringthru.media.engine.native_driver import NativeEngine
from ringthru.media.engine.twin_driver import TwinEngine
from ringthru.media.offer_answer import Negotiated
from ringthru.net.address import Endpoint

ENGINES: dict[str, Any] = {"c": NativeEngine, "python": TwinEngine, "in-process": MediaEngine}
HOST = "127.0.0.1"
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def processes(engine: Any) -> list[int]:
    return [number for number in (os.getpid(), getattr(engine, "process_number", None)) if number]


def memory(engine: Any) -> int:
    """Resident octets of this process and the engine's."""
    return sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) * PAGE for each in processes(engine))


def used(engine: Any) -> float:
    """Seconds of processor time of both."""
    return sum(
        int(Path(f"/proc/{task}/schedstat").read_text().split()[0]) / 1e9
        for each in processes(engine)
        for task in (f"{each}/task/{thread}" for thread in os.listdir(f"/proc/{each}/task"))
    )


async def main(name: str, count: int, how: str, port: int) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    engine = ENGINES[name](20000, 65535, capacity=count)
    await engine.start()
    while not getattr(engine, "begun", True):
        await asyncio.sleep(0.01)
    there = Endpoint(HOST, port)
    agreed = Negotiated(b"", PCMU, there, Endpoint(HOST, port + 1), None, "sendrecv", 20, 0, None)
    before = memory(engine)
    legs = [engine.open(engine.reserve(HOST), name=str(number)) for number in range(count)]
    for leg in legs:
        leg.connect(agreed, speak_first=False)
    for one, other in zip(legs[::2], legs[1::2], strict=True):
        if how == "bridge":
            one.bridge(other)
        else:
            one.echo()
            other.echo()
    legs[-1].report()  # an answer means that all before was done
    print((memory(engine) - before) / count, *(leg.local.port for leg in legs), flush=True)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(used(engine), flush=True)
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
