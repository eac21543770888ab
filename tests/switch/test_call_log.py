"""The lines of a call: whose they are, and where they were written."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ringthru.net.levels import NOTICE
from ringthru.switch.calls.call_log import CallLog


@pytest.fixture
def log():
    return CallLog("7f4d")


@pytest.mark.parametrize("word", ["debug", "info", "warning", "error"])
def test_a_line_carries_the_calls_uuid_and_names_its_caller(log, caplog, word):
    caplog.set_level(logging.DEBUG, "ringthru")
    getattr(log, word)("%s rings %d", "somebody", 7)
    (record,) = caplog.records
    assert record.levelname == word.upper()
    assert record.getMessage() == "somebody rings 7"
    assert (record.uuid, record.filename) == ("7f4d", Path(__file__).name)


def test_any_level_by_its_number(log, caplog):
    caplog.set_level(logging.DEBUG, "ringthru")
    log.log(NOTICE, "Hangup")
    assert [(each.levelno, each.filename) for each in caplog.records] == [(NOTICE, Path(__file__).name)]


def test_what_nobody_wants_is_not_written(log, caplog):
    caplog.set_level(NOTICE, "ringthru")
    log.info("small")
    assert not caplog.records


def test_several_lines_of_one_moment_are_one_record(log, caplog):
    caplog.set_level(logging.DEBUG, "ringthru")
    log.debug_lines([])
    log.debug_lines(["it was %s", "it is"])
    (record,) = caplog.records
    assert record.lines == ("it was %s", "it is")
    assert record.getMessage() == "it was %s\nit is"
    assert (record.uuid, record.filename) == ("7f4d", Path(__file__).name)
