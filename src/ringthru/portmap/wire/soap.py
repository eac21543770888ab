"""SOAP for WAN connections (UPnP WANIPConnection:1 §2.4, :2 §2.5): the calls, answers and faults.

Success is proven by the named response element and nothing else; HTTP status is a hint.
"""

from __future__ import annotations

from typing import Final

from ...net.values import frozen
from ..errors import MalformedMessage
from ..values import Protocol, printable
from .description import WanService
from .http import Response, post_request
from .xml_salvage import Element, salvage

ENVELOPE: Final = (  # one line, prefix "s:": anything else is refused by some gateway
    '<?xml version="1.0"?>\r\n'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">'
    "<s:Body>{}</s:Body></s:Envelope>\r\n"
)
ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


@frozen
class Call:
    """One action with its arguments, in the order the standard gives them."""

    action: str
    arguments: tuple[tuple[str, str], ...] = ()

    def encode(self, service: WanService) -> bytes:
        """The whole HTTP request, in one piece."""
        fields = "".join(f"<{name}>{value.translate(ESCAPES)}</{name}>" for name, value in self.arguments)
        call = f'<u:{self.action} xmlns:u="{service.type.translate(ESCAPES)}">{fields}</u:{self.action}>'
        body = ENVELOPE.format(call).encode("utf-8")
        return post_request(
            service.control.endpoint, service.control.path, f"{service.type}#{self.action}", body
        )


@frozen
class Success:
    """The named response element came; its direct children are the values."""

    element: Element

    def value(self, name: str) -> str:
        return self.element.value(name)

    def number(self, name: str) -> int | None:
        """A decimal value; None when it is missing or no number (counters are often nonsense)."""
        text = self.value(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


@frozen
class Fault:
    """The action failed. ``code`` is the UPnP error code, None when the gateway gave none."""

    code: int | None
    words: str
    status: int  # of HTTP

    def __str__(self) -> str:
        if self.code is None:
            return self.words
        return f"error {self.code} ({self.words})" if self.words else f"error {self.code}"


def get_external_address() -> Call:
    return Call("GetExternalIPAddress")


def get_status() -> Call:
    return Call("GetStatusInfo")


def add_mapping(
    protocol: Protocol, external_port: int, internal: tuple[str, int], description: str, lease: int
) -> Call:
    """Map an external port (1–65535; never 0, "all ports" to some). ``lease`` 0 is for ever.

    The remote host stays empty: anything else makes a dead rule on some gateways.
    """
    return Call("AddPortMapping", _mapping("", protocol, external_port, internal, description, lease))


def add_any_mapping(
    protocol: Protocol, external_port: int, internal: tuple[str, int], description: str, lease: int
) -> Call:
    """As ``add_mapping``, but the gateway may choose another port (WANIPConnection:2 only)."""
    return Call("AddAnyPortMapping", _mapping("", protocol, external_port, internal, description, lease))


def delete_mapping(protocol: Protocol, external_port: int) -> Call:
    return Call("DeletePortMapping", _key(protocol, external_port))


def get_mapping(protocol: Protocol, external_port: int) -> Call:
    return Call("GetSpecificPortMappingEntry", _key(protocol, external_port))


def get_mapping_at(index: int) -> Call:
    """The mapping at a place in the gateway's table, from 0."""
    return Call("GetGenericPortMappingEntry", (("NewPortMappingIndex", str(index)),))


def _key(protocol: Protocol, external_port: int) -> tuple[tuple[str, str], ...]:
    return (
        ("NewRemoteHost", ""),
        ("NewExternalPort", str(external_port)),
        ("NewProtocol", protocol.value.upper()),  # capitals: others are refused by some
    )


def _mapping(
    remote: str, protocol: Protocol, external_port: int, internal: tuple[str, int], words: str, lease: int
) -> tuple[tuple[str, str], ...]:
    host, port = internal
    return (
        *_key(protocol, external_port),
        ("NewInternalPort", str(port)),
        ("NewInternalClient", host),
        ("NewEnabled", "1"),
        ("NewPortMappingDescription", words),
        ("NewLeaseDuration", str(lease)),
    )


def decode(call: Call, response: Response) -> Success | Fault:
    """Judge an answer. Never raises: what cannot be read is a fault without a code."""
    try:
        root = salvage(response.body)
    except MalformedMessage as error:
        return Fault(None, f"HTTP {response.status}, {printable(str(error))}", response.status)
    element = root.first(f"{call.action}Response")
    if element is not None:
        return Success(element)
    code = root.value("errorCode")
    if code.isascii() and code.isdigit() and len(code) <= 5:
        return Fault(int(code), printable(root.value("errorDescription")), response.status)
    return Fault(None, f"HTTP {response.status} without a {call.action}Response", response.status)
