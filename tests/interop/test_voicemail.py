"""Voicemail with real phones, on the tree that we ship: a message left, a lamp lit, the message fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PBX_ADDRESS

from .audio import tone
from .household import AT_HOME, OUTSIDE, UPSTAIRS, Household, Phones, Place, dial, hears, until
from .linphone import Linphone
from .phones import Baresip
from .switch_process import PASSWORD, Switch, switch_of

HUM, OWNER, BEEP = 440.0, 700.0, 640.0  # Hz
ENOUGH = 16_000 * 4  # octets: four seconds, for less than three are no message


@pytest.fixture
def switch(household: Household, tmp_path: Path) -> Iterator[Switch]:
    yield from switch_of(household, tmp_path / "switch")


def with_lamp(phones: Phones, user: str, place: Place) -> Baresip:
    """A phone that subscribes to its messages, and does not answer."""
    role, address, registrar = place
    account = f"<sip:{user}@{registrar}:5060>;auth_user={user};auth_pass={PASSWORD};answermode=manual"
    phone = phones.started(role, address, account + ";regint=300;mwi=yes", OWNER, user, modules=("mwi.so",))
    phone.wait_for_log("200 OK")
    return phone


def leave(phones: Phones, switch: Switch) -> None:
    """1001 calls 1000, who is registered nowhere, hears the tone, hums, and hangs up."""
    caller = phones.registered("1001", UPSTAIRS, HUM)
    dial(caller, f"sip:1000@{PBX_ADDRESS}")
    until(lambda: caller.hears(BEEP), "the tone", caller.log, 60)
    until(lambda: spoken(switch) > ENOUGH, "a message being spoken", switch.words, 20)
    caller.command("hangup")
    switch.wait_for_words("left a message of")


def spoken(switch: Switch) -> int:
    """Octets of the message that somebody speaks."""
    return sum(each.stat().st_size for each in (switch.directory / "db").glob("storage/**/msg_*.part"))


def says(phone: Baresip, line: str) -> None:
    """Until the phone was told so by a NOTIFY."""
    until(lambda: line in phone.log().rpartition("MWI for")[2], line, phone.log)


@pytest.mark.parametrize("place", [AT_HOME, OUTSIDE], ids=["at home", "outside"])
def test_a_message_is_left_and_fetched(switch: Switch, phones: Phones, place: Place) -> None:
    leave(phones, switch)
    owner = with_lamp(phones, "1000", place)
    says(owner, "Voice-Message: 1/0 (0/0)")
    registrar = place[2]
    assert f"Message-Account: sip:1000@{registrar}\n" in owner.log().replace("\r", "")
    dial(owner, f"sip:*97@{registrar}")
    hears(owner, HUM, 60)
    owner.command("sndcode", "7")
    says(owner, "Messages-Waiting: no")
    says(owner, "Voice-Message: 0/0 (0/0)")


def test_a_message_outlives_kill_9(switch: Switch, phones: Phones) -> None:
    leave(phones, switch)
    assert switch.process is not None
    switch.process.kill()
    switch.process.wait()
    switch.start()
    switch.wait_until_mapped()
    owner = with_lamp(phones, "1000", AT_HOME)
    says(owner, "Voice-Message: 1/0 (0/0)")
    dial(owner, f"sip:*97@{PBX_ADDRESS}")
    hears(owner, HUM, 60)


def test_a_phone_that_did_not_subscribe_is_told_as_well(
    household: Household, switch: Switch, phones: Phones, tmp_path: Path
) -> None:
    """Linphone takes the NOTIFY that it did not ask for."""
    leave(phones, switch)
    folder = tmp_path / "linphone"
    folder.mkdir()
    phone = Linphone(household, AT_HOME[0], AT_HOME[1], folder)
    try:
        phone.register(f"{PBX_ADDRESS}:5060", "1000", PASSWORD, tone(OWNER, 5), Path("/dev/null"))
        phone.wait_until(lambda: "Messages-Waiting: yes" in phone.log(), "a NOTIFY")
        switch.wait_for_words("1/0 (0/0) messages; <200")
    finally:
        phone.stop()
