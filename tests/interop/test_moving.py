"""Our public address changes while people talk: with a real gateway, real phones, and no call lost."""

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
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.netns import wait_for

from .audio import best_share, tone
from .phones import Baresip
from .switch_process import PASSWORD, Switch

NEW_WAN = WAN_ADDRESS.rpartition(".")[0] + ".77"
MOMENT = 90.0  # seconds; an announcement that was missed is made up for by the look once a minute


@pytest.fixture(params=[Serves.BOTH, Serves.UPNP], ids=["PCP", "UPnP"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Switch]:
    with Laboratory(serves=request.param) as laboratory:
        switch = Switch(laboratory, tmp_path / "switch")
        switch.directory.mkdir()
        switch.start()
        switch.wait_until_mapped()
        yield switch
        assert "Traceback" not in switch.words(), switch.words()


def recorded(phone: Baresip) -> int:
    return sum(path.stat().st_size for path in phone.directory.glob("dump-*dec*.wav"))


def test_a_far_call_goes_on_at_the_new_address_and_a_lan_call_notices_nothing(
    home: Switch, tmp_path: Path
) -> None:
    far, near = (tmp_path / name for name in ("far", "near"))
    far.mkdir()
    near.mkdir()
    outside = Baresip(home.laboratory, PUB, PUB_ADDRESS, far)
    inside = Baresip(home.laboratory, PHONE, PHONE_ADDRESS, near)
    outside.call(f"sip:9196@{WAN_ADDRESS}:5080", tone(440, 120))
    account = f"<sip:1000@{PBX_ADDRESS}:5060>;auth_user=1000;auth_pass={PASSWORD};regint=0"
    inside.start(account + ";audio_codecs=PCMU/8000/1", tone(600, 120), f"/dial sip:9196@{PBX_ADDRESS}:5060")
    inside.wait_for_log("Call established")
    try:
        home.laboratory.change_wan_address(NEW_WAN)
        wait_for(lambda: "is told our new address" in home.words(), MOMENT, "the re-INVITE in the log")
        before = recorded(outside)
        wait_for(lambda: recorded(outside) > before + 64_000, MOMENT, "four seconds of sound after the move")
        words = home.words()
        told = set(re.findall(r"(\S+) is told our new address", words))
        assert told == {f"sofia/external/outside@{PUB_ADDRESS}"}
        assert "Hangup" not in words
    finally:
        outside.stop()
        inside.stop()
    assert best_share(outside.heard()[-8000:], 440) > 0.9
    assert best_share(inside.heard()[-8000:], 600) > 0.9
