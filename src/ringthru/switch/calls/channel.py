"""A channel: one leg of a call, with its SIP dialog, its media and its variables.

Lives here: what can be done to one leg, and what it remembers. Never here: two legs, the dialplan.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from ...media import Codec, NoCommonCodec, SessionDescription
from ...net.levels import NOTICE
from ...sip import CallState, Direction
from ..audio.codec_choice import for_answer, kept, told_of
from ..audio.leg_media import BOTH_WAYS, LegMedia
from ..audio.media_statistics import figures, leg_quality
from ..snapshots import ChannelSnapshot
from ..waiting import Flag
from .call_log import CallLog
from .caller import Caller
from .causes import ELSEWHERE_CAUSES, HangupCause, reason_for, status_of
from .channel_state import ChannelState
from .channel_view import snapshot_of
from .nat_mode import note_wish
from .reoffers import Reoffers

if TYPE_CHECKING:
    from ..audio.sound_files import SoundSources
    from ..events.bus import EventBus
    from ..profiles.profile import Profile

DISPOSITION: Final = "sip_hangup_disposition"  # FreeSWITCH's variable: which message ended the leg


class CallPhase(Enum):
    """FreeSWITCH's call states, as users see them."""

    DOWN = "DOWN"
    DIALING = "DIALING"
    RINGING = "RINGING"
    EARLY = "EARLY"
    ACTIVE = "ACTIVE"
    HELD = "HELD"
    HANGUP = "HANGUP"


