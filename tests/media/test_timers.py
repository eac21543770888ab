"""When the legs of an engine are run: each at its time, and no other at its cost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.engine.poll_driver import PacketPoll
from ringthru.media.engine.timers import Timers


def timers(**times: float | None) -> Timers[str]:
    made: Timers[str] = Timers()
    for name, when in times.items():
        made.set(name, when)
    return made


class TestOrder:
    def test_nothing_is_due_before_the_first(self) -> None:
        made = timers(a=3.0, b=1.0, c=2.0)
        assert made.first() == 1.0
        assert made.due(0.9) == []
        assert made.due(2.0) == ["b", "c"]
        assert made.first() == 3.0

    def test_each_once_until_it_is_set_again(self) -> None:
        made = timers(a=1.0)
        assert made.due(1.0) == ["a"]
        assert made.due(9.0) == []
        assert made.first() is None
        made.set("a", 10.0)
        assert made.due(10.0) == ["a"]

    def test_put_off_it_is_looked_at_in_vain_and_due_later(self) -> None:
        made = timers(a=1.0)
        made.set("a", 5.0)
        assert made.due(1.0) == []
        assert made.first() == 5.0
        assert made.due(5.0) == ["a"]

    def test_brought_forward_it_is_due_once(self) -> None:
        made = timers(a=5.0)
        made.set("a", 1.0)
        assert made.due(1.0) == ["a"]
        assert made.due(5.0) == []

    def test_given_up_it_is_never_due(self) -> None:
        made = timers(a=1.0, b=2.0)
        made.set("a", None)
        made.set("unknown", None)
        assert made.due(9.0) == ["b"]
        assert made.first() is None

    def test_of_two_at_once_the_first_goes_first(self) -> None:
        assert timers(b=1.0, a=1.0).due(1.0) == ["b", "a"]

    def test_a_time_that_has_passed_waits_for_the_next_look(self) -> None:
        made = timers(a=1.0)
        for now in (2.0, 3.0):
            assert made.due(now) == ["a"]
            made.set("a", 1.0)


names, instants = st.sampled_from("abcd"), st.integers(0, 30)


@given(st.lists(st.tuples(names, st.none() | instants)), st.lists(instants))
def test_it_does_what_a_plain_table_does(settings: list[tuple[str, int | None]], looks: list[int]) -> None:
    made: Timers[str] = Timers()
    plain: dict[str, int] = {}
    looks = sorted(looks)
    for number, (name, when) in enumerate(settings):
        made.set(name, when)
        plain.pop(name, None)
        if when is not None:
            plain[name] = when
        if number < len(looks):
            now = looks[number]
            assert set(made.due(now)) == {each for each, at in plain.items() if at <= now}
            plain = {each: at for each, at in plain.items() if at > now}
            first = made.first()
            assert first is None or not plain or first <= min(plain.values())
            assert not plain or first is not None


def test_one_that_fails_costs_itself_alone(caplog: pytest.LogCaptureFixture) -> None:
    called: list[float] = []
    poll = PacketPoll()

    def fail(now: float) -> None:
        raise RuntimeError("a bug")

    now = time.monotonic()
    for number, run in enumerate((fail, called.append)):
        poll.timers.set(run, now + number / 1000)
    assert not poll.run_until(0.002)
    poll.close()
    assert len(called) == 1
    assert now + 0.001 <= called[0] < now + 5
    assert "a timer of media" in caplog.text
