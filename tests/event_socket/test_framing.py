"""Requests and frames on the wire, as FreeSWITCH reads and writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.event_socket.framing import Frame, MalformedMessage, MessageReader, Request

STREAM = (
    b"\n\r\nauth ClueCon\r\n\r\n"
    b"sendmsg 7f4d\ncall-command: execute\nexecute-app-name: playback\n\n"
    b"sendevent NOTIFY\nprofile: internal\nContent-Length: 8\n\nGr\xc3\xbc\xc3\x9fe\napi status\n\n"
)
REQUESTS = [
    Request("auth ClueCon"),
    Request("sendmsg 7f4d", (("call-command", "execute"), ("execute-app-name", "playback"))),
    Request("sendevent NOTIFY", (("profile", "internal"), ("Content-Length", "8")), "Grüße\n".encode()),
    Request("api status"),
]
WORDS = st.from_regex(r"[!-9;-~]{1,30}", fullmatch=True)


def read_all(data: bytes, *cuts: int) -> list[Request]:
    reader, found, at = MessageReader(), [], 0
    for cut in (*cuts, len(data)):
        reader.feed(data[at:cut])
        at = cut
        while (request := reader.next_request()) is not None:
            found.append(request)
    return found


class TestRequests:
    def test_crlf_empty_lines_before_a_request_a_body_and_several_in_one_piece(self):
        assert read_all(STREAM) == REQUESTS

    @pytest.mark.parametrize("cut", range(len(STREAM) + 1))
    def test_however_the_bytes_come(self, cut):
        assert read_all(STREAM, cut) == REQUESTS

    def test_one_byte_at_a_time(self):
        assert read_all(STREAM, *range(len(STREAM))) == REQUESTS

    def test_a_line_without_a_colon_says_nothing(self):
        assert read_all(b"api x\nwhat\nconsole_execute: true\n\n")[0].headers == (
            ("console_execute", "true"),
        )

    @given(line=WORDS, headers=st.lists(st.tuples(WORDS, WORDS)), body=st.binary(max_size=50))
    def test_what_a_client_writes_the_server_reads(self, line, headers, body):
        kept = tuple(each for each in headers if each[0].lower() != "content-length")
        request = Request(line, kept, body)
        (again,) = read_all(request.encode())
        assert (again.line, again.body) == (line, body)
        assert tuple(each for each in again.headers if each[0] != "Content-Length") == kept

    def test_a_line_break_cannot_be_smuggled_in(self):
        for bad in (Request("api a\n\napi b"), Request("api a", (("x", "y\n\napi b"),))):
            with pytest.raises(MalformedMessage):
                bad.encode()


class TestBounds:
    @pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999", "0x10", "16777217", "٣"])
    def test_a_length_that_is_none_or_too_much(self, length):
        with pytest.raises(MalformedMessage):
            read_all(f"api x\nContent-Length: {length}\n\n".encode())

    @pytest.mark.parametrize("flood", [b"a" * 70_000, b"a: b\n" * 20_000, b"api x\n" + b"b" * 70_000])
    def test_a_head_without_an_end(self, flood):
        with pytest.raises(MalformedMessage):
            read_all(flood)

    def test_empty_lines_without_end_are_not_kept(self):
        reader = MessageReader()
        for _ in range(100):
            reader.feed(b"\n\r\n" * 1000)
            assert reader.next_request() is None
        assert reader.buffered == 0


class TestFrames:
    """The other side: what a client of ours would read."""

    def test_replies_responses_and_events_one_after_the_other(self):
        reader = MessageReader()
        reader.feed(
            b"Content-Type: auth/request\n\n"
            b"Content-Type: api/response\nContent-Length: 5\n\ntrue\n"
            b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
        )
        frames = [reader.next_frame() for _ in range(3)]
        assert [each.content_type for each in frames] == ["auth/request", "api/response", "command/reply"]
        assert frames[1].body == b"true\n"
        assert frames[2].get("reply-text") == "+OK accepted"
        assert reader.next_frame() is None

    @given(headers=st.lists(st.tuples(WORDS, WORDS), min_size=1), body=st.binary(max_size=50))
    def test_what_a_server_writes_a_client_reads(self, headers, body):
        kept = tuple(each for each in headers if each[0].lower() != "content-length")
        frame = Frame((*kept, ("Content-Length", str(len(body)))), body)
        reader = MessageReader()
        reader.feed(frame.encode())
        assert reader.next_frame() == frame
