"""Which interfaces lead to one gateway: every case is a house that somebody lives in."""

from ipaddress import IPv4Network

import pytest

from ringthru.net.values import replace
from ringthru.portmap.group.placing import homes
from ringthru.portmap.group.sameness import Sameness, Whereabouts, is_same_gateway
from ringthru.portmap.group.values import Placement

LAN = IPv4Network("192.168.1.0/24")
OTHER_LAN = IPv4Network("192.168.2.0/24")
CABLE = Whereabouts("eth0", LAN, "192.168.1.1", found=True, judged=True)
WIFI = replace(CABLE, interface="wlan0")
SECOND = Whereabouts("eth1", OTHER_LAN, "192.168.2.1", found=True, judged=True)
BOX, OTHER_BOX = "02:00:5e:10:00:01", "02:00:5e:10:00:02"


def searching(place):
    return replace(place, found=False, judged=False)


def lost(place):
    return replace(place, found=False, gateway=None)


class TestOneGatewayOrTwo:
    def test_cable_and_wifi_in_one_lan(self):
        assert is_same_gateway(CABLE, WIFI)

    def test_two_lines_with_a_box_each(self):
        assert not is_same_gateway(CABLE, SECOND)

    def test_two_boxes_that_both_serve_192_168_1(self):
        """Two providers, neither of whose boxes was ever configured."""
        assert not is_same_gateway(replace(CABLE, hardware=BOX), replace(WIFI, hardware=OTHER_BOX))

    def test_two_networks_of_one_router(self):
        assert is_same_gateway(replace(CABLE, hardware=BOX), replace(SECOND, hardware=BOX))

    def test_two_pairs_of_routers_with_one_vrrp_number(self):
        shared = "00:00:5e:00:01:01"
        assert not is_same_gateway(replace(CABLE, hardware=shared), replace(SECOND, hardware=shared))

    def test_one_router_by_its_udn(self):
        assert is_same_gateway(replace(CABLE, name="uuid:1"), replace(SECOND, name="uuid:1"))

    def test_two_routers_whose_maker_gave_them_one_udn(self):
        one = replace(CABLE, name="uuid:1", external="203.0.113.1", public=True)
        other = replace(SECOND, name="uuid:1", external="198.51.100.1", public=True)
        assert not is_same_gateway(one, other)

    @pytest.mark.parametrize(("address", "public"), [("203.0.113.1", True), ("192.168.0.2", False)])
    def test_two_routers_that_tell_one_external_address(self, address, public):
        """A public one is one table; a private one is the first address of two boxes' DHCP servers."""
        one = replace(CABLE, external=address, public=public)
        other = replace(SECOND, external=address, public=public)
        assert is_same_gateway(one, other) is public

    def test_nobody_and_nobody_are_not_one_gateway(self):
        assert not is_same_gateway(replace(CABLE, gateway=None), replace(WIFI, gateway=None))


class TestWhoServes:
    def test_different_gateways_are_all_served(self):
        assert Sameness().choose([CABLE, SECOND]).serving == ("eth0", "eth1")

    def test_of_two_ways_to_one_gateway_the_better_route(self):
        parts = Sameness().choose([CABLE, WIFI])
        assert (parts.serving, parts.standing_by) == (("eth0",), {"wlan0": "eth0"})

    def test_a_better_route_that_is_still_searching_is_waited_for(self):
        sameness = Sameness()
        assert sameness.choose([searching(CABLE), WIFI]).standing_by == {"wlan0": "eth0"}
        assert sameness.choose([CABLE, WIFI]).standing_by == {"wlan0": "eth0"}

    def test_it_is_not_waited_for_when_it_has_found_nobody(self):
        parts = Sameness().choose([replace(CABLE, found=False), WIFI])
        assert "wlan0" in parts.serving

    def test_the_other_way_stands_in_and_goes_on_when_the_first_is_back(self):
        sameness = Sameness()
        sameness.choose([CABLE, WIFI])
        assert sameness.choose([WIFI, lost(CABLE)]).standing_by == {"eth0": "wlan0"}
        assert sameness.choose([CABLE, WIFI]).standing_by == {"eth0": "wlan0"}

    def test_a_gateway_that_is_lost_and_has_no_other_way_is_waited_for_where_it_was(self):
        sameness = Sameness()
        sameness.choose([CABLE, SECOND])
        assert sorted(sameness.choose([SECOND, lost(CABLE)]).serving) == ["eth0", "eth1"]

    def test_an_address_that_changes_does_not_make_two_gateways_of_one(self):
        """Both ask for the address now and then: for a minute the one knows the new one alone."""
        sameness = Sameness()
        one = replace(CABLE, name="uuid:1", external="203.0.113.1", public=True)
        other = replace(one, interface="eth1", network=OTHER_LAN, gateway="192.168.2.1")
        assert sameness.choose([one, other]).serving == ("eth0",)
        assert sameness.choose([replace(one, external="203.0.113.9"), other]).serving == ("eth0",)

    def test_a_gateway_that_was_exchanged_is_looked_at_anew(self):
        sameness = Sameness()
        one = replace(CABLE, name="uuid:1", external="203.0.113.1", public=True)
        other = replace(one, interface="eth1", network=OTHER_LAN, gateway="192.168.2.1")
        sameness.choose([one, other])
        exchanged = replace(one, name="uuid:2", external="203.0.113.9")
        assert sameness.choose([exchanged, other]).serving == ("eth0", "eth1")


class TestWhereAMappingIsKept:
    def test_on_every_gateway(self):
        assert homes(Placement.EVERY, ["a", "b"], {"a"}, "a") == ("a", "b")

    def test_on_all_until_one_grants_it(self):
        assert homes(Placement.FIRST, ["a", "b"], (), "") == ("a", "b")

    def test_on_the_first_that_granted_it_whoever_comes_after(self):
        assert homes(Placement.FIRST, ["a", "b"], ("b",), "") == ("b",)
        assert homes(Placement.FIRST, ["a", "b"], ("a", "b"), "b") == ("b",)

    def test_on_another_one_when_that_one_does_so_no_more(self):
        assert homes(Placement.FIRST, ["a", "b"], ("a",), "b") == ("a",)
        assert homes(Placement.FIRST, ["a", "b"], (), "b") == ("a", "b")
