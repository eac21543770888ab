"""Registrations outlive the switch, its crash, a wrong clock and a broken file."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.sip import Binding, Flow, Origin, SipUri
from ringthru.switch.registrations.rows import Clocks, decode, encode
from ringthru.switch.registrations.store import RegistrationFile, RegistrationStore

AOR = "1000@home"
UDP = Flow("UDP", Endpoint("10.0.0.1", 5060), Endpoint("198.51.100.7", 40000))
THEN = Clocks(steady=5_000.0, wall=1_700_000_000.0)
BINDING = Binding(
    AOR,
    SipUri.parse("sip:1000@192.168.1.5:5060;transport=udp"),
    "call-id",
    7,
    5_600.0,
    Origin(UDP, "internal", "UDP-NAT", "1000", "home"),
    'Phone "1"',
    0.5,
    5_000.0,
    (("q", "0.5"), ("+sip.instance", '"<urn:uuid:1>"')),
    ("<sip:edge.example;lr>",),
    "<urn:uuid:1>",
    2,
    30,
)


def after(seconds: float, *, steady: float = 100.0) -> Clocks:
    """A later moment, in another process: its steady clock began somewhere else."""
    return Clocks(steady, THEN.wall + seconds)


class TestRows:
    def test_a_binding_comes_back_as_it_was(self) -> None:
        (back,) = decode(AOR, encode([BINDING], THEN), THEN)
        assert back == BINDING

    def test_time_went_on_between(self) -> None:
        (back,) = decode(AOR, encode([BINDING], THEN), after(200.0))
        assert back.expires_at == pytest.approx(100.0 + 400.0)
        assert back.updated_at == pytest.approx(100.0 - 200.0)

    def test_what_ran_out_meanwhile_is_gone(self) -> None:
        assert decode(AOR, encode([BINDING], THEN), after(600.0)) == []

    def test_a_clock_set_back_lengthens_no_life(self) -> None:
        (back,) = decode(AOR, encode([BINDING], THEN), after(-86_400.0))
        assert back.expires_at == pytest.approx(100.0 + 600.0)

    def test_a_connection_does_not_outlive_the_switch(self) -> None:
        flow = replace(UDP, transport="TCP")
        behind = replace(BINDING, origin=replace(BINDING.origin, flow=flow, status="TCP-NAT"))
        near = replace(BINDING, origin=replace(BINDING.origin, flow=flow, status="TCP"))
        assert decode(AOR, encode([behind, near], THEN), THEN) == [near]

    @pytest.mark.parametrize(
        "text", ["", "nonsense", "[1]", "{}", '[{"contact": "x"}]', "[" * 30_000, '"x"', "9" * 70_000]
    )
    def test_a_broken_row_is_one_error(self, text: str) -> None:
        if text == "{}":
            assert decode(AOR, text, THEN) == []
        else:
            with pytest.raises(ValueError, match=r".*"):
                decode(AOR, text, THEN)

    def test_any_field_may_be_missing_or_wrong(self) -> None:
        good = json.loads(encode([BINDING], THEN))
        for name in good[0]:
            for wrong in (None, [], {}, "x" * 5):
                row = json.dumps([{**good[0], name: wrong}])
                try:
                    decode(AOR, row, THEN)
                except ValueError:
                    continue


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "registrations.sqlite3"


def reopened(path: Path) -> list[Binding]:
    file = RegistrationFile(path)
    found = file.load(THEN)
    file.close()
    return found


class TestTheFile:
    def test_what_is_written_is_read(self, path: Path) -> None:
        file = RegistrationFile(path)
        other = replace(BINDING, aor="1001@home")
        assert file.write({AOR: [BINDING], "1001@home": [other]}, THEN)
        assert file.write({"1001@home": []}, THEN)
        file.close()
        assert reopened(path) == [BINDING]

    def test_only_its_owner_may_read_it(self, path: Path) -> None:
        reopened(path)
        assert path.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("damage", ["noise", "cut", "middle"])
    def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
        self, path: Path, damage: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = RegistrationFile(path)
        file.write({f"{n}@home": [replace(BINDING, aor=f"{n}@home")] for n in range(2000)}, THEN)
        file.close()
        octets = bytearray(path.read_bytes())
        assert len(octets) > 20_000
        if damage == "noise":
            octets = bytearray(os.urandom(5000))
        elif damage == "cut":
            del octets[len(octets) // 2 :]
        else:
            octets[4096:12288] = b"\xa5" * 8192
        path.write_bytes(octets)
        assert reopened(path) == []
        assert "registrations.sqlite3.damaged" in caplog.text
        assert path.with_name("registrations.sqlite3.damaged").read_bytes() == bytes(octets)
        file = RegistrationFile(path)
        assert file.write({AOR: [BINDING]}, THEN)
        file.close()
        assert reopened(path) == [BINDING]

    def test_the_file_of_a_newer_version_is_left_alone(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        reopened(path)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        before = path.read_bytes()
        assert reopened(path) == []
        assert "newer Ringthru" in caplog.text
        assert path.read_bytes() == before

    def test_one_broken_row_costs_no_other(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        file = RegistrationFile(path)
        file.write({AOR: [BINDING]}, THEN)
        file.close()
        connection = sqlite3.connect(path)
        connection.execute("INSERT INTO registrations VALUES ('x', 'nonsense'), ('y', NULL)")
        connection.commit()
        connection.close()
        assert reopened(path) == [BINDING]
        assert "a row that is left out" in caplog.text

    def test_a_place_that_cannot_be_written(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "state").write_text("a file where a folder should be")
        file = RegistrationFile(tmp_path / "state" / "registrations.sqlite3")
        assert file.load(THEN) == []
        assert file.write({AOR: [BINDING]}, THEN)
        assert "will not outlive this run" in caplog.text

    def test_a_writer_that_is_killed_leaves_what_it_had_written(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        program = (
            "import sys, os, signal; from pathlib import Path;"
            "from tests.switch.registrations.test_store import *;"
            "f = RegistrationFile(Path(sys.argv[1]));"
            "f.write({AOR: [BINDING]}, THEN); os.kill(os.getpid(), signal.SIGKILL)"
        )
        root = Path(__file__).parents[3]
        environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'src'}"}
        subprocess.run([sys.executable, "-c", program, str(path)], env=environment, check=False)
        assert reopened(path) == [BINDING]


class TestBesideTheLoop:
    async def test_changes_are_collected_and_the_last_one_holds(self, path: Path) -> None:
        store = RegistrationStore(path, lambda: THEN)
        for number in range(100):
            store.keep(AOR, [replace(BINDING, cseq=number)])
        store.keep("1001@home", [replace(BINDING, aor="1001@home")])
        store.keep("1001@home", [])
        await store.close()
        assert [each.cseq for each in reopened(path)] == [99]

    async def test_what_comes_after_the_end_is_not_kept(self, path: Path) -> None:
        store = RegistrationStore(path, lambda: THEN)
        await store.close()
        store.keep(AOR, [BINDING])
        assert store._timer is None
        assert not path.exists()

    async def test_a_store_that_was_never_needed_makes_no_file(self, path: Path) -> None:
        await RegistrationStore(path, lambda: THEN).close()
        assert not path.exists()

    async def test_it_is_read_in_its_thread(self, path: Path) -> None:
        store = RegistrationStore(path, lambda: THEN)
        store.keep(AOR, [BINDING])
        await store.close()
        again = RegistrationStore(path, lambda: THEN)
        assert again.begin_to_load().result(5) == [BINDING]
        await again.close()

    async def test_what_the_disk_refused_is_written_when_it_takes_it(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        reopened(path)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        store = RegistrationStore(path, lambda: THEN)
        store.keep(AOR, [BINDING])
        store._flush()
        assert store._writing is not None
        assert store._writing.result(5) is False
        caplog.set_level(logging.WARNING)
        other.execute("ROLLBACK")
        other.close()
        while not store._waiting:
            await asyncio.sleep(0)
        await store.close()
        assert reopened(path) == [BINDING]
