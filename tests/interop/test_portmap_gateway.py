"""The engine on one real gateway, in each of its modes; nftables, upnpc, natpmpc and traffic bear witness."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import (
    LAN_ADDRESS,
    PBX,
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
    Topology,
)
from ringthru.lab.namespaces.miniupnpd import NatRule, Serves, Settings
from ringthru.lab.namespaces.netns import wait_for

from .mapping_process import Engine, arrives, nat

OUTSIDE = (PUB, PUB_ADDRESS)
UDP = NatRule("udp", 5060, PBX_ADDRESS, 5060)
TCP = NatRule("tcp", 5060, PBX_ADDRESS, 5060)
FOREIGN = NatRule("udp", 7777, PHONE_ADDRESS, 7777)


def natpmpc(laboratory: Laboratory, role: str, port: int, external: int) -> None:
    laboratory.run(role, ["natpmpc", "-a", str(external), str(port), "udp", "3600"])


class TestEverythingSpoken:
    """Default miniupnpd: PCP, NAT-PMP and UPnP."""

    @pytest.fixture
    def engine(self, laboratory: Laboratory, tmp_path: Path) -> Engine:
        return Engine(laboratory, tmp_path, witness_after=0.0).start()

    def test_pcp_is_chosen_and_the_mapping_listed_by_upnp_and_open_from_outside(
        self, laboratory: Laboratory, engine: Engine
    ) -> None:
        engine.want(5060)
        engine.want(5060, protocol="tcp")
        assert engine.until_granted(5060) == [5060]
        engine.until(lambda: engine.mapping(5060)["rung"] == "listed", what="UPnP's word for it")
        look = engine.look()
        assert (look["type"], look["gateway"], look["external"]) == ("pcp", LAN_ADDRESS, WAN_ADDRESS)
        assert ("upnp", LAN_ADDRESS) in [tuple(each[:2]) for each in look["services"]]
        assert laboratory.nat_rules() == [TCP, UDP]
        assert re.search(rf"UDP +5060->{PBX_ADDRESS}:5060", laboratory.run(PBX, ["upnpc", "-i", "-l"]).stdout)
        assert arrives(laboratory, 5060, (WAN_ADDRESS, 5060), PBX_ADDRESS, OUTSIDE)
        engine.stop()
        assert laboratory.nat_rules() == []

    def test_a_port_that_another_machine_holds_is_granted_on_another_one(
        self, laboratory: Laboratory, engine: Engine
    ) -> None:
        natpmpc(laboratory, PHONE, 5060, 5060)
        engine.want(5060)
        (external,) = engine.until_granted(5060)
        assert external != 5060
        foreign = NatRule("udp", 5060, PHONE_ADDRESS, 5060)
        assert sorted(laboratory.nat_rules()) == sorted(
            [foreign, NatRule("udp", external, PBX_ADDRESS, 5060)]
        )
        assert arrives(laboratory, 5060, (WAN_ADDRESS, external), PBX_ADDRESS, OUTSIDE)
        engine.stop()
        assert laboratory.nat_rules() == [foreign]

    def test_where_only_that_port_will_do_it_is_refused_and_the_holder_keeps_it(
        self, laboratory: Laboratory, engine: Engine
    ) -> None:
        natpmpc(laboratory, PHONE, 5060, 5060)
        engine.want(5060, exact=True)
        engine.until(lambda: engine.mapping(5060)["state"] == "refused", what="the refusal")
        assert engine.mapping(5060)["reason"]
        assert laboratory.nat_rules() == [NatRule("udp", 5060, PHONE_ADDRESS, 5060)]
        engine.stop()


@pytest.mark.parametrize(
    ("settings", "spoken"),
    [
        (Settings(Serves.UPNP), "upnp"),
        (Settings(Serves.UPNP, igd1=True), "upnp"),
        (Settings(Serves.UPNP, secure=False), "upnp"),
        (Settings(Serves.NATPMP), "pcp"),
    ],
    ids=["UPnP only", "UPnP only, described as IGD:1", "UPnP only, not secure", "PCP and NAT-PMP only"],
)
class TestEveryMode:
    def test_both_protocols_are_mapped_reached_and_taken_back(
        self, settings: Settings, spoken: str, tmp_path: Path
    ) -> None:
        with Laboratory(settings=settings) as laboratory:
            engine = Engine(laboratory, tmp_path, witness_after=0.0).start()
            engine.want(5060)
            engine.want(5060, protocol="tcp")
            engine.until_granted(5060)
            engine.until_granted(5060, protocol="tcp")
            assert (engine.look()["type"], engine.look()["external"]) == (spoken, WAN_ADDRESS)
            assert laboratory.nat_rules() == [TCP, UDP]
            assert arrives(laboratory, 5060, (WAN_ADDRESS, 5060), PBX_ADDRESS, OUTSIDE)
            if spoken == "upnp":
                engine.until(lambda: engine.mapping(5060)["rung"] == "listed", what="its own list")
                listed = laboratory.run(PBX, ["upnpc", "-i", "-l"]).stdout
                for protocol in ("UDP", "TCP"):
                    assert re.search(rf"{protocol} +5060->{PBX_ADDRESS}:5060", listed), listed
            engine.stop()
            assert laboratory.nat_rules() == []


class TestForAnotherMachine:
    """miniupnpd's secure mode: each maps for itself; without it, one maps for all."""

    THEIRS = NatRule("udp", 5060, PHONE_ADDRESS, 5060)

    def test_in_secure_mode_it_is_refused_in_words(self, tmp_path: Path) -> None:
        with Laboratory(settings=Settings(Serves.UPNP)) as laboratory:
            engine = Engine(laboratory, tmp_path).start()
            engine.want(5060, internal_client=PHONE_ADDRESS)
            engine.until(lambda: engine.mapping(5060)["state"] == "refused", what="the refusal")
            assert re.search("606|718|another", engine.mapping(5060)["reason"]), engine.mapping(5060)
            assert laboratory.nat_rules() == []
            engine.stop()

    def test_without_it_the_mapping_leads_there_and_is_taken_back(self, tmp_path: Path) -> None:
        with Laboratory(settings=Settings(Serves.UPNP, secure=False)) as laboratory:
            engine = Engine(laboratory, tmp_path).start()
            engine.want(5060, internal_client=PHONE_ADDRESS)
            engine.until_granted(5060)
            assert laboratory.nat_rules() == [self.THEIRS]
            engine.stop()
            assert laboratory.nat_rules() == []


