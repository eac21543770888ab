"""Lost state, read from a gateway's epoch: RFC 6886 §3.6 and RFC 6887 §8.5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.gateway.epoch import EpochWatch, natpmp_lost_state, pcp_lost_state

SPAN = 604800


def resets(rule, *readings):
    watch = EpochWatch(rule)
    return [watch.reset(epoch, at) for epoch, at in readings]


class TestNatPmp:
    """Behind 7/8 of our clock by more than 2 s is a loss; ahead of it never is."""

    def test_the_first_answer_tells_nothing(self):
        assert resets(natpmp_lost_state, (1000, 0.0)) == [False]

    def test_going_on_is_no_loss(self):
        readings = ((1000, 0.0), (1060, 60.0), (1120, 120.0))
        assert resets(natpmp_lost_state, *readings) == [False, False, False]

    @pytest.mark.parametrize(("epoch", "lost"), [(1051, False), (1050, True)])
    def test_the_slowest_clock_still_believed(self, epoch, lost):
        assert resets(natpmp_lost_state, (1000, 0.0), (epoch, 60.0)) == [False, lost]  # 1000 + 52.5 − 2

    def test_a_restart_is_seen_though_the_epoch_is_greater_by_now(self):
        assert resets(natpmp_lost_state, (10, 0.0), (900, 1800.0)) == [False, True]

    def test_a_clock_that_runs_fast_is_believed(self):
        assert resets(natpmp_lost_state, (1000, 0.0), (5000, 60.0)) == [False, False]


class TestPcp:
    """§8.5, step by step."""

    @pytest.mark.parametrize(("epoch", "lost"), [(1000, False), (999, False), (998, True)])
    def test_back_by_one_second_is_reordering_by_two_a_loss(self, epoch, lost):
        assert resets(pcp_lost_state, (1000, 0.0), (epoch, 0.5)) == [False, lost]

    @pytest.mark.parametrize(("epoch", "lost"), [(1373, False), (1372, True)])
    def test_our_clock_ahead_by_a_sixteenth_and_two_seconds(self, epoch, lost):
        """400 − 25 = 375 of our seconds; the server's 373 + 2 just keep up."""
        assert resets(pcp_lost_state, (1000, 0.0), (epoch, 400.0)) == [False, lost]

    @pytest.mark.parametrize(("epoch", "lost"), [(1428, False), (1429, True)])
    def test_the_servers_clock_ahead_by_a_sixteenth_and_two_seconds(self, epoch, lost):
        """400 + 2 = 402 of our seconds; 428 − 26.75 = 401.25 of the server's, 429 − 26.8 = 402.2."""
        assert resets(pcp_lost_state, (1000, 0.0), (epoch, 400.0)) == [False, lost]

    def test_after_a_loss_the_new_clock_is_the_one_that_counts(self):
        readings = ((1000, 0.0), (3, 60.0), (63, 120.0))
        assert resets(pcp_lost_state, *readings) == [False, True, False]

    @given(
        start=st.integers(0, 2**31),
        at=st.floats(0, SPAN),
        after=st.floats(0, SPAN),
        drift=st.floats(-1 / 17, 1 / 17),
    )
    def test_a_server_whose_clock_drifts_a_little_never_loses_anything(self, start, at, after, drift):
        told = start + int(after * (1 + drift))
        assert resets(pcp_lost_state, (start, at), (told, at + after)) == [False, False]

    @given(start=st.integers(10, 2**31), gone=st.floats(10, SPAN))
    def test_a_server_that_was_just_restarted_is_always_noticed(self, start, gone):
        assert resets(pcp_lost_state, (start, 0.0), (0, gone)) == [False, True]


class TestAClockThatStandsStill:
    """It says nothing; asking for everything again after each answer would only wear the gateway out."""

    @pytest.mark.parametrize("rule", [natpmp_lost_state, pcp_lost_state])
    def test_it_is_told_once(self, rule):
        readings = [(7, at) for at in (0.0, 60.0, 120.0, 180.0)]
        assert resets(rule, *readings) == [False, True, False, False]

    @pytest.mark.parametrize("rule", [natpmp_lost_state, pcp_lost_state])
    def test_once_it_moves_it_is_believed_again(self, rule):
        readings = ((7, 0.0), (7, 60.0), (7, 120.0), (67, 180.0), (1, 240.0))
        assert resets(rule, *readings) == [False, True, False, False, True]
