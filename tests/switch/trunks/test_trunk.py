"""One trunk's registration, under a clock that is moved by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip import Flow
from ringthru.switch.trunks.trunk import (
    Changed,
    ForgetContact,
    Granted,
    Resolve,
    SendRegister,
    Trunk,
    TrunkState,
    TrunkTiming,
)

HERE = Endpoint("10.0.0.1", 5060)
FIRST, SECOND = (Flow("UDP", HERE, Endpoint("192.0.2.1", port)) for port in (5060, 5070))
OURS = "<sip:gw+home@203.0.113.9:5080>"


class Driven:
    """A trunk, and what it ordered; chance always says one half."""

    def __init__(self, **timing: int | bool) -> None:
        self.trunk = Trunk(TrunkTiming(**timing), lambda: 0.5)
        self.now = 1000.0
        self.trunk.start(self.now)

    def orders(self) -> list[object]:
        return [each for each in self.trunk.orders() if not isinstance(each, Changed)]

    def resolved(self, *flows: Flow) -> list[object]:
        self.trunk.receive_flows(flows, self.now)
        return self.orders()

    def answer(self, status: int, **more) -> list[object]:
        self.trunk.receive_answer(status, "Words", self.now, **more)
        return self.orders()

    def grant(self, seconds: int = 3600, contact: str = OURS) -> list[object]:
        return self.answer(200, granted=Granted(seconds, contact))

    def silence(self) -> list[object]:
        self.trunk.receive_silence(self.now)
        return self.orders()

    def sleep(self) -> float:
        """To the next timeout; returns how long it took."""
        before = self.now
        assert self.trunk.next_timeout() is not None
        self.now = max(self.now, self.trunk.next_timeout())
        self.trunk.handle_timeout(self.now)
        return self.now - before


@pytest.fixture
def driven() -> Driven:
    return Driven()


@pytest.fixture
def registered() -> Driven:
    driven = Driven()
    driven.orders()
    driven.resolved(FIRST)
    driven.grant()
    assert driven.trunk.state is TrunkState.REGED
    return driven


class TestWhatWatchersAreTold:
    """FreeSWITCH's words in its order; some of them last no time here."""

    def told(self, driven: Driven) -> list[tuple[str, bool]]:
        changes = [each for each in driven.trunk.orders() if isinstance(each, Changed)]
        assert all(one.state is other.before for one, other in pairwise(changes))
        return [(each.state.value, each.passing) for each in changes]

    def test_registered(self, driven: Driven) -> None:
        assert self.told(driven) == [("TRYING", False)]
        driven.trunk.receive_flows([FIRST], driven.now)
        driven.trunk.receive_answer(200, "OK", driven.now, granted=Granted(3600, OURS))
        assert self.told(driven) == [("REGISTER", True), ("REGED", False)]

    def test_refused(self, driven: Driven) -> None:
        driven.resolved(FIRST)
        driven.trunk.receive_answer(403, "No", driven.now)
        assert self.told(driven) == [("FAILED", True), ("FAIL_WAIT", False)]

    def test_not_answered(self, driven: Driven) -> None:
        driven.resolved(FIRST)
        driven.trunk.receive_silence(driven.now)
        assert self.told(driven) == [("TIMEOUT", True), ("FAIL_WAIT", False)]

    def test_not_answered_and_never_tried_again(self) -> None:
        driven = Driven(retry=0)
        driven.resolved(FIRST)
        driven.trunk.receive_silence(driven.now)
        assert self.told(driven) == [("TIMEOUT", True), ("FAILED", False)]


