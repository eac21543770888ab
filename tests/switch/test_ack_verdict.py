"""Why no ACK came: each class by its evidence, the surest first."""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.switch.calls.ack_verdict import Evidence, judge

SOUND = Evidence(
    peer=Endpoint("198.51.100.7", 5060),
    told=Endpoint("203.0.113.9", 15060),
    now=Endpoint("203.0.113.9", 15060),
    peer_is_public=True,
    told_is_public=True,
    transport="UDP",
    copies=4,
    size=900,
    proxies=0,
)
LAN = {
    "peer": Endpoint("192.168.1.50", 5060),
    "told": Endpoint("192.168.1.103", 5060),
    "now": Endpoint("192.168.1.103", 5060),
    "peer_is_public": False,
    "told_is_public": False,
}


@pytest.mark.parametrize(
    ("number", "changes", "words"),
    [
        (4, {"near_miss": "its Call-ID is 'x' where we have 'y'"}, ["SIP ALG", "Call-ID is 'x'", "STUN"]),
        (1, {"told": Endpoint("172.17.0.2", 5060), "told_is_public": False}, ["172.17.0.2", "auto-nat"]),
        (3, {"now": Endpoint("203.0.113.10", 15060)}, ["changed", "203.0.113.10"]),
        (2, {"now": Endpoint("203.0.113.9", 5060)}, ["port 15060", "has 5060", "ext-sip-port"]),
        (8, {"size": 1400}, ["1400 bytes", "TCP"]),
        (5, {"proxies": 2}, ["2 proxies"]),
        (7, {"unheard": 2}, ["2 times more", "198.51.100.7:5060", "rport"]),
        (6, {"unheard": 1}, ["4 copies"]),  # it crossed our answer
        (7, {"told": Endpoint("10.0.0.1", 5060), "told_is_public": False, "unheard": 3}, ["do not reach"]),
        (
            6,
            {"asked": True, "size": 1400, "proxies": 1, "agent": "Old Phone 1"},
            ["it got it", "Old Phone 1"],
        ),
        (6, {}, ["4 copies", "SIP ALG"]),
        (6, LAN, ["192.168.1.103"]),  # a private address for a private peer is right
        (6, {"size": 1400, "transport": "TCP"}, ["trace"]),
        (4, {"near_miss": "x", "proxies": 1, "size": 2000}, ["ALG"]),
        (1, {"told": Endpoint("10.0.0.1", 5060), "told_is_public": False, "proxies": 1}, ["10.0.0.1"]),
    ],
)
def test_class(number: int, changes: dict[str, Any], words: list[str]) -> None:
    verdict = judge(replace(SOUND, **changes))
    assert verdict.number == number
    for each in words:
        assert each in str(verdict)


def test_sound_that_flows_is_said_to_be_no_proof() -> None:
    assert "while 150 audio packets did" in str(judge(replace(SOUND, audio_packets=150)))


def test_a_user_agent_that_is_no_text_stays_out() -> None:
    assert "\x07" not in str(judge(replace(SOUND, agent="Phone\x07")))
    assert "Phone 1.0" in str(judge(replace(SOUND, agent="Phone 1.0")))
