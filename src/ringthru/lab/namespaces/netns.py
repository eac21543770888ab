"""Network namespaces by hand: running a program, entering one, removing one, waiting for something.

Lives here: what knows Linux and ``ip netns``, and the names our namespaces bear.
Never here: addresses, topologies, gateways.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

POLL = 0.02  # seconds between two looks of wait_for
PATIENCE = 60.0  # seconds for a step in a laboratory: a machine with much else to do takes its time
NAMES = Path("/run/netns")
RESOLVERS = Path("/etc/netns")  # ip-netns(8) shows NAME/resolv.conf from here to what runs inside
OURS = re.compile(r"rt(\d+)-[0-9a-f]{4}-\w+")
TOOLS = ("ip", "nft", "conntrack", "sysctl")
CLONE_NEWNET = 0x40000000
CAPABILITIES = 1 << 12 | 1 << 21  # CAP_NET_ADMIN, CAP_SYS_ADMIN

T = TypeVar("T")


class LaboratoryError(Exception):
    """The laboratory cannot be built here, or a step in it failed; the text says what is wrong."""


def wait_for(condition: Callable[[], T], timeout: float, what: str = "") -> T:
    """Ask ``condition`` every 20 ms until it is true, and return what it said.

    ``timeout`` is what a machine with nothing else to do may need; a busy one gets a minute for every step.

    Raises:
        TimeoutError: still false after the longer of the two; ``what`` goes into the text.
    """
    timeout = max(timeout, PATIENCE)
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout} s: {what or condition}")
        time.sleep(POLL)
    return result


def obstacles(programs: Sequence[str] = ()) -> list[str]:
    """Why no laboratory can be built here, in words; empty when one can.

    ``programs`` are more that the caller is going to need, besides the laboratory's own.
    """
    if os.geteuid() != 0:
        return ["network namespaces need root"]
    if not _may_administer():
        return ["this container withholds CAP_NET_ADMIN or CAP_SYS_ADMIN"]
    return [f"{name} is not installed" for name in (*TOOLS, "miniupnpd", *programs) if not find_program(name)]


def sweep_stale() -> None:
    """Remove what laboratories of processes that are no more have left behind (killed ones, that is)."""
    for path in NAMES.glob("rt*-*") if NAMES.is_dir() else ():
        found = OURS.fullmatch(path.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            remove_namespace(path.name)


def _may_administer() -> bool:
    """May we make namespaces and configure them? In a container even root may not."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.M)
    return found is not None and int(found[1], 16) & CAPABILITIES == CAPABILITIES


def find_program(program: str) -> str | None:
    """Where it is installed; daemons live in places that not everybody's PATH names."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def command(
    argv: Sequence[str], timeout: float = PATIENCE, check: bool = True, text: str = ""
) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LaboratoryError(f"{' '.join(argv)}: {error}") from error
    if check and done.returncode:
        raise LaboratoryError(f"{' '.join(argv)}: status {done.returncode}: {done.stderr or done.stdout}")
    return done


def enter(name: str) -> None:
    """Move the calling thread into a namespace (setns(2); os.setns exists only since Python 3.12)."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(NAMES / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, CLONE_NEWNET):
            raise LaboratoryError(f"cannot enter {name}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(descriptor)


def remove_namespace(name: str) -> None:
    """End what still runs in one of our namespaces (daemons that went their own way) and delete it."""
    inside = command(["ip", "netns", "pids", name], check=False)
    for pid in inside.stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue  # it was faster
    command(["ip", "netns", "delete", name], check=False)
    shutil.rmtree(RESOLVERS / name, ignore_errors=True)
