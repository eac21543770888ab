"""One call of a scripted phone: what it is told to do in it, and what came of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ringthru.media import (
    PCMA,
    PCMU,
    Codec,
    Negotiated,
    SessionDescription,
    make_answer,
    make_offer,
    read_answer,
)
from ringthru.sip import (
    Call,
    CallAnswered,
    CallCancelled,
    CallEnded,
    CallFailed,
    CallProgress,
    Event,
    Response,
)

from .phone_audio import Audio
from .waiting import eventually

if TYPE_CHECKING:
    from .phones import Phone

OVER = (CallEnded, CallCancelled, CallFailed)
E = TypeVar("E")


class PhoneCall:
    """One call of a phone, made or got: what happened in it, in order."""

    def __init__(self, phone: Phone, call: Call, audio: Audio, offer: bytes = b"") -> None:
        self.phone = phone
        self.call = call
        self.audio = audio
        self.offer = offer
        self.events: list[Event] = []
        self.agreed: Negotiated | None = None
        self.offers = 0  # that came within the call

    async def until(self, *kinds: type[E]) -> E:
        """The first event of these kinds, come or to come."""
        names = " or ".join(kind.__name__ for kind in kinds)
        return await eventually(
            lambda: next((each for each in self.events if isinstance(each, kinds)), None),
            f"{self.phone.user}: no {names}, but {self.events}",
        )

    async def answered(self) -> Response:
        """The 200 to our INVITE; its SDP is agreed on."""
        event = await self.until(CallAnswered, CallFailed)
        assert isinstance(event, CallAnswered), f"{event.status} {event.reason}"
        if self.offer:
            self.agreed = read_answer(self.offer, SessionDescription.parse(event.response.body))
        return event.response

    async def refused(self) -> Response:
        """The final response that was not 200."""
        event = await self.until(CallAnswered, CallFailed)
        assert isinstance(event, CallFailed), "it was answered"
        assert event.response is not None, event.reason
        return event.response

    async def ringing(self) -> Response:
        return (await self.until(CallProgress)).response

    async def over(self) -> CallEnded | CallCancelled | CallFailed:
        return await self.until(*OVER)

    @property
    def progress(self) -> list[int]:
        return [each.response.status for each in self.events if isinstance(each, CallProgress)]

    # --- the called side ----------------------------------------------------------------------------

    @property
    def described(self) -> SessionDescription:
        """The SDP of the INVITE."""
        return SessionDescription.parse(self.call.request.body)

    def ring(self) -> None:
        self.phone.act(lambda now: self.call.ring(now))

    def answer(self, codecs: tuple[Codec, ...] = (PCMU, PCMA)) -> None:
        self.agreed = make_answer(self.described, self.audio.address, codecs, 1, 1)
        body = self.agreed.sdp
        self.phone.act(lambda now: self.call.answer(now, body))

    def reject(self, status: int) -> None:
        self.phone.act(lambda now: self.call.reject(now, status))

    def early(self, codecs: tuple[Codec, ...] = (PCMU, PCMA), status: int = 183) -> None:
        """Let the caller hear us before we answer."""
        self.agreed = make_answer(self.described, self.audio.address, codecs, 1, 1)
        body = self.agreed.sdp
        self.phone.act(lambda now: self.call.ring(now, status, body))

    # --- both ---------------------------------------------------------------------------------------

    async def hold(self, direction: str = "sendonly") -> Response:
        """Offer another direction; ``sendrecv`` takes the call back."""
        self.offers += 1
        offer = make_offer(self.audio.address, (PCMU, PCMA), 1, 100 + self.offers, direction=direction)
        response = await self.reinvite(offer)
        if response.status == 200:
            self.agreed = read_answer(offer, SessionDescription.parse(response.body))
        return response

    async def update(self, direction: str = "sendrecv") -> Response:
        """Offer by UPDATE before the answer, which the user agent itself never does."""
        self.offers += 1
        offer = make_offer(self.audio.address, (PCMU, PCMA), 1, 100 + self.offers, direction=direction)
        call = self.call
        early = getattr(call, "_early", None) or {"": call.dialog}
        dialog = call.dialog or next(iter(early.values()))
        assert dialog is not None
        rows = [
            ("Content-Type", "application/sdp"),
            ("Contact", f"<sip:{self.phone.user}@{self.phone.shown}>"),
        ]
        request = dialog.request("UPDATE", headers=rows, body=offer)
        response = await self.phone.ask(request, dialog.destination.remote)
        if response.status == 200:
            self.agreed = read_answer(offer, SessionDescription.parse(response.body))
        return response

    async def refer(self, target: str, *headers: tuple[str, str]) -> Response:
        rows = [("Refer-To", target), *headers]
        return await self.phone.response_to(self.phone.act(lambda now: self.call.ask(now, "REFER", rows)))

    async def told(self) -> bytes:
        """The last NOTIFY of a REFER: how it went."""

        def last() -> bytes | None:
            found = [e for e in self.phone.requests if e.method == "NOTIFY"]
            ended = [e for e in found if (e.get("Subscription-State") or "").startswith("terminated")]
            return ended[0].body if ended else None

        return await eventually(last, f"{self.phone.user} is not told how its REFER went")

    def hang_up(self) -> None:
        self.phone.act(lambda now: self.call.hang_up(now))

    async def reinvite(self, body: bytes) -> Response:
        handle = self.phone.act(lambda now: self.call.reinvite(now, body))
        return await self.phone.response_to(handle)

    def say(self, frame: bytes) -> None:
        assert self.agreed is not None
        self.audio.say(frame, self.agreed.codec, self.agreed.remote_rtp)

    def say_swapped(self, one: bytes, other: bytes) -> None:
        """Two packets of which the second overtakes the first."""
        assert self.agreed is not None
        self.audio.say_swapped(one, other, self.agreed.codec, self.agreed.remote_rtp)

    def press(self, keys: str) -> None:
        """Keys, by RFC 4733."""
        assert self.agreed is not None
        assert self.agreed.telephone_event is not None
        for key in keys:
            self.audio.press(key, self.agreed.telephone_event, self.agreed.remote_rtp)

    async def hears(self, frame: bytes, again: Callable[[], object] = lambda: None) -> None:
        """The frame comes, and from where the other side's SDP said (symmetric RTP)."""
        assert self.agreed is not None
        sources = await eventually(
            lambda: self.audio.sources_of(frame), f"{self.phone.user} does not hear it", again=again
        )
        assert set(sources) == {self.agreed.remote_rtp}

    async def reaches(self, other: PhoneCall, frame: bytes) -> None:
        """Say a frame until the other one has heard it: one datagram alone may be lost, or come too early."""
        other.audio.forget(frame)
        await other.hears(frame, again=lambda: self.say(frame))
