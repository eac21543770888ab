"""A fake gateway in the virtual world: the core of one, power, a WAN, and a forwarding plane of sets.

Lives here: what can happen to a gateway, and what its table and its forwarding really hold.
Never here: sockets, the way to it (virtual), judgement (oracle).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from ...net.address import Endpoint
from ..gateway.announcer import GROUP, Announcer, Notice
from ..gateway.core import FLAP, NATPMP_PORT, PROTOCOLS, GatewayCore
from ..gateway.mapping_table import Entry, Key
from ..gateway.pcp_messages import VERSION
from ..gateway.pcp_server import is_link_local
from ..gateway.quirks import Quirks
from ..gateway.table_rows import SIP_PORT
from .pinholes import Hole, Pinholes

FIRST_HTTP_PORT: Final = 5000  # one more with each boot, as miniupnpd's port moves (SD18)
HTTP_PORTS: Final = 1000
FOREIGN_PORT: Final = 30000  # the first mapping of another host
GROUP6: Final = Endpoint("ff02::1", GROUP.port)  # RFC 6887 §14.1.2
FOREIGN_HOST6: Final = 0x77  # the last octets of another host's IPv6 address
PUBLIC: Final = "11.0.113.1"  # looks public, and belongs to nobody who could be reached by mistake


class VirtualGateway:
    """One gateway at ``address`` whose world is ``external``; ``clock`` gives the world's seconds.

    ``behind`` is the gateway on whose inside network this one's WAN is (double NAT). ``external`` "" is a WAN
    that is down. What is changed here happens at once.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        address: str = "192.168.1.1",
        external: str = PUBLIC,
        *,
        network: IPv4Network | None = None,  # None: the /24 around ``address``
        protocols: Iterable[str] = PROTOCOLS,
        quirks: Quirks | None = None,
        inside_v6: IPv6Network | None = None,
        address_v6: str | None = None,  # the gateway's own there, where IPv6 clients find it
        behind: VirtualGateway | None = None,
        announces: bool = True,
        seed: int = 0,
    ) -> None:
        self.address = address
        self.addresses = (address,) if address_v6 is None else (address, address_v6)
        self.inside_v6 = inside_v6
        self.network = network or IPv4Network(f"{address}/24", strict=False)
        self.external = external
        self.behind = behind
        self.row = ""  # of the default gateway's, because of which it is there; "" when a test put it there
        self.powered = True
        self.announces = announces
        self.open_connections = 0  # HTTP, kept by the world
        self.foreign: dict[Key, Endpoint] = {}  # of other hosts, as they were when they were put there
        self.closed_at: dict[Key, float] = {}  # when a port was closed last
        self._clock = clock
        self._open: dict[Key, Endpoint] = {}
        self._boots = 0
        self._flapped_at = clock() - clock() % FLAP
        self.core = GatewayCore(
            address,
            self.network,
            outside=lambda: self.external,
            clock=clock,
            open_port=self._open.__setitem__,
            close_port=self._close,
            protocols=protocols,
            quirks=quirks,
            inside_v6=inside_v6,
            seed=seed,
        )
        self.pinholes = Pinholes(self.core, clock)
        self._listen()
        self.announcer = Announcer(self.core.port_control, address, lambda: self.quirks, self._notifications)
        self.announcer.handle_timeout(clock())

    @property
    def quirks(self) -> Quirks:
        return self.core.table.quirks

    @quirks.setter
    def quirks(self, quirks: Quirks) -> None:
        self.core.table.quirks = quirks

    def address_for(self, host: str) -> str:
        """The gateway's address in the family of a host's."""
        return self.addresses[-1] if ":" in host else self.address

    def hears_pmp(self, to: str) -> bool:
        """Whether anybody listens to port 5351 of that address of the gateway's (PC18)."""
        return not self.quirks.has("PC18") or ":" not in to or is_link_local(to)

    def entries(self) -> tuple[Entry, ...]:
        """The table as it truly is, whatever is listed."""
        return tuple(self.core.table)

    def entry(self, protocol: str, external_port: int) -> Entry | None:
        return self.core.table.get(Key(protocol, external_port))

    def forwards(self, protocol: str, external_port: int) -> Endpoint | None:
        """Where what comes from outside to this port arrives; None: nowhere."""
        self.core.table.expire()
        return self._open.get(Key(protocol, external_port)) if self.powered and self.external else None

    def reached_at(self, protocol: str, external_port: int) -> Endpoint | None:
        """As ``forwards``, for what comes from the Internet: a gateway before this one must forward too."""
        internal, outer = self.forwards(protocol, external_port), self.behind
        if internal is None or outer is None:
            return internal
        here = Endpoint(self.external, external_port)
        ways = (outer.reached_at(*key) for key in list(outer._open) if key.protocol == protocol)
        return internal if here in ways else None

    def lets_in(self, protocol: str, internal: Endpoint) -> bool:
        """Whether what comes from outside to this IPv6 port arrives."""
        kept = self.quirks.has("TO10") and internal.port == SIP_PORT
        return self.powered and not kept and self.pinholes.lets_in(Hole(protocol, internal))

    def seed_foreign(self, count: int = 3, host: str = "") -> None:
        """Mappings and pinholes of another host of the LAN, for ever: nobody may touch them."""
        host = host or str(IPv4Address(int(self.network.network_address) + 77))
        for port in range(FOREIGN_PORT, FOREIGN_PORT + count):
            key, internal = Key("udp", port), Endpoint(host, port)
            self.core.table.add(key, internal, None, description="Somebody else", made_by="static")
            self.foreign[key] = internal
        if self.inside_v6 is not None:
            other = str(IPv6Address(int(self.inside_v6.network_address) + FOREIGN_HOST6))
            self.pinholes.seed_foreign(other, range(FOREIGN_PORT, FOREIGN_PORT + count))

    def missing_foreign(self) -> tuple[Key | Hole, ...]:
        """Those of ``seed_foreign`` that are not there any more, or lead elsewhere."""
        held = {entry.key: entry.internal for entry in self.core.table}
        mappings = (key for key, internal in self.foreign.items() if held.get(key) != internal)
        return (*mappings, *self.pinholes.missing_foreign())

    def forget_missing_foreign(self) -> None:
        """The gateway itself lost them: nobody is to blame."""
        for key in self.missing_foreign():
            if isinstance(key, Hole):
                self.pinholes.foreign.discard(key)
            else:
                del self.foreign[key]

    def power_off(self) -> None:
        self.powered = False
        self.announcer.stop()

    def power_on(self) -> None:
        """Boot: the table is lost (unless LI11), the epoch 0, HTTP on another port, all is announced."""
        self.powered = True
        self._open.clear()
        self._boots += 1
        self._listen()
        self.core.power_cycle()
        self.forget_missing_foreign()
        self.pinholes.look()
        if self.announces:
            self.announcer.state_lost(self._clock())

    def reboot(self) -> None:
        """A power cycle that takes no time."""
        self.power_off()
        self.power_on()

    def flush(self) -> None:
        """Lose the forwarding behind the table's back: still listed, even renewed, never reachable."""
        for key in list(self._open):
            self._close(key)
        self.pinholes.flush()

    def forget(self) -> None:
        """Lose table and forwarding, and say nothing: no new epoch, no announcement."""
        self.core.table.clear()
        self.core.port_control.clear()
        if self.core.upnp.firewall is not None:
            self.core.upnp.firewall.clear()
        self.forget_missing_foreign()
        self.pinholes.look()

    def restart_upnp(self) -> None:
        """The UPnP daemon starts anew: another HTTP port, BOOTID counts on, all is announced again."""
        self.announcer.notify("byebye")
        self._boots += 1
        self._listen()
        self.core.upnp.restarted()
        self.forget_missing_foreign()
        self.announcer.notify("alive")

    def change_external_address(self, external: str) -> None:
        """Another address from the provider; "" takes the WAN down."""
        self.external = external
        self.core.address_changed()
        self.forget_missing_foreign()
        if self.announces:
            self.announcer.address_changed(self._clock())

    def handle_timeout(self, now: float) -> None:
        self.announcer.handle_timeout(now)
        if self.quirks.has("TO12") and now - self._flapped_at >= FLAP:
            self._flapped_at = now - now % FLAP
            if self.announces and self.powered:
                self.announcer.address_changed(now)

    def next_timeout(self) -> float | None:
        due = self.announcer.next_timeout()
        if not self.quirks.has("TO12"):
            return due
        flap = self._flapped_at + FLAP
        return flap if due is None else min(due, flap)

    def notices_to_send(self) -> list[Notice]:
        notices = self.announcer.notices_to_send()
        return notices + self._for_ipv6(notices) if self.powered else []

    def _for_ipv6(self, notices: list[Notice]) -> list[Notice]:
        """What PCP announces it announces to both groups (RFC 6887 §14.1.2)."""
        if self.inside_v6 is None:
            return []
        source = Endpoint(self.addresses[-1], NATPMP_PORT)
        told = (n for n in notices if n.group == GROUP and n.source.host == self.address)
        return [Notice(each.data, source, GROUP6) for each in told if each.data[0] == VERSION]

    def _notifications(self, kind: str) -> list[bytes]:
        return self.core.upnp.notifications(kind) if self.core.upnp.http else []

    def _close(self, key: Key) -> None:
        self._open.pop(key, None)
        self.closed_at[key] = self._clock()

    def _listen(self) -> None:
        """HTTP is served on another port after each boot."""
        if "upnp" in self.core.protocols:
            port = FIRST_HTTP_PORT + self._boots % HTTP_PORTS
            self.core.upnp.http = Endpoint(self.address, port)
            self.core.upnp.http6 = Endpoint(self.addresses[1], port) if len(self.addresses) > 1 else None
