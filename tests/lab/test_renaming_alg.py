"""An ALG that renames one key of a dialog after its INVITE: the other side sees it, the phone does not."""

from __future__ import annotations

import pytest

from ringthru.lab.gateway.renaming_alg import Renames, RenamingAlg
from ringthru.net.address import Endpoint
from ringthru.sip import Request, Response
from ringthru.sip.wire.parsing import parse

PHONE, OUTSIDE, PEER = (
    Endpoint("192.168.2.103", 5072),
    Endpoint("33.44.55.1", 40000),
    Endpoint("11.0.113.1", 5060),
)
KEYS = {
    Renames.CALL_ID: lambda message: message.call_id,
    Renames.FROM_TAG: lambda message: message.from_.tag,
    Renames.TO_TAG: lambda message: message.to.tag,
    Renames.CSEQ: lambda message: message.cseq.number,
}
SDP = b"v=0\r\nc=IN IP4 192.168.2.103\r\n"


def request(method: str, to_tag: str = "", body: bytes = b"") -> bytes:
    rows = [
        ("Via", f"SIP/2.0/UDP {PHONE};rport;branch=z9hG4bK1"),
        ("From", "<sip:1000@11.0.113.1>;tag=from"),
        ("To", "<sip:9196@11.0.113.1>" + (f";tag={to_tag}" if to_tag else "")),
        ("Call-ID", "call@192.168.2.103"),
        ("CSeq", f"2 {method}"),
        ("Contact", f"<sip:1000@{PHONE}>"),
    ]
    return Request(method, f"sip:9196@{PEER}", rows, body).encode()


def answer(to: Request) -> bytes:
    rows = [pair for pair in to.headers if pair[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
    return Response(200, "OK", rows).encode()


@pytest.mark.parametrize("renames", KEYS, ids=lambda each: each.value)
class TestOneKey:
    def test_the_invite_keeps_it_and_the_ack_does_not(self, renames):
        alg, key = RenamingAlg(renames, PHONE, OUTSIDE), KEYS[renames]
        assert key(parse(alg.outward(request("INVITE"), PEER))) == key(parse(request("INVITE")))
        ack = parse(alg.outward(request("ACK", "to"), PEER))
        changed = [name for name, read in KEYS.items() if read(ack) != read(parse(request("ACK", "to")))]
        assert changed == [renames]

    def test_the_phone_gets_its_own_back(self, renames):
        alg, bye = RenamingAlg(renames, PHONE, OUTSIDE), parse(request("BYE", "to"))
        seen = parse(alg.outward(bye.encode(), PEER))
        returned = parse(alg.inward(answer(seen), PEER))
        assert [read(returned) for read in KEYS.values()] == [read(bye) for read in KEYS.values()]


class TestWhatEveryAlgDoes:
    def test_the_phone_is_never_named_and_the_length_fits(self):
        alg = RenamingAlg(Renames.NOTHING, PHONE, OUTSIDE)
        sent = alg.outward(request("INVITE", body=SDP), PEER)
        parsed = parse(sent)
        assert parsed.via.host == OUTSIDE.host
        assert str(OUTSIDE) in (parsed.get("Contact") or "")
        assert parsed.body == SDP.replace(b"192.168.2.103", b"33.44.55.1")

    def test_an_ack_may_name_the_gateway_itself(self):
        alg = RenamingAlg(Renames.REQUEST_URI, PHONE, OUTSIDE)
        assert alg.outward(request("ACK", "to"), PEER).startswith(b"ACK sip:33.44.55.1:40000 SIP/2.0\r\n")
        assert alg.outward(request("BYE", "to"), PEER).startswith(b"BYE sip:9196@")

    def test_what_is_no_sip_passes(self):
        alg = RenamingAlg(Renames.CALL_ID, PHONE, OUTSIDE)
        for data in (b"", b"\r\n\r\n", b"\x80\x00rtp", bytes(range(256))):
            assert alg.outward(data, PEER) == alg.inward(data, PEER) == data
