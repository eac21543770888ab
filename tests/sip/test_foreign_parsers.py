"""The same bytes to three parsers: ours, sippy's and aiosipua's. Where they disagree, it is known and listed.

Both come from PyPI and run in a process of their own (`foreign/parsers.py`). A message that two of them read
must mean the same to both: who asks for what, in which transaction and dialog.
"""

# ruff: noqa: SIM905 (a list of words reads as words)

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringthru.sip.errors import MalformedMessage
from ringthru.sip.wire.message import Request
from ringthru.sip.wire.parsing import parse

from .test_torture import HOME, load

STACKS = ("sippy", "aiosipua")
REFUSES = {  # what we read, as RFC 4475 wants it
    "sippy": "mpart01 wsinv novelsc unkscm unksm2".split(),  # octets that are no UTF-8; LWS; schemes
    "aiosipua": [],
}
READS = {  # what we refuse, as RFC 4475 advises or allows
    "sippy": "badinv01 badvers bigcode escruri intmeth lwsstart mcl01 mismatch01 mismatch02 multi01 ncl"
    " regbadct scalar02 scalarlg trws".split(),
    "aiosipua": "badaspec baddn badinv01 badvers bigcode clerr escruri intmeth ltgtruri lwsruri lwsstart"
    " mcl01 mismatch01 mismatch02 multi01 ncl quotbal regbadct scalar02 scalarlg trws".split(),
}
Ask = Callable[[bytes], dict[str, Any]]


@pytest.fixture(scope="module")
def ask(foreign_stacks: tuple[str, ...]) -> Iterator[Ask]:
    """What each of the others reads in a message."""
    argv = [sys.executable, str(Path(__file__).parent / "foreign" / "parsers.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(argv, text=True, **pipes) as process:  # type: ignore[call-overload]

        def ask(data: bytes) -> dict[str, Any]:
            process.stdin.write(data.hex() + "\n")
            process.stdin.flush()
            found: dict[str, Any] = json.loads(process.stdout.readline())
            return found

        yield ask
        process.stdin.close()


def ours(data: bytes) -> list[Any] | None:
    try:
        message = parse(data)
    except MalformedMessage:
        return None
    return [
        message.method if isinstance(message, Request) else message.status,  # type: ignore[attr-defined]
        message.cseq.number,
        message.cseq.method,
        message.call_id,
        message.from_.tag,
        message.to.tag,
        message.via.branch,
        len(message.vias),
    ]


QUOTED = {  # a display name, and who reads it as we do (§25.1, quoted-string)
    '"a<b"': STACKS,
    '"a>b"': STACKS,
    '"a\\"b"': STACKS,
    '"a, <b>"': ("sippy",),  # the other finds the angle brackets first, and then no tag
    '"a\\\\"': ("aiosipua",),  # the other takes the closing quote for an escaped one
}
MESSAGES = sorted(path for kind in ("valid", "semantic", "malformed") for path in (HOME / kind).glob("*.sip"))


@pytest.mark.parametrize("stack", STACKS)
class TestTorture:
    @pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
    def test_what_both_read_means_the_same(self, ask: Ask, stack: str, path: Path) -> None:
        data = load(path)
        mine, theirs = ours(data), ask(data)[stack]
        if path.stem in REFUSES[stack]:
            assert theirs is None
        elif path.stem in READS[stack]:
            assert mine is None
            assert theirs is not None
        else:
            assert mine == theirs


WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=12)
TOKEN = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
HOST = st.one_of(
    st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{2,5}){1,3}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
PORT = st.one_of(st.just(""), st.integers(1, 65535).map(":{}".format))
URI = st.builds("sip:{}@{}{}".format, WORD, HOST, PORT)
DISPLAY = st.one_of(
    st.just(""),
    WORD,
    st.text("abc é,;:@", max_size=12).map('"{}"'.format),  # what else may be quoted: QUOTED
)
ADDRESS = st.builds("{} <{}>".format, DISPLAY, URI)
VIA = st.builds(
    "SIP/2.0/{} {}{};branch=z9hG4bK{}".format, st.sampled_from(["UDP", "TCP", "TLS"]), HOST, PORT, TOKEN
)
SPELLINGS = {
    "Via": ["Via", "v", "VIA"],
    "From": ["From", "f", "from"],
    "To": ["To", "t"],
    "Call-ID": ["Call-ID", "i", "Call-Id"],
    "CSeq": ["CSeq", "Cseq", "CSEQ"],
    "Contact": ["Contact", "m"],
    "Subject": ["Subject", "s"],
    "Max-Forwards": ["Max-Forwards", "max-forwards"],
}


@st.composite
def good_messages(draw: st.DrawFn) -> bytes:
    """A message that RFC 3261 §25 allows: any order, any spelling, one Via to a line or several."""
    method = draw(
        st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "UPDATE"])
    )
    vias = draw(st.lists(VIA, min_size=1, max_size=4))
    if draw(st.booleans()):
        vias = [", ".join(vias)]
    rows = [
        *(("Via", via) for via in vias),
        ("From", f"{draw(ADDRESS)};tag={draw(TOKEN)}"),
        ("To", draw(ADDRESS) + draw(st.one_of(st.just(""), TOKEN.map(";tag={}".format)))),
        ("Call-ID", draw(TOKEN) + draw(st.one_of(st.just(""), HOST.map("@{}".format)))),
        ("CSeq", f"{draw(st.integers(0, 2**31 - 1))} {method}"),
        ("Contact", draw(ADDRESS)),
        ("Max-Forwards", str(draw(st.integers(0, 255)))),
        ("Subject", draw(st.text('abc :;,<>"é', max_size=20))),
    ]
    rows = draw(st.permutations(rows)) if len(vias) == 1 else rows
    gap = draw(st.sampled_from([": ", ":", " : ", ":\t", ":\r\n "]))
    lines = [f"{draw(st.sampled_from(SPELLINGS[name]))}{gap}{value}" for name, value in rows]
    body = draw(st.sampled_from([b"", b"v=0\r\n"]))
    start = draw(
        st.one_of(
            st.builds("{} {} SIP/2.0".format, st.just(method), URI),
            st.builds("SIP/2.0 {} {}".format, st.integers(100, 699), st.text("abc é", max_size=10)),
        )
    )
    return "\r\n".join([start, *lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=good_messages())
def test_good_messages_mean_the_same_to_all_three(ask: Ask, data: bytes) -> None:
    mine = ours(data)
    assert mine is not None
    assert ask(data) == dict.fromkeys(STACKS, mine)


@pytest.mark.parametrize(("name", "readers"), QUOTED.items())
def test_quoted_names(ask: Ask, name: str, readers: tuple[str, ...]) -> None:
    data = (
        "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n"
        f"From: {name} <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
    ).encode()
    mine = ours(data)
    assert mine == ["OPTIONS", 1, "OPTIONS", "c", "1", None, "z9hG4bKx", 1]
    assert {stack for stack, theirs in ask(data).items() if theirs == mine} == set(readers)
