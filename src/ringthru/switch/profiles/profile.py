"""A SIP profile: one listening identity, its user agent, its rules about addresses.

Lives here: what the settings and the gateway come to (``addresses``), and who is let in.
Never here: what it says (``profile_agent``), what a call does, sockets (``transports``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...media.sound.g711 import G711
from ...net.acl import AccessList, matches
from ...net.address import Endpoint, parse_address, same_host
from ...net.surroundings import Surroundings
from ...net.values import replace
from ...portmap import MappingState, PortMapper
from ...sip import (
    Event,
    Flow,
    Refusal,
    Request,
    SessionSettings,
    UserAgent,
)
from ..addresses.address_lookup import AddressLookups
from ..addresses.external_address import ExternalAddress
from ..addresses.unreachable import Unreachable
from ..audio.codec_choice import read_preferences
from ..configuration import AddressKind, ProfileSettings
from ..reachability import LOOPBACK, ProfileAddresses, Seen, Sight, TransportPorts
from ..registrations.nat import NatRules
from ..snapshots import ProfileSnapshot
from .profile_agent import ProfileAgent
from .profile_view import Counters, snapshot_of
from .transports import Transports

if TYPE_CHECKING:
    from .profile_agent import Locate

OF_SOCKETS = (  # parameters that a profile keeps until it is restarted
    *(
        "sip_ip",
        "sip_port",
        "rtp_ip",
        "more_rtp_ips",
        "bind_params",
        "tls",
        "tls_only",
        "tls_sip_port",
        "tls_cert_dir",
    ),
    *("tls_passphrase", "tls_version", "tls_ciphers", "tls_verify_policy", "tls_verify_date"),
    "tls_verify_in_subjects",
)
MESSAGES = ("message-summary",)  # events that phones may subscribe to in any case (RFC 3842)
PRESENCE = ("dialog", "presence")  # … and where the profile has manage-presence (RFC 4235, RFC 3856)
AUTO = ("auto", "0.0.0.0")  # our LAN address: 0.0.0.0 could not be advertised


class Profile(ProfileAgent):
    """One running profile."""

    def __init__(
        self,
        settings: ProfileSettings,
        surroundings: Surroundings,
        lists: Mapping[str, AccessList],
        domains: Sequence[str],
        lookups: AddressLookups,
        on_event: Callable[[Profile, Event], None],
        *,
        locate: Locate,
        tls_folder: Path,
        screen: Callable[[Profile, Request, Flow, float], Refusal | None] | None = None,
        coders: frozenset[str] = G711,
    ) -> None:
        """``tls_folder`` keeps the certificate that is made where the configuration names none.

        ``coders`` are the codecs that can be made here.
        """
        super().__init__(locate, lambda event: on_event(self, event))
        self.settings = settings
        self.counters = Counters()
        self.started_at = 0.0  # seconds of the loop's clock
        self._surroundings = surroundings
        self._lists = lists
        self.sip_ip = surroundings.address if settings.sip_ip in AUTO else settings.sip_ip
        auto_rtp_ip = self.sip_ip if self.ipv6 else surroundings.address
        written = (settings.rtp_ip, *settings.more_rtp_ips)
        self.rtp_ips = tuple(auto_rtp_ip if each in AUTO else each for each in written)
        self.rtp_ip = self.rtp_ips[0]
        self._rtp_ips_in_turn = cycle(self.rtp_ips)
        names = (*domains, self.sip_ip) if self.sip_ip not in domains else domains
        own_address = self.sip_ip if self.ipv6 else surroundings.address
        self._lookups = lookups
        self._own_address = own_address
        self._external = ExternalAddress(settings, own_address, lookups)
        self._addresses: ProfileAddresses | None = None  # as they were last
        self._basis: tuple[object, ...] = ()  # what they were made of
        self._sight = Sight(lists)
        self._unreachable = Unreachable(settings.name, surroundings.rules)
        self.transports = Transports(settings, self.sip_ip, tls_folder, names)
        self.coders = coders
        self._prefer(settings)
        self._nat_rules = self._read_nat_rules(settings)
        self.aliases = (*settings.aliases, *_domain_aliases(settings, domains))
        self.agent = UserAgent(
            seen_by=lambda flow: self.seen_by(flow.remote.host, flow.transport).signalling,
            streams="TCP" in settings.transports,
            token=lambda: os.urandom(8).hex(),
            screen=(lambda request, flow, now: screen(self, request, flow, now)) if screen else None,
            **_agent_settings(settings),
        )

    # --- life ---------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Listen.

        Raises:
            PortInUse, OSError: a port is taken or the address is not ours, in words.
        """
        await self.transports.open(self.agent, self._take)
        self.started_at = self.now()
        self._look_up()

    def _look_up(self) -> None:
        """Ask for the addresses and the port that others have to tell."""
        self._external.start()
        external = self.settings.ext_sip_ip
        asks = external.kind is AddressKind.STUN and self.settings.ext_sip_port is None
        self.transports.ask_stun(external.value if asks else "", self._lookups.on_change)

    def close(self) -> None:
        self.transports.close()

    def rescan(self, settings: ProfileSettings, domains: Sequence[str]) -> list[str]:
        """Take other parameters while running; returns those of the sockets, which wait for a restart."""
        kept = {name: getattr(self.settings, name) for name in OF_SOCKETS}
        waiting = [name.replace("_", "-") for name in kept if getattr(settings, name) != kept[name]]
        self.settings = settings = replace(settings, **kept)
        self._prefer(settings)
        self._nat_rules = self._read_nat_rules(settings)
        self.aliases = (*settings.aliases, *_domain_aliases(settings, domains))
        gateway = self._external.gateway
        self._external = ExternalAddress(settings, self._own_address, self._lookups)
        self._external.gateway, self._addresses = gateway, None
        self.transports.rescan(settings)
        self.agent.reconfigure(**_agent_settings(settings))
        self._look_up()
        self.counters = Counters()
        return waiting

    def _prefer(self, settings: ProfileSettings) -> None:
        """Read the lists of codecs."""
        self.preferences = read_preferences(settings.inbound_codec_prefs)
        self.preferences_out = read_preferences(settings.outbound_codec_prefs)
        self.codecs = self.preferences.made_by(self.coders)  # what we speak ourselves
        self.codecs_out = self.preferences_out.made_by(self.coders)

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def running(self) -> bool:
        return self.transports.running

    @property
    def local(self) -> Endpoint:
        """Where the profile listens, by the transport it is known for."""
        return self.transports.local(self.transports.served[0])

    @property
    def ipv6(self) -> bool:
        """A profile speaks one family, that of its sip-ip."""
        return ":" in self.sip_ip

    # --- mappings and addresses ---------------------------------------------------------------------

    @property
    def wants_mapping(self) -> bool:
        """Only a profile that asks is opened to the Internet (auto-nat, or the autonat: prefix).

        Over IPv6 there is nothing to translate: holes in the gateway's firewall are what it asks for, and
        none for an address that nobody outside could know (``local_ip_v6`` is ::1 where there is no other).
        """
        if self.ipv6 and not self._is_global6():
            return False
        return self.settings.ext_sip_ip.wants_mapping or self.settings.ext_rtp_ip.wants_mapping

    def _is_global6(self) -> bool:
        address = parse_address(self.sip_ip)
        return address is not None and not (address.is_loopback or address.is_link_local)

    @property
    def mapped(self) -> bool:
        """Whether far peers come in through mappings of ours."""
        return bool(self.transports.mappings)

    @property
    def address_settled(self) -> bool:
        """Whether the gateway has told what far peers will see of us, or that it maps nothing."""
        if self.ipv6:
            return True  # it is our own
        states = {each.state for each in self.transports.mappings.values()}
        if MappingState.REQUESTED in states:
            return False
        return MappingState.ACCEPTED not in states or self.external_address is not None

    def map_ports(self, mapper: PortMapper) -> None:
        """Ask for the port of each transport; returns at once."""
        self.transports.map_ports(mapper)

    @property
    def external_address(self) -> str | None:
        """The gateway's, while it has a usable one and far peers come in through it."""
        return self._external.gateway

    @external_address.setter
    def external_address(self, address: str | None) -> None:
        self._external.gateway = address

    def addresses(self) -> ProfileAddresses:
        """What the settings and the gateway come to now; the same object while nothing changes."""
        ports = self.transports.ports()
        basis = (ports, self._external.basis)
        if self._addresses is None or basis != self._basis:
            (first, local, port, _), *others = ports
            more = tuple(TransportPorts(name, inside.port, outside) for name, inside, outside, _ in others)
            source = self.transports.port_source(first)
            self._addresses = self._external.now(
                local, self.rtp_ip, port=port, port_source=source, others=more
            )
            self._basis = basis
        return self._addresses

    def seen_by(self, peer: str | None, transport: str = "UDP") -> Seen:
        """How a peer sees this profile over a transport; the only source of our own addresses."""
        return self._sight.seen_by(peer, self.addresses(), transport)

    def talks_to(self, peer: str, seen: Seen) -> None:
        """A call or a registration with an address goes on: say so where nothing can come back from there."""
        self._unreachable.look_at(peer, seen)

    def next_rtp_ip(self) -> str:
        """Which address of ours the next leg takes: where ``rtp-ip`` is repeated, all of them in turn."""
        return next(self._rtp_ips_in_turn)

    def media_host(self, seen: Seen, bound: str) -> str:
        """What the SDP of a leg shows that is bound to an address of ours: that, or the external one."""
        return bound if seen.media == self.rtp_ip and bound in self.rtp_ips else seen.media

    def was_reached(self, flow: Flow) -> None:
        """A peer was answered and confirmed it; one of the Internet proves the mapping that it came by."""
        host = flow.remote.host
        if self.mapped and self.is_public(host) and self.seen_by(host).far:
            self.transports.came_through(flow.transport, f"{host} called, and confirmed our answer")

    def is_public(self, address: str) -> bool:
        """Whether an address is one of the Internet."""
        return self._surroundings.rules.is_public(address)

    def is_near(self, peer: str) -> bool:
        """Whether a peer is on this machine, or of the profile's own networks."""
        return any(matches(self._lists, each, peer) for each in (LOOPBACK, self.settings.local_network_acl))

    def is_own(self, host: str) -> bool:
        """Whether a host is one that the profile is reached at."""
        external = self.addresses().ext_sip
        return any(same_host(host, each.host) for each in (self.local, external) if each is not None)

    def must_authenticate(self, source: Endpoint) -> bool:
        """Calls prove who they are unless the profile or an access list lets them in."""
        return self.settings.auth_calls and not self.trusts(source)

    def asks_subscribers(self, source: Endpoint) -> bool:
        """Whether who subscribes proves who he is: as for calls, unless auth-subscriptions says otherwise."""
        asked = self.settings.auth_subscriptions
        return self.must_authenticate(source) if asked is None else asked and not self.trusts(source)

    def rejects(self, source: Endpoint) -> bool:
        """Whether access lists keep out a caller who could not prove himself: calls need no password here."""
        settings = self.settings
        return bool(settings.apply_inbound_acl) and not settings.auth_calls and not self.trusts(source)

    def trusts(self, source: Endpoint) -> bool:
        """Whether what a peer asserts about callers is believed (RFC 3325): a list lets it in."""
        return any(matches(self._lists, acl, *source) for acl in self.settings.apply_inbound_acl)

    def nat_rules(self) -> NatRules:
        """What the profile says of phones behind a NAT."""
        return self._nat_rules

    def _read_nat_rules(self, settings: ProfileSettings) -> NatRules:
        return NatRules(
            settings.registration,
            settings.aggressive_nat_detection,
            settings.local_network_acl,
            self._lists,
        )

    def snapshot(self, registrations: int) -> ProfileSnapshot:
        return snapshot_of(self, registrations)


