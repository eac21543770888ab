"""One UDP port forwarded in user space, the outside peer's source address kept.

Lives here: the flows of one external port.
Never here: who may have the port, and for how long.

How, without privileges (Linux): when a datagram from peer P reaches the external port, we open a second
socket on P's own address (SO_REUSEPORT, so P must have set it too) and *connect* it to the inside host. What
we send through it arrives inside with P's address; what the inside host answers to P matches the connected
socket better than P's own, reaches us, and leaves from the external port. So the inside host must not itself
use SO_REUSEPORT, and P hears whatever comes by other ways (``outside.is_leak``).
"""

from __future__ import annotations

import logging
import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ...net.address import Endpoint
from ...net.sockets import bind_udp
from ..datagrams import Datagrams
from .sip_alg import SipAlg

log = logging.getLogger(__name__)

IDLE: Final = 120.0  # seconds without a packet either way, then the flow is forgotten (Linux: 30–120)
MOST_FLOWS: Final = 64  # peers per port; beyond, the one silent longest goes

Carry = Callable[[bytes, Endpoint, Endpoint], bool]  # data, inside source, outside destination
LetsIn = Callable[[str], bool]  # whether a remote address may come in


@dataclass(slots=True)
class Traffic:
    """Packets (for TCP: pieces) that went through a mapping."""

    inward: int = 0
    outward: int = 0


@dataclass(slots=True)
class _Flow:
    borrowed: Datagrams  # bound to the peer's address, connected to the inside host
    used_at: float


class UdpForward:
    """Forwards ``outside`` to ``internal``. With ``filtered`` only peers written to before may answer.

    ``lets_in`` says who may come in unasked. ``alg`` may rewrite what passes. ``carry`` sends what leaves,
    where another gateway is on the way.

    Raises:
        OSError: the external port is taken.
    """

    def __init__(
        self,
        outside: Endpoint,
        internal: Endpoint,
        inside: IPv4Network,
        clock: Callable[[], float],
        traffic: Traffic,
        *,
        filtered: bool = False,
        alg: SipAlg | None = None,
        carry: Carry | None = None,
        lets_in: LetsIn = lambda remote: True,
    ) -> None:
        self.internal = internal
        self.traffic = traffic
        self._inside = inside
        self._clock = clock
        self._filtered = filtered
        self._alg = alg or SipAlg(lambda: False)
        self._carry = carry
        self._lets_in = lets_in
        self._flows: OrderedDict[Endpoint, _Flow] = OrderedDict()
        self._warned = False
        self._outside = Datagrams(bind_udp(outside), self._from_outside)
        self.outside = self._outside.local

    @property
    def flows(self) -> int:
        return len(self._flows)

    def send_out(self, data: bytes, peer: Endpoint) -> bool:
        """Carry a datagram of the inside host to ``peer``; the peer's answers find their way back."""
        if self._flow_to(peer) is None:
            return False
        data = self._alg.outward(data, self.internal, self.outside, peer)
        sent = self._carry(data, self.outside, peer) if self._carry else self._outside.send(data, peer)
        self.traffic.outward += sent
        return sent

    def sweep(self) -> None:
        """Forget the flows that have been idle too long."""
        now = self._clock()
        for peer in [p for p, flow in self._flows.items() if now - flow.used_at >= IDLE]:
            self._flows.pop(peer).borrowed.close()

    def close(self) -> None:
        self._outside.close()
        for flow in self._flows.values():
            flow.borrowed.close()
        self._flows.clear()

    def _from_outside(self, data: bytes, peer: Endpoint) -> None:
        if IPv4Address(peer.host) in self._inside:
            return  # no hairpin, as with Linux and miniupnpd
        if peer not in self._flows and (self._filtered or not self._lets_in(peer.host)):
            return
        flow = self._flow_to(peer)
        data = self._alg.inward(data, self.internal, self.outside, peer)
        if flow is not None and flow.borrowed.send(data):
            self.traffic.inward += 1

    def _from_inside(self, peer: Endpoint, data: bytes, source: Endpoint) -> None:
        if source != self.internal or self._flow_to(peer) is None:
            return  # it slipped in between our bind and our connect: not of this flow
        if self._outside.send(self._alg.outward(data, self.internal, self.outside, peer), peer):
            self.traffic.outward += 1

    def _flow_to(self, peer: Endpoint) -> _Flow | None:
        flow = self._flows.get(peer)
        if flow is None:
            flow = self._open_flow(peer)
        if flow is not None:
            flow.used_at = self._clock()
            self._flows.move_to_end(peer)
        return flow

    def _open_flow(self, peer: Endpoint) -> _Flow | None:
        try:
            sock = _borrow(peer, self.internal)
        except OSError as error:
            if not self._warned:
                log.warning("cannot speak for %s (%s): did it open its port with SO_REUSEPORT?", peer, error)
            self._warned = True
            return None
        if len(self._flows) >= MOST_FLOWS:
            self._flows.popitem(last=False)[1].borrowed.close()
        flow = _Flow(Datagrams(sock, partial(self._from_inside, peer)), self._clock())
        self._flows[peer] = flow
        return flow


def _borrow(peer: Endpoint, internal: Endpoint) -> socket.socket:
    """A socket on the peer's own address, connected to the inside host."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(peer)
        sock.connect(internal)
    except OSError:
        sock.close()
        raise
    return sock
