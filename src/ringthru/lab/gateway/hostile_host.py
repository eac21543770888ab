"""What a hostile host of the LAN says in its own name (TO11): answers nobody asked it for, and lies.

Lives here: where it is, and its forged answers of port 5351.
Never here: what it announces (announcer), what it answers to searches (company makes it a gateway of lies).
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import Final

from .pcp_messages import HEADER, RESPONSE, VERSION, write_address
from .replies import Reply

LYING_ADDRESS: Final = "6.6.6.6"  # what it says the external address is
LYING_PORT: Final = 6666  # and the external port
LYING_LIFE: Final = 7200  # seconds it says the mapping lives
PORTS_AT: Final = HEADER + 16  # internal port in a PCP MAP; the external one follows


def hostile_host(gateway: str) -> str:
    """The hostile host's address: of the gateway's network."""
    return f"{gateway.rpartition('.')[0]}.66"


def forged_answers(request: bytes, gateway: str) -> list[Reply]:
    """Answers to a request that was meant for the gateway, from the hostile host; quicker than its own.

    It has seen the request, as on a Wi-Fi without a secret: what is forged fits it, nonce and all.
    """
    if len(request) < 2 or request[1] >= RESPONSE:
        return []
    forged = _forged_pcp(request) if request[0] == VERSION else _forged_natpmp(request)
    return [Reply(each, source_host=hostile_host(gateway)) for each in forged]


def _forged_natpmp(request: bytes) -> list[bytes]:
    """RFC 6886 §3.2, §3.3: success, another address, another port, and an epoch of 0."""
    head = struct.pack("!BBHI", 0, RESPONSE | request[1], 0, 0)
    if request[1] == 0:
        return [head + IPv4Address(LYING_ADDRESS).packed]
    return [head + request[4:6] + struct.pack("!HI", LYING_PORT, LYING_LIFE)] if len(request) >= 12 else []


def _forged_pcp(request: bytes) -> list[bytes]:
    """RFC 6887 §7.2, §11.1: the same in PCP."""
    head = struct.pack("!BBxBII12x", VERSION, RESPONSE | request[1], 0, LYING_LIFE, 0)
    if len(request) < HEADER + 36:
        return [head]
    body = request[HEADER : PORTS_AT + 2] + struct.pack("!H", LYING_PORT) + write_address(LYING_ADDRESS)
    return [head + body]
