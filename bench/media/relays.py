"""Whatever is measured, as a program that is loaded: our engines, the barest relay, rtpengine; and the load.

Lives here: how each is started, and asked what it used. Never here: what is measured.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from ringthru.lab.namespaces.netns import LaboratoryError
from ringthru.media.description.offer_answer import PCMU, MediaAddress, make_offer
from ringthru.media.description.sdp import SessionDescription
from ringthru.media.ng.messages import Command, Dialogue, Message, encode_message, ping
from ringthru.net.values import frozen

ENGINE_CPU, LOAD_CPU = "1", "0"
HOST, PORT, NG = "127.0.0.1", 19000, ("127.0.0.1", 19010)
LONGEST = 1.0  # seconds of one step
FOLDER = Path(__file__).parent
PAGE = os.sysconf("SC_PAGE_SIZE")
WISHES = {"ICE": "remove", "flags": ["asymmetric"]}  # both parties are one socket: nothing to learn


@frozen
class Relay:
    """What is loaded: the legs' ports, octets of memory for each leg, microseconds to set a call up."""

    ports: list[str]
    leg: float
    set_up: float
    used: Callable[[], float]  # seconds of processor time so far


Send = Callable[[float, list[str]], list[int]]


def build(folder: Path) -> Path:
    program = folder / "generator"
    try:
        output("gcc", "-O2", "-o", program, FOLDER / "generator.c")
    except OSError as error:
        raise LaboratoryError(f"the load generator is not built: {error}; install gcc") from error
    return program


def output(*command: object) -> str:
    return subprocess.run(
        [str(each) for each in command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@cache
def first() -> tuple[str, ...]:
    """What makes a program run before its neighbours.

    Niceness counts among the programs of one session or one control group alone; real-time priority counts
    for the whole machine, where it may be had.
    """
    real_time = ("chrt", "-f", "50")
    try:
        allowed = subprocess.run([*real_time, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        allowed = False
    return real_time if allowed else ("nice", "-n", "-20")


def limit(generator: Path, pairs: int) -> float:
    """Packets a second of ``selfone`` with so many pairs of sockets."""
    return float(output(*first(), "taskset", "-c", LOAD_CPU, generator, "self", "0.6", pairs))


@contextmanager
def load(generator: Path) -> Iterator[Send]:
    """A generator; call the result to send at a rate to these ports."""
    with talking(*first(), "taskset", "-c", LOAD_CPU, generator, "bind", PORT) as ask:
        yield lambda rate, ports: [int(each) for each in ask(f"{rate} {LONGEST} {' '.join(ports)}").split()]


@contextmanager
def engine(name: str, legs: int, how: str, sip: float = 0.0) -> Iterator[Relay]:
    """One of ours (see ``host.py``), with so many SIP messages a second beside it."""
    argv = [sys.executable, "-m", "bench.media.host", name, legs, how, PORT, sip]
    with talking(*first(), "taskset", "-c", ENGINE_CPU, *argv) as ask:
        leg, took, *ports = ask("").split()
        yield Relay(ports, float(leg), float(took), lambda: float(ask("?")))


@contextmanager
def bare(*program: object, legs: int) -> Iterator[Relay]:
    """A barest relay: what the system calls alone take, from the language that ``program`` is in."""
    with talking(*first(), "taskset", "-c", ENGINE_CPU, *program, PORT, legs) as ask:
        _, _, *ports = ask("").split()
        yield Relay(ports, 0.0, 0.0, lambda: float(ask("?")))


@contextmanager
def rtpengine(legs: int) -> Iterator[Relay]:
    """Debian's daemon in user space with one thread; ``legs`` / 2 bridged calls."""
    argv = ["rtpengine", "--foreground", "--log-stderr", "--log-level=3", "--table=-1", "--config-file=none"]
    argv += [f"--interface={HOST}", f"--listen-ng={NG[0]}:{NG[1]}", "--num-threads=1", "--delete-delay=0"]
    argv += ["--port-min=20000", "--port-max=65000"]
    program = [*first(), "taskset", "-c", ENGINE_CPU, *argv]
    with ExitStack() as stack:
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(program, stdout=quiet, stderr=quiet, process_group=0)
        stack.callback(process.wait)
        stack.callback(process.kill)
        ask = stack.enter_context(controller())
        before, began = memory(process.pid), time.perf_counter()
        ports: list[str] = []
        for number in range(legs // 2):
            ports += one_call(ask, str(number))
        took = (time.perf_counter() - began) / (legs // 2)
        leg = (memory(process.pid) - before) / legs
        yield Relay(ports, leg, took * 1e6, lambda: used(process.pid))


def one_call(ask: Callable[[Command], Message], name: str) -> list[str]:
    talk, sdp = Dialogue(name, "a", "b"), make_offer(MediaAddress(HOST, PORT, PORT + 1), [PCMU], 1, 1, None)
    answers = (ask(talk.offer(sdp, **WISHES)), ask(talk.answer(sdp, **WISHES)))
    return [str(SessionDescription.parse(each.octets("sdp")).media[0].port) for each in answers]


@contextmanager
def controller() -> Iterator[Callable[[Command], Message]]:
    """Asks a node, and waits until it is there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)

        def ask(command: Command) -> Message:
            datagram = encode_message(os.urandom(6).hex(), command)
            for _ in range(20):
                sock.sendto(datagram, NG)
                try:
                    return Message.decode(sock.recv(65536))
                except (TimeoutError, ConnectionRefusedError):
                    time.sleep(0.1)
            raise LaboratoryError("rtpengine does not answer")

        ask(ping())
        yield ask


def is_there() -> bool:
    return shutil.which("rtpengine") is not None


def memory(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE


def used(process: int) -> float:
    """Seconds of processor time of all its threads."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in tasks) / 1e9


@contextmanager
def talking(*command: object) -> Iterator[Callable[[str], str]]:
    """A program that answers lines with lines; an empty one is not sent. It does not hear Ctrl-C: we do."""
    pipe, argv = subprocess.PIPE, [str(each) for each in command]
    process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, process_group=0)
    assert process.stdin is not None
    assert process.stdout is not None
    sink, source = process.stdin, process.stdout

    def ask(line: str) -> str:
        if line:
            print(line, file=sink, flush=True)
        answer = source.readline()
        if not answer:
            raise LaboratoryError(f"{command[-5:]} ended: {process.wait(5)}")
        return answer

    try:
        yield ask
    finally:
        sink.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        source.close()
