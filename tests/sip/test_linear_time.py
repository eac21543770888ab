"""64 KiB of anything in any header cost eight times what 8 KiB cost, not sixty-four times.

Whole messages, to a user agent that answers calls and to a registrar; measured in the process's own CPU
time. A busy machine makes that longer, too, by its caches, and never shorter: both sizes are tried in turn,
and what looks like too much growth must look so however often it is tried. Steps would not do: most of what
is quadratic is so within one call of C. What is done within a few milliseconds needs no proof.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import inf
from time import process_time

import pytest

from ringthru.sip.errors import SipError
from ringthru.sip.transport.stream import MessageStream
from ringthru.sip.wire.framing import MAX_MESSAGE

from .flows import Registrar
from .network import ALICE, BOB, Network, Party, answering

EIGHTH, WHOLE = 7_500, 60_000  # octets of the header; with the rest less than a datagram may have
HARMLESS = 0.02  # seconds for a datagram that is as large as one can be
GROWTH = 22.0  # times; linear is 8, quadratic is 64
TRIES = 20  # of each size in turn, before its least is believed
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
    """CPU seconds that it takes to read the message and to do whatever it asks for."""
    network = Network()
    bob: Party = Registrar(network, BOB) if method == "REGISTER" else Party(network, BOB)
    if method != "REGISTER":
        bob.on_event = answering(bob)
    began = process_time()
    with suppress(SipError):  # the registrar of these tests lets credentials go unread
        bob.receive(data, ALICE)
        bob.settle()
    return process_time() - began


def too_much(cost_of: Callable[[int], float]) -> str:
    """What is wrong with the growth of a cost by size, in words; empty when nothing is."""
    part = whole = inf
    for _ in range(TRIES):
        whole = min(whole, cost_of(WHOLE))
        if whole < HARMLESS:
            return ""
        part = min(part, cost_of(EIGHTH))
        if whole < GROWTH * part:
            return ""
    return f"{part:.4f} s, and eight times as much {whole:.4f} s"


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_a_header(method: str, header: str) -> None:
    for unit in UNITS:
        words = too_much(
            lambda size, unit=unit: cost(method, message(method, header, unit * (size // len(unit.encode()))))
        )
        assert not words, f"{unit!r}: {words}"


@pytest.mark.parametrize("unit", UNITS)
def test_a_stream_that_comes_in_small_pieces(unit: str) -> None:
    """Each segment is looked at once, however long the message has become."""

    def fed(size: int) -> float:
        stream, data = MessageStream(), message("INVITE", "Subject", unit * (size // len(unit.encode())))
        began = process_time()
        for place in range(0, len(data), 100):
            stream.receive(data[place : place + 100])
        return process_time() - began

    assert not too_much(fed)
