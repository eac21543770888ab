"""The functions of ``${name(…)}``, and sums."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.switch.dialplan.functions import condition, reckoned, regex
from ringthru.switch.dialplan.sums import value_of


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1000|^(10)(..)$", "true"),
        ("2000|^(10)(..)$", "false"),
        ("1000|^(10)(..)$|%2-%1", "00-10"),
        ("1000|^(10)(..)$|$2", "00"),
        ("2000|^(10)(..)$|%1", "2000"),
        ("2000|^(10)(..)$|%1|n", ""),
        ("2000|^(10)(..)$|%1|b", "false"),
        ("m:~1000~^(10|20)(..)$~%1", "10"),
        ("1000|^(", "-ERR"),
        ("1000", "-ERR"),
        ("", "-ERR"),
    ],
)
def test_regex(text, answer):
    assert regex(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1 == 1 ? yes : no", "yes"),
        ("1 == 1.0 ? yes : no", "yes"),
        ("a == b ? yes : no", "no"),
        ("'a b' == \"a b\" ? 'x y' : no", "x y"),
        ("a != b ? yes", "yes"),
        ("a == b ? yes", ""),
        ("2 < 10 ? yes : no", "yes"),
        ("10 >= 10 ? yes : no", "yes"),
        ("3 <= 2 ? yes : no", "no"),
        ("abc > ab ? yes : no", "yes"),
        (" == ? empty : not", "empty"),
        ("nonsense", "-ERR"),
        ("a == b", "-ERR"),
    ],
)
def test_cond(text, answer):
    assert condition(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1+2*3", "7"),
        ("(1+2)*3", "9"),
        ("10/4", "2.5"),
        ("10%4", "2"),
        ("2^10", "1024"),
        ("-3+1", "-2"),
        ("1/0", "-ERR"),
        ("9^9^9^9", "-ERR"),
        ("(-1)^0.5", "-ERR"),
        ("open('/etc/passwd')", "-ERR"),
        ("a+1", "-ERR"),
        ("1+", "-ERR"),
        ("", "-ERR"),
        ("1" * 201, "-ERR"),
        ("(" * 200, "-ERR"),
        ("True+1", "-ERR"),
    ],
)
def test_expr(text, answer):
    assert reckoned(text) == answer


@given(st.text(alphabet="0123456789+-*/%^(). aeJ_", max_size=60))
def test_a_sum_is_a_number_or_none(text):
    try:
        assert isinstance(value_of(text), float)
    except ValueError:
        pass


@given(st.text(alphabet="ab|^$%1()m:~?=!<> ", max_size=60))
def test_nothing_is_raised(text):
    assert isinstance(regex(text), str)
    assert isinstance(condition(text), str)
