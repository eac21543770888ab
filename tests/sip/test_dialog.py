"""RFC 3261 §12: what a dialog remembers, and what its requests look like."""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip.agent.dialog import Dialog
from ringthru.sip.flow import Flow
from ringthru.sip.wire.message import Request, Response

US, PEER = Endpoint("127.40.4.1", 5060), Endpoint("127.40.4.2", 40000)
FLOW = Flow("UDP", US, PEER)


def invite(contact: str = "<sip:alice@127.40.4.2:5062>", **more: str) -> Request:
    rows = [
        ("Via", "SIP/2.0/UDP 127.40.4.2;branch=z9hG4bK1"),
        ("From", '"Alice" <sip:alice@example.com>;tag=a'),
        ("To", "<sip:bob@example.com>"),
        ("Call-ID", "call"),
        ("CSeq", "314 INVITE"),
        ("Contact", contact),
        *((name.replace("_", "-"), value) for name, value in more.items()),
    ]
    return Request("INVITE", "sip:bob@127.40.4.1", rows)


def ok(contact: str = "<sip:bob@127.40.4.2:5062>", **more: str) -> Response:
    rows = [pair for pair in invite().headers if pair[0] not in ("To", "Contact")]
    rows += [("To", "<sip:bob@example.com>;tag=b"), ("Contact", contact)]
    rows += [(name.replace("_", "-"), value) for name, value in more.items()]
    return Response(200, "OK", rows)


class TestAsServer:
    """§12.1.1."""

    def test_requests_turn_from_and_to_round(self):
        dialog = Dialog.as_server(invite(), "us", FLOW, US)
        bye = dialog.request("BYE")
        assert bye.uri == "sip:alice@127.40.4.2:5062"
        assert bye.get("From") == "<sip:bob@example.com>;tag=us"
        assert bye.get("To") == '"Alice" <sip:alice@example.com>;tag=a'
        assert (bye.call_id, bye.cseq.number, bye.max_forwards) == ("call", 1, 70)
        assert dialog.request("INFO").cseq.number == 2

    def test_the_route_set_keeps_its_order(self):
        request = invite(Record_Route="<sip:127.40.4.2;lr>, <sip:p2.example;lr>")
        bye = Dialog.as_server(request, "us", FLOW, US).request("BYE")
        assert bye.get_all("Route") == ["<sip:127.40.4.2;lr>", "<sip:p2.example;lr>"]
        assert bye.uri == "sip:alice@127.40.4.2:5062"

    def test_headers_of_a_contact_stay_out_of_the_request_uri(self):
        """§19.1.1, table 1: a peer would have to answer 400."""
        dialog = Dialog.as_server(invite("<sip:alice@127.40.4.2:5062;a=b?Replaces=x>"), "us", FLOW, US)
        assert dialog.request("BYE").uri == "sip:alice@127.40.4.2:5062;a=b"

    def test_without_a_contact_from_must_do(self):
        request = invite()
        request.remove("Contact")
        assert Dialog.as_server(request, "us", FLOW, US).request("BYE").uri == "sip:alice@example.com"

    def test_older_requests_are_not_accepted(self):
        dialog = Dialog.as_server(invite(), "us", FLOW, US)
        assert dialog.accepts(315)
        assert dialog.accepts(400)
        assert not dialog.accepts(399)


class TestAsClient:
    """§12.1.2."""

    def test_the_route_set_is_reversed(self):
        response = ok(Record_Route="<sip:p1.example;lr>, <sip:p2.example;lr>")
        bye = Dialog.as_client(invite(), response, FLOW, US).request("BYE")
        assert bye.get_all("Route") == ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]
        assert bye.cseq.number == 315

    def test_a_strict_router_gets_its_own_address_as_request_uri(self):
        """§12.2.1.1, the second example."""
        response = ok(Record_Route="<sip:p1.example;lr>, <sip:p2.example>")
        bye = Dialog.as_client(invite(), response, FLOW, US).request("BYE")
        assert bye.uri == "sip:p2.example"
        assert bye.get_all("Route") == ["<sip:p1.example;lr>", "<sip:bob@127.40.4.2:5062>"]

    def test_an_ack_repeats_its_invites_number(self):
        dialog = Dialog.as_client(invite(), ok(), FLOW, US)
        assert str(dialog.request("ACK", cseq=314).cseq) == "314 ACK"
        assert dialog.request("BYE").cseq.number == 315


class TestDestination:
    """Where requests go: a peer behind a NAT is where it was seen, not where it thinks it is."""

    @pytest.mark.parametrize(
        ("contact", "remote"),
        [
            ("<sip:bob@127.40.4.2:5062>", ("127.40.4.2", 5062)),
            ("<sip:bob@127.40.4.2>", ("127.40.4.2", 5060)),
            ("<sip:bob@192.168.1.20:5062>", PEER),
            ("<sip:bob@phone.example>", PEER),
            ("<tel:+15551234>", PEER),
        ],
    )
    def test_by_contact(self, contact, remote):
        assert Dialog.as_client(invite(), ok(contact), FLOW, US).destination.remote == remote

    def test_by_the_first_route(self):
        dialog = Dialog.as_client(invite(), ok(Record_Route="<sip:127.40.4.2:5080;lr>"), FLOW, US)
        assert dialog.destination.remote == ("127.40.4.2", 5080)

    def test_a_target_refresh_moves_it(self):
        dialog = Dialog.as_client(invite(), ok(), FLOW, US)
        elsewhere = Flow("UDP", US, Endpoint("127.40.4.3", 5060))
        dialog.refresh(ok("<sip:bob@127.40.4.3:5070>"), elsewhere)
        assert dialog.destination.remote == ("127.40.4.3", 5070)
        assert dialog.request("BYE").uri == "sip:bob@127.40.4.3:5070"


