"""TCP and TLS through a real gateway: sipp, baresip and openssl outside, the switch behind miniupnpd."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import (
    PBX,
    PBX_ADDRESS,
    PBX_ADDRESS6,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    PUB_ADDRESS6,
    SECOND_PBX,
    SECOND_PBX_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
    Topology,
)
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.nat_rules import Pinhole
from ringthru.lab.namespaces.netns import wait_for

from .audio import best_share, sweep, tone
from .capture import Capture, rtp_packets
from .phones import Baresip, Sipp
from .switch_process import PASSWORD, Switch

TLS = {"internal": {"tls": "true"}, "external": {"tls": "true", "tls-sip-port": "5081"}}
FAREWELL = "BYE x SIP/2.0\\r\\nContent-Length: none\\r\\n\\r\\n"  # what cannot be cut ends the connection
SIX = {  # a profile of the IPv6 Internet, behind whatever firewall there is
    "sip-ip": "$${local_ip_v6}",
    "rtp-ip": "$${local_ip_v6}",
    "ext-sip-ip": "auto-nat",
    "ext-rtp-ip": "auto-nat",
}
TCP_PORTS = {5060, 5080, 5061, 5081}


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Laboratory() as laboratory:
        switch = Switch(laboratory, tmp_path_factory.mktemp("switch"), console=True, parameters=TLS)
        switch.start()
        switch.wait_until_mapped()
        wait_for(lambda: tcp_ports(laboratory) >= TCP_PORTS, 10, "the TCP ports mapped on the gateway")
        yield switch
        assert "Traceback" not in switch.words(), switch.words()


def tcp_ports(laboratory: Laboratory) -> set[int]:
    return {rule.external_port for rule in laboratory.nat_rules() if rule.protocol == "tcp"}


def connections(laboratory: Laboratory, role: str, port: int) -> int:
    """Open connections of a namespace to or from a port."""
    listing = laboratory.run(role, ["ss", "-Htn", "state", "established"]).stdout
    return len(re.findall(rf":{port}\b", listing))


def heard_packets(outside: Capture) -> int:
    """RTP that came to the public host."""
    return sum(datagram.source[0] == WAN_ADDRESS for datagram, _ in rtp_packets(outside.so_far()))


class TestSippOverTcp:
    @pytest.mark.parametrize(("transport", "calls"), [("t1", 1), ("t1", 10), ("tn", 10)])
    def test_a_stranger_calls_the_echo(self, switch: Switch, sipp: Sipp, transport: str, calls: int) -> None:
        """One connection for all calls, or one for each."""
        sipp.transport, sipp.calls = transport, calls
        sipp.run("call.xml", f"{WAN_ADDRESS}:5080", "9196", sweep(300, 3000, 0.5))

    def test_and_is_called(self, switch: Switch, tmp_path: Path) -> None:
        argv = ["sipp", "-sn", "uas", "-t", "t1", "-i", PUB_ADDRESS, "-p", "5090", "-m", "1", "-nostdin"]
        argv += ["-timeout", "20s", "-trace_err", "-error_file", str(tmp_path / "errors")]
        callee = switch.laboratory.popen(PUB, argv, tmp_path / "sipp.log")
        listening = ["ss", "-Htln"]
        wait_for(lambda: ":5090" in switch.laboratory.run(PUB, listening).stdout, 10, "sipp listening")
        switch.type_in(f"originate sofia/external/sip:bob@{PUB_ADDRESS}:5090;transport=tcp &park")
        switch.wait_for_words("+OK")
        switch.type_in("hupall")
        assert callee.wait(60) == 0, (tmp_path / "sipp.log").read_text(errors="replace")


class TestBaresipOverTls:
    @pytest.fixture
    def baresip(self, switch: Switch, tmp_path: Path) -> Iterator[Baresip]:
        phone = Baresip(switch.laboratory, PUB, PUB_ADDRESS, tmp_path)
        yield phone
        phone.stop()

    def test_it_registers_calls_and_is_called_on_its_one_connection(
        self, switch: Switch, baresip: Baresip, outside: Capture
    ) -> None:
        at = f"{WAN_ADDRESS}:5061;transport=tls"
        account = f"<sip:1000@{at}>;auth_user=1000;auth_pass={PASSWORD};answermode=auto;regint=300"
        baresip.start(account + ";audio_codecs=PCMU/8000/1", tone(440, 20), f"/dial sip:9196@{at}")
        baresip.wait_for_log("200 OK")
        baresip.wait_for_log("Call established")
        switch.type_in("sofia status profile internal reg")
        switch.wait_for_words("Registered(TLS")
        assert connections(switch.laboratory, PBX, 5061) == 1
        switch.type_in("hupall")
        wait_for(lambda: "session closed" in baresip.log().lower(), 10, "the end of the first call")
        switch.type_in("originate user/1000 &echo")
        wait_for(lambda: baresip.log().count("Call established") >= 2, 10, "the call to the phone")
        assert connections(switch.laboratory, PBX, 5061) == 1
        already = heard_packets(outside)
        wait_for(lambda: heard_packets(outside) >= already + 75, 10, "1.5 s of sound")
        baresip.stop()
        assert best_share(baresip.heard(), 440) > 0.9

    def test_a_stranger_calls_the_echo(self, switch: Switch, baresip: Baresip) -> None:
        baresip.start(
            f"<sip:stranger@{PUB_ADDRESS};transport=tls>;regint=0;audio_codecs=PCMU/8000/1",
            tone(440, 10),
            f"/dial sip:9196@{WAN_ADDRESS}:5081;transport=tls",
        )
        baresip.wait_for_log("Call established")


class TestBehindANatOfItsOwn:
    """A phone in another home, behind that home's gateway, where nothing is mapped for it."""

    @pytest.mark.parametrize(("transport", "port"), [("tcp", 5060), ("tls", 5061)])
    def test_it_is_called_through_the_connection_it_made(
        self, tmp_path: Path, transport: str, port: int
    ) -> None:
        with Laboratory(Topology.DOUBLE) as laboratory:
            (tmp_path / "switch").mkdir()
            switch = Switch(laboratory, tmp_path / "switch", console=True, parameters=TLS)
            switch.start()
            wait_for(lambda: tcp_ports(laboratory) >= TCP_PORTS, 10, "the TCP ports mapped on the gateway")
            (tmp_path / "phone").mkdir()
            phone = Baresip(laboratory, SECOND_PBX, SECOND_PBX_ADDRESS, tmp_path / "phone")
            account = f"<sip:1000@{WAN_ADDRESS}:{port};transport={transport}>;auth_user=1000"
            account += f";auth_pass={PASSWORD};answermode=auto;regint=300;audio_codecs=PCMU/8000/1"
            phone.start(account, tone(440, 20))
            phone.wait_for_log("200 OK")
            switch.type_in("sofia status profile internal reg")
            switch.wait_for_words(f"Registered({transport.upper()}-NAT)")
            capture = Capture(laboratory, SECOND_PBX, tmp_path / "phone")
            switch.type_in("originate user/1000 &echo")
            phone.wait_for_log("Call established")
            wait_for(lambda: heard_packets(capture) >= 75, 10, "1.5 s of sound")
            capture.stop()
            phone.stop()
            assert best_share(phone.heard(), 440) > 0.9
            assert switch.stop() == 0
            assert "Traceback" not in switch.words(), switch.words()


