"""SDP, RTP, RTCP and the packet engine; knows neither SIP nor NAT. Imports net."""

from .audio import DEFAULT_PTIME
from .codecs import G722, OPUS, PCMA, PCMU, Codec
from .engine.choice import choose_engine
from .engine.interface import Codes, Elsewhere, Engine, Feed, Leg, PlacedPorts, Ports, Tap
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
from .events import FirstPacket, Forged, Hungry, MediaEvent, Moved, Said, Timeout, Unexpected
from .frames import Frame
from .ice_sdp import IceAnswers
from .latch import Confirmed
from .libsrtp import suites_here
from .offer_answer import (
    MediaAddress,
    Negotiated,
    OfferAnswer,
    make_answer,
    make_offer,
    offered_audio,
    ptime_offered,
    read_answer,
)
from .pair_driver import PortPair
from .playing import Recorder
from .quality import LegQuality, Quality, quality_of
from .report import LegReport
from .rtp import RtpPacket
from .sdes import NAMES as SUITE_NAMES
from .sdes import SrtpKeys
from .sdp import SessionDescription
from .securing import FORBIDDEN, MANDATORY, OPTIONAL, PLAIN, SecureMedia, Securing, keys_of
from .sounds import BadSound, Sound, linear_of, silence_of
from .telephone_event import KeyHeard
from .tone_script import read_tones
from .tones import holds_tone, tone
from .wav import read_wav

__all__ = [
    "DEFAULT_PTIME",
    "FORBIDDEN",
    "G722",
    "MANDATORY",
    "OPTIONAL",
    "OPUS",
    "PCMA",
    "PCMU",
    "PLAIN",
    "SUITE_NAMES",
    "BadSound",
    "Codec",
    "Codes",
    "Confirmed",
    "Elsewhere",
    "Engine",
    "EngineFull",
    "EngineMissing",
    "Feed",
    "FirstPacket",
    "Forged",
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
    "SecureMedia",
    "Securing",
    "SessionDescription",
    "Sound",
    "SrtpKeys",
    "Tap",
    "Timeout",
    "Unexpected",
    "choose_engine",
    "holds_tone",
    "keys_of",
    "linear_of",
    "make_answer",
    "make_offer",
    "offered_audio",
    "ptime_offered",
    "quality_of",
    "read_answer",
    "read_tones",
    "read_wav",
    "silence_of",
    "suites_here",
    "tone",
]
