"""New offers in standing calls: codecs, holds, refreshes, and what the other leg hears of them.

Lives here: answering a re-INVITE or UPDATE, taking the answer to an offer of ours.
Never here: the SDP itself (`leg_media`), transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...media import MalformedSdp, MediaError, NoCommonCodec
from ...net.levels import NOTICE
from ...sip import IncomingRequest
from ..audio.codec_choice import for_new_offer
from ..audio.leg_media import BOTH_WAYS, LegMedia
from .causes import HangupCause
from .channel import CallPhase, Channel

if TYPE_CHECKING:
    from ..profiles.profile import Profile


def new_offer(profile: Profile, channel: Channel | None, incoming: IncomingRequest) -> None:
    """A re-INVITE or UPDATE: answer its offer, or make one when a re-INVITE has none."""
    if channel is None or channel.media is None:
        profile.respond(incoming, 481)
        return
    offer, body, granted = incoming.request.body, b"", granted_to(channel)
    try:
        if offer:
            body = _answer(channel, channel.media, offer, granted)
        elif incoming.request.method == "INVITE":
            body = channel.media.offer(channel.kept_codecs, granted)
    except NoCommonCodec:
        profile.respond(incoming, 488)
    except MalformedSdp:
        profile.respond(incoming, 400, reason="Unreadable SDP")
    else:
        profile.respond(incoming, 200, body=body, content_type="application/sdp" if body else None)
        if offer:
            tell_the_other(channel)


def _answer(channel: Channel, media: LegMedia, offer: bytes, granted: str) -> bytes:
    """Our answer; a phone that talks past us and wants anything changed is answered with our own address."""
    before = media.negotiated
    codecs, first = for_new_offer(channel)
    body = media.answer(offer, codecs, granted, first)
    bypass = channel.bridge.bypass if channel.bridge is not None else None
    if bypass is None or not bypass.on or before is None or media.negotiated is None:
        return body
    if (before.remote_rtp, before.direction) == (media.negotiated.remote_rtp, media.negotiated.direction):
        return body
    bypass.take_back(f"{channel.name} made a new offer", told=channel)
    return media.answer(offer, codecs, granted, first)


def take_answer(channel: Channel, body: bytes) -> bool:
    """The peer's answer to an offer of ours; an unusable one ends the call."""
    if channel.media is None:
        return False
    try:
        channel.media.accept(body)
    except MediaError as error:
        channel.log.warning("%s answered with an SDP that we cannot use: %s", channel.name, error)
        channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)
        return False
    return True


def granted_to(channel: Channel) -> str:
    """The most that a leg's peer is granted, because of the leg it is joined to."""
    if channel.held_by_us:
        return "sendonly"
    return channel.bridge.granted(channel) if channel.bridge is not None else BOTH_WAYS


def tell_the_other(channel: Channel) -> None:
    """After a hold or its end: the state that users see, and the other leg's own offer."""
    media = channel.media
    if media is None or not channel.up:
        return
    phase = CallPhase.HELD if media.held or channel.held_by_us else CallPhase.ACTIVE
    if phase is not channel.phase:
        channel.turn(phase)
        channel.log.log(NOTICE, "%s is %s", channel.name, "on hold" if media.held else "back from hold")
        channel.tell("CHANNEL_HOLD" if media.held else "CHANNEL_UNHOLD")
    if channel.bridge is not None:
        channel.bridge.balance()
