"""Offer and answer (RFC 3264) for G.711 and telephone-event over RTP/AVP.

Lives here: what we offer, what we answer, and what both sides then agreed on.
Never here: sockets, ports (handed in), or the choice of the address that a peer is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ringthru.net.address import Endpoint, parse_address

from .errors import MalformedSdp, NoCommonCodec
from .sdp import Attribute, MediaDescription, Origin, SessionDescription

NAME: Final = "Ringthru"  # in o= and s=
PROFILE: Final = "RTP/AVP"
EVENTS: Final = "0-16"  # the sixteen keys and flash, as FreeSWITCH offers them (RFC 4733 §2.4.1)
DEFAULT_PTIME: Final = 20  # milliseconds (RFC 3551 §4.2)
LONGEST_PTIME: Final = 200  # milliseconds; RFC 3551 §4.2 asks receivers to take as much
DIRECTIONS: Final = ("sendrecv", "sendonly", "recvonly", "inactive")


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec by its ``rtpmap`` name, payload type (0–127) and clock rate in Hz."""

    name: str
    payload_type: int
    clock_rate: int = 8000

    @property
    def rtpmap(self) -> str:
        return f"{self.payload_type} {self.name}/{self.clock_rate}"


PCMU: Final = Codec("PCMU", 0)
PCMA: Final = Codec("PCMA", 8)
STATIC: Final = {"0": ("PCMU", 8000), "8": ("PCMA", 8000)}  # RFC 3551 §6; no rtpmap needed