class TestDenyRules:
    """miniupnpd allows what its permission rules allow, and says so in each protocol's way."""

    ONLY_HIGH = ("allow 30000-30999 0.0.0.0/0 1024-65535", "deny 0-65535 0.0.0.0/0 0-65535")
    NOTHING = ("deny 0-65535 0.0.0.0/0 0-65535",)

    @pytest.mark.parametrize("serves", [Serves.BOTH, Serves.UPNP], ids=["PCP", "UPnP"])
    def test_what_is_denied_is_refused_in_words(self, serves: Serves, tmp_path: Path) -> None:
        with Laboratory(settings=Settings(serves, rules=self.NOTHING)) as laboratory:
            engine = Engine(laboratory, tmp_path).start()
            engine.want(5060)
            engine.until(lambda: engine.mapping(5060)["state"] == "refused", what="the refusal")
            assert len(engine.mapping(5060)["reason"].split()) > 3
            assert "MappingFailed" in engine.heard("MappingFailed")
            assert laboratory.nat_rules() == []
            engine.stop()

    def test_where_another_external_port_is_allowed_that_one_is_granted(self, tmp_path: Path) -> None:
        with Laboratory(settings=Settings(rules=self.ONLY_HIGH)) as laboratory:
            engine = Engine(laboratory, tmp_path).start()
            engine.want(5060)
            (external,) = engine.until_granted(5060)
            assert external in range(30000, 31000)
            assert arrives(laboratory, 5060, (WAN_ADDRESS, external), PBX_ADDRESS, OUTSIDE)
            engine.stop()
            assert laboratory.nat_rules() == []


class TestCrash:
    """``kill -9``, and the next start takes over or takes back exactly what was ours."""

    @pytest.mark.parametrize("serves", [Serves.BOTH, Serves.UPNP], ids=["PCP", "UPnP"])
    def test_what_is_still_wanted_is_kept_and_the_rest_deleted(self, serves: Serves, tmp_path: Path) -> None:
        with Laboratory(serves=serves) as laboratory:
            if serves is Serves.UPNP:
                laboratory.run(PHONE, ["upnpc", "-i", "-r", "7777", "UDP"])
            else:
                natpmpc(laboratory, PHONE, 7777, 7777)
            settings = {"store": str(tmp_path / "journal"), "lease": 600}
            first = Engine(laboratory, tmp_path, **settings).start()
            for port in (5060, 5070):
                first.want(port)
            first.until_granted(5060, 5070)
            first.kill()
            assert len(laboratory.nat_rules()) == 3
            second = Engine(laboratory, tmp_path, **settings).start()
            second.want(5060)
            second.until_granted(5060)
            second.until(lambda: laboratory.nat_rules() == [UDP, FOREIGN], 20, "only 5070 deleted")
            second.stop()
            assert laboratory.nat_rules() == [FOREIGN]


