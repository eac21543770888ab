"""Reading HTTP as gateways write it; every case was met in the field or sent by somebody hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.wire.http import (
    CAP,
    RequestReader,
    ResponseReader,
    get_request,
    post_request,
    whole_response,
)
from ringthru.portmap.wire.http_reader import MOST_HEADERS

GATEWAY = Endpoint("192.168.1.1", 5000)
BODY = b"<root><a/></root>"


def read(data: bytes, *, ended: bool = True):
    reader = ResponseReader()
    reader.feed(data)
    return reader.end() if ended else reader.response


class TestRequests:
    def test_a_get(self):
        assert get_request(GATEWAY, "/rootDesc.xml") == (
            b"GET /rootDesc.xml HTTP/1.1\r\nHost: 192.168.1.1:5000\r\nConnection: close\r\n\r\n"
        )

    def test_a_post_is_one_piece_with_the_exact_action_header(self):
        request = post_request(GATEWAY, "/ctl", "urn:x:WANIPConnection:1#AddPortMapping", b"<body/>")
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /ctl HTTP/1.1\r\nHost: 192.168.1.1:5000\r\nConnection: close\r\n")
        assert b'\r\nSOAPAction: "urn:x:WANIPConnection:1#AddPortMapping"\r\n' in head
        assert head.endswith(b"\r\nContent-Length: 7")
        assert b"Expect" not in head
        assert body == b"<body/>"


WHOLE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + BODY,
    "length in quotes": b'HTTP/1.1 200 OK\r\nContent-Length: "17"\r\n\r\n' + BODY,
    "same length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\nContent-Length: 17\r\n\r\n" + BODY,
    "more than the length": b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + BODY + b"junk",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 17\n\n" + BODY,
    "header without colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 17\r\n\r\n" + BODY,
    "space before colon": b"HTTP/1.1 200 OK\r\nContent-Length : 17\r\n\r\n" + BODY,
    "lower case": b"http/1.1 200 ok\r\ncontent-length: 17\r\n\r\n" + BODY,
    "leading blank lines": b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + BODY,
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 17\r\n\r\n" + BODY,
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + BODY,
    "chunks": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"6;x=y\r\n<root>\r\nb\r\n<a/></root>\r\n0\r\n\r\n",
    "no length, connection kept": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "identity": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n" + BODY,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\n" + BODY,
    "length no number": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + BODY,
    "length too long": b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n" + BODY,
    "no head": BODY,
    "no blank line before the body": b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n" + BODY,
    "another protocol's name": b"ICY 200 OK\r\nContent-Length: 17\r\n\r\n" + BODY,
    "no version": b"HTTP 200 OK\r\nContent-Length: 17\r\n\r\n" + BODY,
}


class TestWholeResponses:
    @pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
    def test_known_to_be_whole_without_waiting_for_the_end(self, data):
        response = read(data, ended=False)
        assert (response.status, response.body) == (200, BODY)

    @pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
    def test_byte_by_byte_gives_the_same(self, data):
        reader = ResponseReader()
        for i in range(len(data)):
            reader.feed(data[i : i + 1])
        assert (reader.end().status, reader.end().body) == (200, BODY)

    @pytest.mark.parametrize("length", [0, 3, 12])
    def test_what_came_with_less_than_the_length_belongs_to_it(self, length):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length
        assert read(head + BODY, ended=False).body == BODY

    def test_a_page_for_people_without_a_head_is_a_page(self):
        assert read(b"<html>\n<p>no").body == b"<html>\n<p>no"


class TestTheConnectionEnds:
    def test_before_the_promised_length(self):
        assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<root>").body == b"<root>"

    def test_without_the_last_chunk(self):
        assert read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n").body == b"abcd"

    def test_http_1_0_to_the_end(self):
        assert read(b"HTTP/1.0 200 OK\r\n\r\n<html>").body == b"<html>"

    def test_an_empty_500(self):
        response = read(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
        assert (response.status, response.body) == (500, b"")

    @pytest.mark.parametrize(
        ("status", "ends"),
        [("404 Not Found", True), ("302 Found", True), ("200 OK", False), ("500 Oops", False)],
    )
    def test_not_a_refusal_without_a_length_may_be_all(self, status, ends):
        """With the connection kept open (HT02). After a 200 or a SOAP fault (500) there is more to come."""
        reader = ResponseReader()
        reader.feed(f"HTTP/1.1 {status}\r\n".encode())
        assert not reader.may_be_whole
        reader.feed(b"\r\n")
        assert reader.may_be_whole is ends

    def test_cut_before_the_headers_are_done(self):
        data = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n"
        for length in range(len(data)):
            with pytest.raises(MalformedMessage):
                read(data[:length])


class TestHostile:
    def test_a_response_without_end_is_cut_off(self):
        reader = ResponseReader()
        reader.feed(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(CAP // 1024 - 1):
            reader.feed(b"x" * 1024)
        with pytest.raises(MalformedMessage):
            reader.feed(b"x" * 1024)

    def test_of_endless_headers_the_first_hundred_are_kept_and_the_body_is_read_all_the_same(self):
        reader = RequestReader()
        lines = b"".join(b"x%d: y\r\n" % number for number in range(10_000))
        reader.feed(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n" + lines + b"\r\nb")
        assert len(reader.request.headers) == MOST_HEADERS
        assert reader.request.body == b"b"

    def test_a_header_line_without_end_is_cut_off(self):
        with pytest.raises(MalformedMessage):
            read(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000)

    @pytest.mark.parametrize(
        "data", [b"SSH-2.0-OpenSSH\r\n", b"html\n", b"HTTP/1.1 abc\r\n", b"HTTP/1.1 2000 OK\r\n"]
    )
    def test_not_http(self, data):
        with pytest.raises(MalformedMessage):
            read(data)

    @pytest.mark.parametrize("size", [b"zz", b"-5x", b"0x"])
    def test_nonsense_chunk_sizes(self, size):
        with pytest.raises(MalformedMessage):
            read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\n")

    @given(st.lists(st.binary(max_size=60), max_size=6))
    def test_noise_is_malformed_or_a_response(self, pieces):
        reader = ResponseReader()
        try:
            reader.feed(b"HTTP/1.1 200 OK\r\n")
            for piece in pieces:
                reader.feed(piece)
            assert reader.end().status in range(100, 1000)
        except MalformedMessage:
            pass


HEADERS = st.lists(
    st.sampled_from(
        (
            b"Content-Length: 17",
            b"content-length:17",
            b"Content-Length: 5",
            b"Content-Length : 17",
            b"Transfer-Encoding: chunked",
            b"Server: \xa0Linux UPnP/1.1 MiniUPnPd/2.3.1 ",
            b"SERVER: another",
            b"SID: uuid:1",
            b"Timeout: Second-1800",
            b"no colon",
            b"X-Note: content-length: 3",
            b"Ext:",
        )
    ),
    max_size=6,
)
STARTS = st.sampled_from(
    (b"HTTP/1.1 200 OK", b"HTTP/1.0 200 ", b"HTTP/1.1 200", b"HTTP/1.1 100 Go", b"HTTP/1.1 500 No")
)


class TestAtAGlance:
    """What plainly is a whole response is taken without the reader, who would say the same."""

    def test_most_answers_are_such(self):
        data = b"HTTP/1.1 200 OK\r\nServer: x/1\r\nContent-Length: 17\r\nConnection: close\r\n\r\n" + BODY
        response = whole_response(data)
        assert (response.status, response.body, response.server) == (200, BODY, "x/1")

    @given(
        STARTS,
        HEADERS,
        st.sampled_from((b"\r\n", b"\n")),
        st.sampled_from((BODY, b"", BODY + b"x", b"5\r\n")),
    )
    def test_the_reader_says_the_same(self, start, headers, end, body):
        data = end.join((start, *headers, b"", b"")) + body
        glance = whole_response(data)
        assert glance is None or glance == read(data, ended=False)

    def test_cut_anywhere_it_is_not_whole(self):
        data = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + BODY
        assert [end for end in range(len(data)) if whole_response(data[:end])] == []
        assert whole_response(data + b"x") is None
