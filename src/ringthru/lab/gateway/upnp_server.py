"""The fake gateway's UPnP side: searches and HTTP requests in, scripts out; no socket, no clock of its own.

Lives here: which part of it answers what.
Never here: the texts and actions themselves; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from ...net.address import Endpoint
from .firewall_actions import FirewallControl
from .gena import Gena
from .mapping_table import MappingTable
from .noise import noise
from .quirks import Quirks
from .replies import Ending, HttpScript, Piece, Reply
from .upnp_actions import WanConnection
from .upnp_control import Control
from .upnp_description import DESCRIPTION_PATH, OTHER_PAGES, Place, description, other_description, scpd
from .upnp_device import Device, Service, device_tree
from .upnp_http import HttpRequest, HttpResponse, endless, read_request, refused_by_head, script_of
from .upnp_http import wants_more as http_wants_more
from .upnp_services import Counters, DeadConnection, DefaultConnection, ServicePart
from .upnp_ssdp import SsdpResponder

TWO_HOURS: Final = 7200.0  # seconds; then a DIR-655 is dead (LI08)
NOT_FOUND: Final = HttpResponse("404 Not Found")


class UpnpServer:
    """The UPnP half of one gateway.

    Tell it in ``http`` where its description is served (None: nowhere, and no search is answered);
    ``http6`` is the same over IPv6. ``firewall`` None: no pinholes. ``random`` gives 0 to 1.
    """

    def __init__(
        self,
        table: MappingTable,
        address: str,
        uuid: str,
        *,
        epoch: Callable[[], int],
        external_address: Callable[[], str],
        clock: Callable[[], float],
        random: Callable[[], float],
        firewall: FirewallControl | None = None,
    ) -> None:
        self.http: Endpoint | None = None
        self.http6: Endpoint | None = None
        self.firewall = firewall
        self._table = table
        self._uuid = uuid
        self._clock = clock
        self._random = random
        self._started_at = clock()
        self._descriptions = 0  # how often it was fetched
        self._wan = WanConnection(table, epoch, external_address, address, random)
        self._parts: dict[str, ServicePart] = {
            "wan": self._wan,
            "dead": DeadConnection(),
            "counters": Counters(self._quirks),
            "forwarding": DefaultConnection(lambda: f"uuid:{uuid}-conn:{self._wan_service().type}"),
        }
        if firewall is not None:
            self._parts["firewall"] = firewall
        self._control = Control(self._parts, self._quirks, self._variables)
        self._ssdp = SsdpResponder(address, uuid, self._tree, self._quirks, clock, random)
        self._gena = Gena(uuid, self._quirks, clock, self._evented)
        self.events_to_send = self._gena.events_to_send
        self.publish = self._gena.publish

    @property
    def boot_id(self) -> int:
        """Counts the starts (UDA §1.2)."""
        return self._ssdp.boot_id

    @property
    def description_url(self) -> str | None:
        return f"http://{self.http}{DESCRIPTION_PATH}" if self.http else None

    def restarted(self) -> None:
        """The daemon has started anew: subscriptions are gone, BOOTID counts on."""
        self._ssdp.boot_id += 1
        self._wan.crashed = False
        self._started_at = self._clock()
        self._gena.forget()
        if self.firewall is not None and (self._quirks().has("P608") or self._quirks().has("P612")):
            self.firewall.clear()

    def answer_search(self, datagram: bytes, source: Endpoint, *, multicast: bool = False) -> list[Reply]:
        """The datagrams to send back to an M-SEARCH; real multicast never gets here on loopback."""
        http = self.http6 if ":" in source.host else self.http
        if self._quirks().mute or http is None or not self._is_inside(source.host):
            return []
        return self._ssdp.answer(datagram, source, http, multicast=multicast)

    def notify(self, kind: str, target: str = "upnp:rootdevice") -> bytes:
        """One multicast NOTIFY, "alive", "byebye" or "update", for whoever announces.

        Raises:
            ValueError: the server is not started.
        """
        return self._ssdp.notify(kind, self._place().ipv4, target)

    def notifications(self, kind: str) -> list[bytes]:
        """All NOTIFYs of one kind; as ``notify``."""
        return self._ssdp.notifications(kind, self._place().ipv4)

    def admits(self, open_connections: int, now: float) -> bool:
        """Whether a connection is taken; otherwise it is reset (refused, where a driver can)."""
        if self._wan.crashed or (self._quirks().has("LI08") and now - self._started_at >= TWO_HOURS):
            return False
        return not (self._quirks().has("HT16") and open_connections)

    def wants_more(self, received: bytes) -> bool:
        """Whether the request is still incomplete.

        Raises:
            ValueError: it is no HTTP, or larger than we take: hang up.
        """
        return http_wants_more(received, first_segment_only=self._quirks().has("HT07"))

    def on_half_close(self) -> Ending | None:
        """What becomes of a connection whose client will send no more before it has its answer."""
        return Ending.RESET if self._quirks().has("HT08") else None

    def respond(self, request_bytes: bytes, client_address: str, now: float) -> HttpScript:
        """What to send back; never raises: what is no HTTP is hung up on."""
        quirks = self._quirks()
        if quirks.mute:
            return HttpScript(ending=Ending.KEEP_OPEN)
        try:
            request = read_request(request_bytes)
        except ValueError:
            return HttpScript()
        if quirks.garbage:
            return HttpScript((Piece(quirks.delay, noise(request.path.encode(), 500)),))
        script = script_of(self._response(request, client_address, now), quirks)
        if self._wan.crashed:
            return HttpScript(ending=Ending.RESET)
        lost = quirks.loss and self._random() < quirks.loss
        return HttpScript(ending=Ending.KEEP_OPEN) if lost else script

    def _response(self, request: HttpRequest, client: str, now: float) -> HttpResponse:
        place, quirks = self._place(client), self._quirks()
        if not self._is_inside(client):
            return HttpResponse("403 Forbidden")
        if (refused := refused_by_head(request, place.here, quirks)) is not None:
            return refused
        path = request.path.partition("?")[0]
        if request.method == "POST":
            service = self._service(lambda each: each.control_path == path)
            return NOT_FOUND if service is None else self._control.respond(request, service, client, now)
        if request.method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            return self._gena.handle(request, client)
        return self._page(path, place) if request.method == "GET" else HttpResponse("405 Method Not Allowed")

    def _page(self, path: str, place: Place) -> HttpResponse:
        quirks = self._quirks()
        if path == DESCRIPTION_PATH:
            self._descriptions += 1
            if quirks.has("HT20"):
                return HttpResponse("", script=endless(again=self._descriptions % 2 == 0))
            return HttpResponse("200 OK", description(self._tree(), place, quirks))
        if path in OTHER_PAGES:
            return HttpResponse("200 OK", other_description(path, self._uuid))
        service = self._service(lambda each: each.scpd_path == path)
        if service is None or quirks.has("DE07"):
            return NOT_FOUND
        return HttpResponse("200 OK", scpd(self._parts[service.part].actions, quirks))

    def _quirks(self) -> Quirks:
        return self._table.quirks

    def _tree(self) -> Device:
        return device_tree(self._quirks(), ipv6=self.firewall is not None)

    def _service(self, fits: Callable[[Service], bool]) -> Service | None:
        return next((service for service in self._tree().all_services() if fits(service)), None)

    def _wan_service(self) -> Service:
        return next(service for service in self._tree().all_services() if service.part == "wan")

    def _place(self, client: str = "") -> Place:
        if self.http is None:
            raise ValueError("the UPnP server is not started")
        here = self.http6 if ":" in client and self.http6 is not None else self.http
        return Place(here, self.http, self._uuid)

    def _is_inside(self, host: str) -> bool:
        if ":" not in host:
            return self._table.is_inside(host)
        return self.firewall is not None and is_own_ipv6(host, self.firewall)

    def _variables(self) -> Mapping[str, str]:
        return {
            "ExternalIPAddress": self._wan.external_address,
            "ConnectionStatus": self._wan.status,
            "PortMappingNumberOfEntries": str(self._wan.entry_count),
        }

    def _evented(self, path: str) -> Mapping[str, str] | None:
        service = self._service(lambda each: each.event_path == path)
        if service is None:
            return None
        if service.part == "firewall":
            return self._parts["firewall"].invoke("GetFirewallStatus", {}, "")
        return self._variables() if service.part == "wan" else {}


def is_own_ipv6(host: str, firewall: FirewallControl) -> bool:
    """Of the inside network, or link-local."""
    try:
        address = IPv6Address(host)
    except AddressValueError:
        return False
    return address in firewall.inside or address.is_link_local
