"""Look-ups against a real DNS server on loopback."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip.transport.locating import Kind, NotFound, Question, Target
from ringthru.sip.transport.locating_driver import AT_ONCE, Resolver
from ringthru.sip.wire.uri import SipUri

from .dns_server import DnsServer

HOST = "127.40.6.53"
ZONE = {
    ("_sip._udp.example.com", "SRV"): ["10 0 5062 far.example.com.", "5 0 5061 near.example.com."],
    ("near.example.com", "A"): ["127.40.6.1"],
    ("far.example.com", "A"): ["127.40.6.2"],
    ("far.example.com", "AAAA"): ["::1"],
    ("both.example.com", "NAPTR"): [
        '10 20 "s" "SIP+D2T" "" _sip._tcp.both.example.com.',
        '10 10 "S" "sip+d2u" "" _sip._udp.example.com.',
        '5 10 "u" "E2U+sip" "!^.*$!sip:x@evil.example!" .',
        '5 10 "s" "SIP+D2U" "" .',
    ],
    ("_sip._tcp.both.example.com", "SRV"): ["1 0 5070 far.example.com."],
    ("none.example.com", "A"): ["127.40.6.3"],
    ("_sip._udp.none.example.com", "SRV"): ["0 0 0 ."],
}
FOUND = [
    Target("UDP", Endpoint("127.40.6.1", 5061), "example.com"),
    Target("UDP", Endpoint("127.40.6.2", 5062), "example.com"),
]


@pytest.fixture
async def server():
    server = DnsServer(ZONE)
    server.at = await server.start(HOST)
    yield server
    server.stop()


@pytest.fixture
def resolver(server, tmp_path: Path) -> Resolver:
    (tmp_path / "hosts").write_text(
        "127.40.6.77  pbx.example.com other # mine\n::1 pbx.example.com\nno address\n"
    )
    return Resolver([server.at], hosts=tmp_path / "hosts")


def uri(text: str) -> SipUri:
    return SipUri.parse(text)


async def test_srv_and_the_addresses_of_its_servers(resolver):
    assert await resolver.locate(uri("sip:bob@example.com"), ("UDP",), Kind.A) == FOUND


async def test_naptr_says_which_transport(resolver):
    found = await resolver.locate(uri("sip:bob@both.example.com"), ("TCP", "UDP"), Kind.A)
    assert [f"{each.transport} {each.endpoint}" for each in found] == [
        "UDP 127.40.6.1:5061",
        "UDP 127.40.6.2:5062",
        "TCP 127.40.6.2:5070",
    ]


async def test_a_router_that_swallows_naptr_costs_a_moment_once(resolver, server, monkeypatch):
    monkeypatch.setattr("ringthru.sip.transport.locating_driver.NAPTR_PATIENCE", 0.05)
    server.mute_kinds = {"NAPTR"}
    for _ in range(2):
        assert await resolver.locate(uri("sip:bob@example.com"), ("UDP", "TCP"), Kind.A) == FOUND
    assert server.asked["example.com", "NAPTR"] == 1


async def test_asked_once_while_the_ttl_lasts(resolver, server):
    for _ in range(3):
        await resolver.locate(uri("sip:bob@example.com"), ("UDP",), Kind.A)
    assert set(server.asked.values()) == {1}


async def test_many_at_once_ask_once(resolver, server):
    asking = [resolver.locate(uri("sip:bob@example.com"), ("UDP",), Kind.A) for _ in range(50)]
    assert await asyncio.gather(*asking) == [FOUND] * 50
    assert set(server.asked.values()) == {1}


async def test_one_who_gives_up_takes_the_answer_from_nobody(resolver):
    hasty = asyncio.ensure_future(resolver.ask(Question(Kind.A, "near.example.com")))
    patient = asyncio.ensure_future(resolver.ask(Question(Kind.A, "near.example.com")))
    await asyncio.sleep(0)
    hasty.cancel()
    assert await patient == ("127.40.6.1",)


async def test_an_address_asks_nobody(resolver, server):
    (target,) = await resolver.locate(uri("sip:bob@127.40.6.9"), ("UDP",), Kind.A)
    assert target == Target("UDP", Endpoint("127.40.6.9", 5060))
    assert not server.asked


async def test_the_hosts_file_comes_first(resolver, server):
    (target,) = await resolver.locate(uri("sip:bob@pbx.example.com:5060"), ("UDP",), Kind.A)
    assert target.endpoint == ("127.40.6.77", 5060)
    (target,) = await resolver.locate(uri("sip:bob@pbx.example.com:5060"), ("UDP",), Kind.AAAA)
    assert target.endpoint == ("::1", 5060)
    assert not server.asked


async def test_a_name_of_the_local_network_is_the_systems(resolver, server):
    (target,) = await resolver.locate(uri("sip:bob@localhost"), ("UDP",), Kind.A)
    assert target.endpoint == ("127.0.0.1", 5060)
    assert not server.asked


async def test_aaaa(resolver):
    (target,) = await resolver.locate(uri("sip:bob@far.example.com:5060"), ("UDP",), Kind.AAAA)
    assert target.endpoint == ("::1", 5060)


@pytest.mark.parametrize(
    "name", ["nowhere.example.com", "none.example.com", "a..b", "x" * 70 + ".example.com"]
)
async def test_nothing_there(resolver, name):
    with pytest.raises(NotFound):
        await resolver.locate(uri(f"sip:bob@{name}"), ("UDP", "TCP"), Kind.A)


async def test_a_mute_server_is_not_waited_for_for_ever(resolver, server, monkeypatch):
    monkeypatch.setattr("ringthru.sip.transport.locating_driver.PATIENCE", 0.05)
    server.mute = {"near.example.com"}
    with pytest.raises(NotFound):
        await resolver.locate(uri("sip:bob@near.example.com:5060"), ("UDP",), Kind.A)


async def test_too_many_names_at_once(resolver, server):
    server.mute = {f"host{number}.example.com" for number in range(AT_ONCE + 1)}
    asking = [
        asyncio.ensure_future(resolver.ask(Question(Kind.A, f"host{number}.example.com")))
        for number in range(AT_ONCE)
    ]
    await asyncio.sleep(0)
    with pytest.raises(NotFound, match="other look-ups"):
        await resolver.ask(Question(Kind.A, f"host{AT_ONCE}.example.com"))
    for each in [*asking, *resolver._asking.values()]:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
