"""Every row of the quirk catalogue by itself, on every protocol that it can show on."""

import pytest

from ringthru.lab.gateway.quirks import ROWS, Quirks

from .play import PINHOLE, comes_to_hold, complaints, make_world6, start, stops

ALL = ("natpmp", "pcp", "upnp")
WAYS = [
    pytest.param(row, protocols, id=f"{row.id}-{'+'.join(protocols)}")
    for row in ROWS.values()
    if row.protocol != "pinholes"
    for protocols in (("natpmp",), ("pcp",), ("upnp",), ALL)
    if row.protocol in (*protocols, "world")
]
PINHOLES = [row for row in ROWS.values() if row.protocol == "pinholes"]


@pytest.mark.parametrize(("row", "protocols"), WAYS)
def test_what_can_be_had_is_had_and_nothing_else_is_claimed(row, protocols):
    assert complaints(Quirks(rows=frozenset({row.id})), protocols) == []


@pytest.mark.parametrize("protocols", [("natpmp",), ("pcp",), ("upnp",), ALL])
def test_a_gateway_without_any_row_has_nothing_to_complain_of(protocols):
    assert complaints(Quirks(), protocols) == []


@pytest.mark.parametrize("row", PINHOLES, ids=lambda row: row.id)
def test_a_pinhole_is_opened_where_it_can_be_and_closed_in_the_end(row):
    world = make_world6([row.id])
    firewall = world.gateways[0].core.upnp.firewall
    start(world, PINHOLE)
    assert comes_to_hold(world) is row.expectation.accepted
    assert len(firewall.pinholes) == row.expectation.accepted
    world.run(400)
    assert world.verdicts() == []
    assert stops(world)
    world.run(2)  # where closing is forbidden, it is given one second more to live (P603)
    assert firewall.pinholes == ()
