"""Flows: the path one message took, and its answer takes back.

Lives here: a value.
Never here: sockets, or which address of ours a peer can reach.

All a user agent knows of a transport is this value. UDP, TCP and TLS differ in their drivers alone, and
so would WebSocket (RFC 7118): one more name in ``transport``, one more driver that hands over whole messages.
"""

from __future__ import annotations

from typing import Final

from ..net.address import Endpoint
from ..net.values import frozen

LISTENS_AT: Final = {"TLS": 5061}  # default ports that are not 5060 (RFC 3261 §18.1.1, §19.1.2)


def default_port(transport: str) -> int:
    """The port that is meant where a URI or a Via names none."""
    return LISTENS_AT.get(transport, 5060)


@frozen
class Flow:
    """A transport between our socket ``local`` and the peer as seen, ``remote`` (RFC 5626 §1).

    ``remote.host`` is always an address, never a name: looking names up is done before a flow exists.

    ``connection`` is what a reliable transport's driver calls the connection, 0 where there is none yet.
    A message goes out on that one while it is open, else on another one to ``remote``, and if there is
    none, on a new one. So a phone behind a NAT is reached on the connection it made, and a response whose
    connection is gone on a new one to where the Via says (RFC 3261 §18.2.2).
    """

    transport: str  # as written in Via: "UDP", "TCP", "TLS"
    local: Endpoint
    remote: Endpoint
    connection: int = 0
    name: str = ""  # the domain we called, which TLS must find in the certificate (RFC 5922)
    heard: bool = False  # the peer spoke on it: over UDP perhaps a NAT's binding, the only way to it

    @property
    def reliable(self) -> bool:
        """Whether the transport itself retransmits (RFC 3261 §17: several timers are then zero)."""
        return self.transport != "UDP"

    def towards(self, remote: Endpoint) -> Flow:
        """The same socket of ours (and the same connection, while it is open), another peer."""
        if remote == self.remote:
            return self
        return Flow(self.transport, self.local, remote, self.connection, self.name)

    def __str__(self) -> str:
        return f"{self.transport.lower()}/{self.remote}"
