"""The machine's own address comes late, or changes: a power cut at home, another lease."""

from __future__ import annotations

from collections.abc import Iterator
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
)
from ringthru.lab.namespaces.netns import wait_for

from .audio import tone
from .phones import Baresip
from .switch_process import PASSWORD, SIP_PORTS, Switch

ANOTHER = "192.168.1.77"


@pytest.fixture
def home() -> Iterator[Laboratory]:
    with Laboratory() as laboratory:
        yield laboratory


@pytest.fixture
def switch(home: Laboratory, tmp_path: Path) -> Iterator[Switch]:
    made = Switch(home, tmp_path / "switch")
    made.directory.mkdir()
    yield made
    made.stop()
    assert "Traceback" not in made.words(), made.words()


def lease(home: Laboratory, address: str) -> None:
    home.ip(PBX, "address flush dev eth0", f"address add {address}/24 dev eth0")
    home.ip(PBX, f"route replace default via {LAN_ADDRESS}")


def opened_at(home: Laboratory, address: str) -> int | None:
    """Which port of the gateway leads to the profile for strangers, once all four of ours are open."""
    ours = [rule for rule in home.nat_rules() if rule.internal_address == address]
    sip = [rule for rule in ours if rule.internal_port in SIP_PORTS]
    udp = (rule.external_port for rule in sip if (rule.protocol, rule.internal_port) == ("udp", 5080))
    return next(udp, None) if len(sip) == 4 else None


def calls_get_through(home: Laboratory, address: str, port: int, folder: Path) -> None:
    """A phone on the LAN registers and hears itself; a stranger outside does."""
    phones = [
        Baresip(home, PHONE, PHONE_ADDRESS, folder / "near"),
        Baresip(home, PUB, PUB_ADDRESS, folder / "far"),
    ]
    for phone in phones:
        phone.directory.mkdir(parents=True)
    near, far = phones
    account = f"<sip:1000@{address}:5060>;auth_user=1000;auth_pass={PASSWORD};regint=300"
    try:
        near.start(account + ";audio_codecs=PCMU/8000/1", tone(600, 60), f"/dial sip:9196@{address}:5060")
        near.wait_for_log("Call established")
        far.call(f"sip:9196@{WAN_ADDRESS}:{port}", tone(440, 60))
        for phone, frequency in ((near, 600), (far, 440)):
            wait_for(lambda phone=phone, hz=frequency: phone.hears(hz), 10, f"{frequency} Hz")
    finally:
        for phone in phones:
            phone.stop()


def test_a_switch_that_is_up_before_its_network_serves_once_there_is_one(
    home: Laboratory, switch: Switch, tmp_path: Path
) -> None:
    home.ip(PBX, "address flush dev eth0")
    switch.start()
    switch.wait_for_words("There is no network yet")
    lease(home, PBX_ADDRESS)
    switch.wait_for_words(f"Started profile internal on {PBX_ADDRESS}:5060 UDP")
    port = wait_for(lambda: opened_at(home, PBX_ADDRESS), 10, "the ports opened")
    assert port == 5080
    calls_get_through(home, PBX_ADDRESS, port, tmp_path)


def test_another_lease_takes_the_profiles_and_their_mappings_along(
    home: Laboratory, switch: Switch, tmp_path: Path
) -> None:
    switch.start()
    switch.wait_until_mapped()
    switch.wait_for_words(f"NAT detected type: pmp, ExtIP: '{WAN_ADDRESS}'")  # PCP told it with a mapping
    assert "Public IP changed" not in switch.words()
    lease(home, ANOTHER)
    switch.wait_for_words(f"Started profile internal on {ANOTHER}:5060 UDP")
    port = wait_for(lambda: opened_at(home, ANOTHER), 10, "the ports opened to the new address")
    assert port is not None  # another one, as long as the gateway keeps the old lease's
    calls_get_through(home, ANOTHER, port, tmp_path)
