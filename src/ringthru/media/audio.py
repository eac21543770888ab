"""What the audio streams of a description say: codecs, direction, timing, addresses.

Lives here: the reading of one ``m=`` section with its session (RFC 8866, 3264, 3605, 3551).
Never here: what we answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from ringthru.net.address import Endpoint, parse_address

from ..net.values import frozen
from .errors import MalformedSdp, NoCommonCodec
from .sdp import Attribute, MediaDescription, SessionDescription

PROFILE: Final = "RTP/AVP"
SECURE_PROFILE: Final = "RTP/SAVP"  # RFC 3711 §12
DEFAULT_PTIME: Final = 20  # milliseconds (RFC 3551 §4.2)
LONGEST_PTIME: Final = 200  # milliseconds; RFC 3551 §4.2 asks receivers to take as much
FORMATS_KEPT: Final = 32  # an offer asks four times, and all phones of a kind say the same
DIRECTIONS: Final = ("sendrecv", "sendonly", "recvonly", "inactive")


@frozen
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


def is_plain_audio(medium: MediaDescription) -> bool:
    """Audio that is wanted (port not 0) over RTP/AVP: no SRTP, no feedback profile."""
    return medium.kind == "audio" and medium.port != 0 and medium.protocol.upper() == PROFILE


def is_audio(medium: MediaDescription) -> bool:
    """Audio that is wanted over RTP/AVP or RTP/SAVP."""
    profiles = (PROFILE, SECURE_PROFILE)
    return medium.kind == "audio" and medium.port != 0 and medium.protocol.upper() in profiles


def first_usable(offer: SessionDescription, codecs: Sequence[Codec]) -> int:
    """The index of the first stream we can take; raises NoCommonCodec with the reason."""
    for index, medium in enumerate(offer.media):
        if is_plain_audio(medium) and shared_codecs(medium, codecs):
            return index
    audio = [medium for medium in offer.media if medium.kind == "audio" and medium.port != 0]
    if not audio:
        raise NoCommonCodec("the offer has no audio")
    if not any(is_plain_audio(medium) for medium in audio):
        raise NoCommonCodec(f"audio is offered over {audio[0].protocol[:30]!r} only")
    names = " ".join(sorted({name for m in audio for name, _ in formats_of(m).values()}))
    raise NoCommonCodec(f"none of the offered codecs is known here: {names[:120] or 'none named'}")


def formats_of(medium: MediaDescription) -> Mapping[str, tuple[str, int]]:
    """Payload type → (upper-case name, clock rate), in the order of the ``m=`` line."""
    return _formats(medium.formats, medium.attributes)


@lru_cache(maxsize=FORMATS_KEPT)
def _formats(formats: tuple[str, ...], attributes: tuple[Attribute, ...]) -> Mapping[str, tuple[str, int]]:
    mapped: dict[str, tuple[str, int]] = {}
    for key, value in attributes:
        if key != "rtpmap" or value is None:
            continue
        number, _, encoding = value.partition(" ")
        name, _, rest = encoding.strip().partition("/")
        rate, _, channels = rest.partition("/")
        if rate.isascii() and rate.isdigit() and len(rate) < 7 and channels in ("", "1"):
            mapped[number] = (name.upper(), int(rate))
    known = {**STATIC, **mapped}
    types = [each for each in formats if each.isascii() and each.isdigit() and len(each) <= 3]
    return {number: known[number] for number in types if number in known and int(number) < 128}


def shared_codecs(medium: MediaDescription, codecs: Sequence[Codec]) -> list[Codec]:
    """What both have, in the peer's order and with the peer's numbers."""
    ours = {(codec.name, codec.clock_rate) for codec in codecs}
    return [
        Codec(n, int(number), rate) for number, (n, rate) in formats_of(medium).items() if (n, rate) in ours
    ]


def choose_codec(medium: MediaDescription, codecs: Sequence[Codec]) -> Codec:
    shared = shared_codecs(medium, codecs)
    if not shared:
        raise NoCommonCodec("none of the codecs in the description is known here")
    return shared[0]


def event_type_of(medium: MediaDescription, clock_rate: int) -> int | None:
    for number, found in formats_of(medium).items():
        if found == ("TELEPHONE-EVENT", clock_rate):
            return int(number)
    return None


def direction_of(description: SessionDescription, medium: MediaDescription) -> str:
    """The peer's direction (RFC 3264 §5.1, §8.4): a host of 0.0.0.0 is the old way to say hold."""
    direction = "sendrecv"
    for name, _ in (*medium.attributes, *description.attributes):
        if name in DIRECTIONS:
            direction = name
            break
    if description.host_of(medium) in ("0.0.0.0", "::"):
        return common_direction(direction, "recvonly")  # they cannot be sent anything
    return direction


def common_direction(ours: str, theirs: str) -> str:
    """What remains of our wish beside the peer's direction (RFC 3264 §6.1)."""
    send = ours in ("sendrecv", "sendonly") and theirs in ("sendrecv", "recvonly")
    receive = ours in ("sendrecv", "recvonly") and theirs in ("sendrecv", "sendonly")
    return DIRECTIONS[(not receive) + 2 * (not send)]


def wants_mux(medium: MediaDescription) -> bool:
    """Whether a description offers RTCP on the RTP port (RFC 5761 §5.1.1)."""
    return "rtcp-mux" in [name for name, _ in medium.attributes]


def ptime_of(medium: MediaDescription) -> int:
    text = medium.attribute("ptime") or ""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else DEFAULT_PTIME
    return value if 10 <= value <= LONGEST_PTIME else DEFAULT_PTIME


def endpoints_of(description: SessionDescription, medium: MediaDescription) -> tuple[Endpoint, Endpoint]:
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
