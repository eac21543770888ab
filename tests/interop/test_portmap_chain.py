"""The engine behind two real gateways: one behind the other, two on one LAN, and one with IPv6."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ringthru
from ringthru.lab.namespaces.laboratory import (
    BESIDE,
    INNER_WAN,
    LAN_ADDRESS,
    MIDDLE_ROUTER,
    PBX,
    PBX_ADDRESS,
    PBX_ADDRESS6,
    PUB,
    PUB_ADDRESS,
    PUB_ADDRESS6,
    SECOND_PBX,
    SECOND_PBX_ADDRESS,
    SECOND_WAN,
    WAN_ADDRESS,
    Laboratory,
    Topology,
)
from ringthru.lab.namespaces.miniupnpd import NatRule, Serves, Settings
from ringthru.lab.namespaces.nat_rules import Pinhole
from ringthru.lab.namespaces.netns import wait_for
from ringthru.portmap.nesting.hops_driver import next_hops

from .mapping_process import Engine, arrives, nat

OUTSIDE = (PUB, PUB_ADDRESS)
OUTSIDE6 = (PUB, PUB_ADDRESS6)
INNER = NatRule("udp", 5060, PBX_ADDRESS, 5060)
OUTER = NatRule("udp", 5060, INNER_WAN, 5060)


def cascade(inner: Serves = Serves.BOTH, outer: Serves = Serves.BOTH) -> Laboratory:
    """The inner gateway maps although its WAN address is private, as gateways behind gateways do."""
    settings = Settings(inner, private_wan=True)
    return Laboratory(Topology.CASCADE, settings=settings, second=Settings(outer))


def rules(laboratory: Laboratory) -> tuple[list[NatRule], list[NatRule]]:
    """Of the inner gateway and of the outer one."""
    assert laboratory.second is not None
    return laboratory.nat_rules(), laboratory.second.nat_rules()


@pytest.fixture
def behind_two() -> Iterator[Laboratory]:
    with cascade() as laboratory:
        yield laboratory


class TestCascade:
    def test_without_nesting_it_says_that_the_address_is_private(
        self, behind_two: Laboratory, tmp_path: Path
    ) -> None:
        engine = Engine(behind_two, tmp_path).start()
        engine.want(5060)
        engine.until_granted(5060)
        look = engine.look()
        assert (look["external"], look["reported"], look["chain"]) == (None, INNER_WAN, [])
        assert rules(behind_two) == ([INNER], [])
        engine.stop()

    @pytest.mark.parametrize(
        ("inner", "outer", "spoken"),
        [(Serves.BOTH, Serves.BOTH, "pmp"), (Serves.UPNP, Serves.UPNP, "upnp")],
        ids=["PCP within, NAT-PMP beyond, as PCP notices the NAT between", "UPnP within and beyond"],
    )
    def test_nested_both_gateways_map_and_traffic_comes_through(
        self, inner: Serves, outer: Serves, spoken: str, tmp_path: Path
    ) -> None:
        with cascade(inner, outer) as laboratory:
            engine = Engine(laboratory, tmp_path, nested=True).start()
            engine.want(5060)
            assert engine.until_granted(5060) == [5060]
            assert rules(laboratory) == ([INNER], [OUTER])
            look = engine.look()
            assert (look["external"], look["mappings"]["udp 5060"]["address"]) == (WAN_ADDRESS, WAN_ADDRESS)
            assert [(each["gateway"], each["type"]) for each in look["chain"]] == [(MIDDLE_ROUTER, spoken)]
            assert arrives(laboratory, 5060, (WAN_ADDRESS, 5060), PBX_ADDRESS, OUTSIDE)
            told = [each for each in engine.events() if each.startswith(("MappingAdded", "External"))]
            assert [each.partition("(")[0] for each in told].count("MappingAdded") == 1
            assert f"current='{WAN_ADDRESS}'" in engine.heard("ExternalAddressChanged")
            assert engine.ask("release", port=5060)["agreed"]
            engine.until(lambda: rules(laboratory) == ([], []), what="both deleted")
            engine.want(5070)
            engine.until_granted(5070)
            engine.stop()
            assert rules(laboratory) == ([], [])

    def test_the_outer_gateways_other_port_is_the_one_that_is_told(
        self, behind_two: Laboratory, tmp_path: Path
    ) -> None:
        """Somebody between the gateways holds the port already."""
        behind_two.run("gateway", ["natpmpc", "-g", MIDDLE_ROUTER, "-a", "5060", "6060", "udp", "3600"])
        engine = Engine(behind_two, tmp_path, nested=True).start()
        engine.want(5060)
        (external,) = engine.until_granted(5060)
        assert external != 5060 or rules(behind_two)[1] == [OUTER]
        assert f"external_port={external}" in engine.heard("MappingAdded")
        assert arrives(behind_two, 5060, (WAN_ADDRESS, external), PBX_ADDRESS, OUTSIDE)
        engine.stop()
        assert rules(behind_two)[0] == []

    def test_the_next_router_is_found_by_asking_the_network(self, behind_two: Laboratory) -> None:
        hops = behind_two.call_in(PBX, lambda: asyncio.run(next_hops(PBX_ADDRESS)))
        assert hops[0] == MIDDLE_ROUTER

    def test_an_outer_power_cycle_is_healed(self, behind_two: Laboratory, tmp_path: Path) -> None:
        assert behind_two.second is not None
        engine = Engine(behind_two, tmp_path, nested=True).start()
        engine.want(5060)
        engine.until_granted(5060)
        behind_two.second.reboot()
        engine.ask("republish")
        engine.until(lambda: rules(behind_two) == ([INNER], [OUTER]), what="both again")
        engine.stop()
        assert rules(behind_two) == ([], [])

    def test_without_anybody_beyond_the_verdict_comes_in_words(self, tmp_path: Path) -> None:
        with cascade() as laboratory:
            assert laboratory.second is not None
            laboratory.second.stop_daemon()
            engine = Engine(laboratory, tmp_path, nested=True).start()
            engine.want(5060)
            engine.until(lambda: engine.mapping(5060)["state"] == "refused", 20, "the verdict")
            assert "behind another NAT" in engine.mapping(5060)["reason"]
            engine.stop()
            assert rules(laboratory) == ([], [])

    def test_nat_add_nested_shows_where_others_reach_us(self, behind_two: Laboratory, tmp_path: Path) -> None:
        store = ("--store", str(tmp_path / "journal"))
        added = nat(behind_two, "add", "5060", "--nested", "--json", *store)
        assert WAN_ADDRESS in json.dumps(json.loads(added))
        assert rules(behind_two) == ([INNER], [OUTER])


class TestBothEndsAreTakenAway:
    def test_delete_nested(self, behind_two: Laboratory, tmp_path: Path) -> None:
        store = ("--store", str(tmp_path / "journal"))
        nat(behind_two, "add", "5060", "--nested", *store)
        assert rules(behind_two) == ([INNER], [OUTER])
        told = json.loads(nat(behind_two, "delete", "5060", "--nested", "--json", *store))
        assert [(each["deleted"], each["beyond"]) for each in told["deleted"]] == [
            (True, None),
            (True, MIDDLE_ROUTER),
        ]
        assert rules(behind_two) == ([], [])
        assert json.loads(nat(behind_two, "cleanup", "--json", *store))["left_alone"] == []

    def test_delete_nested_of_what_was_added_twice(self, behind_two: Laboratory, tmp_path: Path) -> None:
        """The second time, what PCP was asked for and refused beyond is no mapping that stays."""
        store = ("--store", str(tmp_path / "journal"))
        for _ in range(2):
            nat(behind_two, "add", "5060", "--nested", *store)
        told = json.loads(nat(behind_two, "delete", "5060", "--nested", "--json", *store))
        assert [(each["deleted"], each["beyond"]) for each in told["deleted"]] == [
            (True, None),
            (True, MIDDLE_ROUTER),
        ]
        assert rules(behind_two) == ([], [])
        assert json.loads(nat(behind_two, "status", "--json", *store, check=False))["mappings"] == []

    def test_delete_without_it_says_that_there_is_more(self, behind_two: Laboratory, tmp_path: Path) -> None:
        store = ("--store", str(tmp_path / "journal"))
        nat(behind_two, "add", "5060", "--nested", *store)
        nat(behind_two, "delete", "5060", *store)
        assert rules(behind_two) == ([], [OUTER])
        told = json.loads(nat(behind_two, "delete", "5060", "--nested", "--json", *store))
        assert [(each["external_port"], each["beyond"]) for each in told["deleted"]] == [
            (5060, MIDDLE_ROUTER)
        ]
        assert rules(behind_two) == ([], [])

    def test_at_another_number_beyond(self, behind_two: Laboratory, tmp_path: Path) -> None:
        store = ("--store", str(tmp_path / "journal"))
        taken = NatRule("udp", 5060, INNER_WAN, 7070)
        argv = ["natpmpc", "-g", MIDDLE_ROUTER, "-a", "5060", "7070", "udp", "3600"]
        behind_two.run("gateway", argv)
        nat(behind_two, "add", "5060", "--nested", *store)
        assert len(rules(behind_two)[1]) == 2
        nat(behind_two, "delete", "--all-ours", "--nested", *store)
        assert rules(behind_two) == ([], [taken])

    def test_cleanup_after_a_crash(self, behind_two: Laboratory, tmp_path: Path) -> None:
        store = tmp_path / "journal"
        engine = Engine(behind_two, tmp_path, nested=True, store=str(store)).start()
        engine.want(5060)
        engine.until_granted(5060)
        engine.kill()
        told = json.loads(nat(behind_two, "cleanup", "--dry-run", "--json", "--store", str(store)))
        assert [each["beyond"] for each in told["would_delete"]] == [None, MIDDLE_ROUTER]
        assert rules(behind_two) == ([INNER], [OUTER])
        told = json.loads(nat(behind_two, "cleanup", "--json", "--store", str(store)))
        assert all(each["deleted"] for each in told["deleted"])
        assert rules(behind_two) == ([], [])


class TestProofThroughACascade:
    @pytest.fixture
    def echo_host(self, behind_two: Laboratory, tmp_path: Path) -> Iterator[str]:
        log = tmp_path / "echo.log"
        argv = [sys.executable, "-m", "ringthru", "nat", "echo", "--listen", PUB_ADDRESS]
        source = str(Path(ringthru.__file__).parents[1])
        process = behind_two.popen(PUB, argv, log, {"PYTHONPATH": source})
        wait_for(lambda: PUB_ADDRESS in log.read_text(), 15, "the echo host")
        yield f"{PUB_ADDRESS}:4478"
        process.kill()
        process.wait()

    def test_nested_it_is_reached_at_the_far_ends_address(
        self, behind_two: Laboratory, tmp_path: Path, echo_host: str
    ) -> None:
        engine = Engine(behind_two, tmp_path, nested=True, echo=echo_host, echo_listens=True).start()
        engine.want(5060)
        engine.until(lambda: engine.mapping(5060)["rung"] == "reachable", 20, "the proof")
        engine.stop()

    def test_without_nesting_the_other_address_is_named(
        self, behind_two: Laboratory, tmp_path: Path, echo_host: str
    ) -> None:
        engine = Engine(behind_two, tmp_path, echo=echo_host, echo_listens=True).start()
        engine.want(5060)
        engine.until(lambda: WAN_ADDRESS in str(engine.mapping(5060)["evidence"]), 20, "the proof")
        (words,) = [each for each in engine.mapping(5060)["evidence"] if WAN_ADDRESS in each]
        assert f"the gateway says {INNER_WAN}" in words
        engine.stop()


SIP = [["udp", 5060], ["tcp", 5060]]
BOTH_INNER = [NatRule("tcp", 5060, PBX_ADDRESS, 5060), INNER]
BOTH_OUTER = [NatRule("tcp", 5060, INNER_WAN, 5060), OUTER]


def externals(engine: Engine) -> set[int | None]:
    return {each["external"] for each in engine.look()["mappings"].values()}


class TestSetsInACascade:
    """All or nothing holds for the whole chain."""

    def test_both_gateways_have_all_of_it_and_release_takes_both_ends(
        self, behind_two: Laboratory, tmp_path: Path
    ) -> None:
        engine = Engine(behind_two, tmp_path, nested=True).start()
        engine.ask("want_set", rule="SAME_NUMBER", members=SIP)
        engine.until(lambda: externals(engine) == {5060}, what="the set")
        assert rules(behind_two) == (BOTH_INNER, BOTH_OUTER)
        assert engine.ask("release", port=5060)["agreed"]
        engine.until(lambda: rules(behind_two) == ([], []), what="both ends deleted")
        assert engine.look()["mappings"] == {}
        engine.stop()

    def test_a_number_that_is_taken_beyond_moves_all_of_it(
        self, behind_two: Laboratory, tmp_path: Path
    ) -> None:
        taken = NatRule("udp", 5060, INNER_WAN, 7070)
        argv = ["natpmpc", "-g", MIDDLE_ROUTER, "-a", "5060", "7070", "udp", "3600"]
        behind_two.run("gateway", argv)
        engine = Engine(behind_two, tmp_path, nested=True).start()
        engine.ask("want_set", rule="SAME_NUMBER", members=SIP)
        engine.until(lambda: len(externals(engine)) == 1 and None not in externals(engine), what="the set")
        (number,) = externals(engine)
        moved = [NatRule(name, number, INNER_WAN, 5060) for name in ("tcp", "udp")]
        assert sorted(rules(behind_two)[1]) == sorted([taken, *moved])
        engine.stop()
        assert rules(behind_two) == ([], [taken])

    def test_what_cannot_be_had_whole_beyond_is_not_had_in_part(self, tmp_path: Path) -> None:
        """The outer gateway allows 5060 and no other port: of a pair that is one half."""
        only = ("allow 5060 0.0.0.0/0 1024-65535", "deny 0-65535 0.0.0.0/0 0-65535")
        laboratory = Laboratory(
            Topology.CASCADE,
            settings=Settings(Serves.UPNP, private_wan=True),
            second=Settings(Serves.UPNP, rules=only),
        )
        with laboratory:
            engine = Engine(laboratory, tmp_path, nested=True).start()
            engine.ask("want_set", rule="PAIR", members=[["udp", 5060], ["udp", 5061]])
            engine.until(lambda: engine.mapping(5060)["state"] == "refused", 30, "the verdict")
            assert externals(engine) == {None}
            assert not [each for each in engine.events() if each.startswith("MappingAdded")]
            engine.until(lambda: rules(laboratory)[1] == [], what="nothing left beyond")
            engine.stop()
            assert rules(laboratory) == ([], [])


class TestTwoGatewaysOnOneLan:
    def test_the_default_one_is_used_and_the_other_left_alone(self, tmp_path: Path) -> None:
        with Laboratory(Topology.TWO_GATEWAYS, Serves.UPNP) as laboratory:
            engine = Engine(laboratory, tmp_path).start()
            engine.want(5060)
            engine.until_granted(5060)
            assert (engine.look()["gateway"], engine.look()["external"]) == (LAN_ADDRESS, WAN_ADDRESS)
            assert rules(laboratory) == ([INNER], [])
            engine.stop()

    def test_the_other_one_is_used_when_a_person_names_it(self, tmp_path: Path) -> None:
        with Laboratory(Topology.TWO_GATEWAYS) as laboratory:
            engine = Engine(laboratory, tmp_path, gateway=BESIDE).start()
            engine.want(5060)
            engine.until_granted(5060)
            assert (engine.look()["gateway"], engine.look()["external"]) == (BESIDE, SECOND_WAN)
            assert rules(laboratory) == ([], [INNER])
            engine.stop()
            assert rules(laboratory) == ([], [])


class TestTwoHomes:
    def test_each_reaches_the_others_mapping(self, tmp_path: Path) -> None:
        """Both map the same port, each on its own gateway; neither sees the other's."""
        with Laboratory(Topology.DOUBLE) as laboratory:
            homes = []
            for role in ("pbx", SECOND_PBX):
                directory = tmp_path / role
                directory.mkdir()
                homes.append(Engine(laboratory, directory, role).start())
            for home in homes:
                home.want(5060)
                home.until_granted(5060)
            assert rules(laboratory) == ([INNER], [NatRule("udp", 5060, SECOND_PBX_ADDRESS, 5060)])
            there = (SECOND_PBX, SECOND_PBX_ADDRESS)
            assert arrives(laboratory, 5060, (WAN_ADDRESS, 5060), PBX_ADDRESS, there)
            for home in homes:
                home.stop()
            assert rules(laboratory) == ([], [])


