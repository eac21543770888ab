"""Dialing out: from a dial string to an answered channel.

Lives here: who is meant by ``user/…`` and ``sofia/…``, ringing several legs, taking the first that answers.
Never here: what happens once two legs are joined.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..media import MediaError
from ..net.values import frozen, replace
from ..sip import Flow, MalformedMessage, SipError, SipUri
from .caller import Caller
from .causes import HangupCause, cause_named
from .channel import Channel
from .configuration import Directory, expand
from .dialstring import BadDialString, Destination, parse_dial_string
from .waiting import first_of

if TYPE_CHECKING:
    from .calls import Calls
    from .profile import Profile

log = logging.getLogger(__name__)

RING_TIME = 60.0  # seconds; FreeSWITCH's default for originate
LONGEST_RING = 86400.0  # seconds; more is no time-out, and "nan" no number
DEEPEST = 4  # dial strings within dial strings
NOBODY = Caller("", "0000000000")  # FreeSWITCH's caller of an originate without one
FS_PARAMETERS = ("fs_path", "fs_nat")  # ours, never sent


class DialFailed(Exception):
    """Nobody answered; ``cause`` says why."""

    def __init__(self, cause: HangupCause) -> None:
        super().__init__(cause.name)
        self.cause = cause


@frozen
class Attempt:
    """On whose behalf somebody is rung, and for how long at most."""

    parent: Channel | None
    caller: Caller
    timeout: float  # seconds
    variables: Mapping[str, str]  # for every leg, from a dial string around this one
    depth: int = 0  # dial strings within dial strings: a user whose dial-string names himself must end


class Dialer:
    """Rings destinations on behalf of ``bridge`` and ``originate``."""

    def __init__(self, calls: Calls, directory: Directory) -> None:
        self._calls = calls
        self._directory = directory

    async def dial(
        self, text: str, *, parent: Channel | None = None, caller: Caller = NOBODY, timeout: float = RING_TIME
    ) -> Channel:
        """Ring until somebody answers.

        Raises:
            BadDialString: the text is not a dial string.
            DialFailed: nobody answered; the cause of the last group.
        """
        if parent is not None:
            timeout = _seconds(parent.variables, ("call_timeout",), timeout)
        return await self._ring(text, Attempt(parent, caller, timeout, {}))

    async def _ring(self, text: str, attempt: Attempt) -> Channel:
        if attempt.depth > DEEPEST:
            log.error("Dial strings within dial strings, without end: %s", text)
            raise DialFailed(HangupCause.EXCHANGE_ROUTING_ERROR)
        cause = HangupCause.NO_ANSWER
        for group in parse_dial_string(text):
            try:
                return await self._ring_group(group, attempt)
            except DialFailed as failure:
                cause = failure.cause
            if attempt.parent is not None and attempt.parent.gone.is_set():
                raise DialFailed(HangupCause.ORIGINATOR_CANCEL)
        raise DialFailed(cause)

    async def _ring_group(self, group: list[Destination], attempt: Attempt) -> Channel:
        """Ring the legs of one group together; the first that answers wins."""
        ringing = [asyncio.ensure_future(self._ring_destination(each, attempt)) for each in group]
        winner: Channel | None = None
        cause = HangupCause.NO_ANSWER
        try:
            for finished in asyncio.as_completed(ringing):
                try:
                    winner = await finished
                    return winner
                except (DialFailed, BadDialString, MediaError) as failure:
                    cause = _cause_of(failure)
            raise DialFailed(cause)
        finally:
            for task in ringing:
                task.cancel()
            for other in await asyncio.gather(*ringing, return_exceptions=True):
                if isinstance(other, Channel) and other is not winner:  # answered in the same moment
                    other.hang_up(HangupCause.LOSE_RACE)

    async def _ring_destination(self, destination: Destination, attempt: Attempt) -> Channel:
        """Ring one leg of the dial string (which a user's dial-string may turn into several)."""
        if destination.endpoint == "error":
            raise DialFailed(cause_named(destination.address))
        variables = {**attempt.variables, **destination.variables}
        if destination.endpoint == "user":
            text, theirs = self._user_dial_string(destination)
            attempt = replace(attempt, variables={**theirs, **variables}, depth=attempt.depth + 1)
            return await self._ring(text, attempt)
        if destination.endpoint != "sofia":
            log.error("Could not locate channel type %s", destination.endpoint)
            raise DialFailed(HangupCause.CHAN_NOT_IMPLEMENTED)
        profile, uri, flows = await self.sip_target(destination.address)
        channel = await self._calls.start_outbound(
            profile, uri, flows, variables, attempt.parent, attempt.caller
        )
        whole = _seconds(variables, ("originate_timeout", "call_timeout"), attempt.timeout)
        limit = min(_seconds(variables, ("leg_timeout",), whole), whole)
        return await _wait_for_answer(channel, attempt.parent, limit)

    def _user_dial_string(self, destination: Destination) -> tuple[str, dict[str, str]]:
        """What ``user/ID[@DOMAIN]`` stands for in the directory, and what its legs know of the user.

        Its context among that: a called user transfers within it, as if he had called himself.
        """
        name, _, domain = destination.address.partition("@")
        user = self._directory.find_user(domain or self._directory.default_domain, name)
        if user is None:
            log.warning("Can't find user [%s@%s]", name, domain or self._directory.default_domain)
            raise DialFailed(HangupCause.SUBSCRIBER_ABSENT)
        if not user.dial_string:
            log.error("User %s@%s has no dial-string in the directory", name, user.domain)
            raise DialFailed(HangupCause.MANDATORY_IE_MISSING)
        variables = {"dialed_user": user.id, "dialed_domain": user.domain}
        context = {name: value for name, value in user.variables.items() if name == "user_context"}
        return expand(user.dial_string, self._calls.router.lookup(variables)), {**context, **variables}

    async def sip_target(self, address: str) -> tuple[Profile, SipUri, list[Flow]]:
        """``PROFILE/URI`` or ``PROFILE/USER``: the profile, the Request-URI and the ways to send it."""
        name, _, rest = address.partition("/")
        profile = self._calls.profile(name)
        if profile is None:
            raise DialFailed(HangupCause.INVALID_PROFILE)
        if "@" not in rest and not rest.startswith("sip:"):
            raise DialFailed(HangupCause.USER_NOT_REGISTERED)
        try:
            uri = SipUri.parse(rest if rest.startswith(("sip:", "sips:")) else f"sip:{rest}")
            path = uri.parameter("fs_path")
            hop = SipUri.parse(unquote(path)) if path else uri
        except MalformedMessage as error:
            log.error("%s is no SIP address: %s", rest, error)
            raise DialFailed(HangupCause.INVALID_URL) from error
        plain = _without_ours(uri)
        flows = await _ways_to(profile, hop)
        if path and not profile.transports.is_open(flows[0]):
            if uri.has_parameter("fs_nat"):
                log.warning("The connection of %s is gone, and there is no other way to it", plain)
                raise DialFailed(HangupCause.DESTINATION_OUT_OF_ORDER)
            flows = await _ways_to(profile, plain)
        return profile, plain, flows


async def _ways_to(profile: Profile, uri: SipUri) -> list[Flow]:
    try:
        return await profile.locate(uri)
    except SipError as error:
        log.error("Cannot find the way to %s: %s", uri, error)
        raise DialFailed(HangupCause.DESTINATION_OUT_OF_ORDER) from error


def _without_ours(uri: SipUri) -> SipUri:
    return replace(uri, parameters=tuple(each for each in uri.parameters if each[0] not in FS_PARAMETERS))


async def _wait_for_answer(channel: Channel, parent: Channel | None, limit: float) -> Channel:
    """The channel once it is up; it is hung up when time, the race or the caller's patience ran out."""
    ends = [channel.answered, channel.gone, *([parent.gone] if parent is not None else [])]
    try:
        async with asyncio.timeout(limit):
            await first_of(*ends)
    except TimeoutError:
        channel.hang_up(HangupCause.NO_ANSWER)
    except asyncio.CancelledError:
        channel.hang_up(HangupCause.LOSE_RACE)
        raise
    if parent is not None and parent.gone.is_set():
        channel.hang_up(HangupCause.ORIGINATOR_CANCEL)
    if channel.gone.is_set():
        raise DialFailed(channel.cause or HangupCause.NO_ANSWER)
    return channel


def _cause_of(failure: DialFailed | BadDialString | MediaError) -> HangupCause:
    if isinstance(failure, DialFailed):
        return failure.cause
    if isinstance(failure, BadDialString):
        return HangupCause.INVALID_URL
    return HangupCause.NORMAL_CIRCUIT_CONGESTION  # no media ports left


def _seconds(variables: Mapping[str, str], names: tuple[str, ...], default: float) -> float:
    """The first of these variables that is a span of time; 0, like FreeSWITCH, stands for the default."""
    for name in names:
        try:
            seconds = float(variables.get(name, ""))
        except ValueError:
            continue
        if 0 < seconds <= LONGEST_RING:
            return seconds
    return default
