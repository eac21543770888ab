"""The console phone's leg of a call: a channel without SIP, whose peer is a pair of sound devices.

Its audio goes over two media legs on 127.0.0.1, one the channel's, which the switch joins to others like any
leg, one the phone's own (``wire``), whose feed is the microphone and whose tap the loudspeaker.

Lives here: what differs from a channel with a SIP dialog. Never here: devices, what commands say.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from ...media import PCMU, Codec, LocalError
from ...media.sound.g711 import G711
from ...sip import Direction
from ..calls.channel import Channel
from ..dialing.loopback import HERE

if TYPE_CHECKING:
    from ..audio.leg_media import LegMedia
    from ..calls.causes import HangupCause
    from .phone import ConsolePhone

NAME: Final = "portaudio"
LATE: Final = 2.0  # seconds that the log waits for the other leg to end first


class PhoneChannel(Channel):
    """One call of the console phone; ``number`` is how commands name it."""

    inner = True
    any_codec = True  # its leg changes one law of G.711 to the other

    def __init__(self, phone: ConsolePhone, number: int, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.phone = phone
        self.number = number
        self.wire: LegMedia | None = None
        self.devices: tuple[str, str] | None = None  # its own input and output; None: the phone's
        self.playing: asyncio.Future[None] | None = None  # what moves its audio
        self.last_partner: Channel | None = None
        self.codecs = [each for each in self.profile.codecs if each.name in G711] or [PCMU]

    @property
    def rings(self) -> bool:
        """Whether somebody calls, and waits for an answer of ours."""
        return self.direction is Direction.OUTBOUND and not self.up and not self.gone.is_set()

    @property
    def on_hold(self) -> bool:
        return self.up and self.phone.active is not self

    async def connect(self) -> bool:
        """Let audio flow between channel and phone; False: the channel went away meanwhile.

        Raises:
            NoFreePorts, EngineFull: there is no room for it.
        """
        media = await self.take_media(HERE)
        if media is None:
            return False
        if self.wire is None:
            self.wire = self.phone.calls.ports.wire(self)
            self.wire.accept(media.answer(self.wire.offer(self.codecs), self.codecs))
        return True

    def offer_again(self) -> None:
        """There is nobody to offer anything to: the phone follows at once."""

    def hold_partner(self, on: bool) -> None:
        """Have the other side hear its music, or of the hold, as if a phone had asked for it."""
        if self.media is None or not self.up:
            return
        self.media.wish = "sendonly" if on else "sendrecv"
        if self.bridge is not None:
            self.bridge.balance()

    def ended(self, cause: HangupCause) -> None:
        if self.gone.is_set():
            return
        self.last_partner = self.bridged_to or self.last_partner
        self.phone.ending(self)
        super().ended(cause)
        if self.wire is not None:
            self.wire.close()

    def _bury(self) -> None:
        """The devices stop, and the other leg ends, before this one is said to be closed."""
        self._spawn(self._bury_later(self.task))

    async def _bury_later(self, dialplan: asyncio.Future[None] | None) -> None:
        await self.phone.ended(self)
        if dialplan is not None:
            await asyncio.wait([dialplan], timeout=LATE)
        self.phone.say_how_it_was(self)
        super()._bury()

    def play_to_codec(self) -> Codec:
        """What the wire speaks."""
        if self.wire is None or self.wire.codec is None:
            raise LocalError("the call has no audio yet")
        return self.wire.codec
