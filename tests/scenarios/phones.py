"""Scripted phones, inside the LAN and outside: they note every message they get, and do as they are told.

Built of the product's own SIP and SDP, but of nothing that knows of NAT; what a phone saw is judged by
its bytes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol, TypeVar

from ringthru.lab.datagrams import OnDatagram
from ringthru.media import (
    PCMA,
    PCMU,
    Codec,
    MalformedPacket,
    MediaAddress,
    Negotiated,
    RtpPacket,
    SessionDescription,
    make_answer,
    make_offer,
    read_answer,
)
from ringthru.media.rtp.telephone_event import KEYS, TelephoneEvent
from ringthru.net.address import Endpoint
from ringthru.sip import (
    Call,
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallFailed,
    CallProgress,
    Direction,
    Event,
    Flow,
    IncomingCall,
    IncomingRequest,
    Login,
    Request,
    RequestFailed,
    RequestHandle,
    RequestReceived,
    Response,
    ResponseReceived,
    SipUri,
    UserAgent,
)
from ringthru.sip.wire.parsing import parse
from ringthru.sip.wire.reply import response_to

from .waiting import eventually

FRAME = 160  # octets: 20 ms of G.711
OVER = (CallEnded, CallCancelled, CallFailed)
E = TypeVar("E")
Result = TypeVar("Result")


class Socket(Protocol):
    """What a phone needs of the network it stands in."""

    local: Endpoint

    def send(self, data: bytes, to: Endpoint) -> bool: ...
    def close(self) -> None: ...


OpenSocket = Callable[[int, OnDatagram], Socket]  # a port (0: any) of the phone's host


class Audio:
    """A phone's RTP socket: says frames of its own, and keeps those it hears."""

    def __init__(self, open_socket: OpenSocket, shows: str | None = None) -> None:
        """``shows``: the address its SDP tells, when that is not where it is reached (it is behind a NAT)."""
        self._socket = open_socket(0, self._on_datagram)
        self._shows = shows
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self.heard: list[tuple[bytes, Endpoint]] = []

    @property
    def address(self) -> MediaAddress:
        host, port = self._socket.local
        return MediaAddress(self._shows or host, port, port + 1)

    def say(self, frame: bytes, codec: Codec, to: Endpoint) -> None:
        self._socket.send(self._next(frame, codec), to)

    def say_swapped(self, one: bytes, other: bytes, codec: Codec, to: Endpoint) -> None:
        """Two packets of which the second overtakes the first."""
        for packet in reversed([self._next(each, codec) for each in (one, other)]):
            self._socket.send(packet, to)

    def _next(self, frame: bytes, codec: Codec) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        stamp = self._sequence * codec.clock_rate // 50 & 0xFFFFFFFF
        return RtpPacket(codec.payload_type, self._sequence, stamp, self._ssrc, frame).encode()

    def press(self, key: str, event_type: int, to: Endpoint) -> None:
        stamp = (self._sequence + 1) * FRAME
        for number in range(4):
            self._sequence = (self._sequence + 1) & 0xFFFF
            event = TelephoneEvent(KEYS.index(key), number == 3, 10, FRAME * (number + 1))
            packet = RtpPacket(event_type, self._sequence, stamp & 0xFFFFFFFF, self._ssrc, event.encode())
            self._socket.send(packet.encode(), to)

    def sources_of(self, frame: bytes) -> list[Endpoint]:
        return [source for heard, source in self.heard if heard == frame]

    def forget(self, frame: bytes) -> None:
        """From now on only what comes anew counts as heard."""
        self.heard[:] = [each for each in self.heard if each[0] != frame]

    def close(self) -> None:
        self._socket.close()

    def _on_datagram(self, data: bytes, source: Endpoint) -> None:
        try:
            self.heard.append((RtpPacket.decode(data).payload, source))
        except MalformedPacket:
            return


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


def frame_of(number: int) -> bytes:
    """Audio that is like no other frame's."""
    return bytes((number * 7 + index) & 0x7F for index in range(FRAME))


async def hears_itself(call: PhoneCall, frames: int = 5) -> None:
    """The echo test, frame by frame."""
    for number in range(frames):
        await call.reaches(call, frame_of(number))


