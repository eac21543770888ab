"""What the SIP profiles say, as typed values with FreeSWITCH's defaults.

Lives here: names, types, defaults. Never here: how they are read (`profile_reader.py`, `values.py`), what
becomes of them, addresses, sockets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ...net.values import frozen
from .errors import Position
from .parameters import Reader
from .registration_settings import RegistrationSettings
from .values import (
    DAY,
    MISSING,
    AddressSetting,
    TlsPolicy,
    one_of,
    read_boolean,
    read_names,
    read_negotiation,
    read_own_address,
    read_port,
    read_session,
    read_subjects,
    read_text,
    read_tls_policy,
    read_tls_version,
    read_word,
    whole,
)

if TYPE_CHECKING:
    from .trunk_settings import TrunkSettings


@frozen
class ProfileDomain:
    """``<domain>`` of a profile; the name ``all`` stands for every domain of the directory."""

    name: str
    alias: bool
    parse: bool


@frozen
class ProfileSettings:
    """One SIP profile as written. ``None`` means: not given, and the profile works it out."""

    name: str
    position: Position
    aliases: tuple[str, ...] = ()
    domains: tuple[ProfileDomain, ...] = ()
    # Addresses
    sip_ip: str = "auto"  # auto, and 0.0.0.0: the address of the default route
    sip_port: int = 5060  # 0: any free port
    ext_sip_ip: AddressSetting = MISSING
    ext_sip_port: int | None = None  # None: the same as sip_port
    rtp_ip: str = "auto"
    more_rtp_ips: tuple[str, ...] = ()  # where rtp-ip is repeated: calls take them in turn
    ext_rtp_ip: AddressSetting = MISSING
    local_network_acl: str = "localnet.auto"
    auto_restart: bool = True  # where our own address is another one, listen there
    aggressive_nat_detection: bool = False
    stun_enabled: bool = True  # false: ``stun:`` stands for nothing
    stun_auto_disable: bool = False  # shown only: an answer of no use is never advertised here
    # Who may call and register
    context: str = "default"
    dialplan: str = "XML"
    auth_calls: bool = False
    apply_inbound_acl: tuple[str, ...] = ()
    challenge_realm: str = "auto_to"  # auto_to, auto_from, or the realm itself
    force_register_domain: str | None = None
    registration: RegistrationSettings = RegistrationSettings()
    trunks: tuple[TrunkSettings, ...] = ()  # its <gateways>
    allow_weak_secrets: bool = False  # ours: map this profile although the directory holds weak secrets
    # Presence
    manage_presence: bool = False  # phones may watch who is on the phone, and what is parked
    presence_hosts: tuple[str, ...] = ()  # in lower case: they stand for the domain of whoever watches
    presence_privacy: bool = False  # whom somebody talks to is not shown
    send_presence_on_register: bool = True  # who watches a user is told when a phone of his comes
    presence_probe_on_register: bool = False  # a phone that registers is told again what it watches
    auth_subscriptions: bool | None = None  # who subscribes proves who he is; None: as auth-calls says
    # Media
    inbound_codec_prefs: tuple[str, ...] = ("PCMU", "PCMA")
    outbound_codec_prefs: tuple[str, ...] = ("PCMU", "PCMA")
    inbound_codec_negotiation: str = "generous"  # the caller's order decides; greedy: ours
    inbound_late_negotiation: bool = True  # a caller is answered with what the called side took
    rfc2833_pt: int = 101
    hold_music: str | None = None
    disable_rtp_auto_adjust: bool = False  # audio is sent where the SDP says, whatever comes from elsewhere
    rtp_timeout_sec: int = 300  # seconds of silence that end a call; 0: never
    rtp_hold_timeout_sec: int = 1800  # the same while the peer holds the call, or is held
    inbound_bypass_media: bool = False  # the audio of bridged calls goes from phone to phone, where it can
    rtcp_mux: bool = False  # ours: offer RTCP on the RTP port (RFC 5761); one that is offered is taken anyway
    rtp_secure_media: str = ""  # ours: what the variable so called says where it is not set
    dtmf_type: str = "rfc2833"  # how keys are sent: rfc2833, info, none
    # Signalling
    user_agent: str | None = None
    contact_user: str = "mod_sofia"  # what FreeSWITCH writes, and its users look for
    outbound_proxy: str | None = None  # where calls to SIP addresses are sent; host[:port] or a SIP URI
    sip_options_respond_503_on_busy: bool = False  # to OPTIONS, while max-sessions are there
    bind_params: str | None = None  # of the BIND-URL; transport=udp or transport=tcp leaves the other out
    # TLS
    tls: bool = False
    tls_only: bool = False
    tls_sip_port: int = 5061
    tls_bind_params: str = "transport=tls"
    tls_cert_dir: str | None = None  # with agent.pem and cafile.pem; None: a certificate of our own making
    tls_passphrase: str | None = None
    tls_version: str = "tlsv1.2"  # the oldest that is spoken
    tls_ciphers: str | None = None
    tls_verify_policy: TlsPolicy = TlsPolicy()
    tls_verify_date: bool = True
    tls_verify_in_subjects: tuple[str, ...] = ()
    enable_timer: bool = True  # session timers (RFC 4028)
    session_timeout: int = 0  # seconds that we ask for; 0: only what peers ask for
    minimum_session_expires: int = 120  # seconds; less is refused with 422
    caller_id_type: str = "rpid"  # who calls, beside From: rpid, pid, none
    disable_transfer: bool = False  # refuse REFER
    manual_redirect: bool = False  # a called side's 3xx is the dialplan's business, and not followed
    sip_capture: bool = False  # to the capture-server
    sip_trace: bool = False  # to the log, from the start
    accept_odd_acks: bool = True  # ours: an ACK that a SIP ALG rewrote in one key counts

    @property
    def transports(self) -> tuple[str, ...]:
        """What is served on sip-port: UDP and TCP, unless bind-params name one of them, or TLS is alone."""
        if self.tls and self.tls_only:
            return ()
        words = [word.strip().lower() for word in (self.bind_params or "").split(";")]
        named = next((word.partition("=")[2] for word in words if word.startswith("transport=")), "")
        chosen = tuple(each for each in ("UDP", "TCP") if each.lower() in named.split(","))
        return chosen or ("UDP", "TCP")


def _place(text: str) -> str | None:
    from .trunk_settings import read_place  # not of a start without any

    return read_place(text)


def _presence(text: str) -> bool:
    """``passive`` (another profile keeps the book) and ``first-only`` (not at refreshes) come to the same as
    ``true``: here one book serves all profiles, and what has not changed is not told.
    """
    return text.strip().lower() in ("passive", "first-only") or read_boolean(text)


def _privacy(text: str) -> bool:
    """Empty is false: FreeSWITCH's tree writes ``$${presence_privacy}``, which not every vars.xml sets."""
    return bool(text.strip()) and read_boolean(text)


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(each.lower() for each in read_names(text))


