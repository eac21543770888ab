"""The laboratory keeps its promises: closed to the world, true to a home gateway, gone without a trace."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import (
    GATEWAY,
    INET,
    LAN_ADDRESS,
    PBX,
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    SECOND,
    WAN_ADDRESS,
    Laboratory,
    Topology,
)
from ringthru.lab.namespaces.miniupnpd import NatRule, Serves
from ringthru.lab.namespaces.netns import LaboratoryError, obstacles, wait_for

from .audio import best_share, sweep, tone
from .capture import Capture, rtp_packets
from .phones import SCENARIOS, Baresip, Sipp

NATPMP = (LAN_ADDRESS, 5351)
ADDRESS_REQUEST = b"\0\0"  # RFC 6886 §3.2


def links() -> list[tuple[str, str]]:
    """The interfaces of the machine's own namespace."""
    listing = subprocess.run(["ip", "-json", "link"], capture_output=True, check=True).stdout
    return [(link["ifname"], link.get("operstate", "")) for link in json.loads(listing)]


def ours() -> set[str]:
    listing = subprocess.run(["ip", "netns", "list"], capture_output=True, check=True, text=True).stdout
    return {line.split()[0] for line in listing.splitlines() if line.startswith(f"rt{os.getpid()}-")}


def map_with_natpmpc(laboratory: Laboratory, port: int, protocol: str = "udp") -> None:
    laboratory.run(PBX, ["natpmpc", "-a", str(port), str(port), protocol, "3600"])


def natpmp_answer(laboratory: Laboratory, timeout: float = 2.0) -> tuple[int, str]:
    """The gateway's epoch and external address."""
    with laboratory.udp_socket(PBX, PBX_ADDRESS, timeout=timeout) as asking:
        asking.sendto(ADDRESS_REQUEST, NATPMP)
        _, _, result, epoch, address = struct.unpack("!BBHI4s", asking.recv(64))
    assert result == 0
    return epoch, socket.inet_ntoa(address)


class TestSafety:
    def test_nothing_inside_has_a_way_to_the_real_world(self, laboratory: Laboratory) -> None:
        for role in (PBX, PHONE):
            route = laboratory.run(role, ["ip", "route", "get", "8.8.8.8"]).stdout
            assert f"via {LAN_ADDRESS}" in route
        assert "via 11.0.113.254" in laboratory.run(GATEWAY, ["ip", "route", "get", "8.8.8.8"]).stdout
        assert "default" not in laboratory.run(INET, ["ip", "route"]).stdout
        assert laboratory.run(INET, ["ip", "route", "get", "8.8.8.8"], check=False).returncode != 0

    def test_every_wire_ends_inside(self, laboratory: Laboratory) -> None:
        """A veth with its other end elsewhere would be a way out; so would a real interface moved in."""
        for role in (PBX, PHONE, GATEWAY, INET, PUB):
            listing = json.loads(laboratory.run(role, ["ip", "-json", "-details", "link"]).stdout)
            kinds = {link["ifname"]: link.get("linkinfo", {}).get("info_kind") for link in listing}
            assert {name: kind for name, kind in kinds.items() if kind not in ("veth", "bridge")} == {
                "lo": None
            }

    @pytest.mark.parametrize(
        "topology", [Topology.CASCADE, Topology.TWO_GATEWAYS, Topology.DOUBLE, Topology.DUAL_STACK]
    )
    def test_larger_laboratories_are_as_closed(self, topology: Topology) -> None:
        with Laboratory(topology) as laboratory:
            for family in ("-4", "-6"):
                assert "default" not in laboratory.run(INET, ["ip", family, "route"]).stdout
            roles = [PBX, PHONE, GATEWAY, INET, PUB, *([SECOND] if laboratory.second else [])]
            for role in roles:
                listing = json.loads(laboratory.run(role, ["ip", "-json", "-details", "link"]).stdout)
                kinds = {
                    link.get("linkinfo", {}).get("info_kind") for link in listing if link["ifname"] != "lo"
                }
                assert kinds <= {"veth", "bridge"}

    def test_names_are_asked_of_nobody_else(self, laboratory: Laboratory) -> None:
        assert laboratory.run(PBX, ["cat", "/etc/resolv.conf"]).stdout == "nameserver 127.0.0.1\n"

    def test_the_machines_own_interfaces_are_not_touched(self) -> None:
        before = links()
        with Laboratory():
            assert links() == before
        assert links() == before


