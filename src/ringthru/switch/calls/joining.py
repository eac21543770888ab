"""Two legs joined: they hear each other, and a hold of one reaches the other.

Lives here: the bond between two legs, and what each is offered because of the other.
Never here: who is joined to whom, or why.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...media import EngineFull
from ..audio.bypass import Bypass, wanted
from ..audio.codec_choice import way_of
from ..audio.hold_music import HoldMusic
from ..audio.leg_media import BOTH_WAYS
from ..waiting import Flag, first_of
from .causes import HangupCause

if TYPE_CHECKING:
    from .channel import Channel


class Bridge:
    """Two legs that hear each other, until one is gone or somebody parts them."""

    def __init__(self, one: Channel, other: Channel) -> None:
        """Both must have media. Raises EngineFull: they need transcoding, of which there is no more."""
        self.legs = (one, other)
        self.parted = Flag()
        self.bypass = Bypass(one, other) if wanted(one, other) else None
        self._music = {one: HoldMusic(one, other), other: HoldMusic(other, one)}  # by who hears it
        for leg in self.legs:
            if leg.bridge is not None:
                leg.bridge.part()
        if one.media is not None and other.media is not None:
            one.media.leg.bridge(other.media.leg)
        for leg in self.legs:
            leg.bridge = self
            leg.reached.set()
        self.balance()
        one.times["bridged"] = other.times["bridged"] = time.time()
        other.enter("CS_EXCHANGE_MEDIA")
        one.tell("CHANNEL_BRIDGE", *self._names())
        for leg in self.legs:
            leg.on_turn(leg)  # a lamp may show with whom it talks
        self._say_how()

    def _say_how(self) -> None:
        """For the log: what both speak, and what becomes of it."""
        one, other = (leg.media.codec if leg.media is not None else None for leg in self.legs)
        if one is not None and other is not None:
            way = way_of(self.legs[0])
            self.legs[0].log.info("Audio of the call %s: %s, %s", way, one.encoding, other.encoding)

    def _names(self) -> tuple[tuple[str, str], ...]:
        one, other = self.legs
        return (("Bridge-A-Unique-ID", one.uuid), ("Bridge-B-Unique-ID", other.uuid))

    def partner(self, leg: Channel) -> Channel:
        one, other = self.legs
        return other if leg is one else one

    def granted(self, leg: Channel) -> str:
        """The direction that a leg is granted: what the other one's peer wishes, or music in its place."""
        partner = self.partner(leg).media
        if partner is None or self._music[leg].replaces_hold:
            return BOTH_WAYS
        return partner.wish

    def balance(self) -> None:
        """Offer each leg what the other wants: a phone that holds makes the other side hear of it."""
        for leg in self.legs:
            if leg.media is not None and not leg.held_by_us and leg.media.offered != self.granted(leg):
                leg.offer_again()
            self._music[leg].follow()
        self.follow()

    def follow(self) -> None:
        """Let the audio go past us where that is wanted, or take it back."""
        if self.bypass is not None and not self.parted.is_set():
            self.bypass.follow()

    def go_past(self) -> str:
        """Let the audio go past us because somebody asks; empty, or why it cannot."""
        self.bypass = self.bypass or Bypass(*self.legs)
        return self.bypass.wish()

    def needs_audio(self, why: str) -> None:
        """Something is to be heard or said here: from now on the audio comes by way of us."""
        if self.bypass is not None:
            self.bypass.give_up(why)

    def part(self) -> None:
        """Let the legs go their ways; both fall silent."""
        if self.parted.is_set():
            return
        self.parted.set()
        self.needs_audio("the legs part")
        self.legs[0].tell("CHANNEL_UNBRIDGE", *self._names())
        for leg in self.legs:
            self._music[leg].stop()
            if leg.media is not None:
                leg.media.leg.unbridge()
            if leg.bridge is self:
                leg.bridge = None


async def join(one: Channel, other: Channel) -> bool:
    """Relay audio both ways until one leg is gone; then hang up ``other`` if it is still there.

    False: somebody parted them, a transfer say, and both legs have another life now.

    Raises:
        EngineFull: they need transcoding, of which there is no more; ``other`` is hung up.
    """
    if one.media is None or other.media is None:
        return True
    try:
        bridge = Bridge(one, other)
    except EngineFull:
        other.hang_up(HangupCause.NORMAL_CIRCUIT_CONGESTION)
        raise
    try:
        await first_of(one.gone, other.gone, bridge.parted)
    finally:
        ended = not bridge.parted.is_set()
        bridge.part()
    if ended and one.gone.is_set():
        other.hang_up(one.cause or HangupCause.NORMAL_CLEARING)
    return ended


async def join_for_good(one: Channel, other: Channel) -> None:
    """Join two legs that nothing else owns: when one goes, so does the other."""
    try:
        ended = await join(one, other)
    except EngineFull as error:
        one.log.error("%s and %s cannot be joined: %s", one.name, other.name, error)
        one.hang_up(HangupCause.NORMAL_CIRCUIT_CONGESTION)
        return
    if ended:
        one.hang_up(other.cause or HangupCause.NORMAL_CLEARING)
