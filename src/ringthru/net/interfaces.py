"""The network interfaces of this machine: for those who choose one by name.

Read from /proc and /sys and by questions to the kernel; nothing is sent, no ioctl is needed.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from .kernel_tables import Route, read_addresses6, read_routes
from .surroundings import ANYWHERE, PROC, default_routes, network_of
from .values import frozen
from .ways import Way, way_from

SYS = Path("/sys/class/net")
ALL_HOSTS = ("224.0.0.1", 5350)  # never sent to: connecting only asks the kernel for our address
LOOPBACK = "lo"


class NoSuchInterface(ValueError):
    """That interface does not exist, or has no address; the text lists those that could be meant."""


class InterfaceKind(Enum):
    """What an interface is; ``ORDINARY`` ones alone lead to a gateway of ours unless a route says so."""

    ORDINARY = "ordinary"
    BRIDGE = "bridge"  # docker0, br-…, virbr0
    VETH = "veth"  # one end of a pair: a container's
    TUNNEL = "tunnel"  # tun, tap, WireGuard


@frozen
class Interface:
    """One interface that is not the loopback."""

    name: str
    index: int
    addresses: tuple[str, ...]  # its IPv4 address first, if it has one; then its IPv6 addresses
    gateway: str | None  # its best default IPv4 gateway, else the one that a rule leads its address to
    metric: int | None  # of the main table's route over that gateway; the lowest is best
    kind: InterfaceKind


def interfaces() -> list[Interface]:
    """All interfaces, the one with the best default gateway first."""
    routes = read_routes(_text(f"{PROC}/route"))
    others = read_addresses6(_text(f"{PROC}/if_inet6"))
    defaults = default_routes(routes)
    found = []
    for index, name in socket.if_nameindex():
        if name == LOOPBACK:
            continue
        own = _ipv4_address(name, index, routes)
        route = next((each for each in defaults if each.interface == name), None)
        by_rules = _way_by_rules(own, index) if own and route is None else None
        found.append(
            Interface(
                name=name,
                index=index,
                addresses=(*([own] if own else []), *(str(a.address) for a in others if a.index == index)),
                gateway=route.gateway if route else by_rules.gateway if by_rules else None,
                metric=route.metric if route else None,
                kind=kind_of(name),
            )
        )
    return sorted(found, key=_rank)


def uplinks() -> list[str]:
    """The interfaces that lead to everywhere by IPv4, the best first; a tunnel's route has no gateway.

    Those of the main table's default routes come first, then those by which a rule leads their own address.
    """
    routes = read_routes(_text(f"{PROC}/route"))
    ways_out = sorted((r for r in routes if r.network.prefixlen == 0), key=lambda r: r.metric)
    found = dict.fromkeys(each.interface for each in ways_out)
    for index, name in socket.if_nameindex():
        if name not in found and name != LOOPBACK:
            own = _ipv4_address(name, index, routes)
            if own is not None and _way_by_rules(own, index) is not None:
                found[name] = None
    return list(found)


def address_of(name: str, routes: Sequence[Route]) -> str:
    """The first IPv4 address of an interface.

    Raises:
        NoSuchInterface: no interface has that name, or it has no IPv4 address; the text lists those that do.
    """
    indices = {each: index for index, each in socket.if_nameindex()}
    own = _ipv4_address(name, indices[name], routes) if name in indices else None
    if own is not None:
        return own
    choice = [
        (each, _ipv4_address(each, index, routes)) for each, index in indices.items() if each != LOOPBACK
    ]
    listed = ", ".join(f"{each} ({address})" for each, address in choice if address) or "none"
    what = "has no IPv4 address" if name in indices else "does not exist"
    raise NoSuchInterface(f"interface {name!r} {what}; interfaces with an IPv4 address: {listed}")


def own_address(name: str, version: int = 0) -> str:
    """An interface's IPv4 address (``version`` 4), its first IPv6 address that is not link-local (6), or
    the first of the two that it has (0).

    Raises:
        NoSuchInterface: there is none; the text says what there is.
    """
    indices = {each: index for index, each in socket.if_nameindex()}
    if name == LOOPBACK and version != 6:
        return "127.0.0.1"  # the kernel names none for multicast there
    if version == 4 or name not in indices:
        return address_of(name, read_routes(_text(f"{PROC}/route")))
    if version == 0:
        try:
            return own_address(name, 4)
        except NoSuchInterface:
            pass
    others = [a.address for a in read_addresses6(_text(f"{PROC}/if_inet6")) if a.index == indices[name]]
    found = next((str(each) for each in others if not each.is_link_local), None)
    if found is None:
        raise NoSuchInterface(f"interface {name!r} has no {'' if version == 0 else 'IPv6 '}address")
    return found


def kind_of(name: str, system: Path = SYS) -> InterfaceKind:
    """What the kernel says an interface is; what it does not say is ordinary."""
    home = system / name
    device_type = _field(home / "uevent", "DEVTYPE=")
    if device_type == "bridge" or (home / "bridge").is_dir():
        return InterfaceKind.BRIDGE
    if device_type == "wireguard" or (home / "tun_flags").exists():
        return InterfaceKind.TUNNEL
    if not device_type and name.startswith("veth") and not (home / "device").exists():
        return InterfaceKind.VETH
    return InterfaceKind.ORDINARY


def _way_by_rules(own: str, index: int) -> Way | None:
    """The way out of an address, where it leads by its own interface."""
    way = way_from(own, ANYWHERE[0])
    return way if way is not None and way.interface == index else None


def _rank(interface: Interface) -> tuple[bool, bool, int, bool, int]:
    return (
        interface.gateway is None,
        interface.metric is None,
        interface.metric or 0,
        interface.kind is not InterfaceKind.ORDINARY,
        interface.index,
    )


def _ipv4_address(name: str, index: int, routes: Sequence[Route]) -> str | None:
    """The interface's first address. The kernel lends another's to one that has none: that does not count.

    Several interfaces may be in one network, as cable and Wi-Fi are.
    """
    address = _source_of_multicast(index)
    if address is None or network_of(address, routes) is None:
        return address
    return address if network_of(address, routes, name) is not None else None


def _source_of_multicast(index: int) -> str | None:
    """What address a datagram to a multicast group would leave an interface with."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            chosen = struct.pack("@4s4si", bytes(4), bytes(4), index)  # struct ip_mreqn, ip(7)
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, chosen)
            probe.connect(ALL_HOSTS)
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _field(path: Path, start: str) -> str:
    lines = _text(str(path)).splitlines()
    return next((line.removeprefix(start) for line in lines if line.startswith(start)), "")


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
