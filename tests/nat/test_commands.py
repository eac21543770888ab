"""A person at the command line, behind a gateway on loopback: ports are opened, listed and closed."""

from __future__ import annotations

import asyncio
import signal

import pytest

from ringthru.lab import Quirks
from ringthru.lab.outside_echo import OutsideEcho
from ringthru.nat.words import Exit
from ringthru.net.address import Endpoint
from ringthru.portmap import PortMapper, Protocol, Wanted
from ringthru.portmap.echo import echo_proof
from ringthru.portmap.memory.store_driver import Store

from ..scenarios.waiting import eventually
from .conftest import BEYOND, HOUSE, INSIDE, OUTSIDE, US
from .interrupting import interrupt

PROTOCOLS = ("natpmp", "upnp")


def ports_of(gateway):
    return [(m.protocol, m.external_port, str(m.internal)) for m in gateway.mappings()]


class TestAdd:
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    async def test_the_mapping_is_shown_and_stays(self, start_gateway, nat, protocol):
        gateway = await start_gateway(protocol)
        said = await nat("add 25060")
        assert said.code == Exit.OK, said.err
        assert f"{OUTSIDE}:25060" in said.out
        assert ports_of(gateway) == [("udp", 25060, f"{US}:25060")]

    async def test_it_is_remembered_as_made_to_stay(self, start_gateway, nat):
        await start_gateway()
        await nat("add 25060/tcp")
        (row,) = (await nat("status --json")).json["mappings"]
        assert (row["protocol"], row["external_port"], row["kept"]) == ("tcp", 25060, True)
        assert 0 < row["lifetime_left"] <= 3600

    async def test_what_nat_pmp_cannot_show_its_upnp_side_can(self, start_gateway, nat):
        await start_gateway("natpmp", "upnp")
        nat.linger = 30.0
        (row,) = (await nat("explain 25060 --json")).json["mappings"]
        assert row["rung"] == "listed"
        assert f"{US}:25060" in row["evidence"][-1]["words"]

    async def test_who_only_adds_does_not_wait_for_a_slower_protocol(self, start_gateway, nat):
        await start_gateway("natpmp")
        nat.linger = 3600.0
        async with asyncio.timeout(60):
            (row,) = (await nat("add 25060 --json")).json["mappings"]
        assert row["rung"] == "accepted"

    async def test_a_mapping_that_nobody_can_show_comes_with_advice(self, start_gateway, nat):
        await start_gateway("natpmp")
        said = await nat("add 25060")
        assert said.code == Exit.OK
        assert "accepted" in said.out
        assert "--echo" in said.err

    async def test_udp_and_tcp_of_one_port(self, start_gateway, nat):
        gateway = await start_gateway()
        await nat("add 25060/both")
        assert sorted(ports_of(gateway)) == [
            ("tcp", 25060, f"{US}:25060"),
            ("udp", 25060, f"{US}:25060"),
        ]

    async def test_another_external_port(self, start_gateway, nat):
        gateway = await start_gateway()
        await nat("add 25060/udp --external 25070")
        assert ports_of(gateway) == [("udp", 25070, f"{US}:25060")]

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    async def test_exactly_that_port_or_none(self, start_gateway, nat, protocol):
        gateway = await start_gateway(protocol, conflicts=frozenset({25060}))
        said = await nat("add 25060 --exact")
        assert said.code == Exit.REFUSED
        assert "refused" in said.out
        await eventually(lambda: gateway.mappings() == ())

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    async def test_a_gateway_that_forbids_it(self, start_gateway, nat, protocol):
        await start_gateway(protocol, refuse=True)
        said = await nat("add 25060")
        assert said.code == Exit.REFUSED
        assert "25060" in said.err  # the reason, with the port it is about

    async def test_behind_another_nat_it_says_what_that_means_and_ends_with_4(self, start_gateway, nat):
        gateway = await start_gateway(external_address="192.168.7.2")
        said = await nat("add 25060")
        assert said.code == Exit.PARTLY
        assert "double NAT" in said.err
        assert len(gateway.mappings()) == 1

    async def test_as_json(self, start_gateway, nat):
        await start_gateway("upnp")
        told = (await nat("add 25060 --json")).json
        (row,) = told["mappings"]
        assert (row["external_address"], row["external_port"], row["state"]) == (OUTSIDE, 25060, "accepted")

    async def test_held_it_is_removed_when_interrupted(self, start_gateway, nat):
        gateway = await start_gateway()
        holding = asyncio.ensure_future(nat("add 25060 --hold"))
        await eventually(lambda: gateway.mappings())
        await interrupt(signal.SIGTERM)
        said = await holding
        assert said.code == Exit.OK
        assert gateway.mappings() == ()


