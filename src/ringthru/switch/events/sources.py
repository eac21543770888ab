"""What happens around the calls, as events: the gateway, registrations, providers, profiles, the switch.

========================  ====================================================================
event                     FreeSWITCH's headers; those marked * are ours
========================  ====================================================================
NAT                       op, port, proto (0 udp, 1 tcp), sticky; external-port*, lease*,
                          protocol*, state*, reason*
TRAP                      condition, network-external-address-previous-v4, …-change-v4; reason*;
                          of our own address: network-address-previous-v4, …-change-v4
sofia::register           profile-name, from-user, from-host, contact, call-id, status, expires …
sofia::unregister         the same
sofia::expire             profile-name, call-id, user, host, contact, expires, user-agent, realm; reason*
sofia::register_failure   profile-name, to-user, to-host, network-ip, user-agent, reason*
sofia::error              Error-Type, Error-Reason, Chat-Send-To, Chat-Send-From, Chat-Send-Profile;
                          the body is the text that reached nobody
sofia::gateway_state      Gateway, State, Ping-Status, Phrase, Status; profile-name*
sofia::profile_start      module_name, profile_name, profile_uri
========================  ====================================================================

``op`` is ``add`` or ``del``, as in FreeSWITCH, and ours ``fail`` for a mapping that the gateway refuses.

Lives here: their headers. Never here: channels, who listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from ...net.address import Endpoint
from ...portmap import (
    EpochChanged,
    Event,
    ExternalAddressChanged,
    GatewayFound,
    MapperSnapshot,
    MappingAdded,
    MappingFailed,
    MappingRemoved,
    Protocol,
)
from ...sip import Binding, Request
from ..registrations.nat import dialled_uri
from ..words import uptime_words
from . import names
from .bus import EventBus, Header

if TYPE_CHECKING:
    from ..profiles.profile import Profile
    from ..snapshots import SwitchSnapshot, TrunkSnapshot

HEARTBEAT_INTERVAL: Final = 20  # seconds, FreeSWITCH's default
PROTOCOL_NUMBERS: Final = {Protocol.UDP: "0", Protocol.TCP: "1"}
CHANGED: Final = "network-external-address-change"
MOVED: Final = "network-address-change"
LOST: Final = "network-external-address-lost"  # ours: FreeSWITCH never notices
OFTEN: Final = {"register": names.REGISTER, "refresh": names.REGISTER, "unregister": names.UNREGISTER}


class Sources:
    """Turns what parts of the switch tell into events."""

    def __init__(self, bus: EventBus, snapshot: Callable[[], MapperSnapshot | None]) -> None:
        """``snapshot`` shows the mapper as it is; it is asked for events that somebody wants."""
        self._bus = bus
        self._mapper = snapshot
        self._address = ""  # of the gateway, as it was last known
        self.gateway_reset_at: float | None = None  # by the loop's clock, when it last lost its state

    # --- the gateway --------------------------------------------------------------------------------

    def on_mapper_event(self, event: Event) -> None:
        match event:
            case MappingAdded() | MappingRemoved() | MappingFailed() if "NAT" in self._bus.wanted:
                self._bus.tell("NAT", self._mapping(event))
            case EpochChanged():
                self.gateway_reset_at = asyncio.get_running_loop().time()
            case GatewayFound(external_address=address) if address:
                self._address_is(address)
            case ExternalAddressChanged(current=None):
                self._bus.tell("TRAP", _trap(LOST, self._address, "", "the gateway has no public address"))
            case ExternalAddressChanged(current=address) if address:
                self._address_is(address)

    def _address_is(self, address: str) -> None:
        """The gateway told its address; it may have been away since it last did."""
        before, self._address = self._address, address
        if before and before != address:
            self._bus.tell("TRAP", _trap(CHANGED, before, address, "the gateway told it"))

    def _mapping(self, event: MappingAdded | MappingRemoved | MappingFailed) -> Iterator[Header]:
        mapper = self._mapper()
        rows = mapper.mappings if mapper is not None else ()
        row = next(
            (e for e in rows if (e.protocol, e.internal_port) == (event.protocol, event.internal_port)), None
        )
        op = {MappingAdded: "add", MappingRemoved: "del", MappingFailed: "fail"}[type(event)]
        yield "op", op
        yield "port", str(event.internal_port)
        yield "proto", PROTOCOL_NUMBERS[event.protocol]
        if op == "add":
            yield "sticky", "true" if isinstance(event, MappingAdded) and event.sticky else "false"
        if not isinstance(event, MappingFailed):
            yield "external-port", str(event.external_port)
        if mapper is not None and mapper.type is not None:
            yield "protocol", mapper.type.value
        if row is not None:
            if op == "add" and row.lifetime_left is not None:
                yield "lease", str(round(row.lifetime_left))
            yield "state", row.state.value
        if isinstance(event, MappingFailed):
            yield "reason", event.reason

    # --- phones -------------------------------------------------------------------------------------

    def on_binding(self, what: str, binding: Binding) -> None:
        """``register``, ``refresh``, ``unregister``, ``expire`` or ``unreachable``, of the registrar."""
        if names.CUSTOM not in self._bus.wanted:
            return
        if what in OFTEN:
            self._bus.custom(OFTEN[what], _registered(binding, gone=what == "unregister"))
        else:
            self._bus.custom(names.EXPIRE, _expired(binding, what))

    def on_register_failure(
        self, profile: Profile, request: Request, source: Endpoint, username: str, reason: str
    ) -> None:
        if names.CUSTOM not in self._bus.wanted:
            return
        headers = (
            ("profile-name", profile.name),
            ("to-user", username),
            ("to-host", request.to.uri.host),
            ("network-ip", source.host),
            ("network-port", str(source.port)),
            ("user-agent", request.get("User-Agent") or "unknown"),
            ("registration-type", request.method),
            ("reason", reason),
        )
        self._bus.custom(names.REGISTER_FAILURE, headers)

    def on_undeliverable(self, profile: Profile, request: Request) -> None:
        """A MESSAGE to somebody who is registered nowhere."""
        if names.CUSTOM not in self._bus.wanted:
            return
        headers = (
            ("Error-Type", "chat"),
            ("Error-Reason", "no recipient"),
            ("Chat-Send-To", f"{request.to.uri.user or ''}@{request.to.uri.host}"),
            ("Chat-Send-From", str(request.from_.uri)),
            ("Chat-Send-Profile", profile.name),
        )
        self._bus.custom(names.ERROR, headers, request.body.decode("utf-8", "replace"))

    # --- providers and profiles ---------------------------------------------------------------------

    def on_trunk(self, show: Callable[[], TrunkSnapshot]) -> None:
        """A registration with a provider, or what its pings tell, is another one now."""
        if names.CUSTOM not in self._bus.wanted:
            return
        trunk = show()
        status, phrase = trunk.answered or (0, trunk.reason)
        headers = (
            ("Gateway", trunk.name),
            ("State", trunk.state),
            ("Ping-Status", "UP" if trunk.up else "DOWN"),
            *((("Phrase", phrase),) if phrase else ()),
            *((("Status", str(status)),) if status else ()),
            ("profile-name", trunk.profile),
        )
        self._bus.custom(names.GATEWAY_STATE, headers)

    def on_profile_start(self, profile: Profile) -> None:
        if names.CUSTOM in self._bus.wanted:
            uri = profile.snapshot(0).url or profile.snapshot(0).tls_url or ""
            headers = (("module_name", "mod_sofia"), ("profile_name", profile.name), ("profile_uri", uri))
            self._bus.custom(names.PROFILE_START, headers)

    def on_local_address(self, before: str, now: str) -> None:
        """Our own address on the LAN is another one."""
        headers = (
            ("condition", MOVED),
            ("network-address-previous-v4", before),
            ("network-address-change-v4", now),
        )
        self._bus.tell("TRAP", headers)

    # --- the switch ---------------------------------------------------------------------------------

    def heartbeat(self, shown: SwitchSnapshot, idle_cpu: float) -> None:
        """``idle_cpu`` is a percentage."""
        self._bus.tell("HEARTBEAT", _heartbeat(shown, idle_cpu))


def _trap(condition: str, before: str, now: str, reason: str) -> Iterator[Header]:
    yield "condition", condition
    yield "network-external-address-previous-v4", before
    yield "network-external-address-change-v4", now
    yield "reason", reason


def _registered(binding: Binding, *, gone: bool) -> Iterator[Header]:
    user, _, host = binding.aor.partition("@")
    origin = binding.origin
    yield "profile-name", origin.profile
    yield "from-user", user
    yield "from-host", host
    if not gone:
        yield "presence-hosts", host
    yield "contact", f'"{user}" <{dialled_uri(binding)}>'
    yield "call-id", binding.call_id
    yield "rpid", "unknown"
    if not gone:
        yield "status", f"Registered({origin.status})"
    yield "expires", str(max(round(binding.expires_at - binding.updated_at), 0))
    yield "to-user", user
    yield "to-host", host
    yield "network-ip", binding.source.host
    yield "network-port", str(binding.source.port)
    yield "username", origin.username
    yield "realm", origin.realm
    yield "user-agent", binding.user_agent


def _expired(binding: Binding, what: str) -> Iterator[Header]:
    user, _, host = binding.aor.partition("@")
    yield "profile-name", binding.origin.profile
    yield "call-id", binding.call_id
    yield "user", user
    yield "host", host
    yield "contact", f'"{user}" <{dialled_uri(binding)}>'
    yield "expires", str(max(round(binding.expires_at - binding.updated_at), 0))
    yield "user-agent", binding.user_agent
    yield "realm", binding.origin.realm
    yield "reason", "it answers no OPTIONS" if what == "unreachable" else "it ran out"


def _heartbeat(shown: SwitchSnapshot, idle_cpu: float) -> Iterator[Header]:
    yield "Event-Info", "System Ready"
    yield "Up-Time", uptime_words(shown.uptime)
    yield "FreeSWITCH-Version", shown.version
    yield "Uptime-msec", str(int(shown.uptime * 1000))
    yield "Session-Count", str(len(shown.channels))
    yield "Max-Sessions", str(shown.sessions_max)
    yield "Session-Per-Sec", str(shown.per_second_max)
    yield "Session-Per-Sec-Last", str(shown.per_second)
    yield "Session-Per-Sec-Max", str(shown.per_second_peak)
    yield "Session-Per-Sec-FiveMin", str(shown.per_second_peak_5min)
    yield "Session-Since-Startup", str(shown.sessions_since_start)
    yield "Session-Peak-Max", str(shown.sessions_peak)
    yield "Session-Peak-FiveMin", str(shown.sessions_peak_5min)
    yield "Idle-CPU", f"{idle_cpu:.6f}"
    yield "Heartbeat-Interval", str(HEARTBEAT_INTERVAL)
