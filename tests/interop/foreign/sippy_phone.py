"""sippy from PyPI as a phone: it obeys the lines of its input, and prints a line for whatever happens.

Arguments: its own address and port, the switch's, and how much of what it sends is lost (0 to 1), by which
seed. Lines: call NUMBER, answer, busy, hold, resume, strange (an offer without a codec of ours), bye;
stubborn: refuse new offers from now on; deaf N: lose each response N times before it is sent.
"""

from __future__ import annotations

import random
import sys
from threading import Thread
from typing import Any

from sippy.CCEvents import (  # type: ignore[import-not-found]
    CCEventConnect,
    CCEventDisconnect,
    CCEventFail,
    CCEventRing,
    CCEventTry,
    CCEventUpdate,
)
from sippy.Core.EventDispatcher import ED2  # type: ignore[import-not-found]
from sippy.MsgBody import MsgBody  # type: ignore[import-not-found]
from sippy.SipConf import SipConf  # type: ignore[import-not-found]
from sippy.SipTransactionManager import SipTransactionManager, local4remote  # type: ignore[import-not-found]
from sippy.UA import UA  # type: ignore[import-not-found]
from sippy.Udp_server import Udp_server_opts  # type: ignore[import-not-found]

HERE, PORT = sys.argv[1], int(sys.argv[2])
SWITCH = (sys.argv[3], int(sys.argv[4]))
local4remote.ploss_out_rate = float(sys.argv[5])
random.seed(int(sys.argv[6]))
Udp_server_opts.nworkers = 1  # with its own number, provisional and final answers overtake each other


def say(*words: object) -> None:
    print(*words, flush=True)


class Quiet:
    """In place of its log."""

    def write(self, *_: object, **__: object) -> None: ...


class Phone:
    """One call at a time."""

    def __init__(self) -> None:
        SipConf.my_address, SipConf.my_port = HERE, PORT
        self.config: dict[str, Any] = {
            "_sip_address": HERE,
            "_sip_port": PORT,
            "_sip_logger": Quiet(),
            "nh_addr": SWITCH,
        }
        self.config["_sip_tm"] = SipTransactionManager(self.config, self.arrived)
        self.agent: Any = None
        self.stubborn = False
        self.lost = 0
        self.version = 0

    def arrived(self, request: Any, transaction: Any) -> Any:
        if request.getMethod() != "INVITE" or request.getHFBody("to").getTag():
            return (request.genResponse(481, "No such call"), None, None)
        self.agent = UA(self.config, event_cb=self.happened)
        self.agent.uas_lossemul = self.lost
        return self.agent.recvRequest(request, transaction)

    def happened(self, event: Any, agent: Any) -> None:
        if isinstance(event, CCEventTry):
            self.do(CCEventRing((180, "Ringing", None)))
            say("called")
        elif isinstance(event, CCEventRing):
            say("ringing")
        elif isinstance(event, CCEventConnect):
            say("connected")
        elif isinstance(event, CCEventUpdate):
            say("offered")
            self.do(CCEventFail((488, "No")) if self.stubborn else self.agreed())
        elif isinstance(event, CCEventFail):
            say("failed", event.getData()[0])
        elif isinstance(event, CCEventDisconnect):
            say("ended")

    def do(self, event: Any) -> None:
        self.agent.recvEvent(event)

    def agreed(self) -> Any:
        return CCEventConnect((200, "OK", self.sdp("sendrecv")))

    def sdp(self, direction: str, payload_type: int = 0) -> Any:
        self.version += 1
        return MsgBody(
            f"v=0\r\no=- 1 {self.version} IN IP4 {HERE}\r\ns=-\r\nc=IN IP4 {HERE}\r\nt=0 0\r\n"
            f"m=audio 6200 RTP/AVP {payload_type}\r\na={direction}\r\n"
        )

    def obey(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "call":
            self.agent = UA(self.config, event_cb=self.happened, nh_address=SWITCH)
            self.do(CCEventTry((None, "sippy", rest, self.sdp("sendrecv"), None, None)))
        elif word == "answer":
            self.do(self.agreed())
        elif word == "busy":
            self.do(CCEventFail((486, "Busy Here")))
        elif word in ("hold", "resume"):
            self.do(CCEventUpdate(self.sdp("sendonly" if word == "hold" else "sendrecv")))
        elif word == "strange":
            self.do(CCEventUpdate(self.sdp("sendrecv", payload_type=18)))
        elif word == "bye":
            self.do(CCEventDisconnect())
        elif word == "stubborn":
            self.stubborn = True
        elif word == "deaf":
            self.lost = int(rest)


def main() -> None:
    phone = Phone()

    def listen() -> None:
        for line in sys.stdin:
            ED2.callFromThread(phone.obey, line.strip())

    Thread(target=listen, daemon=True).start()
    say("ready")
    ED2.loop()


if __name__ == "__main__":
    main()
