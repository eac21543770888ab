"""aiosipua from PyPI: answers calls to 9196, bridges all others to the called side (the descriptions pass
through), and registers users with digest.

It has no registrar of its own: challenges, and the book of contacts, are made here of what it exports.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from typing import Any

from aiosipua import (  # type: ignore[import-not-found]
    SipDigestAuth,
    SipRequest,
    SipResponse,
    SipUAC,
    SipUAS,
    build_sdp,
    parse_auth,
)
from aiosipua.auth import build_credentials  # type: ignore[import-not-found]
from aiosipua.transport import UdpSipTransport  # type: ignore[import-not-found]

CALLED = ("192.168.1.50", 5071)
HERE = sys.argv[1]
PASSWORD = "A-password-of-the-bench-17"


class Registrar:
    """Takes the REGISTERs out of what the transport hears; the rest is the agent's."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._others = transport.on_message
        self._nonces: set[str] = set()
        self._contacts: dict[str, str] = {}

    def take(self, message: Any, source: tuple[str, int]) -> None:
        if not isinstance(message, SipRequest) or message.method != "REGISTER":
            self._others(message, source)
        elif (user := self._proven(message)) is not None:
            contact = message.get_header("contact") or ""
            self._contacts[user] = contact
            self._answer(message, 200, "OK", ("Contact", f"{contact};expires=3600"))
        else:
            nonce = secrets.token_hex(16)
            self._nonces.add(nonce)
            challenge = f'Digest realm="{HERE}", nonce="{nonce}", algorithm=MD5'
            self._answer(message, 401, "Unauthorized", ("WWW-Authenticate", challenge))

    def _proven(self, request: Any) -> str | None:
        """Whose credentials a request has; None where it has none, or wrong ones."""
        found = parse_auth(request.get_header("authorization") or "Digest")
        user, nonce = found.params.get("username", ""), found.params.get("nonce", "")
        if nonce not in self._nonces:
            return None
        self._nonces.discard(nonce)
        right = build_credentials(
            SipDigestAuth(user, PASSWORD), found, "REGISTER", found.params.get("uri", "")
        )
        return user if right and right.params["response"] == found.params.get("response") else None

    def _answer(self, request: Any, status: int, reason: str, header: tuple[str, str]) -> None:
        response = SipResponse(status_code=status, reason_phrase=reason)
        for name in ("Via", "From", "Call-ID", "CSeq"):
            for value in request.get_header_values(name):
                response.add_header(name, value)
        response.add_header("To", f"{request.get_header('to')};tag={secrets.token_hex(4)}")
        response.add_header(*header)
        self._transport.send_reply(response)


class Bridges:
    """Calls that stand with one another, by the Call-ID of each leg."""

    def __init__(self, uac: Any) -> None:
        self._uac = uac
        self._callers: dict[str, Any] = {}  # by the called leg
        self._called: dict[str, Any] = {}  # by the caller's leg

    def begin(self, call: Any) -> None:
        here, there = f"sip:load@{HERE}:5060", f"sip:called@{CALLED[0]}:{CALLED[1]}"
        called = self._uac.send_invite(here, there, CALLED, call.sdp_offer)
        called.on_answer = lambda leg: call.accept(leg.sdp_answer)
        self._called[call.call_id] = called
        self._callers[called.call_id] = call

    def end(self, call: Any, bye: Any) -> None:
        """One leg has hung up, and so shall the other."""
        if (called := self._called.pop(call.call_id, None)) is not None:
            self._callers.pop(called.call_id, None)
            called.hangup(self._uac)
        elif (caller := self._callers.pop(call.call_id, None)) is not None:
            self._called.pop(caller.call_id, None)
            caller.hangup()


async def main() -> None:
    transport = UdpSipTransport(local_addr=(HERE, 5060))
    uac = SipUAC(transport)
    agent = SipUAS(transport, uac=uac)
    bridges = Bridges(uac)

    def answer(call: Any) -> None:
        if not call.invite.uri.startswith("sip:9196@"):
            bridges.begin(call)
            return
        call.ringing()
        call.accept(build_sdp(local_ip=HERE, rtp_port=6200, payload_type=0, codec_name="PCMU"))

    agent.on_invite = answer
    agent.on_bye = bridges.end
    await agent.start()
    transport.on_message = Registrar(transport).take
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
