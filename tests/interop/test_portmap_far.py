"""A real gateway at the end of a bad wire: 50 ms each way, and one frame in five lost, either way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringthru.lab.namespaces.far_wire import FarWire
from ringthru.lab.namespaces.laboratory import PBX_ADDRESS, Laboratory
from ringthru.lab.namespaces.miniupnpd import NatRule, Serves

from .mapping_process import Engine, nat

ROUND_TRIP, LOSS = 0.1, 0.2
PATIENCE = 120.0  # seconds: a connection takes three frames, and TCP waits a second for a lost one
PORTS = (("udp", 5060), ("tcp", 5060), ("udp", 30000), ("udp", 30001))
RULES = sorted(NatRule(protocol, port, PBX_ADDRESS, port) for protocol, port in PORTS)
MOMENT = 0.05  # seconds: a renewed lease ends later by the time since it was made, a round trip at least
NEW_WAN = "11.0.113.77"


class Far:
    """An engine that holds four mappings through such a wire."""

    def __init__(self, laboratory: Laboratory, wire: FarWire, directory: Path) -> None:
        self.laboratory, self.wire = laboratory, wire
        self._directory = directory
        self.engine = self.start()

    def start(self, **settings: Any) -> Engine:
        store = str(self._directory / "journal")
        engine = Engine(
            self.laboratory, self._directory, store=store, stop_patience=PATIENCE / 10, **settings
        )
        return engine.start()

    def want_all(self) -> None:
        for protocol, port in PORTS:
            self.engine.want(port, protocol=protocol)
        self.wait(self.all_accepted, "four mappings")
        self.wait(lambda: self.rules() == RULES, "four rules")

    def all_accepted(self) -> bool:
        mappings = self.engine.look()["mappings"].values()
        return all(each["state"] == "accepted" for each in mappings)

    def ends(self) -> dict[str, float]:
        """When each lease ends, as its gateway last agreed."""
        return {
            name: time.monotonic() + each["life"] for name, each in self.engine.look()["mappings"].items()
        }

    def rules(self) -> list[NatRule]:
        return self.laboratory.nat_rules()

    def wait(self, condition: Callable[[], object], what: str) -> None:
        self.engine.until(condition, PATIENCE, what)

    def removed(self) -> list[str]:
        return [each for each in self.engine.events() if each.startswith("MappingRemoved")]


@pytest.fixture(params=list(Serves), ids=lambda serves: serves.value)
def far(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Far]:
    with (
        Laboratory(serves=request.param) as laboratory,
        FarWire(laboratory, ROUND_TRIP, LOSS, seed=1) as wire,
    ):
        far = Far(laboratory, wire, tmp_path)
        yield far
        assert wire.lost > 0, "the wire was a good one"


def test_mapped_renewed_renumbered_and_cleaned_up_with_nothing_lost_and_nothing_left(far: Far) -> None:
    far.want_all()
    before = far.ends()
    far.engine.ask("republish")
    far.wait(
        lambda: all(end > before[name] + MOMENT for name, end in far.ends().items()), "all of them renewed"
    )
    assert far.all_accepted()
    assert far.rules() == RULES
    far.laboratory.change_wan_address(NEW_WAN)
    far.wait(lambda: far.engine.look()["external"] == NEW_WAN, "the new address")
    far.wait(lambda: far.all_accepted() and far.rules() == RULES, "the mappings there")
    assert far.removed() == [], "not one of them was ever lost"
    far.engine.ask("stop")
    assert far.engine.process is not None
    far.engine.process.wait(PATIENCE)
    assert "Traceback" not in far.engine.words(), far.engine.words()
    assert far.rules() == []


def test_what_a_crash_left_the_next_run_takes_away_through_the_same_wire(far: Far) -> None:
    far.want_all()
    far.engine.kill()
    assert far.rules() == RULES
    store = str(far._directory / "journal")
    for _ in range(3):  # one that meets its end on such a wire leaves the rest to the next
        nat(far.laboratory, "cleanup", "--store", store, check=False, patience=PATIENCE)
        if not far.rules():
            return
    assert far.rules() == []
