"""The switch dies without a word, and comes back: a phone is called that knows nothing of it."""

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
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.netns import wait_for

from .audio import tone
from .phones import Baresip, Sipp
from .switch_process import PASSWORD, Switch


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(serves=Serves.NATPMP) as laboratory:
        yield laboratory


def test_a_phone_is_called_after_kill_9(laboratory: Laboratory, tmp_path: Path) -> None:
    for name in ("switch", "phone", "sipp"):
        (tmp_path / name).mkdir()
    switch = Switch(laboratory, tmp_path / "switch")
    switch.start()
    switch.wait_until_mapped()
    phone = Baresip(laboratory, PHONE, PHONE_ADDRESS, tmp_path / "phone")
    account = f"<sip:1000@{PBX_ADDRESS}:5060>;auth_user=1000;auth_pass={PASSWORD};answermode=auto"
    phone.start(account + ";regint=3600;audio_codecs=PCMU/8000/1", tone(600, 30))
    try:
        phone.wait_for_log("200 OK")
        registrations = tmp_path / "switch" / "db" / "registrations.sqlite3"
        wait_for(lambda: registrations.exists() and written(registrations), 10, "the registration on disk")
        assert switch.process is not None
        switch.process.kill()
        switch.process.wait()
        switch.start()
        switch.wait_for_words("Registrations of the last run that hold again: 1")
        switch.wait_until_mapped()
        sipp = Sipp(laboratory, PUB, PUB_ADDRESS, tmp_path / "sipp")
        sipp.run("call.xml", f"{WAN_ADDRESS}:5080", "2000", tone(440, 1))
    finally:
        phone.stop()
    assert phone.log().count("200 OK") == 1, "it registered again: the test shows nothing"
    assert "Traceback" not in switch.words()


def test_what_was_mapped_by_hand_to_stay_is_mapped_at_the_next_start(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    """``nat_map add PORT PROTOCOL sticky`` outlives a stop, and the other one does not."""
    switch = Switch(laboratory, tmp_path, console=True)
    switch.start()
    switch.wait_until_mapped()
    for line in ("nat_map add 1235 tcp sticky", "nat_map add 1236 tcp"):
        switch.type_in(line)
    wait_for(lambda: by_hand(laboratory) == {1235, 1236}, 10, "both ports on the gateway")
    switch.stop()
    assert by_hand(laboratory) == set()
    switch.start()
    wait_for(lambda: by_hand(laboratory) == {1235}, 10, "the sticky one on the gateway again")
    switch.type_in("nat_map status")
    switch.wait_for_words("1235,tcp,1,1")
    switch.type_in("nat_map del 1235 tcp")
    wait_for(lambda: by_hand(laboratory) == set(), 10, "it taken back")
    switch.stop()
    assert "Traceback" not in switch.words()


def by_hand(laboratory: Laboratory) -> set[int]:
    """Which of the two ports are on the gateway."""
    return {rule.external_port for rule in laboratory.nat_rules()} & {1235, 1236}


def written(path: Path) -> bool:
    """Whether there is a row, in the file or in the log beside it."""
    beside = path.with_name(path.name + "-wal")
    return any(b"sip:1000" in each.read_bytes() for each in (path, beside) if each.exists())
