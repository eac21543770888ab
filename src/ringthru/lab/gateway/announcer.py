"""What a gateway tells without being asked: RFC 6886 §3.2.1, RFC 6887 §14.1.2, SSDP NOTIFY; and forgeries.

Lives here: which datagrams are due when, as values.
Never here: sockets. On loopback, which has no multicast, a driver sends them by unicast to known listeners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from .hostile_host import LYING_ADDRESS, hostile_host
from .natpmp_server import RESPONSE
from .pcp_messages import announcement
from .port_control import PORT, PortControl
from .quirks import Quirks

GROUP: Final = Endpoint("224.0.0.1", 5350)  # for NAT-PMP and PCP; on IPv6 ff02::1 (RFC 6887 §14.1.2)
SSDP_GROUP: Final = Endpoint("239.255.255.250", 1900)
FIRST_WAIT: Final = 0.25  # seconds, doubled after each (RFC 6886 §3.2.1)
ANNOUNCEMENTS: Final = 10  # in all (§3.2.1)
FORGED_EVERY: Final = 60.0  # seconds between the forger's visits (NP16, PC14, TO11)
FORGED_AT_ONCE: Final = 20  # datagrams a visit
FORGED_PAGE: Final = "http://{host}:5000/rootDesc.xml"  # where a forger says that the gateway is (TO11)
FORGED_UUID: Final = "6f726765-0000-4000-8000-000000000000"
FORGED_DEVICE: Final = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"


@frozen
class Notice:
    """One datagram that nobody asked for: who sends it, and which group it is meant for."""

    data: bytes
    source: Endpoint
    group: Endpoint


class Announcer:
    """What one gateway announces, driven from outside: no socket, no clock.

    ``notifications(kind)`` gives the gateway's SSDP NOTIFYs, "alive" or "byebye". ``forger`` is the LAN host
    that forges under rows NP16, PC14 and TO11, in its own name; under the first two in the gateway's as well.
    Under TO03 nothing is heard of any of it.
    """

    def __init__(
        self,
        port: PortControl,
        address: str,
        quirks: Callable[[], Quirks],
        notifications: Callable[[str], Iterable[bytes]] = lambda kind: (),
        *,
        forger: str = "",
    ) -> None:
        self._port = port
        self._here = Endpoint(address, PORT)
        self._ssdp = Endpoint(address, SSDP_GROUP.port)
        self._quirks = quirks
        self._notifications = notifications
        self._forger = forger or hostile_host(address)
        self._left = 0  # announcements of the burst
        self._wait = 0.0
        self._due_at: float | None = None
        self._forged_at: float | None = None
        self._notices: list[Notice] = []

    def state_lost(self, now: float) -> None:
        """After a power cycle: a burst of announcements, and SSDP alive."""
        self._begin(now)
        self.notify("alive")

    def address_changed(self, now: float) -> None:
        """After a new external address; row PC13 says nothing."""
        if not self._quirks().has("PC13"):
            self._begin(now)

    def notify(self, kind: str) -> None:
        """SSDP NOTIFYs, "alive" or "byebye" (UDA §1.2)."""
        if not self._quirks().mute:
            self._notices += [Notice(each, self._ssdp, SSDP_GROUP) for each in self._notifications(kind)]

    def stop(self) -> None:
        """A gateway without power announces nothing."""
        self._due_at = None
        self._notices.clear()

    def handle_timeout(self, now: float) -> None:
        if self._due_at is not None and now >= self._due_at:
            self._announce(now)
        if not self._forges:
            self._forged_at = None
        elif self._forged_at is None:
            self._forged_at = now + FORGED_EVERY
        elif now >= self._forged_at:
            self._forged_at = now + FORGED_EVERY
            self._notices += forgeries(self._forger, self._quirks()) * FORGED_AT_ONCE
            self._notices += forgeries(self._here.host, self._quirks(), as_gateway=True)

    def next_timeout(self) -> float | None:
        times = (self._due_at, self._forged_at)
        return min((each for each in times if each is not None), default=None)

    def notices_to_send(self) -> list[Notice]:
        notices, self._notices = self._notices, []
        return [] if self._quirks().has("TO03") else notices

    @property
    def _forges(self) -> bool:
        return any(self._quirks().has(row) for row in ("NP16", "PC14", "TO11"))

    def _begin(self, now: float) -> None:
        self._left, self._wait = ANNOUNCEMENTS, FIRST_WAIT
        self._announce(now)

    def _announce(self, now: float) -> None:
        """One of the burst, as things are at this moment."""
        if not self._quirks().mute:
            self._notices += announcements(self._port, self._here)
        self._left -= 1
        self._due_at = now + self._wait if self._left else None
        self._wait *= 2


def announcements(port: PortControl, source: Endpoint) -> list[Notice]:
    """One of each protocol spoken: the address and epoch (§3.2.1), ANNOUNCE (RFC 6887 §14.1.2)."""
    notices = []
    if "natpmp" in port.protocols:
        notices.append(Notice(port.natpmp.announcement(), source, GROUP))
    if "pcp" in port.protocols:
        notices.append(Notice(port.pcp.announcement(), source, GROUP))
    return notices


def forgeries(host: str, quirks: Quirks, *, as_gateway: bool = False) -> list[Notice]:
    """What a hostile host of the LAN says: the state was lost just now, and the address is another one.

    ``as_gateway``: in the gateway's name, which TO11 cannot.
    """
    source, other = Endpoint(host, PORT), quirks.has("TO11") and not as_gateway
    notices = []
    if quirks.has("NP16") or other:
        forged = bytes((0, RESPONSE, 0, 0, 0, 0, 0, 0)) + IPv4Address(LYING_ADDRESS).packed
        notices.append(Notice(forged, source, GROUP))
    if quirks.has("PC14") or other:
        notices.append(Notice(announcement(0), source, GROUP))
    if other:
        page = FORGED_PAGE.format(host=host)
        notices += [forged_notify(host, page, kind) for kind in ("byebye", "alive")]
    return notices


def forged_notify(host: str, url: str, kind: str = "alive") -> Notice:
    """TO11: a hostile host says that a gateway is at ``url``, or that it has gone."""
    lines = ["NOTIFY * HTTP/1.1", f"HOST: {SSDP_GROUP}", f"NT: {FORGED_DEVICE}", f"NTS: ssdp:{kind}"]
    lines += [f"USN: uuid:{FORGED_UUID}::{FORGED_DEVICE}", f"LOCATION: {url}", "CACHE-CONTROL: max-age=1800"]
    data = "\r\n".join((*lines, "", "")).encode()
    return Notice(data, Endpoint(host, SSDP_GROUP.port), SSDP_GROUP)
