"""What a call costs, in steps: the calls of Python functions that one makes are the same on every machine.

They are not time, but time follows them; and what waits for the collector is what it must look through.
"""

from __future__ import annotations

import gc
import sys
import weakref
from itertools import count
from pathlib import Path
from types import FrameType

import ringthru
from ringthru.net.address import Endpoint
from ringthru.sip import CallState, Flow, IncomingCall, Request, UserAgent

OURS = str(Path(ringthru.__file__).parent)
HERE, PEER = Endpoint("127.40.0.2", 5060), Endpoint("127.40.0.1", 5060)
MOST_STEPS = 390  # of a whole call; it was 635 once, the making of the requests included
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


def steps_of_a_call() -> int:
    called, steps = Called(), 0

    def count_step(frame: FrameType, event: str, argument: object) -> None:
        nonlocal steps
        steps += event == "call" and frame.f_code.co_filename.startswith(OURS)

    for number in range(WARM):
        called.whole_call(number)
    before = sys.getprofile()
    sys.setprofile(count_step)
    try:
        called.whole_call(WARM)
    finally:
        sys.setprofile(before)
    return steps


class TestWhatACallCosts:
    def test_it_takes_no_more_steps_than_so(self) -> None:
        assert steps_of_a_call() <= MOST_STEPS

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
