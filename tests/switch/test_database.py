"""``db`` and ``group``: FreeSWITCH's orders and answers, and that what is put down outlives the switch."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ringthru.switch.dialplan import database
from ringthru.switch.dialplan.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "db.sqlite3"


class TestOrders:
    def test_a_value_is_kept_found_and_forgotten(self) -> None:
        db = Database()
        assert db.do("insert/forward/1000/sip:2000@there/7") == "+OK"
        assert db.do("select/forward/1000") == "sip:2000@there/7"
        assert db.do("exists/forward/1000") == "true"
        assert db.do("INSERT/forward/1000/other") == "+OK"
        assert db.do("select/forward/1000") == "other"
        assert db.do("delete/forward/1000") == "+OK"
        assert db.do("select/forward/1000") == ""
        assert db.do("exists/forward/1000") == "false"

    def test_what_there_is(self) -> None:
        db = Database()
        for line in ("a/1/x", "a/2/y", "b/1/z"):
            db.do(f"insert/{line}")
        assert (db.do("count"), db.do("count/a"), db.do("count/nothing")) == ("3", "2", "0")
        assert (db.do("list"), db.do("list/a"), db.do("list/nothing")) == ("a,b", "1,2", "")
        db.do("insert/a/1/again")
        db.do("delete/a")
        assert (db.do("count"), db.do("list")) == ("1", "b")
        db.do("delete/b/1")
        assert (db.do("count"), db.do("list")) == ("0", "")

    @pytest.mark.parametrize(
        "text", ["", "insert/a/b", "select/a", "exists/a", "delete", "grow/a/b", "x" * 5000]
    )
    def test_what_is_no_order(self, text: str) -> None:
        assert Database().do(text) == "!err!"

    def test_the_last_place_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "MOST_VALUES", 2)
        db = Database()
        assert [db.do(f"insert/r/{key}/v") for key in "aab"] == ["+OK"] * 3
        assert db.do("insert/r/c/v") == "!err!"
        db.do("delete/r/a")
        assert db.do("insert/r/c/v") == "+OK"


class TestGroups:
    def test_are_dial_strings(self) -> None:
        db = Database()
        for url in ("user/1000", "sofia/gateway/itsp/1", "user/1000"):
            assert db.do_group(f"insert:sales:{url}") == "+OK"
        assert db.do_group("call:sales") == "user/1000,sofia/gateway/itsp/1"
        assert db.do_group("call:sales:order") == "user/1000|sofia/gateway/itsp/1"
        assert db.do_group("delete:sales:user/1000") == "+OK"
        assert db.do_group("call:sales") == "sofia/gateway/itsp/1"
        assert db.do_group("delete:sales:*") == "+OK"
        assert db.do_group("call:sales") == ""

    @pytest.mark.parametrize("text", ["", "call", "insert:sales", "delete:sales", "ring:sales:x", "insert"])
    def test_what_is_no_order(self, text: str) -> None:
        assert Database().do_group(text) == "!err!"

    def test_the_last_place_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "MOST_STRINGS", 1)
        db = Database()
        assert [db.do_group(f"insert:a:{url}") for url in "xy"] == ["+OK", "!err!"]


class TestTheFile:
    def test_outlives_the_switch(self, path: Path) -> None:
        first = Database(path)
        for order in ("insert/r/a/1", "insert/r/b/it's", "delete/r/a", "insert/gone/x/1", "delete/gone"):
            first.do(order)
        for order in ("insert:s:user/2", "insert:s:user/1", "insert:t:x", "delete:t:*"):
            first.do_group(order)
        first.close()
        later = Database(path)
        assert (later.do("list"), later.do("select/r/b"), later.do("count")) == ("r", "it's", "1")
        assert (later.do_group("call:s"), later.do_group("call:t")) == ("user/2,user/1", "")
        later.close()

    def test_is_not_made_by_a_question(self, path: Path) -> None:
        db = Database(path)
        assert db.do("select/a/b") == ""
        db.close()
        assert not path.exists()

    def test_nobody_else_reads_it(self, path: Path) -> None:
        db = Database(path)
        db.do("insert/a/b/c")
        db.close()
        assert path.stat().st_mode & 0o077 == 0

    def test_one_that_is_damaged_is_set_aside(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        path.parent.mkdir()
        path.write_bytes(b"no database at all " * 400)
        db = Database(path)
        assert db.do("insert/a/b/c") == "+OK"
        db.close()
        assert path.with_name("db.sqlite3.damaged").exists()
        assert "what was put down by db and group is in the old one alone" in caplog.text
        assert Database(path).do("select/a/b") == "c"

    def test_another_programs_file_is_left_alone(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        path.parent.mkdir()
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA user_version = 9")
        db = Database(path)
        assert db.do("insert/a/b/c") == "+OK"
        assert db.do("select/a/b") == "c"
        db.close()
        assert "will not outlive this run" in caplog.text