async def hear_each_other(one: PhoneCall, other: PhoneCall, frames: int = 5) -> None:
    for number in range(frames):
        await one.reaches(other, frame_of(number))
        await other.reaches(one, frame_of(number + 100))


async def hears_itself_once_learnt(call: PhoneCall, attempts: int = 200) -> int:
    """Speak until an echo comes, each frame given its time; returns how many frames that took."""
    for number in range(1, attempts + 1):
        call.say(frame_of(number))
        try:
            await eventually(lambda: call.audio.heard, patience=0.05)
        except AssertionError:
            continue
        return number
    raise AssertionError(f"{call.phone.user} never hears anything")


class Phone:
    """One phone with one SIP socket; each of its calls has an RTP socket of its own."""

    def __init__(self, user: str, open_socket: OpenSocket, port: int = 0, shows: str | None = None) -> None:
        self.user = user
        self.login_as = ""  # when it is not the user
        self._shows = shows
        self.heard: list[bytes] = []  # every SIP message, as it came
        self.calls: list[PhoneCall] = []
        self.requests: list[Request] = []  # those in dialogs and outside that we answer with 200
        self.notified: dict[str, int] = {}  # subscriptions by Call-ID, and how a NOTIFY is answered; 0: not
        self._open_socket = open_socket
        self._socket = open_socket(port, self._on_datagram)
        self._agent = UserAgent(
            seen_by=lambda flow: self.shown, token=lambda: secrets.token_hex(8), user_agent="Test phone"
        )
        self._timer: asyncio.TimerHandle | None = None
        self._responses: dict[RequestHandle, Response | str] = {}
        self._loop = asyncio.get_running_loop()

    @property
    def address(self) -> Endpoint:
        return self._socket.local

    @property
    def shown(self) -> Endpoint:
        """The address it tells others, which is wrong behind a NAT."""
        return self.address._replace(host=self._shows) if self._shows else self.address

    def flow(self, at: Endpoint) -> Flow:
        return Flow("UDP", self.address, at)

    def new_audio(self) -> Audio:
        return Audio(self._open_socket, self._shows)

    @property
    def text(self) -> str:
        """All it heard, to look for what it must not have heard."""
        return b"\n".join(self.heard).decode("utf-8", "replace")

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._socket.close()
        for call in self.calls:
            call.audio.close()

    # --- outside calls ------------------------------------------------------------------------------

    async def register(
        self,
        at: Endpoint,
        password: str,
        *,
        user: str | None = None,
        domain: str | None = None,
        contact: str | None = None,
        expires: int = 600,
        call_id: str | None = None,
        number: int = 1,
    ) -> Response:
        """REGISTER with digest; the last response, whatever it is."""
        who = f"<sip:{self.user}@{domain or at.host}>"
        rows = [
            ("From", who),
            ("To", who),
            ("CSeq", f"{number} REGISTER"),
            ("Contact", contact or f"<sip:{self.user}@{self.shown}>"),
            ("Expires", str(expires)),
        ]
        if call_id is not None:
            rows.append(("Call-ID", call_id))
        request = Request("REGISTER", f"sip:{domain or at.host}", rows)
        return await self.ask(request, at, Login(user or self.user, password))

    async def options(self, at: Endpoint) -> Response:
        return await self.ask(Request("OPTIONS", f"sip:{at}", [("From", f"<sip:{self.user}@{at.host}>")]), at)

    async def ask(self, request: Request, at: Endpoint, login: Login | None = None) -> Response:
        flow = self.flow(at)
        handle = self.act(lambda now: self._agent.request(request, flow, now, credentials=login))
        return await self.response_to(handle)

    async def response_to(self, handle: RequestHandle) -> Response:
        response = await eventually(lambda: self._responses.get(handle), f"{self.user}: no response")
        assert isinstance(response, Response), response
        return response

    def send(self, data: bytes, to: Endpoint) -> None:
        """Anything, as bytes."""
        self._socket.send(data, to)

    # --- calls --------------------------------------------------------------------------------------

    def invite(
        self,
        number: str,
        at: Endpoint,
        *,
        password: str | None = None,
        body: bytes | None = None,
        codecs: tuple[Codec, ...] = (PCMU, PCMA),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> PhoneCall:
        """Call; ``body`` replaces our offer."""
        audio = self.new_audio()
        offer = make_offer(audio.address, codecs, 1, 1) if body is None else body
        login = Login(self.login_as or self.user, password) if password else None
        flow = self.flow(at)
        call = self._agent.invite(
            f"sip:{number}@{at}",
            flow,
            self._loop.time(),
            from_uri=str(SipUri("sip", self.user, at.host)),
            contact_user=self.user,
            body=offer,
            credentials=login,
            headers=headers,
        )
        made = PhoneCall(self, call, audio, offer if body is None else b"")
        self.calls.append(made)
        self._pump()
        return made

    async def rung(self, count: int = 1) -> PhoneCall:
        """The ``count``-th call that somebody makes to us."""

        def theirs() -> PhoneCall | None:
            got = [each for each in self.calls if each.call.direction is Direction.INBOUND]
            return got[count - 1] if len(got) >= count else None

        return await eventually(theirs, f"nobody calls {self.user}")

    def act(self, action: Callable[[float], Result]) -> Result:
        result = action(self._loop.time())
        self._pump()
        return result

    # --- moving bytes -------------------------------------------------------------------------------

    def _on_datagram(self, data: bytes, source: Endpoint) -> None:
        self.heard.append(data)
        if data.startswith(b"NOTIFY ") and self._take_notify(data, source):
            return
        self._agent.receive_message(data, Flow("UDP", self.address, source), self._loop.time())
        self._pump()

    def _take_notify(self, data: bytes, source: Endpoint) -> bool:
        """Whether it is of a subscription of ours, of which the user agent knows nothing."""
        request = parse(data)
        assert isinstance(request, Request)
        if request.call_id not in self.notified:
            return False
        known = {(each.call_id, each.cseq.number) for each in self.requests}
        if (request.call_id, request.cseq.number) not in known:
            self.requests.append(request)
        if status := self.notified[request.call_id]:
            self._socket.send(response_to(request, status).encode(), source)
        return True

    def _pump(self) -> None:
        for event in self._agent.events():
            self._take(event)
        for data, flow in self._agent.messages_to_send():
            self._socket.send(data, flow.remote)
        if self._timer is not None:
            self._timer.cancel()
        when = self._agent.next_timeout()
        self._timer = None if when is None else self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._agent.handle_timeout(self._loop.time())
        self._pump()

    def _take(self, event: Event) -> None:
        match event:
            case IncomingCall(call=call):
                self.calls.append(PhoneCall(self, call, self.new_audio()))
            case ResponseReceived(handle=handle, response=response):
                self._responses[handle] = response
            case RequestFailed(handle=handle, reason=reason):
                self._responses[handle] = reason
            case RequestReceived(incoming=incoming):
                self.requests.append(incoming.request)
                self._answer(incoming)
            case (
                CallProgress(call=call)
                | CallAnswered(call=call)
                | CallConfirmed(call=call)
                | CallFailed(call=call)
                | CallCancelled(call=call)
                | CallEnded(call=call)
            ):
                self._note(call, event)

    def _answer(self, incoming: IncomingRequest) -> None:
        """200 to whatever comes; an offer in a call of ours is taken as it is."""
        call = next((each for each in self.calls if each.call is incoming.call), None)
        offer, now = incoming.request.body, self._loop.time()
        if call is None or not offer or incoming.request.method not in ("INVITE", "UPDATE"):
            self._agent.respond(incoming, 200, now)
            return
        address = call.audio.address
        call.offers += 1
        call.agreed = make_answer(SessionDescription.parse(offer), address, (PCMU, PCMA), 1, 1 + call.offers)
        self._agent.respond(incoming, 200, now, body=call.agreed.sdp, content_type="application/sdp")

    def bodies(self, method: str) -> list[bytes]:
        """Of the requests of a method that came, in order."""
        return [each.body for each in self.requests if each.method == method]

    def _note(self, call: Call, event: Event) -> None:
        for each in self.calls:
            if each.call is call:
                each.events.append(event)
