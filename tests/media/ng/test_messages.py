"""ng messages, and the lines of a DTMF log."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media import MalformedPacket
from ringthru.media.ng.dtmf_log import LoggedKey
from ringthru.media.ng.messages import Dialogue, Message, encode_message, list_calls, ping

HERE = Dialogue("call", "inner", "outer")


def test_a_ping_and_its_pong():
    assert encode_message("7_1", ping()) == b"7_1 d7:command4:pinge"
    pong = Message.decode(b"7_1 d6:result4:ponge")
    assert (pong.cookie, pong.succeeded, pong.full) == ("7_1", True, False)


@pytest.mark.parametrize(
    "answer",
    [
        b"d7:message30:Parallel session limit reached6:result10:load limite",
        b"d12:error-reason30:Parallel session limit reached6:result5:errore",
    ],
)
def test_a_node_that_is_full_says_so_in_one_of_two_ways(answer):
    message = Message.decode(b"1 " + answer)
    assert message.full
    assert not message.succeeded
    assert message.reason == "Parallel session limit reached"


@pytest.mark.parametrize("bad", [b"", b" de", b"abc", b"a" * 65 + b" de", b"\xff de", b"a\x00 de", b"a i1e"])
def test_what_is_no_message(bad):
    with pytest.raises(MalformedPacket):
        Message.decode(bad)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_message_or_the_error(data):
    try:
        Message.decode(data)
    except MalformedPacket:
        pass


def test_commands_name_the_call_and_the_side():
    assert HERE.offer(b"v=0", ICE="remove") == {
        "command": "offer",
        "call-id": "call",
        "from-tag": "inner",
        "to-tag": "outer",
        "sdp": b"v=0",
        "ICE": "remove",
    }
    assert HERE.swapped().delete()["from-tag"] == "outer"
    names = [
        each["command"]
        for each in (
            *(HERE.answer(b""), HERE.query(), HERE.play_media(b"RIFF"), HERE.stop_media()),
            *(HERE.record(True), HERE.record(False), HERE.play_dtmf("5", 100), list_calls()),
            *(HERE.block("media", True), HERE.block("DTMF", False)),
        )
    ]
    assert names == [
        *("answer", "query", "play media", "stop media", "start recording", "stop recording", "play DTMF"),
        *("list", "block media", "unblock DTMF"),
    ]


LOGGED = {
    "callid": "c",
    "source_tag": "outer",
    "tags": ["inner", "outer"],
    "type": "DTMF",
    "timestamp": 1795888580,
    "source_ip": "127.0.0.1",
    "event": 11,
    "duration": 80,
    "volume": 10,
}


def test_a_key_as_rtpengine_logs_it():
    assert LoggedKey.decode(json.dumps(LOGGED).encode()) == LoggedKey("c", "outer", "#", 80)


@pytest.mark.parametrize(
    "changed",
    [
        *({"event": 16}, {"event": -1}, {"event": True}, {"event": "5"}, {"duration": 60_001}),
        *({"duration": 1.5}, {"callid": 5}, {"source_tag": None}),
    ],
)
def test_what_is_no_key(changed):
    with pytest.raises(MalformedPacket):
        LoggedKey.decode(json.dumps(LOGGED | changed).encode())


@pytest.mark.parametrize("bad", [b"", b"[]", b"[" * 4000, b"\xff", b" " * 5000])
def test_what_is_no_line(bad):
    with pytest.raises(MalformedPacket):
        LoggedKey.decode(bad)
