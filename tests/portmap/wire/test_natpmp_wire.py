"""NAT-PMP on the wire: RFC 6886 §3.2 to §3.5, byte by byte."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.wire.natpmp import (
    AddressRequest,
    AddressResponse,
    ErrorResponse,
    MappingRequest,
    MappingResponse,
    Opcode,
    ResultCode,
    decode,
)

PORTS = st.integers(0, 65535)
WORDS = st.integers(0, 2**32 - 1)


def wire(*fields: str) -> bytes:
    return bytes.fromhex("".join(fields))


ADDRESS_ANSWER = wire(
    "00",  # version
    "80",  # opcode 0, response
    "0000",  # success
    "00000e10",  # 3600 s since the epoch
    "cb007109",  # 203.0.113.9
)
MAPPING_ANSWER = wire(
    "00",  # version
    "81",  # opcode 1 (UDP), response
    "0000",  # success
    "00000e10",  # 3600 s since the epoch
    "13c4",  # internal port 5060
    "c350",  # external port 50000
    "00000708",  # 1800 s
)


class TestRequests:
    def test_the_address_is_asked_with_two_zero_bytes(self):
        assert AddressRequest().encode() == wire("00", "00")

    def test_a_mapping_request(self):
        assert MappingRequest(Opcode.MAP_TCP, 5060, 5060, 3600).encode() == wire(
            "00",  # version
            "02",  # opcode 2: TCP
            "0000",  # reserved
            "13c4",  # internal port
            "13c4",  # suggested external port
            "00000e10",  # lifetime
        )

    def test_a_deletion_has_lifetime_and_external_port_zero(self):
        assert MappingRequest(Opcode.MAP_UDP, 5060, 0, 0).encode() == wire(
            "0001", "0000", "13c40000", "00000000"
        )


class TestResponses:
    def test_an_address(self):
        assert decode(ADDRESS_ANSWER) == AddressResponse(3600, "203.0.113.9")

    def test_a_mapping(self):
        assert decode(MAPPING_ANSWER) == MappingResponse(Opcode.MAP_UDP, 3600, 5060, 50000, 1800)

    @pytest.mark.parametrize("code", list(ResultCode)[2:])
    def test_a_refusal_needs_eight_bytes_only(self, code):
        refusal = wire("0082", f"{code:04x}", "00000001")
        assert decode(refusal) == ErrorResponse(Opcode.MAP_TCP, code, 1)
        assert decode(refusal + bytes(8)) == decode(refusal)

    @pytest.mark.parametrize("opcode", ["00", "80", "81"])
    def test_unsupported_version_comes_with_any_opcode(self, opcode):
        """§3.5 gives opcode 0 without the response bit; gateways differ."""
        answer = decode(wire("00", opcode, "0001", "00000000"))
        assert answer == ErrorResponse(None, ResultCode.UNSUPPORTED_VERSION, 0)

    def test_bytes_after_the_message_are_ignored(self):
        assert decode(MAPPING_ANSWER + b"padding") == decode(MAPPING_ANSWER)


class TestNonsense:
    @pytest.mark.parametrize("answer", [ADDRESS_ANSWER, MAPPING_ANSWER], ids=["address", "mapping"])
    def test_cut_anywhere_it_is_malformed(self, answer):
        for length in range(len(answer)):
            with pytest.raises(MalformedMessage):
                decode(answer[:length])

    @pytest.mark.parametrize(
        "datagram",
        [
            wire("02") + ADDRESS_ANSWER[1:],  # PCP
            wire("0000") + ADDRESS_ANSWER[2:],  # a request
            wire("0083") + ADDRESS_ANSWER[2:],  # no such opcode
            wire("00800006") + ADDRESS_ANSWER[4:],  # no such result
        ],
        ids=["version 2", "request", "opcode 3", "result 6"],
    )
    def test_what_rfc_6886_does_not_define(self, datagram):
        with pytest.raises(MalformedMessage):
            decode(datagram)

    def test_a_refusal_cut_anywhere_is_malformed(self):
        refusal = wire("0082", "0002", "00000001")
        for length in range(len(refusal)):
            with pytest.raises(MalformedMessage):
                decode(refusal[:length])

    @given(st.binary(max_size=40))
    def test_noise_is_malformed_or_a_message(self, noise):
        try:
            assert isinstance(decode(noise), AddressResponse | MappingResponse | ErrorResponse)
        except MalformedMessage:
            pass


class TestEveryValue:
    """Both ways: what we write has the layout of §3.3, what has that layout we read."""

    @given(st.sampled_from([Opcode.MAP_UDP, Opcode.MAP_TCP]), PORTS, PORTS, WORDS)
    def test_requests(self, opcode, internal, external, lifetime):
        written = MappingRequest(opcode, internal, external, lifetime).encode()
        assert struct.unpack("!BBHHHI", written) == (0, opcode, 0, internal, external, lifetime)

    @given(st.sampled_from([Opcode.MAP_UDP, Opcode.MAP_TCP]), WORDS, PORTS, PORTS, WORDS)
    def test_grants(self, opcode, epoch, internal, external, lifetime):
        written = struct.pack("!BBHIHHI", 0, 128 + opcode, 0, epoch, internal, external, lifetime)
        assert decode(written) == MappingResponse(opcode, epoch, internal, external, lifetime)

    @given(WORDS, st.ip_addresses(v=4).map(str))
    def test_addresses(self, epoch, told):
        written = struct.pack("!BBHI4s", 0, 128, 0, epoch, socket.inet_aton(told))
        assert decode(written) == AddressResponse(epoch, told)
