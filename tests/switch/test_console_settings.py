"""console.conf, and what the console shows by it."""

from __future__ import annotations

import io
import logging

import pytest

from ringthru.console.logs import setup
from ringthru.console.serve import use_console_settings
from ringthru.net.levels import NOTICE
from ringthru.switch.configuration import ConfigurationError, load_tree
from ringthru.switch.configuration.console_settings import ConsoleSettings


@pytest.fixture
def read(tmp_path):
    def read(inside):
        element = f'<configuration name="console.conf">{inside}</configuration>' if inside is not None else ""
        (tmp_path / "freeswitch.xml").write_text(
            f'<document><section name="configuration">{element}</section></document>'
        )
        return ConsoleSettings.read(load_tree(tmp_path, {}).tree)

    return read


@pytest.fixture
def shown():
    """The lines of one of each level that are shown with settings."""
    written = io.StringIO()
    logs = setup(console=logging.StreamHandler(written), colours=True)

    def show(settings, loglevel="debug"):
        use_console_settings(logs, settings, loglevel)
        log = logging.getLogger("ringthru.of.a.call")
        for level in (logging.DEBUG, logging.INFO, NOTICE, logging.WARNING, logging.ERROR):
            log.log(level, "text", extra={"uuid": "7f4d"})
        return written.getvalue().splitlines()

    yield show
    logs.close()


def settings(**values):
    lines = "".join(f'<param name="{name}" value="{value}"/>' for name, value in values.items())
    return f"<settings>{lines}</settings>"


def test_without_the_file_switch_conf_counts(read, shown):
    assert read(None) == ConsoleSettings()
    lines = shown(read(None), "notice")
    assert [line.partition("[")[2][:1] for line in lines] == ["3"] * 3  # an escape for a colour each
    assert "[NOTICE]" in lines[0]


def test_its_level_counts_where_it_shows_less(read, shown):
    (line,) = shown(read(settings(loglevel="err")))
    assert "[ERR]" in line


def test_its_level_shows_no_more_than_switch_conf_lets_be_logged(read, shown):
    assert len(shown(read(settings(loglevel="debug")), "warning")) == 2


def test_colours_and_uuids(read, shown):
    lines = shown(read(settings(colorize="false", uuid="true")))
    assert len(lines) == 5
    assert all(line.startswith("7f4d ") and "\x1b" not in line for line in lines)


def test_the_mapping_of_all_chooses_levels(read, shown, caplog):
    mappings = '<mappings><map name="all" value="info, error"/><map name="sofia.c" value="debug"/></mappings>'
    with caplog.at_level(logging.INFO):
        found = read(mappings)
    assert "console.conf: the mapping of 'sofia.c' is ignored" in caplog.text
    assert [line.partition("[")[2].partition("[")[2][:4] for line in shown(found)[1:]] == ["INFO", "ERR]"]
    assert read('<mappings><map name="all" value="all"/></mappings>').levels == frozenset()


@pytest.mark.parametrize("values", [{"colorize": "pink"}, {"loglevel": "loud"}])
def test_what_cannot_be_meant_is_an_error(read, values):
    with pytest.raises(ConfigurationError, match=r"console\.conf"):
        read(settings(**values))
