"""The engine in C compiles without a warning, has Python's tables, and bears whatever the network sends."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from .native import native_engine

FOLDER = Path(__file__).parents[2] / "src" / "ringthru" / "media" / "engine" / "native"
SOURCES = sorted(FOLDER.glob("*.c"))
SEES_PYTHON = {"module.c", "leg_object.c", "leg_sound.c", "leg_srtp.c", "mixing_functions.c", "values.c"}
ENGINE = [each for each in SOURCES if each.name not in SEES_PYTHON]
CORE = [each for each in ENGINE if each.name not in {"loop.c", "heap.c"}]
STRICT = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]


@pytest.fixture(autouse=True)
def built() -> None:
    native_engine()
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not here: the sources of the C engine are not tried")


def run(*command: object, timeout: float = 120) -> str:
    done = subprocess.run(
        [str(each) for each in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.mark.parametrize("source", SOURCES, ids=lambda each: each.name)
def test_it_compiles_without_a_warning(source, tmp_path):
    # Python's own tables of methods cast functions, as its documentation says to.
    python = ["-I", sysconfig.get_paths()["include"], "-Wno-cast-function-type"]
    run(*STRICT, *(python if source.name in SEES_PYTHON else []), "-c", source, "-o", tmp_path / "out.o")


def test_the_tables_are_those_of_python():
    made = runpy.run_path(str(FOLDER / "make_g711.py"))["source"]()
    assert (FOLDER / "g711.c").read_text() == made


def test_nothing_the_network_sends_makes_it_misbehave(tmp_path):
    """Random packets, half of them nearly right, in every state of two legs, under the sanitizers."""
    program = tmp_path / "fuzz"
    sanitizers = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    here = Path(__file__).parent / "native_fuzz.c"
    run(*STRICT, *sanitizers, "-I", FOLDER, here, *CORE, "-lm", "-ldl", "-o", program)
    for seed in range(4):
        assert "packets out" in run(program, seed, 100_000)


def test_no_packet_takes_memory_from_the_heap(tmp_path):
    """The same packets: nothing is allocated between a packet's coming and its copies' leaving."""
    program = tmp_path / "counting"
    wrapped = [f"-Wl,--wrap={name}" for name in ("malloc", "calloc", "realloc")]
    here = Path(__file__).parent / "native_fuzz.c"
    run(*STRICT, "-DCOUNTING", *wrapped, "-I", FOLDER, here, *CORE, "-lm", "-ldl", "-o", program)
    assert "for packets: 0 times" in run(program, 1, 100_000)


@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_legs_come_and_go_while_packets_come(sanitizer, tmp_path):
    """The thread and the switch at once: nothing is used after it was freed, nothing without the lock."""
    program = tmp_path / "loop"
    sanitizers = ["-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-pthread"]
    here = Path(__file__).parent / "native_loop.c"
    run(*STRICT, *sanitizers, "-I", FOLDER, here, *ENGINE, "-lm", "-o", program)
    assert "packets heard" in run(program, 2)
