"""Keys heard as tones, by what ITU-T Q.23 and Q.24 ask of a receiver; and what must not be taken for one."""

from __future__ import annotations

import math
from random import Random

import pytest

from ringthru.media.rtp.telephone_event import KEYS
from ringthru.media.sound.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW, encode
from ringthru.media.sound.mixing import together
from ringthru.media.sound.tone_keys import BLOCK, COLUMNS, NAMES, ROWS, KeyEar
from ringthru.media.sound.tone_script import read_tones

from .made_sounds import noise, sines, voice

LOUD, FAINTEST = 6000, 1254  # peaks of one tone: a phone's, and -25 dBm0
PAUSE = [0] * 800


def key(name: str, milliseconds: float, low: int = LOUD, high: int = LOUD, off: float = 0.0) -> list[int]:
    """``off``: how far both tones are beside their frequencies, as a share."""
    row = next(index for index, names in enumerate(NAMES) if name in names)
    turns = [2 * math.pi * each * (1 + off) / 8000 for each in (ROWS[row], COLUMNS[NAMES[row].index(name)])]
    return [
        round(low * math.sin(turns[0] * at) + high * math.sin(turns[1] * at))
        for at in range(int(milliseconds * 8))
    ]


def heard(samples: list[int]) -> str:
    return "".join(each.key for each in KeyEar().hear(encode(samples + PAUSE, "PCMU")))


class TestEachKey:
    @pytest.mark.parametrize("name", KEYS)
    def test_of_forty_milliseconds_wherever_it_begins(self, name: str) -> None:
        assert [heard([0] * start + key(name, 40)) for start in range(0, BLOCK, 17)] == [name] * 6

    @pytest.mark.parametrize("name", KEYS)
    @pytest.mark.parametrize("off", [-0.015, 0.015])
    def test_a_little_beside_its_frequencies(self, name: str, off: float) -> None:
        assert heard(key(name, 45, off=off)) == name

    @pytest.mark.parametrize("name", KEYS)
    @pytest.mark.parametrize("off", [-0.035, 0.035])
    def test_but_not_far_beside_them(self, name: str, off: float) -> None:
        assert heard(key(name, 100, off=off)) == ""

    @pytest.mark.parametrize(
        ("low", "high"),
        [(FAINTEST, FAINTEST), (15000, 15000), (LOUD, round(LOUD / 2.5)), (round(LOUD / 2.5), LOUD)],
        ids=["faint", "loud", "the low one louder", "the high one louder"],
    )
    def test_however_loud(self, low: int, high: int) -> None:
        assert "".join(heard(key(each, 50, low, high)) for each in KEYS) == KEYS

    def test_as_long_as_it_was(self) -> None:
        (found,) = KeyEar().hear(encode(key("5", 300) + PAUSE, "PCMU"))
        assert found.milliseconds == pytest.approx(300, abs=26)

    def test_through_the_other_law_and_beside_noise(self) -> None:
        octets = encode(key("7", 80) + PAUSE, "PCMU").translate(ULAW_TO_ALAW).translate(ALAW_TO_ULAW)
        hiss = encode(noise(400, len(octets)), "PCMU")
        assert [each.key for each in KeyEar().hear(together(octets, hiss))] == ["7"]

    def test_in_pieces_of_any_size(self) -> None:
        octets, ear, found = encode(key("1", 60) + PAUSE + key("2", 60) + PAUSE, "PCMU"), KeyEar(), []
        while octets:
            found += ear.hear(octets[:37])
            octets = octets[37:]
        assert [each.key for each in found] == ["1", "2"]


class TestOneOrTwo:
    @pytest.mark.parametrize("at", range(0, BLOCK, 17))
    def test_a_pause_of_forty_milliseconds_parts_two(self, at: int) -> None:
        assert heard([0] * at + key("5", 50) + [0] * 320 + key("5", 50)) == "55"

    @pytest.mark.parametrize("at", range(0, BLOCK, 17))
    def test_a_break_of_ten_milliseconds_does_not(self, at: int) -> None:
        whole = key("5", 120)
        assert heard([0] * at + whole[:480] + [0] * 80 + whole[560:]) == "5"

    def test_one_runs_into_the_next(self) -> None:
        assert heard(key("1", 60) + key("9", 60)) == "19"

    def test_what_we_say_ourselves_is_heard(self) -> None:
        said = read_tones("d=80;w=60;0123456789*#ABCD").ulaw + encode(PAUSE, "PCMU")
        assert "".join(each.key for each in KeyEar().hear(said)) == "0123456789*#ABCD"


class TestNoKey:
    @pytest.mark.parametrize(
        "samples",
        [
            PAUSE * 5,
            noise(6000, 80_000),
            voice(1500, 160_000),
            voice(6000, 160_000),
            sines(20_000, 1004),
            sines(20_000, 440, 480),
            sines(20_000, 350, 440),
            sines(20_000, 697),
            sines(20_000, 697, 770),
            sines(20_000, 697, 1209, 1477),
            key("5", 20),
        ],
        ids=[
            *("silence", "noise", "a voice", "a loud voice", "milliwatt", "ring", "dial tone", "one tone"),
            *("two low ones", "three tones", "too short"),
        ],
    )
    def test_is_taken_for_one(self, samples: list[int]) -> None:
        assert heard(samples) == ""

    def test_any_octets(self) -> None:
        ear = KeyEar()
        for size in range(200):
            ear.hear(Random(size).randbytes(size))
