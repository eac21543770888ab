"""PCP's FILTER on a real miniupnpd, which agrees to it and lets everybody in: is the truth seen, and kept?

A rule of nftables in front of it makes it the gateway that it says it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import GATEWAY, PUB, PUB_ADDRESS, Laboratory
from ringthru.lab.namespaces.miniupnpd import Serves

from .mapping_process import Engine, echo_host, nat

STRANGER = "22.51.100.51"
FRIENDS = [f"{PUB_ADDRESS}/32"]


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Laboratory]:
    """An echo host at each of two addresses outside; the gateway speaks PCP, and has no table to show."""
    with Laboratory(serves=Serves.NATPMP) as laboratory:
        laboratory.ip(PUB, f"address add {STRANGER}/24 dev eth0")
        with echo_host(laboratory, tmp_path), echo_host(laboratory, tmp_path, STRANGER):
            yield laboratory


def judged(engine: Engine) -> str:
    """What is known of the filter, once the hosts outside have knocked."""
    engine.until(lambda: "nobody outside" not in engine.mapping(5060)["filtering"][1], 20, "a knock")
    truth: str = engine.mapping(5060)["filtering"][0]
    return truth


def test_miniupnpd_agrees_and_lets_everybody_in_which_is_seen_learned_and_remembered(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    """Should this fail because it is enforced, miniupnpd has learned it."""
    store = str(tmp_path / "journal")
    engine = Engine(laboratory, tmp_path, store=store, echo=[STRANGER], echo_listens=True).start()
    engine.want(5060, allow_from=FRIENDS)
    engine.until_granted(5060)
    assert judged(engine) == "not enforced"
    assert STRANGER in engine.heard("FilterJudged(")
    assert "lets everybody in where a mapping is for some alone" in engine.look()["learned"]
    engine.stop()
    (tmp_path / "engine.log").unlink()
    engine = Engine(laboratory, tmp_path, store=store).start()  # nobody knocks, and yet
    engine.want(5060, allow_from=FRIENDS)
    engine.until_granted(5060)
    truth, words = engine.mapping(5060)["filtering"]
    assert (truth, "were seen to let everybody in" in words) == ("not enforced", True)
    engine.stop()
    assert laboratory.nat_rules() == []


def test_a_gateway_that_does_keep_strangers_out_is_believed(laboratory: Laboratory, tmp_path: Path) -> None:
    rule = ["nft", "insert", "rule", "inet", "filter", "forward", "ip", "saddr", STRANGER]
    laboratory.run(GATEWAY, [*rule, "udp", "dport", "5060", "drop"])
    hosts = [STRANGER, PUB_ADDRESS]
    engine = Engine(laboratory, tmp_path, echo=hosts, echo_listens=True).start()
    engine.want(5060, allow_from=FRIENDS)
    engine.until_granted(5060)
    engine.until(lambda: engine.mapping(5060)["filtering"][0] == "enforced", 20, "the proof")
    assert engine.mapping(5060)["rung"] == "reachable"
    assert "keeps strangers out where a mapping is for some alone" in engine.look()["learned"]
    engine.stop()
    assert laboratory.nat_rules() == []


def test_the_command_line_finds_it_out_and_says_so(laboratory: Laboratory, tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "nat.sqlite3"))
    echoes = ("--echo", STRANGER, "--echo", PUB_ADDRESS)
    said = nat(laboratory, "add", "5060", "--allow-from", FRIENDS[0], *echoes, *store, check=False)
    assert f"lets in only from {FRIENDS[0]}, not enforced" in said
    said = nat(laboratory, "status", *store)
    assert f"(only from {FRIENDS[0]})" in said
    assert "lets everybody in where a mapping is for some alone" in said
    nat(laboratory, "delete", "5060", *store)
    assert laboratory.nat_rules() == []
