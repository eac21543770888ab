"""``ringthru doctor`` at homes with real gateways: what it says of each, and its exit status."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ringthru.doctor import Finding
from ringthru.doctor.json_form import from_json
from ringthru.lab.namespaces.laboratory import (
    LAN_ADDRESS,
    PBX,
    PBX_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
    Topology,
)
from ringthru.lab.namespaces.miniupnpd import Serves, Settings
from ringthru.lab.namespaces.netns import wait_for

from .capture import Capture
from .switch_process import Switch

DENY = ("deny 0-65535 0.0.0.0/0 0-65535",)


class Doctor:
    """Asks the switch at home by the command line, as somebody who sits there does."""

    def __init__(self, laboratory: Laboratory, directory: Path) -> None:
        self.laboratory = laboratory
        self.status = -1
        self._argv = [sys.executable, "-m", "ringthru", "doctor", "--json", "--db", str(directory / "db")]

    def ask(self) -> dict[str, Finding]:
        """The last finding of each name."""
        done = self.laboratory.run(PBX, self._argv, check=False)
        self.status = done.returncode
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        return {each.id: each for each in from_json(done.stdout)}

    def until(self, id: str, status: str) -> Finding:
        """Wait until a check comes out so: leases and verdicts take their time."""

        def so() -> Finding | None:
            found = self.ask().get(id)
            return found if found is not None and found.status.value == status else None

        found = wait_for(so, 60, f"{id} to be {status}")
        assert found is not None
        return found


@pytest.fixture
def at_home(tmp_path: Path):
    """Start the switch in a laboratory; ``with`` it."""

    def start(laboratory: Laboratory) -> tuple[Switch, Doctor]:
        switch = Switch(laboratory, tmp_path)
        switch.start()
        return switch, Doctor(laboratory, tmp_path)

    return start


@pytest.mark.parametrize("serves", [Serves.NATPMP, Serves.UPNP], ids=lambda each: each.value)
def test_a_good_gateway(serves: Serves, at_home) -> None:
    with Laboratory(serves=serves) as laboratory:
        switch, doctor = at_home(laboratory)
        switch.wait_until_mapped()
        found = doctor.until("gw.perm", "ok")
        seen = doctor.ask()
        assert seen["gw.found"].evidence.startswith(f"{LAN_ADDRESS} answers by ")
        assert f"{WAN_ADDRESS} is a public address" in seen["wan.class"].evidence
        assert f"eth0 {PBX_ADDRESS}, because the default route leaves there" in seen["host.addr"].evidence
        assert seen["host.port"].status.value == "ok"
        assert "mappings are granted" in found.evidence
        assert doctor.status == 1  # the users of the shipped tree have one password together
        assert switch.stop() == 0
        assert doctor.ask()["switch.runs"].status.value == "fail"
        assert doctor.status == 2


@pytest.mark.parametrize(
    ("private_wan", "status", "words"),
    [(False, "warn", "tells no address"), (True, "fail", "10.0.0.2 is a private address")],
    ids=["refuses", "maps all the same"],
)
def test_behind_another_router(private_wan: bool, status: str, words: str, at_home) -> None:
    """The gateway's own line is 10.0.0.2; miniupnpd maps nothing there, others map what nobody reaches."""
    with Laboratory(Topology.CASCADE, settings=Settings(private_wan=private_wan)) as laboratory:
        switch, doctor = at_home(laboratory)
        found = doctor.until("wan.class", status)
        assert words in found.evidence
        assert "another NAT stands in front of it" in found.evidence + found.meaning
        assert "bridge mode" in found.cure
        assert doctor.status == 2
        switch.stop()


@pytest.mark.parametrize("serves", [Serves.NATPMP, Serves.UPNP], ids=lambda each: each.value)
def test_rules_that_deny_everything(serves: Serves, at_home) -> None:
    with Laboratory(settings=Settings(serves, rules=DENY)) as laboratory:
        switch, doctor = at_home(laboratory)
        found = doctor.until("gw.perm", "fail")
        assert found.meaning == "The gateway does not let this machine open ports.", found
        assert doctor.ask()["addr.external.internet"].status.value in ("ok", "warn")
        switch.stop()


def test_no_gateway_that_maps_and_not_a_packet_of_the_doctors_own(at_home, tmp_path: Path) -> None:
    with Laboratory(Topology.NONE) as laboratory:
        switch, doctor = at_home(laboratory)
        found = doctor.until("gw.found", "fail")
        assert f"5060/udp, 5060/tcp, 16384-32768/udp to {PBX_ADDRESS}" in found.cure
        switch.stop()
        capture = Capture(laboratory, PBX, tmp_path)
        assert doctor.ask()["host.port"].status.value == "ok"  # without a switch
        assert capture.so_far() == []
        capture.stop()


def test_another_program_on_our_port(at_home, tmp_path: Path) -> None:
    with Laboratory(Topology.NONE) as laboratory:
        taken = laboratory.udp_socket(PBX, PBX_ADDRESS, 5060)
        doctor = Doctor(laboratory, tmp_path)
        found = doctor.ask()["host.port"]
        assert found.status.value == "fail"
        assert "5060/udp of profile internal: held by " in found.evidence
        assert f"(pid {os.getpid()})" in found.evidence
        taken.close()
        assert doctor.ask()["host.port"].status.value == "ok"
