"""The small services of a gateway: a connection that is dead, counters, the default connection.

Lives here: their actions. Never here: the connection that works (upnp_actions), pinholes (firewall_actions).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .quirks import Quirks
from .upnp_arguments import Answer, Arguments
from .upnp_faults import Fault


class ServicePart(Protocol):
    """What answers the actions of one service."""

    @property
    def actions(self) -> tuple[str, ...]: ...

    def invoke(self, action: str, arguments: Arguments, client: str) -> Answer:
        """Raises:
        Fault: with the code a real gateway would give.
        """
        ...


class DeadConnection:
    """A connection whose line is not up: asked for its state it says so, and maps nothing (DE08, DE09)."""

    actions = (
        "GetExternalIPAddress",
        "GetStatusInfo",
        "GetConnectionTypeInfo",
        "AddPortMapping",
        "DeletePortMapping",
        "GetSpecificPortMappingEntry",
        "GetGenericPortMappingEntry",
    )

    def invoke(self, action: str, arguments: Arguments, client: str) -> Answer:
        if action == "GetExternalIPAddress":
            return {"NewExternalIPAddress": "0.0.0.0"}
        if action == "GetStatusInfo":
            return {
                "NewConnectionStatus": "Disconnected",
                "NewLastConnectionError": "ERROR_NONE",
                "NewUptime": "0",
            }
        if action not in self.actions:
            raise Fault(401)
        raise Fault(713 if action == "GetGenericPortMappingEntry" else 501)


class Counters:
    """WANCommonInterfaceConfig:1, as far as anybody asks."""

    actions = ("GetCommonLinkProperties", "GetTotalBytesSent", "GetTotalBytesReceived")

    def __init__(self, quirks: Callable[[], Quirks]) -> None:
        self._quirks = quirks

    def invoke(self, action: str, arguments: Arguments, client: str) -> Answer:
        if action == "GetCommonLinkProperties":
            rate = "-1" if self._quirks().has("DE17") else "100000000"
            return {
                "NewWANAccessType": "Ethernet",
                "NewLayer1UpstreamMaxBitRate": rate,
                "NewLayer1DownstreamMaxBitRate": rate,
                "NewPhysicalLinkStatus": "Up",
            }
        if action not in self.actions:
            raise Fault(401)
        value = "-2147483648" if self._quirks().has("DE17") else "1234"
        return {action.replace("Get", "New"): value}


class DefaultConnection:
    """Layer3Forwarding:1."""

    actions = ("GetDefaultConnectionService",)

    def __init__(self, service: Callable[[], str]) -> None:
        self._service = service

    def invoke(self, action: str, arguments: Arguments, client: str) -> Answer:
        if action not in self.actions:
            raise Fault(401)
        return {"NewDefaultConnectionService": self._service()}
