"""``add`` for some alone, for another machine, and on an outer gateway that is named by hand."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from ipaddress import IPv4Network

import pytest

from ringthru.lab import FakeGateway
from ringthru.lab.outside_echo import OutsideEcho
from ringthru.nat.words import Exit
from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.portmap.echo import echo_proof

from .conftest import BEYOND, GATEWAY, HOUSE, INSIDE, OUTSIDE, US, WORKER

FRIEND, STRANGER = f"{BEYOND}.8", f"{BEYOND}.9"
PRINTER = f"{INSIDE}.77"
OUTER, BETWEEN = f"127.72.{WORKER}.1", f"127.72.{WORKER}.2"  # an outer gateway, and how it sees the inner
FRIENDS = f"{FRIEND}/32"


def filters_of(gateway, port=25060, host=US):
    """Whom the gateway itself lets in: its word is not asked."""
    slot = "udp", Endpoint(host, port)
    pcp = gateway.core.port_control.pcp.book
    return [each for each in (FRIEND, STRANGER) if not pcp.keeps_out(slot, each)]


@pytest.fixture
def start_echo(monkeypatch):
    monkeypatch.setattr(echo_proof, "ARRIVAL", 0.2)
    running = []

    def start(gateway, *hosts):
        for host in hosts:
            running.append(OutsideEcho(Endpoint(host, 0), HOUSE.network, gateway.masquerade))
        return " ".join(f"--echo {each.local}" for each in running)

    yield start
    for each in running:
        each.close()


class TestAllowFrom:
    async def test_the_gateway_is_asked_and_its_word_is_called_its_word(self, start_gateway, nat):
        gateway = await start_gateway("pcp")
        said = await nat(f"add 25060 --allow-from {FRIENDS}")
        assert said.code == Exit.OK, said.err
        assert f"lets in only from {FRIENDS}, its word alone" in said.out
        assert "hosts on both sides" in said.err
        assert filters_of(gateway) == [FRIEND]

    async def test_several_networks_and_json(self, start_gateway, nat):
        gateway = await start_gateway("pcp")
        (row,) = (await nat(f"add 25060 --allow-from {FRIEND} --allow-from {STRANGER} --json")).json[
            "mappings"
        ]
        assert row["allow_from"] == [f"{FRIEND}/32", f"{STRANGER}/32"]
        assert row["filtering"]["truth"] == "its word alone"
        assert filters_of(gateway) == [FRIEND, STRANGER]

    async def test_hosts_outside_prove_it(self, start_gateway, start_echo, nat):
        gateway = await start_gateway("pcp")
        said = await nat(f"add 25060 --allow-from {FRIENDS} {start_echo(gateway, STRANGER, FRIEND)}")
        assert said.code == Exit.OK, said.err
        assert "reachable" in said.out
        assert f"only from {FRIENDS}, enforced" in said.out

    async def test_PC10_found_out_it_ends_with_4(self, start_gateway, start_echo, nat):
        gateway = await start_gateway("pcp", rows=frozenset({"PC10"}))
        said = await nat(f"add 25060 --allow-from {FRIENDS} {start_echo(gateway, STRANGER)} --json")
        assert said.code == Exit.PARTLY
        (row,) = said.json["mappings"]
        assert row["filtering"]["truth"] == "not enforced"
        assert STRANGER in row["filtering"]["words"]

    async def test_a_stranger_alone_who_stays_out_is_no_failure(self, start_gateway, start_echo, nat):
        gateway = await start_gateway("pcp")
        said = await nat(f"add 25060 --allow-from {FRIENDS} {start_echo(gateway, STRANGER)} --timeout 5")
        assert said.code == Exit.OK
        assert "nobody who may come in has tried" in said.out

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_a_gateway_that_cannot_is_not_asked_without_it(self, start_gateway, nat, protocol):
        gateway = await start_gateway(protocol)
        said = await nat(f"add 25060 --allow-from {FRIENDS}")
        assert said.code == Exit.REFUSED
        assert gateway.mappings() == ()

    async def test_it_is_remembered_listed_explained_and_deleted(self, start_gateway, nat):
        gateway = await start_gateway("pcp", "upnp")
        nat.linger = 30.0
        await nat(f"add 25060 --allow-from {FRIENDS}")
        assert f"(only from {FRIENDS})" in (await nat("status")).out
        assert (await nat("status --json")).json["mappings"][0]["allow_from"] == [FRIENDS]
        said = await nat("list")
        assert f"(only from {FRIENDS})" in said.out, said.err
        assert (await nat("list --json")).json["entries"][0]["allow_from"] == [FRIENDS]
        assert f"It lets in only from {FRIENDS}, its word alone" in (await nat("explain 25060")).out
        assert filters_of(gateway) == [FRIEND]
        assert (await nat("delete 25060")).code == Exit.OK
        assert gateway.mappings() == ()

    async def test_another_filter_takes_the_place_of_the_one_before(self, start_gateway, nat):
        """Filters of a request are added to those there are (RFC 6887 §13.3), unless they are ended first."""
        gateway = await start_gateway("pcp")
        await nat(f"add 25060 --allow-from {FRIENDS}")
        await nat(f"add 25060 --allow-from {STRANGER}")
        assert filters_of(gateway) == [STRANGER]

    async def test_for_everybody_again(self, start_gateway, nat):
        gateway = await start_gateway("pcp")
        await nat(f"add 25060 --allow-from {FRIENDS}")
        assert (await nat("add 25060")).code == Exit.OK
        assert filters_of(gateway) == [FRIEND, STRANGER]


class TestAnotherMachine:
    async def test_by_pcp_where_the_gateway_allows_it(self, start_gateway, nat):
        gateway = await start_gateway("pcp")
        gateway.core.port_control.pcp.third_party = True
        said = await nat(f"add 25060 --client {PRINTER}")
        assert said.code == Exit.OK, said.err
        assert f"25060 of {PRINTER}" in said.out
        assert "must be listening there" in said.err
        assert [str(m.internal) for m in gateway.mappings()] == [f"{PRINTER}:25060"]
        assert f"25060 of {PRINTER}" in (await nat("status")).out
        (row,) = (await nat("status --json")).json["mappings"]
        assert row["internal_client"] == PRINTER
        assert (await nat("delete 25060")).code == Exit.OK
        assert gateway.mappings() == ()

    async def test_where_it_does_not_it_says_why(self, start_gateway, nat):
        gateway = await start_gateway("pcp")
        said = await nat(f"add 25060 --client {PRINTER} --json")
        assert said.code == Exit.REFUSED
        assert said.json["mappings"][0]["internal_client"] == PRINTER
        assert said.json["mappings"][0]["reason"]
        assert gateway.mappings() == ()

    async def test_listed_by_upnp_as_ours(self, start_gateway, nat):
        gateway = await start_gateway("upnp")
        gateway.quirks = replace(gateway.quirks, rows=gateway.quirks.rows - {"AD13"})
        said = await nat(f"add 25060 --client {PRINTER}")
        assert said.code == Exit.OK, said.err
        (line,) = [line for line in (await nat("list")).out.splitlines() if "25060" in line]
        assert line.startswith("ours")
        assert f"{PRINTER}:25060" in line

    async def test_this_machine_by_its_address_is_this_machine(self, start_gateway, nat):
        await start_gateway("pcp")
        (row,) = (await nat(f"add 25060 --client {US} --json")).json["mappings"]
        assert (row["state"], row["internal_client"]) == ("accepted", None)

    async def test_nobody_is_asked_to_knock_there(self, start_gateway, start_echo, nat):
        gateway = await start_gateway("pcp")
        gateway.core.port_control.pcp.third_party = True
        async with asyncio.timeout(60):  # it does not wait for a word that never comes
            said = await nat(f"add 25060 --client {PRINTER} {start_echo(gateway, FRIEND)} --timeout 3600")
        assert said.code == Exit.OK


class TestOuterGateway:
    async def test_named_by_hand_both_gateways_map(self, nat):
        inner = FakeGateway(GATEWAY, BETWEEN)
        outer = FakeGateway(OUTER, OUTSIDE, inside_network=IPv4Network("127.70.0.0/16"))
        # (loopback shows the outer one our own address, where a real inner NAT would show its)
        async with AsyncExitStack() as stack:
            for each in (inner, outer):
                await each.start()
                stack.push_async_callback(each.stop)
            said = await nat(f"add 25060 --nested --outer-gateway {outer.inside} --json")
            assert said.code == Exit.OK, said.err
            (row,) = said.json["mappings"]
            assert (row["external_address"], row["external_port"]) == (OUTSIDE, 25060)
            assert len(inner.mappings()) == len(outer.mappings()) == 1
            said = await nat(f"delete 25060 --nested --outer-gateway {outer.inside}")
            assert said.code == Exit.OK, said.err
            assert inner.mappings() == outer.mappings() == ()

    async def test_nobody_there_is_told_in_words(self, start_gateway, nat):
        gateway = await start_gateway("natpmp", external_address="192.168.7.2")
        said = await nat(f"add 25060 --nested --outer-gateway {OUTER} --timeout 30")
        assert said.code == Exit.REFUSED
        assert "behind another NAT" in said.err
        assert gateway.mappings() == ()

    @pytest.mark.parametrize("line", ["add 25060", "delete 25060"])
    async def test_without_nested_it_is_of_no_use(self, nat, line, capsys):
        said = await nat(f"{line} --outer-gateway 10.0.0.1")
        assert said.code == Exit.USAGE
        assert "needs --nested" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("add 25060 --allow-from everybody", "203.0.113.0/24"),
        ("add 25060 --allow-from 203.0.113.0/33", "203.0.113.0/24"),
        ("add 25060 --allow-from 2001:db8::/32", "cannot come in through a mapping of ipv4"),
        ("add 25060 --client printer.local", "in numbers"),
        ("add 25060 --client 2001:db8::5", "cannot have a mapping of ipv4"),
        ("add 25060 --nested --outer-gateway here", "in numbers"),
        ("add 25060 --peer 203.0.113.5:5060 --allow-from 203.0.113.5", "--allow-from is of no meaning"),
        ("add 25060 --peer 203.0.113.5:5060 --client 192.168.1.9", "--client is of no meaning"),
    ],
)
async def test_what_is_wrong_is_told_with_what_is_allowed(nat, line, hint, capsys):
    said = await nat(line)
    assert said.code == Exit.USAGE
    assert hint in said.err + capsys.readouterr().err