PROFILE_PARAMETERS: Final[Mapping[str, Reader]] = {
    "sip-ip": read_own_address,
    "sip-port": read_port,
    "ext-sip-ip": AddressSetting.parse,
    "ext-sip-port": whole(1, 65535),
    "rtp-ip": read_own_address,
    "ext-rtp-ip": AddressSetting.parse,
    "local-network-acl": str.strip,
    "aggressive-nat-detection": read_boolean,
    "auto-restart": read_boolean,
    "stun-enabled": read_boolean,
    "stun-auto-disable": read_boolean,
    "context": read_word,
    "dialplan": read_word,
    "auth-calls": read_boolean,
    "challenge-realm": read_word,
    "force-register-domain": read_text,
    "allow-weak-secrets": read_boolean,
    "manage-presence": _presence,
    "presence-hosts": _hosts,
    "presence-privacy": _privacy,
    "send-presence-on-register": _presence,
    "presence-probe-on-register": read_boolean,
    "auth-subscriptions": read_boolean,
    "inbound-codec-prefs": read_names,
    "outbound-codec-prefs": read_names,
    "inbound-codec-negotiation": read_negotiation,
    "inbound-late-negotiation": read_boolean,
    "rfc2833-pt": whole(96, 127),
    "hold-music": read_text,
    "disable-rtp-auto-adjust": read_boolean,
    "rtp-timeout-sec": whole(0, DAY),
    "rtp-hold-timeout-sec": whole(0, DAY),
    "user-agent-string": read_text,
    "contact-user": read_word,
    "outbound-proxy": _place,
    "sip-options-respond-503-on-busy": read_boolean,
    "bind-params": read_text,
    "tls": read_boolean,
    "tls-only": read_boolean,
    "tls-sip-port": read_port,
    "tls-bind-params": str.strip,
    "tls-cert-dir": read_text,
    "tls-passphrase": read_text,
    "tls-version": read_tls_version,
    "tls-ciphers": read_text,
    "tls-verify-policy": read_tls_policy,
    "tls-verify-date": read_boolean,
    "tls-verify-in-subjects": read_subjects,
    "rtcp-mux": read_boolean,
    "rtp-secure-media": str.strip,
    "dtmf-type": one_of("rfc2833", "info", "none"),
    "enable-timer": read_boolean,
    "session-timeout": read_session,
    "minimum-session-expires": whole(90, DAY),
    "caller-id-type": one_of("rpid", "pid", "none"),
    "disable-transfer": read_boolean,
    "manual-redirect": read_boolean,
    "inbound-bypass-media": read_boolean,
    "accept-odd-acks": read_boolean,
    "sip-capture": read_boolean,
    "sip-trace": read_boolean,
}
