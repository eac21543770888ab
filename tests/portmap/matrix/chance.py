"""What chance brings together for the matrix: sets of quirk rows, wires."""

from collections.abc import Sequence

from hypothesis import strategies as st

from ringthru.lab.gateway.quirks import check_rows
from ringthru.lab.virtual.wire import Wire

WIRES = st.builds(
    Wire,
    delay=st.floats(0.0001, 0.2),
    jitter=st.floats(0, 0.3),
    loss=st.floats(0, 0.3),
    duplication=st.floats(0, 0.3),
)


@st.composite
def row_sets(draw: st.DrawFn, ids: Sequence[str]) -> frozenset[str]:
    """Up to eight of these rows, less those that exclude one that came before."""
    chosen: list[str] = []
    for row in draw(st.lists(st.sampled_from(ids), max_size=8, unique=True)):
        try:
            check_rows([*chosen, row])
        except ValueError:
            continue
        chosen.append(row)
    return frozenset(chosen)