class TestDelete:
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    async def test_what_add_made(self, start_gateway, nat, protocol):
        gateway = await start_gateway(protocol)
        await nat("add 25060")
        said = await nat("delete 25060")
        assert said.code == Exit.OK, said.err
        assert gateway.mappings() == ()
        assert (await nat("status --json")).json["mappings"] == []

    async def test_all_of_ours(self, start_gateway, nat):
        gateway = await start_gateway()
        await nat("add 25060/both")
        await nat("add 25080")
        assert (await nat("delete --all-ours")).code == Exit.OK
        assert gateway.mappings() == ()

    async def test_a_range_of_external_ports(self, start_gateway, nat):
        gateway = await start_gateway()
        for port in (25060, 25070, 25080):
            await nat(f"add {port}")
        await nat("delete --range 25060-25070")
        assert [m.external_port for m in gateway.mappings()] == [25080]

    async def test_what_somebody_else_has_stays(self, start_gateway, nat):
        gateway = await start_gateway("natpmp", "upnp")
        mine = nat.surroundings
        nat.surroundings = type(mine)(f"{INSIDE}.77", mine.network, mine.gateway, mine.rules, mine.multicast)
        await nat("add 25060")
        nat.surroundings = mine
        said = await nat("delete 25060 --json")
        assert said.code == Exit.REFUSED
        assert [str(m.internal) for m in gateway.mappings()] == [f"{INSIDE}.77:25060"]

    async def test_what_nobody_knew_of_is_not_said_to_have_been_there(self, start_gateway, nat):
        await start_gateway("natpmp")
        assert "nobody knew of it" in (await nat("delete 25999")).out
        (told,) = (await nat("delete 25999 --json")).json["deleted"]
        assert (told["known"], told["deleted"]) == (False, True)
        await nat("add 25060")
        (told,) = (await nat("delete 25060 --json")).json["deleted"]
        assert told["known"]


class TestList:
    async def test_the_gateways_own_table_with_ours_marked(self, start_gateway, nat):
        await start_gateway("upnp")
        await nat("add 25060")
        said = await nat("list")
        assert said.code == Exit.OK
        (line,) = [line for line in said.out.splitlines() if "25060" in line]
        assert line.startswith("ours")
        assert f"{US}:25060" in line

    async def test_a_protocol_without_a_list_ends_with_4(self, start_gateway, nat):
        await start_gateway("natpmp")
        said = await nat("list")
        assert said.code == Exit.PARTLY
        assert "may not be complete" in said.err


class TestCleanup:
    async def test_without_a_journal_there_is_nothing_to_do(self, start_gateway, nat):
        told = (await nat("cleanup --json")).json
        nothing = {"deleted": [], "would_delete": [], "left_alone": [], "struck_out": 0}
        assert told == {"command": "cleanup", "exit": 0, "gateway": None, "dry_run": False} | nothing
        assert not nat.store.exists()

    async def test_what_was_made_to_stay_is_left_alone_and_why(self, start_gateway, nat):
        gateway = await start_gateway()
        await nat("add 25060")
        told = (await nat("cleanup --json")).json
        assert told["deleted"] == []
        assert "to stay" in told["left_alone"][0]["because"]
        assert len(gateway.mappings()) == 1

    async def test_what_a_killed_run_left_is_deleted(self, start_gateway, nat, left_behind):
        gateway = await start_gateway("upnp")
        await nat("add 25060")
        left_behind(nat.store)
        dry = (await nat("cleanup --dry-run --json")).json
        assert [each["external_port"] for each in dry["would_delete"]] == [25060]
        assert len(gateway.mappings()) == 1
        told = (await nat("cleanup --json")).json
        assert [each["deleted"] for each in told["deleted"]] == [True]
        assert gateway.mappings() == ()

    @pytest.mark.parametrize("command", ["cleanup", "delete 25060"])
    async def test_what_was_left_over_another_protocol(self, start_gateway, nat, left_behind, command):
        """UPnP was spoken then, PCP is now: only UPnP can delete it, and still does."""
        gateway = await start_gateway("pcp", "upnp", rows=frozenset({"PC07", "AD01"}))
        nat.linger = 30.0
        await nat("add 25060")
        if command == "cleanup":
            left_behind(nat.store)
        gateway.quirks = Quirks(rows=frozenset({"AD01"}))
        told = (await nat(f"{command} --json")).json
        assert told["gateway"]["protocol"] == "pcp"
        assert [(each["external_port"], each["deleted"]) for each in told["deleted"]] == [(25060, True)]
        assert gateway.mappings() == ()
        assert (await nat("status --json")).json["mappings"] == []

    async def test_that_protocol_does_not_answer_any_more(self, start_gateway, nat, left_behind):
        before = await start_gateway("pcp", "upnp", rows=frozenset({"PC07", "AD01"}))
        await nat("add 25060")
        left_behind(nat.store)
        await before.stop()
        await start_gateway("pcp")
        said = await nat("cleanup")
        assert said.code == Exit.REFUSED
        assert "UPnP IGD" in said.out


