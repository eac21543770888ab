"""The decision table: which address a peer sees, row by row."""

from __future__ import annotations

import pytest

from ringthru.net.acl import builtin_lists
from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.switch.reachability import ProfileAddresses, Sight, TransportPorts, seen_by

LISTS = builtin_lists(["192.168.1.0/24"])
INSIDE = Endpoint("192.168.1.103", 5060)
OUTSIDE = Endpoint("203.0.113.9", 15060)
LAN_PHONE = "192.168.1.50"
FAR_PHONE = "198.51.100.7"


def addresses(
    ext_sip: Endpoint | None,
    ext_rtp: str | None = None,
    *,
    auto_nat: bool = False,
    acl: str = "localnet.auto",
) -> ProfileAddresses:
    return ProfileAddresses(INSIDE, INSIDE.host, ext_sip, ext_rtp, auto_nat, acl, "the gateway")


@pytest.mark.parametrize(
    ("row", "profile", "peer", "signalling", "from_host", "media"),
    [
        (1, addresses(None), FAR_PHONE, INSIDE, INSIDE.host, INSIDE.host),
        (2, addresses(OUTSIDE, OUTSIDE.host, auto_nat=True), LAN_PHONE, INSIDE, INSIDE.host, INSIDE.host),
        (3, addresses(OUTSIDE, OUTSIDE.host, auto_nat=True), FAR_PHONE, OUTSIDE, OUTSIDE.host, OUTSIDE.host),
        (4, addresses(OUTSIDE, OUTSIDE.host), LAN_PHONE, OUTSIDE, INSIDE.host, INSIDE.host),
        (5, addresses(OUTSIDE, OUTSIDE.host), FAR_PHONE, OUTSIDE, OUTSIDE.host, OUTSIDE.host),
        (6, addresses(OUTSIDE, OUTSIDE.host, auto_nat=True), "127.0.0.1", INSIDE, INSIDE.host, INSIDE.host),
        (7, addresses(None, OUTSIDE.host), FAR_PHONE, INSIDE, INSIDE.host, INSIDE.host),
        (7, addresses(None, OUTSIDE.host), None, INSIDE, INSIDE.host, OUTSIDE.host),
    ],
)
def test_each_row_of_the_table(row, profile, peer, signalling, from_host, media):
    seen = seen_by(peer, profile, LISTS)
    assert (seen.row, seen.signalling, seen.from_host, seen.media) == (row, signalling, from_host, media)
    assert seen.reasons


def test_the_port_the_gateway_granted_is_the_port_a_far_peer_sees():
    assert seen_by(FAR_PHONE, addresses(OUTSIDE, auto_nat=True), LISTS).signalling.port == 15060


@pytest.mark.parametrize(
    ("transport", "peer", "port"),
    [
        ("TCP", FAR_PHONE, 40001),
        ("TCP", LAN_PHONE, 5060),
        ("TLS", FAR_PHONE, 40002),
        ("TLS", LAN_PHONE, 5061),
    ],
)
def test_each_transport_has_ports_of_its_own(transport, peer, port):
    """A gateway may grant TCP another port than UDP; Via and Contact must carry the right one."""
    others = (TransportPorts("TCP", 5060, 40001), TransportPorts("TLS", 5061, 40002))
    profile = replace(addresses(OUTSIDE, auto_nat=True), others=others)
    seen = seen_by(peer, profile, LISTS, transport)
    assert seen.signalling == (OUTSIDE.host if peer == FAR_PHONE else INSIDE.host, port)
    assert seen_by(FAR_PHONE, profile, LISTS).signalling == OUTSIDE


def test_a_host_name_is_far():
    assert seen_by("phones.example.com", addresses(OUTSIDE, auto_nat=True), LISTS).far


def test_nobody_is_local_when_the_list_is_none():
    assert seen_by(LAN_PHONE, addresses(OUTSIDE, auto_nat=True, acl="none"), LISTS).far


def test_a_comma_list_of_networks_makes_a_second_lan_local():
    profile = addresses(OUTSIDE, auto_nat=True, acl="192.168.1.0/24, 10.8.0.0/16")
    assert not seen_by("10.8.3.4", profile, LISTS).far


