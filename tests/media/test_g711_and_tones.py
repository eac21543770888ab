"""G.711's tables at the values of the recommendation, and tones that survive them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.sound import g711
from ringthru.media.sound.tones import holds_tone, tone, tone_share


class TestLaws:
    @pytest.mark.parametrize(
        ("octet", "sample"),
        [(0x00, -32124), (0x80, 32124), (0xFF, 0), (0x7F, 0), (0xFE, 8), (0x7E, -8), (0x8F, 16764)],
    )
    def test_ulaw_values(self, octet, sample):
        assert g711.ULAW_TO_LINEAR[octet] == sample

    @pytest.mark.parametrize(
        ("octet", "sample"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256), (0xD4, 24)]
    )
    def test_alaw_values(self, octet, sample):
        assert g711.ALAW_TO_LINEAR[octet] == sample

    def test_every_octet_is_its_own_samples_octet(self):
        for octet in range(256):
            back = g711.linear_to_ulaw(g711.ULAW_TO_LINEAR[octet])
            assert back == octet or (octet, back) == (0x7F, 0xFF)  # µ-law has two zeros
            assert g711.linear_to_alaw(g711.ALAW_TO_LINEAR[octet]) == octet

    @given(st.integers(-32768, 32767))
    def test_the_error_is_within_half_a_step(self, sample):
        step = max(abs(sample), 132) / 16
        ulaw = g711.ulaw_to_linear(g711.linear_to_ulaw(sample))
        alaw = g711.alaw_to_linear(g711.linear_to_alaw(sample))
        assert abs(ulaw - sample) <= max(step, 644)  # 644 only where the scale is clipped
        assert abs(alaw - sample) <= max(step, 16)

    def test_silence_changes_law_to_silence(self):
        assert g711.silence("PCMU", 4).translate(g711.ULAW_TO_ALAW) == g711.silence("PCMA", 4)

    def test_there_and_back_keeps_the_sound(self):
        frames = [f.translate(g711.ULAW_TO_ALAW).translate(g711.ALAW_TO_ULAW) for f in tone(440, 0.2)]
        assert tone_share(frames, 440) > 0.99


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
class TestTones:
    def test_frames_are_twenty_milliseconds(self, codec):
        frames = tone(440, 1.0, codec)
        assert len(frames) == 50
        assert {len(frame) for frame in frames} == {160}

    def test_a_tone_is_found_and_another_is_not(self, codec):
        frames = tone(440, 0.5, codec)
        assert holds_tone(frames, 440, codec)
        assert not holds_tone(frames, 1004, codec)

    def test_silence_and_nothing_hold_no_tone(self, codec):
        assert not holds_tone([g711.silence(codec, 160)] * 50, 440, codec)
        assert not holds_tone([], 440, codec)

    def test_a_third_of_the_frames_lost_breaks_nothing(self, codec):
        frames = [frame for index, frame in enumerate(tone(440, 0.5, codec)) if index % 3]
        assert holds_tone(frames, 440, codec)

    def test_noise_holds_no_tone(self, codec):
        samples = [int(8000 * math.sin(index * index)) for index in range(8000)]
        octets = g711.encode(samples, codec)
        assert not holds_tone([octets[i : i + 160] for i in range(0, 8000, 160)], 440, codec)
