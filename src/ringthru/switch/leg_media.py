"""One leg's media: which ports it takes, what its SDP says, when it lets go.

Lives here: the order of offer and answer for one leg. Never here: SIP messages, the other leg's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
from .rtp_pool import MappedPair


class LegMedia:
    """The media of one leg, from its first SDP to its last packet."""

    def __init__(
        self,
        engine: MediaEngine,
        ports: MappedPair | PortPair,
        host: str,
        *,
        session_id: int,
        name: str,
        rtp_timeout: float,
        telephone_event: int,
        may_speak_first: Callable[[str], bool] = lambda host: True,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """``host`` is the address the peer shall send to; a mapped pair says which ports go with it.

        ``may_speak_first`` judges the address of the peer's SDP: a stranger's word alone must not aim our
        packets into the LAN.
        """
        self._may_speak_first = may_speak_first
        self._on_close = on_close
        self._descriptions = OfferAnswer(session_id, telephone_event)
        if isinstance(ports, MappedPair):
            pair = ports.pair
            self.advertised = MediaAddress(host, ports.external_rtp_port, ports.external_rtcp_port)
        else:
            pair = ports
            self.advertised = MediaAddress(host, pair.rtp_port, pair.rtcp_port)
        self.leg: MediaLeg = engine.open(pair, name=name, rtp_timeout=rtp_timeout)
        self.negotiated: Negotiated | None = None
        self.awaits_answer = False  # an offer of ours is out
        self._closed = False

    def offer(self, codecs: Sequence[Codec]) -> bytes:
        """Our offer; the peer's answer goes to ``accept``."""
        self.awaits_answer = True
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
        self.awaits_answer = False
        self.negotiated = negotiated
        self.leg.connect(negotiated, speak_first=self._may_speak_first(negotiated.remote_rtp.host))
        return negotiated.sdp

    @property
    def codec(self) -> Codec | None:
        return self.negotiated.codec if self.negotiated else None

    def report(self) -> LegReport:
        return self.leg.report()

    def close(self) -> LegReport:
        """Let go of sockets and mappings; safe to call twice."""
        report = self.leg.close()
        if not self._closed:
            self._closed = True
            self._on_close()
        return report
