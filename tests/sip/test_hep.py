"""HEP3 on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.sip.wire.hep import LONGEST, HepPacket

from .hep import read

HERE, THERE = Endpoint("203.0.113.9", 5080), Endpoint("198.51.100.7", 40000)
PACKET = HepPacket("UDP", HERE, THERE, 1_700_000_000, 250_000, b"OPTIONS", 100, "a@b")


def test_a_packet_octet_by_octet():
    chunks = (
        "0000 0001 0007 02",  # IPv4
        "0000 0002 0007 11",  # UDP
        "0000 0003 000a cb007109",
        "0000 0004 000a c6336407",
        "0000 0007 0008 13d8",
        "0000 0008 0008 9c40",
        "0000 0009 000a 6553f100",
        "0000 000a 000a 0003d090",
        "0000 000b 0007 01",  # SIP
        "0000 000c 000a 00000064",
        "0000 0011 0009 614062",
        "0000 000f 000d 4f5054494f4e53",
    )
    body = bytes.fromhex("".join(chunks))
    assert PACKET.encode() == b"HEP3" + (len(body) + 6).to_bytes(2, "big") + body


def test_ipv6_and_a_connection():
    told = read(
        replace(
            PACKET, transport="TLS", source=Endpoint("2001:db8::1", 1), destination=Endpoint("::1", 2)
        ).encode()
    )
    assert (told["family"], told["protocol"]) == (10, 6)
    assert (told["source"], told["destination"]) == ("2001:db8::1", "::1")


def test_two_families_are_none():
    with pytest.raises(ValueError, match="not of one family"):
        replace(PACKET, source=Endpoint("::1", 1)).encode()


def test_a_payload_too_long_for_a_packet_is_cut():
    packet = replace(PACKET, payload=bytes(70_000)).encode()
    assert len(packet) == LONGEST
    assert len(read(packet)["payload"]) > 65_000


@given(st.binary(max_size=3000), st.integers(0, 2**32 - 1), st.text(max_size=60), st.integers(0, 999_999))
def test_whatever_is_in_it_is_read_again(payload, capture_id, correlation, micro):
    told = read(
        replace(
            PACKET, payload=payload, capture_id=capture_id, correlation=correlation, microseconds=micro
        ).encode()
    )
    assert (told["payload"], told["capture_id"], told["microseconds"]) == (payload, capture_id, micro)
    assert told.get("correlation", "") == correlation
