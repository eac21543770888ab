"""Our SIP core from the library alone: answers calls to 9196 with a fixed SDP, bridges all others to the
called side (the descriptions pass through), and registers users with digest.

It does what ``aiosipua_peer`` does, and no more: no media, dialplan, channel, log or record is made, and the
book of contacts is a dictionary here, too. Nonces and their checks are the library's: stamped, good for once.
"""

from __future__ import annotations

import asyncio
import os
import sys

from ringthru.net.address import Endpoint
from ringthru.sip import (
    Authority,
    Call,
    CallAnswered,
    CallEnded,
    Credentials,
    Event,
    Flow,
    IncomingCall,
    IncomingRequest,
    MalformedMessage,
    Refusal,
    Request,
    RequestReceived,
    SipDriver,
    UserAgent,
    Verdict,
    ha1,
)

HERE = sys.argv[1]
LOCAL = Endpoint(HERE, 5060)
CALLED = Endpoint("192.168.1.50", 5071)
PASSWORD = "A-password-of-the-bench-17"
LINES = ("v=0", f"o=- 1 1 IN IP4 {HERE}", "s=-", f"c=IN IP4 {HERE}", "t=0 0", "m=audio 6200 RTP/AVP 0")
SDP = "".join(f"{line}\r\n" for line in (*LINES, "a=rtpmap:0 PCMU/8000")).encode()


class Registrar:
    """Challenges REGISTERs, judges the answers, keeps the contacts."""

    def __init__(self) -> None:
        self._authority = Authority(os.urandom(32), algorithms=("MD5",))
        self._contacts: dict[str, str] = {}

    def screen(self, request: Request, flow: Flow, now: float) -> Refusal | None:
        """A REGISTER without credentials is challenged before anything is remembered of it."""
        if request.method != "REGISTER" or request.get("Authorization") is not None:
            return None
        return Refusal(401, self._challenge(now, flow))

    def answer(self, incoming: IncomingRequest, now: float) -> tuple[int, tuple[tuple[str, str], ...]]:
        """The status and the headers of an answer to a REGISTER that has credentials."""
        request = incoming.request
        user = self._proven(request, now)
        if user is None:
            return 401, self._challenge(now, incoming.flow)
        contact = self._contacts[user] = request.get("Contact") or ""
        return 200, (("Contact", f"{contact};expires=3600"),)

    def _proven(self, request: Request, now: float) -> str | None:
        try:
            credentials = Credentials.parse(request.get("Authorization") or "")
        except MalformedMessage:
            return None

        def secret_of(user: str, realm: str, algorithm: str) -> str:
            return ha1(user, realm, PASSWORD, algorithm)

        verdict = self._authority.verify(credentials, request.method, secret_of, request.body, now)
        return credentials.username if verdict is Verdict.ACCEPTED else None

    def _challenge(self, now: float, flow: Flow) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", self._authority.challenge(HERE, now, source=flow.remote.host)),)


class Peer:
    """One agent, what it is told, and the calls that stand with one another."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._registrar = Registrar()
        self._other: dict[Call, Call] = {}  # of a bridge
        self.agent = UserAgent(
            seen_by=lambda flow: LOCAL,
            token=lambda: os.urandom(8).hex(),
            user_agent="ringthru.sip",
            screen=self._registrar.screen,
        )

    def take(self, event: Event) -> None:
        now = self._loop.time()
        if isinstance(event, IncomingCall):
            self._begin(event.call, now)
        elif isinstance(event, CallAnswered):
            self._other[event.call].answer(now, event.response.body)
        elif isinstance(event, CallEnded) and (other := self._other.pop(event.call, None)) is not None:
            del self._other[other]
            other.hang_up(now)
        elif isinstance(event, RequestReceived):
            status, headers = 200, ()  # the OPTIONS by which the bench knows that we are there
            if event.incoming.request.method == "REGISTER":
                status, headers = self._registrar.answer(event.incoming, now)
            self.agent.respond(event.incoming, status, now, headers=headers)

    def _begin(self, call: Call, now: float) -> None:
        if call.request.uri.startswith("sip:9196@"):
            call.ring(now)
            call.answer(now, SDP)
            return
        flow = Flow("UDP", LOCAL, CALLED)
        uri, body = f"sip:called@{CALLED}", call.request.body
        called = self.agent.invite(uri, flow, now, from_uri=f"sip:load@{HERE}", contact_user="b", body=body)
        self._other[call], self._other[called] = called, call


async def main() -> None:
    peer = Peer()
    await SipDriver.open(LOCAL, peer.agent, peer.take)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
