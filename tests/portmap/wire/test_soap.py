"""SOAP calls to the letter, and answers judged by what they prove."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.description import WanService
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location
from ringthru.portmap.wire.soap import (
    Fault,
    Success,
    add_any_mapping,
    add_mapping,
    decode,
    delete_mapping,
    get_external_address,
    get_mapping,
    get_mapping_at,
    get_mappings,
    listed_entries,
)

SERVICE = WanService(
    "urn:schemas-upnp-org:service:WANIPConnection:2", Location(Endpoint("192.168.1.1", 5000), "/ctl")
)
ADD = add_mapping(Protocol.UDP, 5060, ("192.168.1.103", 5060), "Ringthru <&>", 3600)


class TestCalls:
    def test_the_whole_request_is_one_piece_of_less_than_a_segment(self):
        request = ADD.encode(SERVICE)
        assert request.startswith(b"POST /ctl HTTP/1.1\r\nHost: 192.168.1.1:5000\r\n")
        assert b'SOAPAction: "urn:schemas-upnp-org:service:WANIPConnection:2#AddPortMapping"\r\n' in request
        assert len(request) < 1460

    def test_add_port_mapping_in_the_standard_s_order(self):
        assert ADD.encode(SERVICE).partition(b"<s:Body>")[2] == (
            b'<u:AddPortMapping xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:2">'
            b"<NewRemoteHost></NewRemoteHost>"
            b"<NewExternalPort>5060</NewExternalPort>"
            b"<NewProtocol>UDP</NewProtocol>"
            b"<NewInternalPort>5060</NewInternalPort>"
            b"<NewInternalClient>192.168.1.103</NewInternalClient>"
            b"<NewEnabled>1</NewEnabled>"
            b"<NewPortMappingDescription>Ringthru &lt;&amp;&gt;</NewPortMappingDescription>"
            b"<NewLeaseDuration>3600</NewLeaseDuration>"
            b"</u:AddPortMapping></s:Body></s:Envelope>\r\n"
        )

    def test_the_others(self):
        key = (("NewRemoteHost", ""), ("NewExternalPort", "80"), ("NewProtocol", "TCP"))
        assert delete_mapping(Protocol.TCP, 80).arguments == key
        assert get_mapping(Protocol.TCP, 80).arguments == key
        assert get_mapping_at(3).arguments == (("NewPortMappingIndex", "3"),)
        any_port = add_any_mapping(Protocol.UDP, 5060, ("192.168.1.103", 5060), "Ringthru <&>", 3600)
        assert any_port.arguments == ADD.arguments


class TestAnswers:
    def test_success_is_the_named_response_element(self, words):
        call = get_external_address()
        answer = decode(call, words.success("GetExternalIPAddress", NewExternalIPAddress=" 203.0.113.9\n"))
        assert isinstance(answer, Success)
        assert answer.value("NewExternalIPAddress") == "203.0.113.9"

    def test_a_fault_has_its_code_and_words(self, words):
        assert decode(ADD, words.fault(718, "Conflict")) == Fault(718, "Conflict", 500)
        assert str(decode(ADD, words.fault(718, "Conflict"))) == "error 718 (Conflict)"

    def test_a_fault_counts_whatever_the_status(self, words):
        assert decode(ADD, Response(200, words.fault(725).body)).code == 725

    @pytest.mark.parametrize("status", [200, 401, 404, 500])
    @pytest.mark.parametrize("body", [b"", b"OK", b"<html><body>Login</body></html>", b"<s:Envelope/>"])
    def test_nothing_else_is_success(self, status, body):
        answer = decode(ADD, Response(status, body))
        assert isinstance(answer, Fault)
        assert (answer.code, answer.status) == (None, status)

    def test_the_response_to_another_action_is_no_success(self, words):
        assert isinstance(decode(ADD, words.success("DeletePortMapping")), Fault)

    def test_cut_anywhere_before_the_response_element_closes_it_is_no_success(self, words):
        body = words.success("AddPortMapping").body
        proof = body.index(b"</s:Body>")
        for length in range(proof):
            assert isinstance(decode(ADD, Response(200, body[:length])), Fault)
        assert isinstance(decode(ADD, Response(200, body[:proof])), Success)

    @pytest.mark.parametrize("lease", ["-1", "many", "99999999999", ""])
    def test_nonsense_numbers_are_no_numbers(self, words, lease):
        answer = decode(get_mapping(Protocol.UDP, 1), words.entry("192.168.1.103", 1, lease))
        assert answer.number("NewLeaseDuration") is None

    @given(st.binary(max_size=200))
    def test_noise_is_a_fault(self, noise):
        assert isinstance(decode(ADD, Response(200, noise)), Fault)


class TestOtherForms:
    def test_an_m_post_names_its_extension(self):
        request = ADD.encode(SERVICE, extended=True)
        assert request.startswith(b"M-POST /ctl HTTP/1.1\r\n")
        assert (
            b'\r\nMAN: "http://schemas.xmlsoap.org/soap/envelope/"; ns=01\r\n01-SOAPAction: "urn' in request
        )

    def test_an_argument_omitted_and_others_in_an_scpd_s_order(self):
        assert "NewRemoteHost" not in dict(ADD.without("NewRemoteHost").arguments)
        ordered = ADD.in_order(("NewProtocol", "NewExternalPort", "NewUnknown"))
        assert ordered.arguments == (("NewProtocol", "UDP"), ("NewExternalPort", "5060"))

    def test_HT07_the_longest_request_fits_one_segment(self):
        call = add_mapping(Protocol.UDP, 65535, ("192.168.100.103", 65535), "x" * 31, 604800)
        assert len(call.encode(SERVICE)) < 1460


class TestWholeTables:
    """WANIPConnection:2 §2.5.21: a document within an argument."""

    def entries(self, words, listing: str) -> list[Success]:
        answer = decode(
            get_mappings(Protocol.UDP), words.success("GetListOfPortMappings", NewPortListing=listing)
        )
        assert isinstance(answer, Success)
        return listed_entries(answer)

    ENTRY = "<p:PortMappingEntry><p:NewExternalPort>80</p:NewExternalPort></p:PortMappingEntry>"

    @pytest.mark.parametrize(
        "listing",
        [
            "&lt;p:L&gt;" + ENTRY.replace("<", "&lt;").replace(">", "&gt;") + "&lt;/p:L&gt;",
            f"<![CDATA[<?xml version='1.0'?><p:L>{ENTRY}</p:L>]]>",
            f"<p:L>{ENTRY}</p:L>",
        ],
        ids=["escaped", "CDATA", "neither"],
    )
    def test_however_it_is_written(self, words, listing):
        assert [each.number("NewExternalPort") for each in self.entries(words, listing)] == [80]

    def test_a_long_one_is_read_whole(self, words):
        assert len(self.entries(words, f"<![CDATA[<p:L>{self.ENTRY * 500}</p:L>]]>")) == 500

    @pytest.mark.parametrize("listing", ["", "nonsense"])
    def test_none_at_all(self, words, listing):
        with pytest.raises(MalformedMessage):
            self.entries(words, listing)
