"""Namespaces of our own, the programs that run in them, and an end that leaves nothing behind.

Lives here: making and removing namespaces, running things inside. Never here: addresses, gateways.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from .netns import (
    PATIENCE,
    RESOLVERS,
    LaboratoryError,
    command,
    enter,
    obstacles,
    remove_namespace,
    sweep_stale,
)

T = TypeVar("T")


class World:
    """A context manager; what it holds is built by ``build``, which a subclass says.

    ``directory`` is a fresh temporary one that lives as long as the world.

    Raises:
        LaboratoryError: not root, a tool is missing, or the kernel refused a step.
    """

    def __init__(self) -> None:
        self._prefix = f"rt{os.getpid()}-{secrets.token_hex(2)}-"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._names: list[str] = []
        self.directory = Path(tempfile.gettempdir())  # replaced by a fresh one in open()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def build(self) -> None:
        """Make the namespaces and start what stands in them."""
        raise NotImplementedError

    def open(self) -> None:
        """Build everything; when that fails, take down what there is of it."""
        if reasons := obstacles():
            raise LaboratoryError("no laboratory here: " + ", ".join(reasons))
        sweep_stale()
        atexit.register(self.close)
        try:
            self.directory = Path(tempfile.mkdtemp(prefix="ringthru-lab-"))
            self.build()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End what runs inside, remove the namespaces and the files. May be called twice."""
        atexit.unregister(self.close)
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for name in self._names:
            remove_namespace(name)
        self._processes, self._names = [], []
        if self.directory.name.startswith("ringthru-lab-"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def make_namespace(self, role: str, *, forwards: bool = False, ipv6: bool = False) -> None:
        """Make one, without a way out; ``forwards``: it is a router."""
        name = self.name(role)
        self._names.append(name)
        (RESOLVERS / name).mkdir(parents=True)
        (RESOLVERS / name / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        command(["ip", "netns", "add", name])
        settings = [f"net.ipv6.conf.{each}.disable_ipv6={int(not ipv6)}" for each in ("all", "default")]
        settings += [f"net.ipv4.ip_forward={int(forwards)}"]
        if ipv6:  # without the second of silence that duplicate address detection costs
            settings += ["net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.dad_transmits=0"]
            settings += [f"net.ipv6.conf.all.forwarding={int(forwards)}"]
        if Path("/proc/sys/net/bridge").exists():  # else switched frames would meet the NAT rules
            settings += [f"net.bridge.bridge-nf-call-{table}=0" for table in ("iptables", "ip6tables")]
        self.run(role, ["sysctl", "-q", "-w", *settings])
        self.ip(role, "link set lo up")

    def ip(self, role: str, *commands: str) -> None:
        """Commands of ip(8), in a namespace."""
        command(["ip", "-n", self.name(role), "-batch", "-"], text="\n".join(commands) + "\n")

    def name(self, role: str) -> str:
        """The namespace's name, as ``ip netns`` shows it."""
        return self._prefix + role

    def run(
        self, role: str, argv: Sequence[str], *, timeout: float = PATIENCE, check: bool = True, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in a namespace to its end; ``text`` is its input, both outputs come back as text.

        Raises:
            LaboratoryError: it failed (with ``check``) or was not done within ``timeout`` seconds.
        """
        return command(["ip", "netns", "exec", self.name(role), *argv], timeout, check, text)

    def popen(
        self,
        role: str,
        argv: Sequence[str],
        output: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program in a namespace; its pid is the program's own. ``output`` gets what it prints."""
        with open(output or os.devnull, "wb") as sink:
            process = subprocess.Popen(  # ip replaces itself by the program
                ["ip", "netns", "exec", self.name(role), *argv],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        self._processes.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes], timeout: float = PATIENCE / 2) -> int:
        """Ask one of our processes to stop (SIGTERM), kill it after ``timeout`` seconds; its exit status."""
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def call_in(self, role: str, function: Callable[[], T]) -> T:
        """Call ``function`` in a thread that has moved into the namespace; sockets it opens stay there."""

        def inside() -> T:
            enter(self.name(role))
            return function()

        with ThreadPoolExecutor(max_workers=1) as executor:
            return executor.submit(inside).result()

    def udp_socket(self, role: str, address: str, port: int = 0, timeout: float = PATIENCE) -> socket.socket:
        """A UDP socket that lives in the namespace, for this process to send and receive with."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = self.call_in(role, lambda: socket.socket(family, socket.SOCK_DGRAM))
        opened.bind((address, port))
        opened.settimeout(timeout)
        return opened