class Channel(ChannelState):
    """One leg. The profile acts on its SIP dialog; ``media`` is its audio, once it has any."""

    inner = False  # its peer is within this switch, on 127.0.0.1
    any_codec = False  # whom it calls may choose among all its codecs, though it speaks one already

    def __init__(
        self,
        profile: Profile,
        direction: Direction,
        *,
        uuid: str,
        name: str,
        destination: str,
        caller: Caller,
        context: str,
        serial: int,
        open_media: Callable[[Channel, str], Awaitable[LegMedia]],
        on_gone: Callable[[Channel], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        bus: EventBus,
        sounds: SoundSources,
    ) -> None:
        super().__init__()
        self.profile: Profile = profile
        self.direction: Direction = direction
        self.uuid: str = uuid
        self.name: str = name
        self.destination: str = destination
        self.caller: Caller = caller
        self.context: str = context
        self.serial = serial
        self.variables: dict[str, str] = {"uuid": uuid, "channel_name": name}
        self.codecs: Sequence[Codec] = profile.codecs
        self.ptime = 0  # milliseconds of a packet that its peer is offered; 0: the usual
        self.phase = CallPhase.RINGING if direction is Direction.INBOUND else CallPhase.DIALING
        self._opening: Flag | None = None  # while its ports are taken: set when that is over
        self._reoffers: Reoffers | None = None  # once there are any
        self.log = CallLog(uuid)
        self._open_media = open_media
        self._on_gone = on_gone
        self._spawn = spawn
        self._began = time.monotonic()
        self.times = {"created": time.time()}  # moments of the wall clock, by name
        self._bus = bus
        self.sounds = sounds
        self.log.log(NOTICE, "New Channel %s [%s]", name, uuid)

    @property
    def up(self) -> bool:
        return self.phase in (CallPhase.ACTIVE, CallPhase.HELD)

    @property
    def bridged_to(self) -> Channel | None:
        """The leg that hears this one."""
        return self.bridge.partner(self) if self.bridge is not None else None

    @property
    def coders(self) -> frozenset[str]:
        """The codecs that can be made here."""
        return self.profile.coders

    @property
    def kept_codecs(self) -> Sequence[Codec]:
        """What our own new offers have: a joined leg keeps its codec, so that nothing else changes."""
        return kept(self) if self.bridge is not None else self.codecs

    # --- what listeners hear --------------------------------------------------------------------------

    def tell(self, name: str, *headers: tuple[str, str]) -> None:
        """An event about this leg; almost free while nobody listens."""
        if name in self._bus.wanted:
            self._bus.tell_of(self, name, headers)

    def begin(self) -> None:
        """All that is known of the leg is written on it: listeners hear that it is there."""
        if self._bus.wanted:
            self.tell("CHANNEL_CREATE")
        self.enter("CS_INIT")
        self.on_turn(self)
        if self._bus.wanted:
            if self.direction is Direction.OUTBOUND:
                self.tell("CHANNEL_OUTGOING")
            self.tell("CHANNEL_CALLSTATE", ("Original-Channel-Call-State", CallPhase.DOWN.value))

    def enter(self, state: str) -> None:
        """Note FreeSWITCH's name for what the leg does now (``CS_EXECUTE`` …)."""
        if state != self.state:
            self.state = state
            if self._bus.wanted:
                self.tell("CHANNEL_STATE")

    def turn(self, phase: CallPhase) -> None:
        """Note how far the call has come, as users see it."""
        before, self.phase = self.phase, phase
        if phase is before:
            return
        self.on_turn(self)
        if self._bus.wanted:
            self.tell("CHANNEL_CALLSTATE", ("Original-Channel-Call-State", before.value))

    def mark_ringing(self) -> None:
        """Note that the called side rings: ours tells a caller, or a peer told us."""
        self.rang.set()
        if self.direction is Direction.INBOUND:
            self.log.log(NOTICE, "Ring-Ready %s!", self.name)
        if "progress" not in self.times:
            self.times["progress"] = time.time()
            self.tell("CHANNEL_PROGRESS")
            self.on_stage(self, "ring")

    def ring(self) -> None:
        """Tell the caller that somebody rings (180); nothing happens on a leg that is past it."""
        if self._waits and not self.rang.is_set() and self.phase is CallPhase.RINGING and self.call:
            call = self.call
            self.profile.act(lambda now: call.ring(now))
            self.mark_ringing()

    async def take_media(self, peer: str) -> LegMedia | None:
        """The leg's media; its ports are taken when it is first asked for. None: the leg went away meanwhile.

        Raises:
            NoFreePorts: the RTP range is used up.
        """
        while self.media is None and self._opening is not None:
            await self._opening.wait()  # early media and the answer may want them at once
        if self.media is None:
            opened = self._opening = Flag()
            try:
                media = await self._open_media(self, peer)
            finally:
                self._opening = None
                opened.set()
            if self.gone.is_set():
                media.close()
                return None
            self.media = media
        return self.media

    @property
    def _waits(self) -> bool:
        """Whether a caller waits for an answer of ours."""
        return self.direction is Direction.INBOUND and not self.up and not self.gone.is_set()

    async def pre_answer(self, prefer: Codec | None = None) -> bool:
        """Let a caller hear what there is before the answer (183 with SDP); whether it does now.

        An INVITE without an offer hears nothing early: only the answer may carry ours (RFC 6337 §2.2).

        Raises:
            MalformedSdp, NoCommonCodec, NoFreePorts: as `answer` does.
        """
        if not self._waits or self.call is None or self.offer is None:
            return False
        if self.progressed.is_set():
            return True
        call = self.call
        note_wish(self, call)
        media = await self.take_media(call.flow.remote.host)
        if media is None or not self._waits:
            return False
        if not self.progressed.is_set():
            body = self._answer_to(self.offer, media, prefer)
            self.mark_early()
            self.profile.act(lambda now: call.ring(now, 183, body))
        return True

    def mark_early(self) -> None:
        """Note that audio flows before the answer."""
        self.progressed.set()
        self.times["progress_media"] = time.time()
        self.variables["endpoint_disposition"] = "EARLY MEDIA"
        self.turn(CallPhase.EARLY)
        self.log.log(NOTICE, "Pre-Answer %s!", self.name)
        self.tell("CHANNEL_PROGRESS_MEDIA")
        self.on_stage(self, "media")

    async def answer(self, prefer: Codec | None = None) -> None:
        """Answer a caller (200 with SDP); ``prefer`` is the codec the other leg already speaks.

        Raises:
            MalformedSdp, NoCommonCodec: the caller's offer is none that we can answer.
            NoFreePorts: the RTP range is used up.
        """
        self.reached.set()
        if self.up or self.gone.is_set() or self.call is None:
            return
        call, offer = self.call, self.offer
        note_wish(self, call)
        media = await self.take_media(call.flow.remote.host)
        if media is None or self.up or self.gone.is_set():
            return
        if self.progressed.is_set() and media.negotiated is not None:
            body = media.negotiated.sdp  # what the 183 said holds (RFC 6337 §3.1.1)
        else:
            body = self._answer_to(offer, media, prefer)
        self.profile.act(lambda now: call.answer(now, body))
        self.mark_answered()

    def _answer_to(self, offer: SessionDescription | None, media: LegMedia, prefer: Codec | None) -> bytes:
        """Our answer; an offer of ours where there was none, of what the other leg speaks alone."""
        if offer is None:
            return media.offer([prefer] if prefer else self.codecs)
        codecs, first = for_answer(self, prefer)
        try:
            return media.answer(offer, codecs, first=first)
        except NoCommonCodec:
            self.log.warning("%s %s", self.name, told_of(self, offer))
            raise

    def pick_up(self, other: Channel) -> bool:
        """Let ``other``, which is up, be the answer that the leg's dialler waits for; False: too late."""
        if self.answered.is_set() or self.gone.is_set() or self.stand_in is not None:
            return False
        self.stand_in, other.parent = other, self.parent
        self.taken_up.set()
        return True

    async def fails(self, cause: HangupCause) -> bool:
        """Whether somebody has another use for the leg, which found nobody and would end with ``cause``."""
        return self.unreached is not None and await self.unreached(cause)

    def reroute(self, extension: str, context: str = "", dialplan: str = "") -> None:
        """Send the channel elsewhere, from within its own dialplan; others do it by ``Transfers``."""
        self.destination = extension
        self.context = context or self.context
        self.dialplan = dialplan or self.dialplan
        self.rerouted = True

    async def lives_on(self, seconds: float) -> bool:
        """Wait so long; False when the channel was gone before."""
        try:
            async with asyncio.timeout(seconds):
                await self.gone.wait()
        except TimeoutError:
            return True
        return False

    def mark_answered(self) -> None:
        """Note that the leg is up; one may be on hold from the first word on."""
        self.times["answered"] = time.time()
        self.variables["endpoint_disposition"] = "ANSWER"
        self.answered.set()
        self.turn(CallPhase.HELD if self.media is not None and self.media.held else CallPhase.ACTIVE)
        self.log.log(NOTICE, "Channel [%s] has been answered", self.name)
        self.tell("CHANNEL_ANSWER")
        self.on_stage(self, "answer")

    def hang_up(
        self, cause: HangupCause, status: int = 0, phrase: str = "", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """End the leg from our side, by the message its state calls for; safe to call twice.

        A caller who was not answered gets ``status`` (300–699), by default the one that says ``cause``.
        """
        if self.gone.is_set():
            return
        call, waiting, answered = self.call, self._waits, self.answered.is_set()
        if self.parent is not None and not answered and self.parent.cause in ELSEWHERE_CAUSES:
            cause = self.parent.cause  # somebody before us said that it was answered elsewhere
        if call is not None:
            ours = "send_refuse" if waiting else "send_bye" if answered else "send_cancel"
            self.variables[DISPOSITION] = ours
        self.ended(cause)  # first: what the user agent tells of the end is then about nobody's cause
        if call is None or call.state is CallState.ENDED:
            return
        reason = (("Reason", str(reason_for(cause, answered))), *headers)
        if waiting:
            refusal = status or status_of(cause)
            self.profile.act(lambda now: call.reject(now, refusal, phrase or None, headers=reason))
        else:
            self.profile.act(lambda now: call.hang_up(now, headers=reason))

    def ended(self, cause: HangupCause) -> None:
        """The leg is over, whoever ended it: let go of everything it holds."""
        if self.gone.is_set():
            return
        self.cause, word = cause, cause.name
        self.variables["hangup_cause"] = word
        self.log.log(NOTICE, "Hangup %s [%s] [%s]", self.name, self.state, word)
        self.times["hangup"] = time.time()
        self.turn(CallPhase.HANGUP)
        self.enter("CS_HANGUP")
        self.tell("CHANNEL_HANGUP")
        if self.media is not None:
            report = self.media.close()
            self.log.info(
                "Media of %s: %d packets in, %d out, %d lost, jitter %.1f ms%s",
                self.name,
                report.packets_received,
                report.packets_sent,
                report.lost,
                report.jitter_ms,
                figures(leg_quality(self.media, report)),
            )
        self.offer = None  # it may hold keys
        self.gone.set()
        self._on_gone(self)
        self._bury()

    def _bury(self) -> None:
        """The last that is told of the leg."""
        self.enter("CS_REPORTING")
        self.tell("CHANNEL_HANGUP_COMPLETE")
        self.log.log(NOTICE, "Session %d (%s) Ended", self.serial, self.name)
        self.enter("CS_DESTROY")
        self.tell("CHANNEL_DESTROY")
        self.log.log(NOTICE, "Close Channel %s [CS_DESTROY]", self.name)

    # --- new offers of ours ---------------------------------------------------------------------------

    def offer_again(self) -> None:
        """Send a re-INVITE as soon as may be: another direction, another address of ours, or a refresh."""
        if self.up and not self.gone.is_set():
            if self._reoffers is None:
                self._reoffers = Reoffers(self)
            self._reoffers.ask(self._spawn)

    def hold(self, on: bool) -> None:
        """Hold a call from our side, or take it back: the peer is told by a new offer."""
        if on is not self.held_by_us and self.up:
            self.mark_held(on)
            self.offer_again()

    def mark_held(self, on: bool) -> None:
        """Note that we hold the call, or no longer: a wish, until the peer has refused it."""
        self.held_by_us = on
        held = on or (self.media is not None and self.media.held)
        self.turn(CallPhase.HELD if held else CallPhase.ACTIVE)
        self.tell("CHANNEL_HOLD" if on else "CHANNEL_UNHOLD")
        if self.bridge is not None:
            self.bridge.balance()

    def offer_both_ways(self) -> None:
        """Take back a direction that a partner who is gone had asked for."""
        if self.media is not None and self.media.offered != BOTH_WAYS:
            self.offer_again()

    def snapshot(self) -> ChannelSnapshot:
        """The leg as the faces show it."""
        return snapshot_of(self, time.monotonic() - self._began)
