"""What the audio streams of a description say: codecs, direction, timing, addresses.

Lives here: the reading of one ``m=`` section with its session (RFC 8866, 3264, 3605, 3551).
Never here: what we answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from ringthru.net.address import Endpoint, parse_address

from ..errors import MalformedSdp, NoCommonCodec
from .codecs import EVENT, NO_AUDIO, STATIC, Codec
from .sdp import MediaDescription, SessionDescription

PROFILE: Final = "RTP/AVP"
SECURE_PROFILE: Final = "RTP/SAVP"  # RFC 3711 §12
DEFAULT_PTIME: Final = 20  # milliseconds (RFC 3551 §4.2)
LONGEST_PTIME: Final = 200  # milliseconds; RFC 3551 §4.2 asks receivers to take as much
MOST_FORMATS: Final = 40  # of one stream that we read; phones offer twenty at most
LONGEST_PARAMETERS: Final = 300  # characters of one fmtp that we read
FORMATS_KEPT: Final = 32  # all phones of a kind say the same
HOSTS_KEPT: Final = 256  # each an address: what is none raises, and is not kept
DIRECTIONS: Final = ("sendrecv", "sendonly", "recvonly", "inactive")


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
    names = " ".join(sorted({each.name for m in audio for each in formats_of(m)}))
    raise NoCommonCodec(f"none of the offered codecs is known here: {names[:120] or 'none named'}")


def formats_of(medium: MediaDescription) -> Sequence[Codec]:
    """Everything the ``m=`` line names, in its order, with the peer's numbers and parameters."""
    try:
        return medium.codecs
    except AttributeError:  # nobody has asked yet
        read = _formats(medium.formats, tuple(medium.values("rtpmap")), tuple(medium.values("fmtp")))
        object.__setattr__(medium, "codecs", read)
        return read


@lru_cache(maxsize=FORMATS_KEPT)
def _formats(formats: tuple[str, ...], rtpmaps: tuple[str, ...], fmtps: tuple[str, ...]) -> Sequence[Codec]:
    parameters = {each.partition(" ")[0]: each.partition(" ")[2].strip() for each in fmtps}
    mapped: dict[str, tuple[str, int, int]] = {
        str(number): codec.kind for number, codec in STATIC.items()
    } | dict(filter(None, map(_mapped, rtpmaps)))
    types = [each for each in formats if each.isascii() and each.isdigit() and len(each) <= 3]
    return tuple(
        Codec(name, int(number), rate, channels, parameters.get(number, "")[:LONGEST_PARAMETERS])
        for number, (name, rate, channels) in ((each, mapped[each]) for each in types if each in mapped)
        if int(number) < 128
    )[:MOST_FORMATS]


def _mapped(value: str) -> tuple[str, tuple[str, int, int]] | None:
    """Payload type, name in capitals, rate and channels of an ``rtpmap``; None: it cannot be read."""
    number, _, encoding = value.partition(" ")
    name, _, rest = encoding.strip().partition("/")
    rate, _, channels = rest.partition("/")
    if not (rate.isascii() and rate.isdigit() and len(rate) < 7 and int(rate)) or not is_word(name):
        return None
    if channels not in ("", "1", "2"):
        return None
    return number, (name.upper(), int(rate), int(channels or 1))


def is_word(name: str) -> bool:
    """Whether a codec's name is one that may stand in a description of ours, too."""
    return 0 < len(name) < 32 and name.isascii() and all(each.isalnum() or each in "-._" for each in name)


def audio_of(medium: MediaDescription) -> list[Codec]:
    """What of it is audio: one of each kind, for of two that differ in parameters alone nobody could say
    which one an answer means.
    """
    kinds: dict[tuple[str, int, int], Codec] = {}
    for each in formats_of(medium):
        if each.name not in NO_AUDIO:
            kinds.setdefault(each.kind, each)
    return list(kinds.values())


def shared_codecs(medium: MediaDescription, codecs: Sequence[Codec]) -> list[Codec]:
    """What both have, in the peer's order and with the peer's numbers."""
    ours = [codec.kind for codec in codecs]
    return [each for each in formats_of(medium) if each.kind in ours]


def choose_codec(medium: MediaDescription, codecs: Sequence[Codec], first: Sequence[Codec] = ()) -> Codec:
    """The first of ``first`` that the peer has, too; else the first in the peer's order that we have."""
    offered = formats_of(medium)
    shared = [each for wanted in first for each in offered if each.kind == wanted.kind]
    shared = shared or shared_codecs(medium, codecs)
    if not shared:
        raise NoCommonCodec("none of the codecs in the description is known here")
    return shared[0]


def events_of(medium: MediaDescription, clock_rate: int) -> tuple[Codec, ...]:
    """The telephone events beside a codec of this rate, the best first.

    They belong to the codec's clock (RFC 4733 §2.1); but many phones have them at 8000 Hz beside any codec.
    """
    events = [each for each in formats_of(medium) if each.name == EVENT]
    return tuple(each for rate in (clock_rate, 8000) for each in events if each.clock_rate == rate)


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


@lru_cache(maxsize=HOSTS_KEPT)  # phones call again, and the library writes an address in 3 µs
def _usable_host(host: str | None) -> str:
    address = parse_address(host or "")
    if address is None:
        raise MalformedSdp(f"no address to send media to: {(host or 'no c= line')[:60]!r}")
    if address.is_multicast:
        raise MalformedSdp(f"media to the group {address}")
    return str(address)
