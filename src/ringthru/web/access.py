"""From where the page may be asked for, and by which name.

The page is for this machine and, where that is allowed, for its own network; never for the Internet. Four
things see to that: no address of the Internet is listened on or served, no client with one is let in, nothing
is served to others while a mapping on a gateway leads to our port, and a browser must name us by an address
or a name we know, so that no web site can have a name of its own lead here (DNS rebinding).

Lives here: those judgements. Never here: sockets, passwords.
"""

from __future__ import annotations

from collections.abc import Collection

from ..net.address import INTERNET, AddressRules, Endpoint, parse_address
from ..switch.snapshots import MapperSnapshot, Protocol
from .http import Request

LOCALHOST = "localhost"


def is_loopback(host: str) -> bool:
    address = parse_address(host)
    return address is not None and address.is_loopback


def is_public(host: str, rules: AddressRules = INTERNET) -> bool:
    """Whether an address is one of the Internet's. Which interface it came by (``%eth0``) does not count."""
    return rules.is_public(host.partition("%")[0])


def is_mapped(port: int, mapper: MapperSnapshot | None) -> bool:
    """Whether a mapping of ours would lead the Internet to this TCP port of this machine."""
    if mapper is None:
        return False
    return any(
        each.protocol is Protocol.TCP and each.internal_port == port and each.internal_client is None
        for each in mapper.mappings
    )


def refusal(peer: Endpoint, local: Endpoint, mapper: MapperSnapshot | None, rules: AddressRules) -> str:
    """Why this client is not served, in words for the log; empty: nothing speaks against it."""
    if is_loopback(peer.host) and is_loopback(local.host) and not rules.is_public(peer.host):
        return ""
    if is_public(local.host, rules):
        return f"{local.host} is an address of the Internet: the page is not shown there"
    if is_public(peer.host, rules):
        return "it comes from the Internet: the page is not for it; use an SSH tunnel or a proxy"
    if is_mapped(local.port, mapper):
        return f"TCP port {local.port} is mapped on the gateway: only this machine sees the page"
    return ""


def is_named_rightly(request: Request, names: Collection[str]) -> bool:
    """Whether the browser asks for an address, for localhost, or for a name that the configuration has."""
    host = _without_port(request.header("host")).lower()
    return host == LOCALHOST or host in names or parse_address(host) is not None


def is_from_our_page(request: Request) -> bool:
    """Whether a POST does not come from another web site; programs other than browsers name none."""
    origin = request.header("origin")
    if not origin:
        return request.header("sec-fetch-site") in ("", "same-origin", "none")
    scheme, _, place = origin.partition("://")
    return scheme in ("http", "https") and place.lower() == request.header("host").lower()


def _without_port(host: str) -> str:
    """``[::1]:8022`` is ``::1``; ``localhost:8022`` is ``localhost``."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
