"""The services of gateways that answered: which is the best, and which stay in reserve.

Lives here: values and their order. Never here: how they were found.
"""

from __future__ import annotations

from typing import Final

from ...net.values import frozen
from ..gateway.orders import GatewayClient
from ..gateway.pcp_client import PcpClient
from ..gateway.upnp_client import UpnpClient
from ..gateway.upnp_values import Igd
from ..snapshots import ServiceSnapshot
from ..values import GatewayType

MOST_KEPT: Final = 16  # services in reserve
Learner = UpnpClient | PcpClient
PREFERENCE: Final = (GatewayType.PCP, GatewayType.NAT_PMP, GatewayType.UPNP)


@frozen
class Service:
    """One way to have ports mapped, and the client that speaks its protocol."""

    type: GatewayType
    gateway: str
    words: str  # maker and model, or what it said of itself
    address: str  # external, as told; empty when it knows none
    client: GatewayClient
    igd: Igd | None = None  # UPnP's: the service behind the client
    status: str = ""
    usable: bool = True  # False: it answered, and refuses us

    @property
    def learner(self) -> Learner | None:
        """The client, when it is one that uses a profile and adds to it."""
        return self.client if isinstance(self.client, Learner) else None

    @property
    def name(self) -> str:
        """What tells it from others of its kind: the UDN that it gives itself."""
        return self.igd.udn if self.igd else ""

    @property
    def fingerprint(self) -> str:
        """What its profile is kept under; empty when nothing tells its kind."""
        return self.igd.profile.fingerprint if self.igd else ""

    def snapshot(self, in_use: bool) -> ServiceSnapshot:
        control = self.igd.service.control.endpoint if self.igd else None
        location = str(self.igd.described_at) if self.igd else ""
        return ServiceSnapshot(
            self.type,
            self.gateway,
            self.words,
            self.address or None,
            in_use,
            control,
            location,
            self.status,
        )


def best_first(services: list[Service]) -> list[Service]:
    """By usability, then protocol; services of one protocol stay in the order they were found in."""
    ranked = sorted(services, key=lambda each: (not each.usable, PREFERENCE.index(each.type)))
    return ranked[:MOST_KEPT]
