"""What changes while a call stands, with real programs: holds, session timers, transfers, no offer at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PBX_ADDRESS, PHONE, PHONE_ADDRESS, WAN_ADDRESS
from ringthru.lab.namespaces.netns import wait_for

from .audio import RATE, best_share, tone
from .phones import Baresip, Sipp
from .switch_process import PASSWORD, Switch

AT = f"{WAN_ADDRESS}:5080"


class TestSipp:
    """Against the echo, through the mapping."""

    def test_hold_and_back(self, switch: Switch, sipp: Sipp) -> None:
        sipp.run("hold.xml", AT, "9196")

    def test_session_timer_and_update(self, switch: Switch, sipp: Sipp) -> None:
        sipp.run("session_timer.xml", AT, "9196")

    def test_an_offer_in_the_200(self, switch: Switch, sipp: Sipp) -> None:
        sipp.run("offerless.xml", AT, "9196")


class TestWithBaresip:
    """A phone at home that answers; sipp or its own keys change the call."""

    @pytest.fixture
    def phone(self, switch: Switch, tmp_path: Path) -> Iterator[Baresip]:
        directory = tmp_path / "phone"
        directory.mkdir()
        phone = Baresip(switch.laboratory, PHONE, PHONE_ADDRESS, directory)
        account = f"<sip:1000@{PBX_ADDRESS}:5060>;auth_user=1000;auth_pass={PASSWORD};answermode=auto"
        phone.start(account + ";regint=300;audio_codecs=PCMU/8000/1", tone(600, 30))
        phone.wait_for_log("200 OK")
        yield phone
        phone.stop()

    def test_the_far_side_sends_it_on_to_the_echo(self, switch: Switch, phone: Baresip, sipp: Sipp) -> None:
        sipp.run("refer.xml", AT, "2000")
        wait_for(lambda: "transfers" in switch.words(), 5, "the transfer in the log")
        wait_for(lambda: len(phone.so_far()) > 25_000, 10, "three seconds of sound")
        phone.stop()
        assert best_share(phone.heard()[-8000:], 600) > 0.9, "it does not hear itself"

    def test_it_holds_and_comes_back(self, switch: Switch, phone: Baresip, baresip: Baresip) -> None:
        baresip.call(f"sip:2000@{AT}", tone(440, 30))
        phone.command("hold")
        switch.wait_for_words("is on hold")
        before = len(baresip.so_far())
        wait_for(lambda: len(baresip.so_far()) > before + 4 * RATE, 10, "four seconds on hold")
        heard = baresip.so_far()[before + RATE :]
        music = [262, 330, 392, 220, 175, 294, 247, 196]  # the tones of the switch's own tune
        assert max(best_share(heard, each) for each in music) > 0.8, "it hears no music on hold"
        phone.command("resume")
        switch.wait_for_words("is back from hold")
        after = len(baresip.so_far())
        wait_for(lambda: len(baresip.so_far()) > after + 2 * RATE, 10, "two seconds of talk")
        assert best_share(baresip.so_far()[after + RATE :], 600) > 0.9, "it does not hear the phone again"

    def test_it_transfers_the_caller_to_the_echo(
        self, switch: Switch, phone: Baresip, baresip: Baresip
    ) -> None:
        before = switch.words().count(" transfers ")
        baresip.call(f"sip:2000@{AT}", tone(440, 30))
        phone.command("transfer", f"sip:9196@{PBX_ADDRESS}")
        wait_for(lambda: switch.words().count(" transfers ") > before, 5, "the transfer in the log")
        wait_for(lambda: "BLIND_TRANSFER" in switch.words(), 5, "the end of the phone's call")
        assert baresip.process is not None
        assert baresip.process.poll() is None
        wait_for(lambda: len(baresip.so_far()) > 25_000, 10, "three seconds of sound")
        baresip.stop()
        assert best_share(baresip.heard()[-8000:], 440) > 0.9, "the caller does not hear himself"