class TestReasons:
    def test_the_network_that_holds_the_peer_is_named(self):
        seen = seen_by(LAN_PHONE, addresses(OUTSIDE, auto_nat=True), LISTS)
        assert seen.reasons == ("192.168.1.50 is in local-network-acl localnet.auto (192.168.1.0/24)",)

    def test_address_port_and_media_each_say_where_they_come_from(self):
        made = replace(
            addresses(OUTSIDE, "203.0.113.10", auto_nat=True), port_source="ext-sip-port", media_source="DNS"
        )
        lines = seen_by(FAR_PHONE, made, LISTS).explained("internal", FAR_PHONE)
        assert lines == [
            "internal: 198.51.100.7 sees 203.0.113.9:15060 in Via and Contact, 203.0.113.10 in SDP",
            "  by row 3 of the decision table: auto-nat is on, and the peer is far",
            "  because 198.51.100.7 is neither in loopback.auto nor in local-network-acl localnet.auto:"
            " it is far",
            "  because the address 203.0.113.9 comes from the gateway",
            "  because the port 15060 comes from ext-sip-port",
            "  because the SDP's address 203.0.113.10 comes from DNS",
        ]

    def test_without_an_external_address_it_says_where_one_would_come_from(self):
        seen = seen_by(FAR_PHONE, addresses(None), LISTS)
        assert seen.reasons == ("an external address would come from the gateway",)

    @pytest.mark.parametrize("peer", [LAN_PHONE, FAR_PHONE, "127.0.0.1", "a.name", None])
    @pytest.mark.parametrize("made", [addresses(None), addresses(OUTSIDE), addresses(OUTSIDE, auto_nat=True)])
    def test_every_row_has_its_rule(self, peer, made):
        assert seen_by(peer, made, LISTS).explained("internal", str(peer))[1].startswith("  by row ")


def test_every_network_of_this_machine_is_near_by_a_list_of_ours():
    lists = builtin_lists(["192.168.1.0/24"], ["192.168.1.0/24", "10.8.0.0/24"])
    profile = addresses(OUTSIDE, auto_nat=True, acl="connected.auto")
    assert not seen_by("10.8.0.7", profile, lists).far
    assert not seen_by(LAN_PHONE, profile, lists).far
    assert seen_by("10.9.0.7", profile, lists).far


def test_without_ext_rtp_ip_the_far_media_address_falls_back_to_rtp_ip():
    assert seen_by(FAR_PHONE, addresses(OUTSIDE, None, auto_nat=True), LISTS).media == INSIDE.host


class TestWhatIsRemembered:
    """A profile asks for every message: the answer is kept while nothing it depends on has changed."""

    def test_the_same_question_has_the_same_answer(self):
        sight, profile = Sight(LISTS), addresses(OUTSIDE, auto_nat=True)
        assert sight.seen_by(FAR_PHONE, profile, "UDP") is sight.seen_by(FAR_PHONE, profile, "UDP")
        assert sight.seen_by(LAN_PHONE, profile, "UDP").signalling == INSIDE

    def test_each_transport_has_an_answer_of_its_own(self):
        profile = replace(addresses(OUTSIDE, auto_nat=True), others=(TransportPorts("TCP", 5060, 40001),))
        sight = Sight(LISTS)
        assert [sight.seen_by(FAR_PHONE, profile, each).signalling.port for each in ("UDP", "TCP")] == [
            15060,
            40001,
        ]

    def test_a_new_address_of_ours_is_seen_at_once(self):
        sight, moved = Sight(LISTS), Endpoint("203.0.113.10", 15060)
        assert sight.seen_by(FAR_PHONE, addresses(OUTSIDE, auto_nat=True), "UDP").signalling == OUTSIDE
        assert sight.seen_by(FAR_PHONE, addresses(moved, auto_nat=True), "UDP").signalling == moved

    def test_lists_that_are_read_anew_count_at_once(self):
        lists, profile = dict(LISTS), addresses(OUTSIDE, auto_nat=True)
        sight = Sight(lists)
        assert sight.seen_by(FAR_PHONE, profile, "UDP").far
        lists.update(builtin_lists(["198.51.100.0/24"]))
        assert not sight.seen_by(FAR_PHONE, profile, "UDP").far

    def test_strangers_cannot_make_it_grow(self):
        sight, profile = Sight(LISTS), addresses(OUTSIDE, auto_nat=True)
        for number in range(2 * Sight.MOST):
            sight.seen_by(f"198.51.{number // 250}.{number % 250}", profile, "UDP")
            sight.seen_by("x" * 65536, profile, "UDP")
        assert len(sight._known) <= Sight.MOST
