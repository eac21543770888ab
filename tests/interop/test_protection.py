"""A flood from the Internet, through a real gateway: phones at home and calls do not notice it."""

from __future__ import annotations

from pathlib import Path

from ringthru.lab.namespaces.laboratory import (
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
)
from ringthru.lab.namespaces.netns import wait_for

from .audio import tone
from .phones import SCENARIOS, Baresip
from .switch_process import PASSWORD, Switch
from .wire import SOUND, status, wire

RATE, COUNT = 2000, 8000


def test_a_flood_of_registers_is_held_off_and_a_phone_registers_meanwhile(
    switch: Switch, tmp_path: Path
) -> None:
    argv = ["sipp", f"{WAN_ADDRESS}:5060", "-sf", str(SCENARIOS / "flood.xml"), "-i", PUB_ADDRESS]
    argv += ["-p", "5077", "-r", str(RATE), "-m", str(COUNT), "-l", "100000", "-nostdin", "-nd"]
    flood = switch.laboratory.popen(PUB, argv, tmp_path / "flood.log")
    switch.wait_for_words("More than 100 requests/s from 22.51.100.50", 15)
    phone = Baresip(switch.laboratory, PHONE, PHONE_ADDRESS, tmp_path)
    account = f"<sip:1001@{PBX_ADDRESS}:5060>;auth_user=1001;auth_pass={PASSWORD};regint=300"
    phone.start(account, tone(600, 1))
    try:
        phone.wait_for_log("200 OK")
        with wire(switch.laboratory, PUB, PUB_ADDRESS, (WAN_ADDRESS, 5080)) as line:
            wait_for(lambda: status(line.invite("9196", SOUND)) == 200, 20, "a call in spite of it")
    finally:
        phone.stop()
        switch.laboratory.end(flood)
    assert "Banned" not in switch.words()  # nothing was proven: the address may be forged
