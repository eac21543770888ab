"""aiosipua from PyPI: answers every call."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from aiosipua import SipUAS, build_sdp  # type: ignore[import-not-found]
from aiosipua.transport import UdpSipTransport  # type: ignore[import-not-found]

HERE = sys.argv[1]


async def main() -> None:
    transport = UdpSipTransport(local_addr=(HERE, 5060))
    agent = SipUAS(transport)

    def answer(call: Any) -> None:
        call.ringing()
        call.accept(build_sdp(local_ip=HERE, rtp_port=6200, payload_type=0, codec_name="PCMU"))

    agent.on_invite = answer
    await agent.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
