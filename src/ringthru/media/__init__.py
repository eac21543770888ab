"""SDP, RTP, RTCP and the packet engine; knows neither SIP nor NAT. Imports net."""

from .description.audio import DEFAULT_PTIME
from .description.codecs import G722, OPUS, PCMA, PCMU, Codec
from .description.ice_sdp import IceAnswers
from .description.offer_answer import (
    MediaAddress,
    Negotiated,
    OfferAnswer,
    make_answer,
    make_offer,
    offered_audio,
    ptime_offered,
    read_answer,
)
from .description.sdes import NAMES as SUITE_NAMES
from .description.sdes import SrtpKeys
from .description.sdp import SessionDescription
from .description.securing import FORBIDDEN, MANDATORY, OPTIONAL, PLAIN, SecureMedia, Securing, keys_of
from .engine.choice import Chosen, choose_engine
from .engine.pair_driver import PortPair
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
from .interface import Codes, Elsewhere, Engine, Feed, Leg, PlacedPorts, Ports, Tap
from .leg.libsrtp import suites_here
from .leg.playing import Recorder
from .quality.quality import LegQuality, Quality, quality_of
from .rtp.frames import Frame
from .rtp.latch import Confirmed, Latched
from .rtp.packet import RtpPacket
from .rtp.report import LegReport
from .rtp.telephone_event import KeyHeard
from .sound.sounds import BadSound, Sound, linear_of, silence_of
from .sound.tone_script import read_tones
from .sound.tones import holds_tone, tone
from .sound.wav import read_wav

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
    "Chosen",
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
    "Latched",
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
