"""An empty network namespace for one test; skipped aloud where none can be made."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

SKIPPED = "network namespaces need root and ip(8)"


class Namespace:
    """A namespace with its loopback and nothing else; no packet can leave it."""

    def __init__(self) -> None:
        from ringthru.lab.namespaces import netns  # late: most tests need no namespace

        self._netns = netns
        self.name = f"rt{os.getpid()}-{secrets.token_hex(2)}-net"
        self._netns.command(["ip", "netns", "add", self.name])
        self.ip("link set lo up")

    def ip(self, *commands: str) -> None:
        self._netns.command(["ip", "-n", self.name, "-batch", "-"], text="\n".join(commands) + "\n")

    def run(self, *argv: str) -> str:
        return self._netns.command(["ip", "netns", "exec", self.name, *argv]).stdout

    def call(self, function: Callable[[], object]) -> object:
        """Call a function in a thread that has moved into the namespace."""

        def inside() -> object:
            self._netns.enter(self.name)
            return function()

        with ThreadPoolExecutor(max_workers=1) as executor:
            return executor.submit(inside).result()

    def remove(self) -> None:
        self._netns.remove_namespace(self.name)


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        if os.environ.get("CI"):
            pytest.fail(f"required here: {SKIPPED}", pytrace=False)
        pytest.skip(SKIPPED)
    namespace = Namespace()
    yield namespace
    namespace.remove()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [each for each in terminalreporter.stats.get("skipped", []) if SKIPPED in str(each.longrepr)]
    if skipped:
        terminalreporter.write_line(
            f"!!! {len(skipped)} TESTS OF THE NETWORK AROUND US WERE SKIPPED: {SKIPPED} !!!",
            red=True,
            bold=True,
        )


@pytest.fixture
def ipv6() -> None:
    """Only where loopback speaks IPv6, which some containers switch off."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback here: {error}")
