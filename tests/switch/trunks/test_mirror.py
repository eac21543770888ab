"""A Via of ours, as a registrar's answer repeats it."""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip.wire.headers import Via
from ringthru.switch.trunks.mirror import meddling

SENT = Endpoint("203.0.113.9", 5060)


def said(sent_by: str, *, asked: bool = True, sent: Endpoint = SENT) -> str | None:
    return meddling(Via.parse(f"SIP/2.0/UDP {sent_by};branch=z9hG4bK1"), sent, asked)


@pytest.mark.parametrize(
    "sent_by",
    [
        "203.0.113.9:5060;rport",
        "203.0.113.9;rport=5060;received=203.0.113.9",
        "203.0.113.9:5060;received=192.0.2.1;rport=31000",  # a NAT, which says so and rewrites nothing
    ],
)
def test_as_it_was_sent(sent_by: str) -> None:
    assert said(sent_by) is None


def test_another_address() -> None:
    assert said("192.168.1.103:5060;rport") == "it names 192.168.1.103:5060 where we sent 203.0.113.9:5060"


def test_another_port() -> None:
    assert said("203.0.113.9:31000;rport") == "it names 203.0.113.9:31000 where we sent 203.0.113.9:5060"


def test_rport_is_gone() -> None:
    assert said("203.0.113.9:5060;received=203.0.113.9") == "its rport, which we had sent, is gone"
    assert said("203.0.113.9:5060", asked=False) is None


def test_an_address_of_ipv6_written_otherwise_is_the_same() -> None:
    assert said("[2001:db8::9]:5060;rport", sent=Endpoint("2001:db8:0::9", 5060)) is None
