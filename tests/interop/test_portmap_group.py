"""Several gateways at once, real ones: two lines, two boxes that are alike, and two ways to one gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import (
    PBX,
    PBX_ADDRESS6,
    PUB,
    SECOND,
    SECOND_WAN,
    WAN_ADDRESS,
    Laboratory,
    Topology,
)
from ringthru.lab.namespaces.miniupnpd import NatRule, Serves, Settings
from ringthru.lab.namespaces.nat_rules import Pinhole
from ringthru.lab.namespaces.world import World

from .mapping_process import Engine, arrives, nat
from .two_lines_world import FIRST, OUTSIDE, Lines, TwoLines

NEAR, FAR = "192.168.1.103", "192.168.2.103"
ON_FIRST, ON_SECOND = NatRule("udp", 5060, NEAR, 5060), NatRule("udp", 5060, FAR, 5060)


@pytest.fixture
def lines() -> Iterator[TwoLines]:
    """The first speaks everything, the second UPnP alone."""
    with TwoLines(second=Settings(Serves.UPNP)) as lines:
        yield lines


def start(lines: World, directory: Path, **settings: object) -> Engine:
    return Engine(lines, directory, group=True, **settings).start()  # type: ignore[arg-type]


def granted(engine: Engine, port: int = 5060) -> list[str]:
    found: list[str] = engine.look()["granted"][str(port)]
    return found


class TestTwoLines:
    def test_one_that_only_a_routing_rule_leads_to_is_found_and_mapped_on(
        self, lines: TwoLines, tmp_path: Path
    ) -> None:
        lines.lead_by_rule("eth1")
        engine = start(lines, tmp_path)
        engine.want(5060)
        engine.until(lambda: granted(engine) == ["eth0", "eth1"], what="a yes from both")
        assert lines.nat_rules() == ([ON_FIRST], [ON_SECOND])
        assert arrives(lines, 5060, (SECOND_WAN, 5060), FAR, (PUB, OUTSIDE[SECOND]))
        engine.stop()
        assert lines.nat_rules() == ([], [])

    def test_each_maps_to_our_address_on_its_own_line_and_is_open_there(
        self, lines: TwoLines, tmp_path: Path
    ) -> None:
        engine = start(lines, tmp_path, store=str(tmp_path / "ports"))
        engine.want(5060)
        engine.until(lambda: granted(engine) == ["eth0", "eth1"], what="a yes from both")
        assert lines.nat_rules() == ([ON_FIRST], [ON_SECOND])
        seen = engine.look()["interfaces"]
        assert [each["external"] for each in seen.values()] == [WAN_ADDRESS, SECOND_WAN]
        assert [each["type"] for each in seen.values()] == ["pcp", "upnp"]
        assert arrives(lines, 5060, (WAN_ADDRESS, 5060), NEAR, (PUB, OUTSIDE[FIRST]))
        assert arrives(lines, 5060, (SECOND_WAN, 5060), FAR, (PUB, OUTSIDE[SECOND]))
        engine.stop()
        assert lines.nat_rules() == ([], [])

    def test_a_person_opens_and_closes_a_port_on_both(self, lines: TwoLines, tmp_path: Path) -> None:
        store = ("--every-interface", "--store", str(tmp_path / "nat.sqlite3"))
        said = nat(lines, "add", "5060", *store)
        assert f"{WAN_ADDRESS}:5060" in said
        assert f"{SECOND_WAN}:5060" in said
        assert lines.nat_rules() == ([ON_FIRST], [ON_SECOND])
        nat(lines, "delete", "5060", *store)
        assert lines.nat_rules() == ([], [])

    def test_one_that_is_cut_off_leaves_the_other_alone_and_is_mapped_again_when_it_is_back(
        self, lines: TwoLines, tmp_path: Path
    ) -> None:
        engine = start(lines, tmp_path)
        engine.want(5060)
        engine.until(lambda: granted(engine) == ["eth0", "eth1"], what="a yes from both")
        lines.pull("eth0")
        engine.heard("eth0: MappingRemoved")
        engine.until(lambda: granted(engine) == ["eth1"], what="one left")
        lines.first.stop_daemon()
        lines.first.flush_mappings()
        engine.want(5061)
        engine.until(lambda: granted(engine, 5061) == ["eth1"], what="the rest works on")
        assert "eth1: MappingRemoved" not in "\n".join(engine.events())
        lines.settle("eth0", 100)
        lines.first.start()
        engine.until(lambda: granted(engine) == granted(engine, 5061) == ["eth0", "eth1"], 20, "both again")
        assert ON_FIRST in lines.nat_rules()[0]
        engine.stop()
        assert lines.nat_rules() == ([], [])

    def test_an_interface_that_appears_and_goes_is_followed(self, lines: TwoLines, tmp_path: Path) -> None:
        lines.pull("eth1")
        engine = start(lines, tmp_path)
        engine.want(5060)
        engine.until(lambda: granted(engine) == ["eth0"], what="the only line")
        assert list(engine.look()["interfaces"]) == ["eth0"]
        lines.settle("eth1", 200)
        engine.until(lambda: granted(engine) == ["eth0", "eth1"], what="the new line")
        lines.ip(PBX, "link delete eth1")
        engine.heard("eth1: InterfaceRemoved")
        assert list(engine.look()["interfaces"]) == ["eth0"]
        engine.stop()

    def test_one_that_hangs_delays_neither_a_mapping_nor_the_end(
        self, lines: TwoLines, tmp_path: Path
    ) -> None:
        engine = start(lines, tmp_path, stop_patience=0.5)
        engine.want(5060)
        engine.until(lambda: granted(engine) == ["eth0", "eth1"], what="a yes from both")
        lines.second.freeze_daemon()
        engine.want(5061)
        engine.until(lambda: granted(engine, 5061) == ["eth0"], what="the one that answers")
        engine.stop()
        first, second = lines.nat_rules()
        assert first == []
        assert second == [ON_SECOND], "left to its lease"

    def test_on_one_of_them_alone_until_that_line_is_cut(self, lines: TwoLines, tmp_path: Path) -> None:
        engine = start(lines, tmp_path)
        engine.want(5060, placement="first")
        engine.until(lambda: sum(map(len, lines.nat_rules())) == 1, what="one mapping")
        (kept,) = granted(engine)
        other = "eth1" if kept == "eth0" else "eth0"
        lines.pull(kept)
        engine.until(lambda: granted(engine) == [other], what="the other line")
        engine.stop()


class TestTwoBoxesThatAreAlike:
    def test_both_are_192_168_1_1_and_each_is_asked_over_its_own_wire(self, tmp_path: Path) -> None:
        with TwoLines(Lines.ALIKE) as lines:
            engine = start(lines, tmp_path)
            engine.want(5060)
            engine.until(lambda: granted(engine) == ["eth0", "eth1"], what="a yes from both")
            second = lines.addresses["eth1"]
            assert lines.nat_rules() == ([ON_FIRST], [NatRule("udp", 5060, second, 5060)])
            engine.stop()
            assert lines.nat_rules() == ([], [])


class TestSeveralIpv6Addresses:
    """A machine with two global addresses, as where a provider's prefix is joined by a second one."""

    FURTHER = "2a0e:113:1::104"

    @pytest.fixture
    def home(self) -> Iterator[Laboratory]:
        with Laboratory(Topology.DUAL_STACK) as home:
            home.ip(PBX, f"address add {self.FURTHER}/64 dev eth0")
            yield home

    def both(self) -> list[Pinhole]:
        return [Pinhole("udp", PBX_ADDRESS6, 5060), Pinhole("udp", self.FURTHER, 5060)]

    def test_a_pinhole_leads_to_each_and_one_that_goes_is_followed(
        self, home: Laboratory, tmp_path: Path
    ) -> None:
        engine = start(home, tmp_path, every_address=True)
        engine.want(5060, family="ipv6")
        engine.want(5061)
        engine.until(lambda: home.pinholes() == self.both(), what="two holes")
        further = f"eth0 {self.FURTHER}"
        engine.until(lambda: granted(engine) == ["eth0", further], what="a yes to both")
        assert granted(engine, 5061) == ["eth0"], "IPv4 is mapped once"
        home.ip(PBX, f"address delete {self.FURTHER}/64 dev eth0")
        engine.heard(f"{further}: InterfaceRemoved")
        engine.stop()
        assert home.pinholes() == [self.both()[1]], "left to its lease: nobody can ask from there"

    def test_a_person_opens_both(self, home: Laboratory, tmp_path: Path) -> None:
        store = ("--every-interface", "--store", str(tmp_path / "nat.sqlite3"))
        said = nat(home, "add", "5060", "--family", "ipv6", *store)
        assert home.pinholes() == self.both()
        assert f"[{PBX_ADDRESS6}]:5060" in said
        assert f"[{self.FURTHER}]:5060" in said


class TestTwoWaysToOneGateway:
    def test_it_maps_once_and_the_other_way_stands_in(self, tmp_path: Path) -> None:
        with TwoLines(Lines.ONE_LAN) as lines:
            engine = start(lines, tmp_path)
            engine.want(5060)
            engine.until(lambda: granted(engine) == ["eth0"], what="the better way")
            engine.until(lambda: engine.look()["interfaces"]["eth1"]["gateway"], what="the other way, too")
            assert engine.look()["interfaces"]["eth1"]["state"] == "standing by"
            assert lines.nat_rules()[0] == [ON_FIRST]
            lines.pull("eth0")
            engine.until(lambda: granted(engine) == ["eth1"], what="the one that stood by")
            second = lines.addresses["eth1"]
            assert second in {rule.internal_address for rule in lines.nat_rules()[0]}
            engine.stop()