class TestLeavingNoTrace:
    def test_everything_is_gone_after_an_exception(self) -> None:
        laboratory = Laboratory()
        seen: list[object] = []

        def work() -> None:
            with laboratory:
                assert laboratory.daemon
                seen.extend([laboratory.popen(PHONE, ["sleep", "600"]), laboratory.daemon.pid(), ours()])
                seen.append(laboratory.directory)
                raise RuntimeError("of the test")

        with pytest.raises(RuntimeError, match="of the test"):
            work()
        process, daemon, names, directory = seen
        assert names
        assert not ours()
        assert not list(Path("/etc/netns").glob(f"rt{os.getpid()}-*"))
        assert isinstance(directory, Path)
        assert not directory.exists()
        assert isinstance(process, subprocess.Popen)
        assert process.poll() is not None
        wait_for(lambda: not Path(f"/proc/{daemon}").exists(), 2, "the end of miniupnpd")

    def test_what_a_killed_process_left_behind_is_swept_at_the_next_start(self) -> None:
        dead = subprocess.Popen(["true"])
        dead.wait()
        name = f"rt{dead.pid}-0a0b-pbx"
        subprocess.run(["ip", "netns", "add", name], check=True)
        with Laboratory():
            assert not Path("/run/netns", name).exists()

    def test_another_living_process_keeps_its_laboratory(self, laboratory: Laboratory) -> None:
        with Laboratory():
            assert laboratory.run(PBX, ["true"]).returncode == 0


class TestRefusal:
    def test_without_root_it_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(LaboratoryError, match="need root"):
            Laboratory().open()

    def test_a_missing_tool_is_named(self) -> None:
        assert obstacles(["sip-telegraph"]) == ["sip-telegraph is not installed"]


class TestGateway:
    def test_natpmpc_maps_and_the_kernel_shows_it(self, laboratory: Laboratory) -> None:
        map_with_natpmpc(laboratory, 5060)
        assert laboratory.nat_rules() == [NatRule("udp", 5060, PBX_ADDRESS, 5060)]

    def test_upnpc_maps_tcp_and_udp(self) -> None:
        with Laboratory(serves=Serves.UPNP) as laboratory:
            laboratory.run(PBX, ["upnpc", "-i", "-r", "5080", "UDP", "5081", "TCP"])
            assert laboratory.nat_rules() == [
                NatRule("tcp", 5081, PBX_ADDRESS, 5081),
                NatRule("udp", 5080, PBX_ADDRESS, 5080),
            ]

    def test_with_upnp_only_the_natpmp_port_is_closed(self) -> None:
        with Laboratory(serves=Serves.UPNP) as laboratory, pytest.raises(ConnectionRefusedError):
            self._ask_connected(laboratory, NATPMP)

    def test_with_natpmp_only_nobody_answers_a_search(self) -> None:
        with Laboratory(serves=Serves.NATPMP) as laboratory, pytest.raises(ConnectionRefusedError):
            self._ask_connected(laboratory, (LAN_ADDRESS, 1900))

    def test_only_mapped_ports_let_strangers_in(self, laboratory: Laboratory) -> None:
        map_with_natpmpc(laboratory, 5080)
        closed = laboratory.udp_socket(PBX, PBX_ADDRESS, 5090)
        mapped = laboratory.udp_socket(PBX, PBX_ADDRESS, 5080)
        stranger = laboratory.udp_socket(PUB, PUB_ADDRESS)
        with closed, mapped, stranger:
            stranger.sendto(b"knock", (WAN_ADDRESS, 5090))
            stranger.sendto(b"hello", (WAN_ADDRESS, 5080))
            assert mapped.recv(64) == b"hello"
            closed.settimeout(0)
            with pytest.raises(BlockingIOError):  # it was sent first, so it would be here by now
                closed.recv(64)

    def test_a_reboot_forgets_mappings_and_starts_a_new_epoch(self, laboratory: Laboratory) -> None:
        map_with_natpmpc(laboratory, 5080)
        laboratory.reboot_gateway()
        assert laboratory.nat_rules() == []
        assert natpmp_answer(laboratory)[0] <= 1

    def test_a_new_wan_address_is_reported(self, laboratory: Laboratory) -> None:
        assert natpmp_answer(laboratory)[1] == WAN_ADDRESS
        laboratory.change_wan_address("11.0.113.77")
        wait_for(lambda: natpmp_answer(laboratory)[1] == "11.0.113.77", 3, "the new address")

    def test_a_stopped_daemon_leaves_its_mappings(self, laboratory: Laboratory) -> None:
        map_with_natpmpc(laboratory, 5080)
        laboratory.stop_daemon()
        assert len(laboratory.nat_rules()) == 1
        with pytest.raises(ConnectionRefusedError):
            self._ask_connected(laboratory, NATPMP)

    def test_a_frozen_daemon_answers_when_it_thaws(self, laboratory: Laboratory) -> None:
        laboratory.freeze_daemon()
        with laboratory.udp_socket(PBX, PBX_ADDRESS, timeout=0.2) as asking:
            asking.sendto(ADDRESS_REQUEST, NATPMP)
            with pytest.raises(TimeoutError):
                asking.recv(64)
            laboratory.thaw_daemon()
            asking.settimeout(30)
            assert len(asking.recv(64)) == 12

    @staticmethod
    def _ask_connected(laboratory: Laboratory, target: tuple[str, int]) -> bytes:
        with laboratory.udp_socket(PBX, PBX_ADDRESS, timeout=0.5) as asking:
            asking.connect(target)
            asking.send(ADDRESS_REQUEST)
            return asking.recv(64)