@dataclass(frozen=True, slots=True)
class MediaAddress:
    """Where a peer shall send: our host and ports as *that peer* sees them."""

    host: str
    rtp_port: int
    rtcp_port: int


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What one offer and its answer agreed on, seen from our side.

    ``codec.payload_type`` and ``telephone_event`` are what we *send* (the peer's numbers);
    ``heard_type`` and ``heard_event`` are what the peer sends us (ours). They differ only
    when an answer renumbers (RFC 3264 §5.1). ``ptime`` is in milliseconds.
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

    @property
    def sends(self) -> bool:
        """Whether we may send audio."""
        return self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether the peer may send audio."""
        return self.direction in ("sendrecv", "recvonly")


def make_offer(
    here: MediaAddress,
    codecs: Sequence[Codec],
    session_id: int,
    version: int,
    telephone_event: int | None = 101,
    direction: str = "sendrecv",
    ptime: int = DEFAULT_PTIME,
) -> bytes:
    """The bytes of an offer with one audio stream; codecs in our order of preference."""
    medium = _audio(here, list(codecs), telephone_event, direction, ptime)
    return _description(here, session_id, version, [medium])


def make_answer(
    offer: SessionDescription,
    here: MediaAddress,
    codecs: Sequence[Codec],
    session_id: int,
    version: int,
    direction: str = "sendrecv",
) -> Negotiated:
    """Answer an offer (RFC 3264 §6): its first usable audio stream, every other one refused.

    Among the codecs that both have, the offerer's order decides. ``direction`` is what we
    would like; the answer is what remains of it.

    Raises:
        NoCommonCodec: no audio over plain RTP/AVP with a codec of ours.
        MalformedSdp: the chosen stream has no usable address.
    """
    index = _usable(offer, codecs)
    theirs = offer.media[index]
    codec = _choose(theirs, codecs)
    event = _event_type(theirs, codec.clock_rate)
    ours = _common_direction(direction, _offered_direction(offer, theirs))
    ptime = _ptime(theirs)
    media = [_refused(medium) for medium in offer.media]
    media[index] = _audio(here, [codec], event, ours, ptime)
    sdp = _description(here, session_id, version, media)
    remote = _endpoints(offer, theirs)
    return Negotiated(sdp, codec, *remote, event, ours, ptime, codec.payload_type, event)


def read_answer(offer: bytes | SessionDescription, answer: SessionDescription) -> Negotiated:
    """What an answer makes of our offer (RFC 3264 §7).

    Raises:
        NoCommonCodec: the peer refused the stream, or answered with what we did not offer.
        MalformedSdp: it answers to fewer streams than we offered, or has no usable address.
    """
    sdp = offer if isinstance(offer, bytes) else offer.encode()
    asked = SessionDescription.parse(sdp)
    if len(answer.media) < len(asked.media):
        raise MalformedSdp(f"{len(answer.media)} media answer {len(asked.media)}")
    ours, theirs = asked.media[0], answer.media[0]
    if not _plain_audio(theirs):
        raise NoCommonCodec("the answer refuses our audio")
    offered = [Codec(name, int(number), rate) for number, (name, rate) in _formats(ours).items()]
    codec = _choose(theirs, [each for each in offered if each.name != "TELEPHONE-EVENT"])
    heard = next(each for each in offered if each.name == codec.name).payload_type
    wanted = _offered_direction(asked, ours)
    direction = _common_direction(wanted, _offered_direction(answer, theirs))
    events = (_event_type(theirs, codec.clock_rate), _event_type(ours, codec.clock_rate))
    sent_event, heard_event = events if None not in events else (None, None)
    remote = _endpoints(answer, theirs)
    ptime = _ptime(theirs)
    return Negotiated(sdp, codec, *remote, sent_event, direction, ptime, heard, heard_event)


class OfferAnswer:
    """Our side's descriptions in one dialog: one session id, a version for every change.

    RFC 3264 §8: the version grows by one with each new description that differs from the
    last, and stays when nothing changed.
    """

    def __init__(self, session_id: int, codecs: Sequence[Codec] = (PCMU, PCMA)) -> None:
        self._session_id = session_id
        self._version = session_id
        self._codecs = tuple(codecs)
        self._last: bytes | None = None
        self._offer: bytes | None = None

    def offer(self, here: MediaAddress, direction: str = "sendrecv") -> bytes:
        """A new offer of all our codecs."""

        def make(version: int) -> bytes:
            return make_offer(here, self._codecs, self._session_id, version, direction=direction)

        self._offer = self._bump(make(self._version), make(self._version + 1))
        return self._offer

    def answer(
        self, offer: SessionDescription, here: MediaAddress, direction: str = "sendrecv"
    ) -> Negotiated:
        """Answer the peer's offer; raises as ``make_answer`` does."""

        def make(version: int) -> Negotiated:
            return make_answer(offer, here, self._codecs, self._session_id, version, direction)

        negotiated = make(self._version)
        sdp = self._bump(negotiated.sdp, make(self._version + 1).sdp)
        return replace(negotiated, sdp=sdp)

    def read_answer(self, answer: SessionDescription) -> Negotiated:
        """Read the answer to our last offer; raises as the function ``read_answer`` does."""
        if self._offer is None:
            raise MalformedSdp("an answer to no offer")
        return read_answer(self._offer, answer)

    def _bump(self, same: bytes, bumped: bytes) -> bytes:
        if self._last is not None and same != self._last:
            self._version += 1
            same = bumped
        self._last = same
        return same


def _description(here: MediaAddress, session_id: int, version: int, media: list[MediaDescription]) -> bytes:
    origin = Origin(NAME, str(session_id), str(version), here.host)
    return SessionDescription(origin, here.host, tuple(media), name=NAME).encode()


def _audio(
    here: MediaAddress, codecs: list[Codec], event: int | None, direction: str, ptime: int
) -> MediaDescription:
    attributes: list[Attribute] = [("rtpmap", codec.rtpmap) for codec in codecs]
    formats = [str(codec.payload_type) for codec in codecs]
    if event is not None:
        formats.append(str(event))
        attributes += [("rtpmap", f"{event} telephone-event/8000"), ("fmtp", f"{event} {EVENTS}")]
    attributes += [("ptime", str(ptime)), (direction, None)]
    if here.rtcp_port != here.rtp_port + 1:
        attributes.append(("rtcp", str(here.rtcp_port)))  # RFC 3605
    return MediaDescription("audio", here.rtp_port, PROFILE, tuple(formats), None, tuple(attributes))


def _refused(medium: MediaDescription) -> MediaDescription:
    """The same stream with port 0 (RFC 3264 §6); its formats stay, because none may be missing."""
    return MediaDescription(medium.kind, 0, medium.protocol, medium.formats)


def _plain_audio(medium: MediaDescription) -> bool:
    return medium.kind == "audio" and medium.port != 0 and medium.protocol.upper() == PROFILE


def _usable(offer: SessionDescription, codecs: Sequence[Codec]) -> int:
    audio = [medium for medium in offer.media if medium.kind == "audio" and medium.port != 0]
    if not audio:
        raise NoCommonCodec("the offer has no audio")
    if not any(_plain_audio(medium) for medium in audio):
        raise NoCommonCodec(f"audio is offered over {audio[0].protocol[:30]!r} only")
    for index, medium in enumerate(offer.media):
        if _plain_audio(medium) and _shared(medium, codecs):
            return index
    names = " ".join(sorted({name for m in audio for name, _ in _formats(m).values()}))
    raise NoCommonCodec(f"none of the offered codecs is known here: {names[:120] or 'none named'}")


def _formats(medium: MediaDescription) -> dict[str, tuple[str, int]]:
    """Payload type → (upper-case name, clock rate), in the order of the ``m=`` line."""
    mapped: dict[str, tuple[str, int]] = {}
    for value in medium.values("rtpmap"):
        number, _, encoding = value.partition(" ")
        name, _, rest = encoding.strip().partition("/")
        rate, _, channels = rest.partition("/")
        if rate.isascii() and rate.isdigit() and len(rate) < 7 and channels in ("", "1"):
            mapped[number] = (name.upper(), int(rate))
    known = {**STATIC, **mapped}
    types = [each for each in medium.formats if each.isascii() and each.isdigit() and len(each) <= 3]
    return {number: known[number] for number in types if number in known and int(number) < 128}


def _shared(medium: MediaDescription, codecs: Sequence[Codec]) -> list[Codec]:
    """What both have, in the peer's order and with the peer's numbers."""
    ours = {(codec.name, codec.clock_rate) for codec in codecs}
    return [
        Codec(n, int(number), rate) for number, (n, rate) in _formats(medium).items() if (n, rate) in ours
    ]


def _choose(medium: MediaDescription, codecs: Sequence[Codec]) -> Codec:
    shared = _shared(medium, codecs)
    if not shared:
        raise NoCommonCodec("none of the codecs in the description is known here")
    return shared[0]


def _event_type(medium: MediaDescription, clock_rate: int) -> int | None:
    wanted = ("TELEPHONE-EVENT", clock_rate)
    return next((int(number) for number, found in _formats(medium).items() if found == wanted), None)


def _offered_direction(description: SessionDescription, medium: MediaDescription) -> str:
    """The peer's direction (RFC 3264 §5.1, §8.4): a host of 0.0.0.0 is the old way to say hold."""
    names = [name for name, _ in medium.attributes] + [name for name, _ in description.attributes]
    direction = next((name for name in names if name in DIRECTIONS), "sendrecv")
    if description.host_of(medium) in ("0.0.0.0", "::"):
        return _common_direction(direction, "recvonly")  # they cannot be sent anything
    return direction


def _common_direction(ours: str, theirs: str) -> str:
    """What remains of our wish beside the peer's direction (RFC 3264 §6.1)."""
    send = ours in ("sendrecv", "sendonly") and theirs in ("sendrecv", "recvonly")
    receive = ours in ("sendrecv", "recvonly") and theirs in ("sendrecv", "sendonly")
    return DIRECTIONS[(not receive) + 2 * (not send)]


def _ptime(medium: MediaDescription) -> int:
    text = medium.attribute("ptime") or ""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else DEFAULT_PTIME
    return value if 10 <= value <= LONGEST_PTIME else DEFAULT_PTIME


def _endpoints(description: SessionDescription, medium: MediaDescription) -> tuple[Endpoint, Endpoint]:
    """Where to send RTP and RTCP; ``a=rtcp`` may name another port and host (RFC 3605)."""
    host = _usable_host(description.host_of(medium))
    rtcp = Endpoint(host, min(medium.port + 1, 65535))
    words = (medium.attribute("rtcp") or "").split()
    if words and words[0].isascii() and words[0].isdigit() and 0 < int(words[0][:6]) < 65536:
        other = _usable_host(words[3]) if len(words) >= 4 else host
        rtcp = Endpoint(other, int(words[0]))
    return Endpoint(host, medium.port), rtcp


def _usable_host(host: str | None) -> str:
    address = parse_address(host or "")
    if address is None:
        raise MalformedSdp(f"no address to send media to: {(host or 'no c= line')[:60]!r}")
    if address.is_multicast:
        raise MalformedSdp(f"media to the group {address}")
    return str(address)
