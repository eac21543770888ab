"""A small Internet in network namespaces: a switch and a phone behind a real NAT gateway, a host outside.

For tests and measurements against real programs on Linux, as root. Every namespace is made by the
laboratory itself and goes away with it; none has a way out, so no packet can reach a real network.

    phone 192.168.1.50  ─┐
    pbx   192.168.1.103 ─┴─ 192.168.1.1 gateway 11.0.113.1 ── inet ── 22.51.100.50 pub

The addresses outside only look public: the lab never routes them anywhere. Documentation ranges will
not do, because miniupnpd and miniupnpc take them for reserved and refuse to map.
"""

from __future__ import annotations

from enum import Enum

from ...net.values import replace
from .miniupnpd import Miniupnpd, Serves, Settings
from .nat_rules import NatRule, Pinhole
from .router import Router, Stand
from .world import World

PBX, PHONE, GATEWAY, INET, PUB = "pbx", "phone", "gateway", "inet", "pub"  # the namespaces, by role
SECOND, SECOND_PBX = "second", "second_pbx"  # the other gateway, where there are two; and who is behind it
PBX_ADDRESS, PHONE_ADDRESS = "192.168.1.103", "192.168.1.50"
LAN_ADDRESS, WAN_ADDRESS, WAN_ROUTER = "192.168.1.1", "11.0.113.1", "11.0.113.254"
PUB_ADDRESS, PUB_ROUTER = "22.51.100.50", "22.51.100.254"
SECOND_WAN, SECOND_WAN_ROUTER = "33.44.55.1", "33.44.55.254"
INNER_WAN, MIDDLE_ROUTER = "10.0.0.2", "10.0.0.1"  # of a gateway behind a gateway
BESIDE = "192.168.1.2"  # the second gateway, where both are on one LAN
OTHER_LAN, SECOND_PBX_ADDRESS = "192.168.2.1", "192.168.2.103"  # where each has its own
PBX_ADDRESS6, PUB_ADDRESS6 = "2a0e:113:1::103", "2a0e:22:51::50"
LINK_LOCAL = (
    "fe80::1"  # of the routers on the links that hosts live on: what router advertisements would tell
)


class Topology(Enum):
    """What stands at 192.168.1.1, and beyond. All translate addresses; they differ in what they offer."""

    SINGLE = "single"  # miniupnpd answers
    NONE = "none"  # no UPnP, no NAT-PMP: the ports answer "unreachable" and stay closed
    DEAD = "dead"  # whatever is sent to the gateway itself vanishes without an answer
    DUAL_STACK = "dual-stack"  # as single, with IPv6 and a firewall there
    CASCADE = "cascade"  # gateway's WAN is 10.0.0.2, behind the second gateway at 10.0.0.1
    TWO_GATEWAYS = "two-gateways"  # the second one is 192.168.1.2 on the same LAN, with its own line
    DOUBLE = "double"  # the second one serves another home, 192.168.2.0/24, across the Internet


SECONDS = {
    Topology.CASCADE: Stand(SECOND, MIDDLE_ROUTER, WAN_ADDRESS, WAN_ROUTER, GATEWAY),
    Topology.TWO_GATEWAYS: Stand(SECOND, BESIDE, SECOND_WAN, SECOND_WAN_ROUTER, PBX),
    Topology.DOUBLE: Stand(SECOND, OTHER_LAN, SECOND_WAN, SECOND_WAN_ROUTER, SECOND_PBX),
}


