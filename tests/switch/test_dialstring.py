"""Dial strings as FreeSWITCH users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.switch.dialstring import BadDialString, Destination, harmless, parse_dial_string


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("user/1000", [[Destination("user", "1000")]]),
        ("user/105@default", [[Destination("user", "105@default")]]),
        ("user/1,user/2|error/user_busy",
         [[Destination("user", "1"), Destination("user", "2")], [Destination("error", "user_busy")]]),
        ("{a=1,b='x,y'}[c=3]user/1,user/2",
         [[Destination("user", "1", {"a": "1", "b": "x,y", "c": "3"}),
           Destination("user", "2", {"a": "1", "b": "x,y"})]]),
        ("{^^:a=1,2:b=3}user/1", [[Destination("user", "1", {"a": "1,2", "b": "3"})]]),
        ("sofia/internal/sip:9196@127.0.0.1:5080;transport=udp",
         [[Destination("sofia", "internal/sip:9196@127.0.0.1:5080;transport=udp")]]),
    ],
)  # fmt: skip
def test_what_it_means(text, groups):
    assert parse_dial_string(text) == groups


@pytest.mark.parametrize("text", ["", "  ", "1000", "{a=1", "user/1,,user/2", "{a='x}user/1", "[x=1user/1"])
def test_nonsense_is_refused_in_words(text):
    with pytest.raises(BadDialString, match=r"\w"):
        parse_dial_string(text)


@given(st.text(max_size=200))
def test_nothing_else_ever_comes_out(text):
    try:
        parse_dial_string(text)
    except BadDialString:
        pass


@given(st.text(min_size=1).filter(lambda words: words == words.strip()))
def test_what_somebody_else_wrote_stays_one_leg(words):
    assert parse_dial_string(f"user/{harmless(words)}") == [[Destination("user", harmless(words))]]
