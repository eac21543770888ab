"""One leg's media under a manual clock: who is heard, what goes out, where to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.description.offer_answer import PCMA, Negotiated
from ringthru.media.events import FirstPacket, Unexpected
from ringthru.media.leg.stream import MediaStream
from ringthru.media.rtp.latch import Confirmed, Latched
from ringthru.media.rtp.packet import RtpPacket
from ringthru.media.rtp.rtcp import ReceiverReport, encode_compound
from ringthru.media.sound.g711 import ULAW_TO_ALAW
from ringthru.net.address import Endpoint
from ringthru.net.values import replace

from .one_leg import AGREED, AUDIO, PEER, PEER_RTCP, echoing, rtp, sent, stream

NAT = Endpoint("198.51.100.7", 31000)


class TestOpening:
    """Two sides that both wait to learn the other's address would wait for ever."""

    def test_silence_goes_out_at_once(self):
        (first,) = sent(stream())
        assert (first.payload_type, first.payload, first.marker) == (0, b"\xff" * 160, True)
        assert (first.ssrc, first.sequence, first.timestamp) == (77, 500, 9000)

    def test_then_every_twenty_milliseconds_for_half_a_second(self):
        ours = stream()
        packets, now = sent(ours), 0.0
        while (now := ours.next_timeout()) < 1:
            ours.handle_timeout(now)
            packets += sent(ours)
        assert [each.sequence for each in packets] == list(range(500, 525))
        assert [each.timestamp for each in packets] == [9000 + 160 * n for n in range(25)]

    def test_until_the_peer_is_heard(self):
        ours = stream()
        ours.rtp_to_send()
        ours.receive_rtp(rtp(1), PEER, 0.01)
        ours.handle_timeout(0.02)
        assert sent(ours) == []
        assert ours.next_timeout() > 1

    @pytest.mark.parametrize(
        "agreed",
        [
            replace(AGREED, direction="recvonly"),
            replace(AGREED, direction="inactive"),
            replace(AGREED, remote_rtp=Endpoint("0.0.0.0", 4000)),
        ],
    )
    def test_nothing_where_nothing_may_go(self, agreed):
        assert sent(stream(agreed)) == []

    def test_in_the_law_and_length_agreed(self):
        (first,) = sent(stream(replace(AGREED, codec=PCMA, ptime=30)))
        assert first.payload == b"\xd5" * 240


class TestAPeerWhoseSdpIsNotBelieved:
    """A stranger's SDP may name a machine of our LAN: nothing goes there on its word alone."""

    def waiting(self) -> MediaStream:
        ours = stream(None)
        ours.connect(AGREED, 0.0, speak_first=False)
        ours.set_sink(ours)
        return ours

    def test_silence_reports_and_goodbye_stay_here(self):
        ours = self.waiting()
        while (now := ours.next_timeout()) is not None and now < 60:
            ours.handle_timeout(now)
        ours.close(61.0)
        assert (ours.rtp_to_send(), ours.rtcp_to_send()) == ([], [])

    def test_its_own_packets_open_the_way(self):
        ours = self.waiting()
        ours.receive_rtp(rtp(1), PEER, 0.1)
        assert len(sent(ours)) == 1

    def test_and_those_of_the_nat_before_it(self):
        ours = self.waiting()
        for sequence in range(10):
            ours.receive_rtp(rtp(sequence), NAT, 0.1)
        assert ours.rtp_target == NAT
        assert len(sent(ours)) == 1  # the tenth, which settled it

    @pytest.mark.parametrize("shown", [PEER, NAT])
    def test_the_way_stays_open_when_it_is_put_on_hold_and_falls_silent(self, shown):
        ours = self.waiting()
        for sequence in range(10):
            ours.receive_rtp(rtp(sequence), shown, 0.1)
        sent(ours)
        ours.connect(replace(AGREED, direction="sendonly"), 1.0, speak_first=False)
        ours.say(b"\x55" * 160, 1.0)
        assert len(sent(ours)) == 1
        assert ours.rtp_target == shown

    def test_another_address_in_its_sdp_must_show_itself_again(self):
        ours = self.waiting()
        ours.receive_rtp(rtp(1), PEER, 0.1)
        sent(ours)
        ours.connect(replace(AGREED, remote_rtp=NAT), 1.0, speak_first=False)
        ours.say(b"\x55" * 160, 1.0)
        assert sent(ours) == []


