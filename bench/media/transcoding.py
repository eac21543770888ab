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

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        self.leg.close()
        loop.remove_reader(self.sockets[0].fileno())
        for sock in self.sockets:
            sock.close()

    def _hear(self) -> None:
        now = time.monotonic()
        self.sockets[0].recv(2048)
        self.heard.append(now)


def spent(process: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def speak(phones: Sequence[Phone], seconds: float) -> list[float]:
    """Have all of them speak at every 20 ms; the moments at which they did."""
    loop = asyncio.get_running_loop()
    began, said = loop.time(), []
    for number in range(int(seconds * 50)):
        said.append(time.monotonic())
        for phone in phones:
            phone.say()
        await asyncio.sleep(max(began + (number + 1) * 0.02 - loop.time(), 0))
    return said


def spent_here() -> float:
    """Seconds of processor time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(pair: Sequence[Codec], calls: int) -> str:
    """One line: what so many calls between two codecs took."""
    engine = choose_engine("auto", 20000, 30000).engine
    assert isinstance(engine, CodingEngine), "install the extra codecs first"
    await engine.start()
    loop = asyncio.get_running_loop()
    phones = [Phone(engine, codec, number) for number, codec in enumerate([*pair] * calls)]
    for one, other in zip(phones[::2], phones[1::2], strict=True):
        one.leg.bridge(other.leg)
    last = phones[1]
    last.listen(loop)
    await speak(phones, 1.0)  # until everything runs
    last.heard.clear()

    def coding() -> float:
        return sum(spent(worker.link.process_number) for worker in engine._workers)

    ours, coded = spent_here(), coding()
    sent = await speak(phones, SECONDS)
    await asyncio.sleep(0.1)
    ours, coded = spent_here() - ours, coding() - coded
    await engine.close()
    for phone in phones:
        phone.close(loop)
    return words("–".join(each.encoding for each in pair), calls, sent, last.heard, coded, ours)


def words(
    names: str, calls: int, sent: Sequence[float], heard: Sequence[float], coded: float, ours: float
) -> str:
    """The line; ``coded`` and ``ours`` are seconds of processor time."""
    lost = len(sent) - len(heard)
    delays = sorted(at - said for said, at in zip(sent, heard, strict=False)) if not lost else [0.0]
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
