"""A scripted phone on the laboratory's Internet: it calls, says a tone, and listens; called, it answers.

Lives here: calls of one outside phone, and what came of them. Never here: the inside, gateways.
It is built of the product's own SIP and SDP, but of nothing that knows of NAT.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Final

from ..media import (
    PCMA,
    PCMU,
    MalformedPacket,
    MediaAddress,
    MediaError,
    Negotiated,
    RtpPacket,
    SessionDescription,
    holds_tone,
    make_answer,
    make_offer,
    read_answer,
    tone,
)
from ..net.address import Endpoint
from ..net.values import frozen, replace
from ..sip import (
    Call,
    CallAnswered,
    CallEnded,
    CallFailed,
    CallProgress,
    Event,
    Flow,
    IncomingCall,
    UserAgent,
)
from .outside import Masquerade, OutsideSocket

ECHO: Final = "9196"
FREQUENCY: Final = 1004  # Hz; at 8 kHz no frame repeats for half a second, so each echo names its original
PERIOD: Final = 0.5  # seconds after which the tone's frames repeat
FRAME: Final = 0.02  # seconds
SAMPLES: Final = 160  # of a frame
ANSWER_WAIT: Final = 10.0  # seconds
LONGEST_ANSWER: Final = 600.0  # seconds of tone for whoever calls us
CODECS: Final = (PCMU, PCMA)
LAST_ECHOES: Final = 0.5  # seconds to listen after the last frame


@frozen
class PhoneReport:
    """What the phone experienced. Times are seconds; packets are RTP."""

    status: int  # the final SIP status; 0: nobody answered
    reason: str
    set_up: float | None = None  # INVITE → 200
    contact: str = ""  # where the other side says it is reached
    media: Endpoint | None = None  # where its SDP sends us
    sent: int = 0
    heard: int = 0
    round_trip: float | None = None  # median over the frames that came back
    tone_heard: bool = False

    @property
    def audio_came_back(self) -> bool:
        """The verdict: our own tone, and nearly all of it."""
        return self.tone_heard and self.heard >= 0.8 * self.sent > 0


class OutsidePhone:
    """One phone at ``host``; calls one at a time. Whoever calls it hears a tone, or as 9196 an echo."""

    def __init__(
        self, host: str, inside: IPv4Network, *, masquerade: Masquerade | None = None, user: str = "outside"
    ) -> None:
        self._user = user
        self._sip = OutsideSocket(Endpoint(host, 0), inside, on_datagram=self._on_sip, masquerade=masquerade)
        self._rtp = OutsideSocket(Endpoint(host, 0), inside, on_datagram=self._on_rtp, masquerade=masquerade)
        self._agent = UserAgent(
            seen_by=lambda flow: self._sip.local,
            token=lambda: secrets.token_hex(8),
            user_agent="Outside phone",
        )
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._heard: list[tuple[bytes, float]] = []
        self._speaking: dict[Call, asyncio.Task[object]] = {}  # calls that came in
        self._echoes: Endpoint | None = None  # where what is heard goes back to

    @property
    def _media_address(self) -> MediaAddress:
        local = self._rtp.local
        return MediaAddress(local.host, local.port, local.port + 1)

    @property
    def address(self) -> Endpoint:
        return self._sip.local

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._speaking.values():
            task.cancel()
        self._sip.close()
        self._rtp.close()

    async def call(
        self, number: str, at: Endpoint, seconds: float, progress: Callable[[str], None] = lambda text: None
    ) -> PhoneReport:
        """Call ``number`` at an endpoint, speak a tone for ``seconds``, hang up."""
        self._heard.clear()
        offer = make_offer(self._media_address, CODECS, 1, 1)
        began = self._loop.time()
        call = self._invite(number, at, offer, began)
        try:
            async with asyncio.timeout(ANSWER_WAIT):
                answered = await self._outcome(progress)
        except TimeoutError:
            call.hang_up(self._loop.time())
            self._pump()
            return PhoneReport(0, f"no answer within {ANSWER_WAIT:.0f} s")
        if isinstance(answered, CallFailed):
            return PhoneReport(answered.status, answered.reason)
        set_up = self._loop.time() - began
        response = answered.response
        agreed = read_answer(offer, SessionDescription.parse(response.body))
        progress(f"answered in {set_up * 1000:.1f} ms; its audio is at {agreed.remote_rtp}")
        sent = await self._speak(agreed, seconds)
        call.hang_up(self._loop.time())
        self._pump()
        contact = str(response.contact.uri) if response.contact else ""
        return self._report(set_up, contact, agreed, sent)

    def _invite(self, number: str, at: Endpoint, offer: bytes, now: float) -> Call:
        call = self._agent.invite(
            f"sip:{number}@{at}",
            Flow("UDP", self._sip.local, at),
            now,
            from_uri=f"sip:{self._user}@{self._sip.local.host}",
            contact_user=self._user,
            body=offer,
        )
        self._pump()
        return call

    async def _outcome(self, progress: Callable[[str], None]) -> CallAnswered | CallFailed:
        while True:
            match await self._events.get():
                case CallAnswered() | CallFailed() as final:
                    return final
                case CallProgress(response=response):
                    progress(f"{response.status} {response.reason}")
                case CallEnded(reason=reason, call=call):
                    return CallFailed(call, 0, reason)

    async def _speak(self, agreed: Negotiated, seconds: float) -> dict[bytes, list[float]]:
        """Send frames at their times; returns when each payload was sent."""
        ssrc, sequence, timestamp = secrets.randbits(32), secrets.randbits(15), secrets.randbits(31)
        sent: dict[bytes, list[float]] = {}
        began = self._loop.time()
        frames = tone(FREQUENCY, PERIOD, agreed.codec.name)
        for index in range(round(seconds / FRAME)):
            frame = frames[index % len(frames)]
            await asyncio.sleep(max(0.0, began + index * FRAME - self._loop.time()))
            packet = RtpPacket(
                agreed.codec.payload_type,
                (sequence + index) & 0xFFFF,
                (timestamp + index * SAMPLES) & 0xFFFFFFFF,
                ssrc,
                frame,
                marker=index == 0,
            )
            self._rtp.send(packet.encode(), agreed.remote_rtp)
            sent.setdefault(frame, []).append(self._loop.time())
        await asyncio.sleep(LAST_ECHOES)
        return sent

    def _report(
        self, set_up: float, contact: str, agreed: Negotiated, sent: dict[bytes, list[float]]
    ) -> PhoneReport:
        trips = sorted(
            at - max(when for when in sent[frame] if when <= at)
            for frame, at in self._heard
            if frame in sent and sent[frame][0] <= at
        )
        return PhoneReport(
            status=200,
            reason="OK",
            set_up=set_up,
            contact=contact,
            media=agreed.remote_rtp,
            sent=sum(len(times) for times in sent.values()),
            heard=len(trips),
            round_trip=trips[len(trips) // 2] if trips else None,
            tone_heard=holds_tone([frame for frame, _ in self._heard], FREQUENCY, agreed.codec.name),
        )

    # --- somebody calls us --------------------------------------------------------------------------

    def _answer(self, call: Call) -> None:
        """Answer at once, and say the tone until the caller hangs up."""
        try:
            offer = SessionDescription.parse(call.request.body)
            agreed = make_answer(offer, self._media_address, CODECS, 1, 1)
        except MediaError:
            call.reject(self._loop.time(), 488)
            return
        call.answer(self._loop.time(), agreed.sdp)
        if call.request.request_uri.user == ECHO:
            self._echoes = agreed.remote_rtp
            return
        self._speaking[call] = asyncio.ensure_future(self._speak(agreed, LONGEST_ANSWER))

    # --- moving bytes -------------------------------------------------------------------------------

    def _on_sip(self, data: bytes, source: Endpoint) -> None:
        self._agent.receive_message(data, Flow("UDP", self._sip.local, source), self._loop.time())
        self._pump()

    def _on_rtp(self, data: bytes, source: Endpoint) -> None:
        try:
            packet = RtpPacket.decode(data)
        except MalformedPacket:
            return
        if self._echoes is not None:
            self._rtp.send(replace(packet, ssrc=packet.ssrc ^ 1).encode(), self._echoes)
            return
        self._heard.append((packet.payload, self._loop.time()))

    def _pump(self) -> None:
        self._take_events()
        for data, flow in self._agent.messages_to_send():
            self._sip.send(data, flow.remote)
        if self._timer is not None:
            self._timer.cancel()
        when = self._agent.next_timeout()
        self._timer = None if when is None else self._loop.call_at(when, self._on_timer)

    def _take_events(self) -> None:
        for event in self._agent.events():
            match event:
                case IncomingCall(call=call):
                    self._answer(call)
                case CallEnded(call=call) if call in self._speaking:
                    self._speaking.pop(call).cancel()
                case CallEnded() if self._echoes is not None:
                    self._echoes = None
                case _:
                    self._events.put_nowait(event)

    def _on_timer(self) -> None:
        self._agent.handle_timeout(self._loop.time())
        self._pump()
