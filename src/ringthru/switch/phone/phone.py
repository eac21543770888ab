"""The console phone: its calls, and which of them is heard and spoken to.

One call is active: it has microphone and loudspeaker. The others are on hold.

Lives here: what the phone does. Never here: what commands say (``console/pa``), a call's audio (``line``),
devices (``streams``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ...media import MediaError
from ...media.devices.interface import DeviceError, Sink, Source
from ...net.levels import NOTICE
from ...sip import Direction
from ..calls import dtmf
from ..calls.caller import Caller
from ..calls.causes import HangupCause
from ..dialing.endpoints import DialFailed
from ..dialing.leg_variables import shown_caller
from ..events.channel_data import channel_headers
from ..events.names import CUSTOM, PHONE
from . import sounding
from .account import account
from .channel import NAME, PhoneChannel
from .devices import shut
from .line import AudioLine
from .streams import Streams

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

log = logging.getLogger(__name__)

EAR, MOUTH = "ear", "mouth"
AUTO_ANSWER, ENDPOINT = "auto_answer", "endpoint"
MAKECALL, RINGING, HELD, RESUMED = PHONE
MOST_CALLS: Final = 50


class ConsolePhone:
    """One switch's."""

    def __init__(self, calls: Calls, library: Any | None = None) -> None:
        """``library`` stands in for ``sounddevice``."""
        self.calls = calls
        self.streams = Streams(calls, library)
        self.legs: dict[int, PhoneChannel] = {}
        self.active: PhoneChannel | None = None
        self.flags = {EAR, MOUTH}
        self.ring_file: str | None = None  # None: the configuration's
        self.loop_seconds = 8.0
        self._lines: dict[PhoneChannel, AudioLine] = {}
        self._own: dict[PhoneChannel, tuple[Source, Sink]] = {}  # of endpoints with devices of their own
        self._count = 0

    def mouth_of(self, channel: PhoneChannel) -> Source | None:
        """What a call hears of us now; None: silence."""
        if channel in self._own:
            return self._own[channel][0]
        return self.streams.source if channel is self.active and MOUTH in self.flags else None

    def ear_of(self, channel: PhoneChannel) -> Sink | None:
        """Where a call is heard now; None: nowhere."""
        if channel in self._own:
            return self._own[channel][1]
        return self.streams.sink if channel is self.active and EAR in self.flags else None

    # --- calls out ----------------------------------------------------------------------------------

    async def call(
        self, destination: str, *, dialplan: str = "", number: str = "", name: str = ""
    ) -> PhoneChannel:
        """Send a call of our own into the dialplan; it counts as answered.

        Raises:
            MediaError: the devices cannot be opened, or there is no room for its audio.
            DialFailed: the switch takes no more calls.
        """
        await self.streams.look()
        settings = self.calls.phone_settings
        caller = Caller(name or settings.cid_name, number or settings.cid_num)
        await self.streams.open()
        channel: PhoneChannel | None = None
        try:
            channel = self._new(Direction.INBOUND, destination, destination, caller, settings.context)
            channel.dialplan = dialplan or settings.dialplan
            channel.begin()
            await self._connect(channel)
        except (MediaError, DialFailed):
            if channel is not None:
                channel.hang_up(HangupCause.NORMAL_CIRCUIT_CONGESTION)
            elif not self._lines:
                await self.streams.close()
            raise
        self._tell(channel, MAKECALL)
        self.calls.run(channel, self.calls.router.run(channel))
        return channel

    def _new(
        self,
        direction: Direction,
        shown: str,
        destination: str,
        caller: Caller,
        context: str,
        uuid: str | None = None,
    ) -> PhoneChannel:
        profile = next(iter(self.calls.profiles.values()), None)
        if (
            profile is None
            or len(self.legs) >= MOST_CALLS
            or not self.calls.has_room(profile.now(), direction)
        ):
            raise DialFailed(HangupCause.SWITCH_CONGESTION)
        self._count += 1
        channel = self.calls.new_channel(
            profile,
            direction,
            name=f"{NAME}/{shown}",
            destination=destination,
            caller=caller,
            context=context,
            uuid=uuid,
            make=partial(PhoneChannel, self, self._count),
        )
        self.legs[channel.number] = channel
        return channel

    async def _connect(self, channel: PhoneChannel) -> None:
        """Let it be heard: its audio runs, it is answered, and it is the active one."""
        if channel.devices is not None:
            self._own[channel] = await self._endpoint_devices(*channel.devices)
        if not await channel.connect():
            return
        line = self._lines[channel] = AudioLine(
            channel, self.calls.phone_settings.calls_echo(channel.destination)
        )
        channel.playing = asyncio.ensure_future(line.run())
        self.calls.keep(channel.playing)
        channel.mark_answered()
        if channel.devices is None:
            self.switch_to(channel)

    async def _endpoint_devices(self, inward: str, outward: str) -> tuple[Source, Sink]:
        found = self.streams.devices.find(inward, "in"), self.streams.devices.find(outward, "out")
        if found[0] is None or found[1] is None:
            raise DeviceError(f"there is no device '{inward}' or '{outward}'")
        source = await self.streams.devices.open_source(found[0])
        try:
            return source, await self.streams.devices.open_sink(found[1])
        except MediaError:
            await shut(source)
            raise

    # --- calls in -----------------------------------------------------------------------------------

    def start(
        self, address: str, variables: Mapping[str, str], parent: Channel | None, caller: Caller
    ) -> PhoneChannel:
        """A leg that was dialled (``portaudio``, ``portaudio/auto_answer``, ``portaudio/endpoint/NAME``).

        Raises:
            DialFailed: the switch takes no more calls, or there is no such endpoint.
        """
        kind, _, endpoint = address.partition("/")
        own = None
        if kind == ENDPOINT:
            own = self.calls.phone_settings.endpoints.get(endpoint)
            if own is None:
                log.error("portaudio.conf has no endpoint %s", endpoint)
                raise DialFailed(HangupCause.DESTINATION_OUT_OF_ORDER)
        shown = shown_caller(variables, parent, caller)
        channel = self._new(
            Direction.OUTBOUND, address or NAME, address, shown, "default", variables.get("origination_uuid")
        )
        channel.variables.update(
            {key: value for key, value in variables.items() if key != "origination_uuid"}
        )
        channel.parent, channel.devices = parent, own
        channel.begin()
        if kind in (AUTO_ANSWER, ENDPOINT):
            self.calls.spawn(self._answer_by_itself(channel))
        else:
            self.calls.spawn(sounding.ring(self, channel))
        return channel

    async def _answer_by_itself(self, channel: PhoneChannel) -> None:
        try:
            await self.answer(channel)
        except MediaError as error:
            channel.log.error("%s cannot be answered: %s", channel.name, error)
            channel.hang_up(HangupCause.DESTINATION_OUT_OF_ORDER)

    async def answer(self, channel: PhoneChannel) -> None:
        """Take a call that rings.

        Raises:
            MediaError: the devices cannot be opened, or there is no room for its audio.
        """
        await self.streams.look()
        if channel.devices is None:
            await self.streams.open()
        await self._connect(channel)

    def told_of_ringing(self, channel: PhoneChannel) -> None:
        """Once each ring."""
        channel.log.log(NOTICE, "BRRRRING! BRRRRING! call %d", channel.number)
        self._tell(channel, RINGING)

    # --- what is done to calls ------------------------------------------------------------------------

    def switch_to(self, channel: PhoneChannel | None) -> None:
        """Make one call the active one and hold the one that was; None: hold it."""
        before, self.active = self.active, channel
        if before is channel:
            return
        if before is not None and before.up:
            before.hold_partner(True)
            self._tell(before, HELD)
        if channel is not None and before is not None:
            self._tell(channel, RESUMED)
        if channel is not None:
            channel.hold_partner(False)

    def hang_up(self, channel: PhoneChannel) -> None:
        """End a call; one that rings is refused."""
        channel.hang_up(HangupCause.NORMAL_CLEARING if channel.up else HangupCause.CALL_REJECTED)

    def press(self, keys: str) -> bool:
        """Keys of the active call; False: there is none."""
        channel = self.active
        if channel is None:
            return False
        for key in keys.upper():
            if dtmf.SINGLE.fullmatch(key.encode("utf-8", "replace")):
                dtmf.heard(channel, key, dtmf.USUAL, dtmf.BY_INFO)
        return True

    def ending(self, channel: PhoneChannel) -> None:
        """A call is about to end: what is known of its echo is written down while somebody can read it."""
        self.legs.pop(channel.number, None)
        line = self._lines.get(channel)
        if line is not None:
            line.note()

    async def ended(self, channel: PhoneChannel) -> None:
        """A call has ended: its devices stop, and another one may speak."""
        if channel.playing is not None:
            await asyncio.wait([channel.playing])
        if self.active is channel:
            waiting = [each for each in self.legs.values() if each.up and each.devices is None]
            resume = bool(waiting) and not self.calls.phone_settings.no_auto_resume_call
            self.active = None
            self.switch_to(waiting[0] if resume else None)
            if resume:
                self._tell(waiting[0], RESUMED)
        for each in self._own.pop(channel, ()):
            await shut(each)
        if not any(each.up for each in self.legs.values()):
            await self.streams.close()

    def say_how_it_was(self, channel: PhoneChannel) -> None:
        """One line about the audio of a call that is over."""
        line = self._lines.pop(channel, None)
        if line is not None:
            channel.log.log(NOTICE, "Audio of %s: %s", channel.name, account(channel, line.probe))

    def _tell(self, channel: PhoneChannel, subclass: str) -> None:
        bus = self.calls.bus
        if CUSTOM in bus.wanted:
            bus.custom(subclass, (*channel_headers(channel), ("call_id", str(channel.number))))
