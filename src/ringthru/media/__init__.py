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
from .report import LegReport
from .rtp import RtpPacket
from .sdp import SessionDescription
from .stream import Timeout
from .telephone_event import KeyHeard
from .tones import holds_tone, tone

__all__ = [
    "PCMA",
    "PCMU",
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
    "RemoteError",
    "RtpPacket",
    "SessionDescription",
    "Timeout",
    "answerable",
    "holds_tone",
    "make_answer",
    "make_offer",
    "read_answer",
    "tone",
]
