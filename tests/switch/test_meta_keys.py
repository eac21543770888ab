"""``bind_meta_app``: which keys run what, and on which leg."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ringthru.switch.dialplan.meta_keys import PATIENCE, MetaApp, MetaKeys


class Leg(SimpleNamespace):
    def __init__(self, name):
        log = SimpleNamespace(info=lambda *words: None)
        super().__init__(name=name, metas={}, meta_at=None, bridged_to=None, log=log)


@pytest.fixture
def legs():
    one, other = Leg("a"), Leg("b")
    one.bridged_to, other.bridged_to = other, one
    return one, other


@pytest.fixture
def ran():
    return []


@pytest.fixture
def keys(ran):
    return MetaKeys(lambda leg, application, data: ran.append((leg.name, application, data)))


def bind(leg, text):
    binding = MetaApp.read(text)
    leg.metas[binding.key] = binding


class TestBindings:
    def test_data_follows_two_colons(self):
        assert MetaApp.read("1 b s execute_extension::cf XML features") == MetaApp(
            "1", "b", "s", "execute_extension", "cf XML features"
        )

    @pytest.mark.parametrize(
        "text", ["", "1", "1 b", "1 b s", "12 b s hangup", "x b s hangup", "1 c s hangup"]
    )
    def test_what_is_none(self, text):
        assert MetaApp.read(text) is None


class TestPressing:
    @pytest.mark.parametrize(
        ("listens", "flags", "who", "runs"),
        [
            ("a", "s", 0, "a"),
            ("a", "o", 0, "b"),
            ("b", "s", 1, "b"),
            ("b", "o", 1, "a"),
            ("b", "a", 1, "a"),
            ("ab", "b", 0, "b"),
            ("a", "s", 1, None),
            ("b", "s", 0, None),
        ],
    )
    def test_whose_keys_count_and_who_runs_it(self, keys, legs, ran, listens, flags, who, runs):
        bind(legs[0], f"1 {listens} {flags} hangup::X")
        for key in "*1":
            keys.pressed(legs[who], key, 10.0)
        assert ran == ([(runs, "hangup", "X")] if runs else [])

    def test_only_after_the_star_and_soon(self, keys, legs, ran):
        bind(legs[0], "1 a s hangup")
        keys.pressed(legs[0], "1", 0.0)
        keys.pressed(legs[0], "*", 1.0)
        keys.pressed(legs[0], "1", 1.1 + PATIENCE)
        keys.pressed(legs[0], "*", 9.0)
        keys.pressed(legs[0], "2", 9.1)
        keys.pressed(legs[0], "1", 9.2)
        assert ran == []

    def test_once(self, keys, legs, ran):
        bind(legs[0], "1 a s1 hangup")
        for key in "*1*1":
            keys.pressed(legs[0], key, 0.0)
        assert len(ran) == 1
