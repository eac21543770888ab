"""Random sets of quirk rows, any protocols, any chance: whatever comes together, the truth is told."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringthru.lab.gateway.quirks import ROWS, Quirks, check_rows
from ringthru.lab.virtual.wire import Wire
from ringthru.portmap.gateway.pcp_exchange import ADDRESS_LIFETIME

from .play import TCP, UDP, make_world, start, stops

IDS = [row.id for row in ROWS.values() if row.protocol != "pinholes"]
PROTOCOLS = st.sets(st.sampled_from(["natpmp", "pcp", "upnp"]), min_size=1)
WIRES = st.builds(
    Wire,
    delay=st.floats(0.0001, 0.2),
    jitter=st.floats(0, 0.3),
    loss=st.floats(0, 0.3),
    duplication=st.floats(0, 0.3),
)


@st.composite
def rows(draw: st.DrawFn) -> frozenset[str]:
    chosen: list[str] = []
    for row in draw(st.lists(st.sampled_from(IDS), max_size=8, unique=True)):
        try:
            check_rows([*chosen, row])
        except ValueError:
            continue
        chosen.append(row)
    return frozenset(chosen)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(rows=rows(), protocols=PROTOCOLS, wire=WIRES, seed=st.integers(0, 2**16))
def test_the_oracle_has_nothing_to_say(rows, protocols, wire, seed):
    world = make_world(protocols=protocols, quirks=Quirks(rows=rows), wire=wire, seed=seed)
    start(world, UDP, TCP)
    world.run(900)
    assert world.verdicts() == []
    assert stops(world, 300)
    if (
        wire.jitter or wire.duplication
    ):  # a question for the address, sent twice, may arrive behind its deletion:
        world.run(ADDRESS_LIFETIME + 1)  # what it makes then ends by itself
    assert world.verdicts() == []
