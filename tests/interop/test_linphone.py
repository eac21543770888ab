"""Linphone outside, over TLS through a real gateway, and baresip at home: two unlike phones in calls."""

from __future__ import annotations

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

from .audio import best_share, tone
from .capture import Capture
from .ears import BARESIPS, LINPHONES, Ear
from .linphone import Linphone
from .phones import Baresip
from .switch_process import PASSWORD, Switch, since

AT = f"{WAN_ADDRESS}:5061;transport=tls"
# G.711 alone, so that what each phone hears can be read off the wire
NARROW = {"inbound-codec-prefs": "PCMU,PCMA", "outbound-codec-prefs": "PCMU,PCMA"}
TLS = {"internal": {"tls": "true", "hold-music": "silence", **NARROW}, "external": NARROW}
LINS, HOMES, THIRDS = tone(440, 60), tone(600, 60), tone(900, 60)  # what each phone speaks


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Laboratory() as laboratory:
        switch = Switch(laboratory, tmp_path_factory.mktemp("switch"), console=True, parameters=TLS)
        switch.start()
        switch.wait_until_mapped()
        wait_for(lambda: 5061 in {rule.external_port for rule in laboratory.nat_rules()}, 10, "TLS mapped")
        yield switch
        assert "Traceback" not in switch.words(), switch.words()


@pytest.fixture
def outside_ears(switch: Switch, tmp_path: Path) -> Iterator[Capture]:
    capture = Capture(switch.laboratory, PUB, tmp_path)
    yield capture
    capture.stop()


@pytest.fixture
def home_ear(switch: Switch, tmp_path: Path) -> Iterator[Ear]:
    capture = Capture(switch.laboratory, PHONE, tmp_path)
    yield Ear(capture, BARESIPS)
    capture.stop()


@pytest.fixture
def lin_ear(outside_ears: Capture) -> Ear:
    return Ear(outside_ears, LINPHONES)


@pytest.fixture
def third_ear(outside_ears: Capture) -> Ear:
    return Ear(outside_ears, BARESIPS)


@pytest.fixture
def lin(switch: Switch, tmp_path: Path) -> Iterator[Linphone]:
    """User 1001, outside; it believes our certificate and no other."""
    yield from linphone(switch, tmp_path / "linphone")


@pytest.fixture
def ice_lin(switch: Switch, tmp_path: Path) -> Iterator[Linphone]:
    """The same with ICE."""
    yield from linphone(switch, tmp_path / "linphone", ice=True)


def linphone(switch: Switch, directory: Path, *, ice: bool = False) -> Iterator[Linphone]:
    directory.mkdir()
    phone = Linphone(switch.laboratory, PUB, PUB_ADDRESS, directory)
    trusted = switch.directory / "db" / "tls" / "agent.pem"
    phone.register(AT, "1001", PASSWORD, LINS, trusted, ice=ice)
    yield phone
    phone.stop()


@pytest.fixture
def home(switch: Switch, tmp_path: Path) -> Iterator[Baresip]:
    """User 1000, at home; it answers."""
    yield from registered(switch, tmp_path / "home", "1000", (PHONE, PHONE_ADDRESS, PBX_ADDRESS), HOMES)


@pytest.fixture
def third(switch: Switch, tmp_path: Path) -> Iterator[Baresip]:
    """User 1002, outside as well; it answers."""
    yield from registered(switch, tmp_path / "third", "1002", (PUB, PUB_ADDRESS, WAN_ADDRESS), THIRDS)


def registered(
    switch: Switch, directory: Path, user: str, place: tuple[str, str, str], sounds: list[int]
) -> Iterator[Baresip]:
    role, address, registrar = place
    directory.mkdir()
    phone = Baresip(switch.laboratory, role, address, directory)
    account = f"<sip:{user}@{registrar}:5060>;auth_user={user};auth_pass={PASSWORD};answermode=auto"
    phone.start(account + ";regint=300;audio_codecs=PCMU/8000/1", sounds)
    phone.wait_for_log("200 OK")
    yield phone
    phone.stop()