class TestGatewaysWithoutService:
    @pytest.mark.parametrize("topology", [Topology.NONE, Topology.DEAD])
    def test_the_verdict_is_no_and_nothing_hangs(self, topology: Topology, tmp_path: Path) -> None:
        with Laboratory(topology) as laboratory:
            engine = Engine(laboratory, tmp_path).start()
            engine.want(5060)
            engine.heard("NoGateway", timeout=15)
            assert engine.mapping(5060)["external"] is None
            engine.stop()


def test_NP19_a_gateway_that_hears_what_is_sent_to_all_hosts_alone_is_told_of_and_strangers_are_not() -> None:
    with Laboratory(Topology.NONE) as laboratory:
        assert "all hosts" not in discovered(laboratory)
        with answering_all_hosts(laboratory, PHONE, PHONE_ADDRESS):
            assert "all hosts" not in discovered(laboratory)
        with answering_all_hosts(laboratory, "gateway", LAN_ADDRESS):
            assert f"NAT-PMP at {LAN_ADDRESS} answers only what is sent to all hosts" in discovered(
                laboratory
            )


def test_sigterm_takes_back_and_ends_as_ctrl_c_does(tmp_path: Path) -> None:
    """``timeout 5 ringthru nat …``, while a gateway that is silent is waited for."""
    with Laboratory(Topology.DEAD) as laboratory:
        argv = [
            sys.executable,
            "-m",
            "ringthru",
            "nat",
            "explain",
            "5060",
            "--store",
            str(tmp_path / "journal"),
        ]
        asking = laboratory.popen(PBX, argv, tmp_path / "said")
        wait_for(lambda: handles(asking.pid, signal.SIGTERM), 30, "a command that handles the signal")
        assert laboratory.end(asking) == 130
        assert "interrupted" in (tmp_path / "said").read_text()


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for the signal (proc(5): SigCgt)."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = re.findall(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(int(caught, 16) >> (number - 1) & 1)


def discovered(laboratory: Laboratory) -> str:
    """What ``discover`` remarks, where nobody maps."""
    argv = [sys.executable, "-m", "ringthru", "nat", "discover"]
    return laboratory.run(PBX, argv, check=False, timeout=60).stderr


@contextmanager
def answering_all_hosts(laboratory: Laboratory, role: str, address: str) -> Iterator[None]:
    """A NAT-PMP server of one answer, deaf to what is sent to its own address."""
    ear = laboratory.udp_socket(role, "224.0.0.1", 5351, timeout=0.1)
    mouth = laboratory.udp_socket(role, address, 5351)
    over = threading.Event()

    def answer() -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                _, whom = ear.recvfrom(64)
                mouth.sendto(bytes.fromhex("0080 0000 00000001 0b007101"), whom)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        ear.close()
        mouth.close()


class TestTheCommand:
    """``ringthru nat`` on a real gateway."""

    def test_discover_add_list_delete(self, laboratory: Laboratory, tmp_path: Path) -> None:
        store = ("--store", str(tmp_path / "journal"))
        natpmpc(laboratory, PHONE, 7777, 7777)
        found = json.loads(nat(laboratory, "discover", "--json", *store))
        text = json.dumps(found)
        assert LAN_ADDRESS in text
        assert WAN_ADDRESS in text
        nat(laboratory, "add", "5060/both", "--json", *store)
        assert laboratory.nat_rules() == [TCP, UDP, FOREIGN]
        assert arrives(laboratory, 5060, (WAN_ADDRESS, 5060), PBX_ADDRESS, OUTSIDE)
        listed = json.loads(nat(laboratory, "list", "--json", *store))
        ours = {(each["protocol"], each["external_port"]): each["ours"] for each in listed["entries"]}
        assert ours == {("udp", 5060): True, ("tcp", 5060): True, ("udp", 7777): False}
        nat(laboratory, "delete", "5060/tcp", *store)
        assert laboratory.nat_rules() == [UDP, FOREIGN]
        nat(laboratory, "delete", "--all-ours", *store)
        assert laboratory.nat_rules() == [FOREIGN]
