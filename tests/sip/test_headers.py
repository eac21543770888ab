"""RFC 3261 §20 and §25.1: header values, and RFC 3581's rport."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.values import replace
from ringthru.sip.errors import MalformedMessage
from ringthru.sip.wire import authentication, call_headers, framing, grammar, headers, holes, parsing, uri
from ringthru.sip.wire.headers import Challenge, Credentials, CSeq, NameAddr, Via, quote, split_list, unquote
from ringthru.sip.wire.uri import SipUri

HUGE = 65_536


class TestVia:
    def test_every_part(self):
        via = Via.parse("SIP/2.0/UDP [2001:db8::9]:5061;received=192.0.2.1;rport=1024;branch=z9hG4bK77")
        assert (via.transport, via.host, via.port) == ("UDP", "2001:db8::9", 5061)
        assert (via.branch, via.received, via.rport) == ("z9hG4bK77", "192.0.2.1", 1024)

    def test_a_port_left_out_is_none(self):
        assert Via.parse("SIP/2.0/UDP host").port is None

    def test_an_empty_rport_is_a_wish(self):
        via = Via.parse("SIP/2.0/UDP h;rport;branch=z9hG4bK1")
        assert via.wants_rport
        assert via.rport is None
        assert not Via.parse("SIP/2.0/UDP h;branch=z9hG4bK1").wants_rport

    def test_the_wish_is_granted(self):
        """RFC 3581 §4: rport gets the source port, and received is there whether or not it differs."""
        via = Via.parse("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff")
        assert str(via.seen_from("192.0.2.1", 9988)) == (
            "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1"
        )

    def test_without_the_wish_only_another_host_is_noted(self):
        """§18.2.1."""
        via = Via.parse("SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bK1")
        assert via.seen_from("10.1.1.1", 7) is via
        assert via.seen_from("192.0.2.1", 7).received == "192.0.2.1"

    def test_a_forged_received_is_replaced(self):
        via = Via.parse("SIP/2.0/UDP 10.1.1.1;received=203.0.113.1;rport=1")
        seen = via.seen_from("192.0.2.1", 9)
        assert [name for name, _ in seen.parameters] == ["rport", "received"]
        assert (seen.received, seen.rport) == ("192.0.2.1", 9)

    @pytest.mark.parametrize(
        "text",
        ["", "SIP/2.0/UDP", "SIP/2.0 host", "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h;;", "SIP/2.0/UDP h x"],
    )
    def test_anything_else_is_malformed(self, text):
        with pytest.raises(MalformedMessage):
            Via.parse(text)


PIECES = (
    ";tag=",
    "a1",
    "9",
    '"',
    "\\",
    "<",
    ">",
    "<sip:a@b>",
    "sip:a@b",
    "Bob ",
    ";",
    "=",
    "?",
    ",",
    " ",
    ";x=1",
)


class TestNameAddr:
    """§20.10, §20.20, §20.39."""

    @pytest.mark.parametrize(
        ("text", "display", "user", "tag"),
        [
            ('"Bob" <sips:bob@biloxi.com> ;tag=a48s', "Bob", "bob", "a48s"),
            ("sip:+12125551212@phone2net.com;tag=887s", "", "+12125551212", "887s"),
            ("Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", "c8oqz84zk7z", "hyh8"),
            ("<sip:a@b>", "", "a", None),
            ('"a, <b> \\"c\\"; d" <sip:a@b>;tag=1', 'a, <b> "c"; d', "a", "1"),
            ("Łódź office <sip:a@b>;tag=1", "Łódź office", "a", "1"),
            ('<sip:a@b>;x="p;q<r>";tag=9', "", "a", "9"),
            ('sip:a@b;x="<";tag=9', "", "a", "9"),
        ],
    )
    def test_forms(self, text, display, user, tag):
        found = NameAddr.parse(text)
        assert (found.display, found.uri.user, found.tag) == (display, user, tag)
        assert NameAddr.parse(str(found)) == found

    def test_uri_parameters_and_header_parameters_are_two_things(self):
        found = NameAddr.parse('<sip:a@b;transport=udp>;expires=60;+sip.instance="<urn:uuid:1>"')
        assert found.uri.parameter("transport") == "udp"
        assert found.parameter("expires") == "60"
        assert found.parameter("+sip.instance") == "<urn:uuid:1>"

    def test_with_tag(self):
        assert str(NameAddr.parse("sip:a@b;tag=1;x=2").with_tag("9")) == "<sip:a@b>;x=2;tag=9"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "*",
            '"Bob <sip:a@b>',
            '"Bob" sip:a@b',
            "<sip:a@b",
            "<sip:a@b>>",
            "Bell, Alexander <sip:a@b>",
            "sip:a@b?x=y",
            "<sip:a@b> trailing",
            "<sip:a@b>;",
            "<sip:a@b>;=1",
            '<sip:a@b>;x="1',
            "< sip:a@b>",
        ],
    )
    def test_anything_else_is_malformed(self, text):
        with pytest.raises(MalformedMessage):
            NameAddr.parse(text)

    @given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
    def test_a_tag_is_the_same_wherever_its_text_is_kept(self, text):
        """What is too long to be kept is read in one go: spaces at the end say nothing, and make it so."""
        seen = []
        for each in (text, text + " " * 300):
            try:
                seen.append(NameAddr.parse(each))
            except MalformedMessage:
                seen.append(None)
        assert seen[0] == seen[1]

    @given(st.text(max_size=40))
    def test_any_display_name_survives(self, display):
        written = str(NameAddr(display, SipUri("sip", "a", "b")))
        assert NameAddr.parse(written).display == display

    @given(st.text(alphabet='<>";,\\ =ab@:sip', max_size=40))
    def test_no_text_does_anything_but_parse_or_be_malformed(self, text):
        for parse in (NameAddr.parse, Via.parse, CSeq.parse, split_list, Challenge.parse, Credentials.parse):
            for candidate in (text, "<sip:a@b>" + text, "SIP/2.0/UDP a" + text, "Digest a=" + text):
                try:
                    parse(candidate)
                except MalformedMessage:
                    continue


class TestCSeq:
    def test_number_and_method(self):
        assert CSeq.parse("4711 INVITE") == CSeq(4711, "INVITE")
        assert str(CSeq(0, "BYE")) == "0 BYE"

    @pytest.mark.parametrize("text", ["", "INVITE", "1", "-1 BYE", "2147483648 BYE", "1 B Y", "٣ BYE"])
    def test_anything_else_is_malformed(self, text):
        with pytest.raises(MalformedMessage):
            CSeq.parse(text)


class TestLists:
    """§7.3.1: commas part elements, unless quoted or in angle brackets."""

    @pytest.mark.parametrize(
        ("text", "elements"),
        [
            ("INVITE, ACK,BYE", ["INVITE", "ACK", "BYE"]),
            ('"a,b" <sip:a@b>, <sip:c,d@e>;x="1,2"', ['"a,b" <sip:a@b>', '<sip:c,d@e>;x="1,2"']),
            ('"\\"," <sip:a@b>,x', ['"\\"," <sip:a@b>', "x"]),
            (" , a ,, b,", ["a", "b"]),
            ("", []),
        ],
    )
    def test_cut(self, text, elements):
        assert split_list(text) == elements

    @pytest.mark.parametrize("text", ['"a,', "<a,", '<a>, "b'])
    def test_what_is_open_is_malformed(self, text):
        with pytest.raises(MalformedMessage):
            split_list(text)

    @given(st.lists(st.text(min_size=1), min_size=1))
    def test_quoted_elements_survive(self, texts):
        assert [unquote(each) for each in split_list(",".join(quote(each) for each in texts))] == texts


class TestDigestHeaders:
    def test_challenge_of_rfc_3261_22_4(self):
        challenge = Challenge.parse(
            'Digest realm="biloxi.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
            'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
        )
        assert challenge.qop == ("auth", "auth-int")
        assert challenge.algorithm == "MD5"
        assert not challenge.stale
        assert Challenge.parse(str(challenge)) == challenge

    def test_credentials_keep_commas_and_quotes_inside_strings(self):
        text = 'Digest username="a\\",b", realm="r, s" ,nonce="n",uri="u",response="0", nc=00000001, qop=auth'
        credentials = Credentials.parse(text)
        assert (credentials.username, credentials.realm) == ('a",b', "r, s")
        assert credentials.nonce_count == "00000001"
        assert Credentials.parse(str(credentials)) == credentials

    def test_phones_quote_what_they_should_not(self):
        credentials = Credentials.parse(
            'digest username="a",realm="r",nonce="n",uri="u",response="x",algorithm="MD5",qop="AUTH"'
        )
        assert (credentials.algorithm, credentials.qop) == ("MD5", "auth")

    @pytest.mark.parametrize(
        "text", ["", "Digest", "Basic YWxpY2U6c2VjcmV0", "Digest realm", 'Digest realm="a', 'Basic realm="x"']
    )
    def test_anything_else_is_malformed(self, text):
        for parse in (Challenge.parse, Credentials.parse):
            with pytest.raises(MalformedMessage):
                parse(text)

    @given(st.text(), st.text(min_size=1), st.booleans())
    def test_round_trip(self, realm, nonce, stale):
        challenge = Challenge(realm, nonce, "SHA-256", ("auth",), None, stale)
        assert Challenge.parse(str(challenge)) == challenge
        assert replace(challenge, realm="x").realm == "x"


class TestLinearTime:
    """A 64 KiB value must not cost its square: seen in the patterns, and in that these tests end at all."""

    @pytest.mark.parametrize(
        "module", [authentication, call_headers, framing, grammar, headers, holes, parsing, uri]
    )
    def test_no_pattern_repeats_a_repetition_that_can_give_back(self, module):
        """``(x+)*`` is the classic trap; ``(x++|y)*+`` never gives back and is allowed."""
        patterns = [each for each in vars(module).values() if isinstance(each, re.Pattern)]
        assert patterns
        for pattern in patterns:
            source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
            assert not re.search(r"[*+][^()]*\)(\*|\+)(?!\+)", source), source

    @pytest.mark.parametrize(
        "unit",
        ["<", '"', "\\", '\\"', ",", ";", " ", "\t", "=", "a", "a,", ";a", ";a=", '"a",', "%41", "@", ":"],
    )
    def test_every_reader_ends(self, unit):
        value = unit * (HUGE // len(unit))
        readers = (NameAddr.parse, Via.parse, CSeq.parse, split_list, Challenge.parse, Credentials.parse)
        prefixes = ("", '"', "<sip:a@b>", "sip:a@b", "SIP/2.0/UDP a", "Digest a=b,")
        for reader in (*readers, SipUri.parse):
            for prefix in prefixes:
                try:
                    reader(prefix + value)
                except MalformedMessage:
                    continue
