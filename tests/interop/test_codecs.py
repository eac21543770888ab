"""Phones of several codecs in calls with each other: baresip and linphone with Opus, G.722 and G.711.

What each of them hears is a tone that the other one speaks, found in what the phone itself recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
from ringthru.media import Codec
from ringthru.media.coding.coders import decoder_of, installed
from ringthru.media.description.codecs import G722 as WIDE_BAND
from ringthru.media.description.codecs import OPUS as CODEC

from .audio import RATE, best_share, tone
from .capture import Capture, rtp_packets
from .ears import LINPHONES
from .linphone import Linphone
from .phones import Baresip
from .switch_process import PASSWORD, Switch, since

OPUS, G722, PCMU, PCMA = "opus/48000/2", "G722/16000/1", "PCMU/8000/1", "PCMA/8000/1"
LINPHONES_OPUS = 96  # its payload type
EXTENSIONS = """
    <extension name="sounds for strangers">
      <condition field="destination_number" expression="^9197$">
        <action application="answer"/>
        <action application="playback" data="tone_stream://%(10000,0,1004);loops=-1"/>
      </condition>
    </extension>
    <extension name="a room for strangers">
      <condition field="destination_number" expression="^3000$">
        <action application="conference" data="3000@default"/>
      </condition>
    </extension>
