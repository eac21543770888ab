"""Who may call and register by access lists and parameters that ask for less than a password."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from .home import DIRECTORY, EXTERNAL_XML, INTERNAL_XML, PASSWORD, PUBLIC, Edit, Home, extension, setting
from .phones import hears_itself
from .waiting import eventually

ACL = "autoload_configs/acl.conf.xml"


def acl(name: str, *networks: str) -> Edit:
    nodes = "".join(f'<node type="allow" cidr="{each}"/>' for each in networks)
    entry = f'<list name="{name}" default="deny">{nodes}</list></network-lists>'
    return lambda text: text.replace("</network-lists>", entry)


async def started(found: Any, edits: Any, **options: Any) -> Home:
    home: Home = await found(edits, gateway=False, nat=False, **options)
    await home.switch.start()
    return home


class TestCallersWithoutAPassword:
    """apply-inbound-acl with auth-calls=false: whoever is in no list is refused, as in FreeSWITCH."""

    async def home(self, found: Any, places: Any) -> Home:
        place = places()
        lists = [setting("apply-inbound-acl", "friends"), setting("apply-inbound-acl", "more")]
        edits = {
            ACL: [acl("friends", f"{place.host_inside(60)}/32"), acl("more", f"{place.host_inside(61)}/32")],
            EXTERNAL_XML: lists,
        }
        return await started(found, edits, place=place)

    async def test_any_list_lets_in(self, found: Any, places: Any) -> None:
        home = await self.home(found, places)
        for number in (60, 61):
            call = home.phone_at(home.place.host_inside(number)).invite("9196", home.external)
            await call.answered()
            await hears_itself(call)

    async def test_others_are_refused_and_named(
        self, found: Any, places: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        home = await self.home(found, places)
        stranger = home.phone_at(home.place.host_inside(62))
        assert (await stranger.invite("9196", home.external).refused()).status == 403
        assert f'IP {stranger.address.host} Rejected by acl "friends, more"' in caplog.text

    async def test_without_lists_all_may(self, found: Any) -> None:
        home = await started(found, {})
        await home.lan_phone("x").invite("9196", home.external).answered()


class TestRegister:
    async def test_who_is_in_every_list_needs_no_password(
        self, found: Any, places: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = places()
        lists = [setting("apply-register-acl", "all"), setting("apply-register-acl", "friends")]
        edits = {
            ACL: [acl("all", "127.0.0.0/8"), acl("friends", f"{place.host_inside(60)}/32")],
            INTERNAL_XML: lists,
        }
        home = await started(found, edits, place=place)
        friend = home.phone_at(place.host_inside(60), "1000")
        assert (await friend.register(home.internal, "wrong")).status == 200
        stranger = home.phone_at(place.host_inside(61), "1001")
        assert (await stranger.register(home.internal, PASSWORD)).status == 403
        assert f'IP {stranger.address.host} Rejected by register acl "friends"' in caplog.text
        assert [each.user.partition("@")[0] for each in home.switch.snapshot().registrations] == ["1000"]

    async def test_any_password_where_the_profile_says_so(self, found: Any) -> None:
        home = await started(found, {INTERNAL_XML: setting("accept-blind-auth", "true")})
        phone = home.lan_phone("1000")
        assert (await phone.register(home.internal, "wrong")).status == 200
        assert (await home.lan_phone("nobody").register(home.internal, "any")).status == 200
        call = phone.invite("9196", home.internal, password="wrong too")
        await call.answered()


class TestParameters:
    async def test_the_user_of_our_contact(self, found: Any) -> None:
        home = await started(found, {INTERNAL_XML: setting("contact-user", "pbx one")})
        phone = await home.registered_phone()
        making = home.switch.calls.spawn
        making(_quietly(home.switch.originate("user/1000", "&park")))
        contact = (await phone.rung()).call.request.contact
        assert contact is not None
        assert contact.uri.user == "pbx%20one"
        shown = next(each for each in home.switch.snapshot().profiles if each.name == "internal")
        assert shown.url is not None
        assert shown.url.startswith("sip:pbx one@")

    async def test_a_full_switch_answers_options_with_503(self, found: Any) -> None:
        edits = {
            INTERNAL_XML: setting("sip-options-respond-503-on-busy", "true"),
            "autoload_configs/switch.conf.xml": setting("max-sessions", "1"),
        }
        home = await started(found, edits)
        phone = home.lan_phone("1000")
        assert (await phone.options(home.internal)).status == 200
        await phone.invite("9196", home.internal, password=PASSWORD).answered()
        assert (await phone.options(home.internal)).status == 503

    async def test_calls_go_by_the_outbound_proxy(self, found: Any, places: Any) -> None:
        place = places()
        proxy_at = place.host_inside(70)
        edits = {
            PUBLIC: extension("77", ("bridge", "sofia/external/bob@far.example")),
            EXTERNAL_XML: setting("outbound-proxy", f"sip:{proxy_at}:5099"),
        }
        home = await started(found, edits, place=place)
        proxy = home.lan_phone("proxy")
        proxy.close()
        proxy = home._keep(type(proxy)("proxy", _at(proxy_at), 5099))
        call = home.lan_phone("x").invite("77", home.external)
        rung = await proxy.rung()
        assert rung.call.request.uri == "sip:bob@far.example"
        assert rung.call.request.get("Route") == f"<sip:{proxy_at}:5099;lr>"
        rung.answer()
        await call.answered()
        shown = next(each for each in home.switch.snapshot().profiles if each.name == "external")
        assert shown.outbound_proxy == f"sip:{proxy_at}:5099"


class TestGatewaysOfUsers:
    """``<gateways>`` inside a user of the directory, for profiles that parse its domain."""

    @pytest.mark.parametrize(("parse", "count"), [("true", 1), ("false", 0)])
    async def test_are_registered_with_where_the_profile_parses_the_domain(
        self, found: Any, places: Any, parse: str, count: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        place = places()
        gateway = (
            '<gateways><gateway name="own"><param name="username" value="u"/>'
            '<param name="password" value="p"/>'
            f'<param name="proxy" value="{place.host_inside(71)}:5098"/></gateway></gateways></user>'
        )
        domains = f'<domains><domain name="all" alias="false" parse="{parse}"/></domains><settings>'
        edits = {
            DIRECTORY: lambda text: text.replace("</user>", gateway, 1),
            EXTERNAL_XML: lambda text: text.replace("<settings>", domains, 1),
        }
        home: Home = await found(edits, place=place, gateway=False, nat=False)
        provider = home._keep(type(home.lan_phone())("provider", _at(place.host_inside(71)), 5098))
        await home.switch.start()
        assert len(home.switch.snapshot().trunks) == count
        if count:
            await eventually(lambda: any(each.method == "REGISTER" for each in provider.requests))


def _at(host: str) -> Any:
    from ringthru.lab.datagrams import Datagrams
    from ringthru.net.address import Endpoint
    from ringthru.net.sockets import bind_udp

    return lambda port, heard: Datagrams(bind_udp(Endpoint(host, port)), heard)


async def _quietly(work: Any) -> None:
    await work


async def test_a_list_that_there_is_not_is_named_at_the_start(
    found: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await started(found, {INTERNAL_XML: setting("local-network-acl", "lan.auot")})
    assert "internal.xml:2: profile internal: local-network-acl names 'lan.auot'" in caplog.text


@pytest.mark.parametrize(("ports", "let_in"), [("1024-65535", True), ("1-1023", False)])
async def test_a_node_of_a_list_may_ask_for_a_port(found: Any, places: Any, ports: str, let_in: bool) -> None:
    """``ports`` of acl.conf: only what comes from one of them is in the list."""
    place = places()
    host = place.host_inside(70)
    node = f'<node type="allow" cidr="{host}/32" ports="{ports}"/>'
    entry = f'<list name="provider" default="deny">{node}</list></network-lists>'
    edits = {
        ACL: lambda text: text.replace("</network-lists>", entry),
        EXTERNAL_XML: setting("apply-inbound-acl", "provider"),
    }
    home = await started(found, edits, place=place)
    call = home.phone_at(host).invite("9196", home.external)
    if let_in:
        await call.answered()
    else:
        assert (await call.refused()).status == 403
