"""What a UPnP gateway's answers lead to: the error ladder, step by step."""

import re

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    AddressTold,
    Declined,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.gateway.upnp_client import UpnpClient
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure, IgdFound, NotIgd
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location

US = "192.168.1.103"
PLACE = Location(Endpoint("192.168.1.1", 5000), "/rootDesc.xml")
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060")
UNMAP = UnmapOrder(Protocol.UDP, 5060, 5060)
TIMEOUT = HttpFailure(FailureKind.TIMEOUT, "no answer within 10 s")
REFUSED = HttpFailure(FailureKind.REFUSED, "cannot connect")
RESET = HttpFailure(FailureKind.BROKEN, "reset")


class Talk:
    """A client and a script of replies; notes what was asked: the action, with its port and lease."""

    def __init__(self, words) -> None:
        self.words = words
        self.client = UpnpClient(US, lambda address: address.startswith("203."))
        self.asked: list[str] = []

    def discover(self, *replies) -> None:
        self.client.consider(PLACE, first=True)
        self.answer(*replies)

    def order(self, order, *replies):
        self.client.submit(order, 0.0)
        self.answer(*replies)
        (outcome,) = self.client.events()
        return outcome

    def answer(self, *replies) -> None:
        for reply in replies:
            (request,) = self.client.requests_to_send()
            self.asked.append(summary(request.ask.data))
            self.client.receive_reply(request.number, reply)
        assert self.client.requests_to_send() == []


def summary(request: bytes) -> str:
    action = re.search(rb'SOAPAction: ".*#(\w+)"', request)
    if action is None:
        return request.split()[1].decode()
    values = [re.search(rb"<%s>(\d+)<" % name, request) for name in (b"NewExternalPort", b"NewLeaseDuration")]
    return " ".join([action[1].decode(), *(value[1].decode() for value in values if value)])


@pytest.fixture
def talk(words) -> Talk:
    talk = Talk(words)
    talk.discover(
        Response(200, words.description()),
        words.success("GetExternalIPAddress", NewExternalIPAddress="203.0.113.9"),
    )
    (found,) = talk.client.findings()
    assert isinstance(found, IgdFound)
    talk.client.use(found.igd)
    talk.asked.clear()
    return talk


class TestDiscovery:
    def test_one_service_costs_two_requests(self, words):
        talk = Talk(words)
        talk.discover(
            Response(200, words.description()),
            words.success("GetExternalIPAddress", NewExternalIPAddress="203.0.113.9"),
        )
        assert talk.asked == ["/rootDesc.xml", "GetExternalIPAddress"]
        (found,) = talk.client.findings()
        assert (found.address, found.igd.words) == ("203.0.113.9", "Acme R1")

    def test_of_two_the_connected_one_with_a_public_address_wins(self, words):
        talk = Talk(words)
        services = words.service(control="/dead"), words.service(control="/live")
        talk.discover(
            Response(200, words.description(*services)),
            words.success("GetStatusInfo", NewConnectionStatus="Disconnected"),
            words.success("GetExternalIPAddress", NewExternalIPAddress="0.0.0.0"),
            words.success("GetStatusInfo", NewConnectionStatus="Connected"),
            words.success("GetExternalIPAddress", NewExternalIPAddress="203.0.113.9"),
        )
        (found,) = talk.client.findings()
        assert found.igd.service.control.path == "/live"

    def test_a_bad_status_never_vetoes_the_only_candidate(self, words):
        talk = Talk(words)
        talk.discover(Response(200, words.description()), words.fault(501))
        (found,) = talk.client.findings()
        assert found.address == ""

    @pytest.mark.parametrize("reply", [REFUSED, TIMEOUT, Response(200, b"<html/>"), Response(404, b"")])
    def test_what_is_no_gateway(self, words, reply):
        talk = Talk(words)
        talk.discover(reply)
        assert isinstance(talk.client.findings()[0], NotIgd)

    def test_the_next_location_is_looked_at_when_the_first_was_none(self, words):
        """A Livebox answers with its wps_device.xml first."""
        talk = Talk(words)
        talk.client.consider(Location(PLACE.endpoint, "/wps_device.xml"), first=True)
        talk.client.consider(PLACE, first=True)
        talk.answer(Response(200, b"<root/>"), Response(200, words.description()), words.fault(501))
        assert [type(each) for each in talk.client.findings()] == [NotIgd, IgdFound]

    def test_a_flood_of_locations_is_capped(self, words):
        client = Talk(words).client
        taken = [client.consider(Location(PLACE.endpoint, f"/{i}"), first=False) for i in range(60)]
        assert taken.count(True) == 10
        assert client.consider(Location(PLACE.endpoint, "/0"), first=False) is False


