"""What transcoding adds: ``python -m bench.media.transcoding [CALLS]``, on loopback.

For each pair of codecs so many calls at once through the engine of this machine: how long each packet of the
first call took from one phone to the other, beside the same call passed through; and the processor time of a
call, in the switch (the engine in C included) and in the process that codes.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import sys
import time
from array import array
from collections.abc import Sequence
from math import sin
from pathlib import Path

from ringthru.media import G722, OPUS, PCMU, Codec, Leg, Negotiated, RtpPacket, choose_engine
from ringthru.media.coding.coders import encoder_of
from ringthru.media.engine.coding_driver import CodingEngine
from ringthru.net.address import Endpoint

SECONDS = 5.0
PAIRS = ((PCMU, PCMU), (PCMU, G722), (PCMU, OPUS), (G722, OPUS))


class Phone:
    """Says a tone, and notes when something comes."""

    def __init__(self, engine: CodingEngine, codec: Codec, number: int) -> None:
        host = f"127.36.{number // 200}.{number % 200 + 1}"
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in "12"]
        for sock in self.sockets:
            sock.bind((host, 0))
        self.codec = codec
        self.leg: Leg = engine.open(engine.reserve("127.35.0.1"), name=host)
        rtp, rtcp = (Endpoint(*sock.getsockname()) for sock in self.sockets)
        kind = codec.payload_type
        self.leg.connect(Negotiated(b"", codec, rtp, rtcp, 101, "sendrecv", 20, kind, 101))
        encoder = encoder_of(codec, 8000)
        samples = [
            array("h", (int(8000 * sin(0.3 * (n * 160 + at))) for at in range(160))) for n in range(25)
        ]
        self.frames = [encoder.encode(each) for each in samples]
        self.said = 0
        self.heard: list[float] = []

    def say(self) -> None:
        stamp = self.said * self.codec.clock_rate // 50
        payload = self.frames[self.said % len(self.frames)]
        packet = RtpPacket(self.codec.payload_type, self.said & 0xFFFF, stamp, 7, payload)
        self.sockets[0].sendto(packet.encode(), self.leg.local)
        self.said += 1

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_reader(self.sockets[0].fileno(), self._hear)

    def _hear(self) -> None:
        now = time.monotonic()
        self.sockets[0].recv(2048)
        self.heard.append(now)


def spent(process: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def measure(pair: Sequence[Codec], calls: int) -> str:
    engine = choose_engine("auto", 20000, 30000).engine
    assert isinstance(engine, CodingEngine), "install the extra codecs first"
    await engine.start()
    loop = asyncio.get_running_loop()
    phones = [
        [Phone(engine, codec, 2 * call + side) for side, codec in enumerate(pair)] for call in range(calls)
    ]
    for one, other in phones:
        one.leg.bridge(other.leg)
    last = phones[0][1]
    last.listen(loop)
    for _ in range(50):  # until everything runs
        for both in phones:
            for phone in both:
                phone.say()
        await asyncio.sleep(0.02)
    sent: list[float] = []
    last.heard.clear()
    began, before = loop.time(), resource.getrusage(resource.RUSAGE_SELF)
    coding = sum(spent(worker.link.process_number) for worker in engine._workers)
    for number in range(int(SECONDS * 50)):
        sent.append(time.monotonic())
        for both in phones:
            for phone in both:
                phone.say()
        await asyncio.sleep(max(began + (number + 1) * 0.02 - loop.time(), 0))
    await asyncio.sleep(0.1)
    after = resource.getrusage(resource.RUSAGE_SELF)
    coded = sum(spent(worker.link.process_number) for worker in engine._workers) - coding
    ours = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lost = len(sent) - len(last.heard)
    delays = (
        sorted(heard - said for said, heard in zip(sent, last.heard, strict=False)) if not lost else [0.0]
    )
    await engine.close()
    for both in phones:
        for phone in both:
            phone.leg.close()
            loop.remove_reader(phone.sockets[0].fileno())
            for sock in phone.sockets:
                sock.close()
    names = "–".join(each.encoding for each in pair)
    milliseconds = [1000 * delays[int(len(delays) * share)] for share in (0.5, 0.99)]
    return (
        f"{names:12} {calls:4} calls: p50 {milliseconds[0]:.2f} ms, p99 {milliseconds[1]:.2f} ms, "
        f"lost {lost}; per call {1e3 * coded / calls / SECONDS:.2f} ms/s coding, "
        f"{1e3 * ours / calls / SECONDS:.2f} ms/s in this process (phones and engine)"
    )


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    for pair in PAIRS:
        print(asyncio.run(measure(pair, calls)), flush=True)


if __name__ == "__main__":
    main()
