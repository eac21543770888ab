"""One trunk's registration as a machine: no socket, no clock.

Call ``start``, one of the ``receive…`` methods, an order of the operator's or ``handle_timeout``; then always
carry out ``orders()``, and sleep until ``next_timeout()``. The states are FreeSWITCH's words:

==========  ==========================================================================================
UNREGED     about to register
TRYING      a REGISTER is on its way, or the registrar's address is looked up
REGED       registered, until the refresh
FAIL_WAIT   it did not work; the next try has its time
FAILED      it did not work, and there will be no next try (``retry-seconds`` 0)
EXPIRED     while it did not work the registration ran out: no calls come; the next try has its time
UNREGISTER  a REGISTER that ends it is on its way
DOWN        an operator ended it
NOREG       a trunk that is not to be registered with
REGISTER    a 200 came: told, and passed through on the way to REGED
TIMEOUT     nobody answered: told, and passed through on the way to FAIL_WAIT
==========  ==========================================================================================

Lives here: when to register, with which of the registrar's addresses, what each answer means.
Never here: requests, DNS, the address we show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from ...net.values import frozen
from ...sip import Flow

# What the RFCs fix
TOO_BRIEF: Final = 423  # RFC 3261 §10.2.8
# What we chose
LONGEST_EXPIRY: Final = 86_400  # seconds; no registrar may have us believe in more
SHORTEST_PAUSE: Final = 5.0  # seconds between two tries that nobody asked for; no answer may make us spin
LONGEST_PAUSE: Final = 900.0  # seconds; the pause doubles up to this
LOOK_AGAIN: Final = 30.0  # seconds until one that was not found is looked up again, where retry-seconds is 0
REFUSED_PAUSE: Final = 300.0  # seconds at least after a refusal: providers ban who insists
REFRESH_FROM, REFRESH_TO = 0.75, 0.9  # of what was granted; where in between is left to chance
REFUSALS: Final = frozenset((401, 403, 404, 407, 603, 604))  # the same request would be refused again


class TrunkState(Enum):
    """FreeSWITCH's words, as ``sofia status`` shows them."""

    UNREGED = "UNREGED"
    TRYING = "TRYING"
    REGISTER = "REGISTER"
    REGED = "REGED"
    UNREGISTER = "UNREGISTER"
    FAILED = "FAILED"
    FAIL_WAIT = "FAIL_WAIT"
    EXPIRED = "EXPIRED"
    TIMEOUT = "TIMEOUT"
    NOREG = "NOREG"
    DOWN = "DOWN"


FAILING: Final = (TrunkState.FAIL_WAIT, TrunkState.FAILED)
BETWEEN_TRIES: Final = (*FAILING, TrunkState.EXPIRED, TrunkState.REGED, TrunkState.UNREGED)


@frozen
class Resolve:
    """Look the registrar's addresses up, then call ``receive_flows``."""


@frozen
class SendRegister:
    """Send a REGISTER there, asking for so many seconds; 0 ends the registration.

    Then call ``receive_answer`` or ``receive_silence``.
    """

    flow: Flow
    expires: int


@frozen
class ForgetContact:
    """Ask the registrar to strike out a Contact of ours that nobody reaches any more; nothing is awaited."""

    flow: Flow
    contact: str


@frozen
class Changed:
    """The trunk is in another state; ``reason`` is for people. ``passing``: it is in the next one already."""

    before: TrunkState
    state: TrunkState
    reason: str
    passing: bool = False


Order = Resolve | SendRegister | ForgetContact | Changed


@frozen
class Granted:
    """What a 200 to a REGISTER says."""

    seconds: int
    contact: str  # our own, as it was sent
    service_route: tuple[str, ...] = ()  # raw values (RFC 3608)


@frozen
class TrunkTiming:
    """The trunk's settings that matter here, in seconds."""

    register: bool = True
    expires: int = 3600
    retry: int = 30  # 0: a failure is the end


