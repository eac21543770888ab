"""What we say ourselves, little by little: µ-law to payloads of whatever codec a leg has agreed on.

Lives here: whole frames, and the coder that goes on from one to the next. Never here: when they are said.
"""

from __future__ import annotations

from ..description.codecs import Codec
from ..description.offer_answer import Negotiated
from ..sound.g711 import ULAW_TO_ALAW
from .coders import NARROW, Encoder, encoder_of, frame_of, samples_of


class Payloads:
    """Those of one leg. G.711 goes at once, as it comes; of other codecs a packet is made when it is full."""

    def __init__(self) -> None:
        self._codec: Codec | None = None
        self._encoder: Encoder | None = None
        self._waiting = bytearray()

    def of(self, ulaw: bytes, agreed: Negotiated) -> list[tuple[bytes, int]]:
        """The payloads that are whole now, each with its length in samples of the leg's clock.

        Raises:
            LocalError: nothing here makes this codec.
        """
        codec = agreed.codec
        if codec.name == "PCMU":
            return [(ulaw, len(ulaw))]
        if codec.name == "PCMA":
            return [(ulaw.translate(ULAW_TO_ALAW), len(ulaw))]
        if codec != self._codec or self._encoder is None:
            self._codec, self._encoder = codec, encoder_of(codec, NARROW)
        milliseconds = frame_of(codec, agreed.ptime)
        size, out = NARROW * milliseconds // 1000, []
        self._waiting += ulaw
        while len(self._waiting) >= size:
            payload = self._encoder.encode(samples_of(self._waiting[:size]))
            out.append((payload, codec.clock_rate * milliseconds // 1000))
            del self._waiting[:size]
        return out
