"""``python -m bench sip --beside PROGRAM``: another switch by its path, which here is our own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.inside_runs import SOURCE
from bench.sip import load
from bench.sip.load import Outcome
from bench.sip.programs import Program, Server, core_program, program_beside, running
from bench.sip.tree import user_names
from ringthru.lab.namespaces.laboratory import Laboratory, Topology

RATE, COUNT = 10.0, 5


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(Topology.NONE) as built:
        yield built


@pytest.fixture(scope="module")
def other_switch(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A program that is given by its path alone, as ``/usr/bin/freeswitch`` is."""
    path = tmp_path_factory.mktemp("bin") / "freeswitch"
    path.write_text(f'#!/bin/sh\nPYTHONPATH={SOURCE} exec {sys.executable} -m ringthru "$@"\n')
    path.chmod(0o755)
    return program_beside(path, COUNT)


def all_of_it(laboratory: Laboratory, server: Server) -> list[Outcome]:
    """A few echo calls, bridged calls and registrations."""
    echo = load.calls(laboratory, server, "9196", RATE, COUNT)
    with load.called_side(laboratory):
        bridge = load.calls(laboratory, server, "called", RATE, COUNT)
    return [echo, bridge, load.registrations(laboratory, server, user_names(COUNT), RATE, COUNT)]


class TestAnotherSwitchBeside:
    def test_its_row_bears_the_name_of_its_program(self, other_switch: Program) -> None:
        assert other_switch.name == "freeswitch (beside)"

    def test_it_is_told_all_folders_for_freeswitch_takes_its_own_where_one_is_missing(
        self, other_switch: Program, tmp_path: Path
    ) -> None:
        words = other_switch.argv(tmp_path)
        for flag in ("-conf", "-db", "-log", "-run"):
            assert Path(words[words.index(flag) + 1]).is_dir()

    def test_calls_and_registrations_are_measured(
        self, laboratory: Laboratory, other_switch: Program
    ) -> None:
        with running(laboratory, other_switch) as server:
            outcomes = all_of_it(laboratory, server)
        assert [(each.done, each.failed) for each in outcomes] == [(COUNT, 0)] * 3


class TestOurSipAlone:
    def test_it_does_what_the_peers_programs_do(self, laboratory: Laboratory) -> None:
        with running(laboratory, core_program()) as server:
            outcomes = all_of_it(laboratory, server)
        assert [(each.done, each.failed) for each in outcomes] == [(COUNT, 0)] * 3
