"""Who is logged in, and who guesses: bounded, and by a clock of the test's own."""

from __future__ import annotations

from itertools import count

import pytest

from ringthru.web.sessions import (
    IDLE,
    LONGEST_PASSWORD,
    MOST_SESSIONS,
    MOST_WATCHED,
    WAIT,
    WRONG_IN_A_ROW,
    Sessions,
)

PASSWORD, HOST = "otter-lantern-7", "192.168.1.7"


@pytest.fixture
def sessions() -> Sessions:
    numbers = count()
    return Sessions(PASSWORD, lambda: f"random-{next(numbers)}")


def guess(sessions: Sessions, times: int, now: float = 0.0, host: str = HOST) -> None:
    for _ in range(times):
        assert not sessions.knows("wrong", host, now)


class TestPasswords:
    def test_it_is_the_whole_password_or_none(self, sessions: Sessions) -> None:
        assert sessions.knows(PASSWORD, HOST, 0.0)
        for wrong in ("", PASSWORD[:-1], PASSWORD + "x", PASSWORD.upper(), "ä", "\udcff", "x" * 10_000):
            assert not sessions.knows(wrong, "192.168.1.8", 0.0)

    def test_a_password_longer_than_any_is_not_compared(self) -> None:
        long = "x" * (LONGEST_PASSWORD + 1)
        assert not Sessions(long, lambda: "").knows(long, HOST, 0.0)

    def test_who_is_wrong_too_often_waits_a_minute(self, sessions: Sessions) -> None:
        guess(sessions, WRONG_IN_A_ROW - 1)
        assert not sessions.must_wait(HOST, 0.0)
        guess(sessions, 1)
        assert sessions.must_wait(HOST, WAIT - 1)
        assert not sessions.must_wait("192.168.1.8", 0.0)
        assert not sessions.must_wait(HOST, WAIT)

    def test_a_right_password_wipes_out_wrong_ones(self, sessions: Sessions) -> None:
        guess(sessions, WRONG_IN_A_ROW - 1)
        assert sessions.knows(PASSWORD, HOST, 0.0)
        guess(sessions, 1)
        assert not sessions.must_wait(HOST, 0.0)

    def test_an_ipv6_network_counts_as_one_guesser(self, sessions: Sessions) -> None:
        for number in range(WRONG_IN_A_ROW):
            guess(sessions, 1, host=f"fd00:0:0:1::{number + 1:x}")
        assert sessions.must_wait("fd00:0:0:1::ffff", 0.0)

    def test_guessers_are_remembered_up_to_a_bound(self, sessions: Sessions) -> None:
        for number in range(MOST_WATCHED + 10):
            guess(sessions, 1, host=f"10.0.{number // 250}.{number % 250}")
        assert len(sessions._wrong) == MOST_WATCHED


class TestSessions:
    def test_a_session_lives_as_long_as_somebody_asks(self, sessions: Sessions) -> None:
        session = sessions.begin(0.0)
        assert sessions.find(session.key, IDLE) is session
        assert sessions.find(session.key, 2 * IDLE) is session
        assert sessions.find(session.key, 3 * IDLE + 1) is None
        assert not sessions.keeps(session, 0.0)

    def test_who_goes_on_looking_stays_logged_in(self, sessions: Sessions) -> None:
        session = sessions.begin(0.0)
        assert sessions.keeps(session, IDLE)
        assert sessions.find(session.key, 2 * IDLE) is session

    def test_who_logs_out_is_out(self, sessions: Sessions) -> None:
        session = sessions.begin(0.0)
        sessions.end(session)
        assert sessions.find(session.key, 0.0) is None

    def test_keys_are_never_the_same_and_nobody_has_an_empty_one(self, sessions: Sessions) -> None:
        assert sessions.begin(0.0).key != sessions.begin(0.0).key
        assert sessions.find("", 0.0) is None

    def test_of_too_many_the_one_not_seen_for_longest_goes(self, sessions: Sessions) -> None:
        first, second = sessions.begin(0.0), sessions.begin(1.0)
        sessions.find(first.key, 2.0)
        for _ in range(MOST_SESSIONS - 1):
            sessions.begin(3.0)
        assert sessions.find(first.key, 4.0) is first
        assert sessions.find(second.key, 4.0) is None

    def test_the_token_is_compared_whole(self, sessions: Sessions) -> None:
        assert sessions.is_token(sessions.token)
        assert not sessions.is_token("")
        assert not sessions.is_token(sessions.token + "x")
        assert not sessions.is_token("\udcff")
