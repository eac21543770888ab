"""What IGD:2 added, events, and announcements: the fake gateway without sockets, asked by raw bytes."""

from __future__ import annotations

import html
import re

import pytest

from ringthru.lab.gateway.replies import Ending
from ringthru.net.address import Endpoint

from .raw_gateway import CLIENT, GATEWAY, HTTP, MAPPING, RawGateway

WANIP2 = "urn:schemas-upnp-org:service:WANIPConnection:2"
OTHER = "127.41.0.104"
RANGE = {"NewStartPort": "25000", "NewEndPort": "25999", "NewProtocol": "UDP", "NewManage": "1"}


@pytest.fixture
def newer() -> RawGateway:
    return RawGateway(igd_version=2)


def call(gateway, action, arguments, client=CLIENT):
    return gateway.call(action, arguments, service=WANIP2, client=client)


class TestNewerActions:
    """WANIPConnection:2 §2.5."""

    def test_any_port_if_the_wanted_one_is_taken(self, newer):
        assert call(newer, "AddAnyPortMapping", MAPPING) == {"NewReservedPort": "25061"}
        theirs = MAPPING | {"NewInternalClient": OTHER}
        assert call(newer, "AddAnyPortMapping", theirs) == {"NewReservedPort": "25062"}

    def test_a_range_is_listed_inside_an_argument(self, newer):
        call(newer, "AddPortMapping", MAPPING | {"NewPortMappingDescription": "a &amp; b"})
        answer = newer.post("GetListOfPortMappings", RANGE | {"NewNumberOfPorts": "0"}, service=WANIP2).data
        listed = html.unescape(re.search(rb"<NewPortListing>(.*)</NewPortListing>", answer)[1].decode())
        assert "<p:NewExternalPort>25061</p:NewExternalPort>" in listed
        assert f"<p:NewInternalClient>{CLIENT}</p:NewInternalClient>" in listed
        assert "<p:NewDescription>a &amp; b</p:NewDescription>" in listed
        assert "<p:NewLeaseTime>3600</p:NewLeaseTime>" in listed

    @pytest.mark.parametrize(("entries", "ending"), [(128, Ending.CLOSE), (129, Ending.RESET)])
    def test_LI18_a_list_of_more_than_128_entries_ends_it(self, entries, ending):
        gateway = RawGateway("LI18", igd_version=2)
        for port in range(25001, 25001 + entries):
            call(gateway, "AddPortMapping", MAPPING | {"NewExternalPort": str(port)})
        asked = RANGE | {"NewEndPort": "65535", "NewNumberOfPorts": "0"}
        assert gateway.post("GetListOfPortMappings", asked, service=WANIP2).ending is ending
        assert gateway.core.upnp.admits(0, 0.0) is (ending is Ending.CLOSE)

    def test_one_sees_ones_own_only_unless_one_manages(self, newer):
        call(newer, "AddPortMapping", MAPPING)
        asked = RANGE | {"NewNumberOfPorts": "0", "NewManage": "0"}
        assert call(newer, "GetListOfPortMappings", asked, client=OTHER) == 730

    def test_a_range_is_deleted(self, newer):
        for port in ("25001", "25003", "26001"):
            call(newer, "AddPortMapping", MAPPING | {"NewExternalPort": port})
        assert call(newer, "DeletePortMappingRange", RANGE) == {}
        assert newer.forwarded() == [26001]
        assert call(newer, "DeletePortMappingRange", RANGE) == 730

    def test_a_range_that_ends_before_it_starts_is_733(self, newer):
        assert call(newer, "DeletePortMappingRange", RANGE | {"NewEndPort": "1"}) == 733

    def test_an_older_gateway_knows_none_of_it(self):
        assert RawGateway().call("DeletePortMappingRange", RANGE) == 401


def subscribe(gateway, callback=f"http://{CLIENT}:9000/x", extra=""):
    head = f"SUBSCRIBE /evt/IPConn HTTP/1.1\r\nCALLBACK: <{callback}>\r\nNT: upnp:event\r\n{extra}\r\n"
    answer = gateway.request(head.encode()).data.decode()
    found = re.search(r"\r\nSID: (\S+)\r\n", answer)
    return found[1] if found else int(answer.split(" ")[1])


