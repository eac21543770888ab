"""A router's SIP ALG as bytes in, bytes out (TO09): what it rewrites, spoils, and leaves alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.lab.gateway.sip_alg import SipAlg
from ringthru.net.address import Endpoint

INSIDE, OUTSIDE = Endpoint("192.168.1.103", 5060), Endpoint("11.0.113.1", 5060)
PEER = Endpoint("22.51.100.7", 5060)
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.168.1.103\r\ns=-\r\nc=IN IP4 192.168.1.103\r\nt=0 0\r\n"
    b"m=audio 16384 RTP/AVP 0\r\na=note:192.168.1.103\r\n"
)


def invite():
    lines = [
        b"INVITE sip:9196@22.51.100.7 SIP/2.0",
        b"Via: SIP/2.0/UDP 192.168.1.103:5060;rport;branch=z9hG4bK1",
        b"From: <sip:1000@192.168.1.103>;tag=a",
        b"Call-ID: 1@192.168.1.103",
        b"m: <sip:1000@192.168.1.103:5060;transport=udp>",
        b"Content-Type: application/sdp",
        b"Content-Length: %d" % len(SDP),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + SDP


@pytest.fixture
def alg():
    return SipAlg(lambda: True)


class TestGoingOut:
    @pytest.fixture
    def sent(self, alg):
        return alg.outward(invite(), INSIDE, OUTSIDE, PEER)

    def test_via_contact_and_sdp_name_the_external_address(self, sent):
        assert b"Via: SIP/2.0/UDP 11.0.113.1:5060;branch=z9hG4bK1\r\n" in sent
        assert b"m: <sip:1000@11.0.113.1:5060;transport=udp>\r\n" in sent
        assert b"c=IN IP4 11.0.113.1\r\n" in sent
        assert b"o=- 1 1 IN IP4 11.0.113.1\r\n" in sent

    def test_badly_the_length_is_wrong_then_and_the_media_port_is_nobodys(self, sent):
        head, _, body = sent.partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % len(SDP) in head
        assert len(body) != len(SDP)
        assert b"m=audio 16384 " in body
        assert b"rport" not in head

    def test_what_it_does_not_know_stays(self, sent):
        assert b"From: <sip:1000@192.168.1.103>;tag=a\r\n" in sent
        assert b"Call-ID: 1@192.168.1.103\r\n" in sent
        assert b"a=note:192.168.1.103\r\n" in sent

    def test_the_external_port_goes_with_the_address_and_another_port_stays(self, alg):
        moved = Endpoint(OUTSIDE.host, 6060)
        line = (
            b"OPTIONS sip:a@b SIP/2.0\r\nContact: <sip:192.168.1.103:5060>, <sip:192.168.1.103:7000>\r\n\r\n"
        )
        sent = alg.outward(line, INSIDE, moved, PEER)
        assert b"Contact: <sip:11.0.113.1:6060>, <sip:11.0.113.1:7000>\r\n" in sent

    def test_a_longer_address_that_begins_alike_is_another_one(self, alg):
        data = b"OPTIONS sip:a@b SIP/2.0\r\nContact: <sip:192.168.1.1030>, <sip:1.192.168.1.103>\r\n\r\n"
        assert alg.outward(data, INSIDE, OUTSIDE, PEER) == data


def test_coming_in_the_request_line_and_via_are_turned_back_and_nothing_else(alg):
    data = (
        b"BYE sip:1000@11.0.113.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 22.51.100.7\r\n"
        b"Via: SIP/2.0/UDP 11.0.113.1:5060\r\nTo: <sip:1000@11.0.113.1>\r\n\r\n"
    )
    assert alg.inward(data, INSIDE, OUTSIDE, PEER) == (
        b"BYE sip:1000@192.168.1.103:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 22.51.100.7\r\n"
        b"Via: SIP/2.0/UDP 192.168.1.103:5060\r\nTo: <sip:1000@11.0.113.1>\r\n\r\n"
    )


class TestLeftAlone:
    def test_another_port(self, alg):
        ports = [each._replace(port=5080) for each in (INSIDE, OUTSIDE, PEER)]
        assert alg.outward(invite(), *ports) == invite()
        assert alg.inward(invite(), *ports) == invite()

    def test_one_end_on_5060_is_enough(self, alg):
        inside, outside = INSIDE._replace(port=5080), OUTSIDE._replace(port=5080)
        assert alg.outward(invite(), inside, outside, PEER) != invite()

    def test_switched_off(self):
        assert SipAlg(lambda: False).outward(invite(), INSIDE, OUTSIDE, PEER) == invite()

    @pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\x80\x00192.168.1.103", b"GET / HTTP/1.1\r\n\r\n"])
    def test_no_sip(self, alg, data):
        assert alg.outward(data, INSIDE, OUTSIDE, PEER) == data

    @given(data=st.binary(max_size=300), cut=st.integers(0, 400))
    def test_any_bytes_give_bytes(self, data, cut):
        alg = SipAlg(lambda: True)
        for each in (data, invite()[:cut], invite()[:cut] + data):
            assert isinstance(alg.outward(each, INSIDE, OUTSIDE, PEER), bytes)
            assert isinstance(alg.inward(each, INSIDE, OUTSIDE, PEER), bytes)
