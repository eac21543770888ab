"""Log lines in FreeSWITCH's current layout."""

from __future__ import annotations

import io
import itertools
import logging
import re
import sys
import time
from pathlib import Path

import pytest

from ringthru.console import log_file
from ringthru.console.levels import level_of, name_of
from ringthru.console.log_file import LogFile
from ringthru.console.log_lines import IdleCpu, LineRecord, LogFormatter
from ringthru.console.logs import ConsoleHandler, setup
from ringthru.lab.clock import ManualClock
from ringthru.net.levels import CONSOLE, NOTICE


def record(message, *arguments, level=logging.INFO, **attributes):
    made = logging.LogRecord("ringthru.x", level, "/src/engine.py", 406, message, arguments, None)
    made.created = 1_000_000.25
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


@pytest.fixture
def formatter():
    return LogFormatter(lambda: 99.567)


class TestLayout:
    def test_date_idle_cpu_level_file_and_line(self, formatter):
        line = formatter.format(record("NAT detected type: %s", "upnp"))
        assert re.fullmatch(
            r"1970-01-1\d \d\d:46:40\.250000 99\.57% \[INFO\] engine\.py:406 NAT detected type: upnp", line
        )

    @pytest.mark.parametrize(
        ("level", "name"),
        [
            (CONSOLE, "CONSOLE"),
            (logging.CRITICAL, "CRIT"),
            (logging.ERROR, "ERR"),
            (logging.WARNING, "WARNING"),
            (NOTICE, "NOTICE"),
            (logging.INFO, "INFO"),
            (logging.DEBUG, "DEBUG"),
            (5, "DEBUG"),
            (35, "WARNING"),
        ],
    )
    def test_levels_have_freeswitchs_names(self, formatter, level, name):
        assert f"% [{name}] engine.py:406 " in formatter.format(record("x", level=level))
        assert name_of(level) == name

    @pytest.mark.parametrize(
        ("layout", "head"),
        [
            ("2009-09", r"1970-01-1\d \d\d:46:40\.250000 \[INFO\] engine\.py:406 x"),
            ("2009-06", r"1970-01-1\d \d\d:46:40 \[INFO\] engine\.py:406 scan\(\) x"),
        ],
    )
    def test_earlier_ages(self, formatter, layout, head):
        formatter.layout = layout
        assert re.fullmatch(head, formatter.format(record("x", funcName="scan")))

    def test_in_2009_the_callers_number_was_not_logged(self, formatter):
        line = record("Processing %s <%s>->%s in context %s", "Jo <jo> Doe", "1000", "9196", "public")
        assert formatter.format(line).endswith(" Processing Jo <jo> Doe <1000>->9196 in context public")
        formatter.layout = "2009-09"
        assert formatter.format(line).endswith(" Processing Jo <jo> Doe->9196 in context public")

    def test_the_logfile_puts_the_calls_uuid_in_front(self):
        formatter = LogFormatter(lambda: 1.0, with_uuid=True)
        assert formatter.format(record("x", uuid="7f4d")).startswith("7f4d 1970-")
        assert formatter.format(record("x")).startswith("1970-")

    def test_the_console_does_not(self, formatter):
        assert formatter.format(record("x", uuid="7f4d")).startswith("1970-")

    def test_a_message_stays_on_its_line_and_commands_no_terminal(self, formatter):
        line = formatter.format(record("agent %s", "evil\r\n1970 [CRIT] forged\x1b[2J"))
        assert line.endswith(" agent evil\\x0d\\x0a1970 [CRIT] forged\\x1b[2J")

    def test_several_lines_of_one_record_each_have_a_head(self):
        formatter = LogFormatter(lambda: 1.0, with_uuid=True)
        made = record("%s", "a\nb\x1b", uuid="7f4d", lines=("a", "b\x1b"))
        head = "7f4d 1970-"
        one, other = formatter.format(made).splitlines()
        assert (one[: len(head)], other[: len(head)]) == (head, head)
        assert (one[-2:], other[-6:]) == (" a", " b\\x1b")

    def test_a_traceback_follows_on_its_own_lines(self, formatter):
        try:
            raise ValueError("no\x1b good")
        except ValueError:
            made = record("broken", exc_info=sys.exc_info())
        lines = formatter.format(made).splitlines()
        assert lines[1] == "Traceback (most recent call last):"
        assert lines[-1] == "ValueError: no\\x1b good"

    def test_colours_are_by_level(self):
        formatter = LogFormatter(lambda: 1.0, colours=True)
        assert formatter.format(record("x", level=logging.ERROR)).startswith("\x1b[31m1970")
        assert formatter.format(record("x", level=NOTICE)).startswith("\x1b[36m1970")
        assert formatter.format(record("x")).endswith(" x\x1b[0m")

    @pytest.mark.parametrize(
        ("text", "level"),
        [("0", CONSOLE), ("3", logging.ERROR), ("5", NOTICE), ("7", logging.DEBUG), ("Notice", NOTICE)],
    )
    def test_numbers_and_names_of_levels(self, text, level):
        assert level_of(text) == level


