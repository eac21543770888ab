"""Gateways that no row describes: the rules of reading cope with them, not a line for each."""

import dataclasses

import pytest

from ringthru.lab.gateway.quirks import Quirks
from ringthru.lab.virtual.oracle import Pace

from .play import TCP, UDP, complaints, make_world, start, stops
from .unlisted import HOPELESS, HOSTILE, REFUSING, SURVIVED, twisted

PACE = Pace(in_a_second=250)  # a table is read through once, 200 places at most
UPNP = ("upnp",)
HALF_AN_HOUR = 1800.0
MOST_ASKED = 700  # requests over HTTP in that time, by whoever does not give up and does not pester


def twist_of(twist):
    def change(gateway):
        gateway.core.upnp.respond = twisted(twist, gateway.core.upnp.respond)

    return change


def texts(value):
    """Every text in a snapshot."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from texts(each)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("twist", SURVIVED.values(), ids=SURVIVED)
def test_what_can_be_had_is_had_all_the_same(twist, version):
    assert complaints(Quirks(igd_version=version), UPNP, twist=twist_of(twist)) == []


@pytest.mark.parametrize("conflicts", [(), (5060,)], ids=["", "5060 is taken"])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_lie_is_believed_nobody_is_pestered_and_the_end_comes(name, conflicts):
    rows = frozenset({"AD13"} if name in REFUSING else ())
    quirks = Quirks(igd_version=2, conflicts=frozenset(conflicts), rows=rows)
    world = make_world(protocols=UPNP, quirks=quirks)
    twist_of(HOSTILE[name]())(world.gateways[0])
    start(world, UDP, TCP)
    world.run(HALF_AN_HOUR)
    assert world.verdicts(pace=PACE) == []
    assert len(world.records.requests("http")) < MOST_ASKED
    snapshot = world.engine.snapshot(world.now)
    assert all(text.isprintable() for text in texts(snapshot))
    assert all(each.external_port is None or 0 < each.external_port < 65536 for each in snapshot.mappings)
    assert stops(world)
    assert name in HOPELESS or world.verdicts(pace=PACE) == []
