"""What the page about sounds shows is played, read and hunted through here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringthru.media import read_tones
from ringthru.switch.audio.phrases import parts_of_phrase
from ringthru.switch.configuration.conference_settings import PARAMETERS, SOUNDS, load_conferences
from ringthru.switch.configuration.local_stream_settings import load_streams
from ringthru.switch.configuration.phrase_settings import load_phrases

from .conftest import DOCS
from .trying import block, check_extensions, tree_of, tried

PAGE = (DOCS / "guide" / "sounds.md").read_text()
PLAYED = re.search(r"<!-- played\n(.*?)-->\n```\n(.*?)```", PAGE, re.DOTALL)
TRIED = tried(PAGE)
assert PLAYED is not None


@pytest.mark.parametrize("line", PLAYED[1].splitlines())
def test_each_tone_is_as_long_as_it_says(line: str) -> None:
    script, _, what = line.partition(" = ")
    sound = read_tones(script)
    times = {0: "for ever", 1: "once"}.get(sound.times, f"{sound.times} times")
    assert what == f"{round(sound.seconds, 2)} s, {times}"


def test_the_tones_shown_are_those_that_are_played() -> None:
    shown = [re.split(r" {2,}", line)[0] for line in PLAYED[2].splitlines()]
    assert shown == [line.partition(" = ")[0] for line in PLAYED[1].splitlines()]


def test_the_phrase_says_what_stands_beside_it(tmp_path: Path) -> None:
    (told,), xml = block(PAGE, "phrases")
    text, _, sounds = told.partition(" = ")
    phrases = load_phrases(tree_of("languages", xml, tmp_path))
    assert parts_of_phrase(text, phrases) == sounds.split()


def test_the_streams_are_read(tmp_path: Path) -> None:
    names, xml = block(PAGE, "streams")
    assert [each.name for each in load_streams(tree_of("configuration", xml, tmp_path))] == names


def test_the_profiles_of_conferences_are_read(tmp_path: Path) -> None:
    names, xml = block(PAGE, "conferences")
    profiles = load_conferences(tree_of("configuration", xml, tmp_path))
    assert list(profiles) == names
    assert profiles["default"].keys == {"0": "mute", "#": "hangup"}
    assert (profiles["sales"].pin, profiles["sales"].keys) == ("4711", {})


def test_every_parameter_that_is_named_is_known_and_every_sound_is_named() -> None:
    part = PAGE.partition("| parameter | |")[2].partition("On the console")[0]
    named = re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| ([^|]+) \|", part, re.MULTILINE)))
    assert set(named) <= set(PARAMETERS)
    assert set(SOUNDS) <= set(named)


@pytest.mark.parametrize(("lines", "xml"), TRIED)
def test_each_extension_does_what_stands_beside_it(lines: str, xml: str, tmp_path: Path) -> None:
    check_extensions(lines, xml, tmp_path)
