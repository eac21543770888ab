"""SOAP for WAN connections and IPv6 firewalls: the calls, their answers, and faults.

Lives here: the actions of WANIPConnection:1 (§2.4) and :2 (§2.5) and of WANIPv6FirewallControl:1 (§2.5).
Success is proven by the named response element and nothing else; HTTP status is a hint.
Never here: which call to make, or what to do after a fault.
"""

from __future__ import annotations

from typing import Final

from ...net.values import frozen
from ..errors import LocalError, MalformedMessage
from ..values import Protocol, printable
from .description import WanService
from .http import CAP, Response, m_post_request, post_request
from .spelling import address, number
from .xml_salvage import LONGEST_TEXT, Element, salvage

ENVELOPE: Final = (  # one line, prefix "s:": anything else is refused by some gateway
    '<?xml version="1.0"?>\r\n'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">'
    "<s:Body>{}</s:Body></s:Envelope>\r\n"
)
GET_LIST: Final = "GetListOfPortMappings"
TRANSPORTS: Final = {Protocol.UDP: "17", Protocol.TCP: "6"}  # by IANA number: how firewalls name them
ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


@frozen
class Call:
    """One action with its arguments, in the order the standard gives them."""

    action: str
    arguments: tuple[tuple[str, str], ...] = ()

    def encode(self, service: WanService, extended: bool = False) -> bytes:
        """The whole HTTP request, in one piece; ``extended``: as an M-POST."""
        fields = "".join(f"<{name}>{value.translate(ESCAPES)}</{name}>" for name, value in self.arguments)
        call = f'<u:{self.action} xmlns:u="{service.type.translate(ESCAPES)}">{fields}</u:{self.action}>'
        body = ENVELOPE.format(call).encode("utf-8")
        form = m_post_request if extended else post_request
        return form(service.control.endpoint, service.control.path, f"{service.type}#{self.action}", body)

    def without(self, name: str) -> Call:
        """The same call, an argument omitted."""
        return Call(self.action, tuple(each for each in self.arguments if each[0] != name))

    def in_order(self, names: tuple[str, ...]) -> Call:
        """The same call with just these arguments, as far as it has them, in this order (an SCPD's)."""
        values = dict(self.arguments)
        return Call(self.action, tuple((name, values[name]) for name in names if name in values))


@frozen
class Success:
    """The named response element came; its direct children are the values."""

    element: Element

    def value(self, name: str) -> str:
        return self.element.value(name)

    def number(self, name: str) -> int | None:
        """A decimal value; None when it is missing or no number (counters are often nonsense)."""
        return number(self.value(name))

    def address(self, name: str) -> str:
        """An address, or whatever is in its place, printable."""
        return address(self.value(name))


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


def get_nat_status() -> Call:
    """Whether the connection translates addresses at all (NewNATEnabled)."""
    return Call("GetNATRSIPStatus")


def add_mapping(
    protocol: Protocol, external_port: int, internal: tuple[str, int], description: str, lease: int
) -> Call:
    """Map an external port. ``lease`` in seconds, 0 for ever.

    The remote host stays empty: anything else makes a dead rule on some gateways (AD11).

    Raises:
        LocalError: a port outside 1–65535; 0 is "all ports" to some (AD27).
    """
    return Call("AddPortMapping", _mapping(protocol, external_port, internal, description, lease))


def add_any_mapping(
    protocol: Protocol, external_port: int, internal: tuple[str, int], description: str, lease: int
) -> Call:
    """As ``add_mapping``, but the gateway may choose another port (WANIPConnection:2 only).

    Raises:
        LocalError: as ``add_mapping``.
    """
    return Call("AddAnyPortMapping", _mapping(protocol, external_port, internal, description, lease))


def delete_mapping(protocol: Protocol, external_port: int) -> Call:
    return Call("DeletePortMapping", _key(protocol, external_port))


def delete_mapping_range(protocol: Protocol, first: int, last: int) -> Call:
    """Delete the asking host's own mappings in a range, and nobody else's (WANIPConnection:2 §2.5.18)."""
    return Call("DeletePortMappingRange", (*_range(protocol, first, last), ("NewManage", "0")))


def get_mapping(protocol: Protocol, external_port: int) -> Call:
    return Call("GetSpecificPortMappingEntry", _key(protocol, external_port))


def get_mapping_at(index: int) -> Call:
    """The mapping at a place in the gateway's table, from 0."""
    return Call("GetGenericPortMappingEntry", (("NewPortMappingIndex", str(index)),))


