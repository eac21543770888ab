"""The fake gateway's mapping table: who holds which external port until when, and who is refused.

Lives here: entries, leases, the rules for granting, and the quirks that change them.
Never here: protocol bytes, sockets.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from itertools import chain
from typing import Final, NamedTuple

from ...net.address import Endpoint
from ...net.values import frozen
from .quirks import Quirks
from .table_rows import is_held_unseen, is_kept_back, is_silently_full, quirks_of, size_of

FIRST_FREE: Final = 20000  # where the search for a free external port goes on when the wanted one is held
FIRST_UNPRIVILEGED: Final = 1024
LAST_PORT: Final = 65535
SHORT_LEASE: Final = 600  # seconds; AD32 (nano-node#3295)
MINUTE: Final = 60.0  # LI07
PURGE: Final = 600.0  # seconds; LI09
PURGED_BEYOND: Final = 20  # entries; LI09


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
    made_by: str  # "natpmp", "pcp" or "upnp"
    expires_at: float | None
    made_at: float = 0.0  # on the gateway's clock; a renewal counts
    forwarded: bool = True  # False: listed, and nothing behind it


class Reason(Enum):
    """Why a mapping was refused."""

    CONFLICT = "another host holds the external port"
    NOT_AUTHORIZED = "this gateway does not let you"
    ONLY_PERMANENT = "only permanent leases are supported"
    FULL = "the table is full"
    EXISTS = "the mapping exists already"
    BAD_PORT = "that external port is not for mappings"
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
        self._purge_at = clock() + PURGE

    def add(
        self,
        key: Key,
        internal: Endpoint,
        lifetime: int | None,
        *,
        description: str,
        made_by: str,
        forward: bool = True,
    ) -> Entry:
        """Grant or renew exactly this external port. ``lifetime`` in seconds; None: for ever.

        ``forward`` False: listed, but nothing is let in.

        Raises:
            Refused: with the reason.
        """
        self._check(key, internal, lifetime, made_by)
        quirks = quirks_of(self.quirks, made_by)
        held = self._entries.get(key)
        forward = forward and not is_kept_back(quirks, key.external_port)
        expires_at = self._expiry(lifetime, quirks)
        if held is not None and "AD33" in quirks.rows:
            expires_at = held.expires_at
        entry = Entry(key, internal, description, made_by, expires_at, self._clock(), forward)
        if "AD17" in quirks.rows or (held is None and is_silently_full(quirks, len(self._entries))):
            return entry  # a lie: it says yes and does nothing
        self._replace_others(entry, quirks)
        self._forward(entry, held)
        self._entries[key] = entry
        return entry

    def add_near(
        self,
        key: Key,
        internal: Endpoint,
        lifetime: int | None,
        *,
        description: str,
        made_by: str,
        forward: bool = True,
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
                return self.add(
                    candidate, internal, lifetime, description=description, made_by=made_by, forward=forward
                )
            except Refused as refused:
                if refused.reason not in (Reason.CONFLICT, Reason.BAD_PORT):
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

    def reopen(self) -> None:
        """Forward again what the table holds: it was kept over a power cycle (LI11)."""
        for entry in self:
            if entry.forwarded:
                with suppress(Refused):
                    self._open(entry.key, entry.internal)

    def expire(self) -> None:
        """Take away what has expired, and what the quirks take away."""
        now = self._clock()
        for entry in list(self._entries.values()):
            forgotten = self.quirks.has("LI07") and entry.made_by == "upnp" and entry.made_at + MINUTE <= now
            if forgotten or (entry.expires_at is not None and entry.expires_at <= now):
                self.delete(entry.key)
        if now >= self._purge_at:
            self._purge_at += ((now - self._purge_at) // PURGE + 1) * PURGE
            if self.quirks.has("LI09") and len(self._entries) > PURGED_BEYOND:
                self.clear()

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
        quirks = quirks_of(self.quirks, made_by)
        if quirks.refuse or "AD13" in quirks.rows or not self.is_inside(internal.host):
            raise Refused(Reason.NOT_AUTHORIZED)
        if made_by == "upnp" and lifetime is not None and (quirks.permanent_only or "AD01" in quirks.rows):
            raise Refused(Reason.ONLY_PERMANENT)
        if "AD28" in quirks.rows and 0 < key.external_port < FIRST_UNPRIVILEGED:
            raise Refused(Reason.BAD_PORT)
        if key.external_port in quirks.conflicts or is_held_unseen(quirks, key.external_port):
            raise Refused(Reason.CONFLICT)
        if self._held_by_another(key, internal.host, made_by):
            raise Refused(Reason.CONFLICT)
        self._check_own(key, internal, quirks)
        if len(self._entries) >= size_of(quirks) and key not in self._entries:
            raise Refused(Reason.FULL)

    def _check_own(self, key: Key, internal: Endpoint, quirks: Quirks) -> None:
        """What a gateway may have against the same client's earlier mapping."""
        if self.get(key) is not None:
            if "AD34" in quirks.rows:
                raise Refused(Reason.EXISTS)
            if "AD06" in quirks.rows:
                raise Refused(Reason.CONFLICT)
        if "AD07" in quirks.rows and any(
            e.internal == internal and e.key.protocol == key.protocol and e.key != key for e in self
        ):
            raise Refused(Reason.CONFLICT)

    def _replace_others(self, entry: Entry, quirks: Quirks) -> None:
        """Take away what the new mapping overwrites on some gateways."""
        if "AD20" in quirks.rows:
            self.delete(entry.key.companion)
        if "AD22" in quirks.rows:
            for other in self:
                same = other.key.protocol == entry.key.protocol and other.description == entry.description
                if same and other.key != entry.key:
                    self.delete(other.key)

    def _forward(self, entry: Entry, held: Entry | None) -> None:
        if not entry.forwarded:
            self._close_port(entry.key)
        elif held is None or held.internal != entry.internal or not held.forwarded:
            self._open(entry.key, entry.internal)

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

    def _expiry(self, lifetime: int | None, quirks: Quirks) -> float | None:
        if lifetime is None:
            return None
        longest = [] if quirks.longest_lifetime is None else [quirks.longest_lifetime]
        if "AD32" in quirks.rows:
            longest.append(SHORT_LEASE)
        return self._clock() + min([lifetime, *longest])

    def _candidates(self, key: Key) -> Iterator[Key]:
        if key.external_port:
            yield key
        after = max(FIRST_FREE, key.external_port + 1)
        for port in chain(range(after, LAST_PORT + 1), range(FIRST_FREE, after)):
            yield key._replace(external_port=port)
