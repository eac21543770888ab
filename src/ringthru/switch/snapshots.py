"""What the switch shows of itself: values that every face renders, and nobody parses back."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ..media import LegQuality, LegReport, quality_of
from ..net.address import Endpoint
from ..net.values import frozen
from ..portmap import GatewayEntry as GatewayEntry
from ..portmap import GatewayListing as GatewayListing
from ..portmap import MapperSnapshot as MapperSnapshot
from ..portmap import MappingSnapshot as MappingSnapshot
from ..portmap import MappingState as MappingState
from ..portmap import Protocol as Protocol

if TYPE_CHECKING:
    from ..media.ng.node import NodeSnapshot
    from .cdr.recent import EndedLegSnapshot


@frozen
class ProfileSnapshot:
    """One SIP profile, in the words and the order of FreeSWITCH's ``sofia status profile``."""

    name: str
    aliases: tuple[str, ...]
    auto_nat: bool
    running: bool
    sip_ip: str
    sip_port: int
    rtp_ip: str
    ext_sip_ip: str | None
    ext_sip_port: int
    ext_rtp_ip: str | None
    url: str | None  # sip:mod_sofia@192.168.1.103:5060; None with TLS alone
    bind_url: str | None
    dialplan: str
    context: str
    challenge_realm: str
    hold_music: str | None
    outbound_proxy: str | None
    codecs_in: tuple[str, ...]
    codecs_out: tuple[str, ...]
    telephone_event: int
    dtmf_mode: str
    comfort_noise: int
    session_timeout: int
    max_dialog: int
    max_recv_rps: int
    no_media: bool
    late_negotiation: bool
    proxy_media: bool
    aggressive_nat: bool
    sessions: int  # calls in progress
    calls_in: int
    failed_calls_in: int
    calls_out: int
    failed_calls_out: int
    registrations: int
    presence_hosts: tuple[str, ...] = ()
    stun_enabled: bool = True
    stun_auto_disable: bool = False
    user_agent_filter: str = ""
    tls_url: str | None = None  # None without TLS
    tls_bind_url: str | None = None


class RegistrationState(Enum):
    """How a phone reached us; FreeSWITCH's words in brackets after ``Registered``."""

    UDP = "UDP"
    UDP_NAT = "UDP-NAT"
    TCP = "TCP"
    TCP_NAT = "TCP-NAT"
    TLS = "TLS"
    TLS_NAT = "TLS-NAT"
    WS = "WS"
    WS_NAT = "WS-NAT"
    WSS = "WSS"
    WSS_NAT = "WSS-NAT"
    AUTO_NAT = "AUTO-NAT"
    AUTO_NAT_2 = "AUTO-NAT-2.0"
    TLSHACK = "TLSHACK"


@frozen
class RegistrationSnapshot:
    """One binding of the registrar."""

    call_id: str
    user: str  # 1000@domain
    contact: str  # as the phone sent it
    agent: str
    state: RegistrationState
    expires_in: float  # seconds
    source: Endpoint
    auth_user: str
    auth_realm: str
    profile: str
    reachable: bool = True  # what OPTIONS told; a phone that is not asked is taken to be there
    ping_seconds: float = 0.0  # of the last round trip
    mwi_account: str = ""  # whose messages it shows, where that is somebody else


@frozen
class SubscriptionSnapshot:
    """One phone that watches something (RFC 6665)."""

    call_id: str
    watcher: str  # 1000@domain
    package: str  # dialog, presence, message-summary
    watched: str  # a SIP URI, as the phone wrote it
    place: Endpoint  # where NOTIFYs go
    transport: str
    expires_in: float  # seconds
    notified: int  # how often it was told
    waits: bool  # for the answer to the last of these
    profile: str


