"""TLS with a certificate of an authority, as a public one would sign it: TLS 1.2 and 1.3.

The switch finds ``agent.pem`` in its ``tls-cert-dir``. openssl verifies it by both versions, linphone (1.2)
with the switch's name; baresip 1.0 speaks 1.3 and verifies nobody.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PUB, PUB_ADDRESS, WAN_ADDRESS, Laboratory
from ringthru.lab.namespaces.netns import RESOLVERS, wait_for

from .audio import tone
from .linphone import Linphone
from .phones import Baresip
from .switch_process import PASSWORD, Switch

NAME = "sip.home.example"
AT = f"{NAME}:5061;transport=tls"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


class Authority:
    """Signs certificates with openssl; ``certificate`` is what phones are given."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.certificate = folder / "authority.pem"
        self._key = folder / "authority.key"
        self._openssl(
            "req",
            "-x509",
            *CURVE,
            "-subj",
            "/CN=An Authority",
            "-keyout",
            self._key,
            "-out",
            self.certificate,
        )

    def sign(self, name: str, path: Path) -> None:
        """Write certificate and key for a name into one file."""
        key, request, signed, more = (self._folder / f"{name}.{end}" for end in ("key", "csr", "crt", "ext"))
        more.write_text(f"subjectAltName=DNS:{name},IP:{WAN_ADDRESS}\n")
        self._openssl("req", *CURVE, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        authority = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial")
        self._openssl(
            "x509", "-req", "-in", request, *authority, "-days", "2", "-extfile", more, "-out", signed
        )
        path.write_text(signed.read_text() + key.read_text())

    @staticmethod
    def _openssl(*words: object) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Laboratory, Authority, Path]]:
    """The laboratory, where the public host knows the switch by its name."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder / "authority")
    (folder / "certificates").mkdir()
    authority.sign(NAME, folder / "certificates" / "agent.pem")
    with Laboratory() as laboratory:
        (RESOLVERS / laboratory.name(PUB) / "hosts").write_text(f"{WAN_ADDRESS} {NAME}\n")
        yield laboratory, authority, folder


@pytest.fixture(params=["tlsv1.2", "tlsv1.3"])
def oldest(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def switch(place: tuple[Laboratory, Authority, Path], oldest: str, tmp_path: Path) -> Iterator[Switch]:
    laboratory, _, folder = place
    parameters = {"tls": "true", "tls-cert-dir": str(folder / "certificates"), "tls-version": oldest}
    (tmp_path / "switch").mkdir()
    switch = Switch(laboratory, tmp_path / "switch", console=True, parameters={"internal": parameters})
    switch.start()
    switch.wait_until_mapped()
    wait_for(lambda: 5061 in {rule.external_port for rule in laboratory.nat_rules()}, 10, "TLS mapped")
    yield switch
    switch.stop()
    assert "Traceback" not in switch.words(), switch.words()


def openssl(switch: Switch, authority: Path, *options: str) -> str:
    client = f"openssl s_client -connect {NAME}:5061 -verify_hostname {NAME} -CAfile {authority}"
    command = f"timeout 10 {client} {' '.join(options)} </dev/null 2>&1"
    return switch.laboratory.run(PUB, ["sh", "-c", command], check=False).stdout


def test_clients_that_verify(switch: Switch, oldest: str, place: tuple[Laboratory, Authority, Path]) -> None:
    _, authority, _ = place
    said = openssl(switch, authority.certificate, "-tls1_3")
    assert "Verify return code: 0 (ok)" in said
    assert "TLSv1.3" in said
    said = openssl(switch, authority.certificate, "-tls1_2")
    assert ("Cipher is (NONE)" in said) == (oldest == "tlsv1.3"), said
    assert "Verify return code: 0 (ok)" in said or oldest == "tlsv1.3"


class Client:
    """A program that verifies the switch's name by Python's ssl and talks SIP over the connection."""

    def __init__(self, switch: Switch, authority: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        opened = switch.laboratory.call_in(PUB, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        opened.settimeout(30)
        opened.connect((WAN_ADDRESS, 5061))
        self._line = context.wrap_socket(opened, server_hostname=NAME)
        self._asked = 0

    @property
    def serial(self) -> str:
        certificate = self._line.getpeercert()
        assert certificate
        return str(certificate["serialNumber"])

    def options(self) -> str:
        """The first line of the answer to an OPTIONS."""
        self._asked += 1
        rows = [
            f"OPTIONS sip:{NAME} SIP/2.0",
            f"Via: SIP/2.0/TLS {PUB_ADDRESS};branch=z9hG4bK{id(self)}x{self._asked};rport",
            f"From: <sip:me@{NAME}>;tag=1",
            f"To: <sip:{NAME}>",
            f"Call-ID: {id(self)}x{self._asked}",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        self._line.sendall("\r\n".join([*rows, "", ""]).encode())
        return self._line.recv(65536).decode().split("\r\n")[0]

    def close(self) -> None:
        self._line.close()


@pytest.mark.parametrize("oldest", ["tlsv1.3"], indirect=True)
def test_a_renewed_certificate_is_shown_without_a_restart(
    switch: Switch, place: tuple[Laboratory, Authority, Path]
) -> None:
    _, authority, folder = place
    first = Client(switch, authority.certificate)
    assert first.options() == "SIP/2.0 200 OK"
    authority.sign(NAME, folder / "certificates" / "agent.new")
    (folder / "certificates" / "agent.new").replace(folder / "certificates" / "agent.pem")
    second = Client(switch, authority.certificate)
    assert second.serial != first.serial
    for each in (first, second):  # who is connected stays so
        assert each.options() == "SIP/2.0 200 OK"
        each.close()


def test_baresip_registers_and_calls(switch: Switch, tmp_path: Path) -> None:
    phone = Baresip(switch.laboratory, PUB, PUB_ADDRESS, tmp_path)
    try:
        at = AT.replace(NAME, WAN_ADDRESS)  # it asks no hosts file
        account = f"<sip:1000@{at}>;auth_user=1000;auth_pass={PASSWORD};regint=300;audio_codecs=PCMU/8000/1"
        phone.start(account, tone(440, 20))
        phone.wait_for_log("200 OK")
        phone.command("dial", f"sip:9196@{at}")
        wait_for(lambda: phone.hears(440), 10, "its own tone")
    finally:
        phone.stop()


@pytest.mark.parametrize("oldest", ["tlsv1.2"], indirect=True)
def test_linphone_registers_and_calls_where_it_believes_the_name(
    switch: Switch, place: tuple[Laboratory, Authority, Path], tmp_path: Path
) -> None:
    laboratory, authority, _ = place
    (tmp_path / "lin").mkdir()
    phone = Linphone(laboratory, PUB, PUB_ADDRESS, tmp_path / "lin")
    try:
        phone.register(AT, "1001", PASSWORD, tone(440, 20), authority.certificate, name=True)
        phone.says(f"call sip:9196@{AT}", "Media streams established")
    finally:
        phone.stop()


@pytest.mark.parametrize("oldest", ["tlsv1.2"], indirect=True)
def test_linphone_does_not_where_another_authority_signed(switch: Switch, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    (tmp_path / "lin").mkdir()
    phone = Linphone(switch.laboratory, PUB, PUB_ADDRESS, tmp_path / "lin")
    failed = "Certificate verification failed"
    try:
        phone.register(AT, "1001", PASSWORD, tone(440, 20), other.certificate, name=True, until=failed)
        assert "Registered 1001@" not in switch.words()
    finally:
        phone.stop()