class TestIpv6:
    """A profile on local_ip_v6 calls across the IPv6 Internet; nobody translates anything there."""

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_it_calls_a_stranger(self, tmp_path: Path, transport: str) -> None:
        six = {"external": {"sip-ip": "$${local_ip_v6}", "rtp-ip": "$${local_ip_v6}"}}
        with Laboratory(Topology.DUAL_STACK) as laboratory:
            switch = Switch(laboratory, tmp_path, console=True, parameters=six)
            switch.start()
            switch.wait_for_words(f"Started profile external on [{PBX_ADDRESS6}]:5080 {transport.upper()}")
            argv = [
                "sipp",
                "-sn",
                "uas",
                "-t",
                {"udp": "u1", "tcp": "t1"}[transport],
                "-i",
                f"[{PUB_ADDRESS6}]",
            ]
            argv += ["-p", "5090", "-m", "1", "-nostdin", "-timeout", "20s"]
            callee = laboratory.popen(PUB, argv, tmp_path / "sipp.log")
            wait_for(lambda: ":5090" in laboratory.run(PUB, ["ss", "-Htuln"]).stdout, 10, "sipp listening")
            switch.type_in(
                f"originate sofia/external/sip:bob@[{PUB_ADDRESS6}]:5090;transport={transport} &park"
            )
            switch.wait_for_words("+OK")
            switch.type_in("hupall")
            assert callee.wait(60) == 0, (tmp_path / "sipp.log").read_text(errors="replace")
            assert switch.stop() == 0
            assert "Traceback" not in switch.words(), switch.words()

    @pytest.mark.parametrize("serves", [Serves.NATPMP, Serves.UPNP], ids=["pcp-only", "upnp-only"])
    def test_a_stranger_comes_in_through_the_firewall(self, tmp_path: Path, serves: Serves) -> None:
        """auto-nat on an IPv6 profile: pinholes for SIP and for the RTP pool, taken back at the stop."""
        with Laboratory(Topology.DUAL_STACK, serves) as laboratory:
            switch = Switch(laboratory, tmp_path, console=True, parameters={"external": SIX})
            switch.start()
            sip = [Pinhole(each, PBX_ADDRESS6, 5080) for each in ("tcp", "udp")]
            wait_for(lambda: set(sip) < set(laboratory.pinholes()), 20, "the pinholes for SIP")
            wait_for(lambda: len(laboratory.pinholes()) >= len(sip) + 4, 20, "the pinholes for RTP")
            argv = ["sipp", f"[{PBX_ADDRESS6}]:5080", "-sn", "uac", "-s", "9196", "-i", f"[{PUB_ADDRESS6}]"]
            argv += ["-p", "5090", "-m", "1", "-d", "3000", "-nostdin", "-timeout", "20s"]
            caller = laboratory.popen(PUB, argv, tmp_path / "sipp.log")
            switch.wait_for_words("has been answered")
            ports = {each.port for each in laboratory.pinholes()}
            switch.type_in("show channels")
            advertised = re.compile(re.escape(f"[{PBX_ADDRESS6}]:") + r"(\d+)")
            wait_for(
                lambda: {int(each) for each in advertised.findall(switch.words())} - {5080} & ports,
                10,
                "an RTP port with a pinhole in the SDP",
            )
            assert caller.wait(60) == 0, (tmp_path / "sipp.log").read_text(errors="replace")
            assert "relies on latching" not in switch.words()
            assert switch.stop() == 0
            assert laboratory.pinholes() == []
            assert "Traceback" not in switch.words(), switch.words()

    @pytest.mark.parametrize("serves", [Serves.NATPMP, Serves.UPNP], ids=["pcp-only", "upnp-only"])
    def test_one_there_talks_to_a_phone_that_has_ipv4_alone(self, tmp_path: Path, serves: Serves) -> None:
        """Sound both ways: in through pinholes, and on to the phone at home over IPv4."""
        for name in ("switch", "phone", "stranger"):
            (tmp_path / name).mkdir()
        with Laboratory(Topology.DUAL_STACK, serves) as laboratory:
            switch = Switch(laboratory, tmp_path / "switch", parameters={"external": SIX})
            switch.start()
            wait_for(lambda: len(laboratory.pinholes()) >= 6, 20, "the pinholes for SIP and RTP")
            phone = Baresip(laboratory, PHONE, PHONE_ADDRESS, tmp_path / "phone")
            account = f"<sip:1000@{PBX_ADDRESS}>;auth_user=1000;auth_pass={PASSWORD};answermode=auto"
            phone.start(account + ";regint=300;audio_codecs=PCMU/8000/1", tone(600, 30))
            phone.wait_for_log("200 OK")
            stranger = Baresip(laboratory, PUB, f"[{PUB_ADDRESS6}]", tmp_path / "stranger", ipv6=True)
            stranger.call(f"sip:2000@[{PBX_ADDRESS6}]:5080", tone(440, 30))
            wait_for(lambda: stranger.hears(600), 10, "the phone's tone")
            wait_for(lambda: phone.hears(440), 10, "the stranger's tone")
            stranger.stop()
            phone.stop()
            assert switch.stop() == 0
            assert "relies on latching" not in switch.words()
            assert "Traceback" not in switch.words(), switch.words()


