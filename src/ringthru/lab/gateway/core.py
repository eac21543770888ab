"""A whole fake gateway without sockets: its table, its protocols, its memory, under anybody's clock.

Lives here: putting the parts together, and what happens to all of them at once.
Never here: sockets, timers, packets that are forwarded (gateway and virtual play this core).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network
from random import Random
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from ...net.address import Endpoint
from ...net.values import replace
from .firewall_actions import FirewallControl
from .host_side import GROUPS, Firewall
from .hostile_host import forged_answers
from .mapping_table import Key, MappingTable
from .port_control import PortControl
from .quirks import Quirks
from .replies import Reply
from .upnp_server import UpnpServer

NATPMP_PORT: Final = 5351  # RFC 6886 §1.1; PCP has the same one
SSDP_PORT: Final = 1900
PROTOCOLS: Final = frozenset({"natpmp", "pcp", "upnp"})
FLAP: Final = 30.0  # seconds (TO12)


class GatewayCore:
    """Everything one gateway says and remembers.

    ``outside`` gives the real external address; ``open_port`` and ``close_port`` are the forwarding plane;
    ``clock`` gives monotonic seconds; what happens by chance comes from ``seed``. Whoever plays it tells
    ``upnp.http`` where HTTP is served.

    Raises:
        ValueError: an unknown protocol.
    """

    def __init__(
        self,
        inside: str,
        inside_network: IPv4Network,
        *,
        outside: Callable[[], str],
        clock: Callable[[], float],
        open_port: Callable[[Key, Endpoint], None],
        close_port: Callable[[Key], None],
        protocols: Iterable[str] = PROTOCOLS,
        quirks: Quirks | None = None,
        inside_v6: IPv6Network | None = None,
        seed: int = 0,
    ) -> None:
        self.address = inside
        self.protocols = frozenset(protocols)
        if self.protocols - PROTOCOLS:
            raise ValueError(f"unknown protocols: {', '.join(sorted(self.protocols - PROTOCOLS))}")
        self._outside = outside
        self._clock = clock
        self._random = Random(seed).random
        self.booted_at = clock()
        self._client_firewall = Firewall(clock)
        self.table = MappingTable(inside_network, clock, open_port, close_port)
        self.table.quirks = quirks or Quirks()
        self.port_control = PortControl(
            self.table,
            self.epoch,
            self.reported_address,
            clock,
            address=inside,
            protocols=self.protocols - {"upnp"},
            inside_v6=inside_v6,
        )
        firewall = inside_v6 and FirewallControl(inside_v6, lambda: self.table.quirks, clock)
        self.upnp = UpnpServer(
            self.table,
            inside,
            str(uuid5(NAMESPACE_DNS, inside)),
            epoch=self.epoch,
            external_address=self.reported_address,
            clock=clock,
            random=self._random,
            firewall=firewall or None,
        )

    def epoch(self) -> int:
        """Whole seconds since the table was last lost (RFC 6886 §3.6)."""
        return int(self._clock() - self.booted_at)

    def reported_address(self) -> str:
        """The external address as the gateway tells it; "" for none."""
        quirks = self.table.quirks
        if quirks.has("TO12") and self._clock() % (2 * FLAP) >= FLAP:
            return ""
        return self._outside() if quirks.external_address is None else quirks.external_address

    def receive(self, port: int, datagram: bytes, source: Endpoint, to: str = "") -> list[Reply]:
        """The answers to a datagram to ``port``; ``to``: a group or anycast address, "" its own.

        With what others say to it (TO11), and without what never reaches the client (TO03, TO04).
        """
        quirks = self.table.quirks
        if to in GROUPS and quirks.has("TO03"):
            return []
        if port == SSDP_PORT:
            return self._let_in(self._own_answers(port, datagram, source, to), source, to)
        forged = forged_answers(datagram, self.address) if quirks.has("TO11") else []
        return forged + self._own_answers(port, datagram, source, to)

    def _own_answers(self, port: int, datagram: bytes, source: Endpoint, to: str) -> list[Reply]:
        quirks = self.table.quirks
        if port == SSDP_PORT:
            answers = self.upnp.answer_search(datagram, source, multicast=bool(to)) if self._has_upnp else []
        else:
            answers = self.port_control.answer(datagram, source, to)
            if quirks.delay:
                answers = [replace(reply, delay=reply.delay + quirks.delay) for reply in answers]
        return [each for each in answers if self._random() >= quirks.loss] if quirks.loss else answers

    def _let_in(self, answers: list[Reply], client: Endpoint, to: str) -> list[Reply]:
        if not self.table.quirks.has("TO04"):
            return answers
        self._client_firewall.sees(client, to or self.address)
        return self._client_firewall.let_in(answers, client, self.address)

    @property
    def _has_upnp(self) -> bool:
        return "upnp" in self.protocols

    def power_cycle(self) -> None:
        """What is not in flash is lost (the forwarding is the caller's to lose); the epoch starts anew."""
        if self.table.quirks.has("LI11"):
            self.table.reopen()
        else:
            self.table.clear()
        self.port_control.clear()
        if self.upnp.firewall is not None:
            self.upnp.firewall.clear()
        self.booted_at = self._clock()
        self.upnp.restarted()

    def address_changed(self) -> None:
        """The provider gave another address: the epoch starts anew (like miniupnpd), subscribers are told."""
        if self.table.quirks.has("LI10"):
            self.table.clear()
        if not self.table.quirks.has("PC13"):
            self.booted_at = self._clock()
        self.upnp.publish()
