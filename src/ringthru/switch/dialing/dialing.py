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

Lives here: branches, groups and legs in their order, retries, and what a redirected leg stands for.
Never here: who is meant by a leg (``endpoints``), waiting for it (``ringing``), what happens once two legs
are joined.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from ...net.values import replace
from ..audio import secure_media
from ..calls.caller import Caller
from ..calls.causes import HangupCause
from ..calls.channel import Channel
from ..configuration import Directory
from . import confirming, redirecting
from .dialstring import Branch, Destination, DialString, parse_dial_string
from .endpoints import DialFailed, Endpoints
from .leg_variables import seconds_of
from .loopback import start_loopback
from .ringing import Attempt, Rejected, race, wait_for_answer

if TYPE_CHECKING:
    from ..calls.book import Calls

__all__ = ["NOBODY", "DialFailed", "Dialer"]

log = logging.getLogger(__name__)

RING_TIME: Final = 60.0  # seconds; FreeSWITCH's default for originate
DEEPEST: Final = 4  # dial strings within dial strings
MOST_RETRIES: Final = 100
RETRY_PAUSE: Final = (0.5, 1.0, 60.0)  # seconds between tries: the least, the default, the most
NOBODY: Final = Caller("", "0000000000")  # FreeSWITCH's caller of an originate without one


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
            answered = await wait_for_answer(channel, attempt, variables)
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


def _user_of(channel: Channel | None) -> str:
    """The directory user who calls, as ``USER@DOMAIN``; "" for anybody else."""
    if channel is None or "user_name" not in channel.variables:
        return ""
    return f"{channel.variables['user_name']}@{channel.variables.get('domain_name', '')}"


def _without_uuid(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name != "origination_uuid"}