class TestIdleCpu:
    def test_the_share_between_two_samples_at_most_one_a_second(self):
        now = 0.0
        texts = iter(("cpu  100 0 100 700 100 0 0 0 9 9\ncpu0 1\n", "cpu  125 0 100 775 100 0 0 0 9 9\n"))
        idle = IdleCpu(lambda: next(texts), lambda: now)
        assert idle() == 70.0  # since the machine started
        now = 0.9
        assert idle() == 70.0
        now = 1.0
        assert idle() == 75.0

    @pytest.mark.parametrize("text", ["", "cpu", "cpu a b c d", "cpu 1 2 3"])
    def test_a_system_that_does_not_tell(self, text):
        assert IdleCpu(lambda: text, lambda: 0.0)() == 0.0

    def test_no_proc_at_all(self):
        def missing():
            raise FileNotFoundError

        assert IdleCpu(missing, lambda: 0.0)() == 0.0


class TestHandlers:
    @pytest.fixture
    def log(self):
        return logging.getLogger("ringthru.console.test")

    def test_the_console_writes_to_what_standard_output_is_now(self, log, monkeypatch):
        logs = setup(logging.INFO, console=ConsoleHandler())
        monkeypatch.setattr(sys, "stdout", later := io.StringIO())
        log.info("seen")
        log.debug("not seen")
        logs.set_console_level(logging.ERROR)
        log.info("not seen either")
        logs.close()
        log.error("gone")
        assert later.getvalue().count("\n") == 1
        assert later.getvalue().endswith(" seen\n")

    def test_the_file_keeps_everything_whatever_the_console_shows(self, log, tmp_path):
        logs = setup(CONSOLE, tmp_path / "a" / "b", ConsoleHandler())
        log.debug("small", extra={"uuid": "7f4d"})
        logs.close()
        text = (tmp_path / "a" / "b" / "ringthru.log").read_text()
        assert text.startswith("7f4d ")
        assert text.endswith(" small\n")

    def test_nothing_is_left_behind(self, tmp_path):
        root = logging.getLogger("ringthru")
        before = (list(root.handlers), root.level)
        setup(logging.DEBUG, tmp_path, ConsoleHandler()).close()
        assert (list(root.handlers), root.level) == before

    def test_a_reader_of_our_output_that_went_away_stops_nothing(self, log, monkeypatch):
        class Gone(io.StringIO):
            def write(self, text):
                raise BrokenPipeError

        logs = setup(logging.INFO, console=ConsoleHandler())
        monkeypatch.setattr(sys, "stdout", Gone())
        log.info("into the void")
        logs.close()


class TestLogFile:
    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def file(self, tmp_path, clock):
        file = LogFile(tmp_path / "ringthru.log", clock.read)
        yield file
        file.close()

    def test_a_line_is_there_as_soon_as_it_was_logged(self, file, tmp_path):
        file.emit(record("wörds"))
        assert (tmp_path / "ringthru.log").read_text(encoding="utf-8") == "wörds\n"

    def test_what_was_there_is_kept(self, tmp_path):
        (tmp_path / "ringthru.log").write_text("of the last run\n")
        file = LogFile(tmp_path / "ringthru.log")
        file.emit(record("of this one"))
        file.close()
        assert (tmp_path / "ringthru.log").read_text() == "of the last run\nof this one\n"

    @pytest.mark.parametrize("gone", ["moved", "deleted", "moved, and another in its place"])
    def test_logrotate_needs_to_tell_us_nothing(self, file, tmp_path, clock, gone):
        path, moved = tmp_path / "ringthru.log", tmp_path / "ringthru.log.1"
        file.emit(record("before"))
        if gone == "deleted":
            path.unlink()
        else:
            path.rename(moved)
        if "another" in gone:
            path.write_text("")
        clock.advance(1.0)
        file.emit(record("after"))
        assert path.read_text() == "after\n"
        assert not moved.exists() or moved.read_text() == "before\n"

    def test_a_large_one_is_put_aside_and_the_ten_newest_are_kept(self, file, tmp_path, clock, monkeypatch):
        monkeypatch.setattr(log_file, "ROLLOVER", 10)
        seconds = itertools.count(10)
        monkeypatch.setattr(log_file.time, "strftime", lambda form: f"2026-11-22-09-42-{next(seconds)}")
        mine = ["ringthru.log.1", "ringthru.log.2026-01-01.gz", "ringthru.logbook"]
        for name in mine:
            (tmp_path / name).write_text("mine")
        for number in range(13):
            file.emit(record(f"line number {number}"))
            clock.advance(1.0)
        file.emit(record("the last"))
        kept = [each for each in tmp_path.iterdir() if each.name not in ("ringthru.log", *mine)]
        assert len(kept) == 10
        said = {each.read_text() for each in kept}
        assert said == {f"line number {number}\n" for number in range(3, 13)}
        assert (tmp_path / "ringthru.log").read_text() == "the last\n"
        assert all((tmp_path / name).read_text() == "mine" for name in mine)

    def test_one_that_cannot_be_put_aside_grows_on(self, file, tmp_path, clock, monkeypatch):
        monkeypatch.setattr(log_file, "ROLLOVER", 10)

        def refuse(self, target):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(type(tmp_path), "rename", refuse)
        for number in range(3):
            file.emit(record(f"line number {number}"))
            clock.advance(1.0)
        assert (tmp_path / "ringthru.log").read_text().count("\n") == 3
        assert file.lost == 0

    def test_a_full_disk_loses_lines_and_says_so_once(self, capsys):
        file = LogFile(Path("/dev/full"))
        for _ in range(3):
            file.emit(record("x"))
        file.close()
        file.emit(record("too late"))
        assert file.lost == 4
        assert capsys.readouterr().err.count("lines of the log are lost: [Errno 28]") == 1


