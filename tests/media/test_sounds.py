"""Sounds: WAV files and tones, as G.711."""

from __future__ import annotations

import struct
import tracemalloc
import wave
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media import BadSound, Sound, holds_tone, linear_of, read_tones, read_wav, silence_of, tone
from ringthru.media.sound import files
from ringthru.media.sound.files import read_sound
from ringthru.media.sound.g711 import decode
from ringthru.media.sound.tones import tone_share


def wav(frames: bytes, rate: int = 8000, width: int = 2, channels: int = 1) -> bytes:
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)
    return out.getvalue()


def linear(samples: list[int], width: int = 2) -> bytes:
    if width == 1:
        return bytes((sample >> 8) + 128 for sample in samples)
    return b"".join((sample << 8 * (width - 2)).to_bytes(width, "little", signed=True) for sample in samples)


SINE = decode(b"".join(tone(500, 0.1)), "PCMU")


class TestFiles:
    @pytest.mark.parametrize("width", [1, 2, 3, 4])
    def test_of_every_width(self, width):
        sound = read_wav(wav(linear(SINE, width), width=width))
        assert len(sound.ulaw) == 800
        assert holds_tone(sound.frames("PCMU", 160), 500)

    @pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000, 6000])
    def test_of_every_rate(self, rate):
        stretched = [SINE[i * 8000 // rate % 800] for i in range(rate // 10)]
        sound = read_wav(wav(linear(stretched), rate=rate))
        assert abs(len(sound.ulaw) - 800) <= 1
        assert holds_tone(sound.frames("PCMU", 160), 500)

    def test_two_channels_are_mixed(self):
        both = [value for sample in SINE for value in (sample, sample)]
        assert holds_tone(read_wav(wav(linear(both), channels=2)).frames("PCMA", 160), 500, "PCMA")

    def test_our_own_come_back_as_they_were(self):
        ulaw = b"".join(tone(500, 0.1))
        assert read_wav(wav(linear_of(ulaw))).ulaw == ulaw

    @pytest.mark.parametrize("data", [b"", b"RIFF", b"not a file", wav(b"", rate=500)])
    def test_what_is_none(self, data):
        with pytest.raises(BadSound):
            read_wav(data)

    def test_cut_anywhere(self):
        whole = wav(linear(SINE))
        for end in range(len(whole)):
            try:
                read_wav(whole[:end])
            except BadSound:
                pass

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data):
        try:
            read_wav(data)
        except BadSound:
            pass

    @given(st.binary(max_size=60))
    def test_any_bytes_behind_a_good_beginning(self, data):
        try:
            read_wav(wav(linear(SINE[:10]))[:20] + data)
        except BadSound:
            pass


def riff(tag: int, body: bytes, *, bits: int = 8, rate: int = 8000, more: bytes = b"") -> bytes:
    """A WAV file that the library does not write."""
    layout = struct.pack("<HHIIHH", tag, 1, rate, rate * bits // 8, bits // 8, bits) + more
    chunks = b"LIST" + struct.pack("<I", 3) + b"odd\0" + b"fmt " + struct.pack("<I", len(layout)) + layout
    return b"RIFF\0\0\0\0WAVE" + chunks + b"data" + struct.pack("<I", len(body)) + body


class TestBothLaws:
    @pytest.mark.parametrize(("tag", "codec"), [(6, "PCMA"), (7, "PCMU")])
    @pytest.mark.parametrize("rate", [8000, 16000])
    def test_of_either_rate(self, tag: int, codec: str, rate: int) -> None:
        octets = b"".join(tone(500, 0.2, codec))
        sound = read_wav(riff(tag, octets, rate=rate))
        assert len(sound.ulaw) == 1600 * 8000 // rate
        assert holds_tone(sound.frames("PCMU", 160), 500 * rate // 8000)

    def test_an_extensible_file_says_its_format_later(self) -> None:
        more = struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
        assert holds_tone(read_wav(riff(0xFFFE, linear(SINE), bits=16, more=more)).frames("PCMU", 160), 500)

    def test_a_file_that_was_never_finished_is_read_to_its_end(self) -> None:
        whole = riff(7, b"".join(tone(500, 0.1)))
        open_ended = whole[:-804] + b"\xff\xff\xff\xff" + whole[-800:]
        assert len(read_wav(open_ended).ulaw) == 800

    @pytest.mark.parametrize(("code", "bits"), [("f", 32), ("d", 64)])
    def test_floats(self, code: str, bits: int) -> None:
        loud = [each / 32768 for each in SINE[:-3]]
        whole = struct.pack(f"<{len(SINE)}{code}", *loud, 9.5, float("-inf"), float("nan"))
        sound = read_wav(riff(3, whole, bits=bits))
        assert holds_tone(sound.frames("PCMU", 160), 500)
        assert decode(sound.ulaw[-3:-1], "PCMU") == [32124, -32124]

    @pytest.mark.parametrize("tag", [2, 3, 0x11, 0x55])
    def test_other_codings_are_named(self, tag: int) -> None:
        with pytest.raises(BadSound, match=f"format {tag}"):
            read_wav(riff(tag, bytes(100)))


class TestLongOnes:
    def test_memory_is_what_the_file_has_and_not_over_ten_times_that(self) -> None:
        """Ten seconds of 44.1 kHz stereo, as music for those who wait often is."""
        data = wav(bytes(4 * 44100 * 10), rate=44100, channels=2)
        read_wav(data)  # the tables are made
        tracemalloc.start()
        try:
            assert len(read_wav(data).ulaw) == 80_000
            assert tracemalloc.get_traced_memory()[1] < 1 << 21
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("rate", [7999, 11025, 44100])
    def test_no_sample_is_lost_between_two_seconds(self, rate: int) -> None:
        count = rate * 3 + rate // 3
        sound = read_wav(wav(linear([SINE[i * 8000 // rate % 800] for i in range(count)]), rate=rate))
        assert len(sound.ulaw) == count * 8000 // rate
        assert holds_tone(sound.frames("PCMU", 160), 500)


class TestOtherFiles:
    """What libsndfile reads, where the extra ``prompts`` is installed."""

    @pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3", "AIFF", "AU"])
    def test_of_many_kinds(self, kind: str) -> None:
        soundfile = pytest.importorskip("soundfile", reason="the extra prompts is not installed")
        second = [SINE[i * 8000 // 44100 % 800] / 32768 for i in range(44100)]
        out = BytesIO()
        soundfile.write(out, [(each, each) for each in second], 44100, format=kind)
        sound = read_sound(out.getvalue())
        assert 0.9 <= sound.seconds <= 1.2
        assert holds_tone(sound.frames("PCMU", 160), 500)

    def test_our_own_reader_has_the_first_word(self) -> None:
        ulaw = b"".join(tone(500, 0.1))
        assert read_sound(wav(linear_of(ulaw))).ulaw == ulaw

    def test_what_is_none_of_all_says_so(self) -> None:
        pytest.importorskip("soundfile", reason="the extra prompts is not installed")
        with pytest.raises(BadSound, match=r"^not a WAV file; and libsndfile says: .*not recognised"):
            read_sound(b"<!DOCTYPE html>" * 10)

    def test_without_it_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "has_libsndfile", lambda: False)
        with pytest.raises(BadSound, match=r"MP3, FLAC and OGG are played after: pip install"):
            read_sound(b"ID3" + bytes(100))
        assert files.suffixes() == (".wav",)


class TestTones:
    @pytest.mark.parametrize(
        ("text", "seconds", "times"),
        [
            ("%(2000,4000,440,480)", 6.0, 1),
            ("%(10000,0,1004);loops=-1", 10.0, 0),
            ("v=-7;%(100,0,941.0,1477.0);v=-7;>=2;+=.1;%(1400,0,350,440)", 1.5, 1),
            ("L=3;%(100,100,350,440)", 0.2, 3),
            ("l=3;%(100,100,350,440);l=1;%(400,0,440)", 1.0, 1),
            ("L=-1;d=100;w=50;12#", 0.45, 0),
            ("r=8000;c=1;%(100,0,440)", 0.1, 1),
            ("%(500,500,480,620);loops=2", 1.0, 2),
            ("%(274,0,913.8);%(274,0,1370.6);%(380,0,1776.7)", 0.928, 1),
        ],
    )
    def test_as_people_write_them(self, text, seconds, times):
        sound = read_tones(text)
        assert (round(sound.seconds, 3), sound.times) == (seconds, times)

    @pytest.mark.parametrize("frequency", [440, 1004, 913.8])
    def test_they_sound_right(self, frequency):
        assert holds_tone(read_tones(f"%(3000,0,{frequency})").frames("PCMU", 160), frequency)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "beep", "%()", "%(1,2)", "%(a,0,440)", "%(100,0,5000)", "%(-1,0,440)", "%(100,0,440"),
            *("%(99999999,0,440)", "l=9999999;%(60000,0,440)", "d=9999999;1", "x=1;%(100,0,440)"),
            *("v=-7", "%(1e9,0,4)", "%(100,0,nan)"),
        ],
    )
    def test_what_is_none(self, text):
        with pytest.raises(BadSound):
            read_tones(text)

    @given(st.text(alphabet="%(),;=vLlops-.0123456789", max_size=40))
    def test_any_text(self, text):
        try:
            read_tones(text)
        except BadSound:
            pass


class TestFrames:
    def test_who_joins_later_hears_it_where_it_is(self):
        frames = Sound(bytes(range(100)), times=2, start=90).frames("PCMU", 10)
        assert [each[0] for each in frames] == [90, *range(0, 100, 10)]

    def test_the_last_one_ends_in_silence(self):
        sound = silence_of(30)
        assert [len(frame) for frame in sound.frames("PCMU", 160)] == [160, 160]
        assert set(b"".join(sound.frames("PCMA", 160))) == {0xD5}

    def test_for_ever(self):
        frames = silence_of(-1).frames("PCMU", 160)
        assert all(len(next(frames)) == 160 for _ in range(1000))

    def test_nothing(self):
        assert list(silence_of(0).frames("PCMU", 160)) == []


def test_keys_are_those_of_a_telephone():
    frames = list(read_tones("d=200;w=0;5").frames("PCMU", 160))
    assert tone_share(frames, 770) > 0.3
    assert tone_share(frames, 1336) > 0.3
