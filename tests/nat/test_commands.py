"""A person at the command line, behind a gateway on loopback."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringthru.lab import Quirks
from ringthru.lab.outside_echo import OutsideEcho
from ringthru.nat.words import Exit
from ringthru.net.address import Endpoint
from ringthru.portmap import PortMapper, Protocol, Wanted
from ringthru.portmap.echo import echo_proof
from ringthru.portmap.memory import memory_driver
from ringthru.portmap.memory.store_driver import Store

from ..scenarios.waiting import eventually
from .conftest import BEYOND, GATEWAY, HOUSE, INSIDE, OUTSIDE, US
from .interrupting import interrupt

PROTOCOLS = ("natpmp", "upnp")
PEER = f"{BEYOND}.50:5060"


def ports_of(gateway):
    return [(m.protocol, m.external_port, str(m.internal)) for m in gateway.mappings()]


class TestDiscover:
    @pytest.mark.parametrize(("protocol", "name"), [("natpmp", "NAT-PMP"), ("upnp", "UPnP IGD")])
    async def test_the_gateway_its_protocol_and_the_external_address(
        self, start_gateway, nat, protocol, name
    ):
        await start_gateway(protocol)
        said = await nat("discover")
        assert said.code == Exit.OK
        assert name in said.out
        assert OUTSIDE in said.out
        assert "ms" in said.out

    async def test_nothing_is_mapped(self, start_gateway, nat):
        gateway = await start_gateway()
        await nat("discover")
        assert gateway.mappings() == ()

    async def test_as_json(self, start_gateway, nat):
        await start_gateway("natpmp")
        told = (await nat("discover --json")).json
        assert (told["command"], told["exit"]) == ("discover", 0)
        assert [(each["protocol"], each["gateway"], each["in_use"]) for each in told["services"]] == [
            ("pmp", GATEWAY, True)
        ]
        assert told["services"][0]["answered_after"] < 30
        assert (told["external"]["address"], told["external"]["usable"]) == (OUTSIDE, True)

    async def test_it_says_whom_it_waited_for(self, start_gateway, nat):
        await start_gateway("natpmp")
        nat.survey = 2.0  # a search by UPnP takes longer
        said = await nat("discover")
        assert "Waited" in said.err
        assert "NAT-PMP answered after" in said.err
        assert "--wait" in said.err
        waited = (await nat("discover --json")).json["waited"]
        assert {each["protocol"]: each["outcome"] for each in waited["probes"]}["pmp"] == "answered"
        assert waited["seconds"] > 0

    async def test_whoever_wants_to_wait_waits(self, start_gateway, nat):
        await start_gateway("natpmp")
        assert (await nat("discover --wait 1 --json")).json["waited"]["seconds"] >= 1

    @pytest.mark.parametrize(
        ("line", "more"), [("discover --wait 5", "--wait 60"), ("status --timeout 5", "--timeout 60")]
    )
    async def test_one_that_is_too_slow_is_not_said_to_be_silent(self, start_gateway, nat, line, more):
        """As the WGT624: four seconds for each answer."""
        await start_gateway("upnp", delay=3.0)
        said = await nat(line)
        assert said.code == Exit.NO_GATEWAY
        assert "answers by UPnP" in said.err
        assert f"{more} waits longer" in said.err

    async def test_without_a_gateway_it_says_so_and_ends_with_1(self, nat):
        said = await nat("discover --timeout 0.3")
        assert said.code == Exit.NO_GATEWAY
        assert GATEWAY in said.err
        assert "Traceback" not in said.err

    async def test_without_a_gateway_json_has_the_error(self, nat):
        told = (await nat("discover --timeout 0.3 --json")).json
        assert told["exit"] == 1
        assert "does not answer" in told["error"]


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


class TestStatus:
    async def test_what_is_remembered_is_looked_up_in_the_gateways_table(self, start_gateway, nat):
        gateway = await start_gateway("upnp")
        await nat("add 25060")
        assert (await nat("status --json")).json["mappings"][0]["listed"] is True
        await gateway.reboot()
        gateway.hold("udp", 25070, Endpoint(US, 80), "somebody else")
        said = await nat("status")
        assert said.code == Exit.PARTLY
        assert "NO" in said.out

    async def test_LI06_an_empty_table_proves_nothing(self, start_gateway, nat):
        await start_gateway("upnp", rows=frozenset({"LI06"}))
        async with asyncio.timeout(60):  # what looking told is known at once
            added = await nat("add 25060 --timeout 3600")
        assert "table is empty, and it has never shown" in added.err
        said = await nat("status")
        assert said.code == Exit.PARTLY
        assert "cannot tell" in said.out
        assert "never show an entry" in said.err

    async def test_it_fits_a_terminal_where_all_is_on_one_gateway(self, start_gateway, nat):
        await start_gateway("upnp")
        await nat("add 25060 --label desk")
        table = (await nat("status")).out.partition("Remembered, on ")[2]
        assert table.startswith(f"{GATEWAY} by UPnP IGD:")
        assert max(map(len, table.splitlines())) <= 80

    async def test_carrier_grade_nat_is_named(self, start_gateway, nat):
        await start_gateway(external_address="100.64.3.4")
        said = await nat("status")
        assert said.code == Exit.PARTLY
        assert "carrier-grade NAT" in said.out


class TestExplain:
    async def test_it_says_how_far_it_got_and_leaves_nothing(self, start_gateway, nat):
        gateway = await start_gateway("upnp")
        said = await nat("explain 25060")
        assert "udp 25060" in said.out
        assert "is removed" in said.err
        assert gateway.mappings() == ()

    async def test_what_was_there_before_stays(self, start_gateway, nat):
        gateway = await start_gateway("upnp")
        await nat("add 25060")
        said = await nat("explain 25060")
        assert "stays" in said.err
        assert len(gateway.mappings()) == 1


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


class TestWatch:
    async def test_events_as_json_one_a_line(self, start_gateway, nat):
        await start_gateway()
        watching = asyncio.ensure_future(nat("watch --json"))
        await eventually(lambda: "GatewayFound" in nat.out.getvalue())
        await interrupt(signal.SIGINT)
        said = await watching
        events = [json.loads(line) for line in said.out.splitlines()]
        assert {"GatewayFound", "state"} <= {each["event"] for each in events}


class TestNotUnderstood:
    @pytest.mark.parametrize("line", ["add 5060 --lease -1", "add 70000", "open 5060", "delete"])
    async def test_as_json_it_is_an_object_too(self, nat, line, capsys):
        said = await nat(f"{line} --json")
        assert said.code == Exit.USAGE
        assert (said.json["command"], said.json["exit"]) == (None, Exit.USAGE)
        assert said.json["error"] in capsys.readouterr().err

    async def test_otherwise_standard_output_has_nothing(self, nat):
        assert (await nat("add 70000")).out == ""


class TestProfile:
    async def test_set_shown_and_forgotten(self, nat):
        said = await nat("profile set acme-r1 permanent_only=yes recheck_every=45")
        assert said.code == Exit.OK
        assert "permanent" in said.out
        (row,) = (await nat("profile --json")).json["profiles"]
        assert (row["permanent_only"], row["recheck_every"]) == (True, 45.0)
        assert row["by_hand"] == ["permanent_only", "recheck_every"]
        await nat("profile forget acme-r1")
        assert (await nat("profile --json")).json["profiles"] == []

    async def test_one_decision_taken_back_is_learned_again(self, nat):
        await nat("profile set acme-r1 permanent_only=yes recheck_every=45")
        await nat("profile forget acme-r1 permanent_only")
        (row,) = (await nat("profile --json")).json["profiles"]
        assert (row["permanent_only"], row["by_hand"]) == (False, ["recheck_every"])

    @pytest.mark.parametrize(
        ("line", "hint"),
        [
            ("profile set acme", "NAME=VALUE"),
            ("profile forget nobody", "no profile 'nobody'"),
            ("profile forget acme pace", "'pace' was not set by hand; recheck_every was"),
        ],
    )
    async def test_what_cannot_be_done_is_said(self, nat, line, hint):
        await nat("profile set acme recheck_every=45")
        said = await nat(line)
        assert said.code == Exit.USAGE
        assert hint in said.err
        assert len((await nat("profile --json")).json["profiles"]) == 1

    @pytest.mark.parametrize(
        ("setting", "hint"),
        [
            ("color=red", "permanent_only"),
            ("permanent_only=maybe", "yes or no"),
            ("pace=fast", "0 to 5 seconds"),
        ],
    )
    async def test_a_setting_that_is_none_says_what_is(self, nat, setting, hint):
        said = await nat(f"profile set acme {setting}")
        assert said.code == Exit.USAGE
        assert hint in said.err


class TestProfileInUse:
    async def test_what_a_person_set_is_used_by_the_very_next_request(self, start_gateway, nat):
        gateway = await start_gateway("upnp")
        fingerprint = (await nat("discover --json")).json["gateway"]["fingerprint"]
        await nat("profile set", fingerprint, "permanent_only=yes")
        told = (await nat("add 25060 --json")).json
        assert [each.lifetime_left for each in gateway.mappings()] == [None]
        assert told["mappings"][0]["lifetime_left"] is None
        assert len([each for each in told["mappings"][0]["attempts"] if " map " in each["asked"]]) == 1
        assert "set by hand" in " ".join(told["gateway"]["learned"])

    @pytest.mark.parametrize("protocol", ["natpmp", "pcp"])
    async def test_gateways_without_a_description_have_a_fingerprint_too(
        self, start_gateway, nat, monkeypatch, protocol
    ):
        """By their maker's part of the hardware address, which loopback lacks."""
        monkeypatch.setattr(memory_driver, "hardware_address", lambda address: "02:11:22:33:44:55")
        await start_gateway(protocol)
        fingerprint = (await nat("discover --json")).json["gateway"]["fingerprint"]
        await nat("profile set", fingerprint, "recheck_every=45")
        for line in ("discover --json", "status --json", "add 25060 --json", "list --json"):
            told = (await nat(line)).json["gateway"]
            assert told["fingerprint"] == fingerprint, line
            assert told["learned"] == ["forgets mappings: looked at every 45 s (set by hand)"], line

    async def test_what_a_gateway_taught_is_shown(self, start_gateway, nat):
        await start_gateway("upnp", permanent_only=True)
        await nat("add 25060")
        assert "permanent" in (await nat("profile")).out
        assert "permanent" in (await nat("status")).out


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


