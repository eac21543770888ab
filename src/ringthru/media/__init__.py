"""SDP, RTP, RTCP and the packet engine; knows neither SIP nor NAT. Imports net."""

from .audio import PCMA, PCMU, Codec
from .driver import MediaEngine, MediaLeg
from .errors import (
    LocalError,
    MalformedPacket,
    MalformedSdp,
    MediaError,
    NoCommonCodec,
    NoFreePorts,
    RemoteError,
)
from .offer_answer import (
    MediaAddress,
    Negotiated,
    OfferAnswer,
    answerable,
    make_answer,
    make_offer,
    read_answer,
)
from .pair_driver import PortPair
from .playing import Recorder
from .report import LegReport
from .rtp import RtpPacket
from .sdp import SessionDescription
from .sounds import BadSound, Sound, linear_of, read_tones, read_wav, silence_of
from .stream import Said, Timeout
from .telephone_event import KeyHeard
from .tones import holds_tone, tone

__all__ = [
    "PCMA",
    "PCMU",
    "BadSound",
    "Codec",
    "KeyHeard",
    "LegReport",
    "LocalError",
    "MalformedPacket",
    "MalformedSdp",
    "MediaAddress",
    "MediaEngine",
    "MediaError",
    "MediaLeg",
    "Negotiated",
    "NoCommonCodec",
    "NoFreePorts",
    "OfferAnswer",
    "PortPair",
    "Recorder",
    "RemoteError",
    "RtpPacket",
    "Said",
    "SessionDescription",
    "Sound",
    "Timeout",
    "answerable",
    "holds_tone",
    "linear_of",
    "make_answer",
    "make_offer",
    "read_answer",
    "read_tones",
    "read_wav",
    "silence_of",
    "tone",
]