class Trunk:
    """One trunk. What it knows is for everybody to read."""

    def __init__(self, timing: TrunkTiming, chance: Callable[[], float]) -> None:
        """``chance`` gives a number from 0 to 1."""
        self.state = TrunkState.UNREGED if timing.register else TrunkState.NOREG
        self.registered: Granted | None = None  # while the registrar has a binding of ours, as far as we know
        self.flow: Flow | None = None  # the registrar's address in use
        self.flows: tuple[Flow, ...] = ()
        self.expires_at = 0.0
        self.failures = 0  # in a row
        self.reason = ""  # of the last failure, in words
        self.answered: tuple[int, str] | None = None  # the registrar's last answer: status and phrase
        self._timing = timing
        self._chance = chance
        self._expires = timing.expires
        self._untried: list[Flow] = []
        self._silent: Flow | None = None  # what answers nothing any more
        self._timeout: float | None = None
        self._again = False  # something changed while a REGISTER was on its way
        self._stop = False  # … and an operator wants an end
        self._orders: list[Order] = []

    # --- the machine's contract ---------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Begin; a trunk that is not to be registered with looks its addresses up only, again and again."""
        if self.state is TrunkState.NOREG:
            self._look_up()
        else:
            self._begin(now)

    def handle_timeout(self, now: float) -> None:
        if self.registered is not None and now >= self.expires_at:
            self._run_out()
        if self._timeout is None or now < self._timeout:
            return
        self._timeout = None
        if self.state is TrunkState.NOREG:
            self._look_up()
        elif self.state in BETWEEN_TRIES:
            self._begin(now)

    def next_timeout(self) -> float | None:
        if self.registered is None or self.state not in FAILING:
            return self._timeout
        return self.expires_at if self._timeout is None else min(self._timeout, self.expires_at)

    @property
    def next_try(self) -> float | None:
        """When the registrar is tried again, or the registration refreshed; None: never, or it is now."""
        return self._timeout

    def orders(self) -> list[Order]:
        orders, self._orders = self._orders, []
        return orders

    # --- what comes back ----------------------------------------------------------------------------

    def receive_flows(self, flows: Sequence[Flow], now: float, reason: str = "") -> None:
        """The registrar's addresses, best first; none, with the reason, when they could not be found."""
        if flows:
            self.flows = tuple(sorted(flows, key=lambda each: each == self._silent))
        if self.state is TrunkState.NOREG:
            span = self._timing.expires if flows else self._timing.retry or LOOK_AGAIN
            self._timeout = now + max(span, SHORTEST_PAUSE)
        if self.state is not TrunkState.TRYING:
            return
        if not self.flows:  # old addresses are better than none
            self._fail(now, reason or "the registrar's address cannot be found")
            return
        self._untried = sorted(  # first what answered last, last what fell silent
            self.flows, key=lambda each: (each == self._silent, each != self.flow)
        )
        self._try_next(now)

    def receive_answer(
        self,
        status: int,
        reason: str,
        now: float,
        *,
        granted: Granted | None = None,
        min_expires: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        """The final answer to our REGISTER; ``granted`` goes with 200 to one that registers."""
        self.answered = status, reason
        if self.state is TrunkState.UNREGISTER:
            self._end(f"unregistered ({status} {reason})")
        elif self.state is not TrunkState.TRYING:
            return
        elif granted is not None:
            self._succeed(granted, now)
        elif status == TOO_BRIEF and self._expires < (min_expires or 0) <= LONGEST_EXPIRY and self.flow:
            self._expires = min_expires or self._expires
            self._register(self.flow)
        elif status in REFUSALS:
            self._fail(now, f"{status} {reason}", REFUSED_PAUSE, retry_after)
        elif status >= 500 and self._untried:
            self._try_next(now)
        else:
            self._fail(now, f"{status} {reason}", retry_after=retry_after)

    def receive_silence(self, now: float) -> None:
        """Nobody answered our REGISTER."""
        if self.state is TrunkState.UNREGISTER:
            self._end("unregistered (no answer)")
        elif self.state is TrunkState.TRYING:
            if self._untried:
                self._try_next(now)
            else:
                self._pass(TrunkState.TIMEOUT, "no answer")
                self._fail(now, "no answer")

    # --- what makes us act now ----------------------------------------------------------------------

    def register(self, now: float, *, elsewhere: bool = False) -> bool:
        """Register at once: an operator says so, our address changed, or OPTIONS went unanswered.

        ``elsewhere``: that was it, and other addresses of the registrar are tried first.
        False for a trunk that is not to be registered with; its addresses are looked up anew.
        """
        if elsewhere:
            self._silent = self.flow or next(iter(self.flows), None)
        if self.state is TrunkState.NOREG:
            self._look_up()
            return False
        if self.state in (TrunkState.TRYING, TrunkState.UNREGISTER):
            self._again, self._stop = True, False
        else:
            self._begin(now)
        return True

    def unregister(self, now: float) -> bool:
        """End the registration, and leave it ended."""
        if self.state is TrunkState.NOREG:
            return False
        if self.state is TrunkState.UNREGISTER:
            self._again = False
            return True
        self._timeout = None
        if self.state is TrunkState.TRYING and self.registered is None:
            self._stop, self._again = True, False
        elif self.registered is not None and self.flow is not None:
            self._change(TrunkState.UNREGISTER, "")
            self._orders.append(SendRegister(self.flow, 0))
        else:
            self._end("unregistered")
        return True

    # --- the steps ----------------------------------------------------------------------------------

    def _look_up(self) -> None:
        self._timeout = None
        self._orders.append(Resolve())

    def _begin(self, now: float) -> None:
        """Look the registrar up anew each time: providers move."""
        self._timeout = None
        self._again, self.answered = False, None
        self._change(TrunkState.TRYING, "")
        self._orders.append(Resolve())

    def _try_next(self, now: float) -> None:
        flow = self._untried.pop(0)
        self.flow = flow
        self._register(flow)

    def _register(self, flow: Flow) -> None:
        self._orders.append(SendRegister(flow, self._expires))

    def _succeed(self, granted: Granted, now: float) -> None:
        before, self.registered = self.registered, granted
        self.failures, self.reason, self._silent = 0, "", None
        seconds = max(min(granted.seconds, LONGEST_EXPIRY), 1)
        self.expires_at = now + seconds
        share = REFRESH_FROM + (REFRESH_TO - REFRESH_FROM) * self._chance()
        self._timeout = now + max(seconds * share, SHORTEST_PAUSE)
        self._pass(TrunkState.REGISTER, "")
        self._change(TrunkState.REGED, "")
        if before is not None and before.contact != granted.contact and self.flow is not None:
            self._orders.append(ForgetContact(self.flow, before.contact))
        if self._stop:
            self._stop = False
            self.unregister(now)
        elif self._again:
            self._begin(now)

    def _fail(self, now: float, reason: str, at_least: float = 0.0, retry_after: int | None = None) -> None:
        self.failures += 1
        self.reason = reason
        if self._stop:
            self._stop = False
            self._end(reason)
            return
        if self._again:
            self._begin(now)
            return
        if not self._timing.retry:
            self._change(TrunkState.FAILED, reason)
            return
        if self.state is not TrunkState.TIMEOUT:
            self._pass(TrunkState.FAILED, reason)
        pause = min(self._timing.retry * 2.0 ** min(self.failures - 1, 16), LONGEST_PAUSE)
        pause = max(pause, at_least, min(retry_after or 0, LONGEST_PAUSE), SHORTEST_PAUSE)
        self._timeout = now + pause * (1 + 0.1 * self._chance())
        self._change(TrunkState.FAIL_WAIT, reason)

    def _run_out(self) -> None:
        self.registered = None
        if self.state in FAILING:
            self._change(TrunkState.EXPIRED, self.reason)

    def _end(self, reason: str) -> None:
        self.registered = None
        self._timeout = None
        again, self._again = self._again, False
        self._change(TrunkState.DOWN, reason)
        if again:
            self._change(TrunkState.UNREGED, "")
            self._timeout = 0.0  # at once

    def _change(self, state: TrunkState, reason: str) -> None:
        if state is not self.state:
            self._orders.append(Changed(self.state, state, reason))
        self.state = state

    def _pass(self, state: TrunkState, reason: str) -> None:
        """A state that FreeSWITCH is in for a second; who watches its events waits for it."""
        self._orders.append(Changed(self.state, state, reason, passing=True))
        self.state = state
