"""One NAT gateway of a laboratory: its kernel's rules, its miniupnpd, and what may befall it.

Lives here: verbs for the gateway. Never here: which wires lead to it.
"""

from __future__ import annotations

import signal

from ...net.values import frozen
from .miniupnpd import Miniupnpd, Serves, Settings
from .nat_rules import CHAINS, NatRule, Pinhole, read_pinholes, read_rules, rules
from .world import World


@frozen
class Stand:
    """Where a gateway stands: its own addresses, who is next on the way out, and who can ask it."""

    role: str
    lan: str
    wan: str
    wan_router: str
    neighbour: str  # the role of a namespace on its LAN


class Router:
    """A gateway between ``lan0`` and ``wan0`` of its namespace; without ``settings`` it offers no mappings.

    ``dead``: what is sent to the gateway itself vanishes without an answer.
    """

    def __init__(self, world: World, stand: Stand, settings: Settings | None, *, dead: bool = False) -> None:
        self.stand = stand
        self.wan_address = ""
        self._world = world
        self._dead = dead
        self._pcp = settings is None or settings.serves is not Serves.UPNP
        self.daemon: Miniupnpd | None = None
        if settings is not None:
            self.daemon = Miniupnpd(world, world.directory, settings, stand.role, stand.lan, stand.neighbour)

    def connect(self) -> None:
        """Give it its WAN address and rules: from now on it translates."""
        self._give_wan_address(self.stand.wan)
        self._load_rules()

    def start(self) -> None:
        """Start the daemon, if it has one; a neighbour must be able to reach it."""
        if self.daemon:
            self.daemon.start()

    def nat_rules(self) -> list[NatRule]:
        """The port mappings that the kernel really has now, sorted."""
        return read_rules(self._listing("prerouting_miniupnpd"))

    def pinholes(self) -> list[Pinhole]:
        """The holes that the IPv6 firewall really has now, sorted."""
        return read_pinholes(self._listing("miniupnpd"))

    def forget_connections(self) -> None:
        """Empty the connection tracking table."""
        self._world.run(self.stand.role, ["conntrack", "-F"])

    def reboot(self) -> None:
        """A power cycle: daemon killed, mappings and connections gone, started again with epoch 0."""
        self.stop_daemon()
        self._load_rules()
        self.forget_connections()
        if self.daemon:
            self.daemon.start()

    def flush_mappings(self) -> None:
        """Take every mapping out of the kernel behind the daemon's back; it goes on listing them."""
        flush = "".join(f"flush chain inet filter {chain}\n" for chain in CHAINS)
        self._world.run(self.stand.role, ["nft", "-f", "-"], text=flush)
        self.forget_connections()

    def change_wan_address(self, new: str) -> None:
        """Another address in the same /24; running connections die of it."""
        self._give_wan_address(new)
        self.forget_connections()

    def take_wan_address(self) -> None:
        """A line that is down: no address, and no way out."""
        self._world.ip(self.stand.role, f"address delete {self.wan_address}/24 dev wan0")
        self.wan_address = ""
        self.forget_connections()

    def stop_daemon(self) -> None:
        """Kill miniupnpd; its mappings stay in the kernel, as they do in a real gateway."""
        if self.daemon:
            self.daemon.stop()

    def freeze_daemon(self) -> None:
        """Stop miniupnpd in its tracks: its ports stay open, and nobody answers."""
        if self.daemon:
            self.daemon.signal(signal.SIGSTOP)

    def thaw_daemon(self) -> None:
        """Let a frozen miniupnpd go on, with everything that has queued up meanwhile."""
        if self.daemon:
            self.daemon.signal(signal.SIGCONT)

    def _listing(self, chain: str) -> str:
        argv = ["nft", "-j", "list", "chain", "inet", "filter", chain]
        return self._world.run(self.stand.role, argv).stdout

    def _give_wan_address(self, address: str) -> None:
        before = [f"address delete {self.wan_address}/24 dev wan0"] if self.wan_address else []
        self._world.ip(
            self.stand.role,
            *before,
            f"address add {address}/24 dev wan0",
            f"route replace default via {self.stand.wan_router}",
        )
        self.wan_address = address

    def _load_rules(self) -> None:
        self._world.run(self.stand.role, ["nft", "-f", "-"], text=rules(self._dead, self._pcp))
