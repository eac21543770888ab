"""sippy from PyPI: answers calls to 9196 by itself, bridges all others to the called side, and registers
users with digest: the nonces and their checks are its own, the book of contacts is a dictionary here.
"""

from __future__ import annotations

import sys
from typing import Any

from sippy.CCEvents import CCEventConnect, CCEventTry  # type: ignore[import-not-found]
from sippy.Core.EventDispatcher import ED2  # type: ignore[import-not-found]
from sippy.MsgBody import MsgBody  # type: ignore[import-not-found]
from sippy.SipAuthorization import SipAuthorization  # type: ignore[import-not-found]
from sippy.SipConf import SipConf  # type: ignore[import-not-found]
from sippy.SipHeader import SipHeader  # type: ignore[import-not-found]
from sippy.SipTransactionManager import SipTransactionManager  # type: ignore[import-not-found]
from sippy.SipWWWAuthenticate import SipWWWAuthenticate  # type: ignore[import-not-found]
from sippy.UA import UA  # type: ignore[import-not-found]
from sippy.Udp_server import Udp_server_opts  # type: ignore[import-not-found]

CALLED = ("192.168.1.50", 5071)
HERE = sys.argv[1]
PASSWORD = "A-password-of-the-bench-17"
SDP = (
    f"v=0\r\no=- 1 1 IN IP4 {HERE}\r\ns=-\r\nc=IN IP4 {HERE}\r\nt=0 0\r\n"
    "m=audio 6200 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
Udp_server_opts.nworkers = 1  # with its own number, provisional and final answers overtake each other


class Quiet:
    """In place of its log."""

    def write(self, *_: object, **__: object) -> None: ...


class Call:
    """One call: answered here, or a second leg whose events are the first one's and the other way round."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._caller = UA(config, event_cb=self._caller_event)
        self._called: Any = None

    def start(self, request: Any, transaction: Any) -> Any:
        return self._caller.recvRequest(request, transaction)

    def _caller_event(self, event: Any, ua: Any) -> None:
        if isinstance(event, CCEventTry) and event.getData()[2] == "9196":
            self._caller.recvEvent(CCEventConnect((200, "OK", MsgBody(SDP))))
        elif isinstance(event, CCEventTry):
            self._called = UA(self._config, event_cb=self._called_event, nh_address=CALLED)
            self._called.recvEvent(event)
        elif self._called is not None:
            self._called.recvEvent(event)

    def _called_event(self, event: Any, ua: Any) -> None:
        self._caller.recvEvent(event)


def registered(request: Any, contacts: dict[str, str]) -> Any:
    """The answer to a REGISTER: a challenge, or the contact that is kept."""
    bodies = [each.getBody() for each in request.getHFs("authorization")]
    credentials = next((each for each in bodies if isinstance(each, SipAuthorization)), None)
    if credentials is None or not credentials.verify(PASSWORD, "REGISTER"):
        challenge = request.genResponse(401, "Unauthorized")
        challenge.appendHeader(SipHeader(body=SipWWWAuthenticate(realm=HERE)))
        return challenge
    contacts[str(credentials.username)] = str(request.getHFBody("contact"))
    taken = request.genResponse(200, "OK")
    taken.appendHeader(SipHeader(body=request.getHFBCopy("contact")))
    taken.appendHeader(SipHeader(s="Expires: 3600"))
    return taken


def main() -> None:
    contacts: dict[str, str] = {}
    config: dict[str, Any] = {
        "_sip_address": HERE,
        "_sip_port": 5060,
        "_sip_logger": Quiet(),
        "nh_addr": CALLED,
    }
    SipConf.my_address, SipConf.my_port = HERE, 5060

    def arrived(request: Any, transaction: Any) -> Any:
        if request.getMethod() == "INVITE" and not request.getHFBody("to").getTag():
            return Call(config).start(request, transaction)
        if request.getMethod() == "REGISTER":
            return (registered(request, contacts), None, None)
        return (request.genResponse(200 if request.getMethod() == "OPTIONS" else 481, "."), None, None)

    config["_sip_tm"] = SipTransactionManager(config, arrived)
    ED2.loop()


if __name__ == "__main__":
    main()
