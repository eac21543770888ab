"""Which WAN connection of a device is used: rows DE and EX of the quirk catalogue."""

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure, IgdFound, NotIgd
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location

PLACE = Location(Endpoint("192.168.1.1", 5000), "/rootDesc.xml")
TIMEOUT = HttpFailure(FailureKind.TIMEOUT, "no answer within 10 s")
REFUSED = HttpFailure(FailureKind.REFUSED, "cannot connect")
PUBLIC = "203.0.113.9"
PPP1 = "urn:schemas-upnp-org:service:WANPPPConnection:1"


@pytest.fixture
def address(words):
    return lambda told: words.success("GetExternalIPAddress", NewExternalIPAddress=told)


@pytest.fixture
def status(words):
    return lambda told: words.success("GetStatusInfo", NewConnectionStatus=told)


@pytest.fixture
def two(words):
    """A description of two services, /one and /two."""
    services = words.service(control="/one"), words.service(control="/two")
    return Response(200, words.description(*services))


def paths(findings) -> list[str]:
    return [each.igd.service.control.path for each in findings]


class TestOne:
    def test_one_with_a_public_address_costs_two_requests(self, new_talk, words, address):
        talk = new_talk()
        (found,) = talk.discover(Response(200, words.description(), "Linux UPnP/1.0"), address(PUBLIC))
        assert talk.asked == ["/rootDesc.xml", "GetExternalIPAddress"]
        assert (found.address, found.igd.words, found.connected) == (PUBLIC, "Acme R1", True)
        assert found.igd.profile.fingerprint == "Acme|R1||Linux UPnP/1.0"

    @pytest.mark.parametrize(
        ("told", "connected"),
        [("Up", True), ("Connected", True), ("connected", True), ("", True), ("Disconnected", False)],
    )
    def test_EX07_status_ranks_and_never_vetoes(self, new_talk, words, address, status, told, connected):
        (found,) = new_talk().discover(Response(200, words.description()), address("10.0.0.2"), status(told))
        assert (found.address, found.status, found.connected) == ("10.0.0.2", told, connected)

    def test_EX08_a_status_that_fails_changes_nothing(self, new_talk, words, address):
        (found,) = new_talk().discover(Response(200, words.description()), address(""), words.fault(501))
        assert (found.address, found.status, found.connected) == ("", "", True)

    def test_EX01_an_address_that_fails_is_unknown(self, new_talk, words, status):
        (found,) = new_talk().discover(Response(200, words.description()), words.fault(501), status("Up"))
        assert found.address == ""

    def test_DE10_a_dial_up_connection_alone(self, new_talk, words, address):
        body = words.description(words.service(PPP1))
        assert isinstance(new_talk().discover(Response(200, body), address(PUBLIC))[0], IgdFound)


