"""Debian's rtpengine as the media engine, in user space, in a namespace of its own for each story."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALONE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
SWITCH = """
import subprocess, sys, pathlib
from tests.interop.rtpengine_story import start
node = start(0, pathlib.Path(sys.argv[1]))
try:
    sys.exit(subprocess.run([sys.executable, *sys.argv[2:]]).returncode)
finally:
    node.kill()
    node.wait()
"""


def alone(tmp_path: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A Python of ours in a namespace that has nothing but loopback; ``tmp_path`` keeps the nodes' logs."""
    done = subprocess.run(
        [*ALONE, sys.executable, *argv],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    logs = "".join(path.read_text(errors="replace")[-3000:] for path in sorted(tmp_path.glob("node*")))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:] + logs
    return done


def test_a_call_survives_the_death_of_its_node(tmp_path: Path) -> None:
    told = alone(tmp_path, "-m", "tests.interop.rtpengine_story", str(tmp_path))
    result = json.loads(told.stdout.splitlines()[-1])
    assert result["aside"], "packets of a bridge passed through this machine"
    assert result["keys"] == [[0, "5"]]
    assert result["moved"]
    assert result["received"] >= 1
    assert (result["states"], result["legs at nodes"]) == (["down", "up"], 2)


@pytest.mark.parametrize("story", ["test_an_echo_and_a_bridge", "test_what_is_recorded_is_played"])
def test_the_switchs_calls_go_through_it(tmp_path: Path, story: str) -> None:
    scenario = f"tests/scenarios/test_media_engines.py::{story}"
    pytest_words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", scenario)
    done = alone(tmp_path, "-c", SWITCH, str(tmp_path), *pytest_words, RTPENGINE_NODES="127.0.0.1:2223")
    assert done.stdout.startswith(".")  # it passed, and was not skipped
    log = (tmp_path / "node0").read_text(errors="replace")
    assert "Creating new call" in log, log[-2000:]
