"""What a trunk writes into its requests, and reads out of the answer (RFC 3261 §10.2, RFC 3608, RFC 5626)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip import HERE, Response
from ringthru.sip.wire.parsing import parse
from ringthru.switch.configuration.errors import Position
from ringthru.switch.configuration.trunk_settings import TrunkSettings
from ringthru.switch.trunks.requests import (
    contact_host,
    contact_uri,
    forget_request,
    granted_by,
    options_request,
    register_request,
)

SEEN = Endpoint("203.0.113.9", 40080)
MARKED = "gw=3cb6fa43b022d14b"  # the same after every restart


def settings(**more: Any) -> TrunkSettings:
    values = {
        "realm": "example.com",
        "proxy": "sip.example.com",
        "register_proxy": "sip.example.com",
        "username": "joe",
        "password": "secret",
        **more,
    }
    return TrunkSettings("home", "external", Position(None, 0), **values)  # type: ignore[arg-type]


def register(transport: str = "UDP", **more: Any) -> Any:
    request = register_request(settings(**more), transport, 600, "call-id", 7, HERE)
    for name, value in (("Via", "SIP/2.0/UDP x;branch=z9hG4bK1"), ("Max-Forwards", "70")):
        request.prepend(name, value)
    request.set("From", f"{request.get('From')};tag=1")
    return parse(request.encode(SEEN))


class TestRegister:
    def test_the_usual(self) -> None:
        request = register()
        assert request.uri == "sip:sip.example.com"
        assert str(request.from_.uri) == str(request.to.uri) == "sip:joe@example.com"
        assert str(request.contact) == f"<sip:gw+home@203.0.113.9:40080;{MARKED}>;expires=600"
        assert (request.expires, request.cseq.number, request.call_id) == (600, 7, "call-id")

    def test_names_of_its_own(self) -> None:
        request = register(from_user="me", from_domain="here.example", distinct_to=True)
        assert str(request.from_.uri) == "sip:me@here.example"
        assert str(request.to.uri) == "sip:joe@example.com"

    def test_another_registrar(self) -> None:
        assert register(register_proxy="reg.example.com:5070").uri == "sip:reg.example.com:5070"

    def test_through_a_proxy_first(self) -> None:
        assert register(outbound_proxy="edge.example.com").get("Route") == "<sip:edge.example.com;lr>"
        assert register(outbound_proxy="<sip:e.example;lr>").get("Route") == "<sip:e.example;lr>"

    @pytest.mark.parametrize(
        ("transport", "more", "contact"),
        [
            ("TCP", {}, f"sip:gw+home@HOST;transport=tcp;{MARKED}"),
            ("UDP", {"contact_params": ";line=1;x=y"}, f"sip:gw+home@HOST;line=1;x=y;{MARKED}"),
            ("UDP", {"extension_in_contact": True, "extension": "77"}, f"sip:77@HOST;{MARKED}"),
            ("UDP", {"extension_in_contact": True}, f"sip:joe@HOST;{MARKED}"),
        ],
    )
    def test_the_contact(self, transport: str, more: dict[str, Any], contact: str) -> None:
        assert contact_uri(settings(**more), transport, "HOST") == contact

    @pytest.mark.parametrize(
        ("host", "shown"),
        [
            (None, HERE),
            ("sip-ip", "192.168.1.103:40080"),
            ("pbx.example.net", "pbx.example.net:40080"),
            ("2001:db8::1", "[2001:db8::1]:40080"),
        ],
    )
    def test_the_address_in_it(self, host: str | None, shown: str) -> None:
        inside = Endpoint("192.168.1.103", 5080)
        assert contact_host(settings(contact_host=host), inside, SEEN) == shown

    def test_a_flow_has_a_name_that_stays(self) -> None:
        """RFC 5626 §4.1: the same over restarts, another one for another trunk."""
        one, again = (register(rfc_5626=True, reg_id=2) for _ in range(2))
        assert one.get("Contact") == again.get("Contact")
        assert re.search(
            r'\+sip\.instance="<urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}>"', one.get("Contact")
        )
        assert "reg-id=2" in one.get("Contact")
        assert "outbound" in one.get("Supported")
        assert register(rfc_5626=True, realm="other.example").get("Contact") != one.get("Contact")

    def test_an_old_contact_is_struck_out_alone(self) -> None:
        request = forget_request(settings(), "sip:gw+home@192.0.2.1", "call-id", 8)
        assert request.get("Contact") == "<sip:gw+home@192.0.2.1>;expires=0"


def test_options_go_to_the_proxy() -> None:
    request = options_request(settings(proxy="sip.example.com:5070"), HERE)
    assert (request.method, request.uri) == ("OPTIONS", "sip:sip.example.com:5070")


class TestWhatWasGranted:
    def granted(self, *contacts: str, expires: str | None = None, route: str | None = None) -> Any:
        rows = [("Contact", each) for each in contacts]
        rows += [("Expires", expires)] if expires else []
        rows += [("Service-Route", route)] if route else []
        return granted_by(Response(200, "OK", rows), "sip:gw+home@203.0.113.9:40080", 600)

    def test_our_own_contact_among_others(self) -> None:
        others = ("<sip:x@192.0.2.1>;expires=9", "<sip:gw+home@203.0.113.9:40080;ob>;expires=120")
        assert self.granted(*others, expires="60").seconds == 120

    def test_the_header_and_what_we_asked(self) -> None:
        assert self.granted("<sip:gw+home@203.0.113.9:40080>", expires="60").seconds == 60
        assert self.granted().seconds == 600

    def test_the_way_that_calls_must_take(self) -> None:
        """RFC 3608."""
        route = "<sip:one.example;lr>, <sip:two.example;lr>"
        assert self.granted(route=route).service_route == ("<sip:one.example;lr>", "<sip:two.example;lr>")