class TestAlone:
    def test_registers_by_tls_hears_itself_presses_keys_holds_and_hangs_up(
        self, switch: Switch, lin: Linphone, lin_ear: Ear
    ) -> None:
        said = since(switch)
        switch.type_in("sofia status profile internal reg")
        said("Registered(TLS")
        lin.says(f"call sip:9196@{AT}", "Media streams established")
        lin_ear.hears(440)
        lin.type_in("5")
        said("RECV DTMF 5:")
        lin.says("pause", "is now paused")
        said("is on hold")
        lin.says("resume", "Media streams established")
        said("is back from hold")
        lin_ear.hears(440)
        lin.says("terminate", "ended")
        said("[NORMAL_CLEARING]")
        assert best_share(lin.heard(), 440) > 0.9

    def test_is_hung_up_by_the_switch(self, switch: Switch, lin: Linphone) -> None:
        lin.says(f"call sip:9196@{AT}", "Media streams established")
        switch.type_in("hupall")
        lin.wait_until(lambda: "ended" in lin.words(), "the end of the call")

    def test_with_ice_it_checks_the_way_and_is_heard(
        self, switch: Switch, ice_lin: Linphone, lin_ear: Ear
    ) -> None:
        lin, said = ice_lin, since(switch)
        lin.says(f"call sip:9196@{AT}", "Media streams established")
        lin_ear.hears(440)
        lin.wait_until(lambda: "Finished ICE check list" in lin.log(), "the way is proven")
        lin.wait_until(lambda: lin.log().count("\na=ice-lite") == 2, "it tells the outcome (RFC 8839 §4.4)")
        lin_ear.hears(440)
        lin.says("pause", "is now paused")
        said("is on hold")
        lin.says("resume", "Media streams established")
        lin_ear.hears(440)
        lin.says("terminate", "ended")


class TestWithThePhoneAtHome:
    def test_sound_goes_both_ways_and_one_way_while_it_holds(
        self, switch: Switch, lin: Linphone, home: Baresip, home_ear: Ear, lin_ear: Ear
    ) -> None:
        said = since(switch)
        lin.says(f"call sip:1000@{AT}", "Media streams established")
        lin_ear.hears(600)
        home_ear.hears(440)
        lin.says("pause", "is now paused")
        said("is on hold")
        home_ear.hears(440)  # the music that linphone plays to whom it holds
        assert lin_ear.packets(ago=0.25) == 0
        lin.says("resume", "Media streams established")
        said("is back from hold")
        home_ear.hears(440)
        lin_ear.hears(600)
        home.command("hangup")
        lin.wait_until(lambda: "ended" in lin.words(), "the end of the call")

    def test_keys_of_each_reach_the_other(
        self, switch: Switch, lin: Linphone, home: Baresip, home_ear: Ear
    ) -> None:
        lin.says(f"call sip:1000@{AT}", "Media streams established")
        home_ear.hears(440)
        lin.type_in("7")  # an RTP event (RFC 4733), on both legs
        home.wait_for_log("'7'")
        lin.type_in("param sip use_info 1")
        lin.type_in("6")  # by INFO, and then as an RTP event
        home.wait_for_log("'6'")
        lin.wait_until(lambda: "\nINFO sip:" in lin.log(), "the INFO in its log")
        home.command("sndcode", "8")
        lin.wait_until(lambda: "Receiving tone 8" in lin.words(), "the key")

    def test_it_is_called_and_sends_the_caller_on(
        self, switch: Switch, lin: Linphone, home: Baresip, home_ear: Ear, lin_ear: Ear
    ) -> None:
        """Blind transfer (RFC 3515) of a call that linphone has answered."""
        said = since(switch)
        home.command("dial", f"sip:1001@{PBX_ADDRESS}:5060")
        lin.wait_until(lambda: "Receiving new incoming call" in lin.words(), "the call")
        lin.says("answer", "Media streams established")
        home_ear.hears(440)
        lin.type_in(f"transfer sip:9196@{AT}")
        said(" transfers ")
        said("[BLIND_TRANSFER]")
        home_ear.hears(600)

    def test_baresip_sends_its_caller_on(
        self, switch: Switch, lin: Linphone, home: Baresip, third: Baresip, lin_ear: Ear, third_ear: Ear
    ) -> None:
        """Blind transfer by baresip, the one kind that version 1.0 knows."""
        said = since(switch)
        lin.says(f"call sip:1000@{AT}", "Media streams established")
        lin_ear.hears(600)
        home.command("transfer", f"sip:1002@{PBX_ADDRESS}:5060")
        said("[BLIND_TRANSFER]")
        lin_ear.hears(900)
        third_ear.hears(440)

    def test_attended_transfer_brings_the_other_two_together(
        self, switch: Switch, lin: Linphone, home: Baresip, third: Baresip, home_ear: Ear, third_ear: Ear
    ) -> None:
        """REFER with Replaces (RFC 3891), both legs of linphone's end."""
        said = since(switch)
        lin.says(f"call sip:1000@{AT}", "Media streams established")
        home_ear.hears(440)
        lin.says("pause", "is now paused")
        lin.says(f"call sip:1002@{AT}", "Media streams established")
        third_ear.hears(440)
        lin.type_in("transfer 1 --to-call 2")
        said("[ATTENDED_TRANSFER]")
        home_ear.hears(900)
        third_ear.hears(600)
