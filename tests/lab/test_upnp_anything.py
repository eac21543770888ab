"""Whatever is sent to the fake gateway, it answers or it does not; it never breaks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringthru.lab.gateway.quirks import ROWS
from ringthru.lab.gateway.replies import HttpScript

from .raw_gateway import MAPPING, RawGateway, post, search

REQUEST = post("AddPortMapping", MAPPING)
SUBSCRIBE = b"SUBSCRIBE /evt/IPConn HTTP/1.1\r\nCALLBACK: <http://127.41.0.103:9/>\r\nNT: upnp:event\r\n\r\n"
UPNP_ROWS = sorted(row.id for row in ROWS.values() if row.protocol == "upnp")


@pytest.mark.parametrize("request_bytes", [REQUEST, SUBSCRIBE])
def test_requests_cut_at_every_byte(request_bytes):
    gateway = RawGateway()
    for end in range(len(request_bytes)):
        assert isinstance(gateway.request(request_bytes[:end]), HttpScript)


def test_searches_cut_at_every_byte():
    whole = search("ssdp:all")
    for end in range(len(whole)):
        RawGateway().search(datagram=whole[:end])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(UPNP_ROWS))
def test_any_bytes(data, row):
    gateway = RawGateway(row)
    gateway.search(datagram=data)
    gateway.search(datagram=b"M-SEARCH * HTTP/1.1\r\n" + data)
    for request in (data, b"GET " + data, b"SUBSCRIBE /evt/IPConn HTTP/1.1\r\n" + data):
        assert isinstance(gateway.request(request), HttpScript)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(list(MAPPING)), st.text("0123456789-abcUDP. ", max_size=12)))
def test_any_arguments_are_granted_or_refused(changes):
    answer = RawGateway().call("AddPortMapping", MAPPING | changes)
    assert answer == {} or isinstance(answer, int)


@settings(max_examples=100, deadline=None)
@given(st.sets(st.sampled_from(UPNP_ROWS), max_size=8))
def test_rows_combine_or_say_that_they_do_not(rows):
    excluded = any(other in rows for row in rows for other in ROWS[row].excludes)
    if excluded:
        with pytest.raises(ValueError, match="exclude each other"):
            RawGateway(*rows)
        return
    gateway = RawGateway(*rows)
    gateway.search("ssdp:all")
    assert isinstance(gateway.get(), HttpScript)
    assert isinstance(gateway.request(REQUEST), HttpScript)
