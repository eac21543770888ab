"""RFC 3264 on what real phones send (their layouts, our own values)."""

import pytest

from ringthru.media.description.audio import audio_of, formats_of
from ringthru.media.description.codecs import G722, OPUS
from ringthru.media.description.dialog import OfferAnswer
from ringthru.media.description.offer_answer import (
    PCMA,
    PCMU,
    Codec,
    MediaAddress,
    make_answer,
    make_offer,
    offered_audio,
    read_answer,
)
from ringthru.media.description.sdp import SessionDescription
from ringthru.media.errors import MalformedSdp, NoCommonCodec
from ringthru.net.address import Endpoint
from ringthru.net.values import replace

from .phones_sdp import BARESIP, G711, HERE, LINPHONE, SIPP, SIPP_BARE, WEBRTC, YEALINK, audio, parse


def answer(text: str, codecs=(PCMU, PCMA), **more):
    return make_answer(parse(text), HERE, codecs, 42, 7, **more)


class TestRealPhones:
    def test_baresip(self):
        result = answer(BARESIP)
        assert (result.codec, result.telephone_event, result.ptime) == (PCMU, 101, 20)
        assert result.remote_rtp == Endpoint("192.168.7.20", 17546)
        assert result.remote_rtcp == Endpoint("192.168.7.20", 17547)
        assert result.sdp.decode() == (
            "v=0\r\n"
            "o=Ringthru 42 7 IN IP4 203.0.113.9\r\n"
            "s=Ringthru\r\n"
            "c=IN IP4 203.0.113.9\r\n"
            "t=0 0\r\n"
            "m=audio 20000 RTP/AVP 0 101\r\n"
            "a=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\n"
            "a=fmtp:101 0-16\r\n"
            "a=ptime:20\r\n"
            "a=sendrecv\r\n"
        )

    def test_sipp_without_telephone_events(self):
        result = answer(SIPP)
        assert (result.codec, result.telephone_event) == (PCMU, None)
        assert b"telephone-event" not in result.sdp

    def test_static_types_need_no_rtpmap(self):
        assert answer(SIPP_BARE).codec == PCMA

    def test_linphone_video_is_refused_and_the_event_of_the_right_rate_taken(self):
        result = answer(LINPHONE)
        media = SessionDescription.parse(result.sdp).media
        assert [(m.kind, m.port, m.formats) for m in media] == [
            ("audio", 20000, ("0", "100")),
            ("video", 0, ("96",)),
        ]
        assert result.remote_rtcp == Endpoint("192.168.7.31", 52061)

    def test_yealink_offers_srtp_first_and_gets_the_plain_stream(self):
        result = answer(YEALINK)
        media = SessionDescription.parse(result.sdp).media
        assert [(m.port, m.protocol) for m in media] == [(0, "RTP/SAVP"), (20000, "RTP/AVP")]
        assert result.codec == PCMA  # the offerer's order, not ours

    def test_a_browser_is_told_that_we_lack_its_codecs(self):
        with pytest.raises(NoCommonCodec, match="UDP/TLS/RTP/SAVPF"):
            answer(WEBRTC)


class TestCodecs:
    def test_a_dynamic_number_for_a_codec_we_have(self):
        result = answer(audio("rtpmap:97 pcma/8000", formats="97"))
        assert result.codec == Codec("PCMA", 97)
        assert b"m=audio 20000 RTP/AVP 97\r\n" in result.sdp
        assert b"a=rtpmap:97 PCMA/8000\r\n" in result.sdp

    def test_a_static_number_that_was_given_another_meaning(self):
        assert answer(audio("rtpmap:0 G729/8000", formats="0 8")).codec == PCMA

    @pytest.mark.parametrize(
        "offer",
        [
            audio(formats="9 18"),
            audio("rtpmap:96 PCMU/16000", formats="96"),
            audio("rtpmap:96 PCMU/8000/2", formats="96"),
            audio("rtpmap:96", "rtpmap: ", "rtpmap:x y/z", formats="96 x 999 300"),
            audio().replace("m=audio 4000", "m=audio 0"),
            audio().replace("m=audio", "m=video"),
            audio().replace("RTP/AVP", "RTP/SAVP"),
            audio().replace("RTP/AVP", "RTP/AVPF"),
            audio().partition("m=")[0],
        ],
    )
    def test_nothing_in_common(self, offer):
        with pytest.raises(NoCommonCodec):
            answer(offer)

    def test_only_what_we_were_told_to_use(self):
        assert answer(BARESIP, codecs=[PCMA]).codec == PCMA
        with pytest.raises(NoCommonCodec):
            answer(SIPP, codecs=[PCMA])


