"""A trunk under any inputs in any order: it never raises, never spins, and never sleeps for ever unasked."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ringthru.net.address import Endpoint
from ringthru.sip import Flow
from ringthru.switch.trunks.trunk import (
    ForgetContact,
    Granted,
    Resolve,
    SendRegister,
    Trunk,
    TrunkState,
    TrunkTiming,
)

FLOWS = [Flow("UDP", Endpoint("10.0.0.1", 5060), Endpoint("192.0.2.1", port)) for port in (5060, 5070, 5080)]
SETTLED = (TrunkState.DOWN, TrunkState.NOREG, TrunkState.FAILED, TrunkState.EXPIRED)


class AnyOrder(RuleBasedStateMachine):
    @initialize(register=st.booleans(), expires=st.integers(1, 90_000), retry=st.sampled_from([0, 1, 30]))
    def begin(self, register: bool, expires: int, retry: int) -> None:
        self.now = 100.0
        self.searches = self.requests = 0  # orders whose answer has not come
        self.trunk = Trunk(TrunkTiming(register, expires, retry), lambda: 0.5)
        self.trunk.start(self.now)
        self.take()

    def take(self) -> None:
        for order in self.trunk.orders():
            if isinstance(order, Resolve):
                self.searches += 1
            elif isinstance(order, SendRegister):
                self.requests += 1
            elif isinstance(order, ForgetContact):
                assert order.contact

    @rule(count=st.integers(0, 3))
    def found(self, count: int) -> None:
        self.searches = max(self.searches - 1, 0)
        self.trunk.receive_flows(FLOWS[:count], self.now, "no such name")
        self.take()

    @rule(
        status=st.sampled_from([200, 401, 403, 404, 408, 423, 500, 503, 603]),
        seconds=st.integers(-1, 10**6),
        contact=st.sampled_from(["sip:a@b", "sip:c@d"]),
        minimum=st.one_of(st.none(), st.integers(0, 10**6)),
        later=st.one_of(st.none(), st.integers(0, 10**6)),
    )
    def answered(
        self, status: int, seconds: int, contact: str, minimum: int | None, later: int | None
    ) -> None:
        self.requests = max(self.requests - 1, 0)
        granted = Granted(seconds, contact) if status == 200 else None
        self.trunk.receive_answer(
            status, "", self.now, granted=granted, min_expires=minimum, retry_after=later
        )
        self.take()

    @rule()
    def silent(self) -> None:
        self.requests = max(self.requests - 1, 0)
        self.trunk.receive_silence(self.now)
        self.take()

    @rule(order=st.sampled_from(["register", "unregister"]))
    def told(self, order: str) -> None:
        getattr(self.trunk, order)(self.now)
        self.take()

    @rule(seconds=st.floats(0.1, 5000))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.trunk.handle_timeout(self.now)
        self.take()

    @invariant()
    def it_waits_for_something(self) -> None:
        """For an answer, for an instant that is not now, or for an operator."""
        timeout = self.trunk.next_timeout()
        if timeout is None:
            assert self.searches or self.requests or self.trunk.state in SETTLED
        elif self.trunk.state is not TrunkState.UNREGED:  # that one begins at once: an operator said so
            assert timeout >= self.now or self.trunk.state is TrunkState.TRYING

    @invariant()
    def a_pause_is_a_pause(self) -> None:
        if self.trunk.state is TrunkState.FAIL_WAIT:
            timeout = self.trunk.next_timeout()
            assert timeout is not None
            assert timeout > self.now


AnyOrder.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase
