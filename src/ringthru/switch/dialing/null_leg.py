"""``null/NAME``: a leg with nobody at its end, which answers at once, says nothing and hears everything.

Programs that try a dialplan, or the event socket, dial it: ``originate null/test &park()``.

Lives here: what differs from a channel with a SIP dialog. Never here: the dialplan, ringing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...media import PCMA, PCMU, MediaError
from ...sip import Direction
from ..audio.codec_choice import for_callee
from ..calls.causes import HangupCause
from ..calls.channel import Channel
from .leg_variables import shown_caller
from .loopback import HERE, profile_with_room

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..audio.leg_media import LegMedia
    from ..calls.book import Calls
    from ..calls.caller import Caller

DELAY = "null_auto_answer_delay"  # milliseconds until it answers
LONGEST_DELAY = 3_600_000


class NullChannel(Channel):
    """A leg whose audio goes to a media leg that keeps none of it."""

    inner = True
    wire: LegMedia | None = None

    async def answer_by_itself(self, calls: Calls, delay: float) -> None:
        """Answer after so many seconds; without free ports the leg ends instead."""
        if delay and not await self.lives_on(delay):
            return
        try:
            media = await self.take_media(HERE)
            if media is None:
                return
            self.wire = calls.ports.wire(self)
            self.wire.accept(media.answer(self.wire.offer(self.codecs), self.codecs))
        except MediaError as error:
            self.log.error("%s cannot be answered: %s", self.name, error)
            self.hang_up(HangupCause.NORMAL_CIRCUIT_CONGESTION)
            return
        self.mark_answered()

    def offer_again(self) -> None:
        """There is nobody to offer anything to."""

    def ended(self, cause: HangupCause) -> None:
        super().ended(cause)
        if self.wire is not None:
            self.wire.close()


def start_null(
    calls: Calls,
    address: str,
    variables: Mapping[str, str],
    parent: Channel | None,
    caller: Caller,
    delay: float,
) -> Channel:
    """A leg to nobody, who answers after ``delay`` seconds.

    Raises:
        DialFailed: the switch is full, or no profile is running.
    """
    profile = profile_with_room(calls)
    channel = calls.new_channel(
        profile,
        Direction.OUTBOUND,
        name=f"null/{address}",
        destination=address,
        caller=shown_caller(variables, parent, caller),
        context="default",
        uuid=variables.get("origination_uuid"),
        make=NullChannel,
    )
    channel.variables.update({name: value for name, value in variables.items() if name != "origination_uuid"})
    channel.parent = parent
    channel.codecs = (PCMU, PCMA)
    if parent is not None:
        channel.codecs, channel.ptime = for_callee(channel, parent)
    channel.begin()
    calls.spawn(channel.answer_by_itself(calls, delay))
    return channel
