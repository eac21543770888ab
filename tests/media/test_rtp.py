"""RTP packets on the wire: RFC 3550 §5.1 and the checks of §A.1."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.errors import MalformedPacket
from ringthru.media.rtp.packet import RtpPacket

PACKET = bytes.fromhex(
    "80"  # version 2, no padding, no extension, no sources
    "80"  # marker, payload type 0
    "1234"  # sequence
    "000000a0"  # timestamp
    "deadbeef"  # SSRC
    "ffff"  # payload
)


class TestHeader:
    """§5.1."""

    def test_every_field_is_where_the_rfc_draws_it(self):
        packet = RtpPacket.decode(PACKET)
        assert packet == RtpPacket(0, 0x1234, 160, 0xDEADBEEF, b"\xff\xff", marker=True)
        assert packet.encode() == PACKET

    def test_contributing_sources_are_read_over(self):
        assert RtpPacket.decode(b"\x82" + PACKET[1:12] + bytes(8) + b"ab").payload == b"ab"

    def test_an_extension_is_read_over(self):
        extended = b"\x90" + PACKET[1:12] + bytes.fromhex("bede0001 aabbccdd") + b"ab"
        assert RtpPacket.decode(extended).payload == b"ab"

    def test_padding_is_taken_off(self):
        assert RtpPacket.decode(b"\xa0" + PACKET[1:12] + b"ab\x00\x02").payload == b"ab"

    @given(
        kind=st.integers(0, 127).filter(lambda kind: not 72 <= kind <= 76),
        sequence=st.integers(0, 65535),
        timestamp=st.integers(0, 2**32 - 1),
        ssrc=st.integers(0, 2**32 - 1),
        payload=st.binary(max_size=400),
        marker=st.booleans(),
    )
    def test_what_is_written_is_read_back(self, kind, sequence, timestamp, ssrc, payload, marker):
        packet = RtpPacket(kind, sequence, timestamp, ssrc, payload, marker)
        assert RtpPacket.decode(packet.encode()) == packet


class TestNonsense:
    """§A.1: what is no RTP is refused, with nothing but MalformedPacket."""

    @pytest.mark.parametrize("size", range(12))
    def test_cut_within_the_header(self, size):
        with pytest.raises(MalformedPacket):
            RtpPacket.decode(PACKET[:size])

    @pytest.mark.parametrize("first", [0x00, 0x40, 0xC0])
    def test_other_versions(self, first):
        with pytest.raises(MalformedPacket, match="version"):
            RtpPacket.decode(bytes([first]) + PACKET[1:])

    @pytest.mark.parametrize("kind", [200, 201, 202, 203, 204])
    def test_rtcp_on_the_rtp_port(self, kind):
        with pytest.raises(MalformedPacket, match="RTCP"):
            RtpPacket.decode(bytes([0x80, kind]) + PACKET[2:])

    @pytest.mark.parametrize(
        "datagram",
        [
            b"\x8f" + PACKET[1:],  # fifteen sources, none there
            b"\x90" + PACKET[1:],  # an extension, cut
            b"\x90" + PACKET[1:12] + bytes.fromhex("bedeffff"),  # an extension of 256 KiB
            b"\xa0" + PACKET[1:12] + b"ab\x00",  # padding of nothing
            b"\xa0" + PACKET[1:12] + b"ab\x09",  # padding longer than the payload
        ],
    )
    def test_lengths_that_do_not_add_up(self, datagram):
        with pytest.raises(MalformedPacket):
            RtpPacket.decode(datagram)

    @given(st.binary(max_size=300))
    def test_noise(self, datagram):
        with suppress(MalformedPacket):
            RtpPacket.decode(datagram)
