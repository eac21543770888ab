"""What programs and people may ask wrongly: each a typed error that says what is allowed, before a packet."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from ringthru.net.surroundings import Surroundings
from ringthru.portmap import LocalError, PortMapper, Protocol, Wanted
from ringthru.portmap.discovery.site import description_by_hand
from ringthru.portmap.wire import soap

HERE = Surroundings("127.69.0.10", IPv4Network("127.69.0.0/24"), "127.69.0.1", multicast=False)


class TestWanted:
    @pytest.mark.parametrize("port", [0, -1, 65536, 70000, "abc", "5060", 5060.5, None, True])
    def test_a_port_is_a_number_from_1_to_65535(self, port):
        with pytest.raises(LocalError, match="1 to 65535"):
            Wanted(Protocol.UDP, port)

    @pytest.mark.parametrize("port", [0, 70000, "abc"])
    def test_so_is_an_external_port(self, port):
        with pytest.raises(LocalError, match="1 to 65535"):
            Wanted(Protocol.UDP, 5060, external_port=port)

    @pytest.mark.parametrize("protocol", ["udp", "sctp", 17, None])
    def test_a_protocol_is_udp_or_tcp(self, protocol):
        with pytest.raises(LocalError, match=r"Protocol\.UDP and Protocol\.TCP"):
            Wanted(protocol, 5060)

    @pytest.mark.parametrize("lifetime", [-1, 0, 604801, "abc", 1.5])
    def test_a_lease_is_1_to_604800_seconds(self, lifetime):
        with pytest.raises(LocalError, match="1 to 604800"):
            Wanted(Protocol.UDP, 5060, lifetime=lifetime)

    @pytest.mark.parametrize("client", ["abc", "", "192.168.1", "192.168.1.5:80"])
    def test_an_internal_client_is_an_address(self, client):
        with pytest.raises(LocalError, match=r"192\.168\.1\.5"):
            Wanted(Protocol.UDP, 5060, internal_client=client)

    @pytest.mark.parametrize("network", ["abc", "", "10.0.0.0/33", "::/129"])
    def test_those_who_may_come_in_are_networks(self, network):
        with pytest.raises(LocalError, match=r"10\.0\.0\.0/8"):
            Wanted(Protocol.UDP, 5060, allow_from=(network,))

    def test_a_list_of_them_is_as_good_as_a_tuple(self):
        wanted = Wanted(Protocol.UDP, 5060, allow_from=["11.0.0.0/8"])
        assert wanted == Wanted(Protocol.UDP, 5060, allow_from=("11.0.0.0/8",))
        assert hash(wanted) is not None

    def test_what_is_allowed_is_taken(self):
        wanted = Wanted(
            Protocol.TCP,
            1,
            65535,
            lifetime=604800,
            internal_client="192.168.1.7",
            allow_from=("11.0.0.0/8", "11.0.0.1"),
        )
        assert wanted.wanted_external_port == 65535


class TestPortMapper:
    @pytest.mark.parametrize("lease", [-1, 0, 604801])
    async def test_a_lease(self, lease):
        with pytest.raises(LocalError, match="1 to 604800"):
            PortMapper(HERE, lease=lease)

    async def test_an_interface_that_does_not_exist(self):  # the text lists those there are
        with pytest.raises(LocalError, match="does not exist"):
            PortMapper(interface="nosuch0")

    @pytest.mark.parametrize("gateway", ["abc", "", "192.168.1", "192.168.1.1:5351", "router.local"])
    async def test_a_gateway_that_is_no_address(self, gateway):
        with pytest.raises(LocalError, match=r"192\.168\.1\.1"):
            PortMapper(HERE, gateway=gateway)

    @pytest.mark.parametrize(
        "url",
        [
            "http://router.local:5000/d.xml",
            "http://localhost/",
            "192.168.1.1",
            "https://192.168.1.1/",
            "file:///etc/passwd",
            "http://192.168.1.1:22/",
            "http://192.168.1.1:99999/",
            "http://[::1",
            "http://[x]/",
            "",
            "abc",
        ],
    )
    async def test_a_description_that_cannot_be_one(self, url):
        with pytest.raises(LocalError):
            PortMapper(HERE, description_url=url)
        with pytest.raises(LocalError):
            description_by_hand(url)

    @pytest.mark.parametrize("limit", [0, -1, 65536])
    async def test_a_table_of_so_many_entries(self, limit):
        with pytest.raises(LocalError, match="1 to 65535"):
            await PortMapper(HERE).list_gateway(limit)

    async def test_a_set_of_nothing(self):
        with pytest.raises(LocalError):
            PortMapper(HERE).want_set(())

    @pytest.mark.parametrize(
        "echo", ["abc", "echo.example:4478", "11.0.113.1:0", "11.0.113.1:70000", ":4478"]
    )
    async def test_an_echo_host(self, echo):
        with pytest.raises(LocalError):
            PortMapper(HERE, echo=echo)


class TestRequests:
    """What must never be sent, whoever asks for it: to some gateways 0 means all ports (AD27)."""

    @pytest.mark.parametrize("port", [0, -1, 65536])
    def test_no_action_names_such_a_port(self, port):
        for request in (soap.delete_mapping, soap.get_mapping):
            with pytest.raises(LocalError, match="1 to 65535"):
                request(Protocol.UDP, port)
        with pytest.raises(LocalError, match="1 to 65535"):
            soap.add_mapping(Protocol.UDP, port, ("192.168.1.5", 5060), "x", 0)

    @pytest.mark.parametrize("lease", [0, -1, 86401])
    def test_P610_no_pinhole_for_ever(self, lease):
        with pytest.raises(LocalError, match="1 to 86400"):
            soap.add_pinhole(Protocol.UDP, "", ("2001:db8::5", 5060), lease)
