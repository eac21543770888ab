"""The demonstration is what a newcomer sees first: it must end well, and say so."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

PROGRAM = [sys.executable, "-m", "ringthru", "demo", "--once"]


def demonstrate(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(("arguments", "protocol"), [((), "NAT-PMP"), (("--upnp",), "UPnP")])
def test_a_call_comes_in_through_the_gateway_and_audio_comes_back(arguments, protocol):
    shown = demonstrate(*arguments)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert f"found gateway 127.10.0.1 by {protocol}" in shown.stdout
    assert "the phone outside heard its own tone" in shown.stdout
    assert re.search(r"Contact, audio shown   │ sip:9196@127\.20\.0\.1:5080, 127\.20\.0\.1:\d+", shown.stdout)
    assert "mappings left on the gateway: 0" in shown.stdout
    table = shown.stdout[shown.stdout.index("┌") : shown.stdout.index("┘")]
    assert max(map(len, table.splitlines())) <= 80  # as wide as a terminal is that nobody has widened
    assert re.search(r"and \d+ for the audio of calls to come", table)
    assert shown.stderr == ""


def test_a_terminal_that_knows_ascii_alone_sees_it_too():
    shown = demonstrate(PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "the phone outside heard its own tone" in shown.stdout


def test_a_second_demonstration_says_who_holds_its_ports():
    """Two at once: the second one's gateway finds its ports taken."""
    first = subprocess.Popen(
        PROGRAM,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    first.stdout.readline()
    for line in first.stdout:
        if "a gateway stands" in line:
            break
    second = demonstrate()
    first.communicate(timeout=60)
    assert second.returncode == 1
    assert re.fullmatch(
        r"The demonstration cannot start: UDP port 127\.10\.0\.1:\d+ is already in use.*\n", second.stderr
    )