def get_mappings(protocol: Protocol, first: int = 1, last: int = 65535) -> Call:
    """All mappings in a range of ports, whoever made them (WANIPConnection:2 §2.5.21); 0: no limit."""
    manner = (("NewManage", "1"), ("NewNumberOfPorts", "0"))
    return Call(GET_LIST, (*_range(protocol, first, last), *manner))


def get_firewall_status() -> Call:
    return Call("GetFirewallStatus")


def get_outbound_timeout(protocol: Protocol, internal: tuple[str, int]) -> Call:
    """How long, in seconds, the firewall lets answers in after a packet of ours went out."""
    return Call("GetOutboundPinholeTimeout", _flow(protocol, "", internal))


def add_pinhole(protocol: Protocol, remote: str, internal: tuple[str, int], lease: int) -> Call:
    """Let packets in to ``internal``; ``remote`` is the one address they may come from, empty for all.

    Raises:
        LocalError: a lease outside 1–86400 seconds (§2.3.10): none is for ever.
    """
    return Call("AddPinhole", (*_flow(protocol, remote, internal), ("LeaseTime", _pinhole_lease(lease))))


def update_pinhole(unique_id: str, lease: int) -> Call:
    """Renew; ``lease`` counts from now.

    Raises:
        LocalError: as ``add_pinhole``.
    """
    return Call("UpdatePinhole", (*_pinhole(unique_id), ("NewLeaseTime", _pinhole_lease(lease))))


def delete_pinhole(unique_id: str) -> Call:
    return Call("DeletePinhole", _pinhole(unique_id))


def check_pinhole(unique_id: str) -> Call:
    return Call("CheckPinholeWorking", _pinhole(unique_id))


def get_pinhole_packets(unique_id: str) -> Call:
    return Call("GetPinholePackets", _pinhole(unique_id))


def _key(protocol: Protocol, external_port: int) -> tuple[tuple[str, str], ...]:
    if not 1 <= external_port <= 65535:
        raise LocalError(f"external port {external_port} cannot be mapped: ports are 1 to 65535")
    return (
        ("NewRemoteHost", ""),
        ("NewExternalPort", str(external_port)),
        ("NewProtocol", protocol.value.upper()),  # capitals: others are refused by some (AD21)
    )


def _mapping(
    protocol: Protocol, external_port: int, internal: tuple[str, int], words: str, lease: int
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


def _range(protocol: Protocol, first: int, last: int) -> tuple[tuple[str, str], ...]:
    ports = (("NewStartPort", str(first)), ("NewEndPort", str(last)))
    return (*ports, ("NewProtocol", protocol.value.upper()))


def _flow(protocol: Protocol, remote: str, internal: tuple[str, int]) -> tuple[tuple[str, str], ...]:
    host, port = internal
    return (
        ("RemoteHost", remote),
        ("RemotePort", "0"),  # any
        ("InternalClient", host),
        ("InternalPort", str(port)),
        ("Protocol", TRANSPORTS[protocol]),
    )


def _pinhole(unique_id: str) -> tuple[tuple[str, str], ...]:
    return (("UniqueID", unique_id),)


def _pinhole_lease(lease: int) -> str:
    if not 1 <= lease <= 86400:
        raise LocalError(f"a pinhole for {lease} seconds: 1 to 86400 are allowed")
    return str(lease)


def decode(call: Call, response: Response) -> Success | Fault:
    """Judge an answer. Never raises: what cannot be read is a fault without a code."""
    try:
        root = salvage(response.body, CAP if call.action == GET_LIST else LONGEST_TEXT)
    except MalformedMessage as error:
        return Fault(None, f"HTTP {response.status}, {printable(str(error))}", response.status)
    element = root.first(f"{call.action}Response")
    if element is not None:
        return Success(element)
    code = number(root.value("errorCode"), digits=5)
    if code is not None:
        return Fault(code, printable(root.value("errorDescription")), response.status)
    return Fault(None, f"HTTP {response.status} without a {call.action}Response", response.status)


def listed_entries(answer: Success) -> list[Success]:
    """The entries of a ``get_mappings`` answer: an XML document in an argument, escaped or as CDATA.

    Raises:
        MalformedMessage: the list is no XML.
    """
    inner = answer.element.first("PortMappingEntry")  # some forget to escape it
    document = answer.element if inner else salvage(answer.value("NewPortListing").encode())
    return [Success(entry) for entry in document.all("PortMappingEntry")]
