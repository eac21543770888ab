"""64 KiB of anything in any header cost four times what 16 KiB cost, not sixteen times.

Whole messages, to a user agent that answers calls and to a registrar; measured in the process's own CPU
time, so that a busy machine changes nothing. What is done within a few milliseconds needs no proof.
"""

from __future__ import annotations

from contextlib import suppress
from time import process_time

import pytest

from ringthru.sip.errors import SipError
from ringthru.sip.transport.stream import MessageStream
from ringthru.sip.wire.framing import MAX_MESSAGE

from .flows import Registrar
from .network import ALICE, BOB, Network, Party, answering

QUARTER, WHOLE = 15_000, 60_000  # octets of the header; with the rest less than a datagram may have
HARMLESS = 0.02  # seconds for a datagram that is as large as one can be
GROWTH = 9.0  # times; linear is 4, quadratic is 16
UNITS = [
    *["<", ">", '"', "\\", '\\"', ",", ";", " ", "\t", "\r\n ", "=", "a", "a,", ";a", ";a=", '"a",'],
    *["%41", "%", "@", ":", "[", "]:", "<>", "<sip:a@b>,", "?", "&a=", "(", "()", "\x7f", "é", "a b ", "0"],
    *["SIP/2.0/UDP a,", "a=b,", 'a="b",'],
]
HEADERS = (  # where somebody reads them, and two that nobody does
    *("Via", "From", "To", "Contact", "Route", "Record-Route", "CSeq", "Call-ID", "Max-Forwards", "Expires"),
    *("Content-Length", "Content-Type", "Content-Disposition", "Accept", "Require", "Supported", "Allow"),
    *("Proxy-Require", "Authorization", "Proxy-Authorization", "Reason", "Replaces", "Refer-To", "Path"),
    *("Referred-By", "Session-Expires", "Min-SE", "User-Agent", "Subject", "X-Anything"),
)
ROWS = {
    "Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-1",
    "From": f"<sip:a@{ALICE}>;tag=a",
    "To": f"<sip:b@{BOB}>",
    "Call-ID": "c",
    "Contact": f"<sip:a@{ALICE}>",
    "Supported": "timer, replaces",
}


def message(method: str, header: str, value: str) -> bytes:
    rows = {**ROWS, "CSeq": f"1 {method}", header: f"{ROWS.get(header, '')}{value}"}
    lines = [f"{method} sip:b@{BOB} SIP/2.0", *(f"{name}: {text}" for name, text in rows.items()), "", ""]
    data = "\r\n".join(lines).encode()
    return data[: MAX_MESSAGE - 4].removesuffix(b"\r") + b"\r\n\r\n"


def cost(method: str, data: bytes) -> float:
    """CPU seconds that it takes to read the message and to do whatever it asks for; the least of three."""
    least = 9.0
    for _ in range(3):
        network = Network()
        bob: Party = Registrar(network, BOB) if method == "REGISTER" else Party(network, BOB)
        if method != "REGISTER":
            bob.on_event = answering(bob)
        began = process_time()
        with suppress(SipError):  # the registrar of these tests lets credentials go unread
            bob.receive(data, ALICE)
            bob.settle()
        least = min(least, process_time() - began)
        if least < HARMLESS:
            break
    return least


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_a_header(method: str, header: str) -> None:
    for unit in UNITS:
        whole = cost(method, message(method, header, unit * (WHOLE // len(unit.encode()))))
        if whole >= HARMLESS:
            part = cost(method, message(method, header, unit * (QUARTER // len(unit.encode()))))
            assert whole < GROWTH * part, f"{unit!r}: {part:.3f} s, and four times as much {whole:.3f} s"


@pytest.mark.parametrize("unit", UNITS)
def test_a_stream_that_comes_in_small_pieces(unit: str) -> None:
    """Each segment is looked at once, however long the message has become."""

    def fed(size: int) -> float:
        stream, data = MessageStream(), message("INVITE", "Subject", unit * (size // len(unit.encode())))
        began = process_time()
        for place in range(0, len(data), 100):
            stream.receive(data[place : place + 100])
        return process_time() - began

    whole = min(fed(WHOLE) for _ in range(3))
    if whole >= HARMLESS:
        part = min(fed(QUARTER) for _ in range(3))
        assert whole < GROWTH * part, f"{part:.3f} s, and four times as much {whole:.3f} s"
