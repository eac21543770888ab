"""Random sets of quirk rows, any protocols, any chance: whatever comes together, the truth is told."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringthru.lab.gateway.quirks import ROWS, Quirks
from ringthru.portmap.gateway.pcp_exchange import ADDRESS_LIFETIME

from .chance import WIRES, row_sets
from .play import TCP, UDP, make_world, start, stops

IDS = [row.id for row in ROWS.values() if row.protocol != "pinholes"]
PROTOCOLS = st.sets(st.sampled_from(["natpmp", "pcp", "upnp"]), min_size=1)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(rows=row_sets(IDS), protocols=PROTOCOLS, wire=WIRES, seed=st.integers(0, 2**16))
def test_the_oracle_has_nothing_to_say(rows, protocols, wire, seed):
    world = make_world(protocols=protocols, quirks=Quirks(rows=rows), wire=wire, seed=seed)
    start(world, UDP, TCP)
    world.run(900)
    assert world.verdicts() == []
    assert stops(world, 300)
    if wire.jitter or wire.duplication:
        # A question for the address, sent twice, may come after its deletion: what it makes ends by itself.
        world.run(ADDRESS_LIFETIME + 1)
    assert world.verdicts() == []