class Laboratory(World):
    """The namespaces, the gateways, and every process that was started in them; a context manager.

    ``settings`` are the gateway's, and ``second`` the other one's where there are two; ``serves`` is short
    for settings that differ in the protocols only. What is about "the gateway" is about the one the PBX
    has for its default; ``second`` is the other.

    Raises:
        LaboratoryError: not root, a tool is missing, or the kernel refused a step.
    """

    def __init__(
        self,
        topology: Topology = Topology.SINGLE,
        serves: Serves = Serves.BOTH,
        settings: Settings | None = None,
        second: Settings | None = None,
    ) -> None:
        super().__init__()
        self.topology = topology
        self._settings = settings or Settings(serves)
        self._second_settings = second or Settings()
        self.gateway: Router | None = None
        self.second: Router | None = None

    # Building

    def build(self) -> None:
        """Build everything, start the daemons, and wait until they answer."""
        self._make_namespaces()
        self._lay_lan()
        self._lay_internet()
        self._lay_second()
        if self._ipv6:
            self._lay_ipv6()
        self._start_gateways()

    @property
    def _ipv6(self) -> bool:
        return self.topology is Topology.DUAL_STACK

    @property
    def _cascade(self) -> bool:
        return self.topology is Topology.CASCADE

    def _make_namespaces(self) -> None:
        second = [SECOND] if self.topology in SECONDS else []
        second += [SECOND_PBX] if self.topology is Topology.DOUBLE else []
        for role in (PBX, PHONE, GATEWAY, INET, PUB, *second):
            self.make_namespace(role, forwards=role in (GATEWAY, INET, SECOND), ipv6=self._ipv6)

    def _lay_lan(self) -> None:
        self.ip(
            GATEWAY,
            "link add lan0 type bridge mcast_snooping 0 forward_delay 0",
            f"link add port1 type veth peer name eth0 netns {self.name(PBX)}",
            f"link add port2 type veth peer name eth0 netns {self.name(PHONE)}",
            "link set port1 master lan0",
            "link set port2 master lan0",
            f"address add {LAN_ADDRESS}/24 dev lan0",
            *(f"link set {link} up" for link in ("port1", "port2", "lan0")),
        )
        self._settle(PBX, PBX_ADDRESS, LAN_ADDRESS)
        self._settle(PHONE, PHONE_ADDRESS, LAN_ADDRESS)

    def _lay_internet(self) -> None:
        self._lay_line(SECOND if self._cascade else GATEWAY, "gateway0", WAN_ROUTER)
        self.ip(
            INET,
            f"link add pub0 type veth peer name eth0 netns {self.name(PUB)}",
            f"address add {PUB_ROUTER}/24 dev pub0",
            "link set pub0 up",
        )
        self._settle(PUB, PUB_ADDRESS, PUB_ROUTER)

    def _lay_second(self) -> None:
        if self._cascade:
            self._lay_wire(SECOND, "lan0", GATEWAY, "wan0", MIDDLE_ROUTER)
        elif self.topology is Topology.TWO_GATEWAYS:
            self._lay_line(SECOND, "second0", SECOND_WAN_ROUTER)
            self._lay_wire(SECOND, "lan0", GATEWAY, "port3", BESIDE)
            self.ip(GATEWAY, "link set port3 master lan0")
        elif self.topology is Topology.DOUBLE:
            self._lay_line(SECOND, "second0", SECOND_WAN_ROUTER)
            self._lay_wire(SECOND, "lan0", SECOND_PBX, "eth0", OTHER_LAN)
            self._settle(SECOND_PBX, SECOND_PBX_ADDRESS, OTHER_LAN)

    def _lay_ipv6(self) -> None:
        self._address6(GATEWAY, "lan0", "2a0e:113:1::1", LINK_LOCAL)
        self._address6(INET, "gateway0", "2a0e:113:ff::fe", LINK_LOCAL)
        self._address6(GATEWAY, "wan0", "2a0e:113:ff::1")
        self._address6(INET, "pub0", "2a0e:22:51::fe", LINK_LOCAL)
        self._address6(PBX, "eth0", PBX_ADDRESS6)
        self._address6(PHONE, "eth0", "2a0e:113:1::50")
        self._address6(PUB, "eth0", PUB_ADDRESS6)
        for role in (PBX, PHONE, PUB):
            self.ip(role, f"route add default via {LINK_LOCAL} dev eth0")
        self.ip(GATEWAY, "route add default via 2a0e:113:ff::fe")
        self.ip(INET, "route add 2a0e:113:1::/64 via 2a0e:113:ff::1")

    def _address6(self, role: str, link: str, *addresses: str) -> None:
        self.ip(role, *(f"address add {each}/64 dev {link}" for each in addresses))

    def _lay_line(self, role: str, link: str, router: str) -> None:
        """The line of a gateway to its provider."""
        self._lay_wire(INET, link, role, "wan0", router)

    def _lay_wire(self, role: str, link: str, other: str, other_link: str, address: str) -> None:
        """A wire between two namespaces; ``address`` is that of its first end."""
        self.ip(
            role,
            f"link add {link} type veth peer name {other_link} netns {self.name(other)}",
            f"address add {address}/24 dev {link}",
            f"link set {link} up",
        )
        self.ip(other, f"link set {other_link} up")

    def _settle(self, role: str, address: str, router: str) -> None:
        """A host at the end of its wire."""
        self.ip(
            role,
            f"address add {address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {router}",
        )

    def _start_gateways(self) -> None:
        offers = self.topology not in (Topology.NONE, Topology.DEAD)
        stand = Stand(GATEWAY, LAN_ADDRESS, WAN_ADDRESS, WAN_ROUTER, PBX)
        if self._cascade:
            stand = replace(stand, wan=INNER_WAN, wan_router=MIDDLE_ROUTER)
        dead = self.topology is Topology.DEAD
        self.gateway = Router(self, stand, self._settings if offers else None, dead=dead)
        routers = [self.gateway]
        if self.topology in SECONDS:
            self.second = Router(self, SECONDS[self.topology], self._second_settings)
            routers.append(self.second)
        for router in routers:
            router.connect()
        for router in routers:
            router.start()

    # The gateway

    @property
    def router(self) -> Router:
        """The gateway that the PBX has for its default, of an open laboratory."""
        assert self.gateway is not None, "the laboratory is not open"
        return self.gateway

    @property
    def daemon(self) -> Miniupnpd | None:
        return self.gateway.daemon if self.gateway else None

    @property
    def wan_address(self) -> str:
        """The gateway's external address now."""
        return self.router.wan_address

    def nat_rules(self) -> list[NatRule]:
        """The port mappings that the gateway's kernel really has now, sorted."""
        return self.router.nat_rules()

    def pinholes(self) -> list[Pinhole]:
        """The holes that the gateway's IPv6 firewall really has now, sorted."""
        return self.router.pinholes()

    def forget_connections(self) -> None:
        """Empty the gateway's connection tracking table."""
        self.router.forget_connections()

    def reboot_gateway(self) -> None:
        """A power cycle: daemon killed, mappings and connections gone, started again with epoch 0."""
        self.router.reboot()

    def flush_mappings(self) -> None:
        """Take every mapping out of the kernel behind the daemon's back; it goes on listing them."""
        self.router.flush_mappings()

    def change_wan_address(self, new: str) -> None:
        """Give the gateway another address within 11.0.113.0/24; running connections die of it."""
        self.router.change_wan_address(new)

    def take_wan_address(self) -> None:
        """Take the gateway's address away, and with it its way out, until ``change_wan_address``."""
        self.router.take_wan_address()

    def stop_daemon(self) -> None:
        """Kill miniupnpd; its mappings stay in the kernel, as they do in a real gateway."""
        self.router.stop_daemon()

    def freeze_daemon(self) -> None:
        """Stop miniupnpd in its tracks: its ports stay open, and nobody answers."""
        self.router.freeze_daemon()

    def thaw_daemon(self) -> None:
        """Let a frozen miniupnpd go on, with everything that has queued up meanwhile."""
        self.router.thaw_daemon()
