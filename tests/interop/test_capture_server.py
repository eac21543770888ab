"""Who reads the switch's HEP3: sngrep, as Debian has it, and hep-js, the decoder of Homer's authors."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ringthru.lab.namespaces.laboratory import (
    PBX,
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
)
from ringthru.lab.namespaces.netns import wait_for

from .node_programs import node
from .switch_process import PASSWORD, Switch, configuration, replace
from .wire import SOUND, status, wire

SERVER = (
    '<global_settings><param name="capture-server" value="udp:127.0.0.1:9060;hep=3;capture_id=7"/>'
    "</global_settings>\n  <profiles>"
)
PARAMETERS = {name: {"sip-capture": "true"} for name in ("internal", "external")}


def test_a_far_call_and_a_phone_at_home(tmp_path: Path) -> None:
    tree = configuration(tmp_path, PARAMETERS)
    replace(tree / "autoload_configs" / "sofia.conf.xml", "<profiles>", SERVER)
    kept = tmp_path / "captured.pcap"
    with Laboratory() as laboratory:
        argv = ["sngrep", "-N", "-q", "-L", "udp:127.0.0.1:9060", "-O", str(kept)]
        sngrep = laboratory.popen(PBX, argv, tmp_path / "sngrep", {"TERM": "xterm"})
        listens = lambda: ":9060 " in laboratory.run(PBX, ["ss", "-uan"]).stdout  # noqa: E731
        wait_for(listens, 10, "sngrep to listen")
        switch = Switch(laboratory, tmp_path)
        switch.start()
        switch.wait_until_mapped()
        with wire(laboratory, PUB, PUB_ADDRESS, (WAN_ADDRESS, 5080)) as stranger:
            assert status(stranger.invite("9196", SOUND)) == 200
        with wire(laboratory, PHONE, PHONE_ADDRESS, (PBX_ADDRESS, 5060)) as phone:
            assert status(phone.register("1000", PASSWORD)) == 200

        def shown() -> set[tuple[str, str]]:
            read = ["tcpdump", "-n", "-t", "-r", str(kept)]
            lines = laboratory.run(PBX, read, check=False).stdout.splitlines()
            return {tuple(line.split(": ")[0].removeprefix("IP ").split(" > ")) for line in lines}  # type: ignore[misc]

        here, there = f"{WAN_ADDRESS}.5080", f"{PUB_ADDRESS}.{stranger.port}"
        home, desk = f"{PBX_ADDRESS}.5060", f"{PHONE_ADDRESS}.{phone.port}"
        wanted = {(there, here), (here, there), (desk, home), (home, desk)}
        try:
            wait_for(lambda: shown() >= wanted, 10, "all four ways")
        except TimeoutError:
            raise AssertionError(f"{wanted - shown()} of {shown()}\n{switch.words()}") from None
        assert not any(PBX_ADDRESS in way[0] + way[1] for way in shown() if PUB_ADDRESS in way[0] + way[1])
        switch.stop()
        laboratory.end(sngrep)


def test_homers_decoder_after_sofia_global_capture_on(tmp_path: Path) -> None:
    replace(configuration(tmp_path, {}) / "autoload_configs" / "sofia.conf.xml", "<profiles>", SERVER)
    reader = Path(__file__).parent / "clients" / "hep_reader.js"
    output = tmp_path / "read"
    with Laboratory() as laboratory:
        homer = laboratory.popen(PBX, [*node(), str(reader), "9060"], output)
        listens = lambda: ":9060 " in laboratory.run(PBX, ["ss", "-uan"]).stdout  # noqa: E731
        wait_for(listens, 10, "the reader to listen")
        switch = Switch(laboratory, tmp_path)
        switch.start()
        switch.wait_until_mapped()
        switch.wait_for_words("Event socket listens on 127.0.0.1:8021")
        password = (tmp_path / "db" / "event_socket_password").read_text().strip()
        cli = [sys.executable, "-m", "ringthru", "cli", "-p", password, "-x", "sofia global capture on"]
        assert laboratory.run(PBX, cli).stdout.strip() == "+OK Global capture on"
        with wire(laboratory, PUB, PUB_ADDRESS, (WAN_ADDRESS, 5080)) as stranger:
            assert status(stranger.invite("9196", SOUND)) == 200

        def read(start: str) -> dict[str, object]:
            lines = [json.loads(line) for line in output.read_text().splitlines() if line.endswith("}")]
            found = [each["rcinfo"] for each in lines if each["payload"].startswith(start)]
            return dict(found[0]) if found else {}

        wait_for(lambda: read("INVITE ") and read("SIP/2.0 200 "), 10, "both ways")
        asked, answered = read("INVITE "), read("SIP/2.0 200 ")
        there, here = ("srcIp", "srcPort"), ("dstIp", "dstPort")
        assert [asked[name] for name in (*there, *here)] == [PUB_ADDRESS, stranger.port, WAN_ADDRESS, 5080]
        assert [answered[name] for name in (*here, *there)] == [PUB_ADDRESS, stranger.port, WAN_ADDRESS, 5080]
        kinds = {name: asked[name] for name in ("protocolFamily", "protocol", "payloadType", "captureId")}
        assert kinds == {"protocolFamily": 2, "protocol": 17, "payloadType": 1, "captureId": 7}
        switch.stop()
        laboratory.end(homer)
