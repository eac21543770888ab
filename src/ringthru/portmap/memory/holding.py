"""What may be on a gateway because of us: the record that outlives the process.

Lives here: the values. Never here: files, clocks, or which gateway it is.
"""

from __future__ import annotations

from typing import ClassVar

from ...net.values import frozen
from ..values import Family, GatewayType, Protocol


@frozen
class Holding:
    """One mapping that a gateway holds, or may hold since we asked for it.

    ``internal_client`` is empty for this machine. ``lifetime`` in seconds as granted (as asked, until
    ``granted``), 0 for ever. ``nonce`` and ``reference`` are what renewing and deleting it takes.
    ``remote`` is the peer of a flow whose translation is kept ("203.0.113.5:5060"), which nobody can delete
    (RFC 6887 §12.1); empty for a mapping. ``allow_from`` are the networks it lets in; none: everybody.
    """

    family: Family
    protocol: Protocol
    internal_client: str
    internal_port: int
    external_port: int
    lifetime: int
    description: str = ""
    nonce: bytes = bytes(12)
    reference: str = ""
    granted: bool = False
    remote: str = ""
    allow_from: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, int, int, str, tuple[str, ...]]:
        """What it is known by: two holdings with one key are one mapping.

        Whom it lets in belongs to it: to a firewall of IPv6 a pinhole for somebody else is another pinhole.
        """
        return (
            self.family.value,
            self.protocol.value,
            self.internal_client,
            self.internal_port,
            self.external_port,
            self.remote,
            self.allow_from,
        )


@frozen
class Keep:
    """Write it down *before* anything is sent: from now on a gateway may hold it.

    ``for_good``: a person wants it to stay when we have gone. Not ``urgent``: all that is new is that it was
    granted as asked; who reads the journal after a crash would do the same without.
    """

    holding: Holding
    for_good: bool = False
    urgent: bool = True


@frozen
class Forget:
    """Strike it out: no gateway holds it any more."""

    urgent: ClassVar = True

    holding: Holding


Note = Keep | Forget


@frozen
class GatewayIdentity:
    """Which gateway it is, so that tomorrow's at the same address is not taken for it."""

    type: GatewayType
    address: str
    name: str  # UDN (UPnP), else the hardware address, else empty
    fingerprint: str = ""  # of its kind: what a learned profile is kept under
    control: str = ""  # UPnP: the control URL, tried first the next time


@frozen
class JournalEntry:
    """A holding, where it is, since when, and whose.

    ``own_address``: ours when it was made; empty when it was not written down. A mapping that leads to an
    address we had once is no longer ours to delete, because somebody else may have that address now.
    """

    holding: Holding
    gateway: GatewayIdentity
    at: float  # wall clock, seconds since 1970: when it was asked or granted
    kept: bool = False  # made to outlive its maker (``ringthru nat add``)
    owner: str = ""  # the store's name for whoever renews it, "pid/start/…"; empty: nobody does
    own_address: str = ""
