"""One leg's media: which ports it takes, what its SDP says, when it lets go.

Lives here: the order of offer and answer for one leg. Never here: SIP messages, the other leg's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from secrets import token_hex

from ..media import (
    Codec,
    Engine,
    IceAnswers,
    Leg,
    LegReport,
    LocalError,
    MediaAddress,
    MediaEvent,
    Negotiated,
    OfferAnswer,
    PlacedPorts,
    Ports,
    SessionDescription,
)
from .rtp_pool import MappedPair
from .stun_pairs import SeenPair

BOTH_WAYS = "sendrecv"


class LegMedia:
    """The media of one leg, from its first SDP to its last packet.

    ``wish`` is the direction that the peer asked for of its own accord, seen from the peer: ``sendonly`` or
    ``inactive`` is a hold. An answer that only follows our offer is no wish.
    """

    def __init__(
        self,
        engine: Engine,
        ports: MappedPair | SeenPair | Ports,
        host: str,
        *,
        session_id: int,
        name: str,
        rtp_timeout: float,
        telephone_event: int | None,
        mux: bool = False,
        may_speak_first: Callable[[str], bool] = lambda host: True,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """``host`` is the address the peer shall send to; a mapped or seen pair says which ports go with it.

        ``may_speak_first`` judges the address of the peer's SDP: a stranger's word alone must not aim our
        packets into the LAN.

        Raises:
            EngineFull: the engine takes no more legs; the ports are given back.
        """
        self._may_speak_first = may_speak_first
        self._on_close = on_close
        # A node hears nothing of ICE, so nothing of it may be promised for its ports.
        ice = None if isinstance(ports, PlacedPorts) else IceAnswers(token_hex)
        self._descriptions = OfferAnswer(session_id, telephone_event, mux, ice)
        self._ports = ports
        self._pair = ports.pair if isinstance(ports, MappedPair | SeenPair) else ports
        self.advertised = self._address(host)
        try:
            self.leg: Leg = engine.open(self._pair, name=name, rtp_timeout=rtp_timeout)
        except LocalError:
            engine.release(self._pair)
            on_close()
            raise
        self.aside: MediaAddress | None = None  # the other phone, while the audio goes past us (``bypass``)
        self.direct = False  # heard from where its SDP says
        self.negotiated: Negotiated | None = None
        self.awaits_answer = False  # an offer of ours is out
        self.wish = BOTH_WAYS
        self.offered = BOTH_WAYS  # by us, last
        self._answered_with = b""
        self._closed = False
        self._unsubscribe: Callable[[], None] = _nothing

    def subscribe(self, callback: Callable[[MediaEvent], None]) -> None:
        """Call ``callback`` with each event of the leg, until ``close``: then they let go of each other."""
        self._unsubscribe = self.leg.subscribe(callback)

    def _address(self, host: str) -> MediaAddress:
        ports = self._ports
        if isinstance(ports, MappedPair | SeenPair):
            return MediaAddress(host, ports.external_rtp_port, ports.external_rtcp_port)
        if isinstance(ports, PlacedPorts):  # on another machine, whose own address its node names
            return ports.outer
        return MediaAddress(host, ports.rtp_port, ports.rtcp_port)

    def move_to(self, host: str) -> bool:
        """Advertise another address, or other ports that the gateway granted; whether anything changed.

        The peer learns of it by the next offer or answer.
        """
        now = self._address(host)
        moved, self.advertised = now != self.advertised, now
        return moved

    def offer(self, codecs: Sequence[Codec], direction: str = BOTH_WAYS) -> bytes:
        """Our offer; the peer's answer goes to ``accept``."""
        self.awaits_answer = True
        self.offered = direction
        self._answered_with = b""
        return self._descriptions.offer(self.aside or self.advertised, codecs, direction)

    def accept(self, answer: bytes) -> None:
        """The answer to our offer: audio flows from here on.

        The same answer again (in a 183, then in the 200) changes nothing, and takes nothing back that an
        UPDATE brought between the two; another one does, for a fork may have been answered by somebody else
        than rang first.

        Raises:
            MalformedSdp, NoCommonCodec: the answer does not fit the offer.
        """
        if self.negotiated is not None and answer == self._answered_with:
            self.awaits_answer = False
            return
        negotiated = self._descriptions.read_answer(SessionDescription.parse(answer))
        self._answered_with = answer
        if self.offered == BOTH_WAYS:
            self.wish = negotiated.peer_direction
        self._agree(negotiated)

    def answer(
        self, offer: bytes | SessionDescription, codecs: Sequence[Codec], direction: str = BOTH_WAYS
    ) -> bytes:
        """Answer the peer's offer: audio flows from here on. ``direction`` is the most that we grant.

        Raises:
            MalformedSdp: the body is not SDP.
            NoCommonCodec: nothing in it that we speak.
        """
        if isinstance(offer, bytes):
            offer = SessionDescription.parse(offer)
        negotiated = self._descriptions.answer(offer, self.aside or self.advertised, codecs, direction)
        self.wish = negotiated.peer_direction
        self.offered = direction
        return self._agree(negotiated)

    def _agree(self, negotiated: Negotiated) -> bytes:
        self.awaits_answer = False
        self.negotiated = negotiated
        self.direct = False
        speak_first = self.aside is None and self._may_speak_first(negotiated.remote_rtp.host)
        self.leg.connect(negotiated, speak_first=speak_first)
        return negotiated.sdp

    @property
    def codec(self) -> Codec | None:
        return self.negotiated.codec if self.negotiated else None

    @property
    def held(self) -> bool:
        """Whether the peer holds the call: it wants to hear nothing."""
        return self.wish in ("sendonly", "inactive")

    def report(self) -> LegReport:
        return self.leg.report()

    def close(self) -> LegReport:
        """Let go of sockets and mappings; safe to call twice."""
        report = self.leg.close()
        if not self._closed:
            self._closed = True
            unsubscribe, self._unsubscribe = self._unsubscribe, _nothing
            unsubscribe()
            self._on_close()
        return report


def _nothing() -> None:
    """In place of what was done already."""
