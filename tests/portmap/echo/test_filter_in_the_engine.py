"""A filter is believed when somebody outside of it was kept out, and somebody inside of it was not."""

from __future__ import annotations

import time
from ipaddress import IPv4Network

import pytest

from ringthru.lab import FakeGateway, Quirks
from ringthru.lab.outside_echo import OutsideEcho
from ringthru.net.address import AddressRules, Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import FilterJudged, FilterTruth, MappingFell, PortMapper, Protocol, Rung, Wanted
from ringthru.portmap.echo import echo_proof

from ...scenarios.waiting import eventually

US, GATEWAY, OUTSIDE = "127.92.0.103", "127.92.0.1", "127.93.0.1"
FRIEND, STRANGER = "127.93.0.98", "127.93.0.99"
LAN = IPv4Network("127.92.0.0/24")
HOUSE = Surroundings(US, LAN, GATEWAY, AddressRules((IPv4Network("127.93.0.0/16"),)), multicast=False)
WORD, ENFORCED, NOT_ENFORCED = FilterTruth.WORD, FilterTruth.ENFORCED, FilterTruth.NOT_ENFORCED


@pytest.fixture
async def house(monkeypatch):
    """A gateway that speaks PCP alone, and echo hosts outside of it; its rows are the test's to set."""
    monkeypatch.setattr(echo_proof, "ARRIVAL", 0.2)
    gateway = FakeGateway(GATEWAY, OUTSIDE, protocols=("pcp",), clock=time.monotonic)
    await gateway.start()
    hosts = [OutsideEcho(Endpoint(each, 0), LAN, gateway.masquerade) for each in (FRIEND, STRANGER)]
    yield gateway, [str(each.local) for each in hosts]
    for each in hosts:
        each.close()
    await gateway.stop()


def shown(mapper):
    return mapper.snapshot().mappings[0]


def truth(mapper):
    filtering = shown(mapper).filtering
    return filtering and filtering.truth


def wanted(protocol=Protocol.UDP):
    return Wanted(protocol, 25061, allow_from=(f"{FRIEND}/32",))


@pytest.mark.parametrize("protocol", list(Protocol), ids=lambda each: each.value)
async def test_one_inside_came_in_and_one_outside_did_not(house, protocol):
    _, hosts = house
    events = []
    async with PortMapper(HOUSE, echo=hosts, echo_listens=True) as mapper:
        mapper.subscribe(events.append)
        mapper.want(wanted(protocol))
        await eventually(lambda: truth(mapper) is ENFORCED, "nobody proved it")
        assert shown(mapper).rung is Rung.REACHABLE
        assert FRIEND in shown(mapper).filtering.words
        assert STRANGER in shown(mapper).filtering.words
        assert "keeps strangers out" in " ".join(mapper.snapshot().learned)
    judged = [each for each in events if isinstance(each, FilterJudged)]
    assert [each.truth for each in judged] == [ENFORCED]
    assert not any(isinstance(each, MappingFell) for each in events)


async def test_PC10_a_gateway_that_says_so_and_lets_everybody_in_is_found_out(house):
    gateway, hosts = house
    gateway.quirks = Quirks(rows=frozenset({"PC10"}))
    log = []
    async with PortMapper(
        HOUSE, echo=hosts[1], echo_listens=True, log=lambda level, text: log.append(text)
    ) as mapper:
        mapper.want(wanted())
        await eventually(lambda: truth(mapper) is NOT_ENFORCED, "nobody noticed")
        assert shown(mapper).rung is Rung.REACHABLE  # all too much
    assert any("is not for" in each for each in log)


async def test_one_outside_alone_who_does_not_come_in_proves_nothing_and_harms_nothing(house):
    _, hosts = house
    events = []
    async with PortMapper(HOUSE, echo=[hosts[1]], echo_listens=True) as mapper:
        mapper.subscribe(events.append)
        mapper.want(wanted())
        await eventually(lambda: truth(mapper) and "so that it may be" in shown(mapper).filtering.words)
        assert truth(mapper) is WORD
        (reachable,) = (each for each in shown(mapper).evidence if each.rung is Rung.REACHABLE)
        assert reachable.holds is None  # cannot be told, which is no failure
    assert not any(isinstance(each, MappingFell | FilterJudged) for each in events)


async def test_one_inside_alone_shows_that_it_is_reached_and_no_more(house):
    _, hosts = house
    async with PortMapper(HOUSE, echo=[hosts[0]], echo_listens=True) as mapper:
        mapper.want(wanted())
        await eventually(lambda: shown(mapper).rung is Rung.REACHABLE)
        assert truth(mapper) is WORD


async def test_a_program_may_tell_who_came(house):
    async with PortMapper(HOUSE) as mapper:
        mapping = mapper.want(wanted())
        assert await mapping.settled()
        assert truth(mapper) is WORD
        mapper.tried(mapping, STRANGER, True, f"an INVITE of {STRANGER}")
        assert truth(mapper) is NOT_ENFORCED


async def test_a_second_host_is_asked_where_the_first_does_not_answer(house):
    _, hosts = house
    async with PortMapper(HOUSE, echo=[f"{FRIEND}:9", hosts[1]], echo_listens=True) as mapper:
        mapper.want(Wanted(Protocol.UDP, 25061))
        await eventually(lambda: shown(mapper).rung is Rung.REACHABLE)
        assert truth(mapper) is None
