"""SDES (RFC 4568): the grammar of a=crypto, whatever a peer writes, and which of its lines is answered."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringthru.media import MANDATORY, OPTIONAL, PCMU, MediaAddress, OfferAnswer, SecureMedia, Securing
from ringthru.media.description.sdes import NAMES, SUITES, Crypto, SrtpKeys
from ringthru.media.description.sdp import SessionDescription
from ringthru.media.errors import MalformedSdp, NoCommonCodec

# RFC 4568 §6.1, and the one of §7.1.1's kind with a lifetime and an MKI
EXAMPLE = "1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32"
KEY = "inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"
HERE, THERE = MediaAddress("192.0.2.1", 4000, 4001), MediaAddress("192.0.2.9", 4000, 4001)
ALL = tuple(SUITES)


class Random:
    """Octets that are never the same twice."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, octets: int) -> bytes:
        self.count += 1
        return bytes([self.count]) * octets


class TestOneLine:
    def test_the_example_of_the_rfc(self):
        crypto = Crypto.parse(EXAMPLE)
        assert (crypto.tag, crypto.suite.name, len(crypto.key), crypto.mki) == (
            1,
            "AES_CM_128_HMAC_SHA1_80",
            30,
            32,
        )

    @pytest.mark.parametrize(
        "text",
        [
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY}|2^48",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY}|1048576",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY}|1:4",
            f"1  aes_cm_128_hmac_sha1_80  {KEY}  WSH=128",
            f"999999999 AES_CM_128_HMAC_SHA1_32 {KEY} -SOMETHING=1",
            f"1 AES_CM_256_HMAC_SHA1_80 inline:{b64encode(bytes(46)).decode().rstrip('=')}",
        ],
    )
    def test_what_may_be_written(self, text):
        Crypto.parse(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            f"0123456789 AES_CM_128_HMAC_SHA1_80 {KEY}",
            f"x AES_CM_128_HMAC_SHA1_80 {KEY}",
            f"1 F8_128_HMAC_SHA1_80 {KEY}",
            f"1 AES_256_CM_HMAC_SHA1_80 {KEY}",  # 30 octets, and it needs 46
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY};{KEY}",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY}|2^49",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY}|0",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY}|1:129",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY}|1:0",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY} UNENCRYPTED_SRTP",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY} KDR=1",
            "1 AES_CM_128_HMAC_SHA1_80 mikey:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY}" + " -X" * 600,
        ],
    )
    def test_what_may_not_be_used_is_one_error_that_shows_no_key(self, text):
        with pytest.raises(MalformedSdp) as error:
            Crypto.parse(text)
        assert "PS1u" not in str(error.value)

    def test_cut_at_every_octet(self):
        for size in range(len(EXAMPLE)):
            try:
                assert Crypto.parse(EXAMPLE[:size]).tag == 1  # the key is whole, and what follows too
            except MalformedSdp:
                continue

    @settings(deadline=None)
    @given(st.text(max_size=200))
    def test_any_text(self, text):
        try:
            Crypto.parse(text)
        except MalformedSdp:
            return

    @settings(deadline=None)
    @given(st.integers(0, 999_999_999), st.sampled_from(sorted(NAMES)), st.data())
    def test_what_is_written_is_read(self, tag, name, data):
        key = data.draw(st.binary(min_size=NAMES[name].size, max_size=NAMES[name].size))
        crypto = Crypto(tag, name, key)
        assert Crypto.parse(crypto.encode()) == crypto

    def test_no_key_is_shown_by_accident(self):
        assert "PS1u" not in repr(Crypto.parse(EXAMPLE))
        assert (
            repr(SrtpKeys("AES_CM_128_HMAC_SHA1_80", b"ours", b"theirs"))
            == "SrtpKeys(AES_CM_128_HMAC_SHA1_80)"
        )


def side(mode: str = OPTIONAL, suites: tuple[str, ...] = ALL, offers: bool = True) -> OfferAnswer:
    secure = SecureMedia(mode, suites, offers, "install something")
    return OfferAnswer(1, 101, securing=Securing(secure, Random()))


def parsed(sdp: bytes) -> SessionDescription:
    return SessionDescription.parse(sdp)


def plain_side() -> OfferAnswer:
    return OfferAnswer(1, 101)


