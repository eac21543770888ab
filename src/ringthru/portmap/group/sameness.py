"""Which interfaces lead to one and the same gateway, and which of those serves it.

Cable and Wi-Fi in one LAN, two networks of one router: mapped over both, the two mappings would fight for the
port. So one interface serves, and the others stand by.

Lives here: telling gateways apart, and the choice. Never here: kernel tables, or what is mapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from ...net.values import frozen

VIRTUAL: Final = "00:00:5e:00:01:"  # VRRP's hardware addresses (RFC 5798 §7.3): of a group, not of a device


@frozen
class Whereabouts:
    """What is known of the gateway behind one interface."""

    interface: str
    network: IPv4Network | IPv6Network
    gateway: str | None  # its address; None: there is nobody to ask
    found: bool = False  # it answered, and is in use
    judged: bool = False  # the first search is over
    name: str = ""  # what it calls itself (UPnP's UDN); empty when it is not known
    hardware: str = ""  # its hardware address; empty when it is not known
    external: str | None = None  # its external address, as it was told
    public: bool = False  # whether that one is public

    @property
    def device(self) -> str:
        """The hardware address, where that is of one device alone."""
        return "" if self.hardware.startswith(VIRTUAL) else self.hardware


@frozen
class Parts:
    """Who serves; and who stands by, for whom."""

    serving: tuple[str, ...]
    standing_by: dict[str, str]


def is_same_gateway(one: Whereabouts, other: Whereabouts) -> bool:
    """Whether two interfaces lead to one gateway, as far as can be told.

    Many makers give all their devices one UDN, so that one decides only where external addresses do not
    contradict it. Two gateways with one public address share the table that counts, whoever they are.
    """
    if one.device and other.device and one.device == other.device:
        return True
    if _same_link(one, other):
        return True
    both_told = one.external is not None and other.external is not None
    same_outside = both_told and one.external == other.external
    if one.name and one.name == other.name:
        return same_outside or not both_told
    return same_outside and one.public


def _same_link(one: Whereabouts, other: Whereabouts) -> bool:
    """One address in one network; unless that is of two devices, as where two providers' boxes are alike."""
    if one.gateway is None or one.gateway != other.gateway or not one.network.overlaps(other.network):
        return False
    return not (one.hardware and other.hardware and one.hardware != other.hardware)


class Sameness:
    """Remembers who served, and which gateways were found to be one: a choice is not changed without need."""

    def __init__(self) -> None:
        self._serving: tuple[str, ...] = ()
        self._last: dict[str, Whereabouts] = {}  # by interface, from when its gateway was there
        self._alike: set[frozenset[tuple[str, str | None, str]]] = set()

    def choose(self, known: Sequence[Whereabouts]) -> Parts:
        """``known`` are all interfaces there are, the one with the best default route first.

        A gateway that is lost is taken for what it was: whoever else reaches it serves it from then on, and
        goes on when it is back.
        """
        here = {each.interface for each in known}
        self._last = {name: each for name, each in self._last.items() if name in here}
        self._last |= {each.interface: each for each in known if each.found}
        self._forget_others()
        places = [each if each.found else self._last.get(each.interface, each) for each in known]
        found = {each.interface for each in known if each.found}
        places.sort(key=lambda each: (each.interface not in found, each.interface not in self._serving))
        serving: list[Whereabouts] = []
        standing_by: dict[str, str] = {}
        for each in places:
            rival = next((other for other in serving if self._is_same(each, other)), None)
            rival = rival or _better_yet(each, known)
            if rival is None:
                serving.append(each)
            else:
                standing_by[each.interface] = rival.interface
        self._serving = tuple(each.interface for each in serving)
        return Parts(self._serving, standing_by)

    def _is_same(self, one: Whereabouts, other: Whereabouts) -> bool:
        """Once the same, always the same: of a change of address two interfaces may hear at two times."""
        pair = frozenset((_key(one), _key(other)))
        if pair not in self._alike and is_same_gateway(one, other):
            self._alike.add(pair)
        return pair in self._alike

    def _forget_others(self) -> None:
        keys = {_key(each) for each in self._last.values()}
        self._alike = {pair for pair in self._alike if pair <= keys}


def _key(place: Whereabouts) -> tuple[str, str | None, str]:
    return place.interface, place.gateway, place.name


def _better_yet(place: Whereabouts, known: Sequence[Whereabouts]) -> Whereabouts | None:
    """An interface with a better route that is about to find the same gateway: it is waited for."""
    for better in known:
        if better.interface == place.interface:
            return None
        if place.found and not better.found and not better.judged and _same_link(better, place):
            return better
    return None