class TestEcho:
    def test_what_comes_goes_back_under_our_own_header(self):
        ours = echoing()
        for sequence in (10, 11, 13):
            ours.receive_rtp(rtp(sequence), PEER, sequence * 0.02)
        packets = sent(ours)
        assert [each.payload for each in packets] == [AUDIO] * 3
        assert [each.ssrc for each in packets] == [77] * 3
        assert [each.sequence for each in packets] == [501, 502, 504]
        assert packets[2].timestamp - packets[0].timestamp == 480

    def test_telephone_events_too(self):
        ours = echoing()
        ours.receive_rtp(rtp(10, kind=101, payload=b"\x05\x0a\x00\xa0"), PEER, 1.0)
        assert [each.payload_type for each in sent(ours)] == [101]

    def test_comfort_noise_is_not_returned(self):
        ours = echoing()
        ours.receive_rtp(rtp(10), PEER, 1.0)
        ours.receive_rtp(rtp(11, kind=13, payload=b"\x40"), PEER, 1.02)
        ours.receive_rtp(rtp(12), PEER, 1.04)
        assert [each.sequence for each in sent(ours)] == [501, 502]

    def test_not_while_we_may_not_send(self):
        ours = stream(replace(AGREED, direction="recvonly"))
        ours.set_sink(ours)
        ours.receive_rtp(rtp(10), PEER, 1.0)
        assert sent(ours) == []

    def test_two_echoes_facing_each_other_do_not_race(self):
        one, two = echoing(), echoing()
        packets, rounds = [rtp(1)] * 25, 0
        while packets and rounds < 1000:  # all within one millisecond
            for each in packets:
                one.receive_rtp(each, PEER, 1.0 + rounds * 1e-6)
            for each in one.rtp_to_send():
                two.receive_rtp(each, PEER, 1.0 + rounds * 1e-6)
            packets, rounds = two.rtp_to_send(), rounds + 1
        assert packets == []

    def test_nobody_fetches_and_nothing_grows(self):
        ours = echoing()
        for n in range(20000):
            ours.receive_rtp(rtp(n % 65536), PEER, n * 0.02)
        assert len(ours.rtp_to_send()) <= 512


class TestBridge:
    def bridge(self, a: Negotiated, b: Negotiated) -> tuple[MediaStream, MediaStream]:
        one, two = stream(a), stream(b, ssrc=88)
        one.set_sink(two)
        two.set_sink(one)
        one.rtp_to_send(), two.rtp_to_send()
        return one, two

    def test_audio_crosses_and_each_leg_keeps_its_ssrc(self):
        one, two = self.bridge(AGREED, AGREED)
        one.receive_rtp(rtp(10), PEER, 1.0)
        two.receive_rtp(rtp(90, ssrc=6), PEER, 1.0)
        assert [(each.ssrc, each.payload) for each in sent(two)] == [(88, AUDIO)]
        assert [(each.ssrc, each.payload) for each in sent(one)] == [(77, AUDIO)]

    def test_payload_types_are_the_receiving_sides(self):
        one, two = self.bridge(AGREED, replace(AGREED, telephone_event=96))
        one.receive_rtp(rtp(10, kind=101, payload=b"\x01\x0a\x00\xa0"), PEER, 1.0)
        assert [each.payload_type for each in sent(two)] == [96]

    def test_events_are_left_out_where_nobody_agreed_on_them(self):
        one, two = self.bridge(AGREED, replace(AGREED, telephone_event=None))
        one.receive_rtp(rtp(10), PEER, 1.0)
        one.receive_rtp(rtp(11, kind=101, payload=b"\x01\x0a\x00\xa0"), PEER, 1.02)
        one.receive_rtp(rtp(12), PEER, 1.04)
        assert [each.sequence for each in sent(two)] == [501, 502]

    def test_the_law_changes_on_the_way(self):
        one, two = self.bridge(AGREED, replace(AGREED, codec=PCMA, heard_type=8))
        one.receive_rtp(rtp(10), PEER, 1.0)
        (packet,) = sent(two)
        assert (packet.payload_type, packet.payload) == (8, AUDIO.translate(ULAW_TO_ALAW))

    def test_a_leg_on_hold_hears_nothing(self):
        one, two = self.bridge(AGREED, replace(AGREED, direction="recvonly"))
        one.receive_rtp(rtp(10), PEER, 1.0)
        assert sent(two) == []

    def test_a_leg_that_may_not_send_is_not_heard(self):
        one, two = self.bridge(replace(AGREED, direction="sendonly"), AGREED)
        one.receive_rtp(rtp(10), PEER, 1.0)
        assert sent(two) == []


