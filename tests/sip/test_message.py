"""RFC 3261 §7, §18.3, §20: messages from bytes and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.sip.errors import LocalError, MalformedMessage, RemoteError
from ringthru.sip.wire.holes import HERE, HERE_HOST
from ringthru.sip.wire.message import Request, Response
from ringthru.sip.wire.parsing import parse
from ringthru.sip.wire.reply import response_to

INVITE = (
    b"INVITE sip:bob@biloxi.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n"
    b"Max-Forwards: 70\r\n"
    b"To: Bob <sip:bob@biloxi.com>\r\n"
    b"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:alice@pc33.atlanta.com>\r\n"
    b"X-Odd: no space,  two  spaces;;\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)


def edited(old: bytes, new: bytes) -> bytes:
    assert old in INVITE
    return INVITE.replace(old, new, 1)


def refusal(datagram: bytes) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        parse(datagram)
    return caught.value


class TestReading:
    def test_the_invite_of_rfc_3261(self):
        invite = parse(INVITE)
        assert isinstance(invite, Request)
        assert (invite.method, str(invite.request_uri)) == ("INVITE", "sip:bob@biloxi.com")
        assert (invite.via.host, invite.via.branch) == ("pc33.atlanta.com", "z9hG4bK776asdhds")
        assert (invite.from_.display, invite.from_.tag, invite.to.tag) == ("Alice", "1928301774", None)
        assert (invite.cseq.number, invite.call_id) == (314159, "a84b4c76e66710@pc33.atlanta.com")
        assert (invite.max_forwards, invite.expires, invite.body) == (70, None, b"v=0\n")
        assert str(invite.contact) == "<sip:alice@pc33.atlanta.com>"

    def test_a_response(self):
        response = parse(edited(b"INVITE sip:bob@biloxi.com SIP/2.0", b"SIP/2.0 180 Ringing, really"))
        assert isinstance(response, Response)
        assert (response.status, response.reason) == (180, "Ringing, really")

    @pytest.mark.parametrize("contact", [b"<sip:", b'"x', b"<sip:a@b>, <>"])
    def test_a_response_is_not_lost_for_its_contact(self, contact):
        """Whoever waits for it would wait until a timer ends; a request with such a Contact is refused."""
        old = b"Contact: <sip:alice@pc33.atlanta.com>"
        request = edited(old, b"Contact: " + contact)
        assert refusal(request).status == 400
        response = parse(request.replace(b"INVITE sip:bob@biloxi.com SIP/2.0", b"SIP/2.0 302 Moved", 1))
        assert (response.contacts, response.contact) == ([], None)

    def test_compact_forms_in_any_case(self):
        message = parse(
            b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\nF: sip:a@b;tag=1\r\nt:sip:a@b\r\n"
            b"i: 1\r\ncseq: 1 OPTIONS\r\nK: a, b\r\nM: <sip:a@b>\r\nl: 0\r\n\r\n"
        )
        names = "Via From To Call-ID CSeq Supported Contact Content-Length"
        assert " ".join(name for name, _ in message.headers) == names
        assert message.get("k") == message.get("SUPPORTED") == "a, b"
        assert message.get_all("Supported") == ["a", "b"]

    def test_folded_lines_are_joined(self):
        message = parse(edited(b"Bob <sip:bob@biloxi.com>", b"Bob\r\n\t <sip:bob@biloxi.com>\r\n ;x=1"))
        assert message.get("To") == "Bob <sip:bob@biloxi.com> ;x=1"

    def test_bare_line_feeds(self):
        head, _, body = INVITE.partition(b"\r\n\r\n")
        message = parse(head.replace(b"\r\n", b"\n") + b"\n\n" + body)
        assert message.encode() == INVITE

    def test_empty_lines_before_the_start_line(self):
        """§7.5."""
        assert parse(b"\r\n\r\n" + INVITE).encode() == INVITE

    def test_text_that_is_not_utf8_is_latin_1(self):
        assert parse(edited(b"Alice", b'"Ren\xe9"')).from_.display == "René"

    def test_star(self):
        message = parse(edited(b"<sip:alice@pc33.atlanta.com>", b"*"))
        assert message.contact_is_star
        assert (message.contacts, message.contact) == ([], None)

    @pytest.mark.parametrize(
        ("text", "seconds"), [("60", 60), ("9" * 30, 2**32 - 1), ("soon", None), ("-1", None)]
    )
    def test_expires_never_fails(self, text, seconds):
        assert parse(edited(b"Max-Forwards: 70", b"Expires: " + text.encode())).expires == seconds


class TestBody:
    """§18.3, over UDP."""

    def test_longer_than_content_length_is_cut(self):
        assert parse(INVITE + b"rubbish").body == b"v=0\n"

    def test_shorter_than_content_length_is_malformed(self):
        assert refusal(INVITE[:-1]).answerable.method == "INVITE"

    def test_without_content_length_it_is_the_rest(self):
        assert parse(edited(b"Content-Length: 4\r\n", b"")).body == b"v=0\n"

    def test_it_may_hold_any_byte(self):
        assert parse(edited(b"Content-Length: 4\r\n", b"") + b"\x00\xff\r\r").body == b"v=0\n\x00\xff\r\r"


class TestRefusals:
    @pytest.mark.parametrize("end", range(len(INVITE)))
    def test_cut_at_every_byte(self, end):
        refusal(INVITE[:end])

    @pytest.mark.parametrize("hole", [b"\x00", b"\x01", b"\x02"])
    @pytest.mark.parametrize("place", [b"bob@biloxi.com SIP", b"pc33", b"no space"])
    def test_nobody_may_send_a_hole_of_ours(self, hole, place):
        answerable = refusal(edited(place, hole + place)).answerable
        if answerable is not None:
            assert hole not in response_to(answerable, 400).encode()

    @pytest.mark.parametrize("via", [b",", b" , ,", b""])
    def test_a_via_that_names_nobody(self, via):
        """Found by fuzzing: a list of nothing has no first element."""
        text = b"OPTIONS sip:a SIP/2.0\r\nVia: " + via + b"\r\nFrom: <sip:a>\r\nTo: <sip:a>\r\n"
        assert refusal(text + b"Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n").answerable is None

    def test_a_lone_carriage_return_is_no_line_end(self):
        refusal(edited(b"no space", b"no\rspace"))

    def test_sizes(self):
        refusal(edited(b"no space", b"x" * 65_536))
        refusal(edited(b"X-Odd:", b"X-Y: z\r\n" * 91 + b"X-Odd:"))
        assert len(parse(edited(b"X-Odd:", b"X-Y: z\r\n" * 90 + b"X-Odd:")).headers) == 100

    @pytest.mark.parametrize("name", [b"Via", b"Contact", b"Route", b"Record-Route"])
    def test_a_list_of_thousands(self, name):
        """Well-formed all of them, and a tenth of a second of work for one datagram."""
        element = b"SIP/2.0/UDP a" if name == b"Via" else b"<sip:a>"
        answerable = refusal(edited(b"X-Odd:", name + b": " + b",".join([element] * 4000) + b"\r\nX-Odd:"))
        assert answerable.answerable is not None

    @pytest.mark.parametrize("contact", [b"<sip:a>" + b";a" * 20_000, b"<sip:a" + b";a" * 20_000 + b">"])
    def test_parameters_by_the_thousand(self, contact):
        refusal(edited(b"X-Odd:", b"Route: " + contact + b"\r\nX-Odd:"))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"CSeq: 314159 INVITE\r\n", b""),
            (b"Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n", b""),
            (b"CSeq: 314159 INVITE", b"CSeq: 314159 BYE"),
            (b"Max-Forwards: 70", b"Max-Forwards: 256"),
            (b"Max-Forwards: 70", b"Max-Forwards: \xd9\xa3"),
            (b"X-Odd:", b"X Odd:"),
            (b"X-Odd:", b"X-Odd"),
            (b"X-Odd:", b"To: <sip:second@b>\r\nX-Odd:"),
            (b"X-Odd:", b"Route: <sip:a\r\nX-Odd:"),
            (b"X-Odd:", b"Record-Route: sip:a?b\r\nX-Odd:"),
            (b"X-Odd:", b"Via: SIP/2.0\r\nX-Odd:"),
            (b"X-Odd:", b"Contact: *\r\nX-Odd:"),
            (b"INVITE sip:bob@biloxi.com", b"INVITE"),
            (b"INVITE sip:bob@biloxi.com", b"INVITE bob"),
        ],
    )
    def test_bad_headers(self, old, new):
        refusal(edited(old, new))

    def test_an_ack_is_never_answered(self):
        datagram = INVITE.replace(b"INVITE", b"ACK").replace(b"Max-Forwards: 70", b"Max-Forwards: x")
        assert refusal(datagram).answerable is None

    def test_a_refusal_is_the_peers_fault(self):
        assert issubclass(MalformedMessage, RemoteError)

    @given(st.binary(max_size=200))
    def test_noise(self, noise):
        refusal(noise)

    @given(st.integers(0, len(INVITE) - 1), st.binary(min_size=1, max_size=4))
    def test_a_message_with_a_few_bytes_changed_parses_or_is_malformed(self, place, noise):
        try:
            message = parse(INVITE[:place] + noise + INVITE[place + len(noise) :])
        except MalformedMessage as error:
            if error.answerable is not None:
                _ = error.answerable.via
            return
        _ = message.vias, message.contacts, message.routes, message.expires, message.max_forwards
        again = parse(message.encode())
        message.set("Content-Length", str(len(message.body)))
        assert sorted(again.headers) == sorted(message.headers)


class TestWriting:
    def test_what_nobody_touched_goes_out_byte_for_byte(self):
        assert parse(INVITE).encode() == INVITE

    def test_content_length_is_always_right(self):
        message = parse(INVITE)
        message.body = b"longer body"
        assert message.encode().endswith(b"\r\nContent-Length: 11\r\n\r\nlonger body")
        assert (
            Request("OPTIONS", "sip:a@b").encode() == b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"
        )

    def test_holes_are_filled_at_the_last_moment(self):
        request = Request("OPTIONS", "sip:a@b", [("Via", f"SIP/2.0/UDP {HERE};rport"), ("X-H", HERE_HOST)])
        assert b"UDP 192.0.2.1:5080;rport\r\nX-H: 192.0.2.1\r\n" in request.encode(
            Endpoint("192.0.2.1", 5080)
        )
        assert b"UDP 192.0.2.1;rport\r\n" in request.encode(Endpoint("192.0.2.1", 5060))
        assert b"UDP [2001:db8::1]:1;rport\r\nX-H: [2001:db8::1]" in request.encode(
            Endpoint("2001:db8::1", 1)
        )
        assert request.via.host == HERE

    def test_a_hole_left_open_is_our_mistake(self):
        with pytest.raises(LocalError):
            Request("OPTIONS", f"sip:a@{HERE}").encode()

    @pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\rb", "\ud800"])
    def test_nothing_smuggles_a_header_in(self, value):
        with pytest.raises(LocalError):
            Request("OPTIONS", "sip:a@b", [("Subject", value)]).encode()
        with pytest.raises(LocalError):
            Request("OPTIONS", f"sip:{value}@b").encode()


class TestChanging:
    def message(self) -> Request:
        headers = [("v", 'SIP/2.0/UDP a;x="1,2", SIP/2.0/UDP b'), ("Via", "SIP/2.0/UDP c"), ("x-mine", "1")]
        return Request("OPTIONS", "sip:a@b", headers)

    def test_typed_values_follow(self):
        message = self.message()
        assert [via.host for via in message.vias] == ["a", "b", "c"]
        message.prepend("Via", "SIP/2.0/UDP z")
        assert [via.host for via in message.vias] == ["z", "a", "b", "c"]
        assert message.via.host == "z"
        message.remove("via")
        assert message.vias == []

    def test_only_the_top_via_is_replaced(self):
        message = self.message()
        message.replace_top("Via", str(message.via.seen_from("192.0.2.1", 9)))
        assert message.headers[0][1] == 'SIP/2.0/UDP a;x="1,2";received=192.0.2.1, SIP/2.0/UDP b'

    def test_set_keeps_the_place_and_unknown_names_match_in_any_case(self):
        message = self.message()
        message.add("To", "sip:a@b")
        message.set("X-Mine", "2")
        message.set("t", "sip:c@d")
        message.set("Server", "s")
        assert [name for name, _ in message.headers] == ["Via", "Via", "X-Mine", "To", "Server"]
        assert (message.get("x-MINE"), message.get_all("X-MINE"), message.to.uri.user) == ("2", ["2"], "c")

    def test_a_copy_is_independent(self):
        message = self.message()
        message.copy().remove("Via")
        assert len(message.vias) == 3

    def test_the_request_uri_follows(self):
        message = self.message()
        assert message.request_uri.user == "a"
        message.uri = "sip:c@d"
        assert message.request_uri.user == "c"


TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
VALUES = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40).map(str.strip)


class TestRoundTrip:
    @given(
        st.lists(st.tuples(TOKENS.map(lambda name: "X-" + name), VALUES), max_size=20), st.binary(max_size=99)
    )
    def test_any_headers_and_any_body(self, extra, body):
        known = [(name, value) for name, value in parse(INVITE).headers if name != "Content-Length"]
        message = Request("INVITE", "sip:bob@biloxi.com", [*known, *extra], body)
        again = parse(message.encode())
        assert again.headers[:-1] == message.headers
        assert again.body == body
        assert again.encode() == message.encode()
