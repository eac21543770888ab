"""STUN's Binding: RFC 5769's own examples, broken answers, and the client under a manual clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.net.stun import (
    MalformedStun,
    Mapped,
    Refused,
    StunClient,
    Unanswered,
    decode_response,
    encode_request,
)

SERVER = Endpoint("192.0.2.53", 3478)
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
HEADER = "2112a442" + TRANSACTION.hex()
IPV4_RESPONSE = bytes.fromhex(  # RFC 5769 §2.2
    "0101003c" + HEADER
    + "8022000b7465737420766563746f7220"  # SOFTWARE "test vector", padded
    + "002000080001a147e112a643"  # XOR-MAPPED-ADDRESS 192.0.2.1:32853
    + "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"  # MESSAGE-INTEGRITY
    + "80280004c07d4c96"  # FINGERPRINT
)  # fmt: skip
IPV6_RESPONSE = bytes.fromhex(  # RFC 5769 §2.3
    "01010048" + HEADER
    + "8022000b7465737420766563746f7220"
    + "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    + "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    + "80280004c8fb0b4c"
)  # fmt: skip
OLD_RESPONSE = bytes.fromhex("0101000c" + HEADER + "0001000800011234cb007109")  # MAPPED-ADDRESS alone
ERROR_RESPONSE = bytes.fromhex("01110010" + HEADER + "0009000c00000401" + b"Try it!!".hex())


class TestMessages:
    def test_the_request(self):
        assert encode_request(TRANSACTION) == bytes.fromhex("00010000" + HEADER)

    @pytest.mark.parametrize(
        ("data", "mapped"),
        [
            (IPV4_RESPONSE, Endpoint("192.0.2.1", 32853)),
            (IPV6_RESPONSE, Endpoint("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
            (OLD_RESPONSE, Endpoint("203.0.113.9", 0x1234)),
        ],
    )
    def test_an_address(self, data, mapped):
        response = decode_response(data)
        assert (response.transaction, response.mapped) == (TRANSACTION, mapped)

    def test_a_refusal(self):
        response = decode_response(ERROR_RESPONSE)
        assert (response.mapped, response.code, response.reason) == (None, 401, "Try it!!")

    @pytest.mark.parametrize(
        "text",
        [
            "01010000" + HEADER,  # a success without an address
            "01010008" + HEADER + "0020000400011234",  # an address too short
            "0101000c" + HEADER + "002000080003a147e112a643",  # of no family
            "0101000c" + HEADER + "001900080001a147e112a643",  # an attribute that must be understood
            "0101000c" + HEADER + "002000ff0001a147e112a643",  # longer than the message
            "00010000" + HEADER,  # a request
            "01010000" + "deadbeef" + TRANSACTION.hex(),  # another cookie
        ],
    )
    def test_nonsense(self, text):
        with pytest.raises(MalformedStun):
            decode_response(bytes.fromhex(text))

    @pytest.mark.parametrize("data", [IPV4_RESPONSE, IPV6_RESPONSE, OLD_RESPONSE, ERROR_RESPONSE])
    def test_cut_at_every_byte(self, data):
        for end in range(len(data)):
            with pytest.raises(MalformedStun):
                decode_response(data[:end])

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data):
        try:
            decode_response(data)
        except MalformedStun:
            pass

    @given(st.binary(max_size=100).filter(lambda data: len(data) % 4 == 0))
    def test_any_attributes(self, data):
        try:
            decode_response(bytes.fromhex(f"0101{len(data):04x}" + HEADER) + data)
        except MalformedStun:
            pass


@pytest.fixture
def client() -> StunClient:
    made = StunClient(SERVER, TRANSACTION)
    made.start(0.0)
    return made


class TestClient:
    def test_seven_attempts_as_the_rfc_times_them(self, client):
        """§6.2.1: 0, 500, 1500, 3500, 7500, 15500 and 31500 ms, given up at 39500."""
        sent = [0.0] * len(client.datagrams_to_send())
        while (now := client.next_timeout()) is not None:
            client.handle_timeout(now)
            sent += [now] * len(client.datagrams_to_send())
            last = now
        assert sent == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert last == 39.5
        assert client.events() == [Unanswered()]

    def test_an_answer(self, client):
        client.receive_datagram(IPV4_RESPONSE, SERVER, 0.1)
        assert client.events() == [Mapped(Endpoint("192.0.2.1", 32853))]
        assert client.next_timeout() is None

    def test_a_refusal(self, client):
        client.receive_datagram(ERROR_RESPONSE, SERVER, 0.1)
        assert client.events() == [Refused("401 Try it!!")]

    @pytest.mark.parametrize(
        ("data", "source"),
        [
            (IPV4_RESPONSE, Endpoint("192.0.2.66", 3478)),
            (IPV4_RESPONSE, Endpoint(SERVER.host, 3479)),
            (IPV4_RESPONSE.replace(TRANSACTION, bytes(12)), SERVER),
            (b"not STUN at all, surely", SERVER),
        ],
    )
    def test_what_the_server_did_not_answer_is_overlooked(self, client, data, source):
        client.receive_datagram(data, source, 0.1)
        assert client.events() == []
        assert client.next_timeout() == 0.5

    def test_a_second_answer_changes_nothing(self, client):
        client.receive_datagram(IPV4_RESPONSE, SERVER, 0.1)
        client.receive_datagram(ERROR_RESPONSE, SERVER, 0.2)
        assert client.events() == [Mapped(Endpoint("192.0.2.1", 32853))]
