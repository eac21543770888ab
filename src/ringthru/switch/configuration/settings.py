"""What switch.conf and the SIP profiles say, as typed values with FreeSWITCH's defaults.

Lives here: names, types, defaults. Never here: how a parameter is read (`parameters.py`, `values.py`), what
becomes of them, addresses, sockets.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from ...net.values import frozen
from .errors import ConfigurationError, Position
from .parameters import Reader, field_of, names_until_none, read_parameters
from .registration_settings import REGISTRATION_PARAMETERS, REGISTRATION_REPEATABLE, RegistrationSettings
from .tree import Element, Tree
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
    from ...media.ng.nodes import Node
    from ...net.address import Endpoint
    from .trunk_settings import TrunkSettings

log = logging.getLogger(__name__)


@frozen
class SwitchSettings:
    """switch.conf: what holds for the whole switch."""

    rtp_start_port: int = 16384  # the first port of the range media is taken from
    rtp_end_port: int = 32768
    max_sessions: int = 1000  # legs at once
    sessions_per_second: int = 30
    loglevel: str = "debug"
    media_engine: str = "auto"  # ours: c, python, rtpengine; auto: c where it is built
    rtpengine_nodes: tuple[Node, ...] = ()  # ours: where rtpengines take commands, and their weights
    rtpengine_dtmf_log: Endpoint | None = None  # ours: where they send the keys they hear
    console_layout: str = "current"  # ours: how FreeSWITCH answered and logged then
    # Ours: how strangers are kept from guessing passwords
    auth_failures_before_ban: int = 10  # 0: nobody is banned
    ban_seconds: int = 600
    strangers_requests_per_second: int = 100  # of one address; 0: no limit

    @classmethod
    def read(cls, tree: Tree) -> Self:
        """switch.conf; FreeSWITCH's defaults where it or a parameter is missing.

        Raises:
            ConfigurationError: a value is not allowed, or the media range is empty.
        """
        element = tree.configuration("switch.conf")
        if element is None:
            log.info("no switch.conf: the defaults hold")
            return cls()
        settings = cls(
            **read_parameters(element.inside("settings", "param"), SWITCH_PARAMETERS, "switch.conf")
        )
        if settings.rtp_end_port <= settings.rtp_start_port:
            message = (
                f"rtp-start-port {settings.rtp_start_port} is not below rtp-end-port {settings.rtp_end_port}"
            )
            raise ConfigurationError(element.position, message, "leave room for one even and one odd port")
        return settings


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
    ext_rtp_ip: AddressSetting = MISSING
    local_network_acl: str = "localnet.auto"
    auto_restart: bool = True  # where our own address is another one, listen there
    aggressive_nat_detection: bool = False
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


def _nodes(text: str) -> tuple[Node, ...]:
    from ...media.ng.nodes import read_nodes  # not of a start without any

    return read_nodes(text)


def _endpoint(text: str) -> Endpoint:
    from ...media.ng.nodes import read_endpoint

    return read_endpoint(text)


LOG_LEVELS: Final = ("console", "alert", "crit", "err", "error", "warning", "notice", "info", "debug")
LAYOUTS: Final = ("current", "2009-09", "2009-06")
SWITCH_PARAMETERS: Final[Mapping[str, Reader]] = {
    "rtp-start-port": whole(1024, 65534),
    "rtp-end-port": whole(1024, 65535),
    "max-sessions": whole(1, 1_000_000),
    "sessions-per-second": whole(1, 1_000_000),
    "media-engine": one_of("auto", "c", "python", "rtpengine"),
    "rtpengine-nodes": _nodes,
    "rtpengine-dtmf-log": _endpoint,
    "console-layout": one_of(*LAYOUTS),
    "auth-failures-before-ban": whole(0, 1000),
    "ban-seconds": whole(1, DAY),
    "strangers-requests-per-second": whole(0, 1_000_000),
    "loglevel": one_of(*LOG_LEVELS, *"01234567"),
}
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
    "context": read_word,
    "dialplan": read_word,
    "auth-calls": read_boolean,
    "challenge-realm": read_word,
    "force-register-domain": read_text,
    "allow-weak-secrets": read_boolean,
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
}


def load_profiles(tree: Tree) -> list[ProfileSettings]:
    """The SIP profiles of sofia.conf, in order.

    Raises:
        ConfigurationError: there is none, two have one name, or a value is not allowed.
    """
    element = tree.configuration("sofia.conf")
    profiles = (
        []
        if element is None
        else [_read_profile(each, tree) for each in element.inside("profiles", "profile")]
    )
    if not profiles:
        position = element.position if element is not None else tree.root.position
        remedy = "write one under sip_profiles/ and include it from autoload_configs/sofia.conf.xml"
        raise ConfigurationError(position, "no SIP profile is configured", remedy)
    seen: dict[str, Position] = {}
    for profile in profiles:
        if profile.name in seen:
            message = f"a second profile named '{profile.name}'; the first is at {seen[profile.name]}"
            raise ConfigurationError(profile.position, message, "give it another name")
        seen[profile.name] = profile.position
    return profiles


def _read_profile(element: Element, tree: Tree) -> ProfileSettings:
    name = element.get("name").strip()
    if not name:
        raise ConfigurationError(element.position, "a profile without a name", 'write <profile name="…">')
    parameters = element.inside("settings", "param")
    where = f"profile {name}"
    values = read_parameters(
        [_renamed(each) for each in parameters], {**PROFILE_PARAMETERS, **REGISTRATION_PARAMETERS}, where
    )
    values["registration"] = _registration(parameters, values)
    values["apply_inbound_acl"] = names_until_none(parameters, "apply-inbound-acl")
    for each in ("ext-sip-ip", "ext-rtp-ip"):
        _warn_of_address(values.get(field_of(each), MISSING), each, where, element.position)
    if "auth_calls" not in values:
        text = "%s: %s has no auth-calls, so calls are accepted without a password; write it down to be sure"
        log.warning(text, element.position, where)
    aliases = tuple(each.get("name") for each in element.inside("aliases", "alias") if each.get("name"))
    domains = tuple(_domain(each) for each in element.inside("domains", "domain"))
    owners = [element, *_users_with_gateways(tree, domains)]
    if any(each.inside("gateways", "gateway") for each in owners):
        from .trunk_settings import read_trunks  # not of a start without any

        values["trunks"] = read_trunks(owners, name)
    return ProfileSettings(name=name, position=element.position, aliases=aliases, domains=domains, **values)


def _users_with_gateways(tree: Tree, domains: Iterable[ProfileDomain]) -> Iterator[Element]:
    """The users of the directory's domains that a profile parses, for gateways of their own."""
    parsed = {each.name for each in domains if each.parse}
    for domain in tree.section("directory").all("domain") if parsed else ():
        if "all" in parsed or domain.get("name") in parsed:
            groups = domain.inside("groups", "group")
            for users in (domain, *groups):
                yield from (*users.inside("users", "user"), *users.all("user"))


