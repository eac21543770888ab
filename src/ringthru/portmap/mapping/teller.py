"""What subscribers and the log hear of our mappings.

Lives here: the events and their words, each told once. Never here: what causes them.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import DEBUG, WARNING

from ...net.values import frozen
from ..events import (
    Event,
    FilterJudged,
    MappingAdded,
    MappingFailed,
    MappingFell,
    MappingProven,
    MappingRemoved,
)
from ..snapshots import Filtering, FilterTruth
from ..values import Rung
from .lease import Lease


@frozen
class Released:
    """A lease has left the book; ``agreed`` unless the gateway could not be made to delete it."""

    lease: Lease
    agreed: bool


class Teller:
    """Collects events until somebody drains them."""

    def __init__(self, log: Callable[[int, str], None]) -> None:
        self.log = log
        self._events: list[Event | Released] = []

    def events(self) -> list[Event | Released]:
        events, self._events = self._events, []
        return events

    def added(self, lease: Lease) -> None:
        wanted, port = lease.wanted, lease.external_port
        assert port is not None
        self.log(DEBUG, mapped_words(lease, port))
        event = MappingAdded(wanted.protocol, wanted.internal_port, port, wanted.sticky, wanted.family)
        self._events.append(event)

    def removed(self, lease: Lease) -> None:
        """Nothing is told of a lease that did not count as granted."""
        wanted, port = lease.wanted, lease.external_port
        if port is not None:
            event = MappingRemoved(wanted.protocol, wanted.internal_port, port, wanted.sticky, wanted.family)
            self._events.append(event)

    def failed(self, lease: Lease) -> None:
        if lease.reason == lease.told:
            return  # the same refusal again
        lease.told = lease.reason
        wanted = lease.wanted
        self.log(WARNING, f"cannot map {wanted.protocol.value} port {wanted.internal_port}: {lease.reason}")
        self._events.append(MappingFailed(wanted.protocol, wanted.internal_port, lease.reason, wanted.family))

    def proven(self, lease: Lease, rung: Rung, words: str) -> None:
        wanted = lease.wanted
        self._events.append(MappingProven(wanted.protocol, wanted.internal_port, rung, words, wanted.family))

    def fell(self, lease: Lease, rung: Rung, words: str) -> None:
        wanted = lease.wanted
        self._events.append(MappingFell(wanted.protocol, wanted.internal_port, rung, words, wanted.family))

    def filtered(self, lease: Lease, seen: Filtering) -> None:
        wanted = lease.wanted
        if seen.truth is FilterTruth.NOT_ENFORCED:
            whom = ", ".join(wanted.allow_from)
            self.log(
                WARNING, f"{lease.words} is not for {whom} alone, though the gateway said so: {seen.words}"
            )
        self._events.append(
            FilterJudged(wanted.protocol, wanted.internal_port, seen.truth, seen.words, wanted.family)
        )

    def released(self, lease: Lease, agreed: bool) -> None:
        self._events.append(Released(lease, agreed))

    def departed(self, lease: Lease, port: int, agreed: bool) -> None:
        """The gateway was asked to delete it, and did or did not."""
        if agreed:
            self.log(DEBUG, f"un{mapped_words(lease, port)}")
        else:
            self.log(WARNING, f"still {mapped_words(lease, port)}: the gateway did not delete it")
        self.released(lease, agreed)


def mapped_words(lease: Lease, external_port: int) -> str:
    wanted = lease.wanted
    protocol = wanted.protocol.value.upper()
    return f"mapped public port {external_port} protocol {protocol} to localport {wanted.internal_port}"
