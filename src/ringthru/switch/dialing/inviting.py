"""A leg over SIP that we dial: its channel, its ports, its INVITE.

Lives here: what is sent first. Never here: who is meant (``endpoints``), waiting for an answer (``ringing``),
what SIP says later (``signalling``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ...net.values import replace
from ...sip import Direction, SipError
from ..audio.codec_choice import for_callee
from ..calls.caller import Caller
from ..calls.causes import HangupCause
from ..calls.channel import Channel
from ..profiles.target import Target
from .endpoints import DialFailed
from .identity import headers_of
from .leg_variables import shown_caller

if TYPE_CHECKING:
    from ..calls.book import Calls

MAX_FORWARDS: Final = 70  # RFC 3261 §8.1.1.6


async def start_invite(
    calls: Calls, target: Target, variables: Mapping[str, str], parent: Channel | None, caller: Caller
) -> Channel:
    """Send an INVITE the first of these ways (and the next, where it fails); events tell how it goes.

    Raises:
        DialFailed: the switch is full, or the number makes no SIP address.
        NoFreePorts: the RTP range is used up.
    """
    profile, uri = target.profile, target.uri
    if not calls.has_room(profile.now(), Direction.OUTBOUND):
        raise DialFailed(HangupCause.SWITCH_CONGESTION)
    channel = calls.new_channel(
        profile,
        Direction.OUTBOUND,
        name=f"sofia/{profile.name}/{uri.user or ''}@{uri.host}",
        destination=uri.user or "",
        caller=shown_caller(variables, parent, caller),
        context=profile.settings.context,
        uuid=variables.get("origination_uuid"),
        make=Channel,
    )
    channel.variables.update({**dict(target.variables), **variables})
    channel.parent = parent
    channel.codecs, channel.ptime = for_callee(channel, parent)
    channel.by_tls = all(each.transport.upper() == "TLS" for each in target.flows)
    channel.begin()
    try:
        await _send_invite(calls, channel, target, _hops_left(parent))
    except BaseException as error:  # a cancelled dialling too: no leg without a call may stay in the book
        channel.ended(_cause_of(error))
        raise
    return channel


async def _send_invite(calls: Calls, channel: Channel, target: Target, hops: int) -> None:
    media = await channel.take_media(target.host)
    if media is None:
        raise DialFailed(channel.cause or HangupCause.NORMAL_CLEARING)
    offer = media.offer(channel.codecs, ptime=channel.ptime)
    parent = channel.parent.variables if channel.parent is not None else {}
    rows = headers_of(channel.variables, parent)
    told = replace(target, headers=(*target.headers, *rows)) if rows else target
    try:
        call = channel.profile.invite(told, channel.caller, offer, hops, channel.variables)
    except SipError as error:
        channel.log.error("Cannot call %s: %s", target.uri, error)
        raise DialFailed(HangupCause.INVALID_URL) from error
    calls.attach(channel, call)
    channel.tell("CHANNEL_ORIGINATE")


def _hops_left(parent: Channel | None) -> int:
    """Max-Forwards of the other leg, so that a loop through somebody else's switch ends (RFC 7332)."""
    if parent is None or parent.call is None or parent.call.request.max_forwards is None:
        return MAX_FORWARDS
    if parent.call.request.max_forwards <= 1:
        raise DialFailed(HangupCause.EXCHANGE_ROUTING_ERROR)
    return min(parent.call.request.max_forwards, MAX_FORWARDS) - 1


def _cause_of(error: BaseException) -> HangupCause:
    """Why a leg that never sent its INVITE is over."""
    if isinstance(error, DialFailed):
        return error.cause
    if isinstance(error, asyncio.CancelledError):
        return HangupCause.LOSE_RACE
    return HangupCause.NORMAL_CIRCUIT_CONGESTION
