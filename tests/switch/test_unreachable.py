"""Far peers without a way back are told of, a bounded number of them."""

from __future__ import annotations

import pytest

from ringthru.net.address import INTERNET, Endpoint
from ringthru.switch.addresses.unreachable import MOST, Unreachable
from ringthru.switch.reachability import Seen

REASON = "an external address would come from ext-sip-ip, which is not set"


def shown(host: str, row: int = 1) -> Seen:
    return Seen(Endpoint(host, 5060), host, host, False, row, (REASON,))


def test_a_flood_of_addresses_is_not_told_of(caplog: pytest.LogCaptureFixture):
    told = Unreachable("internal", INTERNET)
    for number in range(4 * MOST):
        told.look_at(f"8.8.{number // 200}.{number % 200}", shown("192.168.1.5"))
    assert len(caplog.records) == MOST


@pytest.mark.parametrize(
    ("peer", "seen"),
    [
        ("192.168.1.9", shown("192.168.1.5")),  # a VPN, or the LAN
        ("8.8.8.8", shown("9.9.9.9")),  # a machine in the Internet
        ("8.8.8.8", shown("192.168.1.5", 3)),  # an external address, though it is an odd one
        ("proxy.example.org", shown("192.168.1.5")),  # no address
    ],
)
def test_nothing_to_tell(caplog: pytest.LogCaptureFixture, peer: str, seen: Seen):
    Unreachable("internal", INTERNET).look_at(peer, seen)
    assert not caplog.records


def test_the_reason_is_in_it(caplog: pytest.LogCaptureFixture):
    Unreachable("internal", INTERNET).look_at("8.8.8.8", shown("192.168.1.5"))
    assert REASON in caplog.text
