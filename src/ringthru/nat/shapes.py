"""What ``--json`` prints: the engine's values as JSON objects. The guide documents each field.

Fields are only ever added. Instants are seconds since 1970, spans are seconds, ports are numbers, and what is
not known is null.

Lives here: the shapes. Never here: what is asked of a gateway.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from ..net.address import Endpoint
from ..portmap.group.values import GroupEvent
from ..portmap.memory.holding import JournalEntry
from ..portmap.memory.profile import GatewayProfile
from ..portmap.memory.profile_codec import words as profile_words
from ..portmap.snapshots import MapperSnapshot, MappingSnapshot, PeerSnapshot, ServiceSnapshot
from ..portmap.values import Family, GatewayEntry
from . import memory
from .survey import Probe
from .words import kind_sentence


def gateway(snapshot: MapperSnapshot) -> dict[str, Any] | None:
    """The gateway in use; null when there is none."""
    if snapshot.type is None:
        return None
    return {
        "address": snapshot.gateway,
        "protocol": snapshot.type.value,
        "description": snapshot.description,
        "fingerprint": snapshot.fingerprint,
        "learned": list(snapshot.learned),
    }


def external(snapshot: MapperSnapshot) -> dict[str, Any]:
    return {
        "address": snapshot.reported_address,
        "usable": snapshot.external_address is not None,
        "kind": snapshot.address_kind.value if snapshot.address_kind else None,
        "meaning": kind_sentence(snapshot),
    }


def service(found: ServiceSnapshot, kind: str | None, took: float | None) -> dict[str, Any]:
    return {
        "protocol": found.type.value,
        "gateway": found.gateway,
        "description": found.words,
        "external_address": found.external_address,
        "kind": kind,
        "status": found.status,
        "location": found.location,
        "in_use": found.in_use,
        "answered_after": None if took is None else round(took, 4),
    }


def probe(family: Family, ended: Probe) -> dict[str, Any]:
    """How asking by one protocol ended, after so many seconds."""
    return {
        "family": family.value,
        "protocol": ended.protocol.value,
        "outcome": ended.outcome,
        "after": round(ended.after, 4),
    }


def mapping(shown: MappingSnapshot, external_address: str | None) -> dict[str, Any]:
    return {
        "protocol": shown.protocol.value,
        "family": shown.family.value,
        "internal_port": shown.internal_port,
        "external_address": shown.external_address or external_address,
        "external_port": shown.external_port,
        "state": shown.state.value,
        "rung": shown.rung.value,
        "lifetime_left": None if shown.lifetime_left is None else round(shown.lifetime_left),
        "reason": shown.reason,
        "label": shown.label,
        "internal_client": shown.internal_client,
        "allow_from": list(shown.allow_from),
        "filtering": None
        if shown.filtering is None
        else {"truth": shown.filtering.truth.value, "words": shown.filtering.words},
        "evidence": [
            {"rung": each.rung.value, "holds": each.holds, "words": each.words} for each in shown.evidence
        ],
        "attempts": [
            {"asked": each.asked, "answer": each.answer, "reading": each.reading, "next": each.next}
            for each in shown.attempts
        ],
    }


def peer(shown: PeerSnapshot) -> dict[str, Any]:
    return {
        "protocol": shown.protocol.value,
        "family": shown.family.value,
        "internal_port": shown.internal_port,
        "remote": str(shown.remote),
        "external_address": shown.external.host if shown.external else None,
        "external_port": shown.external.port if shown.external else None,
        "near_address": shown.near.host if shown.near else None,
        "near_port": shown.near.port if shown.near else None,
        "state": shown.state.value,
        "lifetime_left": None if shown.lifetime_left is None else round(shown.lifetime_left),
        "reason": shown.reason,
    }


def remembered(entry: JournalEntry, listed: bool | None) -> dict[str, Any]:
    """A line of the journal; ``listed`` null: the gateway cannot tell, or was not asked."""
    holding = entry.holding
    left = memory.left(entry)
    return {
        "protocol": holding.protocol.value,
        "family": holding.family.value,
        "internal_port": holding.internal_port,
        "internal_client": holding.internal_client or None,
        "allow_from": list(holding.allow_from),
        "external_port": holding.external_port or None,  # of a flow, 0: it may be any
        "description": holding.description,
        "remote": holding.remote or None,
        "gateway": entry.gateway.address,
        "by": entry.gateway.type.value,
        "lifetime_left": None if left is None else round(left),
        "made_at": round(entry.at),
        "kept": entry.kept,
        "listed": listed,
    }


def entry(listed: GatewayEntry, allow_from: tuple[str, ...] = ()) -> dict[str, Any]:
    """A line of the gateway's table; ``allow_from`` is what we remember of it: no table shows that."""
    return {
        "protocol": listed.protocol.value,
        "external_port": listed.external_port,
        "internal_client": listed.internal_client,
        "internal_port": listed.internal_port,
        "description": listed.description,
        "lifetime_left": listed.lifetime,
        "enabled": listed.enabled,
        "ours": listed.ours,
        "allow_from": list(allow_from),
    }


def profile(learned: GatewayProfile) -> dict[str, Any]:
    names: tuple[str, ...] = learned.__match_args__
    return {name: _plain(getattr(learned, name)) for name in names} | {"words": list(profile_words(learned))}


def event(told: GroupEvent, at: float, interface: str = "") -> dict[str, Any]:
    """One event; its name in ``event``, its fields beside it, and the interface where there are several."""
    names: tuple[str, ...] = told.__match_args__
    where = {"interface": interface} if interface else {}
    head = {"event": type(told).__name__, "at": round(at, 3)} | where
    return head | {name: _plain(getattr(told, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Endpoint):
        return str(value)
    return sorted(value) if isinstance(value, frozenset) else value
