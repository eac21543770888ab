"""RFC 4475: every message gets the verdict the RFC gives it.

The files are retyped from the RFC, one name each, in its own notation: ``<hex>`` for octets,
``<repeat count=N>`` for long texts; line ends become CRLF. Bodies are shortened where they do not matter.

Two departures on purpose. ``intmeth`` carries a NUL: we refuse NUL in headers (it would pass for a hole
of our own address, and end a text in many a phone), and read the same message without it. ``insuf``,
``multi01`` and ``mcl01`` lack or repeat what a response must copy: refused while reading, where the RFC
files them under semantics.
"""

# ruff: noqa: SIM905 (a list of words reads as words)
# What a user agent makes of each of the 49 is in test_torture_answers.py.

import re
from pathlib import Path

import pytest

from ringthru.sip.errors import MalformedMessage
from ringthru.sip.wire.message import Request
from ringthru.sip.wire.parsing import parse
from ringthru.sip.wire.reply import response_to

HOME = Path(__file__).parent / "torture"


def load(path: Path) -> bytes:
    text = path.read_bytes().replace(b"\n", b"\r\n")
    text = re.sub(rb"<hex>([0-9A-F]+)</hex>", lambda m: bytes.fromhex(m[1].decode()), text)
    return re.sub(rb"<repeat count=(\d+)>(.*?)</repeat>", lambda m: m[2] * int(m[1]), text)


def named(kind: str):
    paths = sorted((HOME / kind).glob("*.sip"))
    assert paths
    return pytest.mark.parametrize("path", paths, ids=[path.stem for path in paths])


def read_everything(message) -> None:
    _ = message.via, message.vias, message.from_, message.to, message.cseq, message.call_id
    _ = message.contacts, message.routes, message.record_routes, message.max_forwards, message.expires
    if isinstance(message, Request):
        _ = message.request_uri


class TestVerdicts:
    @named("valid")
    def test_valid_ones_are_read(self, path):
        read_everything(parse(load(path)))

    @named("semantic")
    def test_wrong_in_meaning_only_are_read_so_that_they_can_be_answered(self, path):
        read_everything(parse(load(path)))

    @named("malformed")
    def test_malformed_ones_are_refused(self, path):
        with pytest.raises(MalformedMessage):
            parse(load(path))


class TestAnswers:
    """Which malformed requests still get a 400 (RFC 4475 wishes one for each of these)."""

    @pytest.mark.parametrize(
        "name",
        "badaspec baddn clerr escruri insuf intmeth ltgtruri lwsruri lwsstart mcl01 mismatch01 mismatch02 "
        "multi01 ncl quotbal regbadct scalar02 trws".split(),
    )
    def test_a_request_with_a_readable_via_can_be_answered(self, name):
        with pytest.raises(MalformedMessage) as caught:
            parse(load(HOME / "malformed" / f"{name}.sip"))
        assert caught.value.answerable is not None
        assert caught.value.status == 400

    def test_another_version_deserves_505(self):
        with pytest.raises(MalformedMessage) as caught:
            parse(load(HOME / "malformed" / "badvers.sip"))
        assert caught.value.status == 505
        assert caught.value.answerable.method == "OPTIONS"

    def test_a_400_has_what_the_request_had(self):
        """insuf has no Call-ID, From and To; intmeth a NUL that would be taken for our own address."""
        answers = {}
        for name in ("insuf", "intmeth"):
            with pytest.raises(MalformedMessage) as caught:
                parse(load(HOME / "malformed" / f"{name}.sip"))
            answers[name] = response_to(caught.value.answerable, 400).encode()
        names = [line.partition(b":")[0] for line in answers["insuf"].split(b"\r\n")[1:-2]]
        assert names == [b"CSeq", b"Via", b"Content-Length"]
        assert b"\nVia: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\r\n" in answers["intmeth"]
        assert "NUL:\\\ufffd DEL:\\\x7f".encode() in answers["intmeth"]

    @pytest.mark.parametrize("name", ["bigcode", "scalarlg", "badinv01"])
    def test_responses_and_the_hopeless_are_not_answered(self, name):
        with pytest.raises(MalformedMessage) as caught:
            parse(load(HOME / "malformed" / f"{name}.sip"))
        assert caught.value.answerable is None


class TestWhatTheyMean:
    def test_wsinv_all_the_white_space(self):
        message = parse(load(HOME / "valid" / "wsinv.sip"))
        assert [via.transport for via in message.vias] == ["UDP", "TCP", "UDP"]
        assert message.via.branch == "390skdjuw"
        assert message.vias[2].branch == "z9hG4bK30239"
        assert message.from_.display == 'J Rosenberg \\"'
        assert message.from_.tag == "98asjd8"
        assert message.to.tag == "1918181833n"
        assert message.max_forwards == 68
        assert message.cseq.number == 9
        assert message.get("Subject") == ""
        assert message.contact.display == 'Quoted string ""'
        assert message.contact.parameter("q") == "0.33"
        assert message.get("newfangledheader") == "newfangled value continued newfangled value"
        assert len(message.body) == 150

    def test_esc02_percent_is_an_escape_in_uris_alone(self):
        message = parse(load(HOME / "valid" / "esc02.sip"))
        assert message.method == "RE%47IST%45R"
        assert message.from_.display == "%Z%45"
        assert len(message.contacts) == 2

    def test_escnull_a_null_stays_escaped(self):
        message = parse(load(HOME / "valid" / "escnull.sip"))
        assert message.to.uri.user == "null-%00-null"
        assert [contact.uri.decoded_user for contact in message.contacts] == ["\x00", "\x00\x00"]

    def test_dblreq_what_follows_content_length_is_dropped(self):
        assert parse(load(HOME / "valid" / "dblreq.sip")).body == b""

    def test_longreq_thirty_four_vias(self):
        assert len(parse(load(HOME / "valid" / "longreq.sip")).vias) == 34

    def test_cparam01_without_brackets_the_parameter_is_the_headers(self):
        bare = parse(load(HOME / "semantic" / "cparam01.sip")).contact
        bracketed = parse(load(HOME / "semantic" / "cparam02.sip")).contact
        assert bare.parameter("unknownparam") == ""
        assert not bare.uri.has_parameter("unknownparam")
        assert bracketed.uri.has_parameter("unknownparam")

    def test_semiuri_the_user_part_may_look_like_parameters(self):
        uri = parse(load(HOME / "valid" / "semiuri.sip")).request_uri
        assert (uri.user, uri.host) == ("user;par=u%40example.net", "example.com")
        assert uri.decoded_user == "user;par=u@example.net"

    def test_unreason_and_noreason(self):
        assert parse(load(HOME / "valid" / "unreason.sip")).reason.startswith("= 2**3 * 5**2 но сто")
        assert parse(load(HOME / "valid" / "noreason.sip")).reason == ""

    def test_inv2543_without_branch_tag_or_content_length(self):
        message = parse(load(HOME / "semantic" / "inv2543.sip"))
        assert message.via.branch is None
        assert message.from_.tag is None
        assert message.body.startswith(b"v=0")
