"""Where we stand: our own LAN address, our network, the default gateway.

Read from the kernel's tables without sending a packet. A laboratory hands over its own value instead.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from .address import INTERNET, AddressRules
from .values import frozen

ROUTES = Path("/proc/net/route")
ANYWHERE = ("82.45.148.209", 4242)  # never sent to: connecting a UDP socket only asks the kernel for a route
UP_GATEWAY = 0x0003  # RTF_UP | RTF_GATEWAY
UP = 0x0001


@frozen
class Surroundings:
    """What the switch and the mapping engine may know of the network around them."""

    address: str  # our own LAN address
    network: IPv4Network  # the LAN it is in
    gateway: str | None  # the default gateway; None: there is none to ask
    rules: AddressRules = INTERNET
    multicast: bool = True  # False: only unicast to the gateway (a loopback laboratory has no multicast)


@frozen
class Route:
    """One line of the kernel's IPv4 main table."""

    interface: str
    network: IPv4Network
    gateway: str | None
    metric: int


def read_routes(text: str) -> list[Route]:
    """Parse /proc/net/route; lines that are not routes in use are left out."""
    routes = []
    for line in text.splitlines()[1:]:
        columns = line.split()
        if len(columns) < 8 or not int(columns[3], 16) & UP:
            continue
        destination, gateway, mask = (_address(columns[i]) for i in (1, 2, 7))
        has_gateway = int(columns[3], 16) & UP_GATEWAY == UP_GATEWAY
        network = IPv4Network(f"{destination}/{mask}", strict=False)
        routes.append(Route(columns[0], network, gateway if has_gateway else None, int(columns[6])))
    return routes


def look_around() -> Surroundings:
    """Ask the kernel; 127.0.0.1 and no gateway where there is no route to anywhere."""
    address = guess_address()
    try:
        routes = read_routes(ROUTES.read_text())
    except OSError:
        routes = []
    defaults = sorted((r for r in routes if r.network.prefixlen == 0 and r.gateway), key=lambda r: r.metric)
    connected = [
        r.network
        for r in routes
        if r.gateway is None and IPv4Address(address) in r.network and r.network.prefixlen
    ]
    network = max(connected, key=lambda n: n.prefixlen, default=IPv4Network(f"{address}/32"))
    return Surroundings(address, network, defaults[0].gateway if defaults else None)


def guess_address() -> str:
    """The source address the kernel would use towards the Internet; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ANYWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _address(hexadecimal: str) -> str:
    """The table prints addresses as hexadecimal in the machine's (little-endian) order."""
    return str(IPv4Address(bytes.fromhex(hexadecimal)[::-1]))