class TestOpenssl:
    def ask(self, switch: Switch, port: int, *options: str, typed: str = "") -> str:
        """What a TLS client sees; it leaves when it has said ``typed``."""
        client = f"openssl s_client -connect {WAN_ADDRESS}:{port} {' '.join(options)}"
        command = f"printf '{typed}' | timeout 10 {client} -ign_eof 2>&1"
        return switch.laboratory.run(PUB, ["sh", "-c", command], check=False).stdout

    @pytest.mark.parametrize("version", ["1.2", "1.3"])
    def test_the_certificate_names_the_switch(self, switch: Switch, version: str) -> None:
        certificate = switch.directory / "db" / "tls" / "agent.pem"
        believing = ("-CAfile", str(certificate), "-verify_ip", PBX_ADDRESS)
        option = "-tls" + version.replace(".", "_")
        said = self.ask(switch, 5081, option, *believing, typed=FAREWELL)
        assert "Verify return code: 0 (ok)" in said
        assert f"TLSv{version}" in said

    def test_tls_1_1_is_refused(self, switch: Switch) -> None:
        said = self.ask(switch, 5081, "-tls1_1", "-cipher", "'ALL:@SECLEVEL=0'", typed="\\r\\n")
        assert "Cipher is (NONE)" in said

    def test_a_request_by_hand(self, switch: Switch) -> None:
        request = (
            f"OPTIONS sip:{WAN_ADDRESS}:5081 SIP/2.0\\r\\n"
            f"Via: SIP/2.0/TLS {PUB_ADDRESS};branch=z9hG4bKhand\\r\\n"
            f"From: <sip:hand@{PUB_ADDRESS}>;tag=a\\r\\nTo: <sip:{WAN_ADDRESS}>\\r\\nCall-ID: hand\\r\\n"
            "CSeq: 1 OPTIONS\\r\\nMax-Forwards: 70\\r\\nContent-Length: nonsense\\r\\n\\r\\n"
        )
        assert "SIP/2.0 400 " in self.ask(switch, 5081, "-quiet", typed=request)
        good = request.replace("nonsense", "0").replace("hand", "good") + request
        assert "SIP/2.0 200 " in self.ask(switch, 5081, "-quiet", typed=good)
