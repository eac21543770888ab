"""SDP, RTP, RTCP and the packet engine; knows neither SIP nor NAT. Imports net."""

from .driver import MediaEngine, MediaLeg, PortPair
from .errors import (
    LocalError,
    MalformedPacket,
    MalformedSdp,
    MediaError,
    NoCommonCodec,
    NoFreePorts,
    RemoteError,
)
from .offer_answer import PCMA, PCMU, Codec, MediaAddress, Negotiated, make_answer, make_offer, read_answer
from .report import LegReport
from .rtp import RtpPacket
from .sdp import SessionDescription
from .tones import holds_tone, tone

__all__ = [
    "PCMA",
    "PCMU",
    "Codec",
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
    "PortPair",
    "RemoteError",
    "RtpPacket",
    "SessionDescription",
    "holds_tone",
    "make_answer",
    "make_offer",
    "read_answer",
    "tone",
]