class TestWhoIsHeard:
    def test_the_peer_of_the_sdp(self):
        ours = echoing()
        ours.receive_rtp(rtp(1), PEER, 1.0)
        assert ours.events() == [Confirmed("audio", PEER), FirstPacket(PEER)]
        ours.receive_rtp(rtp(1), NAT, 1.0)
        assert (ours.report().packets_received, ours.report().dropped) == (1, 1)

    def test_a_peer_behind_a_nat_is_followed(self):
        ours = echoing()
        for n in range(10):
            ours.receive_rtp(rtp(n), NAT, n * 0.02)
        assert ours.events() == [FirstPacket(NAT), Latched("audio", PEER, NAT)]
        assert ours.rtp_target == NAT
        assert len(sent(ours)) == 10

    def test_rubbish_moves_nothing(self):
        ours = echoing()
        stun = bytes.fromhex("000100002112a442") + bytes(12)
        for datagram in (stun, b"", b"\x80", bytes(172), rtp(1, kind=9), rtp(1, kind=73)):
            for _ in range(30):
                ours.receive_rtp(datagram, NAT, 1.0)
        assert (ours.rtp_target, sent(ours)) == (PEER, [])
        assert ours.events() == [Unexpected(9, NAT)]
        assert ours.report().dropped == 180

    def test_a_codec_nobody_agreed_on_is_said_once(self):
        ours = echoing()
        for n in range(30):
            ours.receive_rtp(rtp(n, kind=8), PEER, 1.0)
        assert ours.events() == [Unexpected(8, PEER)]

    def test_what_is_longer_than_any_audio_is_dropped(self):
        ours = echoing()
        ours.receive_rtp(rtp(1, payload=bytes(65_000)), PEER, 1.0)
        assert (sent(ours), ours.report().dropped) == ([], 1)

    def test_nobody_before_there_is_an_agreement(self):
        ours = stream(None)
        ours.receive_rtp(rtp(1), PEER, 1.0)
        ours.receive_rtcp(encode_compound([ReceiverReport(5)]), PEER, 1.0)
        assert (ours.report().dropped, ours.next_timeout(), ours.rtp_target) == (2, None, None)

    def test_rtcp_follows_its_first_packet(self):
        ours = echoing()
        ours.receive_rtcp(b"nonsense", NAT, 1.0)
        ours.receive_rtcp(encode_compound([ReceiverReport(5)]), NAT, 1.0)
        assert ours.events() == [Latched("audio RTCP", PEER_RTCP, NAT)]
        assert ours.rtcp_target == NAT

    def test_a_new_sdp_is_learned_anew(self):
        ours = echoing()
        ours.receive_rtp(rtp(1), PEER, 1.0)
        elsewhere = Endpoint("192.0.2.99", 9000)
        ours.connect(replace(AGREED, remote_rtp=elsewhere), 2.0)
        assert ours.rtp_target == elsewhere
        for n in range(10):
            ours.receive_rtp(rtp(n), NAT, 2.0)
        assert ours.rtp_target == NAT

    def test_a_refresh_with_the_same_sdp_keeps_the_learned_address(self):
        ours = echoing()
        for n in range(10):
            ours.receive_rtp(rtp(n), NAT, 1.0)
        ours.connect(AGREED, 2.0)
        assert ours.rtp_target == NAT
        moved = Endpoint(NAT.host, 31999)  # yet its NAT may have given it another port
        for n in range(10):
            ours.receive_rtp(rtp(n), moved, 2.0)
        assert ours.rtp_target == moved


