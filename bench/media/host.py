"""One media engine and its legs, towards one socket: ``host ENGINE LEGS echo|bridge PORT SIP_PER_SECOND``.

Prints the memory that each leg took, the microseconds that a call took to set up, and the legs' ports; then
it stays until standard input is closed. Each line there is answered with the processor time used so far.
With SIP the process parses and answers so many messages a second meanwhile, beside 5,000 dialogs that live.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from bench.media.baseline import AsyncioEngine
from ringthru.media.description.codecs import PCMU
from ringthru.media.description.offer_answer import Negotiated
from ringthru.media.engine.native_driver import NativeEngine
from ringthru.media.engine.twin_driver import TwinEngine
from ringthru.net.address import Endpoint
from ringthru.sip.wire.parsing import parse

ENGINES: dict[str, Any] = {
    "c": NativeEngine,
    "python": TwinEngine,
    "asyncio": AsyncioEngine,
}
HOST = "127.0.0.1"
PAGE = os.sysconf("SC_PAGE_SIZE")
DIALOGS = 5000
INVITE = (
    "INVITE sip:9196@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK{0};rport\r\n"
    "From: <sip:anna@192.0.2.1>;tag={0}\r\nTo: <sip:9196@192.0.2.1>\r\nCall-ID: {0}@192.0.2.7\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:anna@192.0.2.7:5060>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


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


def set_up(engine: Any, count: int, how: str, agreed: Negotiated) -> list[Any]:
    """The legs; two and two of them one call, or each one an echo."""
    legs = []
    for number in range(count):
        leg = engine.open(engine.reserve(HOST), name=str(number))
        leg.connect(agreed, speak_first=False)
        legs.append(leg)
        if how == "echo":
            leg.echo()
        elif number % 2:
            legs[-2].bridge(leg)
    legs[-1].report()  # an answer means that all before was done
    return legs


async def sip_beside(rate: float) -> None:
    """Parse a request and write its answer, so many times a second, for ever; what lives grows no further."""
    dialogs = [parse(INVITE.format(number).encode()) for number in range(DIALOGS)]
    loop, begun, done = asyncio.get_running_loop(), time.monotonic(), 0
    while True:
        await asyncio.sleep(max(begun + done / rate - loop.time(), 0))
        request = parse(INVITE.format(done).encode())
        dialogs[done % DIALOGS] = request
        bytes(request.encode())
        done += 1


async def main(name: str, count: int, how: str, port: int, sip: float) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    engine = ENGINES[name](20000, 65535, capacity=count)
    await engine.start()
    while not getattr(engine, "begun", True):
        await asyncio.sleep(0.01)
    there = Endpoint(HOST, port)
    agreed = Negotiated(b"", PCMU, there, Endpoint(HOST, port + 1), None, "sendrecv", 20, 0, None)
    before, began = memory(engine), time.perf_counter()
    legs = set_up(engine, count, how, agreed)
    took = (time.perf_counter() - began) / count * (2 if how == "bridge" else 1)
    await asyncio.sleep(0)
    print((memory(engine) - before) / count, took * 1e6, *(leg.local.port for leg in legs), flush=True)
    loop = asyncio.get_running_loop()
    beside = loop.create_task(sip_beside(sip)) if sip else None
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(used(engine), flush=True)
    if beside is not None:
        beside.cancel()
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
