"""Bencoding: strict in every byte, bounded in size and depth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media import LocalError, MalformedPacket
from ringthru.media.ng.bencode import MAX_DEPTH, MAX_SIZE, decode, encode

VALUES = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
PONG = b"d6:result4:ponge"
ANSWER = b"d3:sdp5:v=0\r\n4:tagsd1:ad4:porti30000eee4:lossli-1ei0eee"


def test_what_the_specification_shows():
    assert encode({"spam": ["a", "b"], "cow": 3}) == b"d3:cowi3e4:spaml1:a1:bee"
    assert decode(b"d4:spaml1:a1:be3:cowi-3ee") == {"spam": [b"a", b"b"], "cow": -3}
    assert decode(ANSWER) == {"sdp": b"v=0\r\n", "tags": {"a": {"port": 30000}}, "loss": [-1, 0]}


@given(VALUES)
def test_what_is_written_is_read_again(value):
    assert decode(encode(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_one_error(data):
    try:
        value = decode(data)
    except MalformedPacket:
        return
    assert len(encode(value)) == len(data)  # one spelling each: only the order of keys is free


@pytest.mark.parametrize("good", [PONG, ANSWER])
def test_cut_at_every_byte(good):
    for length in range(len(good)):
        with pytest.raises(MalformedPacket):
            decode(good[:length])


@pytest.mark.parametrize(
    "bad",
    [
        *(
            b"i01e",
            b"i-0e",
            b"ie",
            b"i-e",
            b"i+1e",
            b"i 1e",
            b"i1_0e",
            b"i" + b"9" * 30 + b"e",
            "i٣e".encode(),
        ),
        *(b"01:a", b"-1:", b"3:ab", b"99999999999:a", b"1a", b":", b"x", b"", b"1:ab"),
        *(b"d1:ai1e1:ai2ee", b"di1ei2ee", b"d1:ae", b"d2:\xff\xfei1ee", b"e", b"le" + b"le"),
    ],
)
def test_other_spellings_are_refused(bad):
    with pytest.raises(MalformedPacket):
        decode(bad)


def test_bounds():
    assert decode(b"l" * MAX_DEPTH + b"e" * MAX_DEPTH)
    with pytest.raises(MalformedPacket, match="levels"):
        decode(b"l" * (MAX_DEPTH + 1) + b"e" * (MAX_DEPTH + 1))
    with pytest.raises(MalformedPacket, match="65538 bytes"):
        decode(b"1:a" + b"x" * (MAX_SIZE - 1))


def test_what_is_no_such_value_cannot_be_written():
    with pytest.raises(LocalError, match="float"):
        encode({"a": 1.5})  # type: ignore[dict-item]
