"""The outside echo in the engine: a gateway that forwards, one that says so and does not, a host outside."""

from __future__ import annotations

import asyncio
import socket
import time
from ipaddress import IPv4Network

import pytest

from ringthru.lab import FakeGateway, Quirks
from ringthru.lab.outside_echo import OutsideEcho
from ringthru.net.address import AddressRules, Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import MappingFell, MappingProven, PortMapper, Protocol, Rung, Wanted
from ringthru.portmap.drivers.proving_driver import read_echo
from ringthru.portmap.echo import echo_proof
from ringthru.portmap.errors import LocalError
from ringthru.portmap.wire.echo import is_echo

from ...scenarios.waiting import eventually

US, GATEWAY, OUTSIDE, ECHO = "127.66.0.103", "127.66.0.1", "127.67.0.1", "127.67.0.99"
LAN = IPv4Network("127.66.0.0/24")
HOUSE = Surroundings(US, LAN, GATEWAY, AddressRules((IPv4Network("127.67.0.0/16"),)), multicast=False)
SIP = Wanted(Protocol.UDP, 25060)
SIP_TCP = Wanted(Protocol.TCP, 25060)


@pytest.fixture
async def start_gateway():
    running = []

    async def start(*protocols, **quirks):
        gateway = FakeGateway(
            GATEWAY, OUTSIDE, protocols=protocols or ("upnp",), quirks=Quirks(**quirks), clock=time.monotonic
        )
        await gateway.start()
        running.append(gateway)
        return gateway

    yield start
    for each in running:
        await each.stop()


@pytest.fixture
async def start_echo():
    running = []

    def start(gateway):
        echo = OutsideEcho(Endpoint(ECHO, 0), LAN, gateway.masquerade)
        running.append(echo)
        return str(echo.local)

    yield start
    for each in running:
        each.close()


def shown(mapper):
    return mapper.snapshot().mappings[0]


def judged(mapper):
    """What is known of the highest rung: True, False, or None for "nobody said"."""
    return next((each.holds for each in shown(mapper).evidence if each.rung is Rung.REACHABLE), None)


@pytest.mark.parametrize("wanted", [SIP, SIP_TCP], ids=["udp", "tcp"])
async def test_a_mapping_that_forwards_is_reachable_and_the_evidence_names_the_host(
    start_gateway, start_echo, wanted
):
    gateway = await start_gateway()
    events = []
    async with PortMapper(HOUSE, echo=start_echo(gateway), echo_listens=True) as mapper:
        mapper.subscribe(events.append)
        mapper.want(wanted)
        await eventually(lambda: shown(mapper).rung is Rung.REACHABLE, "nobody came through")
    proven = [each for each in events if isinstance(each, MappingProven) and each.rung is Rung.REACHABLE]
    assert len(proven) == 1
    assert ECHO in proven[0].words


@pytest.mark.parametrize("wanted", [SIP, SIP_TCP], ids=["udp", "tcp"])
async def test_AD18_listed_but_not_forwarding_is_listed_and_not_reachable(
    start_gateway, start_echo, wanted, monkeypatch
):
    monkeypatch.setattr(echo_proof, "ARRIVAL", 0.2)
    gateway = await start_gateway(rows=frozenset({"AD18"}))
    async with PortMapper(HOUSE, echo=start_echo(gateway), echo_listens=True, witness_after=0) as mapper:
        mapper.want(wanted)
        await eventually(lambda: judged(mapper) is False, "it was not judged")
        await eventually(lambda: shown(mapper).rung is Rung.LISTED, "it is not listed")


async def test_the_owner_of_the_socket_hands_in_what_came(start_gateway, start_echo):
    gateway = await start_gateway("natpmp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
        sip.bind((US, SIP.internal_port))
        sip.setblocking(False)
        async with PortMapper(HOUSE, echo=start_echo(gateway)) as mapper:
            mapping = mapper.want(SIP)
            mapping.watched = True
            async with asyncio.timeout(30):
                data = await asyncio.get_running_loop().sock_recv(sip, 2048)
            assert is_echo(data)
            assert mapper.saw(data)
            assert not mapper.saw(b"OPTIONS sip:anna@example.com SIP/2.0")
            await eventually(lambda: shown(mapper).rung is Rung.REACHABLE)


async def test_a_udp_port_that_nobody_watches_is_left_alone(start_gateway, start_echo):
    gateway = await start_gateway("natpmp")
    echo = OutsideEcho(Endpoint(ECHO, 0), LAN, gateway.masquerade)
    async with PortMapper(HOUSE, echo=str(echo.local)) as mapper:
        assert await mapper.want(SIP).settled()
        assert await mapper.want(SIP_TCP).settled()
        await eventually(lambda: echo.counters().get("connected"), "the TCP port was not knocked at")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
            sip.bind((US, SIP.internal_port))  # nobody has it bound behind its owner's back
        assert echo.counters()["challenged"] == 1
    echo.close()


async def test_a_mapping_at_another_address_is_proved_again(start_gateway, start_echo):
    gateway = await start_gateway("natpmp")
    echo = OutsideEcho(Endpoint(ECHO, 0), LAN, gateway.masquerade)
    async with PortMapper(HOUSE, echo=str(echo.local), echo_listens=True) as mapper:
        mapper.want(SIP)
        await eventually(lambda: shown(mapper).rung is Rung.REACHABLE)
        asked = echo.counters()["challenged"]
        gateway.change_external_address("127.67.0.2")
        await mapper.reinit()
        await eventually(lambda: echo.counters()["challenged"] > asked, "it was not proved again")
        await eventually(lambda: shown(mapper).rung is Rung.REACHABLE)
    echo.close()


async def test_an_echo_host_that_is_not_there_says_nothing_about_a_mapping(start_gateway):
    await start_gateway()
    events = []
    async with PortMapper(HOUSE, echo=f"{ECHO}:9", echo_listens=True) as mapper:
        mapper.subscribe(events.append)
        assert await mapper.want(SIP).settled()
        await eventually(lambda: mapper._proving._plans and mapper._proving._task is None)
        await eventually(lambda: not mapper._proving._task)
        assert judged(mapper) is None
    assert not any(isinstance(each, MappingFell) for each in events)


@pytest.mark.parametrize(
    ("text", "echo"),
    [
        ("203.0.113.7", ("203.0.113.7", 4478)),
        ("203.0.113.7:99", ("203.0.113.7", 99)),
        ("2001:db8::7", ("2001:db8::7", 4478)),
        ("[2001:db8::7]", ("2001:db8::7", 4478)),
        ("[2001:db8::7]:99", ("2001:db8::7", 99)),
    ],
)
def test_an_echo_host_as_people_write_it(text, echo):
    assert read_echo(text) == echo


@pytest.mark.parametrize(
    "text", ["", "echo.example.com", "203.0.113.7:0", "203.0.113.7:70000", "203.0.113.7:", "[::1]:x", ":99"]
)
def test_what_is_no_echo_host_says_what_would_be(text):
    with pytest.raises(LocalError, match="in numbers"):
        read_echo(text)
