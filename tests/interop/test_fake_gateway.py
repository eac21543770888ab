"""The fake gateway as a process of its own, tested by programs that are none of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ..conftest import Namespace

INSIDE, OUTSIDE = "127.77.0.1", "127.200.0.1"


class Played:
    """``ringthru lab gateway --device …`` in a namespace of its own."""

    def __init__(self, namespace: Namespace, device: str) -> None:
        self._namespace = namespace
        command = [sys.executable, "-m", "ringthru", "lab", "gateway", "--json", "--device", device]
        inside = ["ip", "netns", "exec", namespace.name, *command]
        self.process = subprocess.Popen(inside, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.told = json.loads(self.process.stdout.readline())

    def run(self, *argv: str) -> str:
        """What a program says there, whether it likes the gateway's answer or not."""
        command = ["ip", "netns", "exec", self._namespace.name, *argv]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr


@pytest.fixture
def play(namespace: Namespace) -> Iterator[object]:
    played: list[Played] = []

    def start(device: str) -> Played:
        played.append(Played(namespace, device))
        return played[-1]

    yield start
    for each in played:
        each.process.terminate()
        each.process.communicate(timeout=60)


def test_upnpc_and_natpmpc_map_on_one_that_works_well(play) -> None:
    gateway = play("tomato-1.28")
    upnp = ("upnpc", "-u", gateway.told["description_url"])
    said = gateway.run(*upnp, "-e", "a camera", "-a", "127.0.0.1", "5060", "5060", "UDP")
    assert f"external {OUTSIDE}:5060 UDP is redirected to internal 127.0.0.1:5060" in said
    said = gateway.run("natpmpc", "-g", INSIDE, "-a", "5070", "5070", "tcp", "60")
    assert "Mapped public port 5070 protocol TCP to local port 5070" in said
    table = gateway.run(*upnp, "-l")
    assert "UDP  5060->127.0.0.1:5060  'a camera'" in table
    assert "TCP  5070->127.0.0.1:5070" in table


def test_a_fritz_box_refuses_upnpc_until_it_is_allowed(play) -> None:
    gateway = play("fritzbox-7490")
    upnp = ("upnpc", "-u", gateway.told["description_url"])
    said = gateway.run(*upnp, "-a", "127.0.0.1", "5060", "5060", "UDP")
    assert "failed with code 606" in said
