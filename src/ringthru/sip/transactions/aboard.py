"""Requests of ours and the connections they travel on (RFC 3261 §18.1.1, §17.1.4).

Lives here: who is hurt when a connection fails, and when a request is too large for UDP.
Never here: connections themselves, or what becomes of a failed request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from ..flow import Flow
from .client_transaction import ClientTransaction

LARGEST_DATAGRAM: Final = 1300  # bytes of a request over UDP, where the path's MTU is not known (§18.1.1)
REMEMBERED: Final = 600.0  # seconds that a peer is taken to have no TCP
MOST_REMEMBERED: Final = 256

Key = tuple[str, int | Endpoint]


class Aboard:
    """Client transactions by connection. Only reliable transports are noted: UDP does not fail."""

    def __init__(self) -> None:
        self._by_flow: dict[Key, set[ClientTransaction]] = {}

    def add(self, transaction: ClientTransaction) -> None:
        for key in _keys(transaction.flow):
            self._by_flow.setdefault(key, set()).add(transaction)

    def remove(self, transaction: ClientTransaction) -> None:
        for key in _keys(transaction.flow):
            if (others := self._by_flow.get(key)) is not None:
                others.discard(transaction)
                if not others:
                    del self._by_flow[key]

    def of(self, flow: Flow) -> list[ClientTransaction]:
        """Those that went out on this connection, or waited for one to this peer."""
        found: dict[ClientTransaction, None] = {}
        for key in _keys(flow):
            found.update(dict.fromkeys(self._by_flow.get(key, ())))
        return list(found)


def _keys(flow: Flow) -> list[Key]:
    if not flow.reliable:
        return []
    keys: list[Key] = [(flow.transport, flow.remote)]
    return [*keys, (flow.transport, flow.connection)] if flow.connection else keys


class LargeRequests:
    """The 1300-byte rule: a large request takes TCP, and comes back to UDP where TCP is refused.

    It holds for addresses that we chose. Where a peer spoke to us over UDP it is answered over UDP.

    ``sent_by`` tells our own endpoint for a flow; without it there is no TCP to take.
    """

    def __init__(self, sent_by: Callable[[Flow], Endpoint] | None) -> None:
        self._sent_by = sent_by
        self._without_tcp: dict[Endpoint, float] = {}  # peers, and until when that is believed

    def divert(self, transaction: ClientTransaction, now: float) -> None:
        """Choose TCP for a request not yet sent, if it must."""
        flow = transaction.flow
        if self._sent_by is None or flow.reliable or len(transaction.data) <= LARGEST_DATAGRAM:
            return
        if flow.heard:
            return  # a datagram in pieces has a chance there; a connection to a NAT's binding has none
        if self._without_tcp.get(flow.remote, 0.0) > now:
            return
        request = transaction.request
        assert request is not None  # it was not sent yet
        datagram_via = request.headers[0][1]
        over_tcp = Flow("TCP", flow.local, flow.remote)
        via = f"SIP/2.0/TCP {self._sent_by(over_tcp)};rport;branch={request.via.branch}"
        transaction.take(over_tcp, via)
        transaction.instead = flow, datagram_via

    def come_back(self, transaction: ClientTransaction, now: float) -> bool:
        """After a failure: whether there is another way, which the transaction then takes."""
        if transaction.instead is None or not transaction.unanswered:
            return False
        (flow, via), transaction.instead = transaction.instead, None
        if len(self._without_tcp) >= MOST_REMEMBERED:
            del self._without_tcp[next(iter(self._without_tcp))]
        self._without_tcp[flow.remote] = now + REMEMBERED
        transaction.take(flow, via)
        return True