class TestDirections:
    """§6.1; §8.4 for the old way to hold."""

    @pytest.mark.parametrize(
        ("theirs", "wish", "ours"),
        [
            ("sendrecv", "sendrecv", "sendrecv"),
            ("sendonly", "sendrecv", "recvonly"),
            ("recvonly", "sendrecv", "sendonly"),
            ("inactive", "sendrecv", "inactive"),
            ("sendrecv", "recvonly", "recvonly"),
            ("sendonly", "sendonly", "inactive"),
        ],
    )
    def test_every_pair(self, theirs, wish, ours):
        result = answer(audio(theirs), direction=wish)
        assert result.direction == ours
        assert f"a={ours}\r\n".encode() in result.sdp
        assert result.sends == (ours in ("sendrecv", "sendonly"))
        assert result.receives == (ours in ("sendrecv", "recvonly"))

    def test_the_sessions_direction_holds_for_its_media(self):
        assert answer(audio().replace("m=", "a=sendonly\nm=")).direction == "recvonly"

    def test_no_address_is_hold(self):
        assert answer(audio(host="0.0.0.0")).direction == "recvonly"
        assert answer(audio("inactive", host="0.0.0.0")).direction == "inactive"


class TestAddresses:
    def test_rtcp_of_another_host(self):
        result = answer(audio("rtcp:53020 IN IP4 198.51.100.4"))
        assert result.remote_rtcp == Endpoint("198.51.100.4", 53020)

    @pytest.mark.parametrize("value", ["", "x", "0", "99999", "-1"])
    def test_a_broken_rtcp_line_is_the_next_port(self, value):
        assert answer(audio(f"rtcp:{value}")).remote_rtcp == Endpoint("192.0.2.5", 4001)

    @pytest.mark.parametrize("host", ["phone.example.com", "224.0.0.1", "999.1.1.1"])
    def test_where_we_cannot_or_must_not_send(self, host):
        with pytest.raises(MalformedSdp):
            answer(audio(host=host))

    def test_our_own_rtcp_port_is_named_when_it_is_not_the_next(self):
        offer = make_offer(MediaAddress("203.0.113.9", 20000, 31000), [PCMU], 1, 1)
        assert b"a=rtcp:31000\r\n" in offer
        assert b"a=rtcp" not in make_offer(HERE, [PCMU], 1, 1)

    @pytest.mark.parametrize(("text", "ptime"), [("30", 30), ("0", 20), ("9999", 20), ("x", 20), ("", 20)])
    def test_packet_times(self, text, ptime):
        assert answer(audio(f"ptime:{text}")).ptime == ptime


class TestOnePortForBoth:
    """RFC 5761 §5.1.1: RTCP on the RTP port is answered where it is offered, and never otherwise."""

    def test_where_it_is_offered(self):
        offer = SessionDescription.parse((SIPP + "a=rtcp-mux\n").replace("\n", "\r\n").encode())
        agreed = make_answer(offer, MediaAddress("203.0.113.9", 20000, 31001), G711, 1, 1)
        assert agreed.mux
        assert agreed.remote_rtcp == agreed.remote_rtp == Endpoint("127.0.0.1", 6000)
        assert b"a=rtcp-mux\r\n" in agreed.sdp
        assert b"a=rtcp:" not in agreed.sdp

    def test_where_it_is_not(self):
        agreed = make_answer(SessionDescription.parse(SIPP.replace("\n", "\r\n").encode()), HERE, G711, 1, 1)
        assert not agreed.mux
        assert agreed.remote_rtcp.port == agreed.remote_rtp.port + 1
        assert b"rtcp-mux" not in agreed.sdp

    def test_offered_by_us_beside_a_port_of_its_own(self):
        """The other side may know nothing of it: a=rtcp tells it where RTCP goes then."""
        ours = OfferAnswer(1, mux=True)
        offer = ours.offer(MediaAddress("203.0.113.9", 20000, 31001), G711)
        assert b"a=rtcp-mux\r\n" in offer
        assert b"a=rtcp:31001\r\n" in offer

    @pytest.mark.parametrize("mux", [True, False])
    def test_what_the_answer_makes_of_our_offer(self, mux):
        ours = OfferAnswer(1, mux=True)
        ours.offer(HERE, G711)
        text = (SIPP + "a=rtcp-mux\n" * mux).replace("\n", "\r\n").encode()
        agreed = ours.read_answer(SessionDescription.parse(text))
        assert agreed.mux is mux
        assert (agreed.remote_rtcp == agreed.remote_rtp) is mux

    def test_an_answer_with_it_to_an_offer_without(self):
        ours = OfferAnswer(1)
        ours.offer(HERE, G711)
        text = (SIPP + "a=rtcp-mux\n").replace("\n", "\r\n").encode()
        assert not ours.read_answer(SessionDescription.parse(text)).mux


