"""What the guides show is run, against a fake gateway on loopback."""

from __future__ import annotations

import asyncio
import re
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from ringthru.lab import FakeGateway
from ringthru.lab.outside_echo import OutsideEcho
from ringthru.nat.arguments import parser
from ringthru.nat.words import Exit
from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.portmap import MappingState, Rung

from .conftest import DOCS, house, load

GUIDE = DOCS / "guide"
EXAMPLES = GUIDE / "examples"
BLOCK = re.compile(r"^<!-- (?:file: (\S+)|shown) -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_BLOCK = re.compile(r"^```(\w+)\n", re.MULTILINE)
PATIENCE = 30


def example(name):
    return load(EXAMPLES / f"{name}.py").main


def held(gateway):
    return sorted((m.protocol, m.external_port, m.internal.port) for m in gateway.mappings())


@pytest.mark.parametrize("page", ["engine.md", "fake-gateway.md"])
class TestPages:
    def test_each_python_block_is_a_file_that_is_run_here(self, page):
        text = (GUIDE / page).read_text()
        blocks = BLOCK.findall(text)
        assert [kind for _, kind, _ in blocks].count("python") == ANY_BLOCK.findall(text).count("python")
        for file, _, code in blocks:
            assert code == (GUIDE / file).read_text(), f"{page} shows another text than {file} holds"
            assert f"example({(GUIDE / file).stem!r})".replace("'", '"') in Path(__file__).read_text()


def test_every_example_is_shown_on_a_page():
    shown = {file for page in GUIDE.glob("*.md") for file, _, _ in BLOCK.findall(page.read_text())}
    assert {f"examples/{file.name}" for file in EXAMPLES.glob("*.py")} <= shown


def test_every_page_is_in_the_list_of_pages():
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (GUIDE / "README.md").read_text()))
    assert listed == {page.name for page in GUIDE.glob("*.md")} - {"README.md"}


def test_the_first_example_is_short():
    assert len((EXAMPLES / "first.py").read_text().splitlines()) <= 25


class TestExamples:
    async def test_the_first_one_opens_ports_and_closes_them(self, gateway, tmp_path, capsys):
        during = []
        running = asyncio.ensure_future(example("first")(house(), tmp_path / "ports.sqlite3", seconds=0.5))
        while not running.done():
            during.append(held(gateway))
            await asyncio.sleep(0.02)  # between two looks at the gateway; the example tells nobody
        await running
        assert [("tcp", 5060, 5060), ("tcp", 8080, 8080), ("udp", 5060, 5060)] in during
        assert held(gateway) == []
        said = capsys.readouterr().out
        assert "GatewayFound" in said
        assert "tcp 8080 is at 8080" in said

    async def test_the_first_one_without_a_gateway_says_so(self, tmp_path, capsys):
        await example("first")(house(7), tmp_path / "ports.sqlite3", seconds=0)
        assert "no: no gateway that maps ports was found" in capsys.readouterr().out

    async def test_the_address(self, gateway):
        assert await example("address")(house()) == "127.85.0.1"

    async def test_an_address_that_is_not_public(self, new_gateway, capsys):
        await new_gateway(1, external_address="100.64.3.4")
        assert await example("address")(house(1), patience=1.0) is None
        assert "100.64.3.4" in capsys.readouterr().out

    async def test_changes(self, new_gateway):
        gateway = await new_gateway(8, protocols=("natpmp",), longest_lifetime=4)  # renewals tell the epoch
        gateway.grow_older(3600)

        def moved(said):
            if len(said) == 2:
                gateway.change_external_address("127.85.8.9")
            return "tell everybody: we are at 127.85.8.9" in said

        async with asyncio.timeout(PATIENCE):
            said = await example("changes")(house(8), moved)
        assert said[:2] == ["tell everybody: we are at 127.85.8.1", "udp 8000 is reached at 8000"]

    async def test_sets(self, gateway):
        sip, rtp = await example("sets")(house())
        assert len(set(sip)) == 1
        assert (rtp[0] % 2, rtp[1]) == (0, rtp[0] + 1)

    async def test_sets_where_a_number_is_taken(self, new_gateway):
        await new_gateway(2, conflicts=frozenset({5060, 16385}))
        sip, rtp = await example("sets")(house(2))
        assert len(set(sip)) == 1
        assert sip[0] != 5060
        assert (rtp[0] % 2, rtp[1]) == (0, rtp[0] + 1)

    async def test_an_exact_port(self, gateway):
        assert await example("exact")(house()) == 25

    async def test_an_exact_port_that_is_taken(self, new_gateway, capsys):
        await new_gateway(3, conflicts=frozenset({25}))
        assert await example("exact")(house(3)) is None
        assert "not to be had:" in capsys.readouterr().out

    async def test_for_some_alone_and_for_another_machine(self, new_gateway, capsys):
        """The fake gateway filters, and opens ports for who asks, as in secure mode."""
        await new_gateway(7, protocols=("pcp",))
        web, theirs = await example("allowed")(house(7), printer="127.85.7.9")
        assert (web, theirs) == (MappingState.ACCEPTED, MappingState.REFUSED)
        assert "THIRD_PARTY" in capsys.readouterr().out

    async def test_for_some_alone_where_nobody_can_filter(self, new_gateway, capsys):
        await new_gateway(7, protocols=("natpmp",))
        web, _ = await example("allowed")(house(7), printer="127.85.7.9")
        assert web is MappingState.REFUSED
        assert "certain networks" in capsys.readouterr().out

    async def test_a_pinhole_where_there_is_no_ipv6(self, gateway, capsys):
        async with asyncio.timeout(PATIENCE):
            assert await example("pinhole")(house()) is not MappingState.ACCEPTED
        assert "no pinhole" in capsys.readouterr().out

    async def test_a_flow(self, new_gateway):
        await new_gateway(6, protocols=("pcp",))
        assert await example("flow")(house(6)) == Endpoint("127.85.6.1", 5060)

    async def test_a_flow_where_nobody_speaks_pcp(self, new_gateway, capsys):
        await new_gateway(6, protocols=("natpmp",))
        assert await example("flow")(house(6)) is None
        assert "NAT-PMP" in capsys.readouterr().out

    async def test_double_nat(self):
        inner = FakeGateway("127.84.4.1", "127.86.4.2")
        outer = FakeGateway("127.86.4.1", "127.85.4.1", inside_network=IPv4Network("127.84.0.0/16"))
        # (loopback shows the outer one our own address, where a real inner NAT would show its)
        await inner.start()
        await outer.start()
        try:
            async with asyncio.timeout(PATIENCE):
                seen = await example("double_nat")(house(4), "127.86.4.1")
        finally:
            await inner.stop()
            await outer.stop()
        assert (seen.gateway, [each.gateway for each in seen.chain]) == ("127.84.4.1", ["127.86.4.1"])
        assert seen.external_address == "127.85.4.1"

    async def test_a_crash_leaves_a_mapping_that_the_next_run_takes_over(self, gateway, tmp_path):
        store = tmp_path / "ports.sqlite3"
        assert await example("journal")(house(), store, crash=True) == 8080
        assert held(gateway) == [("tcp", 8080, 8080)]
        assert await example("journal")(house(), store) == 8080
        assert held(gateway) == []

    async def test_an_echo_host_proves_it(self, gateway):
        echo = OutsideEcho(Endpoint("127.85.0.50", 0), IPv4Network("127.84.0.0/24"), gateway.masquerade)
        try:
            seen = await example("reach")(str(echo.local), house(), host="127.84.0.103")
        finally:
            echo.close()
        assert seen.rung is Rung.REACHABLE

    async def test_without_an_echo_host_nothing_is_claimed(self, gateway):
        seen = await example("reach")("127.85.0.51:4478", house(), host="127.84.0.103", patience=2.0)
        assert seen.rung is Rung.ACCEPTED

    async def test_own_traffic_proves_it(self, gateway):
        assert (await example("own_traffic")(house())).rung is Rung.REACHABLE

    async def test_a_program_without_asyncio(self, gateway):
        assert await asyncio.to_thread(example("thread"), house()) == 8080
        assert held(gateway) == []

    async def test_a_gateway_named_by_hand(self, new_gateway):
        gateway = await new_gateway(5, protocols=("upnp",))
        nowhere = replace(house(5), gateway=None)
        assert await example("by_hand")(nowhere, "127.84.5.1", gateway.description_url) == 8080

    async def test_several_gateways(self, new_gateway, tmp_path, capsys):
        dsl, cable = await new_gateway(5), await new_gateway(6, conflicts=frozenset({8080}))
        places = {"dsl": house(5), "cable": house(6)}.copy
        found = await example("several_gateways")(places, tmp_path / "ports.sqlite3")
        assert found["dsl"] == 8080
        assert found["cable"] not in (None, 8080)
        assert held(dsl) == held(cable) == []
        assert "cable is reached at 127.85.6.1" in capsys.readouterr().out

    async def test_several_gateways_of_which_one_hangs(self, new_gateway, tmp_path, capsys):
        await new_gateway(5)
        await new_gateway(6, mute=True)
        places = {"dsl": house(5), "cable": house(6)}.copy
        found = await example("several_gateways")(places, tmp_path / "ports.sqlite3", patience=2.0)
        assert found == {"dsl": 8080}
        assert "going on with ('dsl',)" in capsys.readouterr().out

    async def test_one_of_several_gateways(self, new_gateway):
        refusing, granting = await new_gateway(5, ("upnp",), refuse=True), await new_gateway(6)
        places = {"dsl": house(5), "cable": house(6)}.copy
        async with asyncio.timeout(PATIENCE):
            assert "cable" in await example("one_of_several")(places, len)
        assert held(refusing) == held(granting) == []


class TestFakeGatewayPage:
    async def test_in_your_tests(self):
        await example("in_your_tests")()

    async def test_as_a_process(self):
        external, heard = await asyncio.to_thread(example("lab_process"), "127.84.9.1")
        assert external == "127.200.0.1"
        assert heard["event"] == "request"

    def test_what_a_test_can_do_to_a_gateway_exists(self):
        table = (GUIDE / "fake-gateway.md").read_text().partition("| Call |")[2].partition("\n\n")[0]
        named = re.findall(r"^\| `(?:await )?(\w+)", table, re.MULTILINE)
        assert named
        assert all(hasattr(FakeGateway, each) for each in named)


class TestNatCommandPage:
    page = (GUIDE / "nat-command.md").read_text()

    def test_it_names_every_command_and_no_other(self):
        (commands,) = (each for each in parser()._actions if each.dest == "command")
        table = self.page.partition("| Command |")[2].partition("\n\n")[0]
        named = re.findall(r"^\| `(\w+)", table, re.MULTILINE)
        assert sorted(set(named)) == sorted(commands.choices)

    def test_every_option_it_names_exists(self):
        (commands,) = (each for each in parser()._actions if each.dest == "command")
        known = {name for each in commands.choices.values() for name in each._option_string_actions}
        assert set(re.findall(r"`(--[a-z-]+)", self.page)) <= known

    def test_exit_statuses(self):
        told = re.findall(r"^\| (\d+) \| ", self.page, re.MULTILINE)
        assert [int(each) for each in told] == [int(each) for each in Exit]