class TestRegistering:
    def test_look_up_register_and_refresh_in_time(self, driven: Driven) -> None:
        assert driven.orders() == [Resolve()]
        assert driven.resolved(FIRST, SECOND) == [SendRegister(FIRST, 3600)]
        assert driven.trunk.state is TrunkState.TRYING
        assert driven.grant(600) == []
        assert driven.trunk.state is TrunkState.REGED
        assert driven.sleep() == pytest.approx(600 * 0.825)
        assert driven.orders() == [Resolve()]

    def test_a_binding_stays_known_while_it_is_refreshed_and_until_it_runs_out(self, registered) -> None:
        registered.sleep()
        registered.resolved(FIRST)
        registered.silence()
        assert registered.trunk.registered is not None
        registered.now = 1000.0 + 3600
        registered.trunk.handle_timeout(registered.now)
        assert registered.trunk.registered is None

    def test_a_longer_expiry_when_ours_is_too_brief(self, driven: Driven) -> None:
        """RFC 3261 §10.2.8."""
        driven.orders()
        driven.resolved(FIRST)
        assert driven.answer(423, min_expires=7200) == [SendRegister(FIRST, 7200)]
        driven.grant(7200)
        driven.sleep()
        driven.orders()
        assert driven.resolved(FIRST) == [SendRegister(FIRST, 7200)]

    @pytest.mark.parametrize("minimum", [None, 0, 3600, 10**9])
    def test_a_registrar_that_only_pretends_to_want_longer(self, driven: Driven, minimum) -> None:
        driven.orders()
        driven.resolved(FIRST)
        assert driven.answer(423, min_expires=minimum) == []
        assert driven.trunk.state is TrunkState.FAIL_WAIT

    @pytest.mark.parametrize("seconds", [0, 1, -5])
    def test_no_answer_makes_us_spin(self, driven: Driven, seconds: int) -> None:
        driven.orders()
        driven.resolved(FIRST)
        driven.grant(seconds)
        assert driven.sleep() >= 5.0

    def test_a_trunk_that_is_not_to_be_registered_with(self) -> None:
        driven = Driven(register=False)
        assert driven.orders() == [Resolve()]
        assert driven.resolved(FIRST) == []
        assert driven.trunk.flows == (FIRST,)
        assert driven.trunk.state is TrunkState.NOREG
        assert driven.trunk.register(1.0) is False
        assert driven.orders() == [Resolve()]  # OPTIONS went unanswered: perhaps it is elsewhere now
        assert driven.trunk.unregister(1.0) is False

    def test_one_that_is_only_looked_up_is_looked_up_again(self) -> None:
        """It may move; and where names could not be asked at the start, they can be later."""
        driven = Driven(register=False, expires=600)
        driven.orders()
        assert driven.resolved() == []
        assert driven.sleep() == 30
        assert driven.orders() == [Resolve()]
        driven.resolved(FIRST)
        assert driven.sleep() == 600
        assert driven.orders() == [Resolve()]
        driven.resolved()
        assert driven.trunk.flows == (FIRST,)  # old addresses are better than none

    def test_one_that_is_only_looked_up_is_used_elsewhere_when_it_falls_silent(self) -> None:
        driven = Driven(register=False)
        driven.orders()
        driven.resolved(FIRST, SECOND)
        assert driven.trunk.register(driven.now, elsewhere=True) is False
        driven.resolved(FIRST, SECOND)
        assert driven.trunk.flows == (SECOND, FIRST)
        driven.trunk.register(driven.now, elsewhere=True)
        driven.resolved(FIRST, SECOND)
        assert driven.trunk.flows == (FIRST, SECOND)


class TestFailing:
    def test_the_next_address_when_one_is_silent_or_broken(self, driven: Driven) -> None:
        driven.orders()
        driven.resolved(FIRST, SECOND)
        assert driven.silence() == [SendRegister(SECOND, 3600)]
        driven.grant()
        assert driven.trunk.flow == SECOND
        driven.sleep()
        driven.orders()
        assert driven.resolved(FIRST, SECOND) == [SendRegister(SECOND, 3600)]  # it answered the last time
        assert driven.answer(503) == [SendRegister(FIRST, 3600)]

    def test_where_options_went_unanswered_the_others_are_tried_first(self, driven: Driven) -> None:
        driven.orders()
        driven.resolved(FIRST, SECOND)
        driven.grant()
        assert driven.trunk.register(driven.now, elsewhere=True)
        assert driven.orders() == [Resolve()]
        assert driven.resolved(FIRST, SECOND) == [SendRegister(SECOND, 3600)]
        assert driven.silence() == [SendRegister(FIRST, 3600)]

    def test_longer_and_longer_pauses(self, driven: Driven) -> None:
        pauses = []
        for _ in range(7):
            driven.orders()
            driven.resolved(FIRST)
            driven.silence()
            assert driven.trunk.state is TrunkState.FAIL_WAIT
            pauses.append(round(driven.sleep() / 1.05))
        assert pauses == [30, 60, 120, 240, 480, 900, 900]

    @pytest.mark.parametrize("status", [401, 403, 404, 407])
    def test_a_refusal_is_not_repeated_soon_and_not_elsewhere(self, driven: Driven, status: int) -> None:
        driven.orders()
        driven.resolved(FIRST, SECOND)
        assert driven.answer(status) == []
        assert driven.sleep() >= 300

    def test_retry_after_is_heeded(self, driven: Driven) -> None:
        driven.orders()
        driven.resolved(FIRST)
        driven.answer(503, retry_after=120)
        assert driven.sleep() == pytest.approx(126)

    def test_no_address_at_all(self, driven: Driven) -> None:
        driven.trunk.receive_flows([], driven.now, "no such name")
        assert (driven.trunk.state, driven.trunk.reason) == (TrunkState.FAIL_WAIT, "no such name")

    def test_the_old_address_when_the_name_servers_are_gone(self, registered: Driven) -> None:
        registered.sleep()
        registered.orders()
        assert registered.resolved() == [SendRegister(FIRST, 3600)]

    def test_never_again_when_the_settings_say_so(self) -> None:
        driven = Driven(retry=0)
        driven.orders()
        driven.resolved(FIRST)
        driven.silence()
        assert driven.trunk.state is TrunkState.FAILED
        assert driven.trunk.next_timeout() is None


