"""RFC 3261 §18.3: a byte stream is cut at Content-Length, wherever the segments happen to end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.sip.transport.stream import CRLF, MessageStream
from ringthru.sip.wire.framing import MAX_MESSAGE
from ringthru.sip.wire.parsing import parse


def message(
    body: bytes = b"", *, length: str | None = None, name: str = "Content-Length", end: str = "\r\n"
) -> bytes:
    lines = [
        "MESSAGE sip:bob@example.com SIP/2.0",
        "Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1",
        "From: <sip:alice@example.com>;tag=a",
        "To: <sip:bob@example.com>",
        "Call-ID: call",
        "CSeq: 1 MESSAGE",
        f"{name}: {len(body) if length is None else length}",
    ]
    return "".join(line + end for line in [*lines, ""]).encode() + body


PLAIN, WITH_BODY = message(), message(b"v=0\r\n\r\nMESSAGE sip:not@a.message SIP/2.0\r\n\r\n")


def pieces(stream: bytes, *cuts: int) -> list[bytes]:
    """What comes out when the stream arrives in segments that end at these bytes."""
    reader, found, start = MessageStream(), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        found += reader.receive(stream[start:cut])
        start = cut
    assert reader.broken is None
    assert reader.waiting == 0
    return found


class TestWhereMessagesEnd:
    def test_several_in_one_segment(self):
        assert pieces(PLAIN + WITH_BODY + PLAIN) == [PLAIN, WITH_BODY, PLAIN]

    @pytest.mark.parametrize("cut", range(1, len(PLAIN + WITH_BODY)))
    def test_cut_anywhere(self, cut):
        assert pieces(PLAIN + WITH_BODY, cut) == [PLAIN, WITH_BODY]

    def test_byte_by_byte(self):
        stream = WITH_BODY + CRLF + CRLF + PLAIN
        assert pieces(stream, *range(1, len(stream))) == [WITH_BODY, CRLF, CRLF, PLAIN]

    @given(
        st.lists(st.sampled_from([PLAIN, WITH_BODY, CRLF, message(b"x" * 3000)]), max_size=6),
        st.lists(st.integers(0, 4000), max_size=8),
    )
    def test_any_messages_in_any_segments(self, sent, cuts):
        stream = b"".join(sent)
        assert pieces(stream, *(cut for cut in cuts if cut < len(stream))) == sent

    @pytest.mark.parametrize(
        "head",
        [
            message(b"12345", name="l"),
            message(b"12345", name="CONTENT-LENGTH "),
            message(b"12345", length="\r\n  5"),
            message(b"12345", length="  5  "),
            message(b"12345", length="00005"),
            message(b"12345", end="\n"),
        ],
        ids=["compact", "spelling", "folded", "blanks", "zeros", "bare line feeds"],
    )
    def test_the_length_is_found_however_it_is_written(self, head):
        assert pieces(head + PLAIN) == [head, PLAIN]
        assert parse(head).body == b"12345"

    def test_without_a_length_there_is_no_body(self):
        bare = message().replace(b"Content-Length: 0\r\n", b"")
        assert pieces(bare + PLAIN) == [bare, PLAIN]

    def test_a_length_inside_another_header_is_none(self):
        tricky = message(b"").replace(b"Call-ID: call", b"Call-ID: call\r\nSubject: x\r\n Content-Length: 9")
        assert pieces(tricky + PLAIN) == [tricky, PLAIN]


class TestBetweenMessages:
    """RFC 3261 §7.5 and RFC 5626 §3.5.1: CRLFs are keepalives there; other blanks some phones send."""

    def test_each_crlf_is_told(self):
        assert pieces(CRLF + PLAIN + CRLF + CRLF + PLAIN) == [CRLF, PLAIN, CRLF, CRLF, PLAIN]

    def test_other_blanks_vanish(self):
        assert pieces(b"\0\0 \n" + PLAIN) == [PLAIN]

    def test_half_a_crlf_waits(self):
        reader = MessageStream()
        assert reader.receive(b"\r") == []
        assert reader.receive(b"\n") == [CRLF]


class TestWhatCannotBeCut:
    @pytest.mark.parametrize(
        "bad",
        [
            message(b"", length="many"),
            message(b"", length="-1"),
            message(b"", length="1 2"),
            message(b"", length=""),
            message(b"", length="9" * 5000),
            message(b"", length=str(MAX_MESSAGE)),
            message(b"", length="4\r\nContent-Length: 40"),
        ],
        ids=["a word", "negative", "two numbers", "nothing", "endless", "too large", "two of them"],
    )
    def test_the_head_is_kept_for_the_refusal(self, bad):
        reader = MessageStream()
        assert reader.receive(PLAIN + bad) == [PLAIN]
        assert reader.broken.head == bad
        assert reader.receive(PLAIN) == []
        assert reader.waiting == 0

    def test_headers_without_end(self):
        reader = MessageStream()
        for _ in range(MAX_MESSAGE // 1000 + 1):
            assert reader.receive(b"X" * 1000) == []
        assert reader.broken.head == b""
        assert reader.waiting == 0

    def test_an_endless_line_is_searched_once(self):
        """Byte by byte: a reader that began anew with each byte would take two thousand million steps."""
        reader = MessageStream()
        for _ in range(MAX_MESSAGE):
            reader.receive(b"a")
        assert reader.broken is None

    @given(st.lists(st.binary(max_size=300), max_size=10))
    def test_noise(self, segments):
        reader = MessageStream()
        for segment in segments:
            reader.receive(segment)
            assert reader.waiting <= MAX_MESSAGE
