"""Every row of the quirk catalogue by itself, on every protocol it can show on; IPv6: ``test_pinholes``."""

import pytest

from ringthru.lab.gateway.quirks import ROWS, Quirks

from .play import complaints, start, start_early

ALL = ("natpmp", "pcp", "upnp")
WAYS = [
    pytest.param(row, protocols, id=f"{row.id}-{'+'.join(protocols)}")
    for row in ROWS.values()
    if row.protocol != "pinholes"
    for protocols in (("natpmp",), ("pcp",), ("upnp",), ALL)
    if row.protocol in (*protocols, "world")
]


@pytest.mark.parametrize("begin", [start, start_early])
@pytest.mark.parametrize(("row", "protocols"), WAYS)
def test_what_can_be_had_is_had_and_nothing_else_is_claimed(row, protocols, begin):
    assert complaints(Quirks(rows=frozenset({row.id})), protocols, begin=begin) == []


@pytest.mark.parametrize("protocols", [("natpmp",), ("pcp",), ("upnp",), ALL])
@pytest.mark.parametrize("begin", [start, start_early])
def test_a_gateway_without_any_row_has_nothing_to_complain_of(protocols, begin):
    assert complaints(Quirks(), protocols, begin=begin) == []
