"""A request to the fake gateway and its answer, in one line for people.

Lives here: words for NAT-PMP, PCP, SSDP and HTTP. Never here: what is answered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .pcp_messages import ANNOUNCE, MAP, PcpError, Request, Result, read_request

NATPMP_RESULTS: Final = (
    "success",
    "unsupported version",
    "not authorised",
    "network failure",
    "out of resources",
    "unsupported opcode",
)
PROTOCOLS: Final = {6: "tcp", 17: "udp"}
SHOWN: Final = 60  # characters of what cannot be read
ACTION: Final = re.compile(rb'^soapaction:\s*"?[^"#\r\n]*#(\w+)', re.IGNORECASE | re.MULTILINE)
ARGUMENT: Final = re.compile(rb"<New(ExternalPort|Protocol|InternalClient|LeaseDuration)>([^<]{0,40})<")
TARGET: Final = re.compile(rb"^st:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


def datagram_words(request: bytes, answers: Sequence[bytes]) -> tuple[str, str]:
    """What was asked on port 5351 or 1900, and what was answered."""
    if request[:8] == b"M-SEARCH":
        found = TARGET.search(request)
        told = f"{len(answers)} answers" if len(answers) != 1 else "1 answer"
        return f"SSDP search for {_text(found[1]) if found else '?'}", told
    asked = _pcp(request) if request[:1] != b"\0" else _natpmp(request)
    return asked, _answer_words(answers[-1]) if answers else "no answer"


def http_words(request: bytes, answer: bytes) -> tuple[str, str]:
    """What was asked over HTTP, and the status of the answer, with the UPnP error if there is one."""
    first = _text(request.partition(b"\r\n")[0])[:SHOWN]
    action = ACTION.search(request)
    asked = first.removesuffix(" HTTP/1.1").removesuffix(" HTTP/1.0")
    if action is not None:
        values = " ".join(_text(value) for _, value in ARGUMENT.findall(request))
        asked = f"{_text(action[1])} {values}".rstrip()
    status = _text(answer.partition(b"\r\n")[0]).partition(" ")[2][:SHOWN] or "no answer"
    error = re.search(rb"<errorCode>(\d+)<", answer)
    return asked, f"{status}, UPnP error {_text(error[1])}" if error else status


def _natpmp(request: bytes) -> str:
    if len(request) < 2:
        return f"{len(request)} bytes"
    if request[1] == 0:
        return "NAT-PMP external address"
    if request[1] > 2 or len(request) < 12:
        return f"NAT-PMP opcode {request[1]}, {len(request)} bytes"
    name = "udp" if request[1] == 1 else "tcp"
    internal, external = int.from_bytes(request[4:6]), int.from_bytes(request[6:8])
    return _map_words("NAT-PMP MAP", name, internal, external, int.from_bytes(request[8:12]))


def _pcp(request: bytes) -> str:
    if request[:1] != b"\x02":
        return f"version {request[0] if request else '?'}, {len(request)} bytes"
    try:
        read: Request = read_request(request)
    except PcpError as error:
        return f"PCP, {error.result.name.lower()}"
    if read.opcode == ANNOUNCE:
        return "PCP ANNOUNCE"
    name = PROTOCOLS.get(read.protocol, f"protocol {read.protocol}")
    kind = "PCP MAP" if read.opcode == MAP else "PCP PEER"
    return _map_words(kind, name, read.internal_port, read.suggested_port, read.lifetime)


def _map_words(kind: str, name: str, internal: int, external: int, lifetime: int) -> str:
    if lifetime == 0:
        return f"{kind} {name} {internal}, delete"
    return f"{kind} {name} {internal}, suggests {external} for {lifetime} s"


def _answer_words(answer: bytes) -> str:
    if answer[:1] == b"\x02" and len(answer) >= 24:
        code = answer[3]
        return Result(code).name.lower() if code in {*Result} else f"result {code}"
    if answer[:1] != b"\0" or len(answer) < 8:
        return f"{len(answer)} bytes"
    code = int.from_bytes(answer[2:4])
    words = NATPMP_RESULTS[code] if code < len(NATPMP_RESULTS) else f"result {code}"
    if code == 0 and len(answer) == 16:
        return f"{words}: port {int.from_bytes(answer[10:12])} for {int.from_bytes(answer[12:16])} s"
    if code == 0 and len(answer) == 12:
        return f"{words}: {'.'.join(str(octet) for octet in answer[8:])}"
    return words


def _text(octets: bytes) -> str:
    return "".join(c if c.isprintable() else " " for c in octets.decode("latin-1"))
