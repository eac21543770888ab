"""The device description (UPnP Device Architecture §2.3): which WAN connections are there, and where.

Only a service that can map ports counts; device types, versions and SCPDs are not asked.
"""

from __future__ import annotations

import re
from typing import Final

from ...net.values import frozen
from ..errors import MalformedMessage
from ..values import printable
from .location import Location, resolve
from .xml_salvage import Element, salvage

WAN_SERVICE: Final = re.compile(r"urn:[\w.-]+:service:WAN(?:IP|PPP)Connection:(\d+)\Z", re.IGNORECASE)
MOST_SERVICES: Final = 8  # several dial-up connections are real; a hundred are an attack


@frozen
class WanService:
    """A WAN connection: its exact type, which goes into every request, and its control point."""

    type: str
    control: Location


@frozen
class Description:
    """What a device says of itself."""

    words: str  # maker and model, printable; empty when it tells none
    services: tuple[WanService, ...]  # in document order, each once


def decode(body: bytes, described_at: Location) -> Description:
    """Read a description fetched from ``described_at``.

    Raises:
        MalformedMessage: not XML, hostile XML, or no WAN connection service in it.
    """
    root = salvage(body)
    base = root.value("URLBase")
    services: dict[tuple[str, str], WanService] = {}
    for element in root.all("service"):
        service = _service(element, base, described_at)
        if service is not None and len(services) < MOST_SERVICES:
            services.setdefault((service.type, str(service.control)), service)
    if not services:
        raise MalformedMessage(f"{described_at} describes no WAN connection")
    return Description(_words(root), tuple(services.values()))


def _service(element: Element, base: str, described_at: Location) -> WanService | None:
    kind = "".join(element.child_value("serviceType").split())
    control = "".join(element.child_value("controlURL").split())
    if not WAN_SERVICE.match(kind) or not control:
        return None
    try:
        return WanService(kind, resolve(control, base, described_at))
    except MalformedMessage:
        return None  # one bad service does not spoil the others


def _words(root: Element) -> str:
    """Maker and model of the root device; the friendly name where they are missing."""
    model = root.value("modelName")
    maker = root.value("manufacturer")
    words = model if model.lower().startswith(maker.lower()) else f"{maker} {model}".strip()
    return printable(words or root.value("friendlyName"))
