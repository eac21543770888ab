"""Each row about IPv6 pinholes alone: the fake gateway's firewall really does what it says."""

from __future__ import annotations

import pytest

from .raw_gateway import FIREWALL, HTTP, RawGateway, location

HOST_V6 = "2001:db8:41::103"
PINHOLE = {
    "RemoteHost": "",
    "RemotePort": "0",
    "InternalClient": HOST_V6,
    "InternalPort": "5060",
    "Protocol": "17",
    "LeaseTime": "3600",
}


class TestPinholes:
    """WANIPv6FirewallControl:1 §2.5."""

    def firewall(self, gateway, action, arguments=(), client=HOST_V6):
        return gateway.call(action, arguments, service=FIREWALL, path="/ctl/IP6FCtl", client=client)

    def test_a_pinhole_lives_as_long_as_its_lease(self):
        gateway = RawGateway()
        assert self.firewall(gateway, "AddPinhole", PINHOLE) == {"UniqueID": "1"}
        assert self.firewall(gateway, "AddPinhole", PINHOLE) == {"UniqueID": "1"}  # the same again
        gateway.clock.advance(3000)
        assert self.firewall(gateway, "UpdatePinhole", {"UniqueID": "1", "NewLeaseTime": "1000"}) == {}
        gateway.clock.advance(999)
        assert len(gateway.core.upnp.firewall.pinholes) == 1
        gateway.clock.advance(1)
        assert self.firewall(gateway, "DeletePinhole", {"UniqueID": "1"}) == 704

    def test_it_can_be_deleted(self):
        gateway = RawGateway()
        self.firewall(gateway, "AddPinhole", PINHOLE)
        assert self.firewall(gateway, "DeletePinhole", {"UniqueID": "1"}) == {}
        assert gateway.core.upnp.firewall.pinholes == ()

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"Protocol": "1"}, 705),
            ({"InternalPort": "0"}, 706),
            ({"InternalClient": ""}, 708),
            ({"InternalClient": "127.41.0.103"}, 402),
            ({"InternalClient": "2001:db8:42::1"}, 606),
        ],
    )
    def test_what_is_refused(self, change, code):
        assert self.firewall(RawGateway(), "AddPinhole", PINHOLE | change) == code

    def test_the_status_says_that_they_are_allowed(self):
        answer = self.firewall(RawGateway(), "GetFirewallStatus")
        assert answer == {"FirewallEnabled": "1", "InboundPinholeAllowed": "1"}

    def test_P601_each_for_itself(self):
        assert self.firewall(RawGateway("P601"), "AddPinhole", PINHOLE, client="2001:db8:41::7") == 606
        assert self.firewall(RawGateway("P601"), "AddPinhole", PINHOLE) == {"UniqueID": "1"}
        assert self.firewall(RawGateway(), "AddPinhole", PINHOLE, client="2001:db8:41::7") == {
            "UniqueID": "1"
        }

    def test_P602_no_temporary_addresses(self):
        temporary = PINHOLE | {"InternalClient": "2001:db8:41:0:8c1f:77aa:1234:9b01"}
        assert self.firewall(RawGateway("P602"), "AddPinhole", temporary) == 606
        from_mac = PINHOLE | {"InternalClient": "2001:db8:41:0:5054:ff:fe12:3456"}
        assert self.firewall(RawGateway("P602"), "AddPinhole", from_mac) == {"UniqueID": "1"}

    def test_P603_a_pinhole_can_be_shortened_but_not_deleted(self):
        gateway = RawGateway("P603")
        self.firewall(gateway, "AddPinhole", PINHOLE)
        assert self.firewall(gateway, "DeletePinhole", {"UniqueID": "1"}) == 606
        assert self.firewall(gateway, "UpdatePinhole", {"UniqueID": "1", "NewLeaseTime": "1"}) == {}
        gateway.clock.advance(1)
        assert gateway.core.upnp.firewall.pinholes == ()

    def test_P605_pinholes_are_not_allowed(self):
        assert self.firewall(RawGateway("P605"), "GetFirewallStatus")["InboundPinholeAllowed"] == "0"
        assert self.firewall(RawGateway("P605"), "AddPinhole", PINHOLE) == 703

    def test_P606_not_allowed_for_this_device(self):
        assert self.firewall(RawGateway("P606"), "AddPinhole", PINHOLE) == 606

    def test_P608_lost_when_the_daemon_starts_anew(self):
        for rows, left in ((["P608"], 0), ([], 1)):
            gateway = RawGateway(*rows)
            self.firewall(gateway, "AddPinhole", PINHOLE)
            gateway.core.upnp.restarted()
            assert len(gateway.core.upnp.firewall.pinholes) == left

    def test_P612_after_a_restart_names_are_given_out_again(self):
        for rows, name in ((["P612"], "1"), (["P608"], "2")):
            gateway = RawGateway(*rows)
            self.firewall(gateway, "AddPinhole", PINHOLE)
            gateway.core.upnp.restarted()
            assert self.firewall(gateway, "AddPinhole", PINHOLE) == {"UniqueID": name}

    def test_P609_link_local_location_and_control_over_ipv4(self):
        gateway = RawGateway("P609")
        (answer,) = gateway.search(source=HOST_V6)
        assert location(answer) == f"http://[fe80::1]:{HTTP.port}/rootDesc.xml"
        page = gateway.get(client=HOST_V6).data
        assert f"<controlURL>http://{HTTP}/ctl/IP6FCtl</controlURL>".encode() in page

    @pytest.mark.parametrize("lease", ["0", "86401"])
    def test_P610_a_lease_is_a_day_at_most_and_not_nothing(self, lease):
        assert self.firewall(RawGateway("P610"), "AddPinhole", PINHOLE | {"LeaseTime": lease}) == 402
        assert self.firewall(RawGateway(), "AddPinhole", PINHOLE | {"LeaseTime": lease}) == {"UniqueID": "1"}

    def test_P611_a_pinhole_that_is_not_there_is_an_invalid_argument(self):
        assert self.firewall(RawGateway("P611"), "DeletePinhole", {"UniqueID": "1"}) == 402
        assert self.firewall(RawGateway(), "DeletePinhole", {"UniqueID": "1"}) == 704
