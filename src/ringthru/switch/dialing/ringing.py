"""Ringing: several legs together, and one leg until it answers, fails, or was waited for long enough.

Lives here: the race of legs, and the waiting for each.
Never here: who is rung, and in which order (``dialing``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from ...media import MediaError
from ...net.values import frozen
from ..calls.caller import Caller
from ..calls.causes import HangupCause, is_among
from ..calls.channel import Channel
from ..waiting import after_first_of, first_within
from .dialstring import BadDialString, truth
from .endpoints import DialFailed
from .leg_variables import seconds_of

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


async def wait_for_answer(channel: Channel, attempt: Attempt, variables: Mapping[str, str]) -> Channel:
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


def _cause_of(failure: Exception) -> HangupCause:
    if isinstance(failure, DialFailed):
        return failure.cause
    if isinstance(failure, BadDialString):
        return HangupCause.INVALID_URL
    return HangupCause.NORMAL_CIRCUIT_CONGESTION  # no media ports left
