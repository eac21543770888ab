"""RFC 3261 §19.1: SIP URIs, their text and their comparison."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.sip.errors import MalformedMessage
from ringthru.sip.wire.holes import HERE
from ringthru.sip.wire.uri import SipUri, escape, unescape


def uri(text: str) -> SipUri:
    return SipUri.parse(text)


class TestReading:
    """§19.1.1 and the examples of §19.1.3."""

    def test_every_part(self):
        assert uri("sips:alice:secret@[2001:db8::9]:5061;transport=tcp;lr?subject=project%20x") == SipUri(
            "sips",
            "alice",
            "2001:db8::9",
            5061,
            (("transport", "tcp"), ("lr", None)),
            "secret",
            "subject=project%20x",
        )

    @pytest.mark.parametrize(
        "text",
        [
            "sip:alice@atlanta.com",
            "sip:alice:secretword@atlanta.com;transport=tcp",
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            "sips:1212@gateway.com",
            "sip:alice@192.0.2.4",
            "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
            "sip:alice;day=tuesday@atlanta.com",
            "sip:*97@192.0.2.4:5060",
            "sip:#31#5551234@192.0.2.4",  # phones do not escape the hash
            "sip:192.0.2.4;lr;empty=",
            "sip:[2001:db8::10]:5070;transport=udp",
            "tel:+358-555-1234567;postd=pp22",
            "urn:service:sos",
            "nobodyKnowsThisScheme:totallyopaquecontent",
        ],
    )
    def test_its_text_comes_back_as_it_was(self, text):
        assert str(uri(text)) == text.replace("nobodyKnowsThisScheme", "nobodyknowsthisscheme")

    def test_tel_is_a_number_without_a_host(self):
        phone = uri("tel:+358-555-1234567;postd=pp22")
        assert (phone.is_sip, phone.host, phone.user) == (False, "", "+358-555-1234567")
        assert phone.parameter("postd") == "pp22"

    def test_our_own_address_may_be_a_hole(self):
        assert str(uri(f"sip:alice@{HERE}")) == f"sip:alice@{HERE}"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "sip:",
            "alice@atlanta.com",
            "sip:alice@",
            "sip:@atlanta.com",
            "sip:alice@atlanta.com:",
            "sip:alice@atlanta.com:70000",
            "sip:alice@atlanta.com:٥٠٦٠",
            "sip:alice@atl anta.com",
            "sip:alice@atlanta.com; lr",
            "sip:alice@atlanta.com;;lr",
            "sip:a%4gb@atlanta.com",
            "sip:alice@atlanta.com%",
            "sip:a@b@c",
            "sip:a@[192.0.2.1",
            "sip:a\r\nb@c",
            "sip:a\x07b@c",
            "tel:",
            "tel:1 2",
        ],
    )
    def test_anything_else_is_malformed(self, text):
        with pytest.raises(MalformedMessage):
            uri(text)

    @given(st.text(max_size=60))
    def test_no_text_does_anything_but_parse_or_be_malformed(self, text):
        for candidate in (text, "sip:" + text, "sip:a@b" + text, "tel:" + text):
            try:
                found = uri(candidate)
            except MalformedMessage:
                continue
            assert uri(str(found)) == found


class TestEscapes:
    @given(st.text())
    def test_escape_and_unescape_are_inverse(self, text):
        try:
            text.encode()
        except UnicodeEncodeError:
            return
        assert unescape(escape(text)) == text
        if text:
            assert uri(f"sip:{escape(text)}@example.com").decoded_user == text

    def test_what_the_user_part_may_not_hold_is_escaped(self):
        assert escape("a b@c\r\nVia:é") == "a%20b%40c%0D%0AVia%3A%C3%A9"

    def test_bytes_that_are_not_utf8(self):
        assert unescape("%FF") == "\ufffd"


class TestComparison:
    """§19.1.4, its own examples."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ],
    )
    def test_equivalent(self, one, other):
        assert uri(one).same_as(uri(other))
        assert uri(other).same_as(uri(one))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
            ("sip:bob:a@biloxi.com", "sip:bob@biloxi.com"),
            ("sip:bob@biloxi.com;maddr=192.0.2.1", "sip:bob@biloxi.com"),
            ("sip:a;b@biloxi.com", "sip:a%3Bb@biloxi.com"),  # reserved characters differ from their escapes
            ("sip:a@192.0.2.1;rinstance=1", "sip:a@192.0.2.1;rinstance=2"),
        ],
    )
    def test_not_equivalent(self, one, other):
        assert not uri(one).same_as(uri(other))
        assert not uri(other).same_as(uri(one))
