"""A channel: one leg of a call, with its SIP dialog, its media and its variables.

Lives here: what can be done to one leg, and what it remembers. Never here: two legs, the dialplan.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from ..media import Codec
from ..net.address import Endpoint
from ..net.levels import NOTICE
from ..sip import Call, CallState, Direction
from .caller import Caller
from .causes import HangupCause, status_of
from .leg_media import LegMedia
from .snapshots import ChannelSnapshot

if TYPE_CHECKING:
    from .profile import Profile

log = logging.getLogger(__name__)


class CallPhase(Enum):
    """FreeSWITCH's call states, as users see them."""

    DOWN = "DOWN"
    DIALING = "DIALING"
    RINGING = "RINGING"
    ACTIVE = "ACTIVE"
    HANGUP = "HANGUP"


class Channel:
    """One leg. The profile acts on its SIP dialog; ``media`` is its audio, once it has any."""

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
    ) -> None:
        self.profile = profile
        self.direction = direction
        self.uuid = uuid
        self.name = name
        self.destination = destination
        self.caller = caller
        self.context = context
        self.serial = serial
        self.call: Call | None = None
        self.media: LegMedia | None = None
        self.variables: dict[str, str] = {"uuid": uuid, "channel_name": name}
        self.codecs: Sequence[Codec] = profile.codecs
        self.phase = CallPhase.RINGING if direction is Direction.INBOUND else CallPhase.DIALING
        self.state = "CS_NEW"
        self.application = ""
        self.bridged_to: Channel | None = None
        self.cause: HangupCause | None = None
        self.rang = asyncio.Event()
        self.answered = asyncio.Event()
        self.gone = asyncio.Event()
        self.log = logging.LoggerAdapter(log, {"uuid": uuid})
        self._open_media = open_media
        self._on_gone = on_gone
        self._began = time.monotonic()
        self.log.log(NOTICE, "New Channel %s [%s]", name, uuid)

    @property
    def up(self) -> bool:
        return self.phase is CallPhase.ACTIVE

    def ring(self) -> None:
        """Tell the caller that somebody rings (180); nothing happens on a leg that is past it."""
        if self.direction is Direction.INBOUND and not self.rang.is_set() and not self.up and self.call:
            call = self.call
            self.profile.act(lambda now: call.ring(now))
            self.rang.set()
            self.log.log(NOTICE, "Ring-Ready %s!", self.name)

    async def take_media(self, peer: str) -> LegMedia | None:
        """The leg's media; its ports are taken when it is first asked for. None: the leg went away meanwhile.

        Raises:
            NoFreePorts: the RTP range is used up.
        """
        if self.media is None:
            media = await self._open_media(self, peer)
            if self.gone.is_set():
                media.close()
                return None
            self.media = media
        return self.media

    async def answer(self, prefer: Codec | None = None) -> None:
        """Answer a caller (200 with SDP); ``prefer`` is the codec the other leg already speaks.

        Raises:
            MalformedSdp, NoCommonCodec: the caller's offer is none that we can answer.
            NoFreePorts: the RTP range is used up.
        """
        if self.up or self.gone.is_set() or self.call is None:
            return
        call, offer = self.call, self.call.request.body
        media = await self.take_media(call.flow.remote.host)
        if media is None:
            return
        codecs = [prefer] if prefer else self.codecs
        body = media.answer(offer, codecs) if offer else media.offer(codecs)
        self.profile.act(lambda now: call.answer(now, body))
        self.mark_answered()

    def mark_answered(self) -> None:
        """Note that the leg is up."""
        self.phase = CallPhase.ACTIVE
        self.variables["endpoint_disposition"] = "ANSWER"
        self.answered.set()
        self.log.log(NOTICE, "Channel [%s] has been answered", self.name)

    def hang_up(self, cause: HangupCause) -> None:
        """End the leg from our side, by the message its state calls for; safe to call twice."""
        if self.gone.is_set():
            return
        call, waiting = self.call, self.direction is Direction.INBOUND and not self.up
        self.ended(cause)  # first: what the user agent tells of the end is then about nobody's cause
        if call is None or call.state is CallState.ENDED:
            return
        reason = (("Reason", f'Q.850;cause={int(cause)};text="{cause.name}"'),)
        if waiting:
            self.profile.act(lambda now: call.reject(now, status_of(cause), headers=reason))
        else:
            self.profile.act(lambda now: call.hang_up(now, headers=reason))

    def ended(self, cause: HangupCause) -> None:
        """The leg is over, whoever ended it: let go of everything it holds."""
        if self.gone.is_set():
            return
        self.cause = cause
        self.variables["hangup_cause"] = cause.name
        self.log.log(NOTICE, "Hangup %s [%s] [%s]", self.name, self.state, cause.name)
        self.phase, self.state = CallPhase.HANGUP, "CS_DESTROY"
        if self.media is not None:
            report = self.media.close()
            self.log.info(
                "Media of %s: %d packets in, %d out, %d lost, jitter %.1f ms",
                self.name,
                report.packets_received,
                report.packets_sent,
                report.lost,
                report.jitter_ms,
            )
        self.gone.set()
        self._on_gone(self)
        self.log.log(NOTICE, "Session %d (%s) Ended", self.serial, self.name)
        self.log.log(NOTICE, "Close Channel %s [CS_DESTROY]", self.name)

    def snapshot(self) -> ChannelSnapshot:
        """The leg as the faces show it."""
        report = self.media.report() if self.media else None
        advertised_media = (
            Endpoint(self.media.advertised.host, self.media.advertised.rtp_port) if self.media else None
        )
        nowhere = Endpoint("", 0)
        return ChannelSnapshot(
            uuid=self.uuid,
            name=self.name,
            direction=self.direction.value,
            state=self.state,
            call_state=self.phase.value,
            destination=self.destination,
            context=self.context,
            application=self.application,
            seconds=time.monotonic() - self._began,
            peer=self.call.flow.remote if self.call else nowhere,
            advertised=self.call.seen_at if self.call else nowhere,
            advertised_media=advertised_media,
            packets_received=report.packets_received if report else 0,
            packets_sent=report.packets_sent if report else 0,
            packets_lost=report.lost if report else 0,
            jitter_ms=report.jitter_ms if report else 0.0,
            round_trip_ms=report.round_trip_ms if report else None,
            bridged_to=self.bridged_to.uuid if self.bridged_to else None,
        )
