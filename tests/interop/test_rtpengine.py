"""Debian's rtpengine and our own media node, each in a namespace of its own, driven by the same stories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .rtpengine_story import PROGRAMS

ROOT = Path(__file__).parents[2]
ALONE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
SWITCH = """
import os, subprocess, sys, pathlib
from tests.interop.rtpengine_story import start
many = len(os.environ["RTPENGINE_NODES"].split())
nodes = [start(number, pathlib.Path(sys.argv[1]), program=sys.argv[2]) for number in range(many)]
os.environ["RTPENGINE_PROCESSES"] = " ".join(str(node.pid) for node in nodes)
try:
    sys.exit(subprocess.run([sys.executable, *sys.argv[3:]]).returncode)
finally:
    for node in nodes:
        node.kill()
        node.wait()
"""

NEW_CALL = {"rtpengine": "Creating new call", "ringthru": "New call"}


def alone(tmp_path: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A Python of ours in a namespace that has nothing but loopback; ``tmp_path`` keeps the nodes' logs."""
    done = subprocess.run(
        [*ALONE, sys.executable, *argv],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    logs = "".join(path.read_text(errors="replace")[-3000:] for path in sorted(tmp_path.glob("node*")))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:] + logs
    return done


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_call_survives_the_death_of_its_node(tmp_path: Path, program: str) -> None:
    told = alone(tmp_path, "-m", "tests.interop.rtpengine_story", str(tmp_path), program)
    result = json.loads(told.stdout.splitlines()[-1])
    assert not result["tapped away"], (
        "what is recorded from before the bridge does not pass through this machine"
    )
    assert result["aside"], "packets of a bridge passed through this machine"
    assert result["keys"] == [[0, "5"]]
    assert result["moved"]
    assert result["received"] >= 1
    assert (result["states"], result["legs at nodes"]) == (["down", "up"], 2)


def through(tmp_path: Path, story: str, program: str, nodes: str) -> None:
    """Play a scenario of the switch's with such nodes; it must pass, and not be skipped."""
    words = (
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"tests/scenarios/test_media_engines.py::{story}",
    )
    done = alone(tmp_path, "-c", SWITCH, str(tmp_path), program, *words, RTPENGINE_NODES=nodes)
    assert done.stdout.startswith("."), done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("story", ["test_an_echo_and_a_bridge", "test_what_is_recorded_is_played"])
def test_the_switchs_calls_go_through_it(tmp_path: Path, story: str, program: str) -> None:
    through(tmp_path, story, program, "127.0.0.1:2223")
    log = (tmp_path / "node0").read_text(errors="replace")
    assert NEW_CALL[program] in log, log[-2000:]


@pytest.mark.parametrize("program", PROGRAMS)
def test_phones_are_reinvited_when_their_node_dies(tmp_path: Path, program: str) -> None:
    story = "test_a_node_that_dies_moves_its_call_by_a_reinvite"
    through(tmp_path, story, program, "127.0.0.1:2223 127.0.0.1:2224")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_full_node_sends_calls_on(tmp_path: Path, program: str) -> None:
    told = alone(tmp_path, "-m", "tests.interop.rtpengine_story", str(tmp_path), program, "full")
    result = json.loads(told.stdout.splitlines()[-1])
    assert result == {"first two": [2223, 2224], "third": None, "after one is gone": True, "was full": True}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_of_ng(tmp_path: Path, program: str) -> None:
    told = alone(tmp_path, "-m", "tests.interop.ng_story", str(tmp_path), program)
    assert json.loads(told.stdout.splitlines()[-1]) == {
        "ping": "pong",
        "nothing known": "Unknown call-id",
        "repeated": True,
        "passed on": ["kept", ["0", "8"], "127.0.0.1"],
        "mux is passed on": True,
        "mux is answered": "",
        "listed": ["the call"],
        "sessions": 1,
        "counted": True,
        "key": ["the call", "a-tag", "5"],
        "a blocked key": [],
        "media is blocked": "ok",
        "blocked media": [],
        "played": ["ok", 1000],
        "stopped": "ok",
        "recorded": "ok",
        "recorded no more": "ok",
        "the same ports after a re-INVITE of b": True,
        "refused": "error",
        "no description": "error",
        "deleted": "ok",
        "gone": "Unknown call-id",
        "gone twice": "ok",
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_kamailios_module_commands_it(tmp_path: Path, program: str) -> None:
    told = alone(tmp_path, "-m", "tests.interop.kamailio_node_story", str(tmp_path), program)
    assert json.loads(told.stdout.splitlines()[-1]) == {
        "through the node": True,
        "demultiplexed": True,
        "but not for the caller": True,
    }