class TestDiscoverEverything:
    async def test_every_service_of_a_gateway_and_which_is_used_first(self, start_gateway, nat):
        await start_gateway("pcp", "natpmp", "upnp")
        told = (await nat("discover --json")).json
        assert [(each["protocol"], each["in_use"]) for each in told["services"]] == [
            ("pcp", True),
            ("pmp", False),
            ("upnp", False),
        ]
        assert told["external"]["address"] == OUTSIDE

    async def test_one_that_answers_and_forbids_is_shown_with_why(self, start_gateway, nat):
        await start_gateway("natpmp", refuse=True)
        told = (await nat("discover --json")).json
        assert told["services"][0]["protocol"] == "pmp"


class TestQuiet:
    async def test_only_the_result_remains(self, start_gateway, nat):
        await start_gateway()
        said = await nat("add 25060 --quiet")
        assert (said.code, said.err) == (Exit.OK, "")


class TestFlow:
    """``add --peer``: the translation of one flow (PCP's PEER)."""

    async def test_where_the_peer_sees_us(self, start_gateway, nat):
        await start_gateway("pcp")
        said = await nat(f"add 25060 --peer {PEER}")
        assert said.code == Exit.OK, said.err
        assert f"{PEER} sees udp 25060 at {OUTSIDE}:25060" in said.out

    async def test_as_json_and_remembered(self, start_gateway, nat):
        await start_gateway("pcp")
        told = (await nat(f"add 25060 --peer {PEER} --json")).json
        assert told["peers"][0] | {"lifetime_left": 0} == {
            "protocol": "udp",
            "family": "ipv4",
            "internal_port": 25060,
            "remote": PEER,
            "external_address": OUTSIDE,
            "external_port": 25060,
            "near_address": OUTSIDE,
            "near_port": 25060,
            "state": "accepted",
            "lifetime_left": 0,
            "reason": "",
        }
        (row,) = (await nat("status --json")).json["mappings"]
        assert (row["remote"], row["listed"]) == (PEER, None)
        assert f"flow to {PEER}" in (await nat("status")).out

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    async def test_a_gateway_that_cannot_has_not_refused(self, start_gateway, nat, protocol):
        await start_gateway(protocol)
        said = await nat(f"add 25060 --peer {PEER}")
        assert said.code == Exit.PARTLY
        assert "only PCP has one" in said.err

    async def test_nobody_tries_to_delete_it(self, start_gateway, nat):
        await start_gateway("pcp")
        await nat(f"add 25060 --peer {PEER}")
        assert "udp       -  " in (await nat("cleanup")).out  # what the gateway gave to it is not known
        told = (await nat("cleanup --json")).json
        assert told["deleted"] == []
        assert "ends by itself" in told["left_alone"][0]["because"]
        assert "no such mapping" in (await nat("delete --all-ours")).err

    async def test_behind_another_nat_it_says_how_far_it_is_kept_and_ends_with_4(self, start_gateway, nat):
        await start_gateway("pcp", external_address="192.168.7.2")
        said = await nat(f"add 25060 --peer {PEER}")
        assert said.code == Exit.PARTLY
        assert "udp 25060 is kept at 192.168.7.2:" in said.out
        assert "another NAT translates it" in said.err
        (flow,) = (await nat(f"add 25060 --peer {PEER} --json")).json["peers"]
        assert (flow["external_address"], flow["near_address"]) == (None, "192.168.7.2")

    @pytest.mark.parametrize("peer", ["sip.example.net:5060", "203.0.113.5", "203.0.113.5:0", "::1:5060"])
    async def test_what_is_no_peer(self, nat, peer):
        said = await nat(f"add 25060 --peer {peer}")
        assert said.code == Exit.USAGE

    async def test_what_is_of_no_meaning_for_a_flow(self, nat):
        said = await nat(f"add 25060 --peer {PEER} --exact")
        assert (said.code, "--exact" in said.err) == (Exit.USAGE, True)


