"""What we offer, and what an answer makes of it; versions of a description."""

import pytest

from ringthru.media.description.dialog import OfferAnswer
from ringthru.media.description.offer_answer import (
    PCMA,
    PCMU,
    MediaAddress,
    make_answer,
    make_offer,
    read_answer,
)
from ringthru.media.description.sdp import SessionDescription
from ringthru.media.errors import MalformedSdp, NoCommonCodec
from ringthru.net.address import Endpoint
from ringthru.net.values import replace

from .phones_sdp import G711, HERE, SIPP, audio, parse


class TestOurOffer:
    def test_the_offer_to_the_letter(self):
        assert make_offer(HERE, [PCMU, PCMA], 42, 7).decode() == (
            "v=0\r\n"
            "o=Ringthru 42 7 IN IP4 203.0.113.9\r\n"
            "s=Ringthru\r\n"
            "c=IN IP4 203.0.113.9\r\n"
            "t=0 0\r\n"
            "m=audio 20000 RTP/AVP 0 8 101\r\n"
            "a=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\n"
            "a=fmtp:101 0-16\r\n"
            "a=ptime:20\r\n"
            "a=sendrecv\r\n"
        )

    def test_both_sides_agree(self):
        offer = make_offer(HERE, [PCMU, PCMA], 42, 7)
        there = MediaAddress("198.51.100.1", 30000, 30005)
        theirs = make_answer(SessionDescription.parse(offer), there, [PCMA], 9, 9, direction="recvonly")
        ours = read_answer(offer, SessionDescription.parse(theirs.sdp))
        assert (ours.codec, theirs.codec) == (PCMA, PCMA)
        assert (ours.direction, theirs.direction) == ("sendonly", "recvonly")
        assert ours.remote_rtp == Endpoint("198.51.100.1", 30000)
        assert ours.remote_rtcp == Endpoint("198.51.100.1", 30005)
        assert theirs.remote_rtp == Endpoint("203.0.113.9", 20000)
        assert ours.sdp == offer

    def test_an_answer_may_renumber(self):
        offer = make_offer(HERE, [PCMU, PCMA], 42, 7)
        reply = audio("rtpmap:98 PCMU/8000", "rtpmap:96 telephone-event/8000", formats="98 96")
        result = read_answer(offer, parse(reply))
        assert (result.codec.payload_type, result.telephone_event) == (98, 96)
        assert (result.heard_type, result.heard_event) == (0, 101)

    def test_no_events_unless_both_have_them(self):
        result = read_answer(make_offer(HERE, [PCMU], 42, 7), parse(SIPP))
        assert (result.telephone_event, result.heard_event) == (None, None)

    @pytest.mark.parametrize(
        "reply",
        [audio().replace("m=audio 4000", "m=audio 0"), audio(formats="8"), audio().replace("AVP", "SAVP")],
    )
    def test_a_refusal(self, reply):
        with pytest.raises(NoCommonCodec):
            read_answer(make_offer(HERE, [PCMU], 42, 7), parse(reply))

    def test_an_answer_with_too_few_streams(self):
        with pytest.raises(MalformedSdp):
            read_answer(make_offer(HERE, [PCMU], 42, 7), parse(audio().partition("m=")[0]))


class TestVersions:
    """§8: one more for each change, the same for no change."""

    def version(self, sdp: bytes) -> int:
        return int(SessionDescription.parse(sdp).origin.version)

    def test_a_change_raises_it_by_one(self):
        ours = OfferAnswer(42)
        versions = [
            self.version(ours.offer(HERE, G711)),
            self.version(ours.offer(HERE, G711)),
            self.version(ours.answer(parse(SIPP), HERE, G711).sdp),
            self.version(ours.answer(parse(SIPP), HERE, G711).sdp),
            self.version(ours.answer(parse(audio("sendonly")), HERE, G711).sdp),
        ]
        assert versions == [42, 42, 43, 43, 44]

    def test_all_else_of_the_origin_stays_when_our_address_changes(self):
        """Peers know by it that this is still the same session; where to send, the c= line says."""
        ours, there = OfferAnswer(42), MediaAddress("2001:db8::9", 30000, 30001)
        told = [
            SessionDescription.parse(each)
            for each in (
                ours.offer(HERE, G711),
                ours.offer(there, G711),
                ours.answer(parse(SIPP), there, G711).sdp,
                ours.offer(HERE, G711),
            )
        ]
        origins = [each.origin for each in told]
        assert {replace(each, version="") for each in origins} == {replace(origins[0], version="")}
        hosts = [each.host_of(each.media[0]) for each in told]
        assert hosts == [HERE.host, there.host, there.host, HERE.host]
        assert [each.version for each in origins] == ["42", "43", "44", "45"]

    def test_it_reads_the_answer_to_its_own_offer(self):
        ours = OfferAnswer(42, telephone_event=96)
        assert b"a=rtpmap:96 telephone-event/8000" in ours.offer(HERE, G711)
        ours = OfferAnswer(42)
        with pytest.raises(MalformedSdp):
            ours.read_answer(parse(SIPP))
        offer = ours.offer(HERE, G711)
        assert ours.read_answer(parse(SIPP)).sdp == offer
