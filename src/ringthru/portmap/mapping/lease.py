"""One mapping kept alive: when to ask, for which port, and what a refusal leads to.

Knows no protocol: orders and outcomes are those of every gateway. The engine asks ``order()`` when
``due_at`` has come, and tells what came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..gateway.orders import Declined, InspectOrder, MapOrder, Remedy, UnmapOrder
from ..values import OUR_NAME, MappingSnapshot, MappingState, Wanted

SHORTEST_RENEWAL: Final = 4.0  # seconds; no answer may make us spin (RFC 6887 §11.2.1 agrees)
MOST_PORTS_TRIED: Final = 8  # external ports after conflicts, then it waits
FIRST_RETRY: Final = 5.0  # seconds after a refusal, doubled up to
LAST_RETRY: Final = 900.0
FIRST_PERMISSION_RETRY: Final = 300.0  # seconds: somebody must turn a switch first; doubled up to
LAST_PERMISSION_RETRY: Final = 3600.0
LONGEST_DESCRIPTION: Final = 31  # characters; some gateways cut or refuse more
ALLOWED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-")
DISABLED_REASON: Final = "NAT port mapping disabled"


def describe(wanted: Wanted) -> str:
    """A description fit for every gateway: short, plain, and unique per protocol and port."""
    unique = f"{wanted.protocol.value} {wanted.internal_port}"
    label = "".join(c if c in ALLOWED else " " for c in wanted.label).strip()
    if label and str(wanted.internal_port) in label and wanted.protocol.value in label.lower():
        unique = ""
    room = LONGEST_DESCRIPTION - len(unique) - 1 if unique else LONGEST_DESCRIPTION
    return f"{(label or OUR_NAME)[:room].rstrip()} {unique}".rstrip()


class Lease:
    """Our record of a mapping. Instants are seconds of the engine's clock."""

    def __init__(self, wanted: Wanted, lifetime: int, pick_port: Callable[[], int], now: float) -> None:
        self.wanted = wanted
        self.listed = wanted.listed
        self.state = MappingState.REQUESTED
        self.external_port: int | None = None  # held now
        self.expires_at: float | None = None  # None: not held, or for ever
        self.due_at: float | None = now  # when to ask next; None: not at all
        self.inspect = False  # the granted lifetime is to be read back
        self.may_remain = False  # some gateway may hold it, whatever became of our own record
        self.reason = ""
        self.told = ""  # the last refusal that subscribers heard of
        self._lifetime = lifetime
        self._pick_port = pick_port
        self._port = wanted.wanted_external_port  # to ask for
        self._ports_tried = 1
        self._refusals = 0

    def order(self) -> MapOrder:
        """What to ask. The port held is suggested again, so that a rebooted gateway can restore it."""
        wanted = self.wanted
        return MapOrder(wanted.protocol, wanted.internal_port, self._port, self._lifetime, describe(wanted))

    def inspect_order(self) -> InspectOrder:
        assert self.external_port is not None
        return InspectOrder(self.wanted.protocol, self.wanted.internal_port, self.external_port)

    def unmap_order(self) -> UnmapOrder:
        """How to delete it; the port last asked for, when none is known to be held."""
        port = self._port if self.external_port is None else self.external_port
        return UnmapOrder(self.wanted.protocol, self.wanted.internal_port, port)

    def granted(self, external_port: int, lifetime: int, verified: bool, now: float) -> None:
        """The gateway said yes; ``lifetime`` is what it granted, 0 for ever."""
        self.state = MappingState.ACCEPTED
        self.external_port = self._port = external_port
        self.inspect = not verified
        self.may_remain = True
        self.reason = self.told = ""
        self._ports_tried, self._refusals = 1, 0
        self._held_for(lifetime, now)

    def inspected(self, lifetime: int | None, now: float) -> None:
        """The gateway listed the mapping with ``lifetime`` seconds left; a shorter lease is taken note of."""
        if lifetime and self.state is MappingState.ACCEPTED and lifetime < self._lifetime:
            self._held_for(lifetime, now)

    def declined(self, refusal: Declined, now: float) -> bool:
        """The gateway said no. True: that is the verdict; False: another port is worth asking at once."""
        if self._another_port(refusal.remedy):
            self.due_at = now
            return False
        self.reason = refusal.reason
        self._port = self.external_port or self.wanted.wanted_external_port
        self._ports_tried = 1
        if self.state is MappingState.ACCEPTED:
            self._retry_renewal(now)
        else:
            self.state = MappingState.REFUSED
            self.due_at = now + self._retry_delay(refusal.remedy)
        return True

    def ask_again(self, now: float) -> None:
        """Ask now, whatever was agreed: the gateway may have lost it."""
        if self.state is not MappingState.DISABLED:
            self.due_at = now

    def expire(self, now: float) -> bool:
        """True when the lease has ended: no gateway holds it any more."""
        if self.expires_at is None or now < self.expires_at:
            return False
        self.may_remain = False
        return True

    def lose(self, now: float, reason: str) -> None:
        """The mapping is not there any more; ask again as soon as somebody can be asked."""
        if self.state is MappingState.DISABLED:
            return
        self.state = MappingState.REQUESTED
        self.external_port = self.expires_at = None
        self.inspect = False
        self.reason = reason
        self._ports_tried, self._refusals = 1, 0
        self.due_at = now

    def disable(self) -> None:
        """Port mapping is off: ask nothing; what is held stays until its lease ends."""
        self.due_at = None
        self.inspect = False
        if self.external_port is None:
            self.state = MappingState.DISABLED
            self.reason = DISABLED_REASON

    def enable(self, now: float) -> None:
        if self.state is MappingState.DISABLED:
            self.state = MappingState.REQUESTED
            self.reason = ""
        self.due_at = now

    def snapshot(self, now: float) -> MappingSnapshot:
        left = None if self.expires_at is None else max(0.0, self.expires_at - now)
        wanted = self.wanted
        return MappingSnapshot(
            wanted.protocol,
            wanted.internal_port,
            self.external_port,
            self.state,
            wanted.sticky,
            self.listed,
            left,
            self.reason,
        )

    def _held_for(self, lifetime: int, now: float) -> None:
        """Renew at half of the granted lifetime; what is held for ever is asked again as often as a lease."""
        self.expires_at = now + lifetime if lifetime else None
        self.due_at = now + max((lifetime or self._lifetime) / 2, SHORTEST_RENEWAL)

    def _another_port(self, remedy: Remedy) -> bool:
        if self.wanted.exact or self._ports_tried >= MOST_PORTS_TRIED:
            return False
        if remedy is Remedy.SAME_PORT and self._port != self.wanted.internal_port:
            self._port = self.wanted.internal_port
        elif remedy is Remedy.ANOTHER_PORT:
            self._port = self._pick_port()
        else:
            return False
        self._ports_tried += 1
        return True

    def _retry_renewal(self, now: float) -> None:
        """At half of what remains (RFC 6887 §11.2.1 for leases in general)."""
        left = self._lifetime if self.expires_at is None else self.expires_at - now
        self.due_at = now + max(left / 2, SHORTEST_RENEWAL)

    def _retry_delay(self, remedy: Remedy) -> float:
        slow = remedy is Remedy.PERMISSION
        first, last = (FIRST_PERMISSION_RETRY, LAST_PERMISSION_RETRY) if slow else (FIRST_RETRY, LAST_RETRY)
        delay = min(first * 2.0 ** min(self._refusals, 20), last)
        self._refusals += 1
        return delay
