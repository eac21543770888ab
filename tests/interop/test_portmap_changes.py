"""What befalls a real gateway while the engine holds mappings on it: told by events, healed, and quick.

The seconds are printed (``pytest -s``) and not judged: a busy machine is not slow code.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PBX, PBX_ADDRESS, PUB, PUB_ADDRESS, WAN_ADDRESS, Laboratory
from ringthru.lab.namespaces.miniupnpd import NatRule, Serves

from .mapping_process import Engine, arrives, echo_host

OUTSIDE = (PUB, PUB_ADDRESS)
RULE = NatRule("udp", 5060, PBX_ADDRESS, 5060)
NEW_WAN = "11.0.113.77"
WHILE = 6  # seconds


class Home:
    """An engine that holds one mapping, and already listens to what the gateway announces."""

    def __init__(self, laboratory: Laboratory, directory: Path) -> None:
        self.laboratory = laboratory
        self.engine = Engine(laboratory, directory, store=str(directory / "journal")).start()
        self.engine.want(5060)
        self.engine.until_granted(5060)
        upnp = laboratory.daemon is not None and laboratory.daemon.settings.serves is Serves.UPNP
        self.engine.until(self._subscribed if upnp else self._listens, 15, "the engine's ears")

    def _listens(self) -> bool:
        return ":5350 " in self.laboratory.run(PBX, ["ss", "-uan"]).stdout

    def _subscribed(self) -> bool:
        """The gateway has opened a connection to us for its first event, and closed it."""
        return f"{PBX_ADDRESS}:" in self.laboratory.run(PBX, ["ss", "-tln"]).stdout and any(
            "GatewayFound" in each for each in self.engine.events()
        )

    def mapped(self) -> bool:
        return self.laboratory.nat_rules() == [RULE]

    def seconds_until(self, condition: Callable[[], object], what: str, timeout: float = 20) -> None:
        """Wait, and print how long it took from now."""
        before = time.monotonic()
        self.engine.until(condition, timeout, what)
        print(f"{what}: {time.monotonic() - before:.2f} s")

    def has_been_up_for_a_while(self) -> bool:
        """Long enough for the epoch to tell: RFC 6887 §8.5 takes some seconds for the clock's drift."""
        assert self.laboratory.daemon is not None
        if self.laboratory.daemon.settings.serves is Serves.UPNP:
            return True
        found = re.search(r"epoch = (\d+)", self.laboratory.run(PBX, ["natpmpc"]).stdout)
        return found is not None and int(found[1]) >= WHILE

    def open_from_outside(self) -> bool:
        return arrives(self.laboratory, 5060, (self.laboratory.wan_address, 5060), PBX_ADDRESS, OUTSIDE)


