"""Every transcript in ``transcripts/``, played to today's engine: it concludes what was concluded then."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringthru.lab.virtual.replay import Replay
from ringthru.net.surroundings import Surroundings
from ringthru.net.values import replace
from ringthru.portmap.capture.transcript import Kind, decode
from ringthru.portmap.engine.engine import Engine

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.json"))


def replay(transcript):
    """Today's engine; after a conflict it takes the port that was taken then."""

    def engine_on(surroundings: Surroundings) -> Engine:
        then = transcript.outcome.external_port or 40000
        return Engine(
            surroundings, entropy=bytes, pick_port=lambda: then, log=lambda *_: None, witness_after=0.0
        )

    return Replay(transcript, engine_on).run()


def read(path: Path):
    return decode(path.read_text())


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
class TestEveryTranscript:
    def test_the_engine_concludes_the_same(self, path):
        transcript = read(path)
        assert replay(transcript).outcome == transcript.outcome

    def test_another_port_and_other_times_make_no_difference(self, path):
        transcript = read(path)
        later = tuple(replace(each, at=each.at * 1.5) for each in transcript.exchanges)
        moved = replace(transcript, exchanges=later)
        assert replay(moved).outcome == transcript.outcome

    def test_nothing_of_the_laboratory_is_in_it(self, path):
        text = path.read_text()
        assert "127.72." not in text
        assert "127.73." not in text
        assert "7f48" not in text  # 127.72 in hexadecimal
        assert "7f49" not in text


def test_there_are_transcripts_of_both_protocols():
    types = {read(path).outcome.type for path in TRANSCRIPTS}
    assert {"pmp", "upnp"} <= types


def test_a_gateway_that_answers_nothing_is_no_gateway():
    silent = read(TRANSCRIPTS[0])
    asked = tuple(each for each in silent.exchanges if each.kind in (Kind.PMP_OUT, Kind.SSDP_OUT))
    replayed = replay(replace(silent, exchanges=asked))
    assert (replayed.outcome.type, replayed.outcome.removed) == (None, False)
