"""Phrases of a tree, and numbers that are said: which sounds they make."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media import BadSound
from ringthru.switch.audio.phrases import number, parts_of_phrase, said
from ringthru.switch.audio.sound_files import PROMPTS
from ringthru.switch.configuration import ConfigurationError, load_tree
from ringthru.switch.configuration.phrase_settings import Phrases, check_phrases, load_phrases

MACROS = """
<macro name="msgcount">
  <input pattern="^(\\d+)$" break_on_match="true">
    <match>
      <action function="execute" data="sleep(100)"/>
      <action function="play-file" data="voicemail/vm-you_have.wav"/>
      <action function="say" data="$1" method="pronounced" type="items"/>
    </match>
    <nomatch><action function="play-file" data="no.wav"/></nomatch>
  </input>
  <input pattern="(.*)"><match>
    <action function="speak-text" data="$1"/><action function="play-file" data="$1.wav"/>
  </match></input>
</macro>
<macro name="Both"><input pattern=""><match>
  <action function="phrase" data="msgcount,12"/><action function="break"/>
  <action function="play-file" data="x.wav"/>
</match></input></macro>
<macro name="loop"><input pattern=""><match><action function="phrase" data="loop"/></match></input></macro>
<macro name="long"><input pattern="(.*)"><match>
  <action function="say" data="$1" method="iterated" type="number"/>
</match></input></macro>
<macro name="broken"><input pattern="("/></macro>
"""


def phrases(
    folder: Path, macros: str = MACROS, around: str = "<phrases><macros>{}</macros></phrases>"
) -> Phrases:
    inside = f'<language name="en" sound-prefix="x">{around.format(macros)}</language>'
    other = '<language name="de"><macro name="hi"><input pattern=""><match>'
    other += '<action function="play-file" data="hallo.wav"/></match></input></macro></language>'
    text = f'<document><section name="languages">{inside}{other}</section></document>'
    (folder / "freeswitch.xml").write_text(text)
    return load_phrases(load_tree(folder, {}, {}).tree)


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("phrase:msgcount:7", ["silence_stream://100", "voicemail/vm-you_have.wav", "digits/7.wav"]),
        (
            "phrase:msgcount,21",
            ["silence_stream://100", "voicemail/vm-you_have.wav", "digits/20.wav", "digits/1.wav"],
        ),
        ("phrase:MsgCount:many", ["no.wav", "many.wav"]),
        ("phrase:both", ["silence_stream://100", "voicemail/vm-you_have.wav", "digits/12.wav"]),
    ],
)
def test_what_a_macro_makes(tmp_path: Path, text: str, sounds: list[str]):
    assert parts_of_phrase(text, phrases(tmp_path)) == sounds


def test_a_language_of_its_own_and_the_usual_one(tmp_path: Path):
    known = phrases(tmp_path, around="{}")
    assert parts_of_phrase("phrase:hi", known, "de") == ["hallo.wav"]
    assert parts_of_phrase("phrase:both", known, "fr")[-1] == "digits/12.wav"
    with pytest.raises(BadSound, match="no phrase hi in the language en"):
        parts_of_phrase("phrase:hi", known)


@pytest.mark.parametrize(
    "text", ["phrase:loop", f"phrase:long:{'1' * 250}{'2' * 250}x", "phrase:", "phrase:nobody:1"]
)
def test_what_has_no_end_or_is_not_there(tmp_path: Path, text: str):
    if text.startswith("phrase:long"):
        assert parts_of_phrase(text, phrases(tmp_path)) == []  # longer than an expression looks at
        return
    with pytest.raises(BadSound):
        parts_of_phrase(text, phrases(tmp_path))


def test_a_pattern_that_is_none_is_named(tmp_path: Path):
    with pytest.raises(BadSound, match="no pattern"):
        parts_of_phrase("phrase:broken", phrases(tmp_path))
    with pytest.raises(ConfigurationError, match="no regular expression"):
        check_phrases(load_tree(tmp_path, {}, {}).tree)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"), (20, "20"), (21, "20 1"), (30, "30"), (99, "90 9"), (100, "1 hundred"),
        (117, "1 hundred 17"), (1000, "1 thousand"), (2026, "2 thousand 20 6"), (1_000_001, "1 million 1"),
        (123_456_789, "1 hundred 20 3 million 4 hundred 50 6 thousand 7 hundred 80 9"),
    ],
)  # fmt: skip
def test_a_number_in_words(value: int, words: str):
    assert number(value) == [f"digits/{each}.wav" for each in words.split()]


@given(st.integers(0, 10**9 - 1))
def test_every_number_has_its_sounds(value: int):
    assert all((PROMPTS / each).is_file() for each in number(value))


@pytest.mark.parametrize(
    ("text", "kind", "method", "sounds"),
    [
        ("105", "number", "iterated", "digits/1 digits/0 digits/5"),
        ("105", "number", "pronounced", "digits/1 digits/hundred digits/5"),
        ("+49*#", "telephone_number", "pronounced", "digits/4 digits/9 digits/star digits/pound"),
        ("Ab1", "name_spelled", "iterated", "ascii/97 ascii/98 digits/1"),
        ("1234567890", "number", "pronounced", " ".join(f"digits/{each}" for each in "1234567890")),
        ("é²", "number", "pronounced", ""),
    ],
)  # fmt: skip
def test_say(text: str, kind: str, method: str, sounds: str):
    found = said(text, kind, method)
    assert found == [f"{each}.wav" for each in sounds.split()]
    assert all((PROMPTS / each).is_file() for each in found)
