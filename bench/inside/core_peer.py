"""Our SIP core from the library alone: answers every call with a fixed SDP, as ``aiosipua_peer`` does.

No media, dialplan, channel, log or record of the call is made: the work is the same as that program's.
"""

from __future__ import annotations

import asyncio
import os
import sys

from ringthru.net.address import Endpoint
from ringthru.sip import Event, IncomingCall, SipDriver, UserAgent

HERE = sys.argv[1]
LINES = ("v=0", f"o=- 1 1 IN IP4 {HERE}", "s=-", f"c=IN IP4 {HERE}", "t=0 0", "m=audio 6200 RTP/AVP 0")
SDP = "".join(f"{line}\r\n" for line in (*LINES, "a=rtpmap:0 PCMU/8000")).encode()


async def main() -> None:
    loop = asyncio.get_running_loop()
    local = Endpoint(HERE, 5060)
    agent = UserAgent(
        seen_by=lambda flow: local, token=lambda: os.urandom(8).hex(), user_agent="ringthru.sip"
    )

    def answer(event: Event) -> None:
        if isinstance(event, IncomingCall):
            event.call.ring(loop.time())
            event.call.answer(loop.time(), SDP)

    await SipDriver.open(local, agent, answer)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
