"""STUN requests that bear credentials: RFC 5769's own example, and what is not to be answered."""

from __future__ import annotations

import hmac
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.net.stun import MalformedStun, decode_response
from ringthru.net.stun_server import (
    decode_request,
    encode_refusal,
    encode_success,
    looks_like_stun,
)

PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = bytes.fromhex(  # RFC 5769 §2.1
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"  # SOFTWARE "STUN test client"
    "002400046e0001ff"  # PRIORITY
    "80290008932ff9b151263b36"  # ICE-CONTROLLED
    "000600096576746a3a68367659202020"  # USERNAME "evtj:h6vY", padded with spaces
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"  # MESSAGE-INTEGRITY
    "80280004e57a3bcf"  # FINGERPRINT
)


class TestTheRfcsRequest:
    def test_it_is_read(self):
        request = decode_request(REQUEST)
        assert (request.transaction, request.username) == (TRANSACTION, "evtj:h6vY")
        assert (request.priority, request.use_candidate, request.unknown) == (0x6E0001FF, False, ())

    def test_its_sender_knew_the_password(self):
        assert decode_request(REQUEST).is_proven(PASSWORD)
        assert not decode_request(REQUEST).is_proven(PASSWORD + "x")

    def test_what_was_changed_on_the_way_is_not_proven(self):
        changed = bytearray(REQUEST[:-8])  # without its FINGERPRINT
        changed[3] -= 8
        assert decode_request(bytes(changed)).is_proven(PASSWORD)
        changed[47] ^= 1
        assert not decode_request(bytes(changed)).is_proven(PASSWORD)

    @given(st.integers(0, len(REQUEST) - 9), st.integers(1, 255))
    def test_any_octet_that_changed_shows(self, at, mask):
        changed = bytearray(REQUEST)
        changed[at] ^= mask
        with pytest.raises(MalformedStun):
            decode_request(bytes(changed))  # the FINGERPRINT is of all of it

    @given(st.integers(0, len(REQUEST) - 1))
    def test_cut_short_it_is_none(self, size):
        with pytest.raises(MalformedStun):
            decode_request(REQUEST[:size])

    def test_what_follows_the_proof_is_not_believed(self):
        added = bytearray(REQUEST[:-8] + bytes.fromhex("00250000"))
        added[3] = len(added) - 20
        assert not decode_request(bytes(added)).use_candidate


class TestAnswers:
    @pytest.mark.parametrize("source", [Endpoint("192.0.2.1", 32853), Endpoint("2001:db8::7", 9)])
    def test_a_success_names_the_source(self, source):
        answer = encode_success(decode_request(REQUEST), source, PASSWORD)
        response = decode_response(answer)
        assert (response.transaction, response.mapped) == (TRANSACTION, source)
        assert len(answer) <= len(REQUEST)

    def test_a_success_is_proven_and_sealed(self):
        answer = encode_success(decode_request(REQUEST), Endpoint("192.0.2.1", 32853), PASSWORD)
        assert answer[20:32].hex() == "002000080001a147e112a643"  # as in RFC 5769 §2.2
        proven = answer[:2] + (12 + 24).to_bytes(2, "big") + answer[4:32]
        assert answer[32:36].hex() == "00080014"
        assert answer[36:56] == hmac.digest(PASSWORD.encode(), proven, "sha1")
        assert answer[56:60].hex() == "80280004"
        assert int.from_bytes(answer[60:]) == crc32(answer[:56]) ^ 0x5354554E

    def test_a_refusal_is_no_longer_than_what_it_refuses(self):
        request = decode_request(REQUEST)
        refusal = encode_refusal(request, 401)
        assert decode_response(refusal).code == 401
        assert len(refusal) <= 20 + 8 + 24  # header, the shortest name, the proof

    def test_what_must_be_understood_and_is_not_is_named(self):
        odd = REQUEST[:20] + bytes.fromhex("7abc0000") + REQUEST[20:-8]
        odd = odd[:2] + (len(odd) - 20).to_bytes(2, "big") + odd[4:]
        request = decode_request(odd)
        assert request.unknown == (0x7ABC,)
        assert encode_refusal(request, 420)[-8:].hex() == "000a00027abc0000"


@given(st.binary(max_size=200))
def test_noise_is_malformed_and_nothing_else(data):
    with pytest.raises(MalformedStun):
        decode_request(data)


def test_rtp_and_rtcp_do_not_look_like_stun():
    assert looks_like_stun(REQUEST)
    assert not looks_like_stun(b"\x80" + REQUEST[1:])
    assert not looks_like_stun(REQUEST[:19])
