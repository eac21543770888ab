"""Scripted phones, inside the LAN and outside: they note every message they get, and do as they are told.

Built of the product's own SIP and SDP, but of nothing that knows of NAT; what a phone saw is judged by
its bytes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

from ringthru.media import PCMA, PCMU, Codec, SessionDescription, make_answer, make_offer
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

from .phone_audio import FRAME, Audio, OpenSocket
from .phone_call import PhoneCall
from .waiting import eventually

Result = TypeVar("Result")


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
