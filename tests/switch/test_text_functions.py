"""Functions of texts, times and files: FreeSWITCH's answers, and what they say of a mistake."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.switch.dialplan.text_functions import TEXT_FUNCTIONS


def ask(name: str, text: str) -> str:
    return TEXT_FUNCTIONS[name](text)


@pytest.fixture
def in_delft(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("coalesce", ",,b,c", "b"),
        ("coalesce", "^^;;a,b", "a,b"),
        ("coalesce", "", ""),
        ("replace", "a-b-c|-|+", "a+b+c"),
        ("replace", "m:~a|b~|~+", "a+b"),
        ("replace", "a|b", "-ERR"),
        ("replace", "a||b", "-ERR"),
        ("escape", "a b\t$c\r\n", r"a\sb\t\$c\r\n"),
        ("escape", "", ""),
        ("sql_escape", "O'Neill's", "O''Neill''s"),
        ("quote_shell_arg", "it's", "'it'\"'\"'s'"),
        ("quote_shell_arg", "", ""),
        ("is_lan_addr", "192.168.1.7", "true"),
        ("is_lan_addr", "8.8.8.8", "false"),
        ("is_lan_addr", "somewhere", "false"),
        ("toupper", "abc", "ABC"),
        ("strlen", "abc", "3"),
        ("file_exists", "/no/such/file", "false"),
        ("file_exists", "", "false"),
        ("file_exists", "a\0b", "false"),
    ],
)
def test_texts(name: str, text: str, answer: str) -> None:
    assert ask(name, text) == answer


def test_a_file_or_folder(tmp_path: Path) -> None:
    assert ask("file_exists", str(tmp_path)) == "true"


@pytest.mark.usefixtures("in_delft")
class TestTimes:
    @pytest.mark.parametrize(
        ("name", "text", "answer"),
        [
            ("strepoch", "2026-11-28 12:30:05", "1795865405"),
            ("strepoch", "'2026-11-28 12:30:05'", "1795865405"),
            ("strepoch", "2026-11-28 12:30", "1795865400"),
            ("strepoch", "2026-11-28", "1795820400"),
            ("strmicroepoch", "2026-11-28", "1795820400000000"),
            ("strftime", "1795865405|%Y-%m-%d %H:%M:%S", "2026-11-28 12:30:05"),
            ("strftime", "1795865405|", "2026-11-28 12:30:05"),
            ("strftime_tz", "Asia/Tokyo 1795865405|%H:%M", "20:30"),
            ("strftime_tz", "Atlantis %H", "-ERR Invalid timezone/format\n"),
            ("strftime_tz", "../../etc/passwd", "-ERR Invalid timezone/format\n"),
        ],
    )
    def test_moments(self, name: str, text: str, answer: str) -> None:
        assert ask(name, text) == answer

    @pytest.mark.parametrize("name", ["strepoch", "strmicroepoch"])
    def test_no_moment(self, name: str) -> None:
        assert ask(name, "next week\n") == (
            "-ERR 'next week\\n' is not a moment; write YYYY-MM-DD HH:MM:SS\n"
        )

    def test_now(self) -> None:
        assert abs(int(ask("strepoch", "")) - time.time()) < 60
        assert abs(int(ask("strmicroepoch", "")) / 1e6 - time.time()) < 60
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", ask("strftime", ""))
