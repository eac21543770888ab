"""WANIPv6FirewallControl:1 on the fake gateway: pinholes, and rows P601–P612.

Lives here: each action's arguments, answer and faults (WANIPv6FirewallControl:1 §2.5), the pinholes.
Never here: XML, HTTP, sockets, packets; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import AddressValueError, IPv6Address, IPv6Network
from math import inf
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen, replace
from .quirks import Quirks
from .upnp_arguments import Answer, Arguments, number, text
from .upnp_faults import Fault

LONGEST_LEASE: Final = 86400  # seconds (§2.2)
MOST_PINHOLES: Final = 128
PROTOCOLS: Final = {6: "tcp", 17: "udp"}  # IANA's numbers


@frozen
class Pinhole:
    """One port let in. ``expires_at`` is on the gateway's clock; ``remote`` "" and 0: from anywhere."""

    id: int
    protocol: str  # "udp" or "tcp"
    internal: Endpoint
    remote: tuple[str, int]
    expires_at: float


class FirewallControl:
    """The service of one gateway whose inside IPv6 network is ``inside``."""

    def __init__(self, inside: IPv6Network, quirks: Callable[[], Quirks], clock: Callable[[], float]) -> None:
        self.inside = inside
        self._quirks = quirks
        self._clock = clock
        self._pinholes: dict[int, Pinhole] = {}
        self._last = 0
        self._actions: dict[str, Callable[[Arguments, str], Answer]] = {
            "GetFirewallStatus": self._status,
            "GetOutboundPinholeTimeout": self._outbound_timeout,
            "AddPinhole": self._add,
            "UpdatePinhole": self._update,
            "DeletePinhole": self._delete,
            "GetPinholePackets": self._packets,
            "CheckPinholeWorking": self._check_working,
        }
        self.actions = tuple(self._actions)

    @property
    def pinholes(self) -> tuple[Pinhole, ...]:
        """Those open now, in the order they were made."""
        now = self._clock()
        self._pinholes = {n: pinhole for n, pinhole in self._pinholes.items() if pinhole.expires_at > now}
        return tuple(self._pinholes.values())

    def clear(self) -> None:
        self._pinholes.clear()
        if self._has("P612"):
            self._last = 0

    def hold(self, protocol: str, internal: Endpoint) -> None:
        """Let a port of another host in for ever, as if it had always been so."""
        self._opened(protocol, internal, ("", 0), inf)

    def invoke(self, action: str, arguments: Arguments, client: str) -> Answer:
        if action not in self._actions:
            raise Fault(401)
        return self._actions[action](arguments, client)

    def _status(self, _arguments: Arguments, _client: str) -> Answer:
        return {"FirewallEnabled": "1", "InboundPinholeAllowed": "0" if self._has("P605") else "1"}

    def _outbound_timeout(self, _arguments: Arguments, _client: str) -> Answer:
        return {"OutboundPinholeTimeout": "600"}

    def _add(self, arguments: Arguments, client: str) -> Answer:
        if self._has("P605"):
            raise Fault(703)
        internal = Endpoint(text(arguments, "InternalClient"), number(arguments, "InternalPort"))
        protocol = PROTOCOLS.get(number(arguments, "Protocol"))
        remote = (text(arguments, "RemoteHost"), number(arguments, "RemotePort"))
        expires_at = self._clock() + self._lease(arguments, "LeaseTime")
        if protocol is None:
            raise Fault(705)
        if internal.port == 0:
            raise Fault(706)
        self._check_client(internal.host, client)
        return {"UniqueID": str(self._opened(protocol, internal, remote, expires_at))}

    def _opened(self, protocol: str, internal: Endpoint, remote: tuple[str, int], expires_at: float) -> int:
        """The same pinhole again keeps its number (§2.5.3)."""
        for held in self.pinholes:
            if (held.protocol, held.internal, held.remote) == (protocol, internal, remote):
                self._pinholes[held.id] = replace(held, expires_at=expires_at)
                return held.id
        if len(self._pinholes) >= MOST_PINHOLES:
            raise Fault(701)
        self._last += 1
        self._pinholes[self._last] = Pinhole(self._last, protocol, internal, remote, expires_at)
        return self._last

    def _check_client(self, host: str, client: str) -> None:
        try:
            address = IPv6Address(host)
        except AddressValueError as error:
            raise Fault(708 if not host else 402) from error
        strange = address not in self.inside
        other = self._has("P601") and host != client
        temporary = self._has("P602") and is_temporary(address)
        if strange or other or temporary or self._has("P606"):
            raise Fault(606)

    def _update(self, arguments: Arguments, client: str) -> Answer:
        pinhole = self._of(arguments, client)
        lease = self._lease(arguments, "NewLeaseTime")
        self._pinholes[pinhole.id] = replace(pinhole, expires_at=self._clock() + lease)
        return {}

    def _delete(self, arguments: Arguments, client: str) -> Answer:
        pinhole = self._of(arguments, client)
        if self._has("P603"):
            raise Fault(606)
        del self._pinholes[pinhole.id]
        return {}

    def _packets(self, arguments: Arguments, client: str) -> Answer:
        self._of(arguments, client)
        return {"PinholePackets": "0"}

    def _check_working(self, arguments: Arguments, client: str) -> Answer:
        """Without traffic nothing can be said (§2.5.7); the fake carries none over IPv6."""
        self._of(arguments, client)
        raise Fault(709)

    def _of(self, arguments: Arguments, client: str) -> Pinhole:
        wanted = number(arguments, "UniqueID")
        pinhole = next((pinhole for pinhole in self.pinholes if pinhole.id == wanted), None)
        if pinhole is None:
            raise Fault(402 if self._has("P611") else 704)
        if self._has("P601") and pinhole.internal.host != client:
            raise Fault(606)
        return pinhole

    def _lease(self, arguments: Arguments, name: str) -> int:
        lease = number(arguments, name, 2**32 - 1)
        if self._has("P610") and not 1 <= lease <= LONGEST_LEASE:
            raise Fault(402)
        return min(lease or LONGEST_LEASE, LONGEST_LEASE)

    def _has(self, row: str) -> bool:
        return self._quirks().has(row)


def is_temporary(address: IPv6Address) -> bool:
    """Whether an interface identifier looks drawn by lot: neither made from a MAC address nor short."""
    identifier = address.packed[8:]
    return identifier[3:5] != b"\xff\xfe" and any(identifier[:6])
