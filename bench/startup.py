"""How long from the start of the process to a mapped, advertised, answering switch (rows P1 and P2).

Everything runs in the laboratory's namespaces, behind Debian's miniupnpd; the peers map the same four
ports on the same gateway. A time begins just before the program is started and ends with an event seen
from outside the program: the kernel's report of a new rule, or a SIP answer.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

import ringthru
from ringthru.lab.namespaces.laboratory import (
    GATEWAY,
    PBX,
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
    Topology,
)
from ringthru.lab.namespaces.miniupnpd import Serves

CONFIGURATION = Path(__file__).parents[1] / "conf"  # the shipped one, as it is
RUNS = 7
LIMIT = 30.0  # seconds for one measurement
STEP = 0.002  # seconds between two questions to a switch that does not answer yet
RETRANSMISSION = 0.5  # seconds, T1 of RFC 3261
PORTS = ((5060, "udp"), (5060, "tcp"), (5080, "udp"), (5080, "tcp"))
RULE = re.compile(r"add rule inet filter prerouting_miniupnpd .*?0x(\w+) th dport (\d+) dnat")
PROTOCOLS = {"11": "udp", "6": "tcp"}  # IP protocol numbers, as nft prints them
EXTERNAL = (WAN_ADDRESS, 5080)
INTERNAL = (PBX_ADDRESS, 5060)

NATPMPC = ["sh", "-c", "; ".join(f"natpmpc -a {port} {port} {protocol} 3600" for port, protocol in PORTS)]
UPNPC = ["upnpc", "-i", "-r", *(str(word) for pair in PORTS for word in pair)]

FLOORS = ("pass", "import asyncio")

Process = subprocess.Popen[bytes]


class Start(NamedTuple):
    """One start of the switch behind a gateway, in seconds since the process was started."""

    mapped: float  # the fourth SIP port is in the gateway's kernel
    advertised: float  # ... and a call from outside is answered, Contact and SDP showing the external address
    processor: float  # what of it the process was running
    python: float  # the interpreter that does nothing, in the same laboratory just before
    asyncio: float  # ... and one that imports asyncio: nothing on it starts sooner


class Serving(NamedTuple):
    """One start where no gateway answers; the fields as above."""

    answered: float  # the first SIP answer on the LAN
    processor: float
    python: float
    asyncio: float


class RuleWatch:
    """Tells when the gateway's kernel got its rules, from ``nft monitor``."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._seen: dict[tuple[int, str], float] = {}
        self._complete = threading.Event()
        argv = ["ip", "netns", "exec", laboratory.name(GATEWAY), "nft", "monitor", "rules"]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, bufsize=1)
        threading.Thread(target=self._read, daemon=True).start()
        self._prove_that_it_listens()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            now = time.monotonic()
            if found := RULE.search(line):
                self._seen.setdefault((int(found[2]), PROTOCOLS.get(found[1], "")), now)
            elif "dport 9 " in line:
                self._seen[9, "probe"] = now
            if self._seen.keys() >= set(PORTS):
                self._complete.set()

    def _prove_that_it_listens(self) -> None:
        """It is deaf for its first milliseconds and does not say when that is over."""
        while (9, "probe") not in self._seen:
            rule = ["inet", "filter", "miniupnpd", "udp", "dport", "9", "drop"]
            self._laboratory.run(GATEWAY, ["nft", "add", "rule", *rule])
        self._laboratory.run(GATEWAY, ["nft", "flush", "chain", "inet", "filter", "miniupnpd"])

    def last(self) -> float:
        """When the last of the four ports was there (a monotonic instant); waits for it."""
        if not self._complete.wait(LIMIT):
            raise TimeoutError(f"only {sorted(self._seen)} of {PORTS} mapped within {LIMIT:g} s")
        return max(self._seen[port] for port in PORTS)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def start_behind_miniupnpd(serves: Serves, runs: int) -> Start:
    """Row P1, medians: a new gateway for each run, so that nothing is remembered."""
    starts = []
    for _ in range(runs):
        with Laboratory(serves=serves) as laboratory, watching(laboratory) as watch:
            floors = [interpreter(laboratory, program) for program in FLOORS]
            stranger = laboratory.udp_socket(PUB, PUB_ADDRESS)
            with stranger, switch_started(laboratory) as (began, switch):
                first_answer(switch, stranger, EXTERNAL, b"SIP/2.0 ")
                advertised = first_answer(
                    switch, stranger, EXTERNAL, f"{WAN_ADDRESS}:5080>".encode(), invite, RETRANSMISSION
                )
                running, mapped = processor_time(switch), watch.last()
                starts.append(Start(mapped - began, max(advertised, mapped) - began, running, *floors))
    return Start(*map(median, zip(*starts, strict=True)))


