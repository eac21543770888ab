"""The book of our mappings: what is wanted, what is held, what is leaving, and what to ask for next.

What to do next is read off the state, so that nothing is queued twice, and a lost gateway leaves nothing
behind to clean up. Never here: which gateway it is, or what it speaks.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import DEBUG, INFO, WARNING

from ...net.values import frozen
from ..events import Event, MappingAdded, MappingFailed, MappingRemoved
from ..gateway.orders import (
    Declined,
    Granted,
    Inspected,
    MapOrder,
    Order,
    Outcome,
    Remedy,
    UnmapOrder,
    Unmapped,
)
from ..values import MappingSnapshot, Protocol, Wanted
from .lease import DISABLED_REASON, Lease

Work = tuple[Order, Lease | None]  # None: of no lease in the book


@frozen
class Released:
    """A lease has left the book; ``agreed`` unless the gateway could not be made to delete it."""

    lease: Lease
    agreed: bool


class MappingBook:
    """Every mapping of ours. ``enabled`` False: not one order to map or unmap comes out of it."""

    def __init__(
        self, lifetime: int, pick_port: Callable[[], int], log: Callable[[int, str], None], enabled: bool
    ) -> None:
        self.enabled = enabled
        self._lifetime = lifetime
        self._pick_port = pick_port
        self._log = log
        self._leases: dict[tuple[Protocol, int], Lease] = {}
        self._leaving: dict[Lease, UnmapOrder] = {}
        self._strays: list[UnmapOrder] = []  # granted, but not what was wanted
        self._events: list[Event | Released] = []

    @property
    def cleared(self) -> bool:
        """Whether nothing is left to delete."""
        return not self._leaving and not self._strays

    def want(self, wanted: Wanted, now: float) -> Lease:
        """The lease for it; the same protocol and internal port twice is the same lease."""
        key = (wanted.protocol, wanted.internal_port)
        if key not in self._leases:
            lease = self._leases[key] = Lease(wanted, self._lifetime, self._pick_port, now)
            if not self.enabled:
                self._log(INFO, DISABLED_REASON)
                lease.disable()
        return self._leases[key]

    def holds(self, lease: Lease) -> bool:
        """Whether the lease is still in the book."""
        return self._leases.get((lease.wanted.protocol, lease.wanted.internal_port)) is lease

    def release(self, lease: Lease, asked: bool, reachable: bool) -> None:
        """Take a lease out, to be deleted when the gateway may hold it.

        ``asked``: its order is in flight; ``reachable``: there is a gateway to ask, or may be one soon.
        """
        del self._leases[(lease.wanted.protocol, lease.wanted.internal_port)]
        if lease.external_port is not None:
            self._events.append(_removal(lease))
        if (lease.may_remain or asked) and reachable and self.enabled:
            self._leaving[lease] = lease.unmap_order()
        else:
            self._events.append(Released(lease, not lease.may_remain))

    def leases(self) -> list[Lease]:
        return list(self._leases.values())

    def set_enabled(self, enabled: bool, now: float) -> None:
        self.enabled = enabled
        for lease in self._leases.values():
            if enabled:
                lease.enable(now)
            else:
                lease.disable()

    def ask_all_again(self, now: float) -> None:
        for lease in self._leases.values():
            lease.ask_again(now)

    def expire(self, now: float) -> None:
        for lease in self._leases.values():
            if lease.expire(now):
                self._lose(lease, now, lease.reason or "the lease ended without a renewal")

    def lose_all(self, now: float, reason: str) -> None:
        """The gateway is gone; whether its mappings went with it, nobody knows."""
        for lease in self._leases.values():
            self._lose(lease, now, reason)

    def give_up_deletions(self) -> None:
        """There is nobody to ask for them."""
        for lease in list(self._leaving):
            self._departed(lease, agreed=False)
        self._strays.clear()

    def note(self, reason: str) -> None:
        """Say why nothing is mapped, to those that were never told."""
        for lease in self._leases.values():
            lease.reason = lease.reason or reason

    def snapshot(self, now: float) -> tuple[MappingSnapshot, ...]:
        keys = sorted(self._leases, key=lambda key: (key[1], key[0].value))
        return tuple(self._leases[key].snapshot(now) for key in keys)

    def next_expiry(self) -> float | None:
        times = (lease.expires_at for lease in self._leases.values())
        return min((each for each in times if each is not None), default=None)

    def next_due(self) -> float | None:
        """When there is something to ask a gateway, if there is one."""
        times = (lease.due_at for lease in self._leases.values() if self.enabled)
        return min((each for each in times if each is not None), default=None)

    def events(self) -> list[Event | Released]:
        events, self._events = self._events, []
        return events

    def next_deletion(self) -> Work | None:
        if not self.enabled:
            return None
        for lease, order in self._leaving.items():
            return order, lease
        return (self._strays[0], None) if self._strays else None

    def next_mapping(self, now: float) -> Work | None:
        """The mapping that has been due longest; when none is, one to read back."""
        if not self.enabled:
            return None
        due = [each for each in self._leases.values() if each.due_at is not None and each.due_at <= now]
        for lease in sorted(due, key=lambda each: each.due_at or 0.0):
            if self._settle_on_a_port(lease, now):
                return lease.order(), lease
        for lease in self._leases.values():
            if lease.inspect:
                return lease.inspect_order(), lease
        return None

    def answered(self, order: Order, lease: Lease | None, outcome: Outcome, now: float) -> None:
        """Take what came of an order of ours."""
        if isinstance(order, UnmapOrder):
            self._unmapped(order, lease, isinstance(outcome, Unmapped))
        elif lease is None or not self.holds(lease):
            return  # released while the order was in flight
        elif isinstance(outcome, Granted):
            self._granted(lease, outcome, now)
        elif isinstance(outcome, Inspected):
            self._inspected(lease, outcome, now)
        elif isinstance(outcome, Declined) and lease.declined(outcome, now):
            self._failed(lease)
        if lease is not None and not self.enabled:
            lease.disable()

    def unanswered(self, order: Order, lease: Lease | None) -> None:
        """Nobody knows what came of it: a mapping may have been made, a deletion is not tried again."""
        if isinstance(order, UnmapOrder):
            self._unmapped(order, lease, agreed=False)
        elif isinstance(order, MapOrder) and lease is not None:
            lease.may_remain = True

    def _settle_on_a_port(self, lease: Lease, now: float) -> bool:
        """Move off a port that another mapping of ours holds. False: there is nowhere to go."""
        refusal = Declined("another mapping of ours has that external port", Remedy.ANOTHER_PORT)
        while self._taken_by_us(lease):
            if lease.declined(refusal, now):
                self._failed(lease)
                return False
        return True

    def _taken_by_us(self, lease: Lease) -> bool:
        return self._other_holder(lease, lease.order().external_port) is not None

    def _other_holder(self, lease: Lease, external_port: int) -> Lease | None:
        """Another mapping of ours that has this external port, of the same protocol."""
        key = (lease.wanted.protocol, external_port)
        others = (each for each in self._leases.values() if each is not lease)
        return next((each for each in others if (each.wanted.protocol, each.external_port) == key), None)

    def _granted(self, lease: Lease, granted: Granted, now: float) -> None:
        wanted, before = lease.wanted, lease.external_port
        objection = self._objection(lease, granted.external_port)
        if objection is not None:
            self._give_back(lease, granted.external_port, objection, now)
            return
        if before is not None and before != granted.external_port:
            self._events.append(_removal(lease))
        lease.granted(granted.external_port, granted.lifetime, granted.verified, now)
        if before != granted.external_port:
            self._log(DEBUG, _words(lease, granted.external_port))
            self._events.append(
                MappingAdded(wanted.protocol, wanted.internal_port, granted.external_port, wanted.sticky)
            )

    def _objection(self, lease: Lease, port: int) -> Declined | None:
        """Why a granted external port will not do; None: it will."""
        if lease.wanted.exact and port != lease.wanted.wanted_external_port:
            return Declined(f"the gateway offers external port {port} instead")
        if self._other_holder(lease, port) is not None:
            reason = f"the gateway offers external port {port}, which another mapping of ours has"
            return Declined(reason, Remedy.ANOTHER_PORT)
        return None

    def _give_back(self, lease: Lease, port: int, objection: Declined, now: float) -> None:
        """Have a grant deleted that will not do; what it may have overwritten is made again."""
        self._strays.append(UnmapOrder(lease.wanted.protocol, lease.wanted.internal_port, port))
        holder = self._other_holder(lease, port)
        if holder is not None:
            holder.ask_again(now)
        if lease.external_port is not None:
            self._lose(lease, now, objection.reason)
        if lease.declined(objection, now):
            self._failed(lease)

    def _inspected(self, lease: Lease, inspected: Inspected, now: float) -> None:
        lease.inspect = False
        lease.inspected(inspected.lifetime, now)
        if inspected.missing and lease.external_port is not None:
            lease.reason = "the gateway accepted the mapping, but does not list it"
            self._log(WARNING, f"{_words(lease, lease.external_port)}: {lease.reason}")

    def _unmapped(self, order: UnmapOrder, lease: Lease | None, agreed: bool) -> None:
        if lease is not None:
            self._departed(lease, agreed)
        elif order in self._strays:
            self._strays.remove(order)

    def _departed(self, lease: Lease, agreed: bool) -> None:
        order = self._leaving.pop(lease, None)
        if order is None:
            return
        if agreed:
            self._log(DEBUG, f"un{_words(lease, order.external_port)}")
        else:
            self._log(WARNING, f"still {_words(lease, order.external_port)}: the gateway did not delete it")
        self._events.append(Released(lease, agreed))

    def _lose(self, lease: Lease, now: float, reason: str) -> None:
        if lease.external_port is not None:
            self._events.append(_removal(lease))
        lease.lose(now, reason)
        if not self.enabled:
            lease.disable()

    def _failed(self, lease: Lease) -> None:
        if lease.reason == lease.told:
            return  # the same refusal again
        lease.told = lease.reason
        wanted = lease.wanted
        self._log(WARNING, f"cannot map {wanted.protocol.value} port {wanted.internal_port}: {lease.reason}")
        self._events.append(MappingFailed(wanted.protocol, wanted.internal_port, lease.reason))


def _removal(lease: Lease) -> MappingRemoved:
    wanted, port = lease.wanted, lease.external_port
    assert port is not None
    return MappingRemoved(wanted.protocol, wanted.internal_port, port, wanted.sticky)


def _words(lease: Lease, external_port: int) -> str:
    wanted = lease.wanted
    protocol = wanted.protocol.value.upper()
    return f"mapped public port {external_port} protocol {protocol} to localport {wanted.internal_port}"
