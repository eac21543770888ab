"""What a trunk shows of itself, and what it counts.

Lives here: the snapshot. Never here: the text that faces make of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...net.values import record
from ..configuration.trunk_settings import place_uri
from ..snapshots import TrunkSnapshot
from . import requests
from .registration import TrunkRegistration

if TYPE_CHECKING:
    from ..registrations.keepalive import Ping


@record
class Counters:
    """Calls over one trunk since the start."""

    calls_in: int = 0
    failed_calls_in: int = 0
    calls_out: int = 0
    failed_calls_out: int = 0


def snapshot_of(
    each: TrunkRegistration, ping: Ping, counters: Counters, *, up: bool, now: float
) -> TrunkSnapshot:
    """``up``: whether calls may go out; ``now`` in seconds of the loop's clock."""
    settings, trunk = each.settings, each.trunk
    timeout = trunk.next_try
    contact = trunk.registered.contact if trunk.registered is not None else _contact_now(each)
    return TrunkSnapshot(
        name=settings.name,
        profile=settings.profile,
        realm=settings.realm,
        username=settings.username,
        has_password=bool(settings.password),
        from_uri=requests.from_uri(settings),
        contact=contact,
        extension=settings.extension or settings.username,
        to_uri=requests.to_uri(settings),
        proxy=str(place_uri(settings.proxy)),
        context=settings.context or each.profile.settings.context,
        expires=settings.expire_seconds,
        state=trunk.state.value,
        reason=trunk.reason,
        answered=trunk.answered,
        up=up,
        next_try=max(timeout - now, 0.0) if timeout is not None else None,
        expires_in=max(trunk.expires_at - now, 0.0) if trunk.registered is not None else None,
        ping_interval=settings.ping,
        ping_reachable=ping.reachable,
        ping_seconds=ping.seconds,
        ping_min=settings.ping_min,
        ping_count=ping.count,
        ping_max=settings.ping_max,
        uptime=now - each.since if each.since else 0.0,
        registrar=trunk.flow.remote if trunk.flow is not None else None,
        calls_in=counters.calls_in,
        failed_calls_in=counters.failed_calls_in,
        calls_out=counters.calls_out,
        failed_calls_out=counters.failed_calls_out,
        transport=trunk.flow.transport if trunk.flow is not None else "",
        shown=each.shown,
        seen_at=each.mirrored,
        rewritten=each.rewritten,
    )


def _contact_now(each: TrunkRegistration) -> str:
    """The Contact that would be sent now: external or not, as the provider sees us."""
    flow = each.trunk.flow or next(iter(each.trunk.flows), None)
    transport = flow.transport if flow is not None else "UDP"
    seen = each.profile.seen_by(flow.remote.host if flow is not None else None, transport).signalling
    return f"sip:{each.settings.contact_user}@{seen}"