def _agent_settings(settings: ProfileSettings) -> dict[str, Any]:
    """What the user agent takes of a profile's parameters."""
    return {
        "user_agent": settings.user_agent or f"Ringthru/{__version__}",
        "session": SessionSettings(
            settings.enable_timer, settings.session_timeout, settings.minimum_session_expires
        ),
        "accept_odd_acks": settings.accept_odd_acks,
        "rport_for": _answered_where_heard(settings),
        "asks_rport": settings.registration.asks_rport,
        "packages": (*MESSAGES, *PRESENCE) if settings.manage_presence else MESSAGES,
    }


def _answered_where_heard(settings: ProfileSettings) -> tuple[str, ...]:
    """The User-Agents answered where their requests came from, asked or not; "" is all.

    Who looks hard for phones behind a NAT does not answer to a port that only their Via names.
    """
    if settings.aggressive_nat_detection and not settings.registration.ndlb_force_rport:
        return ("",)
    return settings.registration.rport_for


def _domain_aliases(settings: ProfileSettings, domains: Sequence[str]) -> tuple[str, ...]:
    """``<domain name="all" alias="true"/>``: each domain of the directory names this profile."""
    named = {each.name for each in settings.domains if each.alias}
    return tuple(each for each in domains if each in named or "all" in named)
