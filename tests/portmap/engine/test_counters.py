"""How often a gateway said no, by its own code, as snapshots show it."""

from __future__ import annotations

import pytest

from ringthru.portmap import Protocol, Wanted
from ringthru.portmap.engine.counters import MOST_NAMES, Counters
from ringthru.portmap.gateway.pcp_refusals import result_name

from .test_peers import world

SIP = Wanted(Protocol.UDP, 5060)


@pytest.mark.parametrize(
    ("protocol", "name"),
    [
        ("pcp", "PCP: result NOT_AUTHORIZED"),
        ("natpmp", "NAT-PMP: result NOT_AUTHORIZED"),
        ("upnp", "UPnP: error 606"),
    ],
)
def test_each_refusal_is_counted_by_its_code(protocol, name):
    made = world(protocol, refuse=True)
    made.call("want", SIP)
    made.run(1)
    counters = dict(made.engine.snapshot(made.now).counters)
    assert counters.get(name, 0) >= 1, counters
    made.run(3600)
    assert dict(made.engine.snapshot(made.now).counters)[name] > counters[name]


def test_a_conflict_is_counted_though_another_port_is_had():
    made = world("upnp", conflicts=frozenset({5060}))
    made.call("want", SIP)
    made.run(1)
    assert dict(made.engine.snapshot(made.now).counters)["UPnP: error 718"] == 1


def test_codes_that_a_gateway_makes_up_have_one_name():
    assert result_name(13) == "EXCESSIVE_REMOTE_PEERS"
    assert result_name(200) == result_name(255)


def test_names_are_bounded():
    counters = Counters()
    counters.take_over({f"error {number}": 1 for number in range(1000)})
    assert len(counters.shown()) == MOST_NAMES
