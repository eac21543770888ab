"""Where a gateway may send us: to itself, and to no other service than HTTP (row SD21)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.wire.location import Location, confine, resolve, same_host

RESPONDER, GATEWAY = "192.168.1.9", "192.168.1.1"
PLACE = Location(Endpoint(RESPONDER, 5000), "/d.xml")
LINK_LOCAL = "fe80::1%eth0"


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        [
            "192.168.1.9",
            "127.0.0.1",
            "169.254.169.254",
            "10.0.0.1",
            "[::1]",  # SD03: an Archer means itself
            "[::ffff:127.0.0.1]",
            "[::ffff:192.168.1.9]",
            "[fe80::1%25lo]",
            "evil.example",
            "localhost",
            "2130706433",
            "user@127.0.0.1",
        ],
    )
    def test_SD21_whatever_host_it_names_we_ask_the_one_who_answered(self, host):
        assert str(confine(f"http://{host}:5000/d.xml", RESPONDER)) == "http://192.168.1.9:5000/d.xml"

    @pytest.mark.parametrize("host", [GATEWAY, f"[::ffff:{GATEWAY}]"])
    def test_SD02_a_neighbour_may_point_at_the_default_gateway(self, host):
        assert confine(f"http://{host}:5000/d", "192.168.1.2", GATEWAY).host == GATEWAY

    def test_P609_a_link_local_responder_keeps_its_zone(self):
        assert confine("http://[fe80::1]:5000/d", LINK_LOCAL).endpoint == (LINK_LOCAL, 5000)

    @pytest.mark.parametrize("url", ["http:x", "http:///x", "http:/x"])
    def test_without_a_host_it_is_still_a_path_at_the_one_who_answered(self, url):
        assert str(confine(url, RESPONDER)) == "http://192.168.1.9:80/x"

    def test_one_address_in_two_spellings(self):
        assert same_host("::ffff:10.0.0.1", "10.0.0.1")
        assert same_host(LINK_LOCAL, "fe80::1%eth1")
        assert not same_host("", "")
        assert not same_host("host", "host")


class TestRefused:
    @pytest.mark.parametrize(
        "url",
        [
            "https://192.168.1.9/",
            "file:///etc/passwd",
            "gopher://192.168.1.9:5000/",
            "ftp://192.168.1.9/",
            "//192.168.1.9/",
            "http://192.168.1.9:22/",
            "http://192.168.1.9:25/",
            "http://192.168.1.9:443/",
            "http://192.168.1.9:0/",
            "http://192.168.1.9:99999/",
            "http://192.168.1.9:-1/",
            "http://192.168.1.9:x/",
            "http://[::1",
            "http://a b/",
            "http://h/\r\nX: y",
            "http://h/\x00",
            "http://h/é",
            "http://h/" + "x" * 2000,
            "",
        ],
    )
    def test_SD21_no_url_of_a_gateway(self, url):
        with pytest.raises(MalformedMessage):
            confine(url, RESPONDER)


class TestResolving:
    @pytest.mark.parametrize(
        ("reference", "base", "expected"),
        [
            ("/ctl", "", "http://192.168.1.9:5000/ctl"),
            ("?c=1", "", "http://192.168.1.9:5000/d.xml?c=1"),
            ("http://192.168.1.9:80http://192.168.1.9:80/ctl", "", "http://192.168.1.9:80/ctl"),
            ("..\\up\\.\\ctl", "", "http://192.168.1.9:5000/up/ctl"),
            ("/ctl?to=http://x/", "", "http://192.168.1.9:5000/ctl?to=http://x/"),
            ("/ctl", "http://[::ffff:192.168.1.9]:81/", None),
            ("/ctl", "http://192.168.1.9:8080", "http://192.168.1.9:8080/ctl"),
            ("/ctl", "http://evil.example:8080/", "http://192.168.1.9:5000/ctl"),
            ("//evil.example:8080/ctl", "", "http://192.168.1.9:8080/ctl"),
        ],
    )
    def test_DE03_on_the_description_s_host(self, reference, base, expected):
        if expected is None:
            with pytest.raises(MalformedMessage):
                resolve(reference, base, PLACE)
        else:
            assert str(resolve(reference, base, PLACE)) == expected

    def test_P609_on_a_link_local_one(self):
        place = Location(Endpoint(LINK_LOCAL, 5000), "/d.xml")
        assert resolve("/ctl", "", place) == Location(Endpoint(LINK_LOCAL, 5000), "/ctl")

    @given(st.text(max_size=60), st.text(max_size=60))
    def test_noise_leads_to_the_responder_or_nowhere(self, reference, base):
        try:
            assert resolve(reference, base, PLACE).host == RESPONDER
        except MalformedMessage:
            pass