@pytest.fixture(params=[Serves.BOTH, Serves.UPNP], ids=["PCP", "UPnP"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    with Laboratory(serves=request.param) as laboratory:
        home = Home(laboratory, tmp_path)
        yield home
        home.engine.stop()
        assert laboratory.nat_rules() == []


def test_a_new_public_address_is_told_and_the_mapping_leads_there(home: Home) -> None:
    """Announced by PCP and NAT-PMP (RFC 6886 §3.2.1), or by an event of UPnP's."""
    before = time.monotonic()
    home.laboratory.change_wan_address(NEW_WAN)
    home.engine.until(lambda: home.engine.look()["external"] == NEW_WAN, what="the new address")
    print(f"a new address, announced: {time.monotonic() - before:.2f} s")
    told = [each for each in home.engine.events() if each.startswith("ExternalAddressChanged")]
    assert f"current='{NEW_WAN}'" in told[-1]
    home.engine.until(lambda: home.engine.mapping(5060)["state"] == "accepted", what="the mapping")
    home.engine.until(home.mapped, what="the rule")
    assert home.open_from_outside()


def test_a_line_that_goes_down_and_comes_back_is_told_both_times(home: Home) -> None:
    """Without a WAN address miniupnpd answers NAT-PMP 3, PCP 7 and an empty address."""
    home.laboratory.take_wan_address()
    home.engine.until(lambda: home.engine.look()["external"] is None, 70, "the line is down")
    assert "current=None" in [each for each in home.engine.events() if each.startswith("External")][-1]
    home.laboratory.change_wan_address(WAN_ADDRESS)
    home.engine.until(lambda: home.engine.look()["external"] == WAN_ADDRESS, 70, "the line is up")
    home.engine.until(lambda: home.engine.mapping(5060)["state"] == "accepted", 30, "the mapping")
    home.engine.until(home.mapped, what="the rule")
    assert home.open_from_outside()


def test_after_a_power_cycle_the_mapping_is_made_again(home: Home) -> None:
    home.engine.until(home.has_been_up_for_a_while, what="an epoch that a power cycle sets back")
    home.laboratory.reboot_gateway()
    home.seconds_until(home.mapped, "a power cycle, mapped again")
    home.engine.until(lambda: home.engine.mapping(5060)["state"] == "accepted", what="the mapping")
    assert home.engine.look()["external"] == WAN_ADDRESS
    assert home.open_from_outside()


def test_while_it_is_mute_what_it_has_stays_and_then_all_is_mapped(home: Home) -> None:
    home.laboratory.freeze_daemon()
    home.engine.want(5070)
    assert home.open_from_outside()  # the kernel forwards without its daemon
    assert home.engine.mapping(5070)["state"] != "accepted"
    home.laboratory.thaw_daemon()
    home.engine.until_granted(5070)
    assert {rule.external_port for rule in home.laboratory.nat_rules()} == {5060, 5070}
    assert home.open_from_outside()


def test_rules_lost_behind_the_daemons_back_are_made_again(home: Home) -> None:
    """Nobody can know of it: miniupnpd lists them from its memory, until it maps something else."""
    home.laboratory.flush_mappings()
    home.engine.want(5070)  # what makes it look into the kernel again
    home.engine.until_granted(5070)
    home.engine.ask("republish")
    home.seconds_until(lambda: RULE in home.laboratory.nat_rules(), "flushed rules, asked again")
    assert home.open_from_outside()


@pytest.mark.parametrize("serves", [Serves.NATPMP, Serves.UPNP], ids=["PCP", "UPnP"])
def test_what_was_reachable_and_is_no_longer_is_deleted_and_made_anew(serves: Serves, tmp_path: Path) -> None:
    """The daemon says nothing of its own; by PCP only somebody outside can tell that its rules are gone."""
    with Laboratory(serves=serves) as laboratory, echo_host(laboratory, tmp_path):
        engine = Engine(laboratory, tmp_path, echo=PUB_ADDRESS, echo_listens=True, prove_every=2.0).start()
        engine.want(5060)
        engine.until(lambda: engine.mapping(5060)["rung"] == "reachable", 20, "the proof from outside")
        assert laboratory.nat_rules() == [RULE]
        with engine.frozen(5060):
            laboratory.flush_mappings()
            assert laboratory.nat_rules() == []
            assert not arrives(laboratory, 5060, (WAN_ADDRESS, 5060), PBX_ADDRESS, OUTSIDE)
        fell = engine.heard("MappingFell(", timeout=30)
        assert serves is Serves.UPNP or "did not come in" in fell, "UPnP may see it in its list before"
        engine.until(lambda: laboratory.nat_rules() == [RULE], 30, "the rule again")
        engine.until(lambda: engine.mapping(5060)["rung"] == "reachable", 30, "the proof again")
        asked = engine.mapping(5060)["asked"]
        assert any("delete udp 5060" in each for each in asked) or "listed" in fell, asked
        with engine.frozen(5060):
            assert arrives(laboratory, 5060, (WAN_ADDRESS, 5060), PBX_ADDRESS, OUTSIDE)
        engine.stop()
        assert laboratory.nat_rules() == []
