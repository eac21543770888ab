"""Files that are damaged, full, read-only, too new, or not ours."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ringthru.portmap.errors import LocalError
from ringthru.portmap.memory.schema_driver import STEPS, bring_up_to_date
from ringthru.portmap.memory.store_driver import Store


@pytest.fixture
def written(path, entry):
    """A file with ten entries, closed."""
    store = Store(path)
    store.keep_all(entry(port) for port in range(1, 11))
    store.close()
    return path


def spoil(path, offset, content):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


class TestDamaged:
    def test_it_is_put_aside_and_a_new_one_begun(self, written, said, entry):
        spoil(written, 100, b"\xff" * 3000)
        store = Store(written, lambda level, text: said.append(text))
        store.keep(entry())
        assert store.entries() == [entry()]
        assert written.with_name("journal.sqlite.damaged").exists()
        assert len(said) == 1

    def test_a_file_cut_short_anywhere_is_opened_or_put_aside(self, written, entry):
        whole = written.read_bytes()
        for length in [0, *range(512, len(whole), 512)]:
            written.write_bytes(whole[:length])
            store = Store(written, lambda level, text: None)
            store.keep(entry(5060))
            assert entry(5060) in store.entries()
            store.close()

    def test_damage_that_comes_later_is_told_once_and_counted(self, written, said, entry):
        store = Store(written, lambda level, text: said.append(text))
        spoil(written, 0, os.urandom(written.stat().st_size))
        for port in range(5000, 5020):
            store.keep(entry(port))
            store.entries()
            store.profiles()
            store.last_gateway("x")
        store.close()
        assert len(said) <= 3

    def test_a_row_that_makes_no_sense_is_left_out(self, written, said, entry):
        with sqlite3.connect(written) as connection:
            connection.execute("UPDATE holdings SET protocol = 'sctp' WHERE internal_port = 3")
            connection.execute("UPDATE holdings SET nonce = 1000000000 WHERE internal_port = 4")
            connection.execute("INSERT INTO profiles VALUES ('Acme', '{\"pace\": 99}')")
            connection.execute("INSERT INTO profiles VALUES ('Blob', x'ff')")
            row = "('ipv4', 'udp', '', 0, NULL, 0, '', 1, '', NULL)"
            connection.execute(f"INSERT INTO wishes VALUES {row}")
        connection.close()
        store = Store(written, lambda level, text: said.append(text))
        assert [each.holding.internal_port for each in store.entries()] == [1, 2, 5, 6, 7, 8, 9, 10]
        assert store.profiles() == {}
        assert store.wishes() == []
        assert (store.failures, len(said)) == (4, 1)


class TestRefused:
    def test_a_file_that_is_no_database_is_left_alone(self, path):
        path.parent.mkdir()
        path.write_text("my shopping list\n" * 100)
        with pytest.raises(
            LocalError, match=r"journal\.sqlite cannot be used as the journal: file is not a data"
        ):
            Store(path)
        assert path.read_text().startswith("my shopping list")

    def test_another_programs_database_is_left_alone(self, path):
        path.parent.mkdir()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE bookmarks (url)")
        connection.close()
        with pytest.raises(LocalError, match="the database of another program"):
            Store(path)

    def test_a_newer_file_is_left_alone(self, written):
        with sqlite3.connect(written) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(
            LocalError, match=rf"a newer Ringthru wrote it \(format 99, this one knows {len(STEPS)}\)"
        ):
            Store(written)

    def test_a_directory_in_its_place(self, path):
        path.mkdir(parents=True)
        with pytest.raises(LocalError, match="cannot be used as the journal"):
            Store(path)

    def test_a_file_in_place_of_its_directory(self, path):
        path.parent.write_text("")
        with pytest.raises(LocalError, match="cannot be used as the journal"):
            Store(path)


class TestOlderFormats:
    LATER = (*STEPS, ("ALTER TABLE profiles ADD COLUMN maker TEXT DEFAULT 'Acme'", "DROP TABLE gateways"))

    def test_each_step_not_taken_is_taken_and_nothing_lost(self, written):
        connection = sqlite3.connect(written, isolation_level=None)
        bring_up_to_date(connection, self.LATER)
        bring_up_to_date(connection, self.LATER)
        assert connection.execute("SELECT count(maker) FROM profiles").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM holdings").fetchone() == (10,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(self.LATER),)

    def test_a_journal_from_before_flows_is_of_mappings_alone(self, tmp_path):
        path = tmp_path / "old.sqlite3"
        connection = sqlite3.connect(path, isolation_level=None)
        bring_up_to_date(connection, STEPS[:1])
        row = (
            "ipv4",
            "udp",
            "",
            5060,
            5060,
            3600,
            "Ringthru",
            bytes(12),
            "",
            1,
            "pcp",
            "192.168.1.1",
            "",
            "",
        )
        marks = ", ".join("?" * (len(row) + 5))
        connection.execute(f"INSERT INTO holdings VALUES ({marks})", (*row, "", 1000.0, 0, "", ""))
        connection.close()
        (entry,) = Store(path).entries()
        assert (entry.holding.internal_port, entry.holding.remote) == (5060, "")

    def test_a_step_that_fails_leaves_the_file_as_it_was(self, written):
        connection = sqlite3.connect(written, isolation_level=None)
        with pytest.raises(sqlite3.Error):
            bring_up_to_date(connection, (*self.LATER, ("DROP TABLE holdings", "nonsense")))
        connection.close()
        assert len(Store(written).entries()) == 10


LIMITED = """
import os, sqlite3, sys
from pathlib import Path
from ringthru.portmap.errors import LocalError
from ringthru.portmap.memory import profile_codec
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.memory.store_driver import Store
from ringthru.portmap.memory.schema_driver import open_file

