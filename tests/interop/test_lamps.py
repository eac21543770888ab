"""Busy lamps with real peers, on the tree that we ship: sipp has a lamp, baresip has friends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PBX_ADDRESS

from .household import AT_HOME, OUTSIDE, UPSTAIRS, Household, Phones, Place, dial, until
from .phones import Baresip, Sipp
from .switch_process import PASSWORD, Switch, switch_of


@pytest.fixture
def switch(household: Household, tmp_path: Path) -> Iterator[Switch]:
    yield from switch_of(household, tmp_path / "switch")


def test_a_lamp_follows_a_call(household: Household, switch: Switch, phones: Phones, tmp_path: Path) -> None:
    """sipp checks each NOTIFY: nothing, early, confirmed, terminated."""
    callee = phones.registered("1000", AT_HOME, 440.0, answers=False)
    caller = phones.registered("1002", OUTSIDE, 700.0)
    folder = tmp_path / "lamp"
    folder.mkdir()
    lamp = Sipp(household, UPSTAIRS[0], UPSTAIRS[1], folder)
    watching = lamp.start("lamp.xml", f"{PBX_ADDRESS}:5060", "1000", user="1001", password=PASSWORD)
    switch.wait_for_words("subscribes to dialog of")
    caller.command("dial", f"sip:1000@{OUTSIDE[2]}")
    until(lambda: "Incoming call" in callee.log(), "a call that rings", callee.log)
    callee.command("accept")
    until(lambda: "Call established" in caller.log(), "the call", caller.log)
    caller.command("hangup")
    assert watching.wait(90) == 0, lamp.words()


def says(phone: Baresip, before: str, after: str) -> None:
    """Until the phone shows another status of its friend, whatever the colours."""
    line = f"changed status from {before} to {after}"
    until(lambda: line in re.sub(r"\x1b\[[\d;]*m", "", phone.log()), line, phone.log, 30)


def with_friend(phones: Phones, user: str, friend: str, place: Place, transport: str) -> Baresip:
    """A phone that subscribes to the presence of another user."""
    role, address, registrar = place
    account = f"<sip:{user}@{registrar}:5060>;auth_user={user};auth_pass={PASSWORD};answermode=manual"
    account += f';outbound="sip:{registrar}:5060;transport={transport}"'
    contact = f'"{friend}" <sip:{friend}@{registrar}:5060>;presence=p2p\n'
    return phones.started(
        role,
        address,
        account + ";regint=300",
        440.0,
        user,
        modules=("contact.so", "presence.so"),
        contacts=contact,
    )


@pytest.mark.parametrize(
    ("place", "transport"),
    [(UPSTAIRS, "udp"), (OUTSIDE, "udp"), (OUTSIDE, "tcp")],
    ids=["at home", "outside", "outside by TCP"],
)
def test_a_friend_comes_and_goes(switch: Switch, phones: Phones, place: Place, transport: str) -> None:
    watching = with_friend(phones, "1001", "1000", place, transport)
    switch.wait_for_words("subscribes to presence of")
    friend = phones.registered("1000", AT_HOME, 700.0)
    says(watching, "Offline", "Online")
    dial(friend, f"sip:9196@{PBX_ADDRESS}")
    says(watching, "Online", "Busy")
