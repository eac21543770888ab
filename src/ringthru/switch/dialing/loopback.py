"""``loopback/EXTENSION[/CONTEXT[/DIALPLAN]]``: a leg whose other end is our own dialplan.

Two channels without SIP: the one that was dialled, and its mirror, which runs the extension as if a caller
had come. Their audio goes over a pair of media legs on 127.0.0.1. ``loopback/app=NAME:DATA`` runs just that.

Lives here: what differs from a channel with a SIP dialog. Never here: the dialplan, ringing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...media import PCMA, PCMU, Codec
from ...net.values import frozen
from ...sip import Direction
from ..audio.codec_choice import for_callee
from ..calls.causes import HangupCause
from ..calls.channel import CallPhase, Channel
from .endpoints import DialFailed
from .leg_variables import shown_caller

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..calls.book import Calls
    from ..calls.caller import Caller
    from ..profiles.profile import Profile

HERE = "127.0.0.1"
APPLICATION = "app="


@frozen
class Place:
    """Where the mirror goes."""

    extension: str
    context: str
    dialplan: str

    @classmethod
    def read(cls, address: str) -> Place:
        """What follows ``loopback/``; an extension with slashes can only be the last word (``inline``)."""
        if address.startswith(APPLICATION):
            return cls(address.removeprefix(APPLICATION), "default", "inline")
        extension, context, dialplan = (*address.split("/", 2), "", "")[:3]
        return cls(extension, context or "default", dialplan or "XML")


class LoopbackChannel(Channel):
    """One end; ``mirror`` is the other. What is done to one is told to the other."""

    mirror: LoopbackChannel

    def ring(self) -> None:
        if self.waits and not self.rang.is_set():
            self.mark_ringing()
            self.mirror.turn(CallPhase.RINGING)
            self.mirror.mark_ringing()

    async def answer(self, prefer: Codec | None = None) -> None:
        self.reached.set()
        if self.waits and await self._connect(prefer):
            self.mark_answered()
            self.mirror.mark_answered()

    async def pre_answer(self, prefer: Codec | None = None) -> bool:
        if self.waits and not self.progressed.is_set() and await self._connect(prefer):
            self.mark_early()
            self.mirror.mark_early()
        return self.progressed.is_set()

    def hang_up(
        self, cause: HangupCause, status: int = 0, phrase: str = "", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.ended(cause)
        self.mirror.ended(cause)

    def offer_again(self) -> None:
        """There is nobody to offer anything to: the mirror follows at once."""

    @property
    def waits(self) -> bool:
        """Whether this end runs the dialplan and was not answered yet."""
        return self.is_called and not self.up and not self.gone.is_set()

    is_called = False
    inner = True

    async def _connect(self, prefer: Codec | None) -> bool:
        """Let audio flow between the two; False: they went away meanwhile."""
        if self.media is not None:
            return True
        mine, other = await self.take_media(HERE), await self.mirror.take_media(HERE)
        if mine is None or other is None:
            return False
        offer = other.offer([prefer] if prefer else self.mirror.codecs)
        other.accept(mine.answer(offer, self.codecs, first=[prefer] if prefer else ()))
        return True


def profile_with_room(calls: Calls) -> Profile:
    """The profile that a leg within this switch stands under; the leg counts as begun.

    Raises:
        DialFailed: the switch is full, or no profile is running.
    """
    profile = next(iter(calls.profiles.values()), None)
    if profile is None or not calls.has_room(profile.now(), Direction.OUTBOUND):
        raise DialFailed(HangupCause.SWITCH_CONGESTION)
    return profile


def start_loopback(
    calls: Calls, address: str, variables: Mapping[str, str], parent: Channel | None, caller: Caller
) -> Channel:
    """A leg into our own dialplan (``loopback``); it is dialled, and its mirror runs the extension.

    Raises:
        DialFailed: the switch is full, or no profile is running.
    """
    profile = profile_with_room(calls)
    place, shown = Place.read(address), shown_caller(variables, parent, caller)
    ends = [
        calls.new_channel(
            profile,
            direction,
            name=f"loopback/{place.extension}-{letter}",
            destination=place.extension,
            caller=shown,
            context=place.context,
            uuid=variables.get("origination_uuid") if letter == "a" else None,
            make=LoopbackChannel,
        )
        for letter, direction in (("a", Direction.OUTBOUND), ("b", Direction.INBOUND))
    ]
    one, mirror = ends
    one.mirror, mirror.mirror, mirror.is_called = mirror, one, True
    mirror.dialplan = place.dialplan
    for end in ends:
        end.variables.update({k: v for k, v in variables.items() if k != "origination_uuid"})
    one.parent = parent
    one.codecs = (PCMU, PCMA)  # what everybody can be bridged to, and nobody has to code
    if parent is not None:
        one.codecs, one.ptime = for_callee(one, parent)
    for end in ends:
        end.begin()
    calls.run(mirror, calls.router.run(mirror))
    return one
