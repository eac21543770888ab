"""The switch as a process: what it does to the gateway when it starts and stops, and without a gateway."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringthru.lab.miniupnpd import Serves
from ringthru.lab.namespaces import PBX, PBX_ADDRESS, PHONE, PHONE_ADDRESS, Laboratory, Topology

from .switch_process import Switch
from .wire import status, wire

LAN_SIDE = (PBX_ADDRESS, 5060)


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
