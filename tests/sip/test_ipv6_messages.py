"""RFC 5118: IPv6 in SIP messages, each retyped from the RFC (the lengths of bodies left out)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringthru.media import SessionDescription
from ringthru.net.address import Endpoint, parse_address, same_host
from ringthru.sip.errors import MalformedMessage
from ringthru.sip.flow import Flow
from ringthru.sip.wire.headers import Via
from ringthru.sip.wire.message import Request
from ringthru.sip.wire.parsing import parse
from ringthru.sip.wire.reply import reply_flow

HOME = Path(__file__).parent / "torture" / "ipv6"


def load(name: str) -> bytes:
    return (HOME / f"{name}.sip").read_bytes().replace(b"\n", b"\r\n")


def read(name: str) -> Request:
    message = parse(load(name))
    assert isinstance(message, Request)
    return message


def test_every_message_of_the_rfc_is_here():
    assert len(list(HOME.iterdir())) == 12


class TestReferences:
    def test_4_1_a_valid_one(self):
        request = read("ipv6-good")
        assert (request.request_uri.host, request.request_uri.port) == ("2001:db8::10", None)
        assert request.via.host == "2001:db8::9:1"
        assert request.contact.uri.host == "2001:db8::1"
        assert str(request.request_uri) == "sip:[2001:db8::10]"

    def test_4_2_without_brackets_it_is_none(self):
        with pytest.raises(MalformedMessage) as caught:
            parse(load("ipv6-bad"))
        assert caught.value.status == 400
        assert caught.value.answerable is not None

    def test_4_3_a_port_inside_the_brackets_is_part_of_the_address(self):
        uri = read("port-ambiguous").request_uri
        assert (uri.host, uri.port) == ("2001:db8::10:5070", None)

    def test_4_4_a_port_outside_is_one(self):
        uri = read("port-unambiguous").request_uri
        assert (uri.host, uri.port) == ("2001:db8::10", 5070)

    @pytest.mark.parametrize("name", ["ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"])
    def test_4_10_the_bug_in_the_old_grammar_is_tolerated(self, name):
        assert read(name).request_uri.host.startswith("2001:db8:")


class TestHeaders:
    @pytest.mark.parametrize(
        ("name", "received"),
        [
            ("via-received-param-with-delim", "[2001:db8::9:255]"),
            ("via-received-param-no-delim", "2001:db8::9:255"),
        ],
    )
    def test_4_5_received_with_and_without_brackets(self, name, received):
        assert read(name).via.received == received

    def test_4_7_both_families_in_one_message(self):
        vias = read("mult-ip-in-header").vias
        assert [(each.host, each.port) for each in vias] == [
            ("2001:db8::9:1", 6050),
            ("192.0.2.1", None),
            ("2001:db8::9:255", None),
        ]

    def test_4_9_mapped_addresses(self):
        request = read("ipv4-mapped-ipv6")
        assert parse_address(request.contact.uri.host) == parse_address("192.0.2.2")
        assert (request.via.host, request.via.port) == ("::ffff:192.0.2.10", 19823)


class TestBodies:
    @pytest.mark.parametrize(
        ("name", "hosts"),
        [
            ("ipv6-in-sdp", ["2001:db8::20", "2001:db8::20"]),  # 4.6
            ("mult-ip-in-sdp", ["192.0.2.1", "2001:db8::1"]),  # 4.8
            ("ipv4-mapped-ipv6", ["::ffff:192.0.2.2", "::ffff:192.0.2.2"]),  # 4.9
        ],
    )
    def test_where_each_stream_goes(self, name, hosts):
        described = SessionDescription.parse(read(name).body)
        assert [described.host_of(each) for each in described.media] == hosts


class TestWhereItCameFrom:
    """§18.2.1, §18.2.2 and RFC 3581: one address may be written in many ways."""

    SOURCE = Endpoint("2001:db8::9:1", 40000)

    @pytest.mark.parametrize("written", ["2001:db8::9:1", "2001:DB8:0:0:0:0:9:1", "2001:db8::0009:0001"])
    def test_the_same_address_is_not_marked_as_another(self, written):
        via = Via.parse(f"SIP/2.0/UDP [{written}];branch=z9hG4bK1")
        assert via.seen_from(*self.SOURCE) is via
        flow = Flow("UDP", Endpoint("2001:db8::10", 5060), self.SOURCE)
        assert reply_flow(via, flow).remote == ("2001:db8::9:1", 5060)

    def test_rport_and_received(self):
        via = Via.parse("SIP/2.0/UDP [2001:db8::1]:5062;rport;branch=z9hG4bK1").seen_from(*self.SOURCE)
        assert str(via) == (
            "SIP/2.0/UDP [2001:db8::1]:5062;rport=40000;branch=z9hG4bK1;received=2001:db8::9:1"
        )

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("::1", "0:0:0:0:0:0:0:1", True),
            ("::1", "::2", False),
            ("Phone.LAN", "phone.lan", True),
            ("192.0.2.1", "192.0.2.01", False),
            ("2001:db8:::1", "2001:db8::1", False),
        ],
    )
    def test_the_same_host(self, one, other, same):
        assert same_host(one, other) is same
