"""The E-model against what ITU-T published of it: G.107's defaults, its Annex B, and G.113's impairments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.quality.emodel import BEST_RATING, G711, G729, effective_impairment, mos_of, rate


class TestDefaults:
    """G.107, 7.7: with all default values R = 93.2, which is a MOS of 4.41."""

    def test_the_rating_of_table_2(self):
        assert rate(G711).r == pytest.approx(BEST_RATING, abs=0.05)

    def test_its_mos(self):
        assert rate(G711).mos == pytest.approx(4.41, abs=0.005)


class TestAnnexB:
    """G.107, Table B.1: the lower limit of each class of user satisfaction, and its MOS."""

    @pytest.mark.parametrize(
        ("r", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0), (100, 4.5)]
    )
    def test_the_table(self, r, mos):
        assert mos_of(r) == pytest.approx(mos, abs=0.01)

    @given(st.floats(-10, 110), st.floats(-10, 110))
    def test_it_never_falls_while_r_rises(self, one, other):
        low, high = sorted((one, other))
        assert 1 <= mos_of(low) <= mos_of(high) + 1e-9 <= 4.5 + 1e-9


class TestDelay:
    """G.114, Figure 1 (made by the E-model): what one-way delay does to a connection that is perfect else."""

    @pytest.mark.parametrize(
        ("milliseconds", "least", "most"),
        [
            *((0, 93, 94), (100, 90, 92), (150, 88.5, 90.5), (200, 84.5, 87), (250, 78, 81)),
            *((300, 71, 74), (400, 60, 64), (500, 53, 57)),
        ],
    )
    def test_the_curve(self, milliseconds, least, most):
        assert least <= rate(G711, delay=milliseconds).r <= most

    def test_up_to_100_ms_only_echo_counts(self):
        assert rate(G711, delay=100).delay_impairment < 3

    def test_absurd_delays_are_delays_all_the_same(self):
        assert 0 <= rate(G711, delay=1e12).r <= rate(G711, delay=1000).r
        assert rate(G711, delay=-5).r == rate(G711).r


class TestCodecs:
    """G.113, Appendix I: Ie and Bpl; the loss it allows, by formula 7-29 of G.107."""

    def test_without_loss_a_codec_costs_its_ie(self):
        assert effective_impairment(G711, 0) == 0
        assert rate(G729).r == pytest.approx(BEST_RATING - 11, abs=0.05)

    @pytest.mark.parametrize(("percent", "ie"), [(1, 3.64), (2, 7.01), (5, 15.78), (10, 27.07)])
    def test_g711_with_concealment(self, percent, ie):
        assert effective_impairment(G711, percent / 100) == pytest.approx(ie, abs=0.01)

    @pytest.mark.parametrize(("percent", "ie"), [(1, 15.2), (2, 19.0), (4, 25.61)])
    def test_g729a_with_silence_suppression(self, percent, ie):
        assert effective_impairment(G729, percent / 100) == pytest.approx(ie, abs=0.01)

    @pytest.mark.parametrize(("codec", "at_two_percent"), [(G711, 7), (G729, 19)])
    def test_what_planners_are_given_at_two_per_cent(self, codec, at_two_percent):
        """Ie at 2 % loss as G.113 gave it before Bpl, and planning papers print it: ICAO's on VoIP
        (aeronautical communications, Table B-1) has 7 for G.711 with concealment, 19 for G.729A with VAD.
        """
        assert effective_impairment(codec, 0.02) == pytest.approx(at_two_percent, abs=0.1)

    def test_bursts_are_worse_than_the_same_loss_by_chance(self):
        assert effective_impairment(G711, 0.05, 2) > effective_impairment(G711, 0.05, 1)

    @given(st.floats(0, 1), st.floats(0, 100), st.floats(0, 2000))
    def test_every_rating_is_on_the_scale(self, loss, ratio, delay):
        found = rate(G729, loss=loss, burst_ratio=ratio, delay=delay)
        assert 0 <= found.r <= 100
        assert 1 <= found.mos <= 4.5
