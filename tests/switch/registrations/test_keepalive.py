"""OPTIONS keepalive: when each phone is asked, and when it is given up. No socket, no clock."""

from __future__ import annotations

from itertools import cycle

import pytest

from ringthru.switch.registrations.keepalive import AT_ONCE, Keepalive, PingRules

RULES = PingRules(interval=30.0, lowest=1, highest=3)


@pytest.fixture
def keepalive() -> Keepalive:
    chances = cycle([0.5, 0.0, 0.9])
    return Keepalive(lambda: next(chances))


class TestTheSchedule:
    def test_each_phone_has_a_moment_of_its_own(self, keepalive: Keepalive) -> None:
        for name in ("a", "b", "c"):
            keepalive.watch(name, RULES, 100.0)
        asked = {}
        while len(asked) < 3:
            now = keepalive.next_timeout()
            asked |= dict.fromkeys(keepalive.due(now), now)
        assert asked == {"b": 100.0, "a": 115.0, "c": 127.0}

    def test_and_keeps_it(self, keepalive: Keepalive) -> None:
        keepalive.watch("a", RULES, 100.0)
        assert keepalive.due(115.0) == ["a"]
        assert keepalive.next_timeout() is None  # until it has answered
        keepalive.answered("a", 115.2)
        assert keepalive.next_timeout() == 145.0
        keepalive.watch("a", RULES, 120.0)  # it registered again
        assert keepalive.next_timeout() == 145.0

    def test_a_phone_that_left_is_not_asked(self, keepalive: Keepalive) -> None:
        keepalive.watch("a", RULES, 100.0)
        keepalive.forget("a")
        assert keepalive.due(200.0) == []
        assert keepalive.answered("a", 200.0) is False
        assert keepalive.missed("a", 200.0) is False

    def test_whoever_comes_back_is_asked_once(self, keepalive: Keepalive) -> None:
        keepalive.watch("a", RULES, 100.0)
        keepalive.forget("a")
        keepalive.watch("a", RULES, 101.0)
        assert keepalive.due(200.0) == ["a"]

    def test_what_could_not_be_asked_says_nothing(self, keepalive: Keepalive) -> None:
        keepalive.watch("a", RULES, 100.0)
        assert keepalive.due(115.0) == ["a"]
        keepalive.unasked("a", 115.0)
        assert (keepalive.ping("a").count, keepalive.next_timeout()) == (RULES.highest, 145.0)
        keepalive.unasked("b", 115.0)  # is not watched

    def test_one_of_whom_something_else_was_heard_is_asked_at_once(self, keepalive: Keepalive) -> None:
        keepalive.watch("a", RULES, 100.0)
        keepalive.ask_now("a", 103.0)
        assert keepalive.next_timeout() == 103.0
        assert keepalive.due(103.0) == ["a"]
        keepalive.answered("a", 103.5)
        assert keepalive.next_timeout() == 115.0  # a void entry, for which nobody is asked
        assert keepalive.due(115.0) == []
        assert keepalive.next_timeout() == 133.0
        keepalive.ask_now("b", 104.0)  # is not watched

    def test_not_all_at_once_even_after_a_long_sleep(self) -> None:
        keepalive = Keepalive(lambda: 0.5)
        for number in range(AT_ONCE + 7):
            keepalive.watch(number, RULES, 0.0)
        assert [len(keepalive.due(1000.0)) for _ in range(3)] == [AT_ONCE, 7, 0]

    def test_what_is_void_does_not_pile_up(self, keepalive: Keepalive) -> None:
        for number in range(10_000):
            keepalive.watch(number, RULES, 0.0)
            keepalive.forget(number)
        assert len(keepalive._schedule) < 200


class TestReachability:
    def ask(self, keepalive: Keepalive, heard: bool) -> bool:
        now = keepalive.next_timeout()
        assert keepalive.due(now) == ["a"]
        return keepalive.answered("a", now + 0.25) if heard else keepalive.missed("a", now + 32.0)

    def test_it_takes_several_silences_and_one_answer(self, keepalive: Keepalive) -> None:
        keepalive.watch("a", RULES, 0.0)
        assert [self.ask(keepalive, False) for _ in range(4)] == [False, False, True, False]
        assert keepalive.ping("a").reachable is False
        assert self.ask(keepalive, True) is True
        ping = keepalive.ping("a")
        assert (ping.reachable, round(ping.seconds, 3)) == (True, 0.25)

    def test_a_lost_datagram_now_and_then_means_nothing(self, keepalive: Keepalive) -> None:
        keepalive.watch("a", RULES, 0.0)
        for _ in range(20):
            assert self.ask(keepalive, False) is False
            assert self.ask(keepalive, True) is False

    def test_a_phone_that_is_not_watched_is_taken_to_be_there(self, keepalive: Keepalive) -> None:
        assert keepalive.ping("nobody").reachable
