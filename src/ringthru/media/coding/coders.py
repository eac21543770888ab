"""Samples to payloads and back: G.711 here, G.722 and Opus by libraries where they are installed.

Every coder works at the rate it is asked for, 8000 or 16000 Hz: libopus and libg722 have both inside, so that
nothing is resampled between two codecs. Samples are signed, 16 bits, one channel.

Lives here: coders, and which there are. Never here: packets and time (``transcoding``).
"""

from __future__ import annotations

from array import array
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..description.codecs import Codec
from ..errors import LocalError, MalformedPacket
from ..sound.g711 import ALAW_TO_LINEAR, G711, ULAW_TO_ALAW, ULAW_TO_LINEAR, ulaw_table

if TYPE_CHECKING:
    Samples = array[int]

NARROW: Final = 8000  # Hz: telephones, sounds, recordings, conferences
WIDE: Final = 16000  # Hz
SAMPLED_AT: Final = {
    "PCMU": 8000,
    "PCMA": 8000,
    "G722": 16000,
    "OPUS": 48000,
}  # Hz, whatever their clock says
OPUS_FRAMES: Final = (60, 40, 20, 10)  # milliseconds that libopus makes well (RFC 6716 §2.1.4)
LONGEST_FRAME: Final = 120  # milliseconds of one packet of Opus (RFC 6716 §3.2.5)
BITRATES: Final = {NARROW: 16_000, WIDE: 28_000}  # for speech (RFC 7587 §3.1.1)
LOWEST_BITRATE, HIGHEST_BITRATE = 6_000, 128_000
COMPLEXITY: Final = 5  # of 10: what a telephone's microphone is worth
LOSS_EXPECTED: Final = 10  # per cent: how much of a packet repairs the one before, where the peer asks for it
EXTRA: Final = "pip install 'ringthru[codecs]'"


class Decoder(Protocol):
    """One stream's way to samples; packets come in order."""

    def decode(self, payload: bytes) -> Samples:
        """Raises MalformedPacket: it is none of this codec."""
        ...

    def conceal(self, samples: int, following: bytes) -> Samples:
        """What may stand for so many lost samples before what came; nothing where nobody knows."""
        ...


class Encoder(Protocol):
    """One stream's way from samples."""

    def encode(self, samples: Samples) -> bytes:
        """One packet's payload; of as many samples as ``frame_of`` says."""
        ...


@cache
def installed() -> frozenset[str]:
    """The codecs that can be made and understood on this machine."""
    names = set(G711)
    if find_spec("G722") is not None:
        names.add("G722")
    if find_spec("opuslib_next") is not None and _has_libopus():
        names.add("OPUS")
    return frozenset(names)


def remedy(name: str) -> str:
    """What to install for a codec; empty: there is nothing that makes it."""
    if name == "OPUS":
        return f"{EXTRA}, and the library of the system (Debian: apt install libopus0)"
    return EXTRA if name == "G722" else ""


def _has_libopus() -> bool:
    from ctypes import CDLL  # late: only where the bindings are installed

    try:
        CDLL("libopus.so.0")
    except OSError:
        return False
    return True


def common_rate(one: Codec, other: Codec) -> int:
    """The rate at which two codecs meet: as wide as both are, and no more than is worth it."""
    rates = [SAMPLED_AT.get(each.name, NARROW) for each in (one, other)]
    return WIDE if min(rates) >= WIDE else NARROW


def frame_of(codec: Codec, ptime: int) -> int:
    """The milliseconds of a packet that we make where ``ptime`` was agreed on."""
    if codec.name == "OPUS":
        return next((each for each in OPUS_FRAMES if each <= ptime), OPUS_FRAMES[-1])
    return min(max(ptime, 10), 60)


def decoder_of(codec: Codec, rate: int) -> Decoder:
    """Raises LocalError: nothing here understands it."""
    match codec.name:
        case "PCMU" | "PCMA":
            return _G711Decoder(codec.name)
        case "G722" if "G722" in installed():
            return _G722Decoder(rate)
        case "OPUS" if "OPUS" in installed():
            return _OpusDecoder(rate)
    raise LocalError(f"nothing here understands {codec.name}: {remedy(codec.name) or 'no coder is known'}")


def encoder_of(codec: Codec, rate: int) -> Encoder:
    """An encoder that does as the parameters of the peer's codec ask.

    Raises:
        LocalError: nothing here makes it.
    """
    match codec.name:
        case "PCMU" | "PCMA":
            return _G711Encoder(codec.name)
        case "G722" if "G722" in installed():
            return _G722Encoder(rate)
        case "OPUS" if "OPUS" in installed():
            return _OpusEncoder(codec, rate)
    raise LocalError(f"nothing here makes {codec.name}: {remedy(codec.name) or 'no coder is known'}")


