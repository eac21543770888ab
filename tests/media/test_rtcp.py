"""RTCP on the wire: RFC 3550 §6.4–§6.6, and the validity of a compound, §A.2."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.errors import MalformedPacket
from ringthru.media.rtp.rtcp import (
    Goodbye,
    OtherPacket,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    decode_compound,
    encode_compound,
)

SENDER_REPORT = bytes.fromhex(
    "81 c8 000c"  # version 2, one block, SR, 13 words
    "00000001"  # sender
    "e5f3a2b1 80000000"  # NTP: seconds, half a second
    "00001000"  # RTP timestamp
    "00000032 00001f40"  # 50 packets, 8000 octets
    "00000002"  # source
    "40 fffffe"  # a quarter lost, two duplicates in all
    "00010010"  # one cycle, sequence 16
    "00000008"  # jitter
    "a2b18000"  # LSR
    "00018000"  # DLSR: one and a half seconds
)
CNAME = bytes.fromhex("81 ca 0003  00000001  01 03 616263  000000")
BYE = bytes.fromhex("81 cb 0001  00000001")
BLOCK = ReportBlock(2, 64, -2, 0x10010, 8, 0xA2B18000, 98304)
PACKETS = (
    SenderReport(1, 0xE5F3A2B180000000, 4096, 50, 8000, (BLOCK,)),
    SourceDescription(1, "abc"),
    Goodbye((1,)),
)
WHOLE = SENDER_REPORT + CNAME + BYE


def test_a_compound_by_the_figures_of_the_rfc():
    assert decode_compound(WHOLE) == PACKETS
    assert encode_compound(PACKETS) == WHOLE


def test_a_receiver_report_without_blocks_is_whole():
    assert decode_compound(bytes.fromhex("80c90001 00000005")) == (ReceiverReport(5),)


@pytest.mark.parametrize("cname", ["", "a", "ab", "abc", "abcd", "x" * 255])
def test_a_name_of_any_length_is_padded_with_at_least_one_null(cname):
    packets = (ReceiverReport(1), SourceDescription(1, cname))
    datagram = encode_compound(packets)
    assert len(datagram) % 4 == 0
    assert datagram[-1] == 0
    assert decode_compound(datagram) == packets


def test_types_that_we_do_not_use_are_stepped_over():
    feedback = OtherPacket(206, 1, bytes(8))
    assert decode_compound(encode_compound([ReceiverReport(1), feedback])) == (ReceiverReport(1), feedback)


def test_padding_is_allowed_in_the_last_packet():
    padded = bytes.fromhex("80c90001 00000005") + bytes.fromhex("a1cb0002 00000001 00000004")
    assert decode_compound(padded) == (ReceiverReport(5), Goodbye((1,)))


class TestValidity:
    """§A.2."""

    BOUNDARIES = (len(SENDER_REPORT), len(SENDER_REPORT + CNAME), len(WHOLE))

    @pytest.mark.parametrize("size", range(len(WHOLE)))
    def test_cut_at_every_byte(self, size):
        if size in self.BOUNDARIES:
            assert decode_compound(WHOLE[:size]) == PACKETS[: self.BOUNDARIES.index(size) + 1]
            return
        with pytest.raises(MalformedPacket):
            decode_compound(WHOLE[:size])

    @pytest.mark.parametrize(
        "datagram",
        [
            CNAME + SENDER_REPORT,  # does not begin with a report
            b"\x41" + WHOLE[1:],  # version 1
            SENDER_REPORT + b"\x01" + CNAME[1:],  # version 0 further on
            b"\xa1" + WHOLE[1:],  # padding before the last packet
            b"\x82" + WHOLE[1:],  # two blocks announced, one there
            bytes.fromhex("a0c90001 00000000"),  # padding of no bytes
            bytes.fromhex("a0c90001 000000ff"),  # padding longer than the packet
        ],
    )
    def test_refused(self, datagram):
        with pytest.raises(MalformedPacket):
            decode_compound(datagram)

    @given(st.binary(max_size=200))
    def test_noise(self, noise):
        for datagram in (noise, SENDER_REPORT + noise, b"\x80\xc9" + noise):
            with suppress(MalformedPacket):
                decode_compound(datagram)