def peer_behind_miniupnpd(serves: Serves, argv: Sequence[str], runs: int) -> float:
    """The same four ports mapped by a peer: from its start to the last rule in the kernel, median."""
    times = []
    for _ in range(runs):
        with Laboratory(serves=serves) as laboratory, watching(laboratory) as watch:
            began = time.monotonic()
            laboratory.popen(PBX, argv)
            times.append(watch.last() - began)
    return median(times)


def answer_without_gateway(topology: Topology, runs: int) -> Serving:
    """Row P2, medians."""
    times = []
    for _ in range(runs):
        with Laboratory(topology) as laboratory:
            floors = [interpreter(laboratory, program) for program in FLOORS]
            phone = laboratory.udp_socket(PHONE, PHONE_ADDRESS)
            with phone, switch_started(laboratory) as (began, switch):
                answered = first_answer(switch, phone, INTERNAL, b"SIP/2.0 ") - began
                times.append(Serving(answered, processor_time(switch), *floors))
    return Serving(*map(median, zip(*times, strict=True)))


def interpreter(laboratory: Laboratory, program: str) -> float:
    """Seconds that Python takes to run a program of one line, start and end included."""
    began = time.monotonic()
    laboratory.run(PBX, [sys.executable, "-c", program])
    return time.monotonic() - began


def processor_time(process: Process) -> float:
    """Seconds that a process has been running so far, its waits for a processor not counted."""
    return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9


@contextmanager
def watching(laboratory: Laboratory) -> Iterator[RuleWatch]:
    watch = RuleWatch(laboratory)
    try:
        yield watch
    finally:
        watch.close()


@contextmanager
def switch_started(laboratory: Laboratory) -> Iterator[tuple[float, Process]]:
    """Run the switch with the shipped configuration; the instant just before its start, and the process."""
    argv = [sys.executable, "-m", "ringthru", "-nc", "-nf", "-conf", str(CONFIGURATION)]
    for flag in ("-log", "-db"):
        folder = laboratory.directory / flag[1:]
        folder.mkdir()
        argv += [flag, str(folder)]
    output = laboratory.directory / "output"
    began = time.monotonic()
    process = laboratory.popen(PBX, argv, output, {"PYTHONPATH": str(Path(ringthru.__file__).parents[1])})
    try:
        yield began, process
    except TimeoutError as error:
        raise TimeoutError(f"{error}\n{output.read_text(errors='replace')}") from error
    finally:
        laboratory.end(process)


def first_answer(
    switch: Process,
    asking: socket.socket,
    target: tuple[str, int],
    wanted: bytes,
    request: Callable[[tuple[str, int], tuple[str, int], int], bytes] | None = None,
    step: float = STEP,
) -> float:
    """Send a request every ``step`` seconds; the instant of the first answer that holds ``wanted``.

    Raises:
        TimeoutError: there was none, or the switch has ended.
    """
    deadline = time.monotonic() + LIMIT
    for number in count():
        if switch.poll() is not None:
            raise TimeoutError("the switch has ended")
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer from {target} with {wanted.decode()!r} within {LIMIT:g} s")
        asking.sendto((request or options)(asking.getsockname(), target, number), target)
        asking.settimeout(step)
        with suppress(TimeoutError, ConnectionError):
            while wanted not in asking.recv(65535):
                pass
            break
    return time.monotonic()


def options(here: tuple[str, int], target: tuple[str, int], number: int) -> bytes:
    """A new OPTIONS each time."""
    return message("OPTIONS", f"sip:{target[0]}:{target[1]}", here, f"options{number}", "")


def invite(here: tuple[str, int], target: tuple[str, int], number: int) -> bytes:
    """One call to the echo test, the same each time: from the second on they are retransmissions."""
    origin = f"IN IP4 {here[0]}"
    lines = ["v=0", f"o=- 1 1 {origin}", "s=-", f"c={origin}", "t=0 0", "m=audio 30000 RTP/AVP 0", ""]
    media = "\r\n".join(lines)
    return message("INVITE", f"sip:9196@{target[0]}:{target[1]}", here, "call", media)


def message(method: str, uri: str, here: tuple[str, int], name: str, body: str) -> bytes:
    """A request; the target's address stands in no header that an answer repeats."""
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {here[0]}:{here[1]};branch=z9hG4bK{here[1]}{name};rport\r\n"
        "From: <sip:stopwatch@bench.invalid>;tag=stopwatch\r\nTo: <sip:anyone@bench.invalid>\r\n"
        f"Call-ID: {here[1]}-{name}@bench.invalid\r\nCSeq: 1 {method}\r\n"
        f"Contact: <sip:stopwatch@{here[0]}:{here[1]}>\r\nMax-Forwards: 70\r\n"
        + ("Content-Type: application/sdp\r\n" if body else "")
        + f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
