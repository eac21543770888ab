"""SIP messages bent out of shape, the same ones for a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

TORTURE = Path(__file__).parents[1] / "sip" / "torture"
METHODS = (
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "REFER",
    "INFO",
    "UPDATE",
    "X",
)
ODD = [
    b"\x00",
    b"\xff",
    b"\r\n",
    b"\r\n\r\n",
    b"%00",
    b"%0d%0a",
    b'"',
    b"<",
    b">",
    b";",
    b"=",
    b"${x}",
    b"[::1]",
]
ODD += [
    b"99999999999999999999",
    b"-1",
    b"A" * 5000,
    b" " * 400,
    b"\t",
    b"\\",
    b"%s%n",
    "é☎".encode(),
    b"sip:",
    b",,",
]
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"
)


def mangled(target: str, seed: int) -> Iterator[bytes]:
    """Messages for ``HOST:PORT`` without end; one in eight is whole."""
    dice = random.Random(seed)
    tortures = [path.read_bytes() for path in sorted(TORTURE.rglob("*.sip"))]
    number = 0
    while True:
        number += 1
        whole = dice.choice(tortures) if dice.random() < 0.2 else _request(dice, target, number)
        yield whole if dice.random() < 0.125 else _bend(dice, whole)


def _request(dice: random.Random, target: str, number: int) -> bytes:
    method = dice.choice(METHODS)
    body = SDP if dice.random() < 0.4 else b""
    user = dice.choice(("9196", "9197", "1000", "1001", "", "x" * 200))
    tag = dice.choice(("", "", ";tag=there"))
    rows = [
        f"{method} sip:{user}@{target} SIP/2.0",
        f"Via: SIP/2.0/{dice.choice(('UDP', 'TCP'))} 127.0.0.9:5070;rport;branch=z9hG4bK{number}",
        f'From: "A" <sip:1000@{target}>;tag=f{number}',
        f"To: <sip:{user}@{target}>{tag}",
        f"Call-ID: mangled-{number}",
        f"CSeq: {dice.randrange(2**32)} {method}",
        "Contact: <sip:1000@127.0.0.9:5070>",
        f"Max-Forwards: {dice.choice((0, 1, 70, 255))}",
        *dice.sample(HEADERS, dice.randrange(4)),
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(rows).encode() + b"\r\n\r\n" + body


HEADERS = [
    "Supported: timer, path, outbound, replaces",
    "Require: 100rel",
    "Session-Expires: 90;refresher=uac",
    "Replaces: a@b;to-tag=1;from-tag=2",
    "Refer-To: <sip:1001@127.0.0.1?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>",
    'Authorization: Digest username="1000", realm="x", nonce="1.1.1.1", uri="sip:x", response="0", nc=1',
    'Proxy-Authorization: Digest username="1000", realm="x", nonce="é", uri="sip:x", response="0"',
    "Record-Route: <sip:127.0.0.9:5070;lr>, <sip:127.0.0.8>",
    "Route: <sip:127.0.0.1;lr>",
    "Expires: 60",
    "Event: dialog",
    "Accept: text/plain",
    "RAck: 1 1 INVITE",
    "Reason: Q.850;cause=16",
]


def _bend(dice: random.Random, data: bytes) -> bytes:
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(7):
            case 0:
                data = data[:at]
            case 1:
                data = data[:at] + dice.choice(ODD) + data[at:]
            case 2:
                data = data[:at] + data[min(at + dice.randrange(40), len(data)) :]
            case 3:
                data = data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
            case 4:
                rows = data.split(b"\r\n")
                rows.insert(dice.randrange(len(rows) + 1), dice.choice(rows))
                data = b"\r\n".join(rows)
            case 5:
                rows = data.split(b"\r\n")
                del rows[dice.randrange(len(rows))]
                data = b"\r\n".join(rows)
            case 6:
                rows = data.split(b"\r\n")
                row = dice.randrange(len(rows))
                name, colon, _ = rows[row].partition(b":")
                rows[row] = name + colon + b" " + dice.choice(ODD)
                data = b"\r\n".join(rows)
    return data[:60_000]
