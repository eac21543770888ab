"""SDP, RTP, RTCP and the packet engine; knows neither SIP nor NAT. Imports net."""

from .audio import PCMA, PCMU, Codec
from .engine.choice import choose_engine
from .engine.interface import Elsewhere, Engine, Feed, Leg, PlacedPorts, Ports, Tap
from .errors import (
    EngineFull,
    EngineMissing,
    LocalError,
    MalformedPacket,
    MalformedSdp,
    MediaError,
    NoCommonCodec,
    NoFreePorts,
    RemoteError,
)
from .events import FirstPacket, Hungry, MediaEvent, Moved, Said, Timeout, Unexpected
from .frames import Frame
from .ice_sdp import IceAnswers
from .latch import Confirmed
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
from .quality import LegQuality, Quality, quality_of
from .report import LegReport
from .rtp import RtpPacket
from .sdp import SessionDescription
from .sounds import BadSound, Sound, linear_of, silence_of
from .telephone_event import KeyHeard
from .tone_script import read_tones
from .tones import holds_tone, tone
from .wav import read_wav

__all__ = [
    "PCMA",
    "PCMU",
    "BadSound",
    "Codec",
    "Confirmed",
    "Elsewhere",
    "Engine",
    "EngineFull",
    "EngineMissing",
    "Feed",
    "FirstPacket",
    "Frame",
    "Hungry",
    "IceAnswers",
    "KeyHeard",
    "Leg",
    "LegQuality",
    "LegReport",
    "LocalError",
    "MalformedPacket",
    "MalformedSdp",
    "MediaAddress",
    "MediaError",
    "MediaEvent",
    "Moved",
    "Negotiated",
    "NoCommonCodec",
    "NoFreePorts",
    "OfferAnswer",
    "PlacedPorts",
    "PortPair",
    "Ports",
    "Quality",
    "Recorder",
    "RemoteError",
    "RtpPacket",
    "Said",
    "SessionDescription",
    "Sound",
    "Tap",
    "Timeout",
    "Unexpected",
    "answerable",
    "choose_engine",
    "holds_tone",
    "linear_of",
    "make_answer",
    "make_offer",
    "quality_of",
    "read_answer",
    "read_tones",
    "read_wav",
    "silence_of",
    "tone",
]