class TestSeveral:
    def test_DE09_the_connected_one_is_first_and_the_other_stays_in_reserve(
        self, new_talk, two, address, status
    ):
        dead, live = (address("0.0.0.0"), status("Disconnected")), (address(PUBLIC), status("Connected"))
        assert paths(new_talk().discover(two, *dead, *live)) == ["/two", "/one"]

    def test_status_comes_before_the_address(self, new_talk, two, address, status):
        stale, live = (address(PUBLIC), status("Disconnected")), (address("10.0.0.2"), status("Up"))
        assert paths(new_talk().discover(two, *stale, *live)) == ["/two", "/one"]

    def test_then_public_before_private_before_none(self, new_talk, words, address, status):
        services = [words.service(control=f"/{i}") for i in range(3)]
        answers = [
            address(""),
            status("Up"),
            address("10.0.0.2"),
            status("Up"),
            address(PUBLIC),
            status("Up"),
        ]
        found = new_talk().discover(Response(200, words.description(*services)), *answers)
        assert paths(found) == ["/2", "/1", "/0"]

    def test_DE08_each_control_point_goes_with_its_own_type(self, new_talk, words, address, status):
        body = words.description(words.service(PPP1, "/ppp"), words.service(control="/ip"))
        dead, live = (words.fault(501), status("Unconfigured")), (address(PUBLIC), status("Connected"))
        talk = new_talk()
        found = talk.discover(Response(200, body), *dead, *live)
        assert paths(found) == ["/ip", "/ppp"]
        assert f'SOAPAction: "{PPP1}#GetStatusInfo"'.encode() in talk.requests[2]
        assert b"WANIPConnection:1#GetStatusInfo" in talk.requests[4]

    def test_DE08_of_two_dead_ones_the_dial_up_is_last(self, new_talk, words, address, status):
        body = words.description(words.service(PPP1, "/ppp"), words.service(control="/ip"))
        answers = [address(""), status("Disconnected")] * 2
        assert paths(new_talk().discover(Response(200, body), *answers)) == ["/ip", "/ppp"]

    def test_of_equals_the_one_that_translates_is_first(self, new_talk, words, two, address, status):
        def nat(enabled: int) -> Response:
            return words.success("GetNATRSIPStatus", NewRSIPAvailable=0, NewNATEnabled=enabled)

        equal = [address(PUBLIC), status("Up")] * 2
        assert paths(new_talk().discover(two, *equal, nat(0), nat(1))) == ["/two", "/one"]

    def test_else_the_document_s_order_stands(self, new_talk, words, two, address, status):
        equal = [address(PUBLIC), status("Up")] * 2
        cannot = [words.fault(401)] * 2
        assert paths(new_talk().discover(two, *equal, *cannot)) == ["/one", "/two"]

    def test_where_nobody_answers_nobody_is_asked_twice(self, new_talk, two):
        (found,) = new_talk().discover(two, TIMEOUT, TIMEOUT)
        assert isinstance(found, NotIgd)

    def test_one_that_never_tells_its_status_is_used_all_the_same(self, new_talk, two, address):
        mute = [address(PUBLIC), TIMEOUT, TIMEOUT]
        found = new_talk().discover(two, *mute, REFUSED)
        assert paths(found) == ["/one"]

    def test_a_hundred_services_cost_few_requests(self, new_talk, words, address, status):
        body = words.description(*(words.service(control=f"/{i}") for i in range(100)))
        answers = [address("10.0.0.2"), status("Up")] * 8
        talk = new_talk()
        assert len(talk.discover(Response(200, body), *answers, *[words.fault(401)] * 4)) == 8
        assert len(talk.asked) == 21


class TestUrlBase:
    def test_DE02_one_that_leads_nowhere_is_tried_without(self, new_talk, words, address):
        body = words.description(base="<URLBase>http://192.168.1.1:2828/</URLBase>")
        (found,) = new_talk().discover(Response(200, body), REFUSED, address(PUBLIC))
        assert str(found.igd.service.control) == "http://192.168.1.1:5000/ctl/IPConn"

    def test_DE02_one_that_leads_to_a_web_page_too(self, new_talk, words, address):
        body = words.description(base="<URLBase>http://192.168.1.1:80/</URLBase>")
        page = Response(404, b"<html/>")
        (found,) = new_talk().discover(Response(200, body), page, address(PUBLIC))
        assert found.igd.service.control.endpoint.port == 5000


class TestNoGateway:
    @pytest.mark.parametrize(
        "reply", [REFUSED, TIMEOUT, Response(200, b"<html/>"), Response(404, b""), Response(301, b"moved")]
    )
    def test_what_is_none(self, new_talk, reply):
        assert isinstance(new_talk().discover(reply)[0], NotIgd)

    def test_SD05_the_next_location_is_looked_at_when_the_first_was_none(self, new_talk, words, address):
        """A Livebox answers with its wps_device.xml first."""
        talk = new_talk()
        talk.client.consider(Location(PLACE.endpoint, "/wps_device.xml"), first=True)
        talk.client.consider(PLACE, first=True)
        talk.answer(Response(200, b"<root/>"), Response(200, words.description()), address(PUBLIC))
        assert [type(each) for each in talk.client.findings()] == [NotIgd, IgdFound]

    def test_SD20_of_a_flood_ten_locations_are_looked_at_the_last_one_among_them(self, new_talk):
        talk = new_talk()
        for i in range(60):
            talk.client.consider(Location(PLACE.endpoint, f"/{i}"), first=True)
        assert talk.client.consider(Location(PLACE.endpoint, "/0"), first=True) is False
        talk.answer(*[Response(404, b"")] * 10)
        assert len(talk.asked) == 10
        assert talk.asked[:2] == ["/0", "/59"]

    def test_an_ipv6_firewall_is_no_way_to_map_ipv4(self, new_talk, words):
        body = words.description(words.service("urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"))
        assert isinstance(new_talk().discover(Response(200, body))[0], NotIgd)