class TestThroughANatThatHasAPortForEach:
    """The peer names the address that STUN told it, and is heard from another port of the same host."""

    SEEN = Flow("UDP", US, Endpoint("127.40.4.2", 40000))
    NAMED = "<sip:alice@127.40.4.2:5062>"

    def called(self, via: str, contact: str = NAMED) -> Dialog:
        request = invite(contact)
        request.set("Via", f"SIP/2.0/UDP {via};branch=z9hG4bK1")
        return Dialog.as_server(request, "us", self.SEEN, US)

    @pytest.mark.parametrize(
        ("via", "contact", "port"),
        [
            ("127.40.4.2:5062;rport=40000", NAMED, 40000),
            ("127.40.4.2:5062", NAMED, 5062),  # it may listen elsewhere than it sends from
            ("127.40.4.2:40000;rport=40000", NAMED, 5062),  # it knows where it is, and wants it otherwise
            ("127.40.4.2:5062;rport=40000", "<sip:alice@127.40.4.2:5064>", 5064),
        ],
    )
    def test_who_calls(self, via, contact, port):
        assert self.called(via, contact).destination.remote == ("127.40.4.2", port)

    def test_who_calls_over_a_connection_is_reached_at_its_contact_when_that_is_gone(self):
        request, seen = invite(self.NAMED), self.SEEN
        request.set("Via", "SIP/2.0/TCP 127.40.4.2:5062;rport=40000;branch=z9hG4bK1")
        flow = Flow("TCP", US, seen.remote, 7)
        assert Dialog.as_server(request, "us", flow, US).destination.remote.port == 5062

    @pytest.mark.parametrize(
        ("sent", "contact", "port"),
        [
            (40000, "<sip:bob@127.40.4.2:5062>", 40000),  # found there by its registration
            (5062, "<sip:bob@127.40.4.2:5062>", 5062),  # it answers from elsewhere than it hears
            (40000, "<sip:bob@127.40.4.2:5064>", 5064),  # another phone than the one we called
        ],
    )
    def test_who_is_called(self, sent, contact, port):
        request = invite()
        request.uri = "sip:bob@127.40.4.2:5062"
        flow = Flow("UDP", US, Endpoint("127.40.4.2", sent))
        dialog = Dialog.as_client(request, ok(contact), self.SEEN, US, flow)
        assert dialog.destination.remote == ("127.40.4.2", port)

    def test_a_new_contact_is_believed_again(self):
        dialog = self.called("127.40.4.2:5062;rport=40000")
        dialog.refresh(ok("<sip:alice@127.40.4.2:5070>"), self.SEEN)
        assert dialog.destination.remote.port == 5070


class TestPastAProxy:
    """§12.2.1.1: without a route set requests go to the remote target, and no longer through the proxy."""

    SEEN = Flow("UDP", US, Endpoint("22.51.100.60", 5060))

    def answered(self, contact: str, uri: str = "sip:bob@22.51.100.60", flow: Flow = SEEN, **more: str):
        request = invite()
        request.uri = uri
        return Dialog.as_client(request, ok(contact, **more), flow, US).destination

    def test_who_was_called_through_it(self):
        assert self.answered("<sip:bob@22.51.100.50:5072>").remote == ("22.51.100.50", 5072)
        assert self.answered("<sip:bob@22.51.100.50>", "sip:bob@example.com").remote == ("22.51.100.50", 5060)

    def test_who_called_through_it(self):
        request = invite("<sip:alice@22.51.100.50:5072>")
        request.headers.insert(1, ("Via", "SIP/2.0/UDP 22.51.100.50:5072;branch=z9hG4bK2"))
        destination = Dialog.as_server(request, "us", self.SEEN, US).destination
        assert destination == Flow("UDP", US, Endpoint("22.51.100.50", 5072))

    def test_not_who_called_by_itself(self):
        request = invite("<sip:alice@22.51.100.50:5072>")
        assert Dialog.as_server(request, "us", self.SEEN, US).destination == self.SEEN

    def test_one_that_stays_between(self):
        recorded = "<sip:22.51.100.61:5060;lr>"
        assert self.answered("<sip:bob@22.51.100.50>", Record_Route=recorded) == self.SEEN

    def test_a_phone_behind_a_nat_that_is_called_by_its_own_contact(self):
        """As the registrar keeps it, and the way to it beside."""
        assert self.answered("<sip:bob@11.0.113.9:5062>", "sip:bob@11.0.113.9:5062") == self.SEEN

    @pytest.mark.parametrize(
        "contact",
        [
            "<sip:bob@192.168.1.20:5062>",  # in a network that is not ours
            "<sip:bob@phone.example>",  # nobody looked it up
            "<sip:bob@22.51.100.50;transport=tcp>",  # another transport has another address of ours
            "<sips:bob@22.51.100.50>",
            "<tel:+15551234>",
            "<sip:bob@[2001:db8::1]>",
        ],
    )
    def test_a_contact_that_cannot_be_followed(self, contact):
        assert self.answered(contact) == self.SEEN

    def test_in_one_network_a_private_contact_can(self):
        lan = Flow("UDP", US, Endpoint("192.168.1.5", 5060))
        found = self.answered("<sip:bob@192.168.1.7>", "sip:bob@192.168.1.5", lan)
        assert found.remote == ("192.168.1.7", 5060)

    def test_by_a_connection_of_its_own(self):
        tcp = Flow("TCP", US, Endpoint("22.51.100.60", 5060), connection=7)
        found = self.answered("<sip:bob@22.51.100.50;transport=tcp>", flow=tcp)
        assert (found.remote, found.connection) == (("22.51.100.50", 5060), 0)
