"""The connections of one profile: how many there may be, and which of them a message takes.

Lives here: the book, and its caps.
Never here: sockets, one connection's own rules (`connection.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count

from ...net.address import Endpoint
from ...net.values import frozen, record, replace
from ..flow import Flow


@frozen
class ConnectionLimits:
    """How many connections may be open at once, and what they may hold.

    A busy office behind one NAT has hundreds of phones; more than that from one address is an attack.
    """

    per_source: int = 500
    total: int = 5_000
    opened: int = 1_000  # by us; strangers at the door must not keep us from calling out
    back: int = 4  # of these, to a host that closed its own connection while we owed it an answer
    unproven_per_source: int = 50  # still in their TLS handshake, or silent: nothing whole was said yet
    unread: int = 16 * 1024 * 1024  # bytes of unfinished messages, all connections together
    unsent: int = 256 * 1024  # bytes that wait for one peer who does not read

    def within(self, descriptors: int) -> ConnectionLimits:
        """The same where the process may have so many sockets: an eighth of them, for calls need some."""
        share = max(descriptors // 8, 1)
        return replace(
            self,
            total=min(self.total, share),
            per_source=min(self.per_source, max(share // 2, 1)),
            unproven_per_source=min(self.unproven_per_source, max(share // 4, 1)),
            opened=min(self.opened, share),
        )


@record
class Entry:
    """What the book knows of one connection."""

    transport: str
    remote: Endpoint
    name: str  # the domain it was opened for; "" when the peer opened it, or none was meant
    opened_by_us: bool
    proven: bool
    unread: int = 0


class ConnectionBook:
    """Connections by number, and by peer. A number is never used twice."""

    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self.limits = limits or ConnectionLimits()
        self.refused = 0  # connections that a cap kept out, since the start
        self._entries: dict[int, Entry] = {}
        self._by_peer: dict[tuple[str, Endpoint, str], int] = {}
        self._sources: Counter[str] = Counter()
        self._unproven: Counter[str] = Counter()
        self._opened: set[int] = set()
        self._to: Counter[str] = Counter()  # connections that we opened, by host
        self._numbers = count(1)
        self._unread = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[int]:
        return iter(tuple(self._entries))

    def room_for(self, source: str) -> str | None:
        """Why a connection from ``source`` is not taken; None when it is."""
        limits = self.limits
        reason = None
        if len(self._entries) - len(self._opened) >= limits.total:
            reason = f"{limits.total} connections are open"
        elif self._sources[source] >= limits.per_source:
            reason = f"{limits.per_source} connections of {source} are open"
        elif self._unproven[source] >= limits.unproven_per_source:
            reason = f"{limits.unproven_per_source} connections of {source} have said nothing yet"
        if reason is not None:
            self.refused += 1
        return reason

    def room_to_open(self, host: str, *, back: bool = False) -> str | None:
        """Why no connection of ours is opened to ``host``; None when it is.

        ``back``: because the peer closed its own while we owed it something (§18.2.2). Anybody can bring
        that about, so there are few to one host, and half of the room is kept for what we want ourselves.
        """
        limits = self.limits
        if len(self._opened) >= limits.opened:
            return f"{limits.opened} connections of ours are open"
        if back and self._to[host] >= limits.back:
            return f"{limits.back} connections back to {host} are open"
        if back and len(self._opened) >= limits.opened // 2:
            return "half of the connections we may open are open"
        return None

    def add(self, transport: str, remote: Endpoint, name: str = "", *, opened_by_us: bool = False) -> int:
        """Write a connection into the book; its number."""
        number = next(self._numbers)
        self._entries[number] = Entry(transport, remote, name, opened_by_us, proven=opened_by_us)
        self._by_peer[transport, remote, name] = number
        if opened_by_us:
            self._opened.add(number)
            self._to[remote.host] += 1
        else:
            self._sources[remote.host] += 1
            self._unproven[remote.host] += 1
        return number

    def note(self, number: int, *, proven: bool, unread: int) -> bool:
        """Keep in step with the connection; False when unfinished messages fill what there is for them."""
        entry = self._entries[number]
        if proven and not entry.proven:
            entry.proven = True
            _less(self._unproven, entry.remote.host)
        self._unread += unread - entry.unread
        entry.unread = unread
        return not unread or self._unread <= self.limits.unread

    def remove(self, number: int) -> None:
        entry = self._entries.pop(number, None)
        if entry is None:
            return
        self._unread -= entry.unread
        if entry.opened_by_us:
            self._opened.discard(number)
            _less(self._to, entry.remote.host)
        else:
            self._leave(entry)
        peer = (entry.transport, entry.remote, entry.name)
        if self._by_peer.get(peer) == number:
            del self._by_peer[peer]

    def find(self, flow: Flow) -> int | None:
        """The open connection a message takes: the flow's own, else one to the same peer.

        One that was opened for another domain, or by the peer, proves nothing about ``flow.name``.
        """
        own = self._entries.get(flow.connection)
        if own is not None and own.transport == flow.transport:
            return flow.connection
        return self._by_peer.get((flow.transport, flow.remote, flow.name))

    def _leave(self, entry: Entry) -> None:
        _less(self._sources, entry.remote.host)
        if not entry.proven:
            _less(self._unproven, entry.remote.host)


def _less(counter: Counter[str], host: str) -> None:
    """One less; a host that has none is forgotten."""
    counter[host] -= 1
    if counter[host] <= 0:
        del counter[host]
