"""The devices and services of one fake gateway, as a tree.

Lives here: which services there are under which rows, and where they are controlled.
Never here: XML, HTTP, actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...net.values import frozen
from .quirks import Quirks
from .upnp_actions import version_of

DEVICE: Final = "urn:schemas-upnp-org:device:"
SERVICE: Final = "urn:schemas-upnp-org:service:"
LEGACY: Final = "urn:dslforum-org:service:"


@frozen
class Service:
    """``part`` names what answers its actions: "wan", "dead", "counters", "forwarding" or "firewall"."""

    type: str
    name: str  # the last part of its paths
    part: str

    @property
    def control_path(self) -> str:
        return f"/ctl/{self.name}"

    @property
    def event_path(self) -> str:
        return f"/evt/{self.name}"

    @property
    def scpd_path(self) -> str:
        return "/WANIPCn.xml" if self.name == "IPConn" else f"/{self.name}.xml"


@frozen
class Device:
    type: str
    name: str  # its suffix in the UDN; "" for the root
    services: tuple[Service, ...] = ()
    devices: tuple[Device, ...] = ()

    def all_services(self) -> Iterator[Service]:
        yield from self.services
        for device in self.devices:
            yield from device.all_services()


def device_tree(quirks: Quirks, *, ipv6: bool) -> Device:
    """The gateway as its description shows it; ``ipv6``: with a firewall for pinholes."""
    version = version_of(quirks)
    lean = quirks.has("DE15")
    wan = [_wan_device(version, "", _connections(quirks, version, ipv6=ipv6), lean)]
    if quirks.has("DE09"):
        dead = Service(f"{SERVICE}WANIPConnection:{version}", "IPConnDead", "dead")
        wan.insert(0, _wan_device(version, "-dead", (dead,), lean))
    services = () if lean else (Service(f"{SERVICE}Layer3Forwarding:1", "L3F", "forwarding"),)
    return Device(f"{DEVICE}InternetGatewayDevice:{version}", "", services, tuple(wan))


def _wan_device(version: int, suffix: str, connections: tuple[Service, ...], lean: bool) -> Device:
    connection = Device(f"{DEVICE}WANConnectionDevice:{version}", f"-conn{suffix}", connections)
    counters = Service(f"{SERVICE}WANCommonInterfaceConfig:1", f"CmnIfCfg{suffix}", "counters")
    return Device(f"{DEVICE}WANDevice:{version}", f"-wan{suffix}", () if lean else (counters,), (connection,))


def _connections(quirks: Quirks, version: int, *, ipv6: bool) -> tuple[Service, ...]:
    kind = "WANPPPConnection:1" if quirks.has("DE10") else f"WANIPConnection:{version}"
    prefix = LEGACY if quirks.legacy else SERVICE
    services = [Service(f"{prefix}{kind}", "IPConn", "wan")]
    if quirks.has("DE08"):
        services.insert(0, Service(f"{SERVICE}WANPPPConnection:1", "PPPConn", "dead"))
    if ipv6:
        services.append(Service(f"{SERVICE}WANIPv6FirewallControl:1", "IP6FCtl", "firewall"))
    return tuple(services)
