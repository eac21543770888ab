"""Dialing out: from a dial string to an answered channel.

The variables that steer it stand in ``{}`` or ``<>``, those marked * in ``[]`` as well; on a bridge the
caller's channel may hold ``call_timeout``, ``ignore_early_media`` and ``hangup_after_bridge`` besides.

==========================  =================================================================
``originate_timeout``       seconds for each group; else ``call_timeout``, else 60
``leg_timeout`` *           seconds for one leg
``leg_progress_timeout`` *  seconds until a leg must ring
``leg_delay_start`` *       seconds before a leg is rung
``ignore_early_media``      ``originate`` waits for the answer, and not for early media
``fail_on_single_reject``   one refusal ends it all: ``true``, or the causes that do (``USER_BUSY,21``)
``originate_retries``       how often the whole is tried; ``originate_retry_sleep_ms`` between
``group_confirm_key`` *     a key the leg must press when it has answered (``confirming``)
==========================  =================================================================

Lives here: ringing several legs, taking the first that answers.
Never here: who is meant by a leg (``endpoints``), what happens once two legs are joined.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from ...media import MediaError
from ...net.values import frozen, replace
from ..audio import secure_media
from ..calls.caller import Caller
from ..calls.causes import HangupCause, is_among
from ..calls.channel import Channel
from ..configuration import Directory
from ..waiting import after_first_of, first_within
from . import confirming, redirecting
from .dialstring import BadDialString, Branch, Destination, DialString, parse_dial_string, truth
from .endpoints import DialFailed, Endpoints
from .loopback import start_loopback

if TYPE_CHECKING:
    from ..calls.book import Calls

__all__ = ["NOBODY", "DialFailed", "Dialer", "seconds_of"]

log = logging.getLogger(__name__)

RING_TIME: Final = 60.0  # seconds; FreeSWITCH's default for originate
LONGEST_RING: Final = 86400.0  # seconds; more is no time-out, and "nan" no number
DEEPEST: Final = 4  # dial strings within dial strings
MOST_RETRIES: Final = 100
RETRY_PAUSE: Final = (0.5, 1.0, 60.0)  # seconds between tries: the least, the default, the most
NOBODY: Final = Caller("", "0000000000")  # FreeSWITCH's caller of an originate without one

Ring = Callable[[], Awaitable[Channel]]


class Rejected(DialFailed):
    """A refusal that ends the whole dialling (``fail_on_single_reject``)."""


@frozen
class Attempt:
    """On whose behalf somebody is rung, and for how long at most."""

    parent: Channel | None
    caller: Caller
    timeout: float  # seconds
    variables: Mapping[str, str]  # for every leg, from a dial string around this one
    early: bool = False  # early media counts as an answer
    on_ring: Callable[[Channel], None] = lambda leg: None  # it rings, or has early media
    more: bool = False  # somebody else is tried next, should this one fail
    depth: int = 0  # dial strings within dial strings: a user whose dial-string names himself must end

    @property
    def given_up(self) -> bool:
        return self.parent is not None and self.parent.gone.is_set()


class Dialer:
    """Rings destinations on behalf of ``bridge`` and ``originate``."""

    def __init__(self, calls: Calls, directory: Directory) -> None:
        self._calls = calls
        self.endpoints = Endpoints(calls, directory)

    async def dial(
        self,
        text: str,
        *,
        parent: Channel | None = None,
        caller: Caller = NOBODY,
        timeout: float = RING_TIME,
        variables: Mapping[str, str] | None = None,
        on_ring: Callable[[Channel], None] | None = None,
    ) -> Channel:
        """Ring until somebody answers; without a ``parent`` early media is as good as an answer.

        ``on_ring`` is told of each leg that rings or has early media, as often as there is news; else the
        parent just rings.

        Raises:
            BadDialString: the text is not a dial string.
            DialFailed: nobody answered; the cause of the last group.
        """
        if parent is not None:
            timeout = seconds_of(parent.variables, ("call_timeout",), timeout)
            on_ring = on_ring or (lambda leg: parent.ring())
        tell = on_ring or (lambda leg: None)
        attempt = Attempt(parent, caller, timeout, variables or {}, parent is None, tell)
        return await self._dial(parse_dial_string(text), attempt)

    async def _dial(self, string: DialString, attempt: Attempt) -> Channel:
        """All branches at once; the first that is answered wins."""
        if attempt.depth > DEEPEST:
            log.error("Dial strings within dial strings, without end")
            raise DialFailed(HangupCause.EXCHANGE_ROUTING_ERROR)
        if len(string.branches) == 1:
            return await self._ring_branch(string.branches[0], attempt)
        return await race([partial(self._ring_branch, each, attempt) for each in string.branches])

    async def _ring_branch(self, branch: Branch, attempt: Attempt) -> Channel:
        variables = {**attempt.variables, **branch.variables}
        tries = int(seconds_of(variables, ("originate_retries",), 1, MOST_RETRIES))
        least, usual, most = RETRY_PAUSE
        pause = seconds_of(variables, ("originate_retry_sleep_ms",), usual * 1000, most * 1000) / 1000
        for left in range(max(tries, 1), 0, -1):
            try:
                return await self._ring_groups(branch, attempt, variables)
            except DialFailed:
                if left == 1 or attempt.given_up:
                    raise
            await asyncio.sleep(max(pause, least))
        raise AssertionError("unreachable")

    async def _ring_groups(self, branch: Branch, attempt: Attempt, variables: Mapping[str, str]) -> Channel:
        cause = HangupCause.NO_ANSWER
        single = variables.get("fail_on_single_reject", "")
        for group in branch.groups:
            within = replace(attempt, more=attempt.more or group is not branch.groups[-1])
            try:
                return await race([partial(self._ring_one, each, within) for each in group], single)
            except Rejected:
                raise
            except DialFailed as failure:
                cause = failure.cause
            if attempt.given_up:
                raise DialFailed(HangupCause.ORIGINATOR_CANCEL)
        raise DialFailed(cause)

    async def _ring_one(self, destination: Destination, attempt: Attempt) -> Channel:
        """Ring one leg of the dial string (which a user's dial-string may turn into several)."""
        variables = {**attempt.variables, **destination.variables}
        if delay := seconds_of(variables, ("leg_delay_start",), 0):
            await asyncio.sleep(delay)
            variables.pop("leg_delay_start")  # not once more for what a user's dial-string names
        text = self.endpoints.dial_string(destination, variables, _user_of(attempt.parent))
        if text is not None:
            own = self.endpoints.user_variables(destination)
            within = replace(attempt, variables={**own, **variables}, depth=attempt.depth + 1)
            return await self._dial(parse_dial_string(text), within)
        channel = await self._start(destination, variables, attempt)
        try:
            answered = await _wait_for_answer(channel, attempt, variables)
        except DialFailed:
            if secure_media.insists(channel) and not attempt.given_up:
                own = {**_without_uuid(destination.variables), secure_media.OUTBOUND: "mandatory"}
                return await self._ring_one(replace(destination, variables=own), attempt)
            onward = self._onward(channel, attempt)
            if not onward:
                raise
            within = replace(attempt, variables=_without_uuid(variables), depth=attempt.depth + 1)
            return await self._dial(parse_dial_string(onward), within)
        if answered is channel and confirming.wanted(variables):
            await self._confirm(channel, variables)
        return answered

    def _onward(self, channel: Channel, attempt: Attempt) -> str:
        """The dial string that a leg which was redirected (3xx) stands for; "" for one that was not."""
        if not channel.redirected or attempt.given_up:
            return ""
        directory = self.endpoints.directory
        if channel.profile.settings.manual_redirect:
            redirecting.note(channel, directory)
            return ""
        onward = redirecting.dial_string(channel, directory)
        channel.log.info("%s is forwarded to %s", channel.name, onward)
        return onward

    async def _confirm(self, channel: Channel, variables: Mapping[str, str]) -> None:
        """Let the leg say that it wants the call, while others ring on."""
        taken = False
        try:
            taken = await confirming.confirmed(self._calls, channel, variables)
        finally:
            if not taken:
                channel.hang_up(HangupCause.NO_PICKUP)
        if not taken:
            raise DialFailed(channel.cause or HangupCause.NO_PICKUP)

    async def _start(
        self, destination: Destination, variables: Mapping[str, str], attempt: Attempt
    ) -> Channel:
        within = (destination.address, variables, attempt.parent, attempt.caller)
        if destination.endpoint == "loopback":
            return start_loopback(self._calls, *within)
        if destination.endpoint == "null":
            from . import null_leg  # of few starts

            delay = seconds_of(variables, (null_leg.DELAY,), 0, null_leg.LONGEST_DELAY) / 1000
            return null_leg.start_null(self._calls, *within, delay)
        if destination.endpoint == "portaudio":
            return self._calls.phone.start(*within)
        target = await self.endpoints.target(destination)
        if attempt.more and "sip_gateway" in dict(target.variables):  # no phone: those may have to wake up
            target = replace(target, more=True)
        return await self._calls.start_outbound(target, variables, attempt.parent, attempt.caller)


async def race(rings: Sequence[Ring], single_reject: str = "") -> Channel:
    """Ring together; the first that answers wins, and the others are hung up.

    Raises:
        DialFailed: nobody answered; the cause of the last that failed.
        Rejected: somebody refused, and ``single_reject`` says that this is enough.
    """
    if len(rings) == 1:
        return await _ring(rings[0], single_reject)
    ringing = [asyncio.ensure_future(_ring(each, single_reject)) for each in rings]
    winner: Channel | None = None
    cause = HangupCause.NO_ANSWER
    try:
        for finished in asyncio.as_completed(ringing):
            try:
                winner = await finished
                return winner
            except Rejected:
                raise
            except DialFailed as failure:
                cause = failure.cause
        raise DialFailed(cause)
    finally:
        for task in ringing:
            task.cancel()
        for other in await asyncio.gather(*ringing, return_exceptions=True):
            if isinstance(other, Channel) and other is not winner:  # answered in the same moment
                other.hang_up(HangupCause.LOSE_RACE)


async def _ring(ring: Ring, single_reject: str) -> Channel:
    """One leg; whatever hinders it becomes a DialFailed."""
    try:
        return await ring()
    except (DialFailed, BadDialString, MediaError) as failure:
        cause = _cause_of(failure)
    if single_reject and (truth(single_reject) or is_among(cause, single_reject)):
        raise Rejected(cause)
    raise DialFailed(cause)


async def _wait_for_answer(channel: Channel, attempt: Attempt, variables: Mapping[str, str]) -> Channel:
    """The channel once it is up, or who picked up in its stead; it is hung up when time, the race or the
    caller's patience ran out.
    """
    parent = attempt.parent
    ends = [channel.answered, channel.gone, channel.taken_up, *([parent.gone] if parent is not None else [])]
    if attempt.early:  # a leg with ignore_early_media has none
        ends.append(channel.progressed)
    beside: list[asyncio.Future[None]] = []
    _tell_of_ringing(channel, attempt.on_ring, beside)
    if progress := seconds_of(variables, ("leg_progress_timeout",), 0):
        beside.append(asyncio.ensure_future(_must_ring(channel, progress)))
    whole = seconds_of(variables, ("originate_timeout", "call_timeout"), attempt.timeout)
    try:
        if not await first_within(min(seconds_of(variables, ("leg_timeout",), whole), whole), *ends):
            channel.hang_up(HangupCause.NO_ANSWER)
    except asyncio.CancelledError:
        channel.hang_up(HangupCause.LOSE_RACE)
        if channel.stand_in is not None:
            channel.stand_in.hang_up(HangupCause.LOSE_RACE)
        raise
    finally:
        while beside:
            beside.pop().cancel()
    if channel.stand_in is not None:
        channel.hang_up(HangupCause.PICKED_OFF)
        channel = channel.stand_in
    if attempt.given_up:
        channel.hang_up(HangupCause.ORIGINATOR_CANCEL)
    if channel.gone.is_set():
        raise DialFailed(channel.cause or HangupCause.NO_ANSWER)
    return channel


def _tell_of_ringing(
    channel: Channel, on_ring: Callable[[Channel], None], waiting: list[asyncio.Future[None]]
) -> None:
    """When the called side rings, and when it has something to say before it answers.

    Until ``waiting``, which holds what waits for that, is emptied.
    """

    def heard() -> None:
        if waiting:
            on_ring(channel)

    def rang() -> None:
        heard()
        if waiting and not channel.progressed.is_set():
            waiting.append(after_first_of(heard, channel.progressed))

    waiting.append(after_first_of(rang, channel.rang, channel.progressed))


async def _must_ring(channel: Channel, limit: float) -> None:
    if not await first_within(limit, channel.rang, channel.progressed, channel.answered):
        channel.hang_up(HangupCause.PROGRESS_TIMEOUT)


def _user_of(channel: Channel | None) -> str:
    """The directory user who calls, as ``USER@DOMAIN``; "" for anybody else."""
    if channel is None or "user_name" not in channel.variables:
        return ""
    return f"{channel.variables['user_name']}@{channel.variables.get('domain_name', '')}"


def _without_uuid(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name != "origination_uuid"}


def _cause_of(failure: Exception) -> HangupCause:
    if isinstance(failure, DialFailed):
        return failure.cause
    if isinstance(failure, BadDialString):
        return HangupCause.INVALID_URL
    return HangupCause.NORMAL_CIRCUIT_CONGESTION  # no media ports left


def seconds_of(
    variables: Mapping[str, str], names: Sequence[str], default: float, most: float = LONGEST_RING
) -> float:
    """The first of these variables that is a span of time; 0, like FreeSWITCH, stands for the default."""
    for name in names:
        if not (text := variables.get(name)):
            continue
        try:
            seconds = float(text)
        except ValueError:
            continue
        if 0 < seconds <= most:
            return seconds
    return default
