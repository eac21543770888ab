"""One leg's media: which ports it takes, what its SDP says, when it lets go.

Lives here: the order of offer and answer for one leg. Never here: SIP messages, the other leg's state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ..media import (
    Codec,
    LegReport,
    MediaAddress,
    MediaEngine,
    MediaLeg,
    Negotiated,
    PortPair,
    SessionDescription,
    make_answer,
    make_offer,
    read_answer,
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
        spawn: Callable[[Awaitable[None]], object],
    ) -> None:
        """Take ports: a mapped pair for a far peer when there is a pool, else any pair.

        Raises:
            NoFreePorts: the configured range is used up.
        """
        self._pool = pool
        self._spawn = spawn
        self._session_id = session_id
        self._version = 0
        self._mapped: MappedPair | None = pool.take() if pool is not None and seen.far else None
        pair: PortPair = self._mapped.pair if self._mapped else engine.reserve(rtp_ip)
        self.leg: MediaLeg = engine.open(pair, name=name)
        if self._mapped:
            ports = (self._mapped.external_rtp_port, self._mapped.external_rtcp_port)
        else:
            ports = (pair.rtp_port, pair.rtcp_port)
        self.advertised = MediaAddress(seen.media, *ports)
        self.negotiated: Negotiated | None = None
        self._offer = b""
        self._closed = False

    def offer(self, codecs: Sequence[Codec]) -> bytes:
        """Our offer; the peer's answer goes to ``accept``."""
        self._version += 1
        self._offer = make_offer(self.advertised, codecs, self._session_id, self._version)
        return self._offer

    def accept(self, answer: bytes) -> Negotiated:
        """The answer to our offer: audio flows from here on.

        Raises:
            MalformedSdp, NoCommonCodec: the answer does not fit the offer.
        """
        self.negotiated = read_answer(self._offer, SessionDescription.parse(answer))
        self.leg.connect(self.negotiated)
        return self.negotiated

    def answer(self, offer: bytes, codecs: Sequence[Codec]) -> Negotiated:
        """Answer the peer's offer: audio flows from here on.

        Raises:
            MalformedSdp: the body is not SDP.
            NoCommonCodec: nothing in it that we speak.
        """
        self._version += 1
        self.negotiated = make_answer(
            SessionDescription.parse(offer), self.advertised, codecs, self._session_id, self._version
        )
        self.leg.connect(self.negotiated)
        return self.negotiated

    def check(self, offer: bytes, codecs: Sequence[Codec]) -> None:
        """Whether ``answer`` could answer this offer; raises as it would, and changes nothing."""
        make_answer(SessionDescription.parse(offer), self.advertised, codecs, self._session_id, 1)

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
