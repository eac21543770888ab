"""The media bench's own judgement, without a network: what counts as sustained, and the drawings of it."""

from xml.etree import ElementTree

import pytest

from bench.media import srtp
from bench.media.plot import Curve, delay_plot, processor_plot
from bench.media.relays import LONGEST
from bench.media.searching import CALM, FINE, MOST, RUNGS, STRIDE, TRIES, Step, climb
from ringthru.media import suites_here

from .media.native import native_engine


def step(rate, *, loss=0.0, p90=50, behind=0.0):
    sent = int(rate * LONGEST * (1 - behind))
    return Step(rate, sent, int(sent * (1 - loss)), p90, p90, p90, p90, 0.5)


class TestSustained:
    def test_loss_and_delay_both_count(self):
        assert step(1000).sustained
        assert not step(1000, loss=0.002).sustained
        assert not step(1000, p90=5001).sustained

    def test_a_generator_that_fell_behind_proves_nothing(self):
        assert not step(1000, behind=0.1).sustained


class TestSearch:
    @pytest.mark.parametrize("bears", [5_100, 19_000, 33_000, 100_000, 151_000, 399_000])
    @pytest.mark.parametrize("begin", [CALM, 100_000, 300_000])
    def test_it_ends_less_than_one_rung_below_what_fails(self, bears, begin):
        found = climb(lambda rate: step(rate, loss=0.0 if rate <= bears else 0.5), begin)
        assert bears / FINE <= found <= bears

    @pytest.mark.parametrize("bears", [33_000, 100_000, 151_000, 250_000])
    def test_it_takes_a_dozen_steps_where_a_rung_by_rung_search_took_thirty(self, bears):
        taken = []

        def counted(rate):
            taken.append(rate)
            return step(rate, loss=0.0 if rate <= bears else 0.5)

        found = climb(counted, 100_000)
        assert len(taken) <= 18
        taken.clear()
        climb(counted, found / 1.25)  # the next turn, with what the last one found
        assert len(taken) <= 4 * TRIES

    def test_one_bad_moment_of_the_machine_does_not_end_it(self):
        seen = []

        def once_bad(rate):
            seen.append(rate)
            return step(rate, loss=0.5 if seen.count(rate) == 1 or rate > 100_000 else 0.0)

        assert climb(once_bad) >= 100_000 / FINE

    def test_what_sustains_nothing_and_what_sustains_all(self):
        assert climb(lambda rate: step(rate, loss=1.0)) == 0
        assert climb(step) == RUNGS[-1] <= MOST

    def test_two_hundred_calls_are_a_rung_and_a_stride_is_half_as_much_again(self):
        assert CALM in RUNGS
        assert 1.4 < FINE**STRIDE < 1.5


class TestSrtp:
    def test_each_suite_has_a_row_and_each_packet_comes_back(self):
        native_engine()
        if not suites_here():
            pytest.skip("libsrtp2 is not here: pip install 'ringthru[srtp]'")
        rows = srtp.rows(packets=50, turns=2)
        assert [row.what.split(", ")[2].partition(":")[0] for row in rows] == list(suites_here())


class TestDrawings:
    CURVES = (
        Curve("one & only", ((200.0, 12.0, 30.0, 0.2), (1000.0, 20.0, 900.0, 0.8), (1900.0, 1.0, 2e5, 1.9))),
        Curve("nothing", ()),
    )

    def test_they_are_svg_with_a_line_for_each_relay(self):
        for drawn in (delay_plot(self.CURVES), processor_plot(self.CURVES)):
            tree = ElementTree.fromstring(drawn)
            lines = tree.findall("{http://www.w3.org/2000/svg}polyline")
            assert len(lines) == 2
            assert len(lines[0].attrib["points"].split()) == 3
            assert "one & only" in [text.text for text in tree.iter("{http://www.w3.org/2000/svg}text")]

    def test_nothing_measured_is_an_empty_drawing(self):
        ElementTree.fromstring(delay_plot(()))
