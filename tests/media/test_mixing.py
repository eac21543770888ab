"""Several voices to one: everybody hears all others, and nobody hears himself."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.engine import mixing
from ringthru.media.sound.g711 import decode, linear_to_ulaw
from ringthru.media.sound.mixing import (
    FRAME,
    LONGEST,
    MOST_VOICES,
    READY,
    SILENT_FRAME,
    Voice,
    loudness,
    mix,
    sums_of,
)
from ringthru.media.sound.tones import tone, tone_share

from .native import native_engine

frames = st.binary(min_size=FRAME, max_size=FRAME)


class TestMix:
    def test_of_nobody_is_silence(self) -> None:
        assert mix({}) == (SILENT_FRAME, {})

    @given(frames)
    def test_one_voice_is_heard_as_it_is_and_not_by_itself(self, frame: bytes) -> None:
        assert mix({"a": frame}) == (frame, {"a": SILENT_FRAME})

    @given(frames, frames)
    def test_two_hear_each_other_as_they_are(self, one: bytes, two: bytes) -> None:
        _, apart = mix({"a": one, "b": two})
        assert apart == {"a": two, "b": one}

    @given(st.dictionaries(st.integers(), frames, min_size=3, max_size=MOST_VOICES))
    def test_each_hears_the_sum_of_the_others(self, voices: dict[int, bytes]) -> None:
        levels = {name: decode(frame, "PCMU") for name, frame in voices.items()}
        everybody, apart = mix(voices)
        sums = [sum(column) for column in zip(*levels.values(), strict=True)]
        assert everybody == bytes(map(linear_to_ulaw, sums))
        for name, own in levels.items():
            others = [total - mine for total, mine in zip(sums, own, strict=True)]
            assert apart[name] == bytes(map(linear_to_ulaw, others))

    def test_three_tones_are_two_for_each(self) -> None:
        voices = {hertz: tone(hertz, 0.02)[0] for hertz in (500, 800, 1100)}
        _, apart = mix(voices)
        for own, frame in apart.items():
            shares = {hertz: tone_share([frame], hertz) for hertz in voices}
            assert shares.pop(own) < 0.05
            assert all(share > 0.3 for share in shares.values())

    def test_of_too_many_the_loudest_are_heard(self) -> None:
        loud = {number: tone(500, 0.02)[0] for number in range(MOST_VOICES)}
        quiet = bytes((linear_to_ulaw(100),)) * FRAME
        everybody, apart = mix({"quiet": quiet, **loud})
        assert everybody == mix(loud)[0]
        assert apart["quiet"] == everybody


def native() -> Any:
    """The module in C, once the engine in C is known to be there."""
    native_engine()
    return import_module("ringthru.media.engine._native")


class TestInC:
    """The same octets as in Python, whatever the voices are."""

    @given(st.lists(frames, min_size=2, max_size=MOST_VOICES))
    def test_sums(self, voices: list[bytes]) -> None:
        assert native().mix(voices) == sums_of(voices)

    def test_every_pair_of_octets(self) -> None:
        one, other = bytes(range(256)) * 256, b"".join(bytes((octet,)) * 256 for octet in range(256))
        assert native().mix([one, other]) == sums_of([one, other])

    @given(st.binary(max_size=FRAME))
    def test_loudness(self, frame: bytes) -> None:
        assert native().loudness(frame) == loudness(frame)

    @pytest.mark.parametrize("voices", [[], [b""] * (MOST_VOICES + 1), [b"a", b"ab"], ["text"], None])
    def test_what_cannot_be_mixed_is_an_error(self, voices: Any) -> None:
        with pytest.raises((ValueError, TypeError, SystemError)):
            native().mix(voices)

    def test_conferences_are_mixed_by_it(self) -> None:
        assert native().mix is mixing.SUMS


class TestAVoice:
    def test_waits_for_two_frames_and_then_gives_one_at_a_time(self) -> None:
        voice = Voice()
        voice.add(bytes(FRAME))
        assert voice.take() is None
        voice.add(bytes(FRAME))
        assert [voice.take(), voice.take(), voice.take()] == [bytes(FRAME), bytes(FRAME), None]

    def test_what_hurried_ahead_is_forgotten_but_for_the_newest(self) -> None:
        voice = Voice()
        voice.add(bytes(LONGEST) + b"\x01" * READY)
        assert voice.take() == b"\x01" * FRAME


def test_loudness_is_the_mean_magnitude() -> None:
    assert loudness(SILENT_FRAME) == 0
    assert loudness(b"") == 0
    assert 4500 < loudness(tone(500, 0.02)[0]) < 5500  # 8000 · 2/π