def _registration(parameters: list[Element], values: dict[str, Any]) -> RegistrationSettings:
    """Its share of a profile's values, taken out of them."""
    own: dict[str, Any] = {
        field_of(each): names_until_none(parameters, each) for each in REGISTRATION_REPEATABLE
    }
    for name in {field_of(each) for each in REGISTRATION_PARAMETERS} & values.keys():
        own[name] = values.pop(name)
    return RegistrationSettings(**own)


def _domain(element: Element) -> ProfileDomain:
    try:
        alias, parse = (read_boolean(element.get(name, "false")) for name in ("alias", "parse"))
    except ValueError as error:
        message = f"domain '{element.get('name')}': alias and parse must be {error}"
        raise ConfigurationError(element.position, message) from error
    return ProfileDomain(element.get("name"), alias, parse)


def _renamed(parameter: Element) -> Element:
    """codec-prefs is the old name; it stands for the inbound list, and outbound-codec-prefs for itself."""
    if parameter.get("name").lower() != "codec-prefs":
        return parameter
    return Element(parameter.tag, {**parameter.attributes, "name": "inbound-codec-prefs"}, parameter.position)


def _warn_of_address(setting: AddressSetting, name: str, where: str, position: Position) -> None:
    if setting.kind.value == "empty":
        log.error("%s: %s: Invalid %s: the value is empty, treated as unset", position, where, name)
    elif setting.text.strip() == "0.0.0.0":
        log.warning("%s: %s: %s: Invalid IP 0.0.0.0 replaced with our own address", position, where, name)