class TestAdding:
    def test_granted(self, talk, words):
        assert talk.order(MAP, words.success("AddPortMapping")) == Granted(5060, 3600, verified=False)
        assert talk.asked == ["AddPortMapping 5060 3600"]

    @pytest.mark.parametrize("code", [725, 402])
    def test_only_permanent_leases_once_asked_then_remembered(self, talk, words, code):
        assert talk.order(MAP, words.fault(code), words.success("AddPortMapping")) == Granted(5060, 0)
        assert talk.order(MAP, words.success("AddPortMapping")) == Granted(5060, 0)
        assert talk.asked == ["AddPortMapping 5060 3600", "AddPortMapping 5060 0", "AddPortMapping 5060 0"]

    def test_402_for_another_reason_is_not_remembered(self, talk, words):
        assert talk.order(MAP, words.fault(402), words.fault(402)).remedy is Remedy.LATER
        talk.order(MAP, words.success("AddPortMapping"))
        assert talk.asked[-1] == "AddPortMapping 5060 3600"

    @pytest.mark.parametrize("code", [718, 729, 501])
    def test_a_conflict_with_somebody_else_asks_for_another_port(self, talk, words, code):
        refusal = talk.order(MAP, words.fault(code), words.entry("192.168.1.7", 5060))
        assert refusal.remedy is Remedy.ANOTHER_PORT
        assert talk.asked == ["AddPortMapping 5060 3600", "GetSpecificPortMappingEntry 5060"]

    def test_a_conflict_with_our_own_earlier_mapping_is_remade(self, talk, words):
        outcome = talk.order(
            MAP,
            words.fault(718),
            words.entry(US, 5060),
            words.success("DeletePortMapping"),
            words.success("AddPortMapping"),
        )
        assert isinstance(outcome, Granted)

    def test_same_port_only(self, talk, words):
        assert talk.order(MAP, words.fault(724)).remedy is Remedy.SAME_PORT

    @pytest.mark.parametrize("reply", ["606", "403", "HTTP 401"])
    def test_forbidden_names_the_switch_to_look_for(self, talk, words, reply):
        answer = Response(401, b"") if reply == "HTTP 401" else words.fault(int(reply))
        refusal = talk.order(MAP, answer)
        assert refusal.remedy is Remedy.PERMISSION
        assert "allow port mapping by UPnP" in refusal.reason

    @pytest.mark.parametrize("reply", [Response(200, b"<html>Login</html>"), Response(500, b""), RESET])
    def test_no_proof_no_success(self, talk, reply):
        assert isinstance(talk.order(MAP, reply), Declined)

    def test_a_time_out_is_tried_once_more_then_the_gateway_is_silent(self, talk, words):
        assert isinstance(talk.order(MAP, TIMEOUT, words.success("AddPortMapping")), Granted)
        assert isinstance(talk.order(MAP, TIMEOUT, TIMEOUT), Silent)

    def test_a_refused_connection_means_look_again(self, talk):
        assert isinstance(talk.order(MAP, REFUSED), Silent)
        assert talk.asked == ["AddPortMapping 5060 3600"]


class TestDeleting:
    def test_read_back_first_then_deleted(self, talk, words):
        assert talk.order(UNMAP, words.entry(US, 5060), words.success("DeletePortMapping")) == Unmapped()
        assert talk.asked == ["GetSpecificPortMappingEntry 5060", "DeletePortMapping 5060"]

    @pytest.mark.parametrize(("client", "port"), [("192.168.1.7", 5060), (US, 5070)])
    def test_what_is_not_ours_any_more_is_left_alone(self, talk, words, client, port):
        assert talk.order(UNMAP, words.entry(client, port)) == Unmapped()
        assert talk.asked == ["GetSpecificPortMappingEntry 5060"]

    def test_gone_already(self, talk, words):
        assert talk.order(UNMAP, words.fault(714)) == Unmapped()

    @pytest.mark.parametrize("reply", ["401", "reset"])
    def test_a_gateway_that_cannot_tell_is_asked_once(self, talk, words, reply):
        cannot = RESET if reply == "reset" else words.fault(401)
        deleted = words.success("DeletePortMapping")
        assert talk.order(UNMAP, cannot, deleted) == Unmapped()
        assert talk.order(UNMAP, deleted) == Unmapped()

    def test_refused(self, talk, words):
        assert isinstance(talk.order(UNMAP, words.entry(US, 5060), words.fault(606)), Declined)


class TestReadingBack:
    INSPECT = InspectOrder(Protocol.UDP, 5060, 5060)

    def test_the_lease_that_was_really_granted(self, talk, words):
        assert talk.order(self.INSPECT, words.entry(US, 5060, 120)) == Inspected(120)

    def test_accepted_but_not_listed(self, talk, words):
        assert talk.order(self.INSPECT, words.fault(714)) == Inspected(None, missing=True)

    def test_a_gateway_that_cannot_list_has_not_failed(self, talk, words):
        assert talk.order(self.INSPECT, words.fault(401)) == Inspected(None)
        assert talk.order(self.INSPECT) == Inspected(None)


class TestAddress:
    def test_told(self, talk, words):
        answer = words.success("GetExternalIPAddress", NewExternalIPAddress="203.0.113.10")
        assert talk.order(AddressOrder(), answer) == AddressTold("203.0.113.10")

    def test_an_empty_one_is_unknown_and_a_fault_tells_nothing(self, talk, words):
        empty = words.success("GetExternalIPAddress", NewExternalIPAddress="")
        assert talk.order(AddressOrder(), empty) == AddressTold("")
        assert isinstance(talk.order(AddressOrder(), words.fault(501)), Declined)


def test_the_reply_to_an_abandoned_request_is_ignored(talk, words):
    talk.client.submit(MAP, 0.0)
    (old,) = talk.client.requests_to_send()
    talk.client.submit(AddressOrder(), 0.0)
    talk.client.receive_reply(old.number, words.success("AddPortMapping"))
    assert talk.client.events() == []
    assert len(talk.client.requests_to_send()) == 1
