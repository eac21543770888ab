"""PCP's options on the wire: RFC 6887 §7.3 and §13, RFC 7220."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.errors import LocalError, MalformedMessage
from ringthru.portmap.wire.pcp_options import (
    Description,
    Filter,
    PreferFailure,
    ThirdParty,
    UnknownOption,
    decode_options,
    encode_options,
    pack_address,
    unpack_address,
)

V4_MAPPED = "00000000000000000000" + "ffff"


def wire(*fields: str) -> bytes:
    return bytes.fromhex("".join(fields))


THIRD_PARTY = wire(
    "01",  # code
    "00",  # reserved
    "0010",  # 16 bytes
    V4_MAPPED + "c0a80109",  # ::ffff:192.168.1.9
)
PREFER_FAILURE = wire("02", "00", "0000")
FILTER = wire(
    "03",  # code
    "00",  # reserved
    "0014",  # 20 bytes
    "00",  # reserved
    "78",  # 120 bits: 96 + 24
    "0000",  # any port
    V4_MAPPED + "cb007100",  # ::ffff:203.0.113.0
)
DESCRIPTION = wire(
    "80",  # code
    "00",  # reserved
    "0005",  # 5 bytes
    "5369e3818d",  # "Siき"
    "000000",  # padding
)

v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None).map(str)
ports = st.integers(0, 65535)
known_options = st.one_of(
    st.builds(ThirdParty, v4 | v6),
    st.just(PreferFailure()),
    st.builds(Filter, v4, st.integers(0, 32), ports),
    st.builds(Filter, v6, st.integers(1, 128), ports),
    st.builds(Filter, st.just("::"), st.just(0), ports),
    st.builds(Description, st.text(max_size=100).map(lambda text: text.rstrip("\0"))),
    st.builds(UnknownOption, st.integers(4, 127), st.binary(max_size=40)),
)


class TestAddresses:
    """§5: always 16 bytes."""

    @pytest.mark.parametrize(
        ("text", "bytes_"),
        [
            ("192.168.1.5", V4_MAPPED + "c0a80105"),
            ("0.0.0.0", V4_MAPPED + "00000000"),
            ("2001:db8::5", "20010db8" + "0000" * 5 + "0005"),
            ("::", "0000" * 8),
        ],
    )
    def test_both_families(self, text, bytes_):
        assert pack_address(text) == wire(bytes_)
        assert unpack_address(wire(bytes_)) == text

    def test_a_zone_stays_at_home(self):
        assert pack_address("fe80::1%eth0") == pack_address("fe80::1")

    def test_a_name_is_no_address(self):
        with pytest.raises(LocalError, match="router"):
            pack_address("router")


class TestVectors:
    @pytest.mark.parametrize(
        ("option", "bytes_"),
        [
            (ThirdParty("192.168.1.9"), THIRD_PARTY),
            (PreferFailure(), PREFER_FAILURE),
            (Filter("203.0.113.0", 24), FILTER),
            (Description("Siき"), DESCRIPTION),
        ],
        ids=["THIRD_PARTY", "PREFER_FAILURE", "FILTER", "DESCRIPTION"],
    )
    def test_field_by_field(self, option, bytes_):
        assert encode_options((option,)) == bytes_
        assert decode_options(bytes_) == (option,)

    def test_several_in_their_order(self):
        options = (Filter("203.0.113.0", 24), PreferFailure(), Description("Siき"))
        assert decode_options(FILTER + PREFER_FAILURE + DESCRIPTION) == options

    def test_no_bits_at_all_means_no_filter(self):
        nobody = wire("03000014", "00", "00", "0000", "20010db8" + "0000" * 6)
        assert decode_options(nobody) == (Filter("::", 0),)

    def test_a_filter_for_the_whole_ipv4_internet_has_96_bits(self):
        assert Filter("0.0.0.0", 0).data()[1] == 96


class TestUnknown:
    def test_an_optional_one_is_skipped(self):
        assert decode_options(wire("81000003", "aabbcc00") + PREFER_FAILURE) == (PreferFailure(),)

    def test_a_mandatory_one_is_kept_for_those_who_must_refuse_it(self):
        assert decode_options(wire("04000001", "aa000000")) == (UnknownOption(4, b"\xaa"),)


class TestMalformed:
    @pytest.mark.parametrize("option", [THIRD_PARTY, PREFER_FAILURE, FILTER, DESCRIPTION])
    def test_cut_anywhere_before_its_padding(self, option):
        end = 9 if option is DESCRIPTION else len(option)
        for length in range(1, end):
            with pytest.raises(MalformedMessage):
                decode_options(option[:length])

    @pytest.mark.parametrize(
        "option",
        [
            wire("01000004", "c0a80109"),
            wire("02000004", "00000000"),
            wire("03000010") + FILTER[8:],
            wire("03000014", "00", "81", "0000", "20010db8", "0000" * 6),
            wire("03000014", "00", "5f", "0000", V4_MAPPED, "cb007100"),
        ],
        ids=["short THIRD_PARTY", "PREFER_FAILURE with data", "short FILTER", "129 bits", "95 bits of IPv4"],
    )
    def test_lengths_and_prefixes_that_cannot_be(self, option):
        with pytest.raises(MalformedMessage):
            decode_options(option)


class TestDescription:
    def test_it_is_cut_to_1016_octets_and_not_amid_a_character(self):
        data = Description("ä" * 600 + "x").data()
        assert data.decode() == "ä" * 508

    def test_a_cut_inside_a_character_drops_that_character(self):
        assert Description("x" + "ä" * 600).data().decode() == "x" + "ä" * 507

    def test_lone_surrogates_do_no_harm(self):
        assert Description("a\ud800b").data() == b"a?b"

    def test_bytes_that_are_no_utf_8_are_shown_as_such(self):
        assert decode_options(wire("80000002", "ff410000")) == (Description("\ufffdA"),)


class TestAnything:
    @given(st.lists(known_options, max_size=6).map(tuple))
    def test_what_is_written_is_read(self, options):
        data = encode_options(options)
        assert len(data) % 4 == 0
        assert decode_options(data) == options

    @given(st.binary(max_size=120))
    def test_noise_gives_options_or_the_one_error(self, noise):
        try:
            options = decode_options(noise)
        except MalformedMessage:
            return
        assert decode_options(encode_options(options)) == options
