"""The switch as a process: what it does to the gateway when it starts and stops, and without a gateway."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PBX, PBX_ADDRESS, PHONE, PHONE_ADDRESS, Laboratory, Topology
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.netns import wait_for

from .switch_process import SIP_PORTS, Switch
from .wire import status, wire

LAN_SIDE = (PBX_ADDRESS, 5060)
SIP_RULES = {(protocol, port) for protocol in ("udp", "tcp") for port in SIP_PORTS}


@pytest.mark.parametrize("serves", [Serves.NATPMP, Serves.UPNP])
class TestStop:
    def test_sigterm_takes_back_every_mapping_of_ours_and_no_other(
        self, serves: Serves, tmp_path: Path
    ) -> None:
        with Laboratory(serves=serves) as laboratory:
            foreign = {
                Serves.NATPMP: ["natpmpc", "-a", "7777", "7777", "udp", "3600"],
                Serves.UPNP: ["upnpc", "-i", "-r", "7777", "UDP"],
            }[serves]
            laboratory.run(PHONE, foreign)
            switch = Switch(laboratory, tmp_path)
            switch.start()
            assert len(switch.wait_until_mapped()) >= 3
            assert switch.stop() == 0, switch.words()
            assert laboratory.nat_rules() == [("udp", 7777, PHONE_ADDRESS, 7777)]


class TestTheGatewaysTable:
    def test_nat_map_list_tells_our_mappings_from_another_hosts(self, tmp_path: Path) -> None:
        with Laboratory(serves=Serves.UPNP) as laboratory:
            laboratory.run(PHONE, ["upnpc", "-i", "-e", "a camera", "-r", "7777", "UDP"])
            switch = Switch(laboratory, tmp_path, console=True)
            switch.start()
            wait_for(lambda: sip_rules(laboratory) >= SIP_RULES, 10, "the four SIP mappings")
            switch.type_in("nat_map list")
            switch.wait_for_words("of them ours")
            rows = [line.split() for line in switch.words().splitlines() if "ours" in line]
            listed = {(row[1], int(row[0])) for row in rows if row[2].startswith(f"{PBX_ADDRESS}:")}
            assert listed >= SIP_RULES
            (foreign,) = [row for row in rows if "not" in row]
            assert foreign[:3] == ["7777", "udp", f"{PHONE_ADDRESS}:7777"]
            assert foreign[-4:] == ["not", "ours", "a", "camera"]
            assert switch.stop() == 0, switch.words()
            assert laboratory.nat_rules() == [("udp", 7777, PHONE_ADDRESS, 7777)]
            assert "Traceback" not in switch.words()


def sip_rules(laboratory: Laboratory) -> set[tuple[str, int]]:
    return {(rule.protocol, rule.external_port) for rule in laboratory.nat_rules()}


class TestFlags:
    def test_nonatmap_detects_but_maps_nothing(self, tmp_path: Path) -> None:
        with Laboratory() as laboratory:
            switch = Switch(laboratory, tmp_path, ["-nonatmap"])
            switch.start()
            switch.wait_for_words("NAT detected type: ")
            assert switch.stop() == 0, switch.words()
            assert laboratory.nat_rules() == []


class TestWithoutAGateway:
    @pytest.mark.parametrize("topology", [Topology.NONE, Topology.DEAD])
    def test_the_lan_is_served_all_the_same(self, topology: Topology, tmp_path: Path) -> None:
        with Laboratory(topology) as laboratory:
            switch = Switch(laboratory, tmp_path)
            switch.start()
            switch.wait_for_lan(5060)
            with wire(laboratory, PHONE, PHONE_ADDRESS, LAN_SIDE) as line:
                line.request("OPTIONS", "anyone")
                answer = line.final()
            assert status(answer) == 200
            assert switch.stop() == 0, switch.words()
            assert "Traceback" not in switch.words()


class TestPortInUse:
    def test_the_message_names_the_port_and_its_holder(self, tmp_path: Path) -> None:
        with Laboratory(Topology.NONE) as laboratory, laboratory.udp_socket(PBX, PBX_ADDRESS, 5060):
            switch = Switch(laboratory, tmp_path)
            switch.start()
            switch.wait_for_words("already in use")
            assert f"{PBX_ADDRESS}:5060" in switch.words()
            assert f"(pid {os.getpid()})" in switch.words()
            assert "Traceback" not in switch.words()
