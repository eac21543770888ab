"""One leg's media: which ports it takes, what its SDP says, when it lets go.

Lives here: the order of offer and answer for one leg. Never here: SIP messages, the other leg's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from secrets import token_bytes, token_hex

from ...media import (
    DEFAULT_PTIME,
    OPTIONAL,
    PLAIN,
    RTP_THRESHOLD,
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
    SecureMedia,
    Securing,
    SessionDescription,
)
from ...net.values import replace
from ..addresses.rtp_pool import MappedPair
from ..addresses.stun_pairs import SeenPair

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
        hold_timeout: float,
        telephone_event: int | None,
        mux: bool = False,
        may_speak_first: Callable[[str], bool] = lambda host: True,
        learns_after: Callable[[], int] = lambda: RTP_THRESHOLD,
        on_close: Callable[[], None] = lambda: None,
        secure: SecureMedia = PLAIN,
        unmapped: str = "",
        on_agreed: Callable[[Negotiated], None] = lambda negotiated: None,
    ) -> None:
        """``host`` is the address the peer shall send to; a mapped or seen pair says which ports go with it.

        ``may_speak_first`` judges the address of the peer's SDP: a stranger's word alone must not aim our
        packets into the LAN, or at somebody else. ``learns_after``: how many packets from elsewhere make our
        audio follow the peer there; 0: none. ``secure`` is what is wanted of SRTP; ``unmapped`` says why no
        port was opened on a gateway, where one was wanted; ``on_agreed`` is told of each agreement.

        Raises:
            EngineFull: the engine takes no more legs; the ports are given back.
        """
        self._may_speak_first = may_speak_first
        self._learns_after = learns_after
        self._on_close = on_close
        # A node hears nothing of ICE, so nothing of it may be promised for its ports.
        ice = None if isinstance(ports, PlacedPorts) else IceAnswers(token_hex)
        self._secure = secure
        self._on_agreed = on_agreed
        securing = Securing(secure, token_bytes)
        self._descriptions = OfferAnswer(session_id, telephone_event, mux, ice, securing)
        self._ports = ports
        self._pair = ports.pair if isinstance(ports, MappedPair | SeenPair) else ports
        self.advertised = self._address(host)
        try:
            self.leg: Leg = engine.open(
                self._pair, name=name, rtp_timeout=rtp_timeout, hold_timeout=hold_timeout
            )
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
        self.final: LegReport | None = None  # what was counted by the end
        self._unmapped = unmapped
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

    @property
    def is_elsewhere(self) -> bool:
        """Whether a media node has it, which tells what it counted only now and then."""
        return isinstance(self._ports, PlacedPorts)

    @property
    def is_mapped(self) -> bool:
        """Whether the gateway leads the peer's audio here."""
        return isinstance(self._ports, MappedPair) and (self._ports.mapped or self._ports.half)

    @property
    def unmapped(self) -> str:
        """Why the gateway does not, though it was asked to; empty where it does, or was not asked."""
        if isinstance(self._ports, MappedPair) and not self.is_mapped:
            return self._ports.rtp.reason or self._ports.rtcp.reason or "it had not answered yet"
        return self._unmapped

    @property
    def bound(self) -> str:
        """The address of ours that its sockets are bound to."""
        return self._pair.host

    def move_to(self, host: str) -> bool:
        """Advertise another address, or other ports that the gateway granted; whether anything changed.

        The peer learns of it by the next offer or answer.
        """
        now = self._address(host)
        moved, self.advertised = now != self.advertised, now
        return moved

    def offer(self, codecs: Sequence[Codec], direction: str = BOTH_WAYS, ptime: int = 0) -> bytes:
        """Our offer; the peer's answer goes to ``accept``. ``ptime`` in milliseconds; 0: the usual.

        What it takes back from a hold is heard from now on: the peer's audio may overtake its answer
        (RFC 3264 §8: the offerer must be prepared to receive by the old offer and by the new one).
        """
        self.awaits_answer = True
        self.offered = direction
        self._answered_with = b""
        agreed = self.negotiated
        if agreed is not None and not agreed.receives and direction in (BOTH_WAYS, "recvonly"):
            self._connect(replace(agreed, direction=BOTH_WAYS if agreed.sends else "recvonly"))
        here = self.aside or self.advertised
        return self._descriptions.offer(here, codecs, direction, ptime or DEFAULT_PTIME)

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

    def not_taken(self) -> None:
        """Our new offer was refused: what was agreed on before goes on (RFC 3261 §14.1)."""
        self.awaits_answer = False
        if self.negotiated is not None and not self.negotiated.receives:
            self._connect(self.negotiated)

    def answer(
        self,
        offer: bytes | SessionDescription,
        codecs: Sequence[Codec],
        direction: str = BOTH_WAYS,
        first: Sequence[Codec] = (),
    ) -> bytes:
        """Answer the peer's offer: audio flows from here on. ``direction`` is the most that we grant.

        The first of ``first`` that is offered is taken, else the first that is offered of ``codecs``.

        Raises:
            MalformedSdp: the body is not SDP.
            NoCommonCodec: nothing in it that we speak.
        """
        if isinstance(offer, bytes):
            offer = SessionDescription.parse(offer)
        here = self.aside or self.advertised
        negotiated = self._descriptions.answer(offer, here, codecs, direction, first)
        self.wish = negotiated.peer_direction
        self.offered = direction
        return self._agree(negotiated)

    def _agree(self, negotiated: Negotiated) -> bytes:
        self.awaits_answer = False
        packets = self._learns_after()
        if packets != negotiated.learns_after:
            negotiated = replace(negotiated, learns=packets > 0, learns_after=packets or RTP_THRESHOLD)
        self.negotiated = negotiated
        self.direct = False
        self._connect(negotiated)
        self._on_agreed(negotiated)
        return negotiated.sdp

    def _connect(self, negotiated: Negotiated) -> None:
        speak_first = self.aside is None and self._may_speak_first(negotiated.remote_rtp.host)
        self.leg.connect(negotiated, speak_first=speak_first)

    @property
    def codec(self) -> Codec | None:
        return self.negotiated.codec if self.negotiated else None

    @property
    def held(self) -> bool:
        """Whether the peer holds the call: it wants to hear nothing."""
        return self.wish in ("sendonly", "inactive")

    @property
    def offered_optional(self) -> bool:
        """Whether our offer said that RTP may be protected, and not that it must be."""
        return self._secure.mode == OPTIONAL and self._secure.offers and bool(self._secure.suites)

    def report(self) -> LegReport:
        return self.leg.report()

    def close(self) -> LegReport:
        """Let go of sockets and mappings; safe to call twice."""
        report = self.final = self.leg.close()
        if not self._closed:
            self._closed = True
            if self.negotiated is not None and self.negotiated.srtp is not None:  # no key outlives its call
                self.negotiated = replace(self.negotiated, srtp=None, sdp=b"")
            self._descriptions.forget()
            self._answered_with = b""
            unsubscribe, self._unsubscribe = self._unsubscribe, _nothing
            unsubscribe()
            self._on_agreed = lambda negotiated: None  # whoever is told has us: no circle for the collector
            self._on_close()
        return report


def _nothing() -> None:
    """In place of what was done already."""
