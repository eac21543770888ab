"""Numbers and addresses: what is plainly meant is read, and what is not is no number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.wire.spelling import address, number


class TestNumbers:
    @pytest.mark.parametrize(
        "text",
        [
            "5060",
            " 5060\r\n",
            "+5060",
            "005060",
            "00000000000005060",
            "5060.0",
            "5060.",
            "5 060",
            "5060 s",
            "5060 seconds",
            "5060sec",
            "5060/tcp",
            '"5060"',
        ],
    )
    def test_what_is_meant(self, text):
        assert number(text) == 5060

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "-1",
            "many",
            "1,787",
            "1.787",
            "5060.5",
            "0x13c4",
            "50-60",
            "99999999999",
            "1e3",
            "٥",
            "10m",
            "+",
        ],
    )
    def test_what_is_no_number(self, text):
        assert number(text) is None

    def test_of_as_many_digits_as_make_sense(self):
        assert number("00718", digits=5) == number("0000718", digits=5) == 718
        assert number("123456", digits=5) is None

    @given(st.integers(0, 2**32 - 1))
    def test_any_number_is_itself(self, value):
        assert number(str(value)) == value

    @given(st.text(max_size=30))
    def test_noise_is_none_or_a_number(self, noise):
        assert number(noise) is None or 0 <= number(noise) < 10**10


class TestAddresses:
    @pytest.mark.parametrize(
        "text", ["192.168.1.7", "192.168.001.007", " 192.168.1.7 ", "192.168.1.7/24", "192.168.1.7:0"]
    )
    def test_what_is_meant(self, text):
        assert address(text) == "192.168.1.7"

    @pytest.mark.parametrize(
        "text",
        ["", "router", "1.2.3", "1.2.3.256", "1.2.3.4.5", "2001:db8::1", "::ffff:1.2.3.4", "1.2.3.4-9"],
    )
    def test_anything_else_stays_as_it_is(self, text):
        assert address(text) == text

    def test_control_characters_do_not_stay(self):
        assert address("1.2.3\x1b[31m") == "1.2.3 [31m"
