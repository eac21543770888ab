"""Offer and answer (RFC 3264) for audio and telephone-event over RTP/AVP.

Lives here: what we offer, what we answer, and what both sides then agreed on.
Never here: sockets, ports (handed in), or the choice of the address that a peer is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from ringthru.net.address import Endpoint

from ...net.values import frozen, replace
from ..errors import MalformedSdp, NoCommonCodec
from ..rtp.ice import Ice
from ..rtp.latch import RTP_THRESHOLD
from .audio import (
    DEFAULT_PTIME,
    audio_of,
    choose_codec,
    common_direction,
    direction_of,
    endpoints_of,
    events_of,
    is_audio,
    ptime_of,
    wants_mux,
)
from .codecs import EVENT, PCMA, PCMU, Codec, free_number, numbered
from .describing import MUX, MediaAddress, audio_with, description_of, refused, with_ice
from .ice_sdp import LITE, IceAnswers
from .sdes import SrtpKeys
from .sdp import MediaDescription, SessionDescription
from .securing import PLAIN, Securing, keys_agreed, with_crypto

__all__ = [
    "PCMA",
    "PCMU",
    "Codec",
    "MediaAddress",
    "Negotiated",
    "make_answer",
    "make_offer",
    "read_answer",
]


@frozen
class Negotiated:
    """What one offer and its answer agreed on, seen from our side.

    ``codec.payload_type`` and ``telephone_event`` are what we *send* (the peer's numbers);
    ``heard_type`` and ``heard_event`` are what the peer sends us (ours). They differ only
    when an answer renumbers (RFC 3264 §5.1). ``ptime`` is in milliseconds. ``event_rate`` is the clock of
    the telephone events, in Hz, which is not the codec's with every phone.
    """

    sdp: bytes
    codec: Codec
    remote_rtp: Endpoint
    remote_rtcp: Endpoint
    telephone_event: int | None
    direction: str
    ptime: int
    heard_type: int
    heard_event: int | None
    peer_direction: str = "sendrecv"  # what the peer's description itself said
    mux: bool = False  # RTCP goes to and comes from the RTP port (RFC 5761)
    ice: Ice | None = None  # the peer checks ways to us, and nominates one (RFC 8445)
    event_rate: int = 8000
    srtp: SrtpKeys | None = None  # by which RTP and RTCP are protected, both ways
    learns: bool = True  # packets from elsewhere may move where we send (``media/rtp/latch.py``)
    learns_after: int = RTP_THRESHOLD  # so many of them, 1 to ``MOST_THRESHOLD``

    @property
    def sends(self) -> bool:
        """Whether we may send audio."""
        return self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether the peer may send audio."""
        return self.direction in ("sendrecv", "recvonly")

    @property
    def both_ways(self) -> bool:
        """Whether this is no hold: who holds a call may send music, and most phones send nothing."""
        return self.direction == "sendrecv"


def make_offer(
    here: MediaAddress,
    codecs: Sequence[Codec],
    session_id: int,
    version: int,
    telephone_event: int | None = 101,
    direction: str = "sendrecv",
    ptime: int = DEFAULT_PTIME,
    mux: bool = False,
    event_rates: Sequence[int] = (),
    securing: Securing | None = None,
) -> bytes:
    """The bytes of an offer with one audio stream; codecs in our order of preference.

    ``mux`` offers RTCP on the RTP port (RFC 5761 §5.1.1); the port of its own stays for who wants that.
    Telephone events are offered at 8000 Hz, and at the codecs' own rates beside; or at ``event_rates`` alone.
    With ``securing`` it is offered SRTP, where that is wanted.
    """
    description = offered_description(
        here, codecs, session_id, version, telephone_event, direction, ptime, mux, event_rates, securing
    )
    return description.encode()


def offered_description(
    here: MediaAddress,
    codecs: Sequence[Codec],
    session_id: int,
    version: int,
    telephone_event: int | None,
    direction: str,
    ptime: int,
    mux: bool,
    event_rates: Sequence[int] = (),
    securing: Securing | None = None,
) -> SessionDescription:
    """The same as a value; see ``make_offer``."""
    offered = numbered(codecs, telephone_event)
    events = _events_for(offered, telephone_event, event_rates)
    medium = audio_with(here, offered, events, direction, ptime)
    if mux:
        medium = replace(medium, attributes=(*medium.attributes, MUX))
    if securing is not None:
        medium = with_crypto(medium, *securing.offer(here))
    return description_of(here, session_id, version, [medium])


def _events_for(codecs: list[Codec], number: int | None, rates: Sequence[int]) -> list[Codec]:
    """An event's payload type for each clock rate, the first of them ``number``."""
    if number is None:
        return []
    rates = rates or sorted({8000, *(each.clock_rate for each in codecs)})
    used: set[int | None] = {number, *(each.payload_type for each in codecs)}
    events = [Codec(EVENT, number, rates[0])]
    for rate in rates[1:]:
        events.append(Codec(EVENT, free_number(used), rate))
        used.add(events[-1].payload_type)
    return events


def make_answer(
    offer: SessionDescription,
    here: MediaAddress,
    codecs: Sequence[Codec],
    session_id: int,
    version: int,
    direction: str = "sendrecv",
    with_keys: bool = True,
    answers: IceAnswers | None = None,
    first: Sequence[Codec] = (),
    securing: Securing | None = None,
) -> Negotiated:
    """Answer an offer (RFC 3264 §6): its first usable audio stream, every other one refused.

    Among the codecs that both have, the offerer's order decides; but the first of ``first`` that is offered
    goes before all of them. ``direction`` is what we
    would like; the answer is what remains of it. Without ``with_keys`` an offered telephone-event
    is left out (RFC 4733 §7.1.1: then keys go another way). RTCP is multiplexed where that is offered.
    With ``answers`` an offer of ICE is answered as the lite side (RFC 8839 §4.3); with ``securing`` one of
    SRTP by a key of ours (RFC 4568 §7.1.2).

    Raises:
        NoCommonCodec: no audio with a codec of ours, or no SRTP where one of us insists on it.
        MalformedSdp: the chosen stream has no usable address.
    """
    securing = securing or Securing(PLAIN, bytes)
    index, crypto = securing.choose(offer, (*first, *codecs))
    theirs = offer.media[index]
    codec = choose_codec(theirs, codecs, first)
    events = events_of(theirs, codec.clock_rate)[:1] if with_keys else ()
    event, event_rate = (events[0].payload_type, events[0].clock_rate) if events else (None, 8000)
    asked = direction_of(offer, theirs)
    ours = common_direction(direction, asked)
    ptime = ptime_of(theirs)
    mux = wants_mux(theirs)
    medium = audio_with(here, [_as_ours(codec, (*first, *codecs))], events, ours, ptime, mux)
    ice = answers.to(offer, theirs) if answers else None
    if ice is not None:
        medium = with_ice(medium, ice, here, mux)
    mine = securing.answer(crypto, theirs, here)
    medium = with_crypto(medium, theirs.protocol, [mine] if mine else [])
    media = [medium if number == index else refused(each) for number, each in enumerate(offer.media)]
    srtp = SrtpKeys(mine.suite.name, mine.key, crypto.key, crypto.mki) if mine and crypto else None
    sdp = description_of(here, session_id, version, media, () if ice is None else (LITE,)).encode()
    rtp, rtcp = endpoints_of(offer, theirs)
    remote = (rtp, rtp) if mux else (rtp, rtcp)
    number = codec.payload_type
    return Negotiated(
        sdp, codec, *remote, event, ours, ptime, number, event, asked, mux, ice, event_rate, srtp
    )


def _as_ours(codec: Codec, ours: Sequence[Codec]) -> Codec:
    """A codec of the offer with the parameters that we write of it; its number stays the offerer's."""
    parameters = next((each.parameters for each in ours if each.kind == codec.kind), codec.parameters)
    return codec if parameters == codec.parameters else replace(codec, parameters=parameters)


def read_answer(offer: bytes | SessionDescription, answer: SessionDescription) -> Negotiated:
    """What an answer makes of our offer (RFC 3264 §7).

    Raises:
        NoCommonCodec: the peer refused the stream, or answered with what we did not offer, or without keys
            where we insist on SRTP.
        MalformedSdp: it answers to fewer streams than we offered, or has no usable address.
    """
    sdp, asked = (
        (offer, SessionDescription.parse(offer)) if isinstance(offer, bytes) else (offer.encode(), offer)
    )
    return agreed_by(sdp, asked, answer)


def agreed_by(sdp: bytes, asked: SessionDescription, answer: SessionDescription) -> Negotiated:
    """See ``read_answer``; ``asked`` is what ``sdp``, our offer, says."""
    if len(answer.media) < len(asked.media):
        raise MalformedSdp(f"{len(answer.media)} media answer {len(asked.media)}")
    ours, theirs = asked.media[0], answer.media[0]
    if not is_audio(theirs):
        raise NoCommonCodec("the answer refuses our audio")
    offered = audio_of(ours)
    codec = choose_codec(theirs, offered)
    heard = next(each for each in offered if each.kind == codec.kind).payload_type
    wanted = direction_of(asked, ours)
    said = direction_of(answer, theirs)
    direction = common_direction(wanted, said)
    sent_event, heard_event, event_rate = _common_event(ours, theirs, codec.clock_rate)
    rtp, rtcp = endpoints_of(answer, theirs)
    mux = wants_mux(ours) and wants_mux(theirs)
    remote = (rtp, rtp) if mux else (rtp, rtcp)
    return Negotiated(
        *(sdp, codec, *remote, sent_event, direction, ptime_of(theirs), heard, heard_event, said, mux),
        event_rate=event_rate,
        srtp=keys_agreed(ours, theirs),
    )


def _common_event(
    ours: MediaDescription, theirs: MediaDescription, clock_rate: int
) -> tuple[int | None, int | None, int]:
    """The peer's number of telephone events, ours, and their rate, where both have them."""
    offered = {each.clock_rate: each.payload_type for each in events_of(ours, clock_rate)}
    for each in events_of(theirs, clock_rate):
        if each.clock_rate in offered:
            return each.payload_type, offered[each.clock_rate], each.clock_rate
    return None, None, 8000


def offered_audio(offer: SessionDescription) -> list[Codec]:
    """Every codec of the audio that we could take, known here or not, in the offerer's order."""
    return [codec for medium in offer.media if is_audio(medium) for codec in audio_of(medium)]


def ptime_offered(offer: SessionDescription) -> int:
    """The milliseconds of a packet that the offerer would like."""
    return next((ptime_of(medium) for medium in offer.media if is_audio(medium)), DEFAULT_PTIME)
