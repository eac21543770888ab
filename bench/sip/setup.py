"""P5: how long a caller waits for the 200, near and far, with a gateway that answers and one that hangs.

The stopwatch of the far calls is our own, for they must come through a mapping; beside them sipp measures a
near call of ours and of each peer, in the same run.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

from ringthru.lab.namespaces.laboratory import (
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
    Topology,
)
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.netns import LaboratoryError

from ..report import Row, progress
from ..startup import first_answer, switch_started
from . import load
from .programs import Program, peers, ringthru_program, running

CALLS = 40  # for one median
SIPP_RATE = 10.0  # calls a second: nobody is busy
PAUSE = 0.07  # seconds between two calls: the shipped configuration takes 15 a second from one source
GOAL = 3.0  # ms
ADDED_GOAL = 0.5  # ms: nothing, but for the noise of a way through one more router
PATIENCE = 5.0  # seconds for one answer
TO_TAG = re.compile(r"^To:[^\r]*", re.M | re.I)
Place = tuple[str, int]


def setup_rows(runs: int, beside: Path | None) -> list[Row]:
    progress(f"P5: {CALLS} calls each, {runs} runs")
    measured = [_one_run() for _ in range(runs)]
    near, far, hung = (median(run[index] for run in measured) * 1000 for index in range(3))
    return [
        Row("P5", "a call from the LAN, INVITE → 200", near, "ms", goal=GOAL),
        Row("P5", "a call from the Internet through the mapping", far, "ms", goal=GOAL),
        Row("P5", "… what NAT adds", far - near, "ms", goal=ADDED_GOAL),
        Row("P5", "… while the gateway's daemon hangs", hung, "ms", goal=GOAL),
        *_beside_peers(beside),
    ]


def _beside_peers(beside: Path | None) -> list[Row]:
    """The mean time to the 200 that sipp sees, of a server that has little to do: ours, and the peers'."""
    programs = [ringthru_program(), *(each for each in peers(beside) if each.echo)]
    seen = {each.name: _seen_by_sipp(each) for each in programs}
    ours = seen[programs[0].name]
    rows = []
    for name, milliseconds in seen.items():
        peer = name != programs[0].name and milliseconds > 0
        ratio = ours / milliseconds if peer else None
        words = f"a call from the LAN, as sipp sees it: {name}"
        rows.append(Row("P5", words, milliseconds, "ms", ratio=ratio, peer="ours ÷ it" if peer else ""))
    return rows


def _seen_by_sipp(program: Program) -> float:
    """Milliseconds; 0: it served nobody."""
    progress(f"P5: {program.name}")
    try:
        with Laboratory(Topology.NONE) as laboratory, running(laboratory, program) as server:
            load.calls(laboratory, server, "9196", SIPP_RATE, 5)  # the first has much to load
            return load.calls(laboratory, server, "9196", SIPP_RATE, CALLS).answer_ms
    except LaboratoryError as error:
        progress(f"{program.name}: {error}")
        return 0.0


def _one_run() -> tuple[float, float, float]:
    """Median seconds: near, far, and far while miniupnpd answers nothing."""
    with Laboratory(serves=Serves.NATPMP) as laboratory:
        outside = laboratory.udp_socket(PUB, PUB_ADDRESS)
        inside = laboratory.udp_socket(PHONE, PHONE_ADDRESS)
        with outside, inside, switch_started(laboratory) as (_, switch):
            first_answer(switch, outside, (WAN_ADDRESS, 5080), b"SIP/2.0 ")
            near = _calls(inside, (PBX_ADDRESS, 5080))
            far = _calls(outside, (WAN_ADDRESS, 5080))
            laboratory.freeze_daemon()
            hung = _calls(outside, (WAN_ADDRESS, 5080))
            laboratory.thaw_daemon()
    return near, far, hung


def _calls(phone: socket.socket, target: Place) -> float:
    _one_call(phone, target)  # the first compiles what the start left out
    times = []
    for _ in range(CALLS):
        times.append(_one_call(phone, target))
        time.sleep(PAUSE)
    return median(times)


def _one_call(phone: socket.socket, target: Place) -> float:
    """Call 9196, and hang up; seconds from the INVITE to its 200."""
    here, call = phone.getsockname(), secrets.token_hex(8)

    def send(method: str, number: int, to: str, body: str = "") -> None:
        phone.sendto(_request(method, target, here, call, number, to, body), target)

    began = time.perf_counter()
    send("INVITE", 1, "To: <sip:9196@bench.invalid>", _offer(here))
    answered = _answer(phone, call, "INVITE")
    took = time.perf_counter() - began
    send("ACK", 1, answered)
    send("BYE", 2, answered)
    _answer(phone, call, "BYE")
    return took


def _request(method: str, target: Place, here: Place, call: str, number: int, to: str, body: str) -> bytes:
    lines = [
        f"{method} sip:9196@{target[0]}:{target[1]} SIP/2.0",
        f"Via: SIP/2.0/UDP {here[0]}:{here[1]};branch=z9hG4bK{call}{method};rport",
        "From: <sip:stopwatch@bench.invalid>;tag=stopwatch",
        to,
        f"Call-ID: {call}",
        f"CSeq: {number} {method}",
        f"Contact: <sip:stopwatch@{here[0]}:{here[1]}>",
        "Max-Forwards: 70",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _offer(here: Place) -> str:
    origin = f"IN IP4 {here[0]}"
    lines = ["v=0", f"o=- 1 1 {origin}", "s=-", f"c={origin}", "t=0 0", "m=audio 6000 RTP/AVP 0", ""]
    return "\r\n".join(lines)


def _answer(phone: socket.socket, call: str, method: str) -> str:
    """The To line of the 200 for a request of this call."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(TimeoutError):
            text = phone.recv(65535).decode()
            found = TO_TAG.search(text)
            if text.startswith("SIP/2.0 200") and call in text and f" {method}\r" in text and found:
                return found[0]
    raise LaboratoryError(f"no 200 to {method} within {PATIENCE:g} s")
