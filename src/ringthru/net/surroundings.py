"""Where we stand: our own LAN address, our network, the default gateway, for IPv4 and for IPv6.

Read from the kernel's tables without sending a packet. A laboratory hands over its own value instead.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from .address import INTERNET, AddressRules, parse_address
from .kernel_tables import Address6, Route, Route6, read_addresses6, read_routes, read_routes6
from .values import frozen, replace

__all__ = (
    "Route",
    "Surroundings",
    "Surroundings6",
    "guess_address",
    "look_around",
    "look_around6",
    "read_routes",
)

PROC = "/proc/net"
ANYWHERE = ("82.45.148.209", 4242)  # never sent to: connecting a UDP socket only asks the kernel for a route
MOST_AT_ONCE = 65536  # bytes
NOWHERE = "127.0.0.1"  # our address when there is no route to anywhere
GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291 §2.4: what can be reached from outside


@frozen
class Surroundings:
    """What the switch and the mapping engine may know of the network around them."""

    address: str  # our own LAN address
    network: IPv4Network  # the LAN it is in
    gateway: str | None  # the default gateway; None: there is none to ask
    rules: AddressRules = INTERNET
    multicast: bool = True  # False: only unicast to the gateway (a loopback laboratory has no multicast)
    connected: tuple[IPv4Network, ...] = ()  # every network that this machine has an interface in


@frozen
class Surroundings6:
    """The same for IPv6, where an address needs a hole in a firewall and not a translation.

    The address is the one to be called at: global, neither temporary (RFC 8981) nor deprecated, because
    gateways refuse a pinhole for another address than the one that asks, and privacy addresses go away.
    """

    address: str
    network: IPv6Network
    gateway: str  # with its zone where it is link-local: "fe80::1%eth0"
    interface: str
    index: int  # of the interface, for multicast and zones


def look_around(interface: str | None = None) -> Surroundings:
    """Ask the kernel; 127.0.0.1 and no gateway where there is no route to anywhere.

    Without ``interface`` it is the one the kernel would use towards the Internet. Where that one has no
    gateway (a VPN that is everybody's default), it is the one with the best default gateway: address and
    gateway always belong together.

    Raises:
        NoSuchInterface: no interface has that name, or it has no IPv4 address; the text lists those that do.
    """
    routes = read_routes(_table("route"))
    if interface is not None:
        from .interfaces import address_of  # late: rarely asked, and the start is a budget

        return _led_by_rules(_placed(address_of(interface, routes), routes, interface), interface)
    return _led_by_rules(choose(guess_address(), routes))


def choose(guess: str, routes: Sequence[Route]) -> Surroundings:
    """Our place, given the kernel's own choice of a source address and its routes."""
    defaults = default_routes(routes)
    home = network_of(guess, routes)
    if not defaults or home is None or any(each.interface == home.interface for each in defaults):
        return _placed(guess, routes, home.interface if home else None)
    beside = guess_address((str(defaults[0].gateway), ANYWHERE[1]))
    return _placed(beside, routes, defaults[0].interface)


def look_around6(interface: str | None = None, address: str | None = None) -> Surroundings6 | None:
    """Our place in the IPv6 Internet; None without a default gateway or a stable global address.

    ``address`` names one of several such addresses; None where it is not ours any more.
    """
    places = look_everywhere6(interface)
    return next((each for each in places if address in (None, each.address)), None)


def look_everywhere6(interface: str | None = None) -> list[Surroundings6]:
    """All addresses we can be called at, the best default gateway's first, and there the steadiest."""
    addresses = read_addresses6(_table("if_inet6"))
    return places6(addresses, read_routes6(_table("ipv6_route")), interface)


def places6(
    addresses: Sequence[Address6], routes: Sequence[Route6], interface: str | None = None
) -> list[Surroundings6]:
    """Every address to be called at, by the default gateways of its interface, best first; each once."""
    found: dict[str, Surroundings6] = {}
    defaults = [r for r in routes if r.network.prefixlen == 0 and r.gateway is not None]
    for route in sorted(defaults, key=lambda r: r.metric):
        if interface not in (None, route.interface):
            continue
        callable_at = [a for a in addresses if a.interface == route.interface and _may_be_called(a)]
        for own in sorted(callable_at, key=_steadiness):
            assert route.gateway is not None  # a default route without one is none of these
            gateway, network = _with_zone(route.gateway, route.interface), _network6_of(own, routes)
            place = Surroundings6(str(own.address), network, gateway, own.interface, own.index)
            found.setdefault(place.address, place)
    return list(found.values())


def default_routes(routes: Sequence[Route]) -> list[Route]:
    """The routes to everywhere that lead over a gateway, best first (TO01: there may be several)."""
    return sorted((r for r in routes if r.network.prefixlen == 0 and r.gateway), key=lambda r: r.metric)


def network_of(address: str, routes: Sequence[Route], interface: str | None = None) -> Route | None:
    """The narrowest network that ``address`` is connected to."""
    own = IPv4Address(address)
    connected = [
        r
        for r in routes
        if r.gateway is None and r.network.prefixlen and own in r.network and interface in (None, r.interface)
    ]
    return max(connected, key=lambda r: r.network.prefixlen, default=None)


def way_out(host: str) -> str | None:
    """The interface by which the main table leads to an IPv4 address; None where none does."""
    address = parse_address(host)
    if not isinstance(address, IPv4Address):
        return None
    ways = [each for each in read_routes(_table("route")) if address in each.network]
    best = max(ways, key=lambda each: (each.network.prefixlen, -each.metric), default=None)
    return best.interface if best is not None else None


def guess_address(towards: tuple[str, int] = ANYWHERE) -> str:
    """The source address the kernel would use, by default towards the Internet; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(towards)
        except OSError:
            return NOWHERE
        return str(probe.getsockname()[0])


def _placed(address: str, routes: Sequence[Route], interface: str | None) -> Surroundings:
    """``interface`` None: unknown, and any default gateway will do."""
    home = network_of(address, routes, interface)
    gateways = [r.gateway for r in default_routes(routes) if interface in (None, r.interface)]
    network = home.network if home else IPv4Network(f"{address}/32")
    connected = tuple(r.network for r in routes if r.gateway is None and r.network.prefixlen)
    return Surroundings(address, network, gateways[0] if gateways else None, connected=connected)


def _led_by_rules(place: Surroundings, interface: str | None = None) -> Surroundings:
    """With the gateway that a rule leads our address to, where the main table has none for it."""
    if place.gateway is not None or place.address == NOWHERE:
        return place
    from .ways import way_from  # late: most machines have no rules of their own

    way = way_from(place.address, ANYWHERE[0])
    if way is None or (interface is not None and way.interface != _number_of(interface)):
        return place
    return replace(place, gateway=way.gateway)


def _number_of(interface: str) -> int | None:
    try:
        return socket.if_nametoindex(interface)
    except OSError:  # it has gone
        return None


def _may_be_called(own: Address6) -> bool:
    return own.address in GLOBAL_UNICAST and own.is_stable


def _steadiness(own: Address6) -> tuple[bool, IPv6Address]:
    """An order that does not change from look to look; the kernel lists addresses in no order."""
    return own.prefix_length == 128, own.address  # what DHCPv6 leased comes after what is our own


def _network6_of(own: Address6, routes: Sequence[Route6]) -> IPv6Network:
    """The LAN around an address. One that DHCPv6 leased has 128 bits of its own; routes know better."""
    if own.prefix_length < 128:
        return IPv6Network((own.address, own.prefix_length), strict=False)
    around = [
        r.network
        for r in routes
        if r.interface == own.interface and r.gateway is None and own.address in r.network
        if 0 < r.network.prefixlen < 128
    ]
    return max(around, key=lambda n: n.prefixlen, default=IPv6Network((own.address, 128)))


def _with_zone(gateway: IPv6Address, interface: str) -> str:
    return f"{gateway}%{interface}" if gateway.is_link_local else str(gateway)


def _table(name: str) -> str:
    try:
        table = os.open(f"{PROC}/{name}", os.O_RDONLY | os.O_CLOEXEC)  # in half the time of a text file
    except OSError:
        return ""
    try:
        return b"".join(iter(lambda: os.read(table, MOST_AT_ONCE), b"")).decode("ascii", "replace")
    finally:
        os.close(table)
