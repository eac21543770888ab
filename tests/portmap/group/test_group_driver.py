"""Several gateways at once, on real sockets: lines that come, go, hang, and lead to one place."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from ringthru.lab import Quirks
from ringthru.net.values import replace
from ringthru.portmap import (
    GatewayFound,
    InterfaceAdded,
    InterfaceEvent,
    InterfaceRemoved,
    InterfaceState,
    LocalError,
    MapperGroup,
    MappingAdded,
    Placement,
    PortMapper,
    Protocol,
    SetRule,
    StandingBy,
    StandingIn,
    Wanted,
)
from ringthru.portmap.memory.store_driver import Store

from ...scenarios.waiting import eventually
from .conftest import line

WEB = Wanted(Protocol.TCP, 8080)
SIP = (Wanted(Protocol.UDP, 5060), Wanted(Protocol.TCP, 5060))
PATIENCE = 30  # seconds until a test is taken to hang


def held(gateway):
    return sorted((m.protocol, m.external_port, str(m.internal)) for m in gateway.mappings())


class Town:
    """The lines there are at the moment; a group follows them when it is told to look."""

    def __init__(self, **lines):
        self.lines = lines

    def __call__(self):
        return dict(self.lines)


@pytest.fixture
async def open_group():
    groups = []

    def open_one(town, make=PortMapper, **settings):
        group = MapperGroup(make, places=town, **settings)
        group.start()
        groups.append(group)
        return group

    yield open_one
    for each in groups:
        await each.stop()


class TestTwoLines:
    async def test_a_port_is_opened_on_each_and_closed_on_each(self, new_gateway, open_group):
        dsl, cable = await new_gateway(1), await new_gateway(2, "natpmp")
        group = open_group(Town(dsl=line(1), cable=line(2)))
        web = group.want(WEB)
        assert await web.settled_everywhere()
        assert web.granted == ("dsl", "cable")
        assert held(dsl) == [("tcp", 8080, "127.90.1.10:8080")]
        assert held(cable) == [("tcp", 8080, "127.90.2.10:8080")]
        assert group.snapshot().external_addresses == ("127.91.1.1", "127.91.2.1")
        await group.stop()
        assert held(dsl) == held(cable) == []

    async def test_each_gateway_grants_its_own_external_port(self, new_gateway, open_group):
        await new_gateway(1)
        await new_gateway(2, conflicts=frozenset({8080}))
        web = open_group(Town(dsl=line(1), cable=line(2))).want(WEB)
        assert await web.settled_everywhere()
        assert web.on["dsl"].external_port == 8080
        assert web.on["cable"].external_port not in (None, 8080)

    async def test_events_name_the_interface(self, new_gateway, open_group):
        await new_gateway(1)
        await new_gateway(2)
        group = open_group(Town(dsl=line(1), cable=line(2)))
        told = []
        group.subscribe(told.append)
        assert await group.want(WEB).settled_everywhere()
        for name in ("dsl", "cable"):
            kinds = [type(each.event) for each in told if each.interface == name]
            assert kinds.index(GatewayFound) < kinds.index(MappingAdded)

    async def test_what_is_wanted_before_and_after_the_gateways_are_found(self, new_gateway, open_group):
        dsl = await new_gateway(1)
        group = open_group(Town(dsl=line(1)))
        early = group.want(WEB)
        assert await group.verdict()
        late = group.want(SIP[0])
        assert await early.settled()
        assert await late.settled()
        assert [each[:2] for each in held(dsl)] == [("tcp", 8080), ("udp", 5060)]

    async def test_a_set_is_whole_on_each_gateway_or_not_there_at_all(self, new_gateway, open_group):
        dsl, cable = await new_gateway(1), await new_gateway(2, "upnp", refuse=True)
        sip = open_group(Town(dsl=line(1), cable=line(2))).want_set(SIP, SetRule.SAME_NUMBER)
        assert await sip.settled()
        assert not await sip.settled_everywhere()
        assert sip.granted == ("dsl",)
        assert set(sip.on["dsl"].external_ports) == {5060}
        assert len(held(dsl)) == 2
        assert held(cable) == []
        assert list(sip.reasons) == ["cable"]

    async def test_one_that_hangs_delays_nobody(self, new_gateway, open_group):
        dsl, cable = await new_gateway(1), await new_gateway(2, mute=True)
        group = open_group(Town(cable=line(2), dsl=line(1)))
        web = group.want(WEB)
        assert await web.settled()
        assert web.granted == ("dsl",)
        states = {each.interface: each.state for each in group.snapshot().interfaces}
        assert states == {"cable": InterfaceState.SEARCHING, "dsl": InterfaceState.SERVING}
        cable.quirks = Quirks()
        await eventually(lambda: web.granted == ("cable", "dsl"), patience=PATIENCE)
        assert len(held(dsl)) == len(held(cable)) == 1

    async def test_a_stop_takes_no_longer_for_two_that_hang_than_for_one(self, new_gateway, open_group):
        """Three seconds are for all of them."""
        gateways = [await new_gateway(number) for number in (1, 2, 3)]
        town = Town(a=line(1), b=line(2), c=line(3))
        group = open_group(town)
        assert await group.want(WEB).settled_everywhere()
        for each in gateways[:2]:
            each.quirks = Quirks(mute=True)
        stopping = asyncio.ensure_future(group.stop())
        await eventually(lambda: held(gateways[2]) == [])
        assert not stopping.done(), "the one that answers was not waited with"
        async with asyncio.timeout(PATIENCE):
            await stopping

    async def test_released_everywhere(self, new_gateway, open_group):
        dsl, cable = await new_gateway(1), await new_gateway(2)
        group = open_group(Town(dsl=line(1), cable=line(2)))
        web = group.want(WEB)
        assert await web.settled_everywhere()
        assert await group.release(web)
        assert held(dsl) == held(cable) == []
        assert not await web.settled()
        assert not await group.release(web)

    async def test_no_gateway_anywhere_is_said_as_soon_as_it_is_known(self, open_group):
        nobody = replace(line(8), gateway=None)
        web = open_group(Town(dsl=nobody, cable=replace(nobody, address="127.90.8.11"))).want(WEB)
        assert not await web.settled()
        assert not await web.settled_everywhere()

    async def test_one_journal_for_all(self, new_gateway, open_group, tmp_path):
        """A crash leaves a mapping on each gateway; the next run closes what it does not want."""
        dsl, cable = await new_gateway(1), await new_gateway(2)
        town, make = Town(dsl=line(1), cable=line(2)), partial(PortMapper, store=tmp_path / "ports")
        group = open_group(town, make)
        assert await group.want(WEB).settled_everywhere()
        group.leave()
        assert len(held(dsl)) == len(held(cable)) == 1
        store = Store(tmp_path / "ports")
        assert {each.gateway.address for each in store.entries()} == {"127.90.1.1", "127.90.2.1"}
        store.close()
        again = open_group(town, make)
        assert await again.want(SIP[0]).settled_everywhere()
        await again.stop()
        assert held(dsl) == held(cable) == []

    async def test_both_tables_are_read(self, new_gateway, open_group):
        await new_gateway(1, "upnp")
        await new_gateway(2, "upnp")
        group = open_group(Town(dsl=line(1), cable=line(2)))
        assert await group.want(WEB).settled_everywhere()
        tables = await group.list_gateways()
        assert {name: [e.internal_client for e in each.entries] for name, each in tables.items()} == {
            "dsl": ["127.90.1.10"],
            "cable": ["127.90.2.10"],
        }


class TestOnOneGatewayAlone:
    async def test_the_first_that_grants_it_keeps_it(self, new_gateway, open_group):
        dsl, cable = await new_gateway(1, "upnp", refuse=True), await new_gateway(2)
        group = open_group(Town(dsl=line(1), cable=line(2)))
        web = group.want(WEB, Placement.FIRST)
        assert await web.settled()
        await eventually(lambda: list(web.on) == ["cable"])
        assert held(dsl) == []
        assert len(held(cable)) == 1

    async def test_two_that_grant_it_are_left_with_one_mapping(self, new_gateway, open_group):
        dsl, cable = await new_gateway(1), await new_gateway(2)
        web = open_group(Town(dsl=line(1), cable=line(2))).want(WEB, Placement.FIRST)
        assert await web.settled()
        await eventually(lambda: len(held(dsl) + held(cable)) == 1 and len(web.on) == 1)

    async def test_another_one_takes_over_when_its_line_goes(self, new_gateway, open_group):
        await new_gateway(1)
        cable = await new_gateway(2)
        town = Town(dsl=line(1))
        group = open_group(town)
        web = group.want(WEB, Placement.FIRST)
        assert await web.settled()
        town.lines = {"dsl": line(1), "cable": line(2)}
        group.look_again()
        await eventually(lambda: group.mapper("cable").snapshot().type is not None)
        assert web.granted == ("dsl",)
        assert held(cable) == []
        town.lines = {"cable": line(2)}
        group.look_again()
        await eventually(lambda: web.granted == ("cable",))
        assert held(cable) == [("tcp", 8080, "127.90.2.10:8080")]


class TestTwoWaysToOneGateway:
    async def test_the_port_is_mapped_once_over_the_better_way(self, new_gateway, open_group):
        gateway = await new_gateway(1)
        group = open_group(Town(cable=line(1, 10), wifi=line(1, 11)))
        told = []
        group.subscribe(told.append)
        web = group.want(WEB)
        assert await web.settled_everywhere()
        await eventually(lambda: group.mapper("wifi").snapshot().type is not None)
        assert held(gateway) == [("tcp", 8080, "127.90.1.10:8080")]
        assert web.granted == ("cable",)
        wifi = group.snapshot().interfaces[1]
        assert (wifi.state, wifi.instead) == (InterfaceState.STANDING_BY, "cable")
        assert InterfaceEvent("wifi", StandingBy("cable")) in told

    async def test_the_other_way_stands_in(self, new_gateway, open_group):
        gateway = await new_gateway(1)
        town = Town(cable=line(1, 10), wifi=line(1, 11))
        group = open_group(town)
        told = []
        group.subscribe(told.append)
        web = group.want(WEB)
        assert await web.settled_everywhere()
        await eventually(lambda: group.mapper("wifi").snapshot().type is not None)
        town.lines = {"wifi": line(1, 11)}
        group.look_again()
        await eventually(lambda: web.granted == ("wifi",))
        assert ("tcp", web.on["wifi"].external_port, "127.90.1.11:8080") in held(gateway)
        assert InterfaceEvent("wifi", StandingIn()) in told


class TestInterfacesThatComeAndGo:
    async def test_one_that_appears_is_asked_for_everything_wanted(self, new_gateway, open_group):
        await new_gateway(1)
        cable = await new_gateway(2)
        town = Town(dsl=line(1))
        group = open_group(town)
        told = []
        group.subscribe(told.append)
        web, sip = group.want(WEB), group.want_set(SIP)
        assert await web.settled()
        town.lines = {"cable": line(2), "dsl": line(1)}
        group.look_again()
        await eventually(lambda: "cable" in web.granted and "cable" in sip.granted)
        assert len(held(cable)) == 3
        assert list(web.on) == ["cable", "dsl"], "the best default route first"
        assert InterfaceEvent("cable", InterfaceAdded("127.90.2.10")) in told

    async def test_one_that_goes_takes_nothing_with_it_but_its_own(self, new_gateway, open_group):
        await new_gateway(1)
        await new_gateway(2)
        town = Town(dsl=line(1), cable=line(2))
        group = open_group(town)
        told = []
        group.subscribe(told.append)
        web = group.want(WEB)
        assert await web.settled_everywhere()
        town.lines.pop("dsl")
        group.look_again()
        assert web.granted == ("cable",)
        await eventually(lambda: InterfaceEvent("dsl", InterfaceRemoved()) in told)
        with pytest.raises(LocalError, match="these are: cable"):
            group.mapper("dsl")

    async def test_a_machine_without_any_line_waits_for_one(self, new_gateway, open_group):
        dsl = await new_gateway(1)
        town = Town()
        group = open_group(town)
        web = group.want(WEB)
        assert not await group.verdict()
        assert not await web.settled()
        town.lines = {"dsl": line(1)}
        group.look_again()
        await eventually(lambda: len(held(dsl)) == 1)


class TestWhatCannotBe:
    async def test_one_port_wanted_in_two_ways(self, open_group):
        group = open_group(Town(dsl=line(8)))
        web = group.want(WEB)
        assert group.want(WEB) is web
        with pytest.raises(LocalError, match="release that first"):
            group.want(WEB, Placement.FIRST)
        with pytest.raises(LocalError, match="a pair is two ports"):
            group.want_set((WEB,), SetRule.PAIR)

    async def test_an_interface_that_does_not_exist(self):
        group = MapperGroup(interfaces=["ringthru-none"])
        with pytest.raises(LocalError, match="ringthru-none with an IPv4 address; there are: "):
            group.start()

    async def test_a_setting_that_makes_no_sense(self):
        group = MapperGroup(partial(PortMapper, budget=0), places=Town(dsl=line(8)))
        with pytest.raises(LocalError, match="budget of 0"):
            group.start()

    async def test_an_ipv6_address_that_is_none(self):
        with pytest.raises(LocalError, match="2001:db8::5"):
            PortMapper(line(8), address6="192.168.1.5")

    async def test_after_the_end(self, open_group):
        group = open_group(Town(dsl=line(8)))
        await group.stop()
        await group.stop()
        with pytest.raises(LocalError, match="stopped"):
            group.want(WEB)
        with pytest.raises(LocalError, match="stopped"):
            group.start()
