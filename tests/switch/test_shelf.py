"""What calls put down for one another: ``hash`` and ``limit``, and that neither grows without bound."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ringthru.switch.dialplan.shelf import LONGEST, MOST_PLACES, MOST_VALUES, UNLIMITED, Shelf


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def leg():
    return SimpleNamespace(counted=set())


class TestHash:
    def test_a_value_is_kept_and_forgotten(self, shelf):
        assert shelf.do("insert/realm/key/a/b c") == "+OK\n"
        assert shelf.do("select/realm/key") == "a/b c"
        assert shelf.do("select/other/key") == ""
        shelf.do("delete/realm/key")
        assert shelf.do("select/realm/key") == ""

    def test_only_where_there_is_none_or_that_one(self, shelf):
        assert shelf.do("insert_ifempty/r/k/1") == "+OK\n"
        assert shelf.do("insert_ifempty/r/k/2") == "-ERR\n"
        assert shelf.do("delete_ifmatch/r/k/2") == "-ERR\n"
        assert shelf.do("select/r/k") == "1"
        assert shelf.do("delete_ifmatch/r/k/1") == "+OK\n"
        assert shelf.do("select/r/k") == ""

    @pytest.mark.parametrize(
        "text", ["", "insert", "insert/realm", "frobnicate/r/k/v", "insert/r/k/" + "x" * LONGEST]
    )
    def test_what_is_no_order(self, shelf, text):
        assert shelf.do(text) is None

    def test_the_oldest_is_forgotten(self, shelf):
        for number in range(MOST_VALUES + 1):
            shelf.do(f"insert/r/{number}/v")
        assert shelf.do("select/r/0") == ""
        assert shelf.do(f"select/r/{MOST_VALUES}") == "v"


class TestLimit:
    def test_one_too_many_until_one_is_gone(self, shelf):
        first, second, third = leg(), leg(), leg()
        assert shelf.admit(first, "r", "k", 2, 0, 0.0)
        assert shelf.admit(second, "r", "k", 2, 0, 0.0)
        assert not shelf.admit(third, "r", "k", 2, 0, 0.0)
        assert shelf.usage("r", "k") == 2
        shelf.release(first)
        assert shelf.admit(third, "r", "k", 2, 0, 0.0)

    def test_a_call_counts_once(self, shelf):
        one = leg()
        for _ in range(3):
            shelf.admit(one, "r", "k", UNLIMITED, 0, 0.0)
        assert shelf.usage("r", "k") == 1
        shelf.release(one)
        shelf.release(one)
        assert shelf.usage("r", "k") == 0

    def test_by_time(self, shelf):
        assert [shelf.admit(leg(), "r", "k", 2, 10, now) for now in (0.0, 1.0, 2.0, 10.5)] == [
            True, True, False, True,
        ]  # fmt: skip

    def test_places_are_bounded(self, shelf):
        for number in range(MOST_PLACES + 10):
            shelf.admit(leg(), "r", str(number), 1, 10, 0.0)
        assert len(shelf._begun) <= MOST_PLACES