class TestCodecsBeyondG711:
    def test_opus_is_taken_by_name_rate_and_channels(self):
        """RFC 7587 §7: 48000 Hz and two channels in every description; parameters are each side's own."""
        result = answer(BARESIP, codecs=[OPUS, PCMU])
        assert (result.codec.kind, result.codec.payload_type) == (("OPUS", 48000, 2), 96)
        assert result.codec.parameter("stereo") == "1"  # what the peer wants
        assert b"a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n" in result.sdp

    def test_g722_has_a_clock_of_8000(self):
        """RFC 3551 §4.5.2, although it samples at 16000 Hz; its number 9 needs no rtpmap."""
        assert answer(audio(formats="9"), codecs=[G722]).codec == G722

    def test_a_stream_of_one_channel_is_no_opus(self):
        with pytest.raises(NoCommonCodec):
            answer(audio("rtpmap:96 opus/48000", formats="96"), codecs=[OPUS])

    def test_a_wish_of_ours_goes_before_the_offerers_order(self):
        assert answer(BARESIP, codecs=[OPUS, PCMU, PCMA], first=[PCMA]).codec == PCMA
        assert answer(BARESIP, codecs=[OPUS, PCMU, PCMA], first=[G722]).codec.name == "OPUS"

    def test_any_codec_is_answered_when_we_are_told_to(self):
        """With what the other leg said of it, for its words are passed on."""
        result = answer(LINPHONE, codecs=[], first=[Codec("G729", 18, parameters="annexb=no")])
        assert (result.codec.payload_type, result.codec.parameters) == (18, "annexb=yes")
        assert b"a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n" in result.sdp

    def test_events_belong_to_the_codecs_clock(self):
        """RFC 4733 §2.1; or are at 8000 Hz where the phone has none but these."""
        linphone = answer(LINPHONE, codecs=[OPUS])
        assert (linphone.telephone_event, linphone.event_rate) == (101, 48000)
        narrow = answer(LINPHONE, codecs=[PCMU])
        assert (narrow.telephone_event, narrow.event_rate) == (100, 8000)
        baresip = answer(BARESIP, codecs=[OPUS])
        assert (baresip.telephone_event, baresip.event_rate) == (101, 8000)

    def test_an_offer_has_events_at_every_clock(self):
        offer = make_offer(HERE, [OPUS, PCMU], 1, 1)
        assert b"m=audio 20000 RTP/AVP 111 0 101 " in offer
        assert b"a=rtpmap:101 telephone-event/8000\r\n" in offer
        assert b" telephone-event/48000\r\n" in offer

    @pytest.mark.parametrize(("codecs", "rate"), [([OPUS], 48000), ([PCMU], 8000), ([G722], 8000)])
    def test_both_sides_agree_on_the_clock_of_events(self, codecs: list[Codec], rate: int):
        offer = make_offer(HERE, [OPUS, G722, PCMU], 1, 1)
        theirs = make_answer(SessionDescription.parse(offer), HERE, codecs, 2, 2)
        ours = read_answer(offer, SessionDescription.parse(theirs.sdp))
        assert (ours.codec.kind, ours.event_rate, theirs.event_rate) == (codecs[0].kind, rate, rate)
        assert (ours.heard_event, ours.heard_type) == (theirs.telephone_event, theirs.codec.payload_type)

    def test_an_offer_numbers_each_codec_once(self):
        clashing = [replace(OPUS, payload_type=101), Codec("AMR", 97, parameters="octet-align=1"), PCMU]
        offer = SessionDescription.parse(make_offer(HERE, [*clashing, Codec("ILBC", 97)], 1, 1))
        numbers = [each.payload_type for each in formats_of(offer.media[0])]
        assert len(set(numbers)) == len(numbers) == 6
        assert [each.name for each in audio_of(offer.media[0])] == ["OPUS", "AMR", "PCMU", "ILBC"]
        assert audio_of(offer.media[0])[1].parameters == "octet-align=1"

    def test_what_is_passed_on_is_every_codec_of_the_offer(self):
        names = [each.name for each in offered_audio(parse(LINPHONE))]
        assert names == ["OPUS", "SPEEX", "SPEEX", "PCMU", "PCMA", "G729"]

    def test_a_name_that_could_break_a_line_is_none(self):
        assert offered_audio(parse(audio("rtpmap:96 a b/8000", "rtpmap:97 x?/8000", formats="96 97"))) == []

    def test_floods_of_formats_are_cut(self):
        """What comes from the network is bounded."""
        many = audio(
            *(f"rtpmap:{each} X{each}/8000" for each in range(128)),
            formats=" ".join(str(each) for each in range(128)),
        )
        assert len(offered_audio(parse(many))) <= 40