@pytest.mark.parametrize(
    "serves", [Serves.NATPMP, Serves.UPNP, Serves.BOTH], ids=["PCP", "WANIPv6FirewallControl", "both"]
)
class TestIpv6:
    """Where the default gateway is a link-local address, as router advertisements tell it."""

    def test_a_pinhole_lets_in_and_stop_closes_it(self, serves: Serves, tmp_path: Path) -> None:
        with Laboratory(Topology.DUAL_STACK, serves) as laboratory:
            engine = Engine(laboratory, tmp_path).start()
            assert not arrives(laboratory, 5060, (PBX_ADDRESS6, 5060), PBX_ADDRESS6, OUTSIDE6)
            engine.want(5060, family="ipv6")
            engine.until_granted(5060)
            by_upnp = any(each.startswith("UPnP") for each in engine.mapping(5060)["asked"])
            assert by_upnp is (serves is Serves.UPNP), engine.mapping(5060)["asked"]
            assert laboratory.pinholes() == [Pinhole("udp", PBX_ADDRESS6, 5060)]
            assert arrives(laboratory, 5060, (PBX_ADDRESS6, 5060), PBX_ADDRESS6, OUTSIDE6)
            assert engine.mapping(5060)["external"] == 5060
            engine.stop()
            assert laboratory.pinholes() == []
            assert not arrives(laboratory, 5060, (PBX_ADDRESS6, 5060), PBX_ADDRESS6, OUTSIDE6)

    def test_after_a_crash_the_next_start_closes_it(self, serves: Serves, tmp_path: Path) -> None:
        with Laboratory(Topology.DUAL_STACK, serves) as laboratory:
            store = str(tmp_path / "journal")
            engine = Engine(laboratory, tmp_path, store=store).start()
            engine.want(5060, family="ipv6")
            engine.until_granted(5060)
            engine.kill()
            assert laboratory.pinholes() == [Pinhole("udp", PBX_ADDRESS6, 5060)]
            again = Engine(laboratory, tmp_path, store=store).start()
            again.until(lambda: laboratory.pinholes() == [], 30, "the end of what nobody wants any more")
            again.stop()

    def test_what_the_command_opened_the_command_closes(self, serves: Serves, tmp_path: Path) -> None:
        with Laboratory(Topology.DUAL_STACK, serves) as laboratory:
            store = ("--store", str(tmp_path / "journal"))
            nat(laboratory, "add", "5060", "--family", "ipv6", *store)
            assert laboratory.pinholes() == [Pinhole("udp", PBX_ADDRESS6, 5060)]
            (deleted,) = json.loads(nat(laboratory, "delete", "5060", "--json", *store))["deleted"]
            assert (deleted["family"], deleted["reason"]) == ("ipv6", "")
            assert laboratory.pinholes() == []

    def test_both_families_are_had_side_by_side_and_outlive_a_power_cycle(
        self, serves: Serves, tmp_path: Path
    ) -> None:
        holes = [Pinhole(each, PBX_ADDRESS6, 5070) for each in ("tcp", "udp")]
        with Laboratory(Topology.DUAL_STACK, serves) as laboratory:
            engine = Engine(laboratory, tmp_path).start()
            engine.want(5060)
            for protocol in ("udp", "tcp"):
                engine.want(5070, protocol=protocol, family="ipv6")
            engine.until_granted(5060, 5070)
            engine.until_granted(5070, protocol="tcp")
            assert (laboratory.nat_rules(), laboratory.pinholes()) == ([INNER], holes)
            laboratory.reboot_gateway()  # it starts with empty tables; they may be full again by now
            engine.ask("republish")
            engine.until(lambda: laboratory.nat_rules() == [INNER], 30, "the mapping again")
            engine.until(lambda: laboratory.pinholes() == holes, 30, "the pinholes again")
            assert arrives(laboratory, 5060, (WAN_ADDRESS, 5060), PBX_ADDRESS, OUTSIDE)
            assert arrives(laboratory, 5070, (PBX_ADDRESS6, 5070), PBX_ADDRESS6, OUTSIDE6)
            engine.stop()
            assert laboratory.nat_rules() == []
            if serves is Serves.UPNP:  # by PCP miniupnpd 2.3.1 closes nothing that was renewed (PC21)
                assert laboratory.pinholes() == []


