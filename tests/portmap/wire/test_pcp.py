"""PCP on the wire: RFC 6887 §7, §11, §12 and §14, field by field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.errors import LocalError, MalformedMessage
from ringthru.portmap.wire.pcp import (
    ANYCAST_IPV4,
    ANYCAST_IPV6,
    LONGEST,
    Mapping,
    Opcode,
    Peering,
    Request,
    Response,
    ResultCode,
    VersionRefused,
    decode,
)
from ringthru.portmap.wire.pcp_options import Description, Filter, PreferFailure, pack_address

V4_MAPPED = "00000000000000000000" + "ffff"
GUA = "20010db8" + "0000" * 5 + "0005"  # 2001:db8::5
NONCE = bytes(range(12))
NONCE_HEX = "000102030405060708090a0b"


def wire(*fields: str) -> bytes:
    return bytes.fromhex("".join(fields))


MAP_REQUEST = wire(
    "02",  # version
    "01",  # R bit 0, opcode MAP
    "0000",  # reserved
    "00000e10",  # 3600 s
    V4_MAPPED + "c0a80105",  # from 192.168.1.5
    NONCE_HEX,
    "11",  # UDP
    "000000",  # reserved
    "13c4",  # internal port 5060
    "c350",  # suggested external port 50000
    V4_MAPPED + "00000000",  # any external address, IPv4
)
MAP_ANSWER = wire(
    "02",  # version
    "81",  # R bit 1, opcode MAP
    "00",  # reserved
    "00",  # SUCCESS
    "00000708",  # 1800 s
    "00000e10",  # 3600 s since the epoch
    "00000000" * 3,  # reserved
    NONCE_HEX,
    "11",  # UDP
    "000000",  # reserved
    "13c4",  # internal port 5060
    "c351",  # assigned external port 50001
    V4_MAPPED + "cb007109",  # assigned external address 203.0.113.9
)
PEER_REQUEST = wire(
    "02",  # version
    "02",  # R bit 0, opcode PEER
    "0000",  # reserved
    "00000258",  # 600 s
    GUA,  # from 2001:db8::5
    NONCE_HEX,
    "06",  # TCP
    "000000",  # reserved
    "13c4",  # internal port 5060
    "0000",  # no external port suggested
    "0000" * 8,  # nor address
    "13c5",  # remote port 5061
    "0000",  # reserved
    "20010db8" + "0000" * 5 + "0099",  # remote address 2001:db8::99
)
PEER_ANSWER = (
    wire(
        "02",  # version
        "82",  # R bit 1, opcode PEER
        "00",  # reserved
        "00",  # SUCCESS
        "00000258",  # 600 s
        "00000e10",  # 3600 s since the epoch
        "00000000" * 3,  # reserved
    )
    + PEER_REQUEST[24:]
)
ANNOUNCE = wire(
    "02",  # version
    "80",  # R bit 1, opcode ANNOUNCE
    "00",  # reserved
    "00",  # SUCCESS
    "00000000",  # no lifetime
    "00000007",  # 7 s since the epoch
    "00000000" * 3,  # reserved
)

ports = st.integers(0, 65535)
words = st.integers(0, 2**32 - 1)
addresses = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).filter(lambda a: not a.ipv4_mapped).map(str)
mappings = st.builds(
    Mapping, st.binary(min_size=12, max_size=12), st.integers(0, 255), ports, ports, addresses
)
peerings = st.builds(Peering, mappings, ports, addresses)
options = st.lists(
    st.just(PreferFailure())
    | st.builds(Filter, st.ip_addresses(v=4).map(str), st.integers(0, 32), ports)
    | st.builds(Description, st.text(alphabet="Ringthru ä", max_size=20)),
    max_size=4,
).map(tuple)
bodies = st.one_of(
    st.tuples(st.just(Opcode.ANNOUNCE), st.none()),
    st.tuples(st.just(Opcode.MAP), mappings),
    st.tuples(st.just(Opcode.PEER), peerings),
)


class TestRequests:
    @pytest.mark.parametrize(
        ("request_", "datagram"),
        [
            (Request(Opcode.MAP, 3600, "192.168.1.5", Mapping(NONCE, 17, 5060, 50000)), MAP_REQUEST),
            (
                Request(
                    Opcode.PEER,
                    600,
                    "2001:db8::5",
                    Peering(Mapping(NONCE, 6, 5060, 0, "::"), 5061, "2001:db8::99"),
                ),
                PEER_REQUEST,
            ),
            (Request(Opcode.ANNOUNCE, 0, "192.168.1.5"), wire("02000000", "00000000", V4_MAPPED, "c0a80105")),
        ],
        ids=["MAP", "PEER", "ANNOUNCE"],
    )
    def test_field_by_field(self, request_, datagram):
        assert request_.encode() == datagram
        assert Request.decode(datagram) == request_

    def test_options_follow_the_body(self):
        mapping = Mapping(NONCE, 17, 5060, 50000)
        asked = Request(Opcode.MAP, 3600, "192.168.1.5", mapping, (PreferFailure(),))
        assert asked.encode() == MAP_REQUEST + wire("02000000")

    def test_more_than_1100_bytes_are_never_sent(self):
        filters = tuple(Filter(f"10.0.{n}.0", 24) for n in range(50))
        with pytest.raises(LocalError, match="1100"):
            Request(Opcode.MAP, 60, "192.168.1.5", Mapping(NONCE, 17, 5060, 5060), filters).encode()

    def test_a_nonce_has_twelve_bytes(self):
        with pytest.raises(LocalError, match="nonce"):
            Mapping(b"short", 17, 5060, 5060)

    def test_an_answer_is_no_request(self):
        with pytest.raises(MalformedMessage):
            Request.decode(MAP_ANSWER)


class TestAnswers:
    def test_map(self):
        mapping = Mapping(NONCE, 17, 5060, 50001, "203.0.113.9")
        assert decode(MAP_ANSWER) == Response(Opcode.MAP, ResultCode.SUCCESS, 1800, 3600, mapping)

    def test_peer(self):
        peering = Peering(Mapping(NONCE, 6, 5060, 0, "::"), 5061, "2001:db8::99")
        assert decode(PEER_ANSWER) == Response(Opcode.PEER, ResultCode.SUCCESS, 600, 3600, peering)

    def test_announce_is_an_answer_that_nobody_asked_for(self):
        assert decode(ANNOUNCE) == Response(Opcode.ANNOUNCE, ResultCode.SUCCESS, 0, 7)

    def test_its_options(self):
        told = decode(MAP_ANSWER + wire("80000003", "73697000"))
        assert isinstance(told, Response)
        assert told.options == (Description("sip"),)

    @pytest.mark.parametrize("code", list(ResultCode)[2:])
    def test_a_refusal_with_a_copy_of_our_request(self, code):
        told = decode(MAP_ANSWER[:3] + bytes((code,)) + MAP_ANSWER[4:])
        assert isinstance(told, Response)
        assert (told.result, told.lifetime) == (code, 1800)
        assert isinstance(told.body, Mapping)

    def test_a_refusal_needs_no_body(self):
        assert decode(wire("02810002", "0000001e", "00000007", "00000000" * 3)) == Response(
            Opcode.MAP, ResultCode.NOT_AUTHORIZED, 30, 7
        )

    def test_a_refusal_may_give_back_the_option_it_is_about(self):
        told = decode(MAP_ANSWER[:3] + b"\x06" + MAP_ANSWER[4:] + wire("03000063"))
        assert isinstance(told, Response)
        assert told.result is ResultCode.MALFORMED_OPTION

    def test_a_result_that_rfc_6887_does_not_know_is_a_number(self):
        told = decode(MAP_ANSWER[:3] + b"\x63" + MAP_ANSWER[4:])
        assert isinstance(told, Response)
        assert told.result == 99

    def test_reserved_bits_mean_nothing(self):
        assert decode(MAP_ANSWER[:2] + b"\xff" + MAP_ANSWER[3:12] + b"\xff" * 12 + MAP_ANSWER[24:]) == decode(
            MAP_ANSWER
        )


class TestOtherVersions:
    """§9: what a server says that does not know ours."""

    @pytest.mark.parametrize(
        ("datagram", "version"),
        [
            (wire("01810001", "0000001e", "00000007", "00000000" * 3), 1),
            (wire("03810001", "0000001e", "00000007", "00000000" * 3), 3),
            (wire("0080", "0001", "00000007"), 0),
            (wire("0000", "0001", "00000000"), 0),
            (wire("0081", "0001", "00000007", "00000000" * 2), 0),
        ],
        ids=["version 1", "version 3", "NAT-PMP", "NAT-PMP without response bit", "NAT-PMP, long"],
    )
    def test_unsupported_version_in_both_forms(self, datagram, version):
        assert decode(datagram) == VersionRefused(version)

    @pytest.mark.parametrize(
        "datagram",
        [
            wire("0080", "0000", "00000007", "cb007109"),  # NAT-PMP: an external address
            wire("01810000", "0000001e", "00000007", "00000000" * 3),
            wire("01010001", "0000001e", "00000007", "00000000" * 3),
        ],
        ids=["NAT-PMP", "version 1, success", "version 1, request"],
    )
    def test_nothing_else_of_theirs_is_understood(self, datagram):
        with pytest.raises(MalformedMessage):
            decode(datagram)


class TestMalformed:
    @pytest.mark.parametrize("answer", [MAP_ANSWER, PEER_ANSWER, ANNOUNCE], ids=["MAP", "PEER", "ANNOUNCE"])
    def test_cut_anywhere(self, answer):
        for length in range(len(answer)):
            with pytest.raises(MalformedMessage):
                decode(answer[:length])

    @pytest.mark.parametrize("request_", [MAP_REQUEST, PEER_REQUEST], ids=["MAP", "PEER"])
    def test_requests_cut_anywhere(self, request_):
        for length in range(len(request_)):
            with pytest.raises(MalformedMessage):
                Request.decode(request_[:length])

    @pytest.mark.parametrize(
        "datagram",
        [
            MAP_ANSWER + bytes(1),
            MAP_ANSWER + bytes(LONGEST + 4 - len(MAP_ANSWER)),
            MAP_REQUEST,
            MAP_ANSWER[:1] + b"\x83" + MAP_ANSWER[2:],
            MAP_ANSWER + wire("80000005", "73697000"),
        ],
        ids=["61 bytes", "1104 bytes", "no R bit", "opcode 3", "option cut"],
    )
    def test_pc15_what_rfc_6887_does_not_allow(self, datagram):
        with pytest.raises(MalformedMessage):
            decode(datagram)

    def test_1100_bytes_are_allowed(self):
        assert isinstance(decode(MAP_ANSWER + bytes(LONGEST - len(MAP_ANSWER))), Response)


class TestAnything:
    @given(bodies, words, addresses, options)
    def test_requests_are_read_as_they_were_written(self, body, lifetime, client, chosen):
        asked = Request(body[0], lifetime, client, body[1], chosen)
        assert Request.decode(asked.encode()) == asked

    @given(bodies, words, words, options)
    def test_answers_are_read_as_they_were_written(self, body, lifetime, epoch, chosen):
        told = Response(body[0], ResultCode.SUCCESS, lifetime, epoch, body[1], chosen)
        assert decode(told.encode()) == told

    @given(st.binary(max_size=120))
    def test_noise_gives_a_value_or_the_one_error(self, noise):
        for read in (decode, Request.decode):
            try:
                assert isinstance(read(noise), Request | Response | VersionRefused)
            except MalformedMessage:
                pass

    @given(st.sampled_from([MAP_ANSWER, PEER_ANSWER, ANNOUNCE]), st.binary(max_size=60).map(lambda b: b * 4))
    def test_noise_behind_a_head_too(self, head, noise):
        try:
            told = decode(head + noise)
        except MalformedMessage:
            return
        assert isinstance(told, Response)
        assert decode(told.encode()) == told


def test_the_anycast_addresses_are_those_of_rfc_7723():
    assert pack_address(ANYCAST_IPV4) == wire(V4_MAPPED, "c0000009")
    assert pack_address(ANYCAST_IPV6) == wire("20010001", "0000" * 5, "0001")
