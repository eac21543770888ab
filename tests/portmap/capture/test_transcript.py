"""The document: read back as it was written, refused when it is something else, bounded."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.capture.recorder import Recorder
from ringthru.portmap.capture.transcript import (
    MOST_EXCHANGES,
    Exchange,
    Kind,
    Outcome,
    Place,
    Transcript,
    decode,
    encode,
)
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.values import Protocol, Wanted

PLACE = Place("192.168.1.2", "192.168.1.0/24", "192.168.1.1", True)
HOME = Surroundings("10.1.1.2", IPv4Network("10.1.1.0/24"), "10.1.1.1")


def transcript(*exchanges: Exchange) -> Transcript:
    outcome = Outcome("upnp", entries=(("udp", 5060, "192.168.1.2", 5060, True),), removed=True)
    return Transcript(1, (("addresses", 2),), PLACE, Protocol.UDP, 25060, 120, exchanges, outcome)


EXCHANGES = st.builds(
    Exchange,
    st.floats(0, 1000).map(lambda at: round(at, 4)),
    st.sampled_from(Kind),
    st.binary(max_size=64) | st.text("abc <>\r\n\t", max_size=64).map(str.encode),
    st.none() | st.builds(Endpoint, st.just("192.168.1.1"), st.integers(1, 65535)),
    number=st.integers(0, 99),
    status=st.integers(0, 599),
    words=st.text(max_size=20),
)


@given(st.lists(EXCHANGES, max_size=8))
def test_it_is_read_back_as_it_was_written(exchanges):
    written = transcript(*exchanges)
    assert decode(encode(written)) == written


def test_texts_are_lines_and_other_octets_hexadecimal():
    shown = json.loads(
        encode(transcript(Exchange(0.0, Kind.SSDP_IN, b"A\r\nB"), Exchange(0.1, Kind.PMP_IN, b"\0")))
    )
    assert [each.get("text", each.get("hex")) for each in shown["exchanges"]] == [["A\r\n", "B"], "00"]


@given(st.text(max_size=60) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_anything_else_is_one_typed_error(text):
    with pytest.raises(MalformedMessage):
        decode(text)


def test_cut_anywhere_it_is_refused():
    text = encode(transcript(Exchange(0.0, Kind.PMP_OUT, b"\0\0"))).rstrip()
    for length in range(len(text)):
        with pytest.raises(MalformedMessage):
            decode(text[:length])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("format",), "pcap"),
        (("asked", "port"), 0),
        (("asked", "protocol"), "sctp"),
        (("asked", "lifetime"), float("inf")),
        (("surroundings", "network"), "home"),
        (("exchanges",), [{}]),
        (("exchanges",), [{"at": 0, "kind": "smoke signal"}]),
        (("exchanges",), [{"at": 0, "kind": "pmp in", "hex": "0"}]),
        (("outcome",), {"kind": 1, "more": 2}),
    ],
)
def test_a_field_that_cannot_be_is_refused(path, value):
    document = json.loads(encode(transcript()))
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(MalformedMessage):
        decode(json.dumps(document))


def test_a_flood_is_counted_and_not_kept():
    recorder = Recorder(lambda: 0.0)
    for _ in range(MOST_EXCHANGES + 7):
        recorder.pmp_in(b"\0\x80")
    made = recorder.transcript(HOME, Wanted(Protocol.UDP, 25060), 120, Outcome(None))
    assert (len(made.exchanges), recorder.dropped) == (MOST_EXCHANGES, 7)
