"""The fake gateway's forwarding plane: every open external port, and the way out.

Lives here: opening, moving, closing forwards; masquerading.
Never here: the mapping table. A port may be listed there and not forwarded here, as on real gateways.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ...net.address import Endpoint
from .mapping_table import Key
from .sip_alg import SipAlg
from .tcp_forward import TcpForward
from .udp_forward import Carry, LetsIn, Traffic, UdpForward

MOST_MASQUERADED: Final = 64  # inside endpoints without a mapping that may speak out at a time

KeepsOut = Callable[[tuple[str, Endpoint], str], bool]  # protocol and internal end, remote address


class ForwardingPlane:
    """All forwards between the ``inside`` network and one outside address; needs a running loop.

    ``alg`` rewrites what passes over UDP. ``keeps_out`` is asked about whoever comes from outside: the
    protocol and the internal end of a forward, and the remote address.
    """

    def __init__(
        self,
        outside: str,
        address: str,
        inside: IPv4Network,
        clock: Callable[[], float],
        alg: SipAlg | None = None,
        keeps_out: KeepsOut = lambda slot, remote: False,
    ) -> None:
        self.outside = outside
        self.carry: Carry | None = None  # the next gateway on the way out, which masquerades as well
        self._alg = alg
        self._keeps_out = keeps_out
        self._address = address  # the gateway's own, on the inside
        self._inside = inside
        self._clock = clock
        self._forwards: dict[Key, UdpForward | TcpForward] = {}
        self._masqueraded: dict[Endpoint, UdpForward] = {}
        self._traffic: dict[Key, Traffic] = {}

    def open(self, key: Key, internal: Endpoint) -> None:
        """Forward an external port; a forward it had before is replaced, its flows end.

        Raises:
            OSError: something else on this machine holds the port, or the port is privileged.
        """
        self._shut(key)
        traffic = self._traffic.setdefault(key, Traffic())
        outside = Endpoint(self.outside, key.external_port)
        if key.protocol == "udp":
            self._forwards[key] = self._udp(outside, internal, traffic)
        else:
            lets_in = self._lets_in("tcp", internal)
            self._forwards[key] = TcpForward(outside, internal, self._address, traffic, lets_in)

    def close(self, key: Key) -> None:
        """End a forward and forget its counters; none is fine."""
        self._shut(key)
        self._traffic.pop(key, None)

    def flush(self) -> None:
        """End all forwarding at once; the counters stay."""
        for key in list(self._forwards):
            self._shut(key)
        for forward in self._masqueraded.values():
            forward.close()
        self._masqueraded.clear()

    def move(self, outside: str) -> None:
        """Take another outside address: forwards move along, flows and masqueraded ports end.

        A port that is taken there stays unforwarded.
        """
        open_ones = {key: forward.internal for key, forward in self._forwards.items()}
        self.flush()
        self.outside = outside
        for key, internal in open_ones.items():
            with suppress(OSError):
                self.open(key, internal)

    def is_open(self, key: Key) -> bool:
        return key in self._forwards

    def traffic(self, key: Key) -> Traffic:
        return self._traffic.get(key, Traffic())

    def masquerade(self, data: bytes, source: Endpoint, destination: Endpoint) -> bool:
        """Carry an inside host's datagram out: from its mapping if it has one, else from a passing port.

        Answers of ``destination`` come back in; nobody else may use a passing port.
        Returns False when it was not carried.
        """
        if IPv4Address(source.host) not in self._inside or IPv4Address(destination.host) in self._inside:
            return False
        forward = self._forward_of(source)
        return forward is not None and forward.send_out(data, destination)

    def sweep(self) -> None:
        """Forget idle flows, and the passing ports that have none left."""
        for forward in (*self._forwards.values(), *self._masqueraded.values()):
            forward.sweep()
        for source in [s for s, forward in self._masqueraded.items() if not forward.flows]:
            self._masqueraded.pop(source).close()

    def _forward_of(self, source: Endpoint) -> UdpForward | None:
        for forward in self._forwards.values():
            if isinstance(forward, UdpForward) and forward.internal == source:
                return forward
        if source not in self._masqueraded:
            if len(self._masqueraded) >= MOST_MASQUERADED:
                return None
            passing = Endpoint(self.outside, 0)
            self._masqueraded[source] = self._udp(passing, source, Traffic(), filtered=True)
        return self._masqueraded[source]

    def _udp(
        self, outside: Endpoint, internal: Endpoint, traffic: Traffic, filtered: bool = False
    ) -> UdpForward:
        return UdpForward(
            outside,
            internal,
            self._inside,
            self._clock,
            traffic,
            filtered=filtered,
            alg=self._alg,
            carry=self.carry,
            lets_in=self._lets_in("udp", internal),
        )

    def _lets_in(self, protocol: str, internal: Endpoint) -> LetsIn:
        return lambda remote: not self._keeps_out((protocol, internal), remote)

    def _shut(self, key: Key) -> None:
        if (forward := self._forwards.pop(key, None)) is not None:
            forward.close()