class TestRunOut:
    """Refreshing does not work until the registration is over: FreeSWITCH's EXPIRED."""

    def refreshing_fails(self, driven: Driven) -> None:
        driven.sleep()
        driven.resolved(FIRST)
        driven.silence()

    def test_is_told_when_it_is_so_and_not_at_the_next_try(self, registered: Driven) -> None:
        while registered.trunk.state is not TrunkState.EXPIRED:
            assert registered.now < registered.trunk.expires_at
            self.refreshing_fails(registered)
            registered.trunk.orders()
            if registered.trunk.next_timeout() == registered.trunk.expires_at:
                registered.sleep()
        assert registered.now == registered.trunk.expires_at
        assert registered.trunk.registered is None
        assert registered.trunk.reason == "no answer"
        (changed,) = registered.trunk.orders()
        assert (changed.before, changed.state) == (TrunkState.FAIL_WAIT, TrunkState.EXPIRED)

    def test_the_next_try_comes_at_its_time_and_may_work(self, registered: Driven) -> None:
        self.refreshing_fails(registered)
        next_try = registered.trunk.next_try
        registered.trunk.expires_at = registered.now + 1
        registered.sleep()
        assert registered.trunk.state is TrunkState.EXPIRED
        assert registered.trunk.next_timeout() == registered.trunk.next_try == next_try
        registered.sleep()
        registered.resolved(FIRST)
        registered.grant()
        assert registered.trunk.state is TrunkState.REGED

    def test_it_stays_where_there_is_no_next_try(self) -> None:
        driven = Driven(retry=0)
        driven.orders()
        driven.resolved(FIRST)
        driven.grant()
        self.refreshing_fails(driven)
        assert driven.trunk.state is TrunkState.FAILED
        driven.sleep()
        assert driven.trunk.state is TrunkState.EXPIRED
        assert driven.trunk.next_timeout() is None
        driven.trunk.register(driven.now)
        assert driven.orders() == [Resolve()]


class TestAtOnce:
    def test_our_address_changed(self, registered: Driven) -> None:
        """P7: not when the registration would have been refreshed, but now."""
        registered.trunk.register(registered.now)
        assert registered.orders() == [Resolve()]
        registered.resolved(FIRST)
        moved = OURS.replace("203.0.113.9", "203.0.113.77")
        assert registered.grant(contact=moved) == [ForgetContact(FIRST, OURS)]
        assert registered.trunk.registered.contact == moved

    def test_it_changed_once_more_while_we_registered(self, registered: Driven) -> None:
        registered.trunk.register(registered.now)
        registered.orders()
        registered.resolved(FIRST)
        registered.trunk.register(registered.now)
        assert registered.orders() == []
        assert registered.grant() == [Resolve()]

    def test_it_changed_while_the_old_registrar_was_silent(self, registered: Driven) -> None:
        registered.trunk.register(registered.now)
        registered.orders()
        registered.resolved(FIRST)
        registered.trunk.register(registered.now)
        assert registered.silence() == [Resolve()]

    def test_out_of_a_pause(self, driven: Driven) -> None:
        driven.orders()
        driven.resolved(FIRST)
        driven.answer(403)
        driven.trunk.register(driven.now)
        assert driven.orders() == [Resolve()]


class TestEnding:
    def test_an_operator_ends_it(self, registered: Driven) -> None:
        assert registered.trunk.unregister(registered.now)
        assert registered.orders() == [SendRegister(FIRST, 0)]
        assert registered.trunk.state is TrunkState.UNREGISTER
        registered.answer(200)
        assert registered.trunk.state is TrunkState.DOWN
        assert registered.trunk.next_timeout() is None
        assert registered.trunk.registered is None

    def test_twice_is_once(self, registered: Driven) -> None:
        registered.trunk.unregister(registered.now)
        registered.orders()
        assert registered.trunk.unregister(registered.now)
        assert registered.orders() == []

    def test_and_begins_again(self, registered: Driven) -> None:
        registered.trunk.unregister(registered.now)
        registered.trunk.register(registered.now)
        registered.orders()
        registered.silence()
        registered.sleep()
        assert registered.orders() == [Resolve()]

    def test_before_it_has_begun(self, driven: Driven) -> None:
        driven.orders()
        driven.resolved(FIRST)
        driven.trunk.unregister(driven.now)
        assert driven.orders() == []
        assert driven.grant() == [SendRegister(FIRST, 0)]

    def test_a_late_answer_changes_nothing(self, registered: Driven) -> None:
        registered.trunk.unregister(registered.now)
        registered.orders()
        registered.answer(200)
        assert registered.grant() == []
        assert registered.silence() == []
        assert registered.trunk.state is TrunkState.DOWN
