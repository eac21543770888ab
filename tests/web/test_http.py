"""Requests as they come off the wire (RFC 9112), and answers as they go onto it."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.web.http import LONGEST_BODY, BadRequest, Request, Response

GOOD = (
    b"POST /hangup?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8022\r\nContent-Length: 12\r\n"
    b"Cookie: a=b; ringthru-8022=key-7\r\n\r\n"
)


def with_body(body: bytes) -> Request:
    return Request("POST", "/", body=body)


class TestRequests:
    def test_a_request_is_read(self) -> None:
        request = Request.parse(GOOD)
        assert (request.method, request.path, request.query) == ("POST", "/hangup", "x=1")
        assert request.header("host") == "127.0.0.1:8022"
        assert request.header("accept") == ""
        assert request.content_length == 12
        assert request.cookie("ringthru-8022") == "key-7"
        assert request.cookie("ringthru") == ""

    @pytest.mark.parametrize(
        "head",
        [
            b"\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/2.0\r\n\r\n",
            b"GET http://elsewhere/ HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",  # RFC 9112 §5.1: no space before the colon
            b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",  # §5.2
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",  # §3.2
        ],
    )
    def test_what_is_no_request_is_refused(self, head: bytes) -> None:
        with pytest.raises(BadRequest) as caught:
            Request.parse(head)
        assert caught.value.status is HTTPStatus.BAD_REQUEST

    @pytest.mark.parametrize(
        ("line", "status"),
        [
            (f"Content-Length: {LONGEST_BODY + 1}", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
            ("Content-Length: " + "9" * 5000, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
            ("Content-Length: -1", HTTPStatus.BAD_REQUEST),
            ("Content-Length: ²", HTTPStatus.BAD_REQUEST),
            ("Transfer-Encoding: chunked", HTTPStatus.NOT_IMPLEMENTED),
        ],
    )
    def test_bodies_have_a_length_that_we_take(self, line: str, status: HTTPStatus) -> None:
        request = Request.parse(f"POST / HTTP/1.1\r\n{line}\r\n\r\n".encode("latin-1"))
        with pytest.raises(BadRequest) as caught:
            _ = request.content_length
        assert caught.value.status is status

    @given(st.binary(max_size=300))
    def test_no_bytes_raise_anything_else(self, noise: bytes) -> None:
        try:
            request = Request.parse(noise)
            _ = request.content_length
        except BadRequest:
            return
        _ = request.form, request.cookie("x")

    @pytest.mark.parametrize("cut", range(len(GOOD)))
    def test_a_request_cut_at_any_byte_is_one_or_is_refused(self, cut: int) -> None:
        try:
            assert Request.parse(GOOD[:cut]).method == "POST"
        except BadRequest:
            pass

    def test_a_form_is_read_and_what_is_none_is_empty(self) -> None:
        assert with_body(b"token=a%20b&uuid=&x=%C3%A4").form == {"token": "a b", "uuid": "", "x": "ä"}
        assert with_body(b"\xff\xfe").form == {}
        assert with_body(b"&".join(b"a=1" for _ in range(50))).form == {}  # more fields than any form has


class TestResponses:
    def test_an_answer_says_its_length_and_is_never_kept(self) -> None:
        head, _, body = Response(body=b"text").encode().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Length: 4" in head
        assert b"Cache-Control: no-store" in head
        assert b"Connection: close" in head
        assert body == b"text"

    def test_of_head_the_body_is_left_out(self) -> None:
        whole = Response(body=b"text")
        assert whole.encode(head_only=True) == whole.encode().removesuffix(b"text")
