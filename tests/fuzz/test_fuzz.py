"""Each decoder's law, tried on its corpus, on what Hypothesis invents, and for seconds under atheris."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .__main__ import NAMES
from .processes import Fuzzers, Outcome
from .runner import CORPUS
from .targets import TARGETS

SECONDS = 2  # for each target; ``make fuzz`` has more patience
SEEDS = [path for name in NAMES for path in sorted((CORPUS / name).iterdir())]
SKIPPED = "atheris is not installed: there is no wheel of it for this Python and system"


def test_every_target_has_a_corpus_and_every_corpus_a_target():
    assert set(NAMES) == set(TARGETS)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_law_holds_for_the_corpus_cut_at_every_byte(seed: Path):
    data = seed.read_bytes()
    for end in range(len(data) + 1):
        TARGETS[seed.parent.name](data[:end])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_law_holds_for_whatever_hypothesis_invents(name: str, data: st.DataObject):
    """Bytes from nowhere, and a seed with a piece of it replaced."""
    seeds = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    seed = data.draw(st.sampled_from(seeds))
    at = data.draw(st.integers(0, len(seed)))
    piece = data.draw(st.binary(max_size=12))
    TARGETS[name](data.draw(st.sampled_from([piece, seed[:at] + piece + seed[at + len(piece) :]])))


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Outcome]]:
    """What comes of a target; those that are asked for run side by side on all processors.

    Chance has a fixed seed, so that runs can be compared.
    """
    if importlib.util.find_spec("atheris") is None:
        if os.environ.get("CI"):
            pytest.fail(f"required here: {SKIPPED}", pytrace=False)
        pytest.skip(SKIPPED)
    directory = tmp_path_factory.mktemp("fuzz")
    with Fuzzers(os.cpu_count() or 1) as fuzzers:

        def start(name: str) -> Future[Outcome]:
            return fuzzers.start(name, directory, "-seed=1", seconds=SECONDS)

        alone = not hasattr(request.config, "workerinput")  # a worker of xdist is not given all of them
        started = {name: start(name) for name in asked_for(request.session.items) if alone}
        yield lambda name: (started.get(name) or start(name)).result()


def asked_for(items: Sequence[pytest.Item]) -> list[str]:
    """The targets that are left of ``NAMES`` after ``-k`` and the like."""
    name = test_the_law_holds_under_atheris.__name__
    return [
        item.callspec.params["name"]
        for item in items
        if isinstance(item, pytest.Function) and item.originalname == name
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_law_holds_under_atheris(name: str, runs: Callable[[str], Outcome]):
    code, said = runs(name)
    assert code == 0, said[-4000:]
    assert "DONE" in said
