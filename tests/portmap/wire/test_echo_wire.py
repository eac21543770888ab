"""The outside echo's messages, byte by byte: always 56 of them, whichever way they go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.errors import LocalError, MalformedMessage
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.echo import SIZE, Kind, Message, Outcome, decode, is_echo

TOKEN = bytes(range(12))
REPORT = Message(Kind.REPORT, Protocol.UDP, 5060, TOKEN, b"c" * 16, "11.0.113.1", Outcome.SENT)
BYTES = bytes.fromhex(
    "52546501"  # "RTe", version 1
    "05"  # kind: report
    "11"  # UDP
    "000102030405060708090a0b"  # token
    "63636363636363636363636363636363"  # cookie
    "00000000000000000000ffff0b007101"  # ::ffff:11.0.113.1
    "13c4"  # port 5060
    "01"  # outcome: sent
    "000000"
)


def test_a_message_to_the_byte():
    assert REPORT.encode() == BYTES
    assert decode(BYTES) == REPORT


def test_every_message_has_the_same_size():
    assert {len(Message(kind, Protocol.TCP, 1, TOKEN).encode()) for kind in Kind} == {SIZE}
    assert SIZE <= 64


def test_ipv6_addresses_stay_what_they_are():
    message = Message(Kind.CHALLENGE, Protocol.TCP, 5060, TOKEN, address="2001:db8::5")
    assert decode(message.encode()) == message


def test_cut_anywhere_or_longer_it_is_malformed():
    for data in (*(BYTES[:length] for length in range(SIZE)), BYTES + b"\0"):
        assert not is_echo(data)
        with pytest.raises(MalformedMessage):
            decode(data)


@pytest.mark.parametrize(
    ("at", "value"),
    [(3, 2), (0, 0), (4, 0), (4, 6), (5, 1), (53 - 1, 9)],
    ids=["version 2", "magic", "kind 0", "kind 6", "ICMP", "outcome 9"],
)
def test_a_field_that_cannot_be(at, value):
    with pytest.raises(MalformedMessage):
        decode(BYTES[:at] + bytes((value,)) + BYTES[at + 1 :])


def test_port_zero_is_never_asked_for():
    with pytest.raises(LocalError, match="1 to 65535"):
        Message(Kind.HELLO, Protocol.UDP, 0, TOKEN)
    with pytest.raises(MalformedMessage):
        decode(BYTES[:50] + b"\0\0" + BYTES[52:])


@pytest.mark.parametrize("wrong", [{"token": b"short"}, {"cookie": b""}, {"port": 70000}, {"port": -1}])
def test_what_we_may_not_say(wrong):
    with pytest.raises(LocalError):
        Message(**{"kind": Kind.HELLO, "protocol": Protocol.UDP, "port": 5060, "token": TOKEN} | wrong)


@given(
    st.builds(
        Message,
        st.sampled_from(Kind),
        st.sampled_from(Protocol),
        st.integers(1, 65535),
        st.binary(min_size=12, max_size=12),
        st.binary(min_size=16, max_size=16),
        st.ip_addresses(v=4).map(str),
        st.sampled_from(Outcome),
    )
)
def test_what_is_written_is_read(message):
    assert decode(message.encode()) == message


@given(st.binary(min_size=52, max_size=52))
def test_noise_behind_the_magic_is_a_message_or_malformed(noise):
    try:
        assert isinstance(decode(BYTES[:4] + noise), Message)
    except MalformedMessage:
        pass