class TestOtherGateways:
    def test_without_services_the_port_says_so_at_once(self) -> None:
        with Laboratory(Topology.NONE) as laboratory, pytest.raises(ConnectionRefusedError):
            TestGateway._ask_connected(laboratory, NATPMP)

    def test_a_dead_gateway_says_nothing_at_all_but_still_forwards(self) -> None:
        with Laboratory(Topology.DEAD) as laboratory:
            with pytest.raises(TimeoutError):
                TestGateway._ask_connected(laboratory, NATPMP)
            inside = laboratory.udp_socket(PBX, PBX_ADDRESS, 5090)
            outside = laboratory.udp_socket(PUB, PUB_ADDRESS)
            with inside, outside:
                inside.sendto(b"out", outside.getsockname())
                assert outside.recvfrom(64) == (b"out", (WAN_ADDRESS, 5090))


class TestPhones:
    """The real phones and our ways of listening work: against a stand-in that only echoes."""

    @pytest.fixture
    def echoing(self, laboratory: Laboratory, tmp_path: Path) -> Laboratory:
        for port in (5080, 16384, 16385):
            map_with_natpmpc(laboratory, port)
        scenario = tmp_path / "standin.xml"
        scenario.write_text((SCENARIOS / "standin.xml").read_text().replace("[shown]", WAN_ADDRESS))
        argv = ["sipp", "-sf", str(scenario), "-rtp_echo", "-nostdin", "-i", PBX_ADDRESS, "-p", "5080"]
        laboratory.popen(PBX, [*argv, "-mi", PBX_ADDRESS, "-mp", "16384"])
        wait_for(lambda: ":16384 " in laboratory.run(PBX, ["ss", "-uan"]).stdout, 5, "the stand-in")
        return laboratory

    def test_every_packet_that_sipp_sends_comes_back(self, echoing: Laboratory, tmp_path: Path) -> None:
        capture = Capture(echoing, PUB, tmp_path)
        Sipp(echoing, PUB, PUB_ADDRESS, tmp_path).run(
            "call.xml", f"{WAN_ADDRESS}:5080", "9196", sweep(300, 3000, 1)
        )
        packets = rtp_packets(capture.stop())
        sent = {rtp.payload for datagram, rtp in packets if datagram.source[0] == PUB_ADDRESS}
        heard = {rtp.payload for datagram, rtp in packets if datagram.source == (WAN_ADDRESS, 16384)}
        assert len(sent) == 50
        assert sent == heard

    def test_baresip_records_what_it_hears(self, echoing: Laboratory, tmp_path: Path) -> None:
        capture = Capture(echoing, PUB, tmp_path)
        phone = Baresip(echoing, PUB, PUB_ADDRESS, tmp_path)
        phone.call(f"sip:9196@{WAN_ADDRESS}:5080", tone(440, 10))
        wait_for(lambda: len(rtp_packets(capture.so_far())) > 100, 10, "a second of sound")
        phone.stop()
        assert best_share(phone.heard(), 440) > 0.9
        assert best_share(phone.heard(), 600) < 0.1

    def test_the_lan_is_a_switch_between_pbx_and_phone(self, laboratory: Laboratory) -> None:
        one, other = laboratory.udp_socket(PBX, PBX_ADDRESS), laboratory.udp_socket(PHONE, PHONE_ADDRESS)
        with one, other:
            one.sendto(b"hello", other.getsockname())
            assert other.recvfrom(64) == (b"hello", one.getsockname())