class TestRebinding:
    """A NAT may give a peer another port in mid-call; nobody else may take its place."""

    def latched(self) -> MediaStream:
        ours = echoing()
        for n in range(5):
            ours.receive_rtp(rtp(n), PEER, 1.0 + n * 0.02)
        sent(ours), ours.events()
        return ours

    def test_the_stream_that_goes_on_from_elsewhere_is_followed(self):
        ours = self.latched()
        for n in range(40):
            ours.receive_rtp(rtp(5 + n), NAT, 1.1 + n * 0.02)
        assert ours.events() == [Latched("audio", PEER, NAT)]
        assert (ours.rtp_target, len(sent(ours))) == (NAT, 7)  # half a second of doubt, and ten packets

    def test_not_while_the_peer_speaks(self):
        ours = self.latched()
        for n in range(100):
            ours.receive_rtp(rtp(5 + n), PEER, 1.1 + n * 0.02)
            ours.receive_rtp(rtp(6 + n), NAT, 1.1 + n * 0.02)
        assert (ours.rtp_target, ours.events()) == (PEER, [])

    @pytest.mark.parametrize(("ssrc", "first"), [(6, 5), (5, 20_000), (5, 65_000)])
    def test_not_by_somebody_who_does_not_see_the_stream(self, ssrc, first):
        ours = self.latched()
        for n in range(100):
            ours.receive_rtp(rtp((first + n) % 65536, ssrc=ssrc), NAT, 5.0 + n * 0.02)
        assert (ours.rtp_target, ours.events(), sent(ours)) == (PEER, [], [])

    def test_its_reports_may_come_from_elsewhere_too(self):
        ours = self.latched()
        ours.receive_rtcp(encode_compound([ReceiverReport(5)]), PEER_RTCP, 1.1)
        for n in range(10):
            ours.receive_rtp(rtp(5 + n), NAT, 5.0)
        ours.receive_rtcp(encode_compound([ReceiverReport(5)]), Endpoint(NAT.host, 31001), 5.1)
        assert ours.rtcp_target == Endpoint(NAT.host, 31001)


class TestKeepalive:
    """RFC 6263: a leg that says nothing keeps the NATs on its way open all the same."""

    def quiet_leg(self, **changes: object) -> list[tuple[float, RtpPacket]]:
        ours = stream(replace(AGREED, **changes))
        packets = []
        while (now := ours.next_timeout()) < 50:
            ours.handle_timeout(now)
            packets += [(now, each) for each in sent(ours)]
        return [(round(now, 1), each) for now, each in packets if each.payload_type > 100]

    def test_an_empty_packet_of_a_type_nobody_knows_every_fifteen_seconds(self):
        found = self.quiet_leg(telephone_event=126)
        assert [now for now, _ in found] == [15.5, 30.5, 45.5]
        assert {(each.payload_type, each.payload) for _, each in found} == {(125, b"")}

    def test_on_hold_too(self):
        assert [now for now, _ in self.quiet_leg(direction="recvonly")] == [15, 30, 45]

    def test_not_to_a_peer_without_an_address(self):
        assert self.quiet_leg(direction="inactive", remote_rtp=Endpoint("0.0.0.0", 4000)) == []


class TestBlocking:
    """What rtpengine calls ``block media`` and ``block DTMF``: heard and counted, not passed on."""

    def test_audio_is_kept_from_the_other_leg_and_makes_no_loss(self):
        one, two = stream(), stream(ssrc=88)
        one.set_sink(two)
        sent(two)
        for n in range(20):
            one.block(media=5 <= n < 10)
            one.receive_rtp(rtp(n), PEER, n * 0.02)
        numbers = [each.sequence for each in sent(two)]
        assert numbers == list(range(501, 516))
        assert one.report().packets_received == 20

    def test_keys_alone(self):
        one, two = stream(), stream(ssrc=88)
        one.set_sink(two)
        sent(two)
        one.block(keys=True)
        one.receive_rtp(rtp(1), PEER, 0.0)
        one.receive_rtp(rtp(2, kind=101, payload=b"\x05\x80\x03\x20"), PEER, 0.02)
        assert [each.payload_type for each in sent(two)] == [0]


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60), st.integers(0, 3)), max_size=40))
def test_the_network_may_send_anything(datagrams):
    ours = echoing()
    for is_rtp, noise, form in datagrams:
        data = [noise, b"\x80\x00" + noise, b"\x80\xc8\x00\x06" + noise, b"\x90\x65" + noise][form]
        (ours.receive_rtp if is_rtp else ours.receive_rtcp)(data, NAT, 1.0)
    ours.close(2.0)
