"""The device description (UPnP Device Architecture §2.3): which WAN services are there, and where.

Lives here: the services that map ports or open a firewall, their places, and whose device it is.
Never here: device types, or an SCPD's list of actions as a condition: too many are wrong.
"""

from __future__ import annotations

import re
from typing import Final

from ...net.values import frozen
from ..errors import MalformedMessage
from ..values import printable
from .location import Location, resolve
from .xml_salvage import Element, salvage

WAN_SERVICE: Final = re.compile(r"urn:[\w.-]+:service:WAN(?:IP|PPP)Connection:(\d{1,3})\Z", re.IGNORECASE)
FIREWALL: Final = re.compile(r"urn:[\w.-]+:service:WANIPv6FirewallControl:(\d{1,3})\Z", re.IGNORECASE)
MOST_SERVICES: Final = 8  # several dial-up connections are real; a hundred are an attack


@frozen
class WanService:
    """A WAN connection, or an IPv6 firewall: its exact type, which goes into every request, and its places.

    ``alternative`` is where its control point would be without the description's URLBase (DE02).
    """

    type: str
    control: Location
    event: Location | None = None
    scpd: Location | None = None
    alternative: Location | None = None

    @property
    def version(self) -> int:
        """Of the service; 1 when it tells none."""
        number = self.type.rpartition(":")[2]
        return int(number) if number.isascii() and number.isdigit() and len(number) <= 3 else 1

    @property
    def is_ppp(self) -> bool:
        return "wanppp" in self.type.lower()


@frozen
class Description:
    """What a device says of itself."""

    words: str  # maker and model, printable; empty when it tells none
    services: tuple[WanService, ...]  # WAN connections in document order, each once
    firewalls: tuple[WanService, ...] = ()  # of IPv6
    udn: str = ""  # this one device's name
    fingerprint: str = ""  # of its kind, without serial number: maker|model|number|firmware


def decode(body: bytes, described_at: Location, server: str = "") -> Description:
    """Read a description fetched from ``described_at``; ``server`` is that answer's SERVER header.

    Raises:
        MalformedMessage: not XML, hostile XML, or neither WAN connection nor IPv6 firewall in it.
    """
    root = salvage(body)
    services = _services(root, described_at, WAN_SERVICE)
    firewalls = _services(root, described_at, FIREWALL)
    if not services and not firewalls:
        raise MalformedMessage(f"{described_at} describes no WAN connection")
    return Description(
        _words(root), services, firewalls, printable(_own(root, "UDN")), _fingerprint(root, server)
    )


def action_arguments(body: bytes, action: str) -> tuple[str, ...]:
    """The names of an action's input arguments, in an SCPD's order; empty when it does not tell."""
    try:
        root = salvage(body)
    except MalformedMessage:
        return ()
    for element in root.all("action"):
        if element.child_value("name") == action:
            arguments = element.all("argument")
            return tuple(a.value("name") for a in arguments if a.value("direction").lower() == "in")
    return ()


def _services(root: Element, described_at: Location, kind: re.Pattern[str]) -> tuple[WanService, ...]:
    base = root.value("URLBase")
    services: dict[tuple[str, str], WanService] = {}
    for element in root.all("service"):
        service = _service(element, base, described_at, kind)
        if service is not None:
            services.setdefault((service.type, str(service.control)), service)
        if len(services) >= MOST_SERVICES:
            break
    return tuple(services.values())


def _service(
    element: Element, base: str, described_at: Location, wanted: re.Pattern[str]
) -> WanService | None:
    kind = _without_blanks(element, "serviceType")
    if not wanted.match(kind):
        return None
    on_base = _place(element, "controlURL", base, described_at)
    plain = _place(element, "controlURL", "", described_at)
    control = on_base or plain
    if control is None:
        return None  # one bad service does not spoil the others
    event = _place(element, "eventSubURL", base, described_at)
    scpd = _place(element, "SCPDURL", base, described_at)
    return WanService(kind, control, event, scpd, None if plain == control else plain)


def _place(element: Element, name: str, base: str, described_at: Location) -> Location | None:
    reference = _without_blanks(element, name)
    if not reference:
        return None
    try:
        return resolve(reference, base, described_at)
    except MalformedMessage:
        return None


def _without_blanks(element: Element, name: str) -> str:
    return "".join(element.child_value(name).split())


def _own(root: Element, name: str) -> str:
    """A value of the root device itself; of whichever device has one when the root device was cut off."""
    device = next((child for child in root.children if child.name == "device"), root)
    return device.child_value(name) or root.value(name)


def _words(root: Element) -> str:
    """Maker and model of the root device; the friendly name where they are missing."""
    model, maker = _own(root, "modelName"), _own(root, "manufacturer")
    words = model if model.lower().startswith(maker.lower()) else f"{maker} {model}".strip()
    return printable(words or _own(root, "friendlyName"))


def _fingerprint(root: Element, server: str) -> str:
    parts = [_own(root, name) for name in ("manufacturer", "modelName", "modelNumber")]
    parts = [printable(part).replace("|", "/") for part in (*parts, server)]
    return "|".join(parts) if any(parts) else ""
