"""Where on the LAN a description or a control point may be: an address literal, and only one we trust.

A gateway on the LAN may name any URL; we connect only to the one who answered, or to the default gateway.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

from ...net.address import Endpoint, parse_address
from ...net.values import frozen
from ..errors import MalformedMessage

LONGEST_URL: Final = 1024
HTTP_PORT: Final = 80
FIRST_FREE_PORT: Final = 1024  # below it other services live (22, 25 …): only 80 is a web server's


@frozen
class Location:
    """A place to ask by HTTP: an address literal, a port, and the path with its query."""

    endpoint: Endpoint
    path: str

    def __str__(self) -> str:
        return f"http://{self.endpoint}{self.path}"

    @property
    def host(self) -> str:
        return self.endpoint.host


def same_host(one: str, other: str) -> bool:
    """Whether two literals are one address: ``::ffff:a.b.c.d`` is its IPv4 address, a zone index is ours."""
    first, second = (parse_address(each.partition("%")[0]) for each in (one, other))
    return first is not None and first == second


def confine(url: str, responder: str, also: str | None = None) -> Location:
    """Read a LOCATION. A host other than ``responder`` or ``also`` is replaced by the responder.

    Replaced, not refused: gateways behind a shared address, or ones that write ``[::1]``, mean themselves.
    What is kept is always the literal we know, with its zone index, never the one that was sent.

    Raises:
        MalformedMessage: not an ``http`` URL, or a port where no gateway's description can be.
    """
    if len(url) > LONGEST_URL or " " in url or not (url.isascii() and url.isprintable()):
        raise MalformedMessage("a LOCATION that is no URL")
    try:
        parts = urlsplit(url)
        port = HTTP_PORT if parts.port is None else parts.port
    except ValueError as error:
        raise MalformedMessage(f"a LOCATION that is no URL: {url[:60]!r}") from error
    if parts.scheme.lower() != "http":
        raise MalformedMessage(f"a LOCATION that is not http: {url[:60]!r}")
    if port < FIRST_FREE_PORT and port != HTTP_PORT:
        raise MalformedMessage(f"a LOCATION at port {port}")
    host = also if also is not None and same_host(parts.hostname or "", also) else responder
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"  # "http:x" has no host either
    return Location(Endpoint(host, port), path + (f"?{parts.query}" if parts.query else ""))


def resolve(reference: str, base: str, described_at: Location) -> Location:
    """A control, event or SCPD URL as a place: on URLBase when it names the description's own host.

    Raises:
        MalformedMessage: it leads to another protocol, or to a port where no gateway listens.
    """
    root = str(described_at)
    try:
        if base and same_host(urlsplit(base).hostname or "", described_at.host):
            root = urljoin(root, base)
        url = urljoin(root, _last_url(reference.replace("\\", "/")))
    except ValueError as error:
        raise MalformedMessage(f"a control URL that is no URL: {reference[:60]!r}") from error
    return confine(url, described_at.host)


def _last_url(reference: str) -> str:
    """Some write their base twice: ``http://192.168.1.1:80http://192.168.1.1:80/ctl`` (DE03)."""
    place, mark, query = reference.partition("?")
    return place[max(place.lower().rfind("http://"), 0) :] + mark + query
