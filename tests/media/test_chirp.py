"""The watermark: found wherever a telephone line may carry it, and in nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from ringthru.media.quality.chirp import LENGTH, ChirpEar, Found, chirp
from ringthru.media.sound.g711 import ALAW_TO_ULAW, ULAW_SILENCE, ULAW_TO_ALAW, encode

from .made_sounds import LASTS, noise, sines, voice

AT = 5003  # where it begins, no multiple of a packet
AFTER = bytes((ULAW_SILENCE,)) * LENGTH  # an ear makes up its mind when no better place can follow


def line(mark: Sequence[int], around: Sequence[int] | None = None) -> list[int]:
    samples = list(around) if around is not None else [0] * LASTS
    for number, sample in enumerate(mark):
        samples[AT + number] += sample
    return [max(-32768, min(sample, 32767)) for sample in samples]


def heard(octets: bytes) -> list[Found]:
    return ChirpEar().hear(octets + AFTER)


class TestItIsFound:
    def test_where_it_begins(self) -> None:
        (found,) = heard(encode(line(chirp()), "PCMU"))
        assert found.position == AT
        assert found.likeness > 0.9

    def test_after_both_laws_of_g711(self) -> None:
        (found,) = heard(encode(line(chirp()), "PCMU").translate(ULAW_TO_ALAW).translate(ALAW_TO_ULAW))
        assert (found.position, found.likeness > 0.9) == (AT, True)

    @pytest.mark.parametrize(
        "times", [0.03, 0.3, 40.0, -1.0], ids=["faint", "soft", "clipped", "upside down"]
    )
    def test_however_loud(self, times: float) -> None:
        (found,) = heard(encode(line([round(each * times) for each in chirp()]), "PCMU"))
        assert abs(found.position - AT) <= 1

    def test_with_three_packets_of_ten_lost(self) -> None:
        samples = line(chirp())
        for packet in (32, 35, 39):
            samples[packet * 160 : (packet + 1) * 160] = [0] * 160
        (found,) = heard(encode(samples, "PCMU"))
        assert found.position == AT

    def test_after_resampling_between_its_samples(self) -> None:
        """Half a sample late, as a gateway of another clock or rate makes it."""
        samples = line(chirp())
        between = [(one + other) // 2 for one, other in itertools.pairwise(samples)]
        (found,) = heard(encode(between, "PCMU"))
        assert abs(found.position - AT) <= 1

    def test_beside_noise_that_is_louder(self) -> None:
        (found,) = heard(encode(line(chirp(), noise(800)), "PCMU"))
        assert abs(found.position - AT) <= 1

    def test_beside_a_voice(self) -> None:
        found = heard(encode(line(chirp(), voice(1500, LASTS)), "PCMU"))
        assert [abs(each.position - AT) <= 1 for each in found] == [True]

    @pytest.mark.parametrize("hertz", [(500,), (440, 480), (300, 900)], ids=["low", "ringback", "two"])
    def test_beside_tones_as_loud_as_a_voice(self, hertz: tuple[float, ...]) -> None:
        (found,) = heard(encode(line(chirp(), sines(LASTS, *hertz)), "PCMU"))
        assert abs(found.position - AT) <= 1

    def test_in_pieces_of_any_size(self) -> None:
        octets, ear, found = encode(line(chirp()), "PCMU") + AFTER, ChirpEar(), []
        while octets:
            found += ear.hear(octets[:37])
            octets = octets[37:]
        assert [each.position for each in found] == [AT]

    def test_two_of_them(self) -> None:
        octets = encode(line(chirp()), "PCMU")
        assert [each.position for each in heard(octets + octets)] == [AT, AT + LASTS]


class TestNothingElseIs:
    @pytest.mark.parametrize(
        "samples",
        [
            [0] * 40_000,
            noise(3000, 40_000),
            voice(4000, 40_000),
            sines(20_000, 1004),
            sines(20_000, 770, 1336),
            sines(20_000, 440, 480),
        ],
        ids=["silence", "noise", "a voice", "milliwatt", "a key", "ringback"],
    )
    def test_is_taken_for_it(self, samples: list[int]) -> None:
        assert heard(encode(samples, "PCMU")) == []
