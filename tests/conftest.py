"""For all tests: Hypothesis without a clock, signals that are heard, and an empty network namespace."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, settings

# a busy machine is not wrong code
settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")

# nohup and a shell's & leave these ignored, which our programs respect, and the tests' programs would inherit
for each in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(each) is signal.SIG_IGN:
        signal.signal(each, lambda *_: None)

SKIPPED = "network namespaces need root and ip(8)"
NO_PEERS = "other SIP stacks are not installed (extra 'peers')"


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


@pytest.fixture(scope="session")
def foreign_stacks() -> tuple[str, ...]:
    """The SIP stacks from PyPI that we test against; skipped aloud where they are not installed."""
    stacks = ("sippy", "aiosipua")
    if missing := [name for name in stacks if find_spec(name) is None]:
        if os.environ.get("CI"):
            pytest.fail(f"required here: {' and '.join(missing)}", pytrace=False)
        pytest.skip(NO_PEERS)
    return stacks


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, why in (
        ("OF THE NETWORK AROUND US", SKIPPED),
        ("AGAINST FOREIGN STACKS", NO_PEERS),
    ):
        skipped = [each for each in terminalreporter.stats.get("skipped", []) if why in str(each.longrepr)]
        if skipped:
            text = f"!!! {len(skipped)} TESTS {what} WERE SKIPPED: {why} !!!"
            terminalreporter.write_line(text, red=True, bold=True)


@pytest.fixture
def ipv6() -> None:
    """Only where loopback speaks IPv6, which some containers switch off."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback here: {error}")
