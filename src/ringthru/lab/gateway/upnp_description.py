"""What the fake gateway says of itself over HTTP: its description and the pages of its services.

Lives here: texts of UPnP Device Architecture 1.1 §2.3 and §2.5, and rows DE01–DE18.
Never here: SSDP, actions, sockets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape

from ...net.address import Endpoint
from ...net.values import frozen
from .quirks import Quirks
from .upnp_device import Device, Service

DESCRIPTION_PATH: Final = "/rootDesc.xml"
OTHER_PAGES: Final = {  # what is at a router's address and is no gateway (SD04, SD05, SD16)
    "/wps_device.xml": ("urn:schemas-wifialliance-org:device:WFADevice:1", "Wi-Fi set-up"),
    "/bridge.xml": ("urn:schemas-upnp-org:device:Basic:1", "Lamp bridge"),
    "/printer.xml": ("urn:schemas-upnp-org:device:Printer:1", "Printer"),
}
DECLARATION: Final = '<?xml version="1.0"?>\n'
NESTING: Final = 10_000  # elements (DE18)
LONG_ATTRIBUTE: Final = 1 << 20  # characters (DE18)


@frozen
class Place:
    """Where a description is served, for the URLs in it; ``ipv4`` is always the IPv4 endpoint (P609)."""

    here: Endpoint
    ipv4: Endpoint
    uuid: str


def description(tree: Device, place: Place, quirks: Quirks) -> bytes:
    """The description under the gateway's rows."""
    if quirks.has("DE18"):
        return hostile_description()
    base = ""
    if quirks.has("DE02"):
        base = f"<URLBase>http://no-such-host.invalid:{place.here.port + 1}/</URLBase>"
    text = (
        f'{DECLARATION}<root xmlns="urn:schemas-upnp-org:device-1-0">\n'
        f" <specVersion><major>1</major><minor>1</minor></specVersion>{base}\n"
        f"{_device(tree, place, quirks)}\n</root>\n"
    )
    return _spoilt(text) if quirks.has("DE04") else text.encode()


def other_description(path: str, uuid: str) -> bytes:
    """A device that is no gateway."""
    kind, name = OTHER_PAGES[path]
    return (
        f'{DECLARATION}<root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceType>{kind}</deviceType>'
        f"<friendlyName>{name}</friendlyName><UDN>uuid:{uuid}{path[1:4]}</UDN></device></root>"
    ).encode()


def scpd(actions: Iterable[str], quirks: Quirks) -> bytes:
    """A service's page: the names of its actions, and no more."""
    listed = "".join(f"<action><name>{name}</name></action>" for name in actions)
    closing = "</actionlist></serviceState>" if quirks.has("DE06") else "</actionList><serviceStateTable/>"
    return (
        f'{DECLARATION}<scpd xmlns="urn:schemas-upnp-org:service-1-0">\n'
        " <specVersion><major>1</major><minor>1</minor></specVersion>\n"
        f" <actionList>{listed}{closing}\n</scpd>\n"
    ).encode()


def hostile_description() -> bytes:
    """DE18: entities that multiply, elements without end, an attribute of a mebibyte."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    nested = "<device>" * NESTING + "</device>" * NESTING
    return (
        f'{DECLARATION}<!DOCTYPE root [{entities}]><root a="{"x" * LONG_ATTRIBUTE}">&a9;{nested}</root>'
    ).encode()


def _device(device: Device, place: Place, quirks: Quirks) -> str:
    services = "".join(_service(service, place, quirks) for service in device.services)
    devices = "".join(_device(inner, place, quirks) for inner in device.devices)
    version = device.type.rpartition(":")[2]
    parts = (
        f"<deviceType>{_padded(device.type, quirks)}</deviceType>",
        f"<friendlyName>{'Ringthru lab gateway' if not device.name else device.name[1:]}</friendlyName>",
        f"<manufacturer>{escape(quirks.manufacturer)}</manufacturer>",
        f"<modelName>{escape(quirks.model) or f'Fake gateway IGD:{version}'}</modelName>",
        f"<UDN>uuid:{place.uuid}{device.name}</UDN>",
        f"<serviceList>{services}</serviceList>" if services else "",
        f"<deviceList>{devices}</deviceList>" if devices else "",
    )
    return "<device>" + "\n".join(part for part in parts if part) + "</device>"


def _service(service: Service, place: Place, quirks: Quirks) -> str:
    kind = service.type.split(":")[3]
    control = _padded(control_url(service, place, quirks), quirks)
    return (
        f"<service>\n<serviceType>{_padded(service.type, quirks)}</serviceType>\n"
        f"<serviceId>urn:upnp-org:serviceId:{kind.replace('Connection', 'Conn')}1</serviceId>\n"
        f"<SCPDURL>{service.scpd_path}</SCPDURL>\n<controlURL>{control}</controlURL>\n"
        f"<eventSubURL>{service.event_path}</eventSubURL>\n</service>\n"
    )


def control_url(service: Service, place: Place, quirks: Quirks) -> str:
    """Where a service is controlled, as this gateway writes it."""
    if quirks.has("DE03"):
        return f"http://{place.here}{service.control_path}?control=1"
    if quirks.has("P609") and ":" in place.here.host:
        return f"http://{place.ipv4}{service.control_path}"
    return service.control_path


def _padded(text: str, quirks: Quirks) -> str:
    return f"\n   {text}\n\t" if quirks.has("DE01") else text


def _spoilt(text: str) -> bytes:
    """DE04: everything that makes a strict parser stop."""
    return b"\xef\xbb\xbf\r\n" + (DECLARATION + text).replace("lab", "\x18lab").encode() + b"<junk>\0\0\0\0"
