"""A flow kept alive on a real miniupnpd (PCP's PEER, RFC 6887 §12); the peer and nftables bear witness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringthru.lab.namespaces.laboratory import (
    GATEWAY,
    INNER_WAN,
    PBX,
    PBX_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
    Topology,
)
from ringthru.lab.namespaces.miniupnpd import Serves, Settings

from .mapping_process import Engine, nat

TRUNK = [PUB_ADDRESS, 5060]


@pytest.fixture
def engine(laboratory: Laboratory, tmp_path: Path) -> Engine:
    return Engine(laboratory, tmp_path).start()


def flow(engine: Engine) -> dict[str, Any]:
    engine.until(lambda: engine.look()["peers"]["udp 5060"]["state"] != "requested", what="a verdict")
    told: dict[str, Any] = engine.look()["peers"]["udp 5060"]
    return told


def seen_at(laboratory: Laboratory) -> list[Any]:
    """Where the trunk sees a datagram of our port 5060 come from."""
    inside = laboratory.udp_socket(PBX, PBX_ADDRESS, 5060)
    outside = laboratory.udp_socket(PUB, PUB_ADDRESS, 5060)
    with inside, outside:
        inside.sendto(b"REGISTER", (PUB_ADDRESS, 5060))
        outside.settimeout(30)
        _, source = outside.recvfrom(64)
    return list(source)


def source_rules(laboratory: Laboratory) -> list[str]:
    chain = ["nft", "list", "chain", "inet", "filter", "postrouting_miniupnpd"]
    return [line.strip() for line in laboratory.run(GATEWAY, chain).stdout.splitlines() if "snat" in line]


class TestKept:
    def test_what_the_peer_sees_is_what_the_gateway_told(
        self, laboratory: Laboratory, engine: Engine
    ) -> None:
        engine.ask("want_peer", port=5060, remote=TRUNK)
        told = flow(engine)
        assert (told["state"], told["external"]) == ("accepted", [WAN_ADDRESS, 5060])
        assert 590 < told["life"] <= 600
        assert seen_at(laboratory) == told["external"]
        assert laboratory.nat_rules() == []  # nobody else is let in
        assert "PeerAdded" in engine.heard("PeerAdded")

    def test_asked_again_it_is_the_same_flow(self, laboratory: Laboratory, engine: Engine) -> None:
        """miniupnpd 2.3.1 adds one more rule each time; renewing at half time, not sooner, keeps them few."""
        engine.ask("want_peer", port=5060, remote=TRUNK)
        flow(engine)
        engine.ask("republish")
        engine.until(lambda: engine.look()["peers"]["udp 5060"]["life"] > 599, what="a renewal")
        assert flow(engine)["state"] == "accepted"
        assert len(set(source_rules(laboratory))) == 1
        assert seen_at(laboratory) == [WAN_ADDRESS, 5060]

    def test_beside_a_mapping_of_the_same_port(self, laboratory: Laboratory, engine: Engine) -> None:
        engine.want(5060)
        assert engine.until_granted(5060) == [5060]
        engine.ask("want_peer", port=5060, remote=TRUNK)
        assert flow(engine)["external"] == [WAN_ADDRESS, 5060]
        assert len(laboratory.nat_rules()) == 1

    def test_the_end_deletes_mappings_and_does_not_wait_for_flows(
        self, laboratory: Laboratory, engine: Engine
    ) -> None:
        engine.ask("want_peer", port=5060, remote=TRUNK)
        flow(engine)
        engine.stop()
        assert laboratory.nat_rules() == []

    def test_a_port_that_is_suggested_is_granted_and_not_used(
        self, laboratory: Laboratory, engine: Engine
    ) -> None:
        """miniupnpd 2.3.1 over nftables: its rule has source and destination in each other's place.

        That is why no port is suggested unless somebody asks for one: should this fail, it has been mended.
        """
        engine.ask("want_peer", port=5060, remote=TRUNK, external=6060)
        assert flow(engine)["external"] == [WAN_ADDRESS, 6060]
        (rule,) = source_rules(laboratory)
        assert rule.endswith("snat ip to 11.0.113.1:6060")
        assert seen_at(laboratory) == [WAN_ADDRESS, 5060]


def test_the_command(laboratory: Laboratory, tmp_path: Path) -> None:
    store = str(tmp_path / "nat.sqlite3")
    said = nat(laboratory, "add", "5060", "--peer", f"{PUB_ADDRESS}:5060", "--store", store)
    assert f"{PUB_ADDRESS}:5060 sees udp 5060 at {WAN_ADDRESS}:5060" in said


class TestWithoutPcp:
    @pytest.fixture
    def laboratory(self) -> Any:
        with Laboratory(settings=Settings(serves=Serves.UPNP)) as laboratory:
            yield laboratory

    def test_it_cannot_and_nothing_has_failed(self, engine: Engine) -> None:
        engine.ask("want_peer", port=5060, remote=TRUNK)
        told = flow(engine)
        assert told["state"] == "unsupported"
        assert "UPnP" in told["reason"]


def test_through_two_gateways_it_says_how_far_it_is_kept(tmp_path: Path) -> None:
    """The outer gateway sees another address than PCP's request names, so that nobody can ask it."""
    inner = Settings(private_wan=True)
    with Laboratory(Topology.CASCADE, settings=inner, second=Settings()) as laboratory:
        engine = Engine(laboratory, tmp_path, nested=True).start()
        engine.ask("want_peer", port=5060, remote=TRUNK)
        told = flow(engine)
        assert (told["state"], told["external"], told["near"][0]) == ("accepted", None, INNER_WAN)
        assert "another NAT translates it" in told["reason"]
        assert "whole=False" in engine.heard("PeerAdded")
        assert seen_at(laboratory)[0] == WAN_ADDRESS  # the outer one's, of which nobody told
        engine.stop()
