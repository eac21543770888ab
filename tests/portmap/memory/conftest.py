"""Entries of a journal, and processes that write them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringthru.portmap.memory.holding import GatewayIdentity, Holding, JournalEntry
from ringthru.portmap.memory.store_driver import Store
from ringthru.portmap.values import Family, GatewayType, Protocol

GATEWAY = GatewayIdentity(GatewayType.PCP, "192.168.1.1", "02:00:5e:10:00:01")
PRELUDE = """
import os, sys
from pathlib import Path
from ringthru.portmap.memory.holding import GatewayIdentity, Holding, JournalEntry
from ringthru.portmap.memory.store_driver import Store
from ringthru.portmap.values import Family, GatewayType, Protocol

gateway = GatewayIdentity(GatewayType.PCP, "192.168.1.1", "02:00:5e:10:00:01")

def entry(port, owner):
    held = Holding(Family.IPV4, Protocol.UDP, "", port, port, 3600, "Ringthru", port.to_bytes(12, "big"))
    return JournalEntry(held, gateway, 1000.0, owner=owner)

def say(word):
    os.write(1, f"{word}\\n".encode())

store = Store(Path(sys.argv[1]))
"""


def make_entry(
    port: int = 5060,
    *,
    external: int | None = None,
    gateway: GatewayIdentity = GATEWAY,
    lifetime: int = 3600,
    at: float = 1000.0,
    owner: str = "",
    kept: bool = False,
    own_address: str = "",
    family: Family = Family.IPV4,
) -> JournalEntry:
    nonce = port.to_bytes(12, "big")
    outside = port if external is None else external
    holding = Holding(family, Protocol.UDP, "", port, outside, lifetime, "Ringthru", nonce)
    return JournalEntry(holding, gateway, at, kept, owner, own_address)


@pytest.fixture
def entry() -> Callable[..., JournalEntry]:
    return make_entry


@pytest.fixture
def gateway() -> GatewayIdentity:
    return GATEWAY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


@pytest.fixture
def said() -> list[str]:
    """What the store logged."""
    return []


@pytest.fixture
def store(path: Path, said: list[str]) -> Iterator[Store]:
    made = Store(path, lambda level, text: said.append(text))
    yield made
    made.close()


@pytest.fixture
def child(path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Run a text in another process that has ``store``, ``entry(port, owner)`` and ``say(word)``."""
    children: list[subprocess.Popen[bytes]] = []

    def run(text: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PRELUDE + text, str(path)]
        children.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return children[-1]

    yield run
    for process in children:
        process.kill()
        process.communicate()