def test_looking_at_a_pinhole_that_was_just_opened_leaves_it_as_it_is(tmp_path: Path) -> None:
    """miniupnpd takes it away and makes it anew when it is asked for again: somebody would be kept out."""
    log = tmp_path / "nft.log"
    with Laboratory(Topology.DUAL_STACK, Serves.UPNP) as laboratory:
        monitor = laboratory.popen("gateway", ["nft", "monitor", "rules"], log)
        wait_for(lambda: hears_of_a_change(laboratory, log), 10, "nft monitor")
        engine = Engine(laboratory, tmp_path).start()
        engine.want(5060, family="ipv6")
        engine.until(lambda: engine.mapping(5060)["rung"] == "listed", what="the look")
        wait_for(lambda: "dport 5060" in log.read_text(), 5, "the rule")
        assert "delete rule inet filter miniupnpd" not in log.read_text()
        engine.stop()
        wait_for(lambda: "delete rule inet filter miniupnpd" in log.read_text(), 5, "its end")
        laboratory.end(monitor)


def hears_of_a_change(laboratory: Laboratory, log: Path) -> bool:
    table = "add table inet heard; add chain inet heard here; add rule inet heard here accept"
    laboratory.run("gateway", ["nft", table])
    return "inet heard here" in log.read_text()
