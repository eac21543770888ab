"""Session descriptions: RFC 8866, read leniently and within bounds."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.description.sdp import MediaDescription, Origin, SessionDescription
from ringthru.media.errors import MalformedSdp

EXAMPLE = b"""v=0\r
o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r
s=Call to John Smith\r
i=SDP Offer #1\r
u=http://www.jdoe.example.com/home.html\r
e=Jane Doe <jane@jdoe.example.com>\r
p=+1 617 555-6011\r
c=IN IP4 198.51.100.1\r
t=0 0\r
m=audio 49170 RTP/AVP 0\r
m=audio 49180 RTP/AVP 0\r
m=video 51372 RTP/AVP 99\r
c=IN IP6 2001:db8::2\r
a=rtpmap:99 h263-1998/90000\r
"""


class TestReading:
    def test_the_example_of_section_5(self):
        session = SessionDescription.parse(EXAMPLE)
        assert session.origin == Origin("jdoe", "3724394400", "3724394405", "198.51.100.1")
        assert session.name == "Call to John Smith"
        assert [(m.kind, m.port, session.host_of(m)) for m in session.media] == [
            ("audio", 49170, "198.51.100.1"),
            ("audio", 49180, "198.51.100.1"),
            ("video", 51372, "2001:db8::2"),
        ]
        assert session.media[2].attribute("rtpmap") == "99 h263-1998/90000"

    def test_bare_line_feeds_and_missing_lines_are_forgiven(self):
        session = SessionDescription.parse(b"v=0\no=- 1 1 IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n\n")
        assert session.media[0].formats == ("0",)
        assert session.host is None

    def test_an_attribute_of_the_session_holds_for_a_medium_without_it(self):
        session = SessionDescription.parse(
            b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\na=ptime:30\r\na=sendonly\r\n"
            b"m=audio 4000 RTP/AVP 0\r\na=ptime:20\r\n"
        )
        assert session.attribute(session.media[0], "ptime") == "20"
        assert session.attribute(session.media[0], "sendonly") == ""
        assert session.attribute(session.media[0], "recvonly") is None

    def test_a_port_count_and_a_ttl_are_read_over(self):
        session = SessionDescription.parse(
            b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 233.252.0.1/127\r\nm=audio 4000/2 RTP/AVP 0\r\n"
        )
        assert (session.host, session.media[0].port) == ("233.252.0.1", 4000)

    def test_a_user_name_with_a_blank_is_read_as_one_word(self):
        session = SessionDescription.parse(b"v=0\r\no=John Doe 1 2 IN IP4 192.0.2.1\r\n")
        assert session.origin == Origin("John_Doe", "1", "2", "192.0.2.1")


HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"


class TestRefusing:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\r\n",
            b"v=1\r\no=- 1 1 IN IP4 192.0.2.1\r\n",
            b"o=- 1 1 IN IP4 192.0.2.1\r\n",
            b"v=0\r\n",
            b"v=0\r\no=- 1\r\n",
            HEAD + b"m=audio\r\n",
            HEAD + b"m=audio x RTP/AVP 0\r\n",
            HEAD + b"m=audio 65536 RTP/AVP 0\r\n",
            HEAD + b"m=audio -1 RTP/AVP 0\r\n",
            HEAD + "m=audio ٣٤ RTP/AVP 0\r\n".encode(),
            HEAD + b"c=192.0.2.1\r\n",
            HEAD + b"s=\xff\xfe\r\n",
        ],
    )
    def test_what_is_no_description(self, body):
        with pytest.raises(MalformedSdp):
            SessionDescription.parse(body)

    @pytest.mark.parametrize(
        ("line", "most"),
        [(b"m=audio 4000 RTP/AVP 0\r\n", 32), (b"a=x:y\r\n", 256), (b"i=" + b"x" * 1022 + b"\r\n", 63)],
    )
    def test_the_bounds(self, line, most):
        SessionDescription.parse(HEAD + line * most)
        with pytest.raises(MalformedSdp):
            SessionDescription.parse(HEAD + line * (most + 1))

    @pytest.mark.parametrize("size", range(len(EXAMPLE)))
    def test_cut_at_every_byte_nothing_but_a_refusal_is_raised(self, size):
        with suppress(MalformedSdp):
            SessionDescription.parse(EXAMPLE[:size])

    @given(st.binary(max_size=300))
    def test_noise(self, noise):
        for body in (noise, HEAD + noise, HEAD + b"m=" + noise, HEAD + b"c=IN " + noise):
            with suppress(MalformedSdp):
                SessionDescription.parse(body)


WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
ATTRIBUTES = st.lists(st.tuples(WORD, st.none() | WORD), max_size=4).map(tuple)
MEDIA = st.builds(
    MediaDescription,
    st.sampled_from(["audio", "video", "image"]),
    st.integers(0, 65535),
    st.just("RTP/AVP"),
    st.lists(WORD, min_size=1, max_size=4).map(tuple),
    st.none() | st.sampled_from(["192.0.2.1", "2001:db8::1"]),
    ATTRIBUTES,
)


@given(
    st.builds(
        SessionDescription,
        st.builds(Origin, WORD, WORD, WORD, st.just("192.0.2.1")),
        st.none() | st.just("192.0.2.9"),
        st.lists(MEDIA, max_size=3).map(tuple),
        ATTRIBUTES,
        WORD,
    )
)
def test_what_is_written_is_read_back(session):
    assert SessionDescription.parse(session.encode()) == session
