"""SSDP on the wire: the search, and the answers to it (UPnP Device Architecture 1.1 §1.3).

Lives here: the M-SEARCH datagram, and a reader that takes what real gateways send.
Never here: sockets, clocks, or who may be believed.
"""

from __future__ import annotations

from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from ..errors import MalformedMessage

PORT: Final = 1900
GROUP: Final = Endpoint("239.255.255.250", PORT)
TARGETS: Final = (  # all at once: some gateways answer to one of them only
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
)
LONGEST_HEADER: Final = 64  # lines; no honest answer comes near


@frozen
class Search:
    """An M-SEARCH to ``to``; ``max_wait`` is the longest delay (seconds, 1–5) asked of those who answer."""

    target: str
    to: Endpoint = GROUP
    max_wait: int = 1

    def encode(self) -> bytes:
        """The datagram; some gateways ignore one that lacks the final empty line."""
        lines = (
            "M-SEARCH * HTTP/1.1",
            f"HOST: {self.to}",
            f"ST: {self.target}",
            'MAN: "ssdp:discover"',
            f"MX: {self.max_wait}",
        )
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


@frozen
class Answer:
    """One answer to a search: where the description is, and what the device says it is."""

    location: str
    target: str = ""  # ST; a hint only: the description decides
    server: str = ""
    unique_name: str = ""  # USN


def decode(datagram: bytes) -> Answer:
    """Read an answer leniently: any case, LF alone, blanks around colons; the first of two headers counts.

    Raises:
        MalformedMessage: not a 200 answer (a NOTIFY, another's search), or without a location.
    """
    first, *lines = datagram.decode("latin-1").lstrip().splitlines()[:LONGEST_HEADER] or [""]
    words = first.split()
    if len(words) < 2 or not words[0].upper().startswith("HTTP/") or words[1] != "200":
        raise MalformedMessage(f"not an answer to a search: {first[:40]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    location = headers.get("location") or headers.get("al")  # AL: an early draft's name, still met
    if not location:
        raise MalformedMessage("an answer to a search without LOCATION")
    return Answer(location, headers.get("st", ""), headers.get("server", ""), headers.get("usn", ""))