class TestWhatAPersonMeets:
    async def test_a_journal_that_cannot_be_used_is_told_before_anything_is_mapped(
        self, start_gateway, nat, tmp_path
    ):
        gateway = await start_gateway()
        nat.store = tmp_path / "shopping.txt"
        nat.store.write_text("my shopping list\n" * 99)
        said = await nat("add 25060")
        assert said.code == Exit.LOCAL
        assert "cannot be used" in said.err
        assert gateway.mappings() == ()

    @pytest.mark.parametrize(
        ("wish", "hint"),
        [
            ("25060", "delete 25060/udp"),
            ("25060/both", "delete 25060\n"),
            ("25060 --set pair", "delete --range 25060-25061"),
        ],
    )
    async def test_the_hint_takes_back_all_of_it(self, start_gateway, nat, wish, hint):
        gateway = await start_gateway()
        said = await nat(f"add {wish}")
        assert hint in said.err
        await nat(hint.strip())
        assert gateway.mappings() == ()

    @pytest.mark.parametrize("command", ["status", "add 25060", "delete 25060", "list", "explain 25060"])
    async def test_interrupted_while_nobody_answers(self, nat, command):
        """Ctrl-C cancels the command, as ``asyncio.run`` does it."""
        waiting = asyncio.ensure_future(nat(f"{command} --json"))
        await asyncio.sleep(0)
        await eventually(lambda: len(asyncio.all_tasks()) > 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        told = json.loads(nat.out.getvalue())
        assert told == {"command": command.split()[0], "exit": 130, "error": "interrupted"}


class TestMetrics:
    async def test_status_as_prometheus_reads_it(self, start_gateway, nat):
        await start_gateway("upnp")
        await nat("add 25060")
        said = await nat("status --metrics")
        assert said.code == Exit.OK
        told = {each.name: each.samples for each in text_string_to_metric_families(said.out)}
        assert [each.value for each in told["ringthru_nat_gateway_up"]] == [1.0]
        remembered = {each.labels["table"]: each.value for each in told["ringthru_nat_remembered"]}
        assert remembered == {"listed": 1.0, "not listed": 0.0, "cannot tell": 0.0}
        assert "ringthru_nat_mapping_enabled" not in told  # it only looks

    async def test_without_a_gateway_it_is_down_and_the_status_says_so_too(self, nat):
        said = await nat("status --metrics --timeout 30")
        assert said.code == Exit.NO_GATEWAY
        told = {each.name: each.samples for each in text_string_to_metric_families(said.out)}
        assert [each.value for each in told["ringthru_nat_gateway_up"]] == [0.0]

    async def test_not_with_json(self, nat, capsys):
        assert (await nat("status --metrics --json")).code == Exit.USAGE
        assert "without --json" in capsys.readouterr().err
