"""Two joined legs whose audio goes from phone to phone, and not by way of us (``bypass_media``).

It is off unless the dialplan or the profile asks for it, and begins once both legs were heard through us:
only a packet proves that a phone is where its SDP says. Each is then offered the other's address. The audio
comes back as soon as anything needs it here: a hold, a transfer, a recording, a phone that refuses.

Lives here: when two legs may do without us, and the way there and back.
Never here: the offers themselves (``leg_media``, ``reoffers``), who is joined to whom (``joining``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...media import MediaAddress
from ...net.levels import NOTICE
from ..dialing.dialstring import truth
from .leg_media import BOTH_WAYS

if TYPE_CHECKING:
    from ..calls.channel import Channel

VARIABLES: Final = ("bypass_media", "bypass_media_after_bridge")  # FreeSWITCH's; here both mean the same


def wanted(one: Channel, other: Channel) -> bool:
    """Whether either leg, or the profile that the call came in by, asks for it."""
    legs = (one, other)
    if any(leg.profile.settings.inbound_bypass_media and leg.parent is None for leg in legs):
        return True
    return any(truth(leg.variables.get(name)) for leg in legs for name in VARIABLES)


class Bypass:
    """Whether the audio of two joined legs goes past us, and what is done about it."""

    def __init__(self, one: Channel, other: Channel) -> None:
        self.on = False
        self._legs = (one, other)
        self._given_up = False
        self._said = ""

    def follow(self) -> None:
        """Something about the legs is another than it was: begin, go on, or take the audio back."""
        if self._given_up:
            return
        trouble = obstacle(*self._legs)
        if self.on and trouble:
            self.take_back(trouble)
        elif not trouble:
            self._aim()
        elif trouble != self._said:
            self._said = trouble
            self._legs[0].log.info("bypass_media: the audio goes by way of us: %s", trouble)

    def _aim(self) -> None:
        """Offer each leg the other's address, where it was not told that one already."""
        one, other = self._legs
        if not self.on:
            one.log.log(NOTICE, "bypass_media: the audio of %s and %s now goes past us", one.name, other.name)
        self.on = True
        for leg, partner in ((one, other), (other, one)):
            there = address_of(partner)
            if leg.media is not None and leg.media.aside != there:
                leg.media.aside = there
                leg.offer_again()

    def take_back(self, why: str, told: Channel | None = None) -> None:
        """From now on the audio comes by way of us; ``told`` is a leg that hears so without a new offer."""
        if not self.on:
            return
        self.on = False
        for leg in self._legs:
            if leg.media is not None:
                leg.media.aside = None
            if leg is not told:
                leg.offer_again()
        self._legs[0].log.log(NOTICE, "bypass_media: the audio comes by way of us again: %s", why)

    def give_up(self, why: str) -> None:
        """Take the audio back for as long as these legs are joined."""
        self._given_up = True
        self.take_back(why)

    def wish(self) -> str:
        """Do it now because somebody asks (``uuid_media off``); empty, or why it cannot be."""
        self._given_up = False
        self.follow()
        return "" if self.on else obstacle(*self._legs)


def address_of(leg: Channel) -> MediaAddress | None:
    """Where a leg's peer wants its audio."""
    agreed = leg.media.negotiated if leg.media is not None else None
    if agreed is None:
        return None
    return MediaAddress(agreed.remote_rtp.host, agreed.remote_rtp.port, agreed.remote_rtcp.port)


def obstacle(one: Channel, other: Channel) -> str:
    """Why the audio of two joined legs must come by way of us; empty where nothing stands against it."""
    for leg in (one, other):
        if trouble := _obstacle_of(leg):
            return f"{leg.name} {trouble}"
    if _is_far(one) is not _is_far(other):
        return "one phone is on our side of the gateway, and the other is beyond it"
    if _terms(one) != _terms(other):
        return "the phones agreed on different codecs, frames or payload types"
    return ""


def _obstacle_of(leg: Channel) -> str:
    media, call = leg.media, leg.call
    agreed = media.negotiated if media is not None else None
    if media is None or agreed is None or call is None or not leg.up:
        return "is no call over SIP that was answered"
    if leg.held_by_us or agreed.direction != BOTH_WAYS:
        return "is on hold"
    if agreed.srtp is not None:
        return "has keys for SRTP that the other phone does not"
    if agreed.ice is not None:
        return "checks its ways by ICE, and trusts ours alone"
    if agreed.telephone_event != agreed.heard_event:
        return "numbers its keys otherwise than we do"
    if leg.recordings or leg.metas:
        return "is recorded, or its keys are listened to"
    if media.aside is None and not media.direct:
        return "was not yet heard from where its SDP says (a phone behind a NAT never is)"
    if _is_far(leg) and not leg.profile.is_public(agreed.remote_rtp.host):
        return "has an address that only its own network knows"
    return ""


def _is_far(leg: Channel) -> bool:
    return leg.call is not None and leg.profile.seen_by(leg.call.flow.remote.host).far


def _terms(leg: Channel) -> tuple[object, ...]:
    """What both phones must understand alike, when nobody translates between them."""
    agreed = leg.media.negotiated if leg.media is not None else None
    if agreed is None:
        return ()
    return (agreed.codec, agreed.heard_type, agreed.telephone_event, agreed.ptime, agreed.mux)