if sys.argv[2:] == ["nobody"]:  # only now, because nobody may not be able to read the program
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
said = []
try:
    store = Store(Path(sys.argv[1]), lambda level, text: said.append(text))
except LocalError as error:
    sys.exit(f"refused: {error}")
before = len(store.entries())
for number in range(200):
    store.save_profile(GatewayProfile(f"kind {number}", missing_actions=frozenset("abcdefgh")))
print(before, len(store.entries()), store.failures > 0, len(said), said[:1])
store.close()
"""


def limited(path, *words, **more):
    command = [sys.executable, "-c", LIMITED, str(path), *words]
    return subprocess.run(command, capture_output=True, text=True, **more)


def no_more_than(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class TestNoRoomAndNoRight:
    def test_no_room_to_begin_is_said_at_once(self, path):
        result = limited(path, preexec_fn=no_more_than(2000))
        assert result.stderr.startswith(f"refused: {path} cannot be used as the journal: ")
        assert result.stderr.count("\n") == 1

    def test_a_disk_that_fills_up_is_told_once(self, written):
        result = limited(written, preexec_fn=no_more_than(60_000))
        assert result.stdout.startswith("10 10 True 1 "), result

    @pytest.mark.skipif(os.getuid() != 0, reason="root, who becomes nobody here, could write everything")
    def test_what_cannot_be_written_is_read_or_refused_in_words(self, written):
        with TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            path = Path(folder, "journal.sqlite")
            path.write_bytes(written.read_bytes())
            path.chmod(0o644)
            result = limited(path, "nobody")
            assert result.stderr.startswith(f"refused: {path} cannot be used as the journal: "), result
            assert result.stderr.endswith("(we may not write to it, or to its directory)\n"), result
            path.chmod(0o600)
            result = limited(path, "nobody")
            assert result.stderr.startswith(f"refused: {path} cannot be used as the journal: "), result

    @pytest.mark.skipif(os.getuid() != 0, reason="root, who becomes nobody here, could write everything")
    def test_a_file_in_use_that_we_may_only_read_is_read(self, entry):
        with TemporaryDirectory() as folder:
            path = Path(folder, "journal.sqlite")
            store = Store(path)
            store.keep_all(entry(port) for port in range(1, 11))
            for file in (path.parent, *path.parent.iterdir()):
                file.chmod(0o755)
            result = limited(path, "nobody")
            assert result.stdout.startswith("10 10 True 1 "), result
            store.close()
