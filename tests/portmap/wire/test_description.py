"""Descriptions and places: what counts as a gateway, and where we let it send us."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.values import printable
from ringthru.portmap.wire.description import action_arguments, decode
from ringthru.portmap.wire.location import Location

PLACE = Location(Endpoint("192.168.1.1", 5000), "/rootDesc.xml")


class TestServices:
    def test_maker_model_and_the_one_service(self, words):
        described = decode(words.description(), PLACE)
        assert described.words == "Acme R1"
        assert [(s.type, str(s.control)) for s in described.services] == [
            (words.IP1, "http://192.168.1.1:5000/ctl/IPConn")
        ]

    @pytest.mark.parametrize("kind", ["WANIPConnection:1", "WANIPConnection:2", "WANPPPConnection:1"])
    def test_every_kind_of_wan_connection_counts(self, words, kind):
        service = words.service(f"urn:schemas-upnp-org:service:{kind}")
        assert decode(words.description(service), PLACE).services[0].type.endswith(kind)

    def test_each_control_point_is_paired_with_its_own_type(self, words):
        ppp = words.IP1.replace("WANIP", "WANPPP")
        body = words.description(words.service(control="/ip"), words.service(ppp, "/ppp"))
        assert [(s.type, s.control.path) for s in decode(body, PLACE).services] == [
            (words.IP1, "/ip"),
            (ppp, "/ppp"),
        ]

    def test_white_space_inside_the_values_is_dropped(self, words):
        body = words.description(words.service(f"\r\n  {words.IP1}\n", "\n /ctl\t"))
        assert decode(body, PLACE).services[0].control.path == "/ctl"

    @pytest.mark.parametrize(
        "kind", ["urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1", "urn:x:service:Printer:1", ""]
    )
    def test_a_device_without_wan_connection_is_no_gateway(self, words, kind):
        with pytest.raises(MalformedMessage):
            decode(words.description(words.service(kind)), PLACE)

    def test_a_hundred_services_are_not_all_kept(self, words):
        body = words.description(*(words.service(control=f"/{i}") for i in range(100)))
        assert len(decode(body, PLACE).services) == 8

    def test_a_truncated_description_still_gives_its_whole_services(self, words):
        body = words.description()
        assert decode(body[: body.index(b"</serviceList>")], PLACE).services


class TestControlUrls:
    @pytest.mark.parametrize(
        ("control", "base", "expected"),
        [
            ("/ctl", "", "http://192.168.1.1:5000/ctl"),
            ("ctl", "", "http://192.168.1.1:5000/ctl"),
            ("?control=1", "", "http://192.168.1.1:5000/rootDesc.xml?control=1"),
            ("/UD/?9", "", "http://192.168.1.1:5000/UD/?9"),
            ("http://192.168.1.1:49000/igd", "", "http://192.168.1.1:49000/igd"),
            ("/ctl", "http://192.168.1.1:2828/", "http://192.168.1.1:2828/ctl"),
            ("/ctl", "http://10.0.0.1:2828/", "http://192.168.1.1:5000/ctl"),
            ("http://10.9.9.9:8080/ctl", "", "http://192.168.1.1:8080/ctl"),
        ],
        ids=[
            "absolute",
            "relative",
            "query",
            "query kept",
            "URL",
            "URLBase",
            "foreign URLBase",
            "foreign URL",
        ],
    )
    def test_resolved_and_confined(self, words, control, base, expected):
        base_element = f"<URLBase>{base}</URLBase>" if base else ""
        body = words.description(words.service(control=control), base=base_element)
        assert str(decode(body, PLACE).services[0].control) == expected

    @pytest.mark.parametrize(
        "control", ["https://192.168.1.1/ctl", "file:///etc/passwd", "http://192.168.1.1:22/"]
    )
    def test_where_no_gateway_can_be(self, words, control):
        with pytest.raises(MalformedMessage):
            decode(words.description(words.service(control=control)), PLACE)


class TestWhoItIs:
    ROOT = (
        b"<root><device><deviceList><device><UDN>uuid:inner</UDN><modelName>inner</modelName></device>"
        b"</deviceList><manufacturer>Acme</manufacturer><modelName>Acme R1</modelName>"
        b"<modelNumber>2|0</modelNumber><serialNumber>12345</serialNumber><UDN>uuid:outer</UDN>%s"
        b"</device></root>"
    )

    def described(self, words, server="Linux UPnP/1.1"):
        return decode(self.ROOT % words.service().encode(), PLACE, server)

    def test_the_root_device_s_own_name_and_words(self, words):
        assert (self.described(words).udn, self.described(words).words) == ("uuid:outer", "Acme R1")

    def test_a_fingerprint_of_its_kind_without_its_serial_number(self, words):
        assert self.described(words).fingerprint == "Acme|Acme R1|2/0|Linux UPnP/1.1"

    def test_nothing_told_is_no_fingerprint(self, words):
        body = f"<root><device>{words.service()}</device></root>".encode()
        assert decode(body, PLACE).fingerprint == ""

    def test_DE09_a_truncated_one_still_tells_what_came(self, words):
        body = self.ROOT % words.service().encode()
        assert decode(body[: body.index(b"</device></root>")], PLACE).udn == "uuid:outer"


class TestRows:
    """Rows of the quirk catalogue that a description shows alone."""

    def test_DE01_white_space_within_all_three(self, words):
        service = words.service(f"\n {words.IP1} \t", " /ctl\n", "<eventSubURL>\n/evt </eventSubURL>")
        (found,) = decode(words.description(service), PLACE).services
        assert (found.type, found.control.path, str(found.event)) == (
            words.IP1,
            "/ctl",
            "http://192.168.1.1:5000/evt",
        )

    def test_DE02_both_places_are_kept_when_URLBase_leads_elsewhere(self, words):
        body = words.description(base="<URLBase>http://192.168.1.1:2828/</URLBase>")
        (found,) = decode(body, PLACE).services
        assert (found.control.endpoint.port, found.alternative.endpoint.port) == (2828, 5000)

    @pytest.mark.parametrize(
        "base", ["", " ", "http://192.168.1.1:5000", "http://10.0.0.1:1/", "http://[::1", "x"]
    )
    def test_DE02_a_useless_one_is_ignored(self, words, base):
        (found,) = decode(words.description(base=f"<URLBase>{base}</URLBase>"), PLACE).services
        assert (found.control.endpoint.port, found.alternative) == (5000, None)

    def test_DE03_a_base_written_twice(self, words):
        control = "http://192.168.1.1:5000http://192.168.1.1:5000/ctl"
        (found,) = decode(words.description(words.service(control=control)), PLACE).services
        assert str(found.control) == "http://192.168.1.1:5000/ctl"

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda body: body + b"\x00\x00",
            lambda body: body.replace(b"Acme", b"Ac\x18me"),
            lambda body: b"\xef\xbb\xbf" + body,
            lambda body: b"\r\n" + body,
            lambda body: b'<?xml version="1.0"?>' + body,
            lambda body: body + b"<junk>",
        ],
    )
    def test_DE04_what_surrounds_it_does_not_spoil_it(self, words, spoil):
        assert decode(spoil(words.description()), PLACE).services

    def test_DE07_DE15_no_other_service_and_no_scpd_is_needed(self, words):
        (found,) = decode(words.description(), PLACE).services
        assert (found.scpd, found.event) == (None, None)

    def test_DE06_a_broken_scpd_tells_nothing(self):
        assert action_arguments(b"<scpd><action><name>AddPortMapping</scpd>", "AddPortMapping") == ()
        assert action_arguments(b"not found", "AddPortMapping") == ()

    @pytest.mark.parametrize(
        "kind",
        [
            pytest.param("urn:schemas-upnp-org:service:WANPPPConnection:1", id="DE10"),
            pytest.param("urn:schemas-upnp-org:service:WANIPConnection:2", id="DE11"),
            "urn:dslforum-org:service:WANIPConnection:1",
            "urn:dslforum-org:service:WANPPPConnection:1",
            "URN:schemas-upnp-org:service:WANIPCONNECTION:1",
        ],
    )
    def test_its_exact_type_is_kept(self, words, kind):
        (found,) = decode(words.description(words.service(kind)), PLACE).services
        assert (found.type, found.version) == (kind, int(kind[-1]))

    def test_an_ipv6_firewall_is_kept_apart(self, words):
        kind = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
        described = decode(words.description(words.service(kind)), PLACE)
        assert (described.services, [each.type for each in described.firewalls]) == ((), [kind])

    @pytest.mark.parametrize(
        "body",
        [
            b'<!DOCTYPE root [<!ENTITY a "aaaa">]><root>&a;</root>',
            b"<a>" * 10_000,
            b"<root>" + b"<a/>" * 30_000 + b"</root>",
            b'<root a="' + b"x" * 200_000 + b'"></root>',
        ],
        ids=["entities", "nested", "many", "attribute"],
    )
    def test_DE18_hostile(self, body):
        with pytest.raises(MalformedMessage):
            decode(body, PLACE)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # a class, the same each time
    @given(st.binary(max_size=300))
    def test_noise_within_a_description(self, words, noise):
        body = words.description()
        cut = body.index(b"<serviceList>")
        try:
            decode(body[:cut] + noise + body[cut:], PLACE)
        except MalformedMessage:
            pass

    def test_cut_anywhere(self, words):
        body = words.description()
        for length in range(len(body)):
            try:
                decode(body[:length], PLACE)
            except MalformedMessage:
                pass


def test_a_gateway_s_words_fit_in_one_line():
    assert printable("evil\r\n\x1b[31m  router" + "x" * 1000).startswith("evil [31m router")
    assert len(printable("x" * 1000)) == 64
