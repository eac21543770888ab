"""A machine with two ways out, each through a miniupnpd of its own, or both through one.

    pbx eth0 192.168.1.103 ── 192.168.1.1 first  11.0.113.1 ── 11.0.113.254 ┐
        eth1 192.168.2.103 ── 192.168.2.1 second 33.44.55.1 ── 33.44.55.254 ┴ pub

``Lines.ALIKE``: both boxes are 192.168.1.1, as two providers deliver them. ``Lines.ONE_LAN``: both interfaces
are in the first one's LAN, as cable and Wi-Fi are. The default route by eth0 is the better one.
"""

from __future__ import annotations

from enum import Enum

from ringthru.lab.namespaces.laboratory import PBX, PUB, SECOND, SECOND_WAN, WAN_ADDRESS
from ringthru.lab.namespaces.miniupnpd import Settings
from ringthru.lab.namespaces.nat_rules import NatRule
from ringthru.lab.namespaces.router import Router, Stand
from ringthru.lab.namespaces.world import World

FIRST = "first"  # a namespace, by role, as the others are
OUTSIDE = {FIRST: "11.0.113.254", SECOND: "33.44.55.254"}  # the public host, at the end of each line


class Lines(Enum):
    APART = "192.168.2.103"  # the address of eth1
    ALIKE = "192.168.1.104"
    ONE_LAN = "192.168.1.105"


class TwoLines(World):
    """``first`` and ``second`` are how the two daemons are set up."""

    def __init__(
        self, lines: Lines = Lines.APART, first: Settings | None = None, second: Settings | None = None
    ) -> None:
        super().__init__()
        self.lines = lines
        self.addresses = {"eth0": "192.168.1.103", "eth1": lines.value}
        self._lan = "192.168.2.1" if lines is Lines.APART else "192.168.1.1"
        self.first = Router(
            self, Stand(FIRST, "192.168.1.1", WAN_ADDRESS, OUTSIDE[FIRST], PBX), first or Settings()
        )
        stand = Stand(SECOND, self._lan, SECOND_WAN, OUTSIDE[SECOND], PBX)
        self.second = Router(self, stand, second or Settings())

    def nat_rules(self) -> tuple[list[NatRule], list[NatRule]]:
        """What each kernel maps now."""
        return self.first.nat_rules(), [] if self.lines is Lines.ONE_LAN else self.second.nat_rules()

    def build(self) -> None:
        for role in (PBX, PUB, FIRST, SECOND):
            self.make_namespace(role, forwards=role in (FIRST, SECOND))
        for role, link in ((FIRST, "eth0"), (SECOND, "eth1")):
            self._wire(role, "wan0", PUB, link)
            self.ip(PUB, f"address add {OUTSIDE[role]}/24 dev {link}")
        self.ip(FIRST, "link add lan0 type bridge mcast_snooping 0 forward_delay 0", "link set lan0 up")
        self.ip(FIRST, "address add 192.168.1.1/24 dev lan0")
        self._wire(FIRST, "port1", PBX, "eth0")
        self.ip(FIRST, "link set port1 master lan0")
        self.settle("eth0", 100)
        self.first.connect()
        self.first.start()
        if self.lines is Lines.ONE_LAN:
            self._wire(FIRST, "port2", PBX, "eth1")
            self.ip(FIRST, "link set port2 master lan0")
            self.settle("eth1", 200)
            return
        self._wire(SECOND, "lan0", PBX, "eth1")
        self.ip(SECOND, f"address add {self._lan}/24 dev lan0")
        if self.lines is Lines.APART:
            self.settle("eth1", 200)
        self.second.connect()
        self.second.start()
        if self.lines is Lines.ALIKE:  # the daemon was waited for by the only address of that name
            self.settle("eth1", 200)

    def settle(self, link: str, metric: int) -> None:
        """Our end of a line: as DHCP would set it up."""
        lan = "192.168.1.1" if link == "eth0" else self._lan
        self.ip(
            PBX,
            f"address replace {self.addresses[link]}/24 dev {link} metric {metric}",
            f"link set {link} up",
            f"route replace default via {lan} dev {link} metric {metric}",
        )

    def lead_by_rule(self, link: str) -> None:
        """The main table has no way out by this line any more; a rule has, for what its address sends."""
        self.ip(
            PBX,
            f"route del default dev {link}",
            f"route add default via {self._lan} dev {link} table 100",
            f"rule add from {self.addresses[link]} table 100",
        )

    def pull(self, link: str) -> None:
        """The cable is out, and with it address and route."""
        self.ip(PBX, f"link set {link} down", f"address flush dev {link}")

    def _wire(self, role: str, link: str, other: str, other_link: str) -> None:
        self.ip(role, f"link add {link} type veth peer name {other_link} netns {self.name(other)}")
        self.ip(role, f"link set {link} up")
        self.ip(other, f"link set {other_link} up")