"""


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    if not {"G722", "OPUS"} <= installed():
        pytest.skip("G.722 and Opus are not installed: pip install 'ringthru[codecs]', and Debian's libopus0")
    tls = {"internal": {"tls": "true"}}
    with Laboratory() as laboratory:
        folder = tmp_path_factory.mktemp("switch")
        switch = Switch(laboratory, folder, console=True, parameters=tls, extensions=EXTENSIONS)
        switch.start()
        switch.wait_until_mapped()
        wait_for(lambda: 5061 in {rule.external_port for rule in laboratory.nat_rules()}, 10, "TLS mapped")
        yield switch
        assert "Traceback" not in switch.words(), switch.words()


Home = Callable[[str], Baresip]


@pytest.fixture
def home(switch: Switch, tmp_path: Path) -> Iterator[Home]:
    """Makes user 1000, at home, which answers in one codec and speaks 600 Hz."""
    phones: list[Baresip] = []

    def register(codec: str) -> Baresip:
        directory = tmp_path / "home"
        directory.mkdir()
        phone = Baresip(switch.laboratory, PHONE, PHONE_ADDRESS, directory)
        account = f"<sip:1000@{PBX_ADDRESS}:5060>;auth_user=1000;auth_pass={PASSWORD};answermode=auto"
        phone.start(f"{account};regint=300;audio_codecs={codec}", tone(600, 60))
        phone.wait_for_log("200 OK")
        phones.append(phone)
        return phone

    yield register
    for phone in phones:
        phone.stop()


@pytest.fixture
def outside(switch: Switch, tmp_path: Path) -> Iterator[Baresip]:
    directory = tmp_path / "outside"
    directory.mkdir()
    phone = Baresip(switch.laboratory, PUB, PUB_ADDRESS, directory)
    yield phone
    phone.stop()


def hears(phone: Baresip, frequency: float) -> None:
    wait_for(lambda: phone.hears(frequency), 15, f"{frequency} Hz heard by {phone.directory.name}")


@pytest.mark.parametrize(
    ("caller", "callee", "word"),
    [
        (OPUS, PCMU, "transcodes"),
        (PCMA, G722, "transcodes"),
        (G722, OPUS, "transcodes"),
        (f"{OPUS},{PCMU}", PCMU, "passes"),  # answered late, with what the called side took
        (OPUS, OPUS, "passes"),
    ],
)
class TestTwoPhones:
    def test_hear_each_other(
        self, switch: Switch, home: Home, outside: Baresip, caller: str, callee: str, word: str
    ) -> None:
        said = since(switch)
        at_home = home(callee)
        outside.call(f"sip:2000@{WAN_ADDRESS}:5080", tone(440, 60), caller)
        said(f"Audio of the call {word}")
        hears(at_home, 440)
        hears(outside, 600)
        outside.command("sndcode", "5")
        said("RECV DTMF 5:")


@pytest.mark.parametrize("codec", [OPUS, G722])
class TestAlone:
    """What the switch says itself, in either codec."""

    def test_echo_and_tones(self, switch: Switch, outside: Baresip, codec: str) -> None:
        outside.call(f"sip:9196@{WAN_ADDRESS}:5080", tone(440, 60), codec)
        hears(outside, 440)
        outside.stop()
        outside.call(f"sip:9197@{WAN_ADDRESS}:5080", tone(440, 60), codec)
        hears(outside, 1004)


class TestRoom:
    def test_two_codecs_in_a_conference(self, switch: Switch, home: Home, outside: Baresip) -> None:
        at_home = home(G722)
        at_home.command("dial", f"sip:3000@{PBX_ADDRESS}:5060")
        at_home.wait_for_log("Call established")
        outside.call(f"sip:3000@{WAN_ADDRESS}:5080", tone(440, 60), OPUS)
        hears(at_home, 440)
        hears(outside, 600)


class TestLinphone:
    @pytest.fixture
    def registered(self, switch: Switch, tmp_path: Path) -> Iterator[Callable[[str], Linphone]]:
        """Makes user 1001, outside, over TLS; it speaks 440 Hz in its one codec, or in all that it has."""
        phones: list[Linphone] = []

        def register(codec: str) -> Linphone:
            directory = tmp_path / "linphone"
            directory.mkdir()
            phone = Linphone(switch.laboratory, PUB, PUB_ADDRESS, directory)
            phones.append(phone)
            trusted = switch.directory / "db" / "tls" / "agent.pem"
            at = f"{WAN_ADDRESS}:5061;transport=tls"
            phone.register(at, "1001", PASSWORD, tone(440, 60), trusted, codec=codec)
            return phone

        yield register
        for phone in phones:
            phone.stop()

    @pytest.fixture
    def ears(self, switch: Switch, tmp_path: Path) -> Iterator[Capture]:
        capture = Capture(switch.laboratory, PUB, tmp_path)
        yield capture
        capture.stop()

    def test_in_opus_with_a_phone_of_g722(
        self, switch: Switch, home: Home, registered: Callable[[str], Linphone], ears: Capture
    ) -> None:
        """Linphone has no G.722 switched on by itself, and this baresip nothing else; both press keys."""
        said, lin = since(switch), registered("")
        at_home = home(G722)
        lin.says(f"call sip:1000@{WAN_ADDRESS}:5061;transport=tls", "Media streams established")
        said("Audio of the call transcodes")
        hears(at_home, 440)
        wait_for(lambda: best_share(opus_at(ears, LINPHONES), 600) > 0.85, 15, "600 Hz at linphone")
        lin.type_in("7")
        said("RECV DTMF 7:")
        lin.says("terminate", "ended")

    @pytest.mark.parametrize(
        ("codec", "word"), [(G722, "passes"), (PCMU, "transcodes"), (OPUS, "transcodes")]
    )
    def test_in_g722(
        self,
        switch: Switch,
        home: Home,
        registered: Callable[[str], Linphone],
        ears: Capture,
        codec: str,
        word: str,
    ) -> None:
        """G.722 alone, with phones that have it and that have not; keys and hold go both ways."""
        said, lin = since(switch), registered("G722/8000/1")
        at_home = home(codec)
        lin.says(f"call sip:1000@{WAN_ADDRESS}:5061;transport=tls", "Media streams established")
        said(f"Audio of the call {word}")
        hears(at_home, 440)
        wait_for(lambda: best_share(g722_at(ears, LINPHONES), 600) > 0.85, 15, "600 Hz at linphone")
        lin.type_in("7")
        at_home.wait_for_log("'7'")
        at_home.command("sndcode", "8")
        lin.wait_until(lambda: "Receiving tone 8" in lin.words(), "the key")
        lin.says("pause", "is now paused")
        said("is on hold")
        lin.says("resume", "Media streams established")
        said("is back from hold")
        back = time.time()
        wait_for(lambda: best_share(g722_at(ears, LINPHONES, back), 600) > 0.85, 15, "600 Hz after the hold")
        lin.says("terminate", "ended")

    def test_the_switch_itself_speaks_g722_to_it(
        self, switch: Switch, registered: Callable[[str], Linphone], ears: Capture
    ) -> None:
        """The echo, and a tone."""
        lin = registered("G722/8000/1")
        for number, hertz in (("9196", 440), ("9197", 1004)):
            lin.says(f"call sip:{number}@{WAN_ADDRESS}:5061;transport=tls", "Media streams established")
            wait_for(lambda hertz=hertz: best_share(g722_at(ears, LINPHONES), hertz) > 0.85, 15, number)
            lin.says("terminate", "ended")


def g722_at(capture: Capture, ports: range, since: float = 0.0) -> list[int]:
    """The last second of what comes there on the wire; with ``since`` nothing from before."""
    return heard_at(capture, ports, WIDE_BAND, 9, since)


def opus_at(capture: Capture, ports: range) -> list[int]:
    """The last second of what comes there on the wire; linphone's own recording ends with the call."""
    return heard_at(capture, ports, CODEC, LINPHONES_OPUS)


def heard_at(
    capture: Capture, ports: range, codec: Codec, payload_type: int, since: float = 0.0
) -> list[int]:
    decoder = decoder_of(codec, RATE)
    packets = rtp_packets(capture.so_far(), (payload_type,))
    came = [
        rtp.payload for datagram, rtp in packets if datagram.destination[1] in ports and datagram.at > since
    ]
    return [sample for payload in came[-60:] for sample in decoder.decode(payload)][-RATE:]