@frozen
class TrunkSnapshot:
    """One SIP provider (``gateway`` in FreeSWITCH's words). Spans are seconds."""

    name: str
    profile: str
    realm: str
    username: str
    has_password: bool
    from_uri: str
    contact: str  # as the provider has it, or would get it now
    extension: str
    to_uri: str
    proxy: str
    context: str
    expires: int  # what we ask for
    state: str  # TRYING, REGED, FAIL_WAIT, NOREG …
    reason: str  # of the last failure
    answered: tuple[int, str] | None  # the registrar's answer to the last REGISTER: status and phrase
    up: bool  # whether calls go out
    next_try: float | None  # until the refresh or the next try; None: never
    expires_in: float | None  # None: not registered
    ping_interval: int  # 0: it is not asked
    ping_reachable: bool
    ping_seconds: float
    ping_min: int
    ping_count: int
    ping_max: int
    uptime: float  # since it has been registered without a break
    registrar: Endpoint | None  # the address in use
    calls_in: int
    failed_calls_in: int
    calls_out: int
    failed_calls_out: int
    transport: str = ""  # of the way in use
    shown: Endpoint | None = None  # our address in the Contact that was last sent
    seen_at: Endpoint | None = None  # where the registrar says that our REGISTER came from
    rewritten: str = ""  # what became of our Via on the way; empty: it came back as it was sent


@frozen
class BanSnapshot:
    """An address that is not listened to; spans are seconds."""

    source: str
    reason: str
    since: float
    left: float
    dropped: int  # requests


@frozen
class ChannelSnapshot:
    """One leg of a call."""

    uuid: str
    name: str  # sofia/internal/1000@domain
    direction: str  # inbound | outbound
    state: str  # CS_EXECUTE …
    call_state: str  # RINGING, ACTIVE …
    destination: str
    context: str
    application: str  # what it runs, with its data
    seconds: float  # since it began
    peer: Endpoint
    advertised: Endpoint  # what this peer sees as our signalling address
    advertised_media: Endpoint | None
    packets_received: int
    packets_sent: int
    packets_lost: int
    jitter_ms: float
    round_trip_ms: float | None
    bridged_to: str | None
    began: float = 0.0  # a moment of the wall clock
    caller_name: str = ""
    caller_number: str = ""
    dialplan: str = "XML"
    codec: str = ""
    codec_rate: int = 0  # samples a second
    codec_bit_rate: int = 0  # 0 where it varies
    call_uuid: str = ""  # of the leg that began the call
    account: str = ""  # accountcode
    presence_id: str = ""  # whose lamp it lights
    ptime: int = 20  # milliseconds
    counted: LegReport | None = None  # of its audio
    audio_aside: bool = False  # it goes past us, from phone to phone (bypass_media)

    @property
    def quality(self) -> LegQuality:
        """How good it sounds each way, judged when it is asked for."""
        nothing = LegQuality(None, None)
        return quality_of(self.counted, self.codec, self.ptime) if self.counted and self.codec else nothing


@frozen
class SwitchSnapshot:
    """Everything, at one moment."""

    version: str
    hostname: str
    uptime: float  # seconds
    nat_enabled: bool  # False with -nonat
    mapper: MapperSnapshot | None  # None with -nonat
    profiles: tuple[ProfileSnapshot, ...]
    registrations: tuple[RegistrationSnapshot, ...]
    channels: tuple[ChannelSnapshot, ...]
    sessions_since_start: int
    sessions_max: int
    sessions_peak: int
    sessions_peak_5min: int
    per_second: int  # new sessions in the running second
    per_second_max: int
    per_second_peak: int
    per_second_peak_5min: int
    trunks: tuple[TrunkSnapshot, ...] = ()
    bans: tuple[BanSnapshot, ...] = ()
    subscriptions: tuple[SubscriptionSnapshot, ...] = ()
    media_engine: str = ""  # its name
    media_engine_why: str = ""  # why this one
    records_written: int = 0  # of calls that are over
    records_lost: int = 0
    media_nodes: tuple[NodeSnapshot, ...] = ()  # of the engine rtpengine
    ended: tuple[EndedLegSnapshot, ...] = ()  # the legs that ended last, the latest first; bounded
