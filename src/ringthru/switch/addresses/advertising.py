"""What the gateway tells the switch: which address and ports far peers see, and which RTP ports are ready.

Lives here: the mapper's events, opening profiles (and the guard that keeps them closed), the RTP pool.
Never here: how mappings are made, or which peer is far.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...media import Engine
from ...portmap import (
    Event,
    ExternalAddressChanged,
    GatewayFound,
    GatewayLost,
    MappingAdded,
    PortMapper,
)
from ..calls.book import Calls
from ..profiles.profile import Profile
from .moving import follow_address
from .rtp_pool import RtpPool

log = logging.getLogger(__name__)


class Advertising:
    """Between the mapper and the profiles. Without a mapper (``-nonat``) nothing is ever told."""

    def __init__(
        self,
        mapper: PortMapper | None,
        calls: Calls,
        engine: Engine,
        variables: dict[str, str],
        private: str,
    ) -> None:
        """``private`` is our own address on the LAN."""
        self.on_address: Callable[[str], None] = lambda address: None  # of a gateway, found or another one
        self._mapper = mapper
        self._calls = calls
        self._engine = engine
        self._variables = variables
        self.private = private
        self._external: str | None = None
        self._serving = False
        self._told_open: set[str] = set()  # profiles of which it was said that the Internet reaches them

    def listen(self) -> None:
        """Look for the gateway, and take over what was found before we listened."""
        if self._mapper is not None:
            self._mapper.subscribe(self._on_event)
            self._mapper.start()
            self._external_address(self._mapper.snapshot().external_address)

    def open(self, profile: Profile, weak: list[tuple[str, str]]) -> None:
        """Open a profile to the Internet if it asks, and the secrets of its users bear it (the guard)."""
        if self._mapper is not None and profile.wants_mapping:
            if weak and not profile.settings.allow_weak_secrets:
                _keep_closed(profile, weak)
            else:
                profile.map_ports(self._mapper)
        self._advertise(profile)  # the gateway may have been quicker

    def serve(self) -> None:
        """All profiles are open: from now on there may be a pool."""
        self._serving = True
        self._calls.ports.ask_by_stun(self._calls.profiles.values())
        self.fill_pool()

    def fill_pool(self) -> None:
        """Have RTP ports mapped before the first far call, and after every SIP port."""
        if not self._serving or self._mapper is None or not self._mapper.mapping_enabled:
            return
        ports = self._calls.ports
        mapped = [each for each in self._calls.profiles.values() if each.mapped]
        if ports.pool is None and self._external:
            ports.pool = self._pool_of([each for each in mapped if not each.ipv6])
        if ports.pool6 is None:
            ports.pool6 = self._pool_of([each for each in mapped if each.ipv6])

    def _pool_of(self, profiles: list[Profile]) -> RtpPool | None:
        if not profiles or self._mapper is None:
            return None
        pool = RtpPool(self._engine, self._mapper, profiles[0].rtp_ip, self._calls.spawn)
        pool.fill()
        return pool

    def follow(self) -> None:
        """An address of ours may be another one: the calls that stand are told."""
        follow_address(self._calls)

    def changed(self) -> None:
        """What DNS or a STUN server says of us is another address or port now."""
        self.follow()
        self._check_trunks()

    def _on_event(self, event: Event) -> None:
        match event:
            case GatewayFound(external_address=address):
                self._external_address(address)
            case ExternalAddressChanged(current=address):
                self._external_address(address)
            case GatewayLost():
                self._external_address(None)
            case MappingAdded():
                self.follow()  # another external port, perhaps
                self._tell_what_is_open()
        self._check_trunks()  # whatever happened, a port may be another one now

    def _tell_what_is_open(self) -> None:
        """Once for each profile, when the gateway has decided on all its ports: strangers reach it now."""
        for name, profile in self._calls.profiles.items():
            ports = profile.transports.opened() if profile.mapped else None
            if ports and name not in self._told_open:
                self._told_open.add(name)
                where = self._external or "the gateway's address"
                text = "Profile %s is open to the Internet now: %s at %s. Whoever finds it may %s"
                log.warning(text, name, ", ".join(ports), where, _what_strangers_may(profile))

    def _check_trunks(self) -> None:
        if self._calls.trunks is not None:
            self._calls.trunks.check_addresses()

    def _external_address(self, address: str | None) -> None:
        """From now on far peers see this address; a None takes it back."""
        self._variables["nat_public_addr"] = address or ""
        self._variables["nat_private_addr"] = self.private
        if self._mapper is not None and (kind := self._mapper.snapshot().type) is not None:
            self._variables["nat_type"] = kind.nat_type
        self._external = address
        for profile in self._calls.profiles.values():
            self._advertise(profile)
        self.fill_pool()
        self.follow()
        if address:
            self.on_address(address)

    def _advertise(self, profile: Profile) -> None:
        """Tell a profile the external address; not one the guard keeps closed, for nobody could reach it."""
        address = self._external if profile.mapped and not profile.ipv6 else None
        if address and address != profile.external_address:
            log.info("NAT detected setting external ip to %s for profile %s", address, profile.name)
        profile.external_address = address


def _what_strangers_may(profile: Profile) -> str:
    if profile.settings.auth_calls:
        return "try passwords"
    return f"call what the dialplan's context {profile.settings.context} holds"


def _keep_closed(profile: Profile, weak: list[tuple[str, str]]) -> None:
    for user, reason in weak:
        log.warning("Profile %s is not mapped: the password of %s %s", profile.name, user, reason)
    text = "Set better passwords in the directory, or allow-weak-secrets=true in profile %s"
    log.warning(text, profile.name)
