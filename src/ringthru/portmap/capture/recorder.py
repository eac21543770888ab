"""Listening in on an engine, and making a redacted transcript of what was heard.

Lives here: what is kept while it runs, and the transcript at the end; nothing unredacted leaves.
Never here: files, sockets, or the clock itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from ...net.address import Endpoint
from ...net.surroundings import Surroundings
from ...net.values import replace
from ..gateway.upnp_values import Ask, HttpFailure, Reply
from ..snapshots import MapperSnapshot, MappingSnapshot
from ..values import GatewayListing, Wanted
from .redaction import Redactor
from .transcript import MOST_EXCHANGES, VERSION, Exchange, Kind, Outcome, Place, Transcript

if TYPE_CHECKING:
    from ..wire.http import Response

MOST_OCTETS: Final = 4 * 1024 * 1024  # kept in all: a gateway cannot fill our memory
DESCRIPTION: Final = re.compile(rb"<NewPortMappingDescription>([^<]*)<")
TEXTS: Final = frozenset((Kind.SSDP_IN, Kind.SSDP_OUT, Kind.HTTP_OUT))
OCTETS: Final = frozenset((Kind.PMP_IN, Kind.PMP_OUT))


class Recorder:
    """What a ``PortMapper`` takes as its ``tap``. ``clock`` gives seconds; the first message is at 0.

    What comes after the 5000th message or 4 MiB is counted in ``dropped`` and not kept.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.dropped = 0
        self._clock = clock
        self._began: float | None = None
        self._octets = 0
        self._exchanges: list[Exchange] = []

    def pmp_out(self, data: bytes, now: float | None = None) -> None:
        self._keep(Exchange(0.0, Kind.PMP_OUT, data), now)

    def pmp_in(self, data: bytes, now: float | None = None) -> None:
        self._keep(Exchange(0.0, Kind.PMP_IN, data), now)

    def pmp_refused(self, now: float | None = None) -> None:
        self._keep(Exchange(0.0, Kind.PMP_REFUSED), now)

    def ssdp_out(self, data: bytes, to: Endpoint, now: float | None = None) -> None:
        self._keep(Exchange(0.0, Kind.SSDP_OUT, data, Endpoint(*to)), now)

    def ssdp_in(self, data: bytes, source: Endpoint, now: float | None = None) -> None:
        self._keep(Exchange(0.0, Kind.SSDP_IN, data, Endpoint(*source)), now)

    def http_out(self, number: int, ask: Ask, now: float | None = None) -> None:
        exchange = Exchange(0.0, Kind.HTTP_OUT, ask.data, ask.endpoint, number, ask.deadline)
        self._keep(exchange, now)

    def http_in(self, number: int, reply: Reply, now: float | None = None) -> None:
        self._keep(
            _failed(number, reply) if isinstance(reply, HttpFailure) else _answered(number, reply), now
        )

    def transcript(
        self,
        surroundings: Surroundings,
        wanted: Wanted,
        lifetime: int,
        outcome: Outcome,
        *,
        secrets: Iterable[str] = (),
    ) -> Transcript:
        """Everything heard, redacted. ``secrets`` are texts to look for everywhere, e.g. a host name."""
        redactor = Redactor(surroundings, secrets, self._descriptions())
        for each in self._exchanges:
            if each.kind not in OCTETS:
                redactor.learn(each.data)
        exchanges = tuple(_redacted(redactor, each) for each in self._exchanges)
        shown = _outcome(redactor, outcome)
        place = _place(redactor, surroundings)
        return Transcript(
            VERSION,
            redactor.count(),
            place,
            wanted.protocol,
            wanted.internal_port,
            lifetime,
            exchanges,
            shown,
        )

    def _descriptions(self) -> list[str]:
        """Those we gave ourselves in this capture."""
        asked = (each.data for each in self._exchanges if each.kind is Kind.HTTP_OUT)
        return [found.decode("latin-1") for data in asked for found in DESCRIPTION.findall(data)]

    def _keep(self, exchange: Exchange, now: float | None) -> None:
        now = self._clock() if now is None else now
        if self._began is None:
            self._began = now
        self._octets += len(exchange.data)
        if len(self._exchanges) >= MOST_EXCHANGES or self._octets > MOST_OCTETS:
            self.dropped += 1
            return
        self._exchanges.append(replace(exchange, at=max(0.0, now - self._began)))


def concluded(
    snapshot: MapperSnapshot, mapping: MappingSnapshot | None, listing: GatewayListing | None, removed: bool
) -> Outcome:
    """The outcome of a capture, from what the engine showed while the test mapping was there."""
    entries = () if listing is None else listing.entries
    return Outcome(
        snapshot.type.value if snapshot.type else None,
        snapshot.gateway,
        snapshot.reported_address,
        snapshot.address_kind.value if snapshot.address_kind else None,
        mapping.state.value if mapping else "",
        mapping.external_port if mapping else None,
        mapping.rung.value if mapping else "",
        mapping.reason if mapping else "",
        "" if listing is None else "complete" if listing.complete else listing.reason,
        tuple(
            (each.protocol.value, each.external_port, each.internal_client, each.internal_port, each.ours)
            for each in entries
        ),
        removed,
    )


def _answered(number: int, reply: Response) -> Exchange:
    return Exchange(0.0, Kind.HTTP_IN, reply.body, number=number, status=reply.status, server=reply.server)


def _failed(number: int, failure: HttpFailure) -> Exchange:
    return Exchange(0.0, Kind.HTTP_IN, number=number, failure=failure.kind.value, words=failure.reason)


def _redacted(redactor: Redactor, exchange: Exchange) -> Exchange:
    data = exchange.data
    if exchange.kind in OCTETS:
        data = redactor.port5351(data)
    elif exchange.kind in TEXTS:
        data = redactor.http_or_ssdp(data)
    else:
        data = redactor.document(data)
    peer = exchange.peer
    if peer is not None:
        peer = Endpoint(redactor.address(peer.host), peer.port)
    server, words = redactor.server(exchange.server), redactor.words(exchange.words)
    return replace(exchange, data=data, peer=peer, server=server, words=words)


def _outcome(redactor: Redactor, outcome: Outcome) -> Outcome:
    return replace(
        outcome,
        gateway=None if outcome.gateway is None else redactor.address(outcome.gateway),
        reported_address=None
        if outcome.reported_address is None
        else redactor.address(outcome.reported_address),
        reason=redactor.words(outcome.reason),
        listed=redactor.words(outcome.listed),
        entries=tuple((a, b, redactor.address(client), c, d) for a, b, client, c, d in outcome.entries),
    )


def _place(redactor: Redactor, surroundings: Surroundings) -> Place:
    """The LAN becomes a /24, however large it is: its hosts were numbered anew."""
    gateway = surroundings.gateway
    return Place(
        redactor.address(surroundings.address),
        "192.168.1.0/24",
        None if gateway is None else redactor.address(gateway),
        surroundings.multicast,
    )
