"""Flows: the path one message took, and its answer takes back.

Lives here: a value.
Never here: sockets, or which address of ours a peer can reach.
"""

from __future__ import annotations

from ..net.address import Endpoint
from ..net.values import frozen


@frozen
class Flow:
    """A transport between our socket ``local`` and the peer as seen, ``remote`` (RFC 5626 §1).

    ``remote.host`` is always an address, never a name: looking names up is done before a flow exists.
    """

    transport: str  # as written in Via: "UDP"
    local: Endpoint
    remote: Endpoint

    @property
    def reliable(self) -> bool:
        """Whether the transport itself retransmits (RFC 3261 §17: several timers are then zero)."""
        return self.transport != "UDP"

    def towards(self, remote: Endpoint) -> Flow:
        """The same socket of ours, another peer."""
        return self if remote == self.remote else Flow(self.transport, self.local, remote)

    def __str__(self) -> str:
        return f"{self.transport.lower()}/{self.remote}"
