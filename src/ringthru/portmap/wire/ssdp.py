"""SSDP on the wire: searches, the answers to them, and announcements (UPnP Device Architecture 1.1 §1).

Lives here: the M-SEARCH datagram, and readers that take what real gateways send.
Never here: sockets, clocks, or who may be believed.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from ..errors import MalformedMessage

PORT: Final = 1900
GROUP: Final = Endpoint("239.255.255.250", PORT)
GROUP_IPV6: Final = Endpoint("FF02::C", PORT)  # link-local: the zone index is the sender's own affair
TARGETS: Final = (  # all at once: some gateways answer to one of them only
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
)
RARE_TARGETS: Final = (
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1",
    "upnp:rootdevice",
)
EVERYTHING: Final = ("ssdp:all",)  # last: some answer it with their first descriptor, of no use, alone
TARGETS_BY_ROUND: Final = (
    TARGETS,
    TARGETS,
    (*TARGETS, *RARE_TARGETS),
    (*TARGETS, *RARE_TARGETS, *EVERYTHING),
)
LONGEST_HEADER: Final = 64  # lines; no honest answer comes near
LARGEST_NUMBER: Final = 2**31 - 1  # of BOOTID and its kin (§1.2.2)


@frozen
class Search:
    """An M-SEARCH to ``to``; ``max_wait`` is the longest delay (seconds, 1–5) asked of those who answer.

    ``quoted`` False is for the few that know MAN without its quotes only (SD07): a late attempt.
    """

    target: str
    to: Endpoint = GROUP
    max_wait: int = 1
    quoted: bool = True

    def encode(self) -> bytes:
        """The datagram; some gateways ignore one that lacks the final empty line."""
        manner = '"ssdp:discover"' if self.quoted else "ssdp:discover"
        lines = (
            "M-SEARCH * HTTP/1.1",
            f"HOST: {Endpoint(self.to.host.partition('%')[0], self.to.port)}",
            f"ST: {self.target}",
            f"MAN: {manner}",
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
    boot_id: int | None = None  # grows with each start of the device (§1.2.2)
    config_id: int | None = None


class NotifyKind(Enum):
    """What an announcement says (NTS)."""

    ALIVE = "ssdp:alive"
    BYEBYE = "ssdp:byebye"
    UPDATE = "ssdp:update"


@frozen
class Notify:
    """One announcement (§1.2); whoever sent it may have invented all of it."""

    kind: NotifyKind
    target: str = ""  # NT
    unique_name: str = ""  # USN
    location: str = ""
    server: str = ""
    boot_id: int | None = None
    config_id: int | None = None
    next_boot_id: int | None = None  # of an update: what BOOTID will be


def decode(datagram: bytes) -> Answer:
    """Read an answer leniently: any case, LF alone, blanks around colons; the first of two headers counts.

    Raises:
        MalformedMessage: not a 200 answer (a NOTIFY, another's search), or without a location.
    """
    first, headers = _read(datagram)
    words = first.split()
    if len(words) < 2 or not words[0].upper().startswith("HTTP/") or words[1] != "200":
        raise MalformedMessage(f"not an answer to a search: {first[:40]!r}")
    location = _location(headers)
    if not location:
        raise MalformedMessage("an answer to a search without LOCATION")
    return Answer(
        location,
        headers.get("st", ""),
        headers.get("server", ""),
        headers.get("usn", ""),
        _number(headers, "bootid.upnp.org"),
        _number(headers, "configid.upnp.org"),
    )


def decode_notify(datagram: bytes) -> Notify:
    """Read an announcement, as leniently.

    Raises:
        MalformedMessage: not a NOTIFY, or one that says neither alive, byebye nor update.
    """
    first, headers = _read(datagram)
    if first.split()[:1] != ["NOTIFY"]:
        raise MalformedMessage(f"not an announcement: {first[:40]!r}")
    try:
        kind = NotifyKind(headers.get("nts", "").strip('"').lower())
    except ValueError as error:
        raise MalformedMessage(f"an announcement of {headers.get('nts', '')[:40]!r}") from error
    return Notify(
        kind,
        headers.get("nt", ""),
        headers.get("usn", ""),
        _location(headers),
        headers.get("server", ""),
        _number(headers, "bootid.upnp.org"),
        _number(headers, "configid.upnp.org"),
        _number(headers, "nextbootid.upnp.org"),
    )


def _read(datagram: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = datagram.decode("latin-1").lstrip().splitlines()[:LONGEST_HEADER] or [""]
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return first, headers


def _location(headers: dict[str, str]) -> str:
    return headers.get("location") or headers.get("al") or ""  # AL: an early draft's name, still met


def _number(headers: dict[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
    return number if number is None or number <= LARGEST_NUMBER else None
