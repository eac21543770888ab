"""The fake gateway's mapping table: who holds which external port until when, and who is refused.

Lives here: entries, leases, the rules for granting, and the quirks that change them.
Never here: protocol bytes, sockets.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from enum import Enum
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from itertools import chain
from typing import Final, NamedTuple

from ..net.address import Endpoint
from ..net.values import frozen
from .quirks import Quirks

MOST_ENTRIES: Final = 512
FIRST_FREE: Final = 20000  # where the search for a free external port goes on when the wanted one is held
LAST_PORT: Final = 65535


class Key(NamedTuple):
    """What a mapping is known by: "udp" or "tcp", and the external port."""

    protocol: str
    external_port: int

    @property
    def companion(self) -> Key:
        """The same port of the other protocol."""
        return Key("tcp" if self.protocol == "udp" else "udp", self.external_port)


@frozen
class Entry:
    """One granted mapping. ``expires_at`` is on the gateway's clock; None: permanent."""

    key: Key
    internal: Endpoint
    description: str
    made_by: str  # "natpmp" or "upnp"
    expires_at: float | None


class Reason(Enum):
    """Why a mapping was refused."""

    CONFLICT = "another host holds the external port"
    NOT_AUTHORIZED = "this gateway does not let you"
    ONLY_PERMANENT = "only permanent leases are supported"
    FULL = "the table is full"
    FAILED = "the port cannot be opened"


class Refused(Exception):
    """A mapping that was not granted."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class MappingTable:
    """One gateway's table. ``open_port`` starts forwarding (or raises OSError), ``close_port`` ends it."""

    def __init__(
        self,
        inside: IPv4Network,
        clock: Callable[[], float],
        open_port: Callable[[Key, Endpoint], None],
        close_port: Callable[[Key], None],
    ) -> None:
        self.quirks = Quirks()
        self._inside = inside
        self._clock = clock
        self._open_port = open_port
        self._close_port = close_port
        self._entries: dict[Key, Entry] = {}

    def add(
        self, key: Key, internal: Endpoint, lifetime: int | None, *, description: str, made_by: str
    ) -> Entry:
        """Grant or renew exactly this external port. ``lifetime`` in seconds; None: for ever.

        Raises:
            Refused: with the reason.
        """
        self._check(key, internal, lifetime, made_by)
        held = self._entries.get(key)
        if held is None or held.internal != internal:
            self._open(key, internal)
        entry = Entry(key, internal, description, made_by, self._expiry(lifetime))
        self._entries[key] = entry
        return entry

    def add_near(
        self, key: Key, internal: Endpoint, lifetime: int | None, *, description: str, made_by: str
    ) -> Entry:
        """Grant the port this client already has, else the suggested one, else a free one (RFC 6886 §3.3).

        Raises:
            Refused: with the reason; never CONFLICT unless no port is left.
        """
        held = next((e.key for e in self if e.key.protocol == key.protocol and e.internal == internal), None)
        for candidate in (held,) if held else self._candidates(key):
            other = self.get(candidate)
            if other is not None and other.internal != internal:
                continue  # of this host or another: a suggestion overwrites nothing
            try:
                return self.add(candidate, internal, lifetime, description=description, made_by=made_by)
            except Refused as refused:
                if refused.reason is not Reason.CONFLICT:
                    raise
        raise Refused(Reason.CONFLICT)

    def delete(self, key: Key) -> bool:
        """Take a mapping away; False when there was none."""
        if self._entries.pop(key, None) is None:
            return False
        self._close_port(key)
        return True

    def clear(self) -> None:
        for key in list(self._entries):
            self.delete(key)

    def expire(self) -> None:
        """Take away what has expired."""
        now = self._clock()
        for entry in list(self._entries.values()):
            if entry.expires_at is not None and entry.expires_at <= now:
                self.delete(entry.key)

    def get(self, key: Key) -> Entry | None:
        self.expire()
        return self._entries.get(key)

    def __iter__(self) -> Iterator[Entry]:
        """The mappings in force, in the order they were made."""
        self.expire()
        return iter(tuple(self._entries.values()))

    def lifetime_left(self, entry: Entry) -> float | None:
        """Seconds; None: permanent."""
        return None if entry.expires_at is None else max(0.0, entry.expires_at - self._clock())

    def is_inside(self, host: str) -> bool:
        try:
            return IPv4Address(host) in self._inside
        except AddressValueError:
            return False

    def _check(self, key: Key, internal: Endpoint, lifetime: int | None, made_by: str) -> None:
        if self.quirks.refuse or not self.is_inside(internal.host):
            raise Refused(Reason.NOT_AUTHORIZED)
        if made_by == "upnp" and self.quirks.permanent_only and lifetime is not None:
            raise Refused(Reason.ONLY_PERMANENT)
        if key.external_port in self.quirks.conflicts or self._held_by_another(key, internal.host, made_by):
            raise Refused(Reason.CONFLICT)
        if len(self._entries) >= MOST_ENTRIES and key not in self._entries:
            raise Refused(Reason.FULL)

    def _held_by_another(self, key: Key, client: str, made_by: str) -> bool:
        holders = [self.get(key)]
        if made_by == "natpmp":  # §3.3: the port of the other protocol is kept for the same client too
            holders.append(self.get(key.companion))
        return any(entry is not None and entry.internal.host != client for entry in holders)

    def _open(self, key: Key, internal: Endpoint) -> None:
        try:
            self._open_port(key, internal)
        except OSError as error:
            self.delete(key)  # the old forward is gone in any case
            taken = error.errno == errno.EADDRINUSE
            raise Refused(Reason.CONFLICT if taken else Reason.FAILED) from error

    def _expiry(self, lifetime: int | None) -> float | None:
        if lifetime is None:
            return None
        longest = self.quirks.longest_lifetime
        return self._clock() + (lifetime if longest is None else min(lifetime, longest))

    def _candidates(self, key: Key) -> Iterator[Key]:
        if key.external_port:
            yield key
        after = max(FIRST_FREE, key.external_port + 1)
        for port in chain(range(after, LAST_PORT + 1), range(FIRST_FREE, after)):
            yield key._replace(external_port=port)