class TestOfferAndAnswer:
    """RFC 4568 §7.1."""

    @pytest.mark.parametrize(("mode", "profile"), [(OPTIONAL, "RTP/AVP"), (MANDATORY, "RTP/SAVP")])
    def test_both_sides_have_each_others_keys(self, mode, profile):
        us, them = side(mode), side(mode)
        offer = parsed(us.offer(HERE, [PCMU]))
        answered = them.answer(offer, THERE, [PCMU])
        agreed = us.read_answer(parsed(answered.sdp))
        assert offer.media[0].protocol == parsed(answered.sdp).media[0].protocol == profile
        assert agreed.srtp is not None
        assert answered.srtp is not None
        assert (agreed.srtp.ours, agreed.srtp.theirs) == (answered.srtp.theirs, answered.srtp.ours)
        assert agreed.srtp.suite == ALL[0]

    def test_a_peer_without_srtp_reads_over_what_may_be_protected(self):
        us = side()
        answered = plain_side().answer(parsed(us.offer(HERE, [PCMU])), THERE, [PCMU])
        assert us.read_answer(parsed(answered.sdp)).srtp is None
        assert b"crypto" not in us.offer(HERE, [PCMU])  # and is not asked again

    def test_the_offerers_first_choice_that_we_have_counts(self):
        us, them = side(), side(suites=("AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"))
        answered = them.answer(parsed(us.offer(HERE, [PCMU])), THERE, [PCMU])
        assert answered.srtp is not None
        assert answered.srtp.suite == "AES_CM_128_HMAC_SHA1_80"
        assert b"a=crypto:5 AES_CM_128_HMAC_SHA1_80" in answered.sdp

    def test_what_is_mandatory_here_is_refused_without(self):
        offer = parsed(plain_side().offer(HERE, [PCMU]))
        with pytest.raises(NoCommonCodec, match="mandatory here"):
            side(MANDATORY).answer(offer, THERE, [PCMU])

    def test_what_is_mandatory_there_is_refused_where_it_cannot_be_had(self):
        offer = parsed(side(MANDATORY).offer(HERE, [PCMU]))
        with pytest.raises(NoCommonCodec, match="install something"):
            side(suites=()).answer(offer, THERE, [PCMU])
        with pytest.raises(NoCommonCodec, match="forbidden"):
            plain_side().answer(offer, THERE, [PCMU])

    def test_an_answer_without_a_key_is_none_where_it_is_mandatory(self):
        us = side(MANDATORY)
        offer = us.offer(HERE, [PCMU]).replace(b"RTP/SAVP", b"RTP/AVP")
        answered = plain_side().answer(parsed(offer), THERE, [PCMU])
        with pytest.raises(NoCommonCodec):
            us.read_answer(parsed(answered.sdp))

    def test_of_two_streams_the_protected_one_is_taken(self):
        """FreeSWITCH's way to say optional."""
        offer = parsed(plain_side().offer(HERE, [PCMU]))
        secure = parsed(side(MANDATORY).offer(HERE, [PCMU]))
        both = SessionDescription(offer.origin, offer.host, (*offer.media, *secure.media))
        answer = parsed(side().answer(both, THERE, [PCMU]).sdp)
        assert [each.port for each in answer.media] == [0, 4000]

    def test_our_key_stays_until_our_address_changes(self):
        """§7.1.4: else no key may be used again."""
        us, them = side(MANDATORY), side(MANDATORY)
        first = them.answer(parsed(us.offer(HERE, [PCMU])), THERE, [PCMU])
        us.read_answer(parsed(first.sdp))
        again = us.offer(HERE, [PCMU])
        assert them.answer(parsed(again), THERE, [PCMU]).srtp == first.srtp
        moved = us.offer(MediaAddress("192.0.2.1", 4002, 4003), [PCMU])
        changed = them.answer(parsed(moved), THERE, [PCMU]).srtp
        assert changed is not None
        assert first.srtp is not None
        assert changed.theirs != first.srtp.theirs
        assert changed.ours == first.srtp.ours

    def test_after_plain_rtp_the_key_is_another_one(self):
        us, offer = side(), parsed(side(MANDATORY).offer(HERE, [PCMU]))
        first = us.answer(offer, THERE, [PCMU]).srtp
        us.answer(parsed(plain_side().offer(HERE, [PCMU])), THERE, [PCMU])
        then = us.answer(offer, THERE, [PCMU]).srtp
        assert first is not None
        assert then is not None
        assert first.ours != then.ours