class TestSubscriptions:
    """UPnP Device Architecture 1.1 §4.1."""

    def test_the_first_event_has_number_0_and_everything(self):
        gateway = RawGateway()
        sid = subscribe(gateway)
        (event,) = gateway.core.upnp.events_to_send()
        assert event.to == Endpoint(CLIENT, 9000)
        assert f"\r\nSID: {sid}\r\nSEQ: 0\r\n".encode() in event.data
        assert b"<PortMappingNumberOfEntries>0</PortMappingNumberOfEntries>" in event.data

    def test_a_mapping_is_an_event(self):
        gateway = RawGateway()
        subscribe(gateway)
        gateway.core.upnp.events_to_send()
        gateway.add()
        gateway.core.upnp.publish()
        (event,) = gateway.core.upnp.events_to_send()
        assert b"<PortMappingNumberOfEntries>1<" in event.data
        gateway.core.upnp.publish()
        assert gateway.core.upnp.events_to_send() == []

    @pytest.mark.parametrize(
        "callback", ["http://127.41.0.9:80/", "http://8.8.8.8/", "http://name/", "ftp://127.41.0.103/", ""]
    )
    def test_a_callback_must_be_on_the_asking_host(self, callback):
        gateway = RawGateway()
        assert subscribe(gateway, callback) == 412
        assert gateway.core.upnp.events_to_send() == []

    def test_it_ends_unless_it_is_renewed(self):
        gateway = RawGateway()
        sid = subscribe(gateway)
        renewal = f"SUBSCRIBE /evt/IPConn HTTP/1.1\r\nSID: {sid}\r\n\r\n".encode()
        gateway.clock.advance(1799)
        assert gateway.request(renewal).data.startswith(b"HTTP/1.1 200 ")
        gateway.clock.advance(1800)
        assert gateway.request(renewal).data.startswith(b"HTTP/1.1 412 ")

    def test_it_can_be_given_up(self):
        gateway = RawGateway()
        sid = subscribe(gateway)
        request = f"UNSUBSCRIBE /evt/IPConn HTTP/1.1\r\nSID: {sid}\r\n\r\n".encode()
        assert gateway.request(request).data.startswith(b"HTTP/1.1 200 ")
        assert gateway.request(request).data.startswith(b"HTTP/1.1 412 ")

    def test_a_restart_forgets_the_subscribers(self):
        gateway = RawGateway()
        sid = subscribe(gateway)
        gateway.core.upnp.restarted()
        renewal = f"SUBSCRIBE /evt/IPConn HTTP/1.1\r\nSID: {sid}\r\n\r\n".encode()
        assert gateway.request(renewal).data.startswith(b"HTTP/1.1 412 ")

    def test_there_is_an_end_to_subscribers(self):
        gateway = RawGateway()
        assert [isinstance(subscribe(gateway), str) for _ in range(33)] == [True] * 32 + [False]


class TestAnnouncements:
    """UPnP Device Architecture 1.1 §1.2."""

    def test_alive_names_the_location_and_the_boot(self):
        upnp = RawGateway().core.upnp
        text = upnp.notify("alive").decode()
        assert text.startswith("NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n")
        assert "\r\nNTS: ssdp:alive\r\n" in text
        assert f"\r\nLOCATION: http://{HTTP}/rootDesc.xml\r\n" in text
        assert "\r\nBOOTID.UPNP.ORG: 1\r\n" in text
        upnp.restarted()
        assert b"\r\nBOOTID.UPNP.ORG: 2\r\n" in upnp.notify("alive")

    def test_byebye_names_no_location(self):
        text = RawGateway().core.upnp.notify("byebye")
        assert b"NTS: ssdp:byebye" in text
        assert b"LOCATION" not in text

    def test_there_is_one_for_everything_the_gateway_is(self):
        upnp = RawGateway().core.upnp
        targets = {re.search(rb"\r\nNT: (\S+)", text)[1] for text in upnp.notifications("alive")}
        assert b"urn:schemas-upnp-org:service:WANIPv6FirewallControl:1" in targets
        assert len(targets) == len(upnp.notifications("alive")) == 5

    def test_who_is_not_inside_is_told_nothing(self):
        gateway = RawGateway()
        assert gateway.search(source="127.42.0.9") == []
        assert gateway.search(source="2001:db8:99::1") == []
        assert gateway.get(client="2001:db8:99::1").data.startswith(b"HTTP/1.1 403 ")
        assert GATEWAY in gateway.search()[0].data.decode()
