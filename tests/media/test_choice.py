"""Which engine ``media-engine`` gives, and what is said where it cannot run."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from ringthru.media import Codes, Elsewhere, EngineMissing, choose_engine
from ringthru.media.engine import choice, native_sources
from ringthru.media.ng.nodes import read_nodes
from ringthru.media.sound.g711 import G711

from .native import native_engine

PORTS = (20000, 20099)


@pytest.fixture
def without_c(monkeypatch):
    """As on a machine without a compiler."""
    monkeypatch.setitem(sys.modules, "ringthru.media.engine.native_driver", None)
    monkeypatch.setattr(choice, "find_spec", lambda name: None)


@pytest.mark.parametrize("wanted", ["auto", "c"])
def test_c_where_it_is_built(wanted):
    native_engine()
    chosen = choose_engine(wanted, *PORTS)
    assert (chosen.engine.name, chosen.why, chosen.warning) == ("c", "built for this machine", "")


def test_python_where_it_is_asked_for():
    chosen = choose_engine("python", *PORTS)
    assert (chosen.engine.name, chosen.why, chosen.warning) == ("python", "media-engine says so", "")


def test_python_where_c_is_not_built(without_c):
    chosen = choose_engine("auto", *PORTS)
    assert (chosen.engine.name, chosen.why) == ("python", "no C engine is built here")
    assert chosen.warning == (
        "no C engine is built here; "
        "audio goes through the engine in Python, which bears a third as many calls. "
        "To have the one in C, install gcc and python3-dev, then Ringthru again."
    )


def test_beside_rtpengines_that_is_told_too(without_c):
    chosen = choose_engine("rtpengine", *PORTS, read_nodes("192.0.2.1"))
    assert chosen.warning.startswith("no C engine is built here; ")


def test_who_insists_on_c_is_told_what_to_install(without_c):
    with pytest.raises(EngineMissing, match=r"no C engine is built here; install gcc and python3-dev"):
        choose_engine("c", *PORTS)


def test_one_that_is_built_and_cannot_be_loaded_says_why(without_c, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", find_spec)
    native_engine_is_broken = "the C engine cannot be loaded: "
    chosen = choose_engine("auto", *PORTS)
    assert chosen.engine.name == "python"
    assert chosen.why.startswith(native_engine_is_broken)
    assert chosen.warning.startswith(native_engine_is_broken)


class TestOneOfOtherSources:
    """An editable installation whose last build is older than what lies here."""

    @pytest.fixture
    def stale(self, monkeypatch):
        native_engine()
        from ringthru.media.engine import _native

        monkeypatch.setattr(_native, "SOURCES", "0123456789abcdef")
        monkeypatch.delitem(sys.modules, "ringthru.media.engine.native_driver")

    def test_is_not_used_and_says_what_to_do(self, stale):
        chosen = choose_engine("auto", *PORTS)
        assert chosen.engine.name == "python"
        assert chosen.why == (
            "the C engine cannot be loaded: it was built from other sources than lie here; "
            "rebuild it: pip install -e ."
        )

    def test_ends_the_start_of_who_insists_on_it(self, stale):
        with pytest.raises(EngineMissing, match=r"rebuild it: pip install -e \."):
            choose_engine("c", *PORTS)

    def test_what_is_built_here_is_of_what_lies_here(self):
        native_engine()
        from ringthru.media.engine import _native

        assert native_sources.digest() == _native.SOURCES

    def test_any_change_of_any_source_counts(self, tmp_path):
        assert native_sources.digest(tmp_path) == ""  # an installed package has none
        (tmp_path / "a.c").write_text("int a;")
        one = native_sources.digest(tmp_path)
        (tmp_path / "b.h").write_text("")
        two = native_sources.digest(tmp_path)
        (tmp_path / "a.c").write_text("int b;")
        assert len({one, two, native_sources.digest(tmp_path)}) == 3


def test_rtpengines_where_some_are_named():
    nodes = read_nodes("192.0.2.1")
    chosen = choose_engine("rtpengine", *PORTS, nodes)
    assert chosen.engine.name == "rtpengine"
    assert chosen.why.startswith("at 192.0.2.1:2223; beside it ")


def test_rtpengine_without_nodes_says_where_they_are_named():
    with pytest.raises(EngineMissing, match="rtpengine-nodes"):
        choose_engine("rtpengine", *PORTS)


def test_what_codes_is_put_around_it_where_something_is_installed():
    """Without the extra there is nothing between the switch and what moves the packets."""
    plain = choose_engine("python", *PORTS, coders=G711)
    assert not isinstance(plain.engine, Codes)
    chosen = choose_engine("python", *PORTS, coders=G711 | {"OPUS"})
    coding = chosen.engine
    assert isinstance(coding, Codes)
    assert (coding.name, chosen.why, coding.coders - G711) == ("python", "media-engine says so", {"OPUS"})


def test_legs_on_other_machines_stay_there_behind_what_codes():
    nodes = read_nodes("127.0.0.1:2223")
    for coders, codes in ((G711, False), (G711 | {"OPUS"}, True)):
        engine = choose_engine("rtpengine", *PORTS, nodes, coders=coders).engine
        assert isinstance(engine, Elsewhere)
        assert isinstance(engine, Codes) is codes
