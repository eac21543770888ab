"""The servers that are measured: ours, and the named peers, each pinned to one processor.

Lives here: how each is configured and started, and what it has used. Never here: load, or verdicts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import ringthru
from ringthru.lab.namespaces.laboratory import PBX, PBX_ADDRESS, PHONE_ADDRESS, Laboratory
from ringthru.lab.namespaces.netns import LaboratoryError, find_program
from ringthru.net.values import frozen

from ..inside_runs import INSIDE, peer_python
from ..report import progress
from .tree import write_tree

SERVER_CPU, LOAD_CPU = "1", "0"  # the server has one to itself; sipp has the other
SERVER_PORT, CALLED_PORT = 5060, 5071
FIRST = ("nice", "-n", "-10")  # before what else the machine does: its load would be taken for ours
STARTED = 15.0  # seconds until a server must answer
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

Argv = Callable[[Path], list[str]]


@frozen
class Program:
    """One server. ``echo``, ``bridge`` and ``registers`` say what of our measurements it can take."""

    name: str
    argv: Argv  # given a directory of its own
    echo: bool = False
    bridge: bool = False
    registers: bool = False


class Server:
    """A program that runs in the laboratory, and what it has used so far."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process = process
        self._output = output

    def seconds(self) -> float:
        """Processor time, user and system, of it and all its children."""
        return sum(sum(map(int, fields[11:13])) for fields in self._stats()) / TICK

    def memory(self) -> float:
        """Resident memory in MiB, of it and all its children."""
        return sum(int(fields[21]) for fields in self._stats()) * PAGE / 2**20

    def check(self) -> None:
        """Raises:
        LaboratoryError: it has ended; with its last words.
        """
        if self._process.poll() is not None:
            words = self._output.read_text(errors="replace")[-1500:]
            raise LaboratoryError(f"the server has ended with {self._process.returncode}: {words}")

    def _stats(self) -> list[list[str]]:
        """The fields of ``/proc/PID/stat`` from the state on (proc(5)), of the whole family."""
        found: dict[int, list[str]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    text = (entry / "stat").read_text()
                except OSError:
                    continue  # it has just gone
                found[int(entry.name)] = text.rpartition(")")[2].split()
        family = {self._process.pid}
        while grown := {pid for pid, fields in found.items() if int(fields[1]) in family} - family:
            family |= grown
        return [found[pid] for pid in family if pid in found]


@contextmanager
def running(laboratory: Laboratory, program: Program) -> Iterator[Server]:
    """Start it on the PBX, wait until it answers OPTIONS in any way, and end it afterwards."""
    directory = laboratory.directory / program.name.replace(" ", "-")
    directory.mkdir(exist_ok=True)
    output = directory / "output"
    argv = [*FIRST, "taskset", "-c", SERVER_CPU, *program.argv(directory)]
    environment = {"PYTHONPATH": str(Path(ringthru.__file__).parents[1])}
    process = laboratory.popen(PBX, argv, output, environment)
    server = Server(process, output)
    try:
        _until_it_answers(laboratory, server)
        yield server
    finally:
        laboratory.end(process)


def _until_it_answers(laboratory: Laboratory, server: Server) -> None:
    from ..startup import options

    target = (PBX_ADDRESS, SERVER_PORT)
    deadline = time.monotonic() + STARTED
    with laboratory.udp_socket("phone", PHONE_ADDRESS, timeout=0.1) as asking:
        for number in range(10_000):
            server.check()
            if time.monotonic() > deadline:
                raise LaboratoryError(f"no answer from the server within {STARTED:g} s")
            try:
                asking.sendto(options(asking.getsockname(), target, number), target)
                asking.recv(4096)
                return
            except (TimeoutError, ConnectionError):
                continue


def ringthru_program(users: int = 0, name: str = "ringthru") -> Program:
    """Our switch, with ``users`` in its directory."""
    return _switch(name, [sys.executable, "-m", "ringthru"], users)


def program_beside(path: Path, users: int = 0) -> Program:
    """Another switch that takes FreeSWITCH's flags and reads its tree: FreeSWITCH, which no registry has."""
    return _switch(f"{path.name} (beside)", [str(path)], users)


def _switch(name: str, command: Sequence[str], users: int) -> Program:
    """A switch of FreeSWITCH's kind, on a tree of ours."""

    def argv(directory: Path) -> list[str]:
        conf = write_tree(directory / "conf", users)
        words = [*command, "-nc", "-nf", "-nonat", "-conf", str(conf)]
        for flag in ("db", "log", "run"):  # FreeSWITCH takes its own for all where one is missing
            directory.joinpath(flag).mkdir(exist_ok=True)
            words += [f"-{flag}", str(directory / flag)]
        return words

    return Program(name, argv, echo=True, bridge=True, registers=True)


def core_program() -> Program:
    """Our SIP core alone, as a library: what it does is what aiosipua's program does, and no more."""
    argv = [sys.executable, str(INSIDE / "core_peer.py"), PBX_ADDRESS]
    return Program("ringthru.sip", partial(_fixed, argv), echo=True, bridge=True, registers=True)


def peers(beside: Path | None = None, users: int = 0) -> list[Program]:
    """Everybody else who can be had here; who cannot is left out, and the report says so.

    ``beside`` is one more, with ``users`` in its directory.
    """
    found = [] if beside is None else [program_beside(beside, users)]
    if not find_program("kamailio"):
        progress("kamailio is not installed: left out")
    else:
        found.append(Program("Kamailio (tm, registrar)", _kamailio, echo=True, registers=True))
    for name in ("sippy", "aiosipua"):
        python = peer_python(name)
        if python is None:
            progress(f"{name} cannot be installed from PyPI here: left out")
        else:
            argv = [python, str(INSIDE / f"{name}_peer.py"), PBX_ADDRESS]
            found.append(Program(name, partial(_fixed, argv), echo=True, bridge=True, registers=True))
    return found


def _fixed(argv: list[str], directory: Path) -> list[str]:
    """The command of a program that needs nothing written down."""
    return argv


def _kamailio(directory: Path) -> list[str]:
    text = (INSIDE / "kamailio.cfg").read_text().replace("ADDRESS", f"{PBX_ADDRESS}:{SERVER_PORT}")
    (directory / "kamailio.cfg").write_text(text)
    argv = ["kamailio", "-DD", "-E", "-f", str(directory / "kamailio.cfg"), "-m", "512", "-M", "16"]
    return [*argv, "-P", str(directory / "pid"), "-Y", str(directory)]
