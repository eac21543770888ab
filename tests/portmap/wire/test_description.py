"""Descriptions and places: what counts as a gateway, and where we let it send us."""

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.values import printable
from ringthru.portmap.wire.description import decode
from ringthru.portmap.wire.location import Location, confine

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


class TestLocations:
    @pytest.mark.parametrize(
        "url",
        [
            "http://192.168.1.9:5000/d.xml",
            "http://127.0.0.1:5000/d.xml",
            "http://169.254.169.254:5000/d.xml",
            "http://[::1]:5000/d.xml",
            "http://[::ffff:127.0.0.1]:5000/d.xml",
            "http://evil.example:5000/d.xml",
        ],
    )
    def test_whatever_host_it_names_we_ask_the_one_who_answered(self, url):
        assert str(confine(url, "192.168.1.9")) == "http://192.168.1.9:5000/d.xml"

    def test_a_neighbour_may_point_at_the_default_gateway(self):
        assert confine("http://192.168.1.1:5000/d", "192.168.1.2", "192.168.1.1").host == "192.168.1.1"

    @pytest.mark.parametrize(
        "url",
        [
            "https://192.168.1.9/",
            "file:///etc/passwd",
            "http://192.168.1.9:22/",
            "http://192.168.1.9:0/",
            "http://192.168.1.9:99999/",
            "http://[::1",
            "http://a b/",
            "http://h/\r\nX: y",
            "http://h/" + "x" * 2000,
            "",
        ],
    )
    def test_refused(self, url):
        with pytest.raises(MalformedMessage):
            confine(url, "192.168.1.9")


def test_a_gateway_s_words_fit_in_one_line():
    assert printable("evil\r\n\x1b[31m  router" + "x" * 1000).startswith("evil [31m router")
    assert len(printable("x" * 1000)) == 64
