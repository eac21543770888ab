"""The instants of all leases: whatever was entered, taken back and moved, the earliest is found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.mapping.calendar import OUTDATED, Times
from ringthru.portmap.mapping.lease import Lease
from ringthru.portmap.mapping.terms import Terms
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import Protocol, Wanted

INSTANTS = st.none() | st.integers(0, 5).map(float)


def leases(count: int) -> list[Lease]:
    terms = Terms(3600, lambda: 1, lambda: 0.0, lambda: bytes(12), GatewayProfile())
    return [Lease(Wanted(Protocol.UDP, 5060 + each), terms, 0.0) for each in range(count)]


class TestTimes:
    @given(st.lists(st.tuples(st.integers(0, 3), INSTANTS), max_size=40), st.sets(st.integers(0, 3)))
    def test_the_earliest_of_those_that_count_is_first_and_of_equal_ones_the_elder(self, entered, counting):
        four, times, known = leases(4), Times(), {}
        for index, at in entered:
            times.enter(four[index], at)
            known[index] = at
            counted = [(at, index) for index, at in known.items() if at is not None and index in counting]
            expected = min(counted, default=None)
            found = times.first(lambda lease: four.index(lease) in counting)
            assert found == (None if expected is None else (expected[0], four[expected[1]]))

    def test_a_lease_that_changes_its_mind_for_ever_takes_no_more_room(self):
        (lease,), times = leases(1), Times()
        for at in range(10 * OUTDATED):
            times.enter(lease, float(at))
        assert times.first() == (10 * OUTDATED - 1, lease)
        assert len(times._heap) <= 2 + OUTDATED
