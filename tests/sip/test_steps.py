"""What a call costs, in steps: the calls of Python functions that one makes are the same on every machine.

They are not time, but time follows them; and what waits for the collector is what it must look through.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType

import ringthru
from ringthru.net.address import Endpoint
from ringthru.sip import (
    Authority,
    Bindings,
    CallState,
    Challenge,
    Credentials,
    Flow,
    IncomingCall,
    Origin,
    Refusal,
    Request,
    RequestReceived,
    UserAgent,
    Verdict,
    ha1,
)
from ringthru.sip.wire.digest import answer

OURS = str(Path(ringthru.__file__).parent)
HERE, PEER = Endpoint("127.40.0.2", 5060), Endpoint("127.40.0.1", 5060)
MOST_STEPS = 343  # of a whole call; it was 635 once, the making of the requests included
MOST_STEPS_OF_A_REGISTRATION = 278  # it was 347, the phone's part included
SECRET = ha1("alice", "here", "secret")
WARM = 60  # calls before: values compile their constructor when there are many of them


def request(method: str, number: int, cseq: int, tag: str = "") -> bytes:
    rows = [
        ("Via", f"SIP/2.0/UDP {PEER};branch=z9hG4bK{number}.{cseq}{method}"),
        ("From", f"<sip:alice@{PEER}>;tag=a{number}"),
        ("To", f"<sip:9196@{HERE}>{f';tag={tag}' if tag else ''}"),
        ("Call-ID", f"call{number}"),
        ("CSeq", f"{cseq} {method}"),
        ("Max-Forwards", "70"),
        ("Contact", f"<sip:alice@{PEER}>"),
    ]
    return Request(method, f"sip:9196@{HERE}", rows, b"v=0\r\n" if method == "INVITE" else b"").encode()


class Called:
    """A user agent that answers each call, and the calls that were made."""

    def __init__(self) -> None:
        tokens = count(1)
        self.agent = UserAgent(
            seen_by=lambda flow: HERE, token=lambda: f"token{next(tokens)}", user_agent="Test"
        )

    def receive(self, data: bytes, now: float) -> list[bytes]:
        """What it sends; a call that comes in is answered at once."""
        self.agent.receive_message(data, Flow("UDP", HERE, PEER, heard=True), now)
        for event in self.agent.events():
            if isinstance(event, IncomingCall):
                event.call.answer(now, b"v=0\r\n")
        self.agent.next_timeout()
        return [sent for sent, _ in self.agent.messages_to_send()]

    def whole_call(self, number: int) -> None:
        """INVITE, 100, 200, ACK, BYE, 200."""
        now = float(number)
        _, answer = self.receive(request("INVITE", number, 1), now)
        tag = answer.partition(b"To:")[2].partition(b"tag=")[2].partition(b"\r")[0].decode()
        assert self.receive(request("ACK", number, 1, tag), now) == []
        (ended,) = self.receive(request("BYE", number, 2, tag), now)
        assert ended.startswith(b"SIP/2.0 200")


class Registrar:
    """A user agent that challenges a REGISTER, checks the answer, and keeps the contact."""

    def __init__(self) -> None:
        tokens = count(1)
        self._authority = Authority(b"s" * 16, algorithms=("MD5",))
        self._bindings = Bindings()
        self._agent = UserAgent(
            seen_by=lambda flow: HERE,
            token=lambda: f"token{next(tokens)}",
            user_agent="Test",
            screen=self._screen,
        )

    def _screen(self, request: Request, flow: Flow, now: float) -> Refusal | None:
        if request.get("Authorization") is not None:
            return None
        challenge = self._authority.challenge("here", now, source=flow.remote.host)
        return Refusal(401, (("WWW-Authenticate", challenge),))

    def receive(self, data: bytes, now: float) -> bytes:
        """What it answers."""
        self._agent.receive_message(data, Flow("UDP", HERE, PEER, heard=True), now)
        for event in self._agent.events():
            assert isinstance(event, RequestReceived)
            incoming = event.incoming
            credentials = Credentials.parse(incoming.request.get("Authorization") or "")
            verdict = self._authority.verify(credentials, "REGISTER", lambda *_: SECRET, b"", now)
            assert verdict is Verdict.ACCEPTED
            outcome = self._bindings.process("alice@here", incoming.request, Origin(incoming.flow), now)
            contacts = [("Contact", each) for each in outcome.contacts]
            self._agent.respond(incoming, outcome.status, now, headers=contacts)
        self._agent.next_timeout()
        ((sent, _),) = self._agent.messages_to_send()
        return sent

    def whole_registration(self, number: int) -> None:
        """REGISTER, 401, REGISTER, 200."""
        now = float(number)
        challenged = self.receive(register(number, 1), now)
        text = challenged.partition(b"WWW-Authenticate: ")[2].partition(b"\r")[0].decode()
        assert self.receive(register(number, 2, credentials(text)), now).startswith(b"SIP/2.0 200")


def register(number: int, cseq: int, authorization: str = "") -> bytes:
    made = request("REGISTER", number, cseq)
    extra = f"Authorization: {authorization}\r\nContent-Length" if authorization else "Content-Length"
    return made.replace(b"Content-Length", extra.encode())


def credentials(text: str) -> str:
    """What alice answers to a challenge."""
    challenge, uri = Challenge.parse(text), f"sip:9196@{HERE}"
    a2 = ("REGISTER", uri, b"")
    proof = answer("MD5", SECRET, challenge.nonce, "auth", "00000001", "c", a2)
    given = Credentials("alice", "here", challenge.nonce, uri, proof, "MD5", "auth", "c", "00000001")
    return str(given)


def steps_of(work: Callable[[int], None]) -> int:
    """The calls of our Python functions when it is done once more."""
    steps = 0

    def count_step(frame: FrameType, event: str, argument: object) -> None:
        nonlocal steps
        steps += event == "call" and frame.f_code.co_filename.startswith(OURS)

    for number in range(WARM):
        work(number)
    before = sys.getprofile()
    sys.setprofile(count_step)
    try:
        work(WARM)
    finally:
        sys.setprofile(before)
    return steps


class TestWhatACallCosts:
    def test_it_takes_no_more_steps_than_so(self) -> None:
        assert steps_of(Called().whole_call) <= MOST_STEPS

    def test_nor_does_a_registration(self) -> None:
        assert steps_of(Registrar().whole_registration) <= MOST_STEPS_OF_A_REGISTRATION

    def test_it_is_let_go_without_the_collector(self) -> None:
        called = Called()
        gc.disable()
        try:
            called.receive(request("INVITE", 1, 1), 0.0)
            (call,) = called.agent.calls
            kept = weakref.ref(call)
            tag = call.dialog.local_tag
            called.receive(request("ACK", 1, 1, tag), 0.0)
            assert call.state is CallState.CONFIRMED
            del call
            called.receive(request("BYE", 1, 2, tag), 0.0)
            assert kept() is None
        finally:
            gc.enable()
