"""A carrier that shares its addresses: 100.64.0.0/24 behind one NAT, whose PCP server is at 192.0.0.9 alone.

    pbx 192.168.1.103 ── 192.168.1.1 home 100.64.0.2 ── 100.64.0.1 carrier 11.0.113.1 ── 11.0.113.254 pub
                                                        192.0.0.9

Without a router at home the pbx is 100.64.0.103 itself, as behind a modem that only bridges. The home router
translates and offers nothing. The carrier's server is miniupnpd with PCP and NAT-PMP, on the anycast address
of RFC 7723 and on no other: its next hop is silent, as a carrier's is.
"""

from __future__ import annotations

from ringthru.lab.namespaces.laboratory import PBX, PBX_ADDRESS, PUB, WAN_ADDRESS, WAN_ROUTER
from ringthru.lab.namespaces.miniupnpd import Serves, Settings
from ringthru.lab.namespaces.nat_rules import NatRule
from ringthru.lab.namespaces.router import Router, Stand
from ringthru.lab.namespaces.world import World

HOME, CARRIER = "home", "carrier"  # namespaces, by role
ANYCAST = "192.0.0.9"  # RFC 7723
BRIDGED, HOME_WAN, NEXT_HOP = "100.64.0.103", "100.64.0.2", "100.64.0.1"
SERVER = Settings(Serves.NATPMP, listens=f"{ANYCAST}/0")  # its clients may be anywhere


class CarrierWorld(World):
    """With ``home`` a router of our own stands between."""

    def __init__(self, *, home: bool) -> None:
        super().__init__()
        self._home = home
        neighbour = HOME if home else PBX
        self.carrier = Router(self, Stand(CARRIER, ANYCAST, WAN_ADDRESS, WAN_ROUTER, neighbour), SERVER)
        self.house = Router(self, Stand(HOME, "192.168.1.1", HOME_WAN, NEXT_HOP, PBX), None)

    def nat_rules(self) -> list[NatRule]:
        """What the carrier's kernel maps now."""
        return self.carrier.nat_rules()

    @property
    def pbx_address(self) -> str:
        return PBX_ADDRESS if self._home else BRIDGED

    def build(self) -> None:
        for role in (PBX, PUB, CARRIER, *([HOME] if self._home else [])):
            self.make_namespace(role, forwards=role in (HOME, CARRIER))
        self._wire(CARRIER, "wan0", PUB, "eth0")
        self.ip(PUB, f"address add {WAN_ROUTER}/24 dev eth0")
        self._wire(CARRIER, "lan0", HOME if self._home else PBX, "wan0" if self._home else "eth0")
        self.ip(CARRIER, f"address add {NEXT_HOP}/24 dev lan0", f"address add {ANYCAST}/32 dev lo")
        self.carrier.connect()
        if self._home:
            self._wire(HOME, "lan0", PBX, "eth0")
            self.ip(HOME, "address add 192.168.1.1/24 dev lan0")
            self.house.connect()
        self.ip(PBX, f"address add {self.pbx_address}/24 dev eth0")
        self.ip(PBX, f"route add default via {'192.168.1.1' if self._home else NEXT_HOP}")
        self.carrier.start()

    def _wire(self, role: str, link: str, other: str, other_link: str) -> None:
        self.ip(role, f"link add {link} type veth peer name {other_link} netns {self.name(other)}")
        self.ip(role, f"link set {link} up")
        self.ip(other, f"link set {other_link} up")
