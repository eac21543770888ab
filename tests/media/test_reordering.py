"""The small jitter buffer: what comes out of order goes on in order, or not at all."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.rtp.reordering import KEPT, LIVE, MAX_DROPOUT, MAX_MISORDER, Reordering


def through(order: Reordering[int], *numbers: int) -> list[int]:
    return [each for number in numbers for each in order.put(number % 65536, number)]


@pytest.fixture
def order() -> Reordering[int]:
    return Reordering(2)


class TestInOrder:
    def test_nothing_waits(self, order):
        for number in range(65530, 65550):
            assert order.put(number % 65536, number) == [number]
        assert (order.flush(), order.late) == ([], 0)


class TestOvertaking:
    @pytest.mark.parametrize("depth", [1, LIVE, KEPT])
    def test_as_far_as_they_may_wait(self, depth: int):
        order: Reordering[int] = Reordering(depth)
        assert through(order, 0, *range(2, depth + 2)) == [0]
        assert through(order, 1) == list(range(1, depth + 2))
        assert order.late == 0

    def test_over_the_end_of_the_numbers(self, order):
        assert through(order, 65534, 65536, 65535, 65537) == [65534, 65535, 65536, 65537]

    def test_what_does_not_come_in_time_is_given_up(self, order):
        assert through(order, 1, 3, 4) == [1]
        assert through(order, 5) == [3, 4, 5]
        assert through(order, 2) == []  # its turn is over
        assert order.late == 1

    def test_of_two_gaps_the_first_is_given_up_first(self, order):
        assert through(order, 1, 3, 5) == [1]
        assert through(order, 7) == [3]
        assert through(order, 4, 6) == [4, 5, 6, 7]

    def test_what_comes_twice(self, order):
        assert through(order, 1, 1, 3, 3, 2) == [1, 2, 3]
        assert order.late == 2

    def test_the_rest(self, order):
        assert through(order, 1, 3, 5) == [1]
        assert order.flush() == [3, 5]
        assert through(order, 6) == [6]


class TestANewStream:
    """RFC 3550 §A.1: so far ahead or behind it is none of the one before."""

    @pytest.mark.parametrize("jump", [MAX_DROPOUT + 1, 30_000, 65535 - MAX_MISORDER])
    def test_it_begins_at_once(self, order, jump: int):
        assert through(order, 1, 3) == [1]
        assert through(order, 2 + jump, 3 + jump) == [3, 2 + jump, 3 + jump]

    def test_a_little_behind_is_late(self, order):
        assert through(order, 200, 201 - MAX_MISORDER, 201) == [200, 201]


@given(st.lists(st.integers(0, 65535), max_size=200), st.integers(0, 8))
def test_whatever_comes_little_waits_and_nothing_comes_twice(numbers: list[int], depth: int):
    order: Reordering[object] = Reordering(depth)
    items = [object() for _ in numbers]
    out = []
    for number, item in zip(numbers, items, strict=True):
        out += order.put(number, item)
        assert len(order._waiting) <= depth
    out += order.flush()
    assert len(set(map(id, out))) == len(out) == len(items) - order.late


def test_a_line_on_which_neighbours_change_places():
    chance = random.Random(5)
    numbers = list(range(1000))
    for place in range(0, 998, 3):
        if chance.random() < 0.5:
            numbers[place : place + 2] = reversed(numbers[place : place + 2])
    assert through(Reordering(1), *numbers) == list(range(1000))
