"""aiosipua from PyPI as a phone: it obeys the lines of its input, and prints a line for whatever happens.

Arguments and lines are those of `sippy_phone.py`, without strange and deaf: it takes a refused re-INVITE
for the end of the call, and sends every request once. So it is what it *gets* that is lost here.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from typing import Any

from aiosipua import SipUAC, SipUAS, parse_sdp  # type: ignore[import-not-found]
from aiosipua.transport import UdpSipTransport  # type: ignore[import-not-found]

HERE, PORT = sys.argv[1], int(sys.argv[2])
SWITCH = (sys.argv[3], int(sys.argv[4]))
LOST = float(sys.argv[5])
random.seed(int(sys.argv[6]))


def say(*words: object) -> None:
    print(*words, flush=True)


class Transport(UdpSipTransport):  # type: ignore[misc]
    """One that loses requests and responses before they are read."""

    def _dispatch(self, data: bytes, addr: tuple[str, int]) -> None:
        if random.random() >= LOST:
            super()._dispatch(data, addr)


class Phone:
    """One call at a time."""

    def __init__(self) -> None:
        transport = Transport(local_addr=(HERE, PORT))
        self.client = SipUAC(transport)
        self.server = SipUAS(transport, uac=self.client)
        self.server.on_invite = self.called
        self.server.on_reinvite = self.offered
        self.server.on_bye = lambda *_: say("ended")
        self.server.on_cancel = lambda *_: say("ended")
        self.call: Any = None
        self.ours = False
        self.stubborn = False
        self.version = 0

    def called(self, call: Any) -> None:
        self.call, self.ours = call, False
        call.ringing()
        say("called")

    def offered(self, call: Any) -> None:
        say("offered")
        if self.stubborn:
            call.reject(488, "No")
        else:
            call.accept(self.sdp("sendrecv"))

    def sdp(self, direction: str) -> Any:
        self.version += 1
        return parse_sdp(
            f"v=0\r\no=- 1 {self.version} IN IP4 {HERE}\r\ns=-\r\nc=IN IP4 {HERE}\r\nt=0 0\r\n"
            f"m=audio 6400 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na={direction}\r\n"
        )

    def obey(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "call":
            there = f"sip:{rest}@{SWITCH[0]}:{SWITCH[1]}"
            self.call = self.client.send_invite(
                f"sip:aiosipua@{HERE}:{PORT}", there, SWITCH, self.sdp("sendrecv")
            )
            self.ours = True
            self.call.on_ringing = lambda *_: say("ringing")
            self.call.on_answer = lambda *_: say("connected")
            self.call.on_rejected = lambda _, status, reason: say("failed", status)
        elif word == "answer":
            self.call.accept(self.sdp("sendrecv"))
            say("connected")
        elif word == "busy":
            self.call.reject(486, "Busy Here")
        elif word in ("hold", "resume"):
            offer = self.sdp("sendonly" if word == "hold" else "sendrecv")
            self.client.send_reinvite(self.call.dialog, offer, SWITCH)
        elif word == "cancel":
            self.call.cancel(self.client)
        elif word == "bye":
            self.call.hangup(*([self.client] if self.ours else []))
        elif word == "stubborn":
            self.stubborn = True


async def main() -> None:
    phone = Phone()
    await phone.server.start()

    def typed() -> None:
        for line in os.read(sys.stdin.fileno(), 4096).decode().splitlines():
            phone.obey(line)

    asyncio.get_running_loop().add_reader(sys.stdin, typed)
    say("ready")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