class TestLineRecord:
    def test_it_has_what_layouts_of_others_ask_for(self):
        made = LineRecord("ringthru.x", NOTICE, "/somewhere/engine.py", 7, "%s of %s", ("one", "two"), None)
        shown = logging.Formatter("%(name)s %(levelname)s %(module)s %(filename)s:%(lineno)d %(message)s")
        assert shown.format(made) == f"ringthru.x {made.levelname} engine engine.py:7 one of two"
        assert (
            logging.Formatter("%(threadName)s %(process)s %(asctime)s")
            .format(made)
            .startswith("None None 20")
        )

    def test_names_in_the_text_are_read_from_a_dictionary(self):
        made = LineRecord("ringthru.x", logging.INFO, "engine.py", 7, "%(who)s", ({"who": "me"},), None)
        assert made.getMessage() == "me"

    def test_the_library_makes_its_own_again_after_us(self, tmp_path):
        before = logging.getLogRecordFactory()
        logs = setup(logging.INFO, tmp_path)
        assert logging.getLogRecordFactory() is LineRecord
        logs.close()
        assert logging.getLogRecordFactory() is before


class TestRotation:
    def test_a_full_file_is_put_aside_and_a_new_one_begun(self, tmp_path):
        logs = setup(logging.INFO, log_dir=tmp_path)
        logging.getLogger("ringthru.x").warning("old")
        logs.rotate()
        logging.getLogger("ringthru.x").warning("middle")
        logs.rotate()  # within the same second
        logging.getLogger("ringthru.x").warning("new")
        logs.close()
        kept = sorted(tmp_path.glob("ringthru.log.*"), key=lambda path: (len(path.name), path.name))
        assert [file.read_text().split()[-1] for file in [*kept, tmp_path / "ringthru.log"]] == [
            *("old", "middle", "new"),
        ]

    @pytest.mark.parametrize("step", [1, 0])
    def test_the_ten_newest_are_kept_here_too(self, tmp_path, monkeypatch, step):
        """One a second, or all of them within one."""
        logs = setup(logging.INFO, log_dir=tmp_path)
        seconds = itertools.count(10, step)
        now = time.strftime
        stamp = "%Y-%m-%d-%H-%M-%S"
        monkeypatch.setattr(
            log_file.time,
            "strftime",
            lambda form, *at: f"2026-11-22-09-42-{next(seconds)}" if form == stamp else now(form, *at),
        )
        for number in range(13):
            logging.getLogger("ringthru.x").warning("number %d.", number)
            logs.rotate()
        logs.close()
        kept = [each.read_text().split()[-1] for each in tmp_path.glob("ringthru.log.*")]
        assert sorted(kept) == sorted(f"{number}." for number in range(3, 13))

    def test_what_somebody_moved_away_keeps_the_name_he_gave_it(self, tmp_path):
        logs = setup(logging.INFO, log_dir=tmp_path)
        logging.getLogger("ringthru.x").warning("old")
        (tmp_path / "ringthru.log").rename(tmp_path / "mine")
        logs.rotate()
        logs.close()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "ringthru.log"]

    def test_a_directory_that_cannot_be_written_loses_no_line(self, tmp_path, monkeypatch):
        logs = setup(logging.INFO, log_dir=tmp_path)
        logging.getLogger("ringthru.x").warning("one")

        def refuse(self, target):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(type(tmp_path), "rename", refuse)
        logs.rotate()
        logging.getLogger("ringthru.x").warning("two")
        logs.close()
        text = (tmp_path / "ringthru.log").read_text()
        assert "cannot be rotated" in text
        assert text.index("one") < text.index("two")

    def test_without_a_log_file_nothing_happens(self, logs):
        logs.rotate()