def ulaw_of(samples: Samples) -> bytes:
    """Samples as µ-law."""
    return bytes(map(ulaw_table().__getitem__, samples))


def samples_of(ulaw: bytes | bytearray) -> Samples:
    """µ-law as samples."""
    return array("h", map(ULAW_TO_LINEAR.__getitem__, ulaw))


class _G711Decoder:
    """Of 8000 Hz; at no other rate is it ever asked for."""

    def __init__(self, name: str) -> None:
        self._table = ULAW_TO_LINEAR if name == "PCMU" else ALAW_TO_LINEAR

    def decode(self, payload: bytes) -> Samples:
        return array("h", map(self._table.__getitem__, payload))

    def conceal(self, samples: int, following: bytes) -> Samples:
        return array("h")


class _G711Encoder:
    def __init__(self, name: str) -> None:
        self._alaw = name == "PCMA"

    def encode(self, samples: Samples) -> bytes:
        octets = ulaw_of(samples)
        return octets.translate(ULAW_TO_ALAW) if self._alaw else octets


class _G722Decoder:
    """ITU-T G.722 of 64 kbit/s; at 8000 Hz its lower half alone."""

    def __init__(self, rate: int) -> None:
        from G722 import G722

        self._codec: Any = G722(rate, 64000)

    def decode(self, payload: bytes) -> Samples:
        return array("h", self._codec.decode(payload))

    def conceal(self, samples: int, following: bytes) -> Samples:
        return array("h")


class _G722Encoder:
    def __init__(self, rate: int) -> None:
        from G722 import G722

        self._codec: Any = G722(rate, 64000)

    def encode(self, samples: Samples) -> bytes:
        return bytes(self._codec.encode(samples))


class _OpusDecoder:
    def __init__(self, rate: int) -> None:
        from opuslib_next import Decoder as OpusDecoder
        from opuslib_next import OpusError

        self._error = OpusError
        self._codec: Any = OpusDecoder(rate, 1)
        self._longest = rate * LONGEST_FRAME // 1000
        self._shortest = rate // 400  # 2.5 ms, of which everything is a multiple
        self._last = rate // 50  # samples of the last packet

    def decode(self, payload: bytes) -> Samples:
        samples = self._decode(payload, self._longest, fec=False)
        self._last = len(samples) or self._last
        return samples

    def conceal(self, samples: int, following: bytes) -> Samples:
        """The packet that came repairs the one before it (RFC 6716 §4.4); earlier ones are guessed."""
        out: Samples = array("h")
        samples -= samples % self._shortest
        while samples > self._last:
            out += self._decode(b"", self._last, fec=False)
            samples -= self._last
        if samples:
            out += self._decode(following, samples, fec=True)
        return out

    def _decode(self, payload: bytes, most: int, *, fec: bool) -> Samples:
        try:
            return array("h", self._codec.decode(payload, most, fec))
        except self._error as error:
            raise MalformedPacket(f"no Opus: {error}") from error


class _OpusEncoder:
    def __init__(self, codec: Codec, rate: int) -> None:
        from opuslib_next import APPLICATION_VOIP
        from opuslib_next import Encoder as OpusEncoder

        self._codec: Any = OpusEncoder(rate, 1, APPLICATION_VOIP)
        self._codec.complexity = COMPLEXITY
        self._codec.bitrate = _bitrate(codec, rate)
        if codec.parameter("useinbandfec") == "1":
            self._codec.inband_fec = 1
            self._codec.packet_loss_perc = LOSS_EXPECTED
        if codec.parameter("usedtx") == "1":
            self._codec.dtx = 1
        if codec.parameter("cbr") == "1":
            self._codec.vbr = 0

    def encode(self, samples: Samples) -> bytes:
        return bytes(self._codec.encode(samples.tobytes(), len(samples)))


def _bitrate(codec: Codec, rate: int) -> int:
    """Bits a second: no more than the peer wants (maxaveragebitrate, maxplaybackrate; RFC 7587 §6.1)."""
    playback, average = codec.parameter("maxplaybackrate"), codec.parameter("maxaveragebitrate")
    narrow = playback.isdecimal() and int(playback[:7]) <= NARROW
    most = int(average[:7]) if average.isdecimal() else HIGHEST_BITRATE
    return max(min(BITRATES[NARROW if narrow else rate], most), LOWEST_BITRATE)