class TestKept:
    @pytest.mark.parametrize("protocols", [("pcp",), ("natpmp",), ("upnp",)])
    async def test_add_leaves_a_row_that_anybody_may_take_up_and_with_it_the_nonce(
        self, start_gateway, nat, protocols
    ):
        gateway = await start_gateway(*protocols)
        await nat("add 25060")
        store = Store(nat.store)
        (entry,) = store.entries()
        store.close()
        assert (entry.kept, entry.owner, entry.holding.granted) == (True, "", True)
        assert any(entry.holding.nonce)
        said = await nat("delete 25060")
        assert said.code == Exit.OK, said.out
        assert gateway.mappings() == ()

    async def test_delete_leaves_alone_what_another_running_ringthru_renews(self, start_gateway, nat):
        gateway = await start_gateway("natpmp")
        async with PortMapper(HOUSE, store=nat.store) as other:
            assert await other.want(Wanted(Protocol.UDP, 25060)).settled()
            said = await nat("delete 25060 --json")
            assert said.code == Exit.REFUSED
            assert "another Ringthru" in said.json["deleted"][0]["reason"]
            assert len(gateway.mappings()) == 1


class TestProvenFromOutside:
    async def test_add_with_an_echo_host_shows_that_it_is_reachable(self, start_gateway, nat):
        gateway = await start_gateway("natpmp")
        echo = OutsideEcho(Endpoint(f"{BEYOND}.9", 0), HOUSE.network, gateway.masquerade)
        said = await nat(f"add 25060 --echo {echo.local}")
        echo.close()
        assert said.code == Exit.OK
        assert "reachable" in said.out
        assert f"a probe of {echo.local} came in" in said.out

    async def test_what_is_listed_and_does_not_forward_ends_with_4(self, start_gateway, nat, monkeypatch):
        monkeypatch.setattr(echo_proof, "ARRIVAL", 0.2)
        gateway = await start_gateway("upnp", rows=frozenset({"AD18"}))
        echo = OutsideEcho(Endpoint(f"{BEYOND}.9", 0), HOUSE.network, gateway.masquerade)
        said = await nat(f"add 25060 --echo {echo.local}")
        echo.close()
        assert said.code == Exit.PARTLY
        assert "listed, not reachable" in said.out
        assert "nothing comes through" in said.err
        assert "--external" not in said.err

    async def test_TO10_a_gateway_that_keeps_5060_for_itself_is_told_of_and_another_port_offered(
        self, start_gateway, nat, monkeypatch
    ):
        monkeypatch.setattr(echo_proof, "ARRIVAL", 0.2)
        gateway = await start_gateway("upnp", rows=frozenset({"TO10"}))
        echo = OutsideEcho(Endpoint(f"{BEYOND}.9", 0), HOUSE.network, gateway.masquerade)
        said = await nat(f"add 25060 --external 5060 --echo {echo.local}")
        assert said.code == Exit.PARTLY
        assert "listed, not reachable" in said.out
        assert "try another one (--external 15060)" in said.err
        await nat("delete 25060")
        said = await nat(f"add 25060 --external 15060 --echo {echo.local}")
        echo.close()
        assert said.code == Exit.OK
        assert f"a probe of {echo.local} came in" in said.out
