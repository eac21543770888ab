"""One leg's media: which ports it takes, what its SDP says, when it lets go.

Lives here: the order of offer and answer for one leg. Never here: SIP messages, the other leg's state.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ..media import (
    Codec,
    LegReport,
    MediaAddress,
    MediaEngine,
    MediaLeg,
    Negotiated,
    OfferAnswer,
    PortPair,
    SessionDescription,
)
from .reachability import Seen
from .rtp_pool import MappedPair, RtpPool


class LegMedia:
    """The media of one leg, from its first SDP to its last packet."""

    def __init__(
        self,
        engine: MediaEngine,
        pool: RtpPool | None,
        seen: Seen,
        rtp_ip: str,
        session_id: int,
        name: str,
        rtp_timeout: float,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Take ports: a mapped pair for a far peer when there is a pool, else any pair.

        Raises:
            NoFreePorts: the configured range is used up.
        """
        self._pool = pool
        self._spawn = spawn
        self._descriptions = OfferAnswer(session_id)
        self._mapped: MappedPair | None = pool.take() if pool is not None and seen.far else None
        pair: PortPair = self._mapped.pair if self._mapped else engine.reserve(rtp_ip)
        self.leg: MediaLeg = engine.open(pair, name=name, rtp_timeout=rtp_timeout)
        if self._mapped:
            ports = (self._mapped.external_rtp_port, self._mapped.external_rtcp_port)
        else:
            ports = (pair.rtp_port, pair.rtcp_port)
        self.advertised = MediaAddress(seen.media, *ports)
        self.negotiated: Negotiated | None = None
        self._closed = False

    def offer(self, codecs: Sequence[Codec]) -> bytes:
        """Our offer; the peer's answer goes to ``accept``."""
        return self._descriptions.offer(self.advertised, codecs)

    def accept(self, answer: bytes) -> None:
        """The answer to our offer: audio flows from here on.

        Raises:
            MalformedSdp, NoCommonCodec: the answer does not fit the offer.
        """
        self._agree(self._descriptions.read_answer(SessionDescription.parse(answer)))

    def answer(self, offer: bytes, codecs: Sequence[Codec]) -> bytes:
        """Answer the peer's offer: audio flows from here on.

        Raises:
            MalformedSdp: the body is not SDP.
            NoCommonCodec: nothing in it that we speak.
        """
        return self._agree(
            self._descriptions.answer(SessionDescription.parse(offer), self.advertised, codecs)
        )

    def _agree(self, negotiated: Negotiated) -> bytes:
        self.negotiated = negotiated
        self.leg.connect(negotiated)
        return negotiated.sdp

    @property
    def codec(self) -> Codec | None:
        return self.negotiated.codec if self.negotiated else None

    def report(self) -> LegReport:
        return self.leg.report()

    def close(self) -> LegReport:
        """Let go of sockets and mappings; safe to call twice."""
        report = self.leg.close()
        if self._mapped and self._pool and not self._closed:
            self._spawn(self._pool.give_back(self._mapped))
        self._closed = True
        return report
