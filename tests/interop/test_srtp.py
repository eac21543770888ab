"""SRTP with real phones over TLS: linphone and baresip that insist on it, and one at home that has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import (
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
)
from ringthru.lab.namespaces.netns import wait_for

from .audio import best_share, from_ulaw, tone
from .capture import Capture, rtp_packets
from .linphone import Linphone
from .phones import Baresip
from .switch_process import PASSWORD, Switch

AT = f"{WAN_ADDRESS}:5061;transport=tls"
TLS = {"internal": {"tls": "true"}}
LINS, HOMES, OUTSIDES = tone(440, 60), tone(600, 60), tone(900, 60)  # what each phone speaks
KEY = re.compile(r"inline:[A-Za-z0-9+/]{8}")


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Laboratory() as laboratory:
        switch = Switch(laboratory, tmp_path_factory.mktemp("switch"), console=True, parameters=TLS)
        switch.start()
        switch.wait_until_mapped()
        wait_for(lambda: 5061 in {rule.external_port for rule in laboratory.nat_rules()}, 10, "TLS mapped")
        switch.type_in("sofia global siptrace on")
        yield switch
        assert "Traceback" not in switch.words(), switch.words()
        assert KEY.search(switch.words()) is None  # not even where every message is shown


@pytest.fixture
def lin(switch: Switch, tmp_path: Path) -> Iterator[Linphone]:
    """User 1001, outside; it insists on SRTP."""
    directory = tmp_path / "linphone"
    directory.mkdir()
    phone = Linphone(switch.laboratory, PUB, PUB_ADDRESS, directory)
    trusted = switch.directory / "db" / "tls" / "agent.pem"
    phone.register(AT, "1001", PASSWORD, LINS, trusted, srtp=True)
    yield phone
    phone.stop()


def baresip(switch: Switch, directory: Path, user: str, at: str, sounds: list[int], more: str) -> Baresip:
    directory.mkdir()
    outside = "tls" in at
    role, address = (PUB, PUB_ADDRESS) if outside else (PHONE, PHONE_ADDRESS)
    phone = Baresip(switch.laboratory, role, address, directory)
    account = f"<sip:{user}@{at}>;auth_user={user};auth_pass={PASSWORD};answermode=auto;regint=300"
    phone.start(f"{account};audio_codecs=PCMU/8000/1{more}", sounds)
    phone.wait_for_log("200 OK")
    return phone


@pytest.fixture
def outside(switch: Switch, tmp_path: Path) -> Iterator[Baresip]:
    """User 1002, outside; it offers SRTP by TLS, and takes no other."""
    phone = baresip(switch, tmp_path / "outside", "1002", AT, OUTSIDES, ";mediaenc=srtp-mand")
    yield phone
    phone.stop()


@pytest.fixture
def home(switch: Switch, tmp_path: Path) -> Iterator[Baresip]:
    """User 1000, at home by UDP; it has no SRTP."""
    phone = baresip(switch, tmp_path / "home", "1000", f"{PBX_ADDRESS}:5060", HOMES, "")
    yield phone
    phone.stop()


def hears(samples: object, frequency: float) -> None:
    """Until a phone has recorded a tone."""
    wait_for(lambda: best_share(samples(), frequency, 0.3) > 0.9, 10, f"{frequency} Hz is heard")  # type: ignore[operator]


def test_a_phone_hears_itself_and_nobody_on_the_way_does(
    switch: Switch, outside: Baresip, tmp_path: Path
) -> None:
    capture = Capture(switch.laboratory, PUB, tmp_path)
    outside.command("dial", f"sip:9196@{AT}")
    outside.wait_for_log("Call established")
    hears(outside.so_far, 900)

    def on_the_way() -> bytes:
        return b"".join(rtp.payload for _, rtp in rtp_packets(capture.so_far()))

    wait_for(lambda: len(on_the_way()) > 8000, 10, "half a second on the wire")
    assert best_share(from_ulaw(on_the_way()), 900, 0.3) < 0.2
    capture.stop()
    switch.wait_for_words("RTP is protected by AES_")
    outside.command("hangup")


def test_linphone_holds_presses_keys_and_talks_to_a_phone_without_srtp(
    switch: Switch, lin: Linphone, home: Baresip
) -> None:
    lin.says(f"call sip:1000@{AT}", "Media streams established")
    hears(home.so_far, 440)
    lin.type_in("7")
    home.wait_for_log("'7'")
    lin.says("pause", "is now paused")
    lin.says("resume", "Media streams established")
    lin.type_in("8")
    home.wait_for_log("'8'")
    lin.says("terminate", "ended")
    assert best_share(lin.heard(), 600, 0.3) > 0.9


def test_two_phones_with_keys_of_their_own(switch: Switch, lin: Linphone, outside: Baresip) -> None:
    """Linphone refuses RTP that may be protected (488), and takes RTP that must be."""
    outside.command("dial", f"sip:1001@{AT}")
    lin.wait_until(lambda: "Receiving new incoming call" in lin.words(), "the call")
    lin.says("answer", "Media streams established")
    hears(outside.so_far, 440)
    outside.command("sndcode", "8")
    lin.wait_until(lambda: "Receiving tone 8" in lin.words(), "the key")
    lin.says("terminate", "ended")
    assert best_share(lin.heard(), 900, 0.1) > 0.9
