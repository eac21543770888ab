"""The page is for this machine and its own network, never for the Internet nor by a stranger's name."""

from __future__ import annotations

import pytest

from ringthru.net.address import INTERNET, Endpoint
from ringthru.portmap import MapperSnapshot, MappingSnapshot, MappingState, Protocol
from ringthru.web.access import is_from_our_page, is_named_rightly, refusal
from ringthru.web.http import Request

HERE, LAN, PUBLIC = "127.0.0.1", "192.168.1.103", "76.237.11.11"


def mapper(port: int, protocol: Protocol = Protocol.TCP, client: str | None = None) -> MapperSnapshot:
    one = MappingSnapshot(
        protocol, port, port, MappingState.ACCEPTED, False, True, 60.0, "", internal_client=client
    )
    return MapperSnapshot(None, None, "", None, None, None, True, True, (one,))


def refused(peer: str, local: str, mapper: MapperSnapshot | None = None) -> str:
    return refusal(Endpoint(peer, 40000), Endpoint(local, 8022), mapper, INTERNET)


class TestWhereFrom:
    def test_this_machine_and_the_lan_are_served(self) -> None:
        assert refused(HERE, HERE) == ""
        assert refused("::1", "::1") == ""
        assert refused("192.168.1.7", LAN, mapper(5060)) == ""

    def test_no_address_of_the_internet_is_served_at_either_end(self) -> None:
        assert "the Internet" in refused("192.168.1.7", PUBLIC)
        assert "the Internet" in refused(PUBLIC, LAN)
        assert "the Internet" in refused("2a0e:22:51::50", "fe80::1%eth0")

    def test_while_a_mapping_leads_to_the_page_only_this_machine_sees_it(self) -> None:
        assert "mapped" in refused("192.168.1.1", LAN, mapper(8022))
        assert refused(HERE, HERE, mapper(8022)) == ""
        assert refused("192.168.1.1", LAN, mapper(8022, Protocol.UDP)) == ""
        assert refused("192.168.1.1", LAN, mapper(8022, client="192.168.1.9")) == ""  # another machine's port


class TestByWhichName:
    """DNS rebinding: a web site's own name that resolves to our address must not open the page."""

    @pytest.mark.parametrize(
        ("host", "ours"),
        [
            ("127.0.0.1:8022", True),
            ("localhost:8022", True),
            ("LOCALHOST", True),
            ("[::1]:8022", True),
            ("192.168.1.103:8022", True),
            ("pbx.example:8022", True),
            ("evil.example:8022", False),
            ("127.0.0.1.evil.example", False),
            ("localhost.evil.example:8022", False),
            ("", False),
        ],
    )
    def test_addresses_localhost_and_named_names_alone(self, host: str, ours: bool) -> None:
        request = Request("GET", "/", headers=(("host", host),))
        assert is_named_rightly(request, ("pbx.example",)) is ours

    @pytest.mark.parametrize(
        ("headers", "ours"),
        [
            ({"origin": "http://127.0.0.1:8022"}, True),
            ({"origin": "https://127.0.0.1:8022"}, True),  # a proxy with TLS in front
            ({}, True),  # no browser, or an old one: the token decides
            ({"sec-fetch-site": "same-origin"}, True),
            ({"sec-fetch-site": "cross-site"}, False),
            ({"origin": "http://evil.example"}, False),
            ({"origin": "http://127.0.0.1:9999"}, False),
            ({"origin": "null"}, False),
        ],
    )
    def test_posts_of_other_sites_are_told(self, headers: dict[str, str], ours: bool) -> None:
        request = Request("POST", "/", headers=(("host", "127.0.0.1:8022"), *headers.items()))
        assert is_from_our_page(request) is ours
