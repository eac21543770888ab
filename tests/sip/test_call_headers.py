"""Reason, Session-Expires, Replaces, Refer-To: as written in their RFCs, and with noise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.sip import MalformedMessage, Reason, ReferTo, Replaces, Request, reasons_of
from ringthru.sip.wire.call_headers import SessionExpires, options_of, read_seconds


class TestReason:
    @pytest.mark.parametrize(
        ("text", "protocol", "cause", "words"),
        [  # RFC 3326 §2
            ('SIP ;cause=200 ;text="Call completed elsewhere"', "SIP", 200, "Call completed elsewhere"),
            ('Q.850 ;cause=16 ;text="Terminated"', "Q.850", 16, "Terminated"),
            ('SIP ;cause=600 ;text="Busy Everywhere"', "SIP", 600, "Busy Everywhere"),
            ("preemption", "preemption", None, ""),
        ],
    )
    def test_of_the_rfc(self, text, protocol, cause, words):
        assert Reason.parse(text) == Reason(protocol, cause, words)

    def test_written(self):
        assert str(Reason("Q.850", 17, 'a "busy" one')) == 'Q.850;cause=17;text="a \\"busy\\" one"'
        assert Reason.parse(str(Reason("SIP", 487, "x;y,z"))) == Reason("SIP", 487, "x;y,z")

    def test_several_in_one_header_and_an_unreadable_one(self):
        request = Request(
            "BYE", "sip:x", [("Reason", 'Q.850;cause=16, SIP;cause=200;text="a,b"'), ("Reason", ";")]
        )
        assert [(each.protocol, each.cause) for each in reasons_of(request)] == [("Q.850", 16), ("SIP", 200)]

    def test_nothing_to_read(self):
        assert reasons_of(None) == []
        assert reasons_of(Request("BYE", "sip:x", [("Reason", '"')])) == []


class TestReplaces:
    def test_of_the_rfc(self):
        """RFC 3891 §6.1."""
        found = Replaces.parse("98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff")
        assert found == Replaces("98732@sip.example.com", "ff87ff", "r33th4x0r")
        early = Replaces.parse("12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only")
        assert early.early_only
        assert Replaces.parse(str(early)) == early

    @pytest.mark.parametrize(
        "text",
        ["", "a", "a;to-tag=1", "a;from-tag=1", "a;to-tag=1;from-tag=2;to-tag=3", "a b;to-tag=1;from-tag=2"],
    )
    def test_a_missing_or_doubled_tag_is_refused(self, text):
        with pytest.raises(MalformedMessage):
            Replaces.parse(text)


class TestReferTo:
    def test_with_an_escaped_replaces(self):
        """RFC 3891 §1 by way of RFC 5589 §7.3."""
        found = ReferTo.parse(
            "<sip:transferee@192.0.2.4?Replaces=090459243588173445%3Bto-tag%3D7553452%3Bfrom-tag%3D31431>"
        )
        assert found.replaces == Replaces("090459243588173445", "7553452", "31431")
        assert str(found.target) == "sip:transferee@192.0.2.4"

    def test_plain(self):
        assert ReferTo.parse('"Carol" <sip:carol@example.com;method=INVITE>').replaces is None

    @pytest.mark.parametrize(
        "text", ["", "<>", "<sip:a@b?Replaces=x>", "<sip:a@b?Replaces=x%3Bto-tag%3D1&replaces=y>"]
    )
    def test_refused(self, text):
        with pytest.raises(MalformedMessage):
            ReferTo.parse(text)


class TestNumbers:
    @pytest.mark.parametrize(("text", "number"), [("90", 90), (" 90 ;x=y", 90), ("9" * 10, 2**31 - 1)])
    def test_seconds(self, text, number):
        assert read_seconds(text) == number

    @pytest.mark.parametrize("text", [None, "", "-1", "9" * 11, "x", "٩"])
    def test_no_seconds(self, text):
        assert read_seconds(text) is None

    def test_option_tags_compare_without_case(self):
        request = Request("INVITE", "sip:x", [("Supported", "Timer, 100rel"), ("k", "replaces")])
        assert options_of(request, "Supported") == {"timer", "100rel", "replaces"}


@given(st.text(max_size=200))
def test_noise_is_one_typed_error(text):
    for parser in (Reason.parse, Replaces.parse, ReferTo.parse):
        try:
            parser(text)
        except MalformedMessage:
            continue
    SessionExpires.read(Request("INVITE", "sip:x", [("Session-Expires", text)]))
    reasons_of(Request("BYE", "sip:x", [("Reason", text)]))


@pytest.mark.parametrize(
    "filler", ["a", "%3B", ";x", ";x=y", " ", "\t", '"', "\\", "<", "&", "?", "=", ",", "a=b&"]
)
def test_64_kib_of_anything_is_read_in_passing(filler):
    """No pattern goes back over what it read, or these would not end."""
    huge = filler * (65_536 // len(filler))
    for text in (huge, f"a{huge}", f"a;to-tag=1;from-tag=2{huge}", f"<sip:a@b?Replaces={huge}>", f"90{huge}"):
        for parser in (Reason.parse, Replaces.parse, ReferTo.parse):
            try:
                parser(text)
            except MalformedMessage:
                continue
        message = Request(
            "INVITE", "sip:x", [("Session-Expires", text), ("Supported", text), ("Reason", text)]
        )
        SessionExpires.read(message)
        options_of(message, "Supported")
        reasons_of(message)
