"""One PCP exchange: what is asked, what of it may be left out, and whether an answer belongs to it.

Lives here: from an order to the bytes of its request. Never here: clocks, retransmission, outcomes.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import ip_network
from typing import Final

from ...net.values import frozen, record
from ..errors import LocalError
from ..memory.holding import Holding
from ..values import Family, Protocol
from ..wire.pcp import (
    NO_IPV4,
    NO_IPV6,
    NONCE_SIZE,
    Body,
    Mapping,
    Opcode,
    Peering,
    Request,
    Response,
    ResultCode,
)
from ..wire.pcp_options import Description, Filter, Option, PreferFailure, ThirdParty, pack_address
from .orders import MapOrder, Outcome, PeerOrder, UnmapOrder
from .pcp_refusals import OPTIONS_AMISS

NUMBERS: Final = {Protocol.TCP: 6, Protocol.UDP: 17}  # IANA's protocol numbers
SHORTEST: Final = 1  # second; servers make two minutes of it (§15)
NO_FILTER: Final = Filter("::", 0)  # everybody may come in from here on (§13.3)
ADDRESS_LIFETIME: Final = 120  # seconds: the shortest that servers give (§15); it is deleted before


class Purpose(Enum):
    """What an exchange is for."""

    PROBE = "does it speak PCP?"
    ADDRESS = "what is the external address?"
    STATE = "does it still know us?"
    MAP = "make or renew a mapping"
    PEER = "make or renew the mapping of one flow"
    DELETE = "delete a mapping"


@frozen
class SuggestedAddress:
    """The external address that earlier mappings got, asked for again."""

    address: str


Spare = SuggestedAddress | PreferFailure | Description
Kind = type[SuggestedAddress] | type[PreferFailure] | type[Description]
# In the order in which they are left out; the refusals that each may be the cause of (rows PC11, PC12, PC22)
SUSPECTS: Final[tuple[tuple[Kind, tuple[ResultCode, ...]], ...]] = (
    (Description, OPTIONS_AMISS),
    (SuggestedAddress, (ResultCode.MALFORMED_REQUEST, ResultCode.CANNOT_PROVIDE_EXTERNAL)),
    (PreferFailure, OPTIONS_AMISS),
)


@record
class Exchange:
    """A request under way. ``needed`` options are never left out, ``spare`` parts are when they offend."""

    purpose: Purpose
    opcode: Opcode
    client: str
    body: Body = None
    lifetime: int = 0
    needed: tuple[Option, ...] = ()
    spare: tuple[Spare, ...] = ()
    early: MapOrder | None = None  # asked to see whether anybody speaks PCP
    outcome: Outcome | None = None  # already settled: this exchange only tidies up
    left_out: frozenset[Kind] = frozenset()
    attempts: int = 0
    version_refused: bool = False
    contrary: bool = False  # answered with the opposite: a grant to a deletion, or the other way round

    def request(self) -> bytes:
        """The datagram.

        Raises:
            LocalError: more options than one message holds.
        """
        body = self.body
        options = tuple(each for each in self.spare if not isinstance(each, SuggestedAddress))
        for each in self.spare:
            if isinstance(each, SuggestedAddress) and isinstance(body, Mapping):
                body = _suggesting(body, each.address)
        return Request(self.opcode, self.lifetime, self.client, body, self.needed + options).encode()

    def leave_out(self, kind: Kind) -> bool:
        """Go on without it; False when it is not there."""
        rest = tuple(each for each in self.spare if not isinstance(each, kind))
        if len(rest) == len(self.spare):
            return False
        self.spare = rest
        self.left_out |= {kind}
        return True

    def leave_out_suspect(self, result: int) -> bool:
        """Go on without the part that most likely offends; False: there is nothing left to leave out."""
        return any(result in results and self.leave_out(kind) for kind, results in SUSPECTS)

    def is_answered_by(self, response: Response) -> bool:
        """Whether an answer is to this request (§8.3, §11.4): opcode, then nonce, protocol and port.

        Refusals without a body, or with an empty one, are taken at their opcode's word.
        """
        if response.opcode is not self.opcode:
            return False
        ours, theirs = _mapping(self.body), _mapping(response.body)
        if ours is None or (response.result and (theirs is None or theirs.nonce == bytes(NONCE_SIZE))):
            return True
        return theirs is not None and _key(ours) == _key(theirs)

    def holding(self) -> Holding:
        """What the journal says of the mapping that this request makes."""
        body = _mapping(self.body)
        assert body is not None
        family = Family.IPV6 if ":" in self.client else Family.IPV4
        port = body.internal_port
        return Holding(family, Protocol.UDP, "", port, port, self.lifetime, nonce=body.nonce)

    def undone(self, outcome: Outcome) -> Exchange:
        """The deletion of what this exchange made, with the outcome to tell afterwards."""
        body = _mapping(self.body)
        assert body is not None
        tidying = Mapping(body.nonce, body.protocol, body.internal_port, 0, no_address(self.client))
        return Exchange(Purpose.DELETE, Opcode.MAP, self.client, tidying, outcome=outcome)

    def shortened(self, outcome: Outcome) -> Exchange:
        """In place of a deletion: the shortest life there is, with the outcome to tell afterwards."""
        body = _mapping(self.body)
        assert body is not None
        ending = Mapping(body.nonce, body.protocol, body.internal_port, body.internal_port, self.client)
        return Exchange(Purpose.MAP, Opcode.MAP, self.client, ending, SHORTEST, outcome=outcome)


def probe(client: str) -> Exchange:
    """An ANNOUNCE: nothing is changed by it (§14.1)."""
    return Exchange(Purpose.PROBE, Opcode.ANNOUNCE, client)


def state_question(client: str) -> Exchange:
    """At an IPv6 firewall the address is our own: the server's epoch is all there is to ask for."""
    return Exchange(Purpose.STATE, Opcode.ANNOUNCE, client)


def address_question(client: str, port: int, nonce: bytes) -> Exchange:
    """PCP has no request for the external address: it comes with a mapping."""
    body = Mapping(nonce, NUMBERS[Protocol.UDP], port, port, no_address(client))
    return Exchange(Purpose.ADDRESS, Opcode.MAP, client, body, ADDRESS_LIFETIME)


def mapping(order: MapOrder, client: str, address: str) -> Exchange:
    """A MAP; ``address`` is the external address known so far, or empty.

    A server without PREFER_FAILURE may grant another port than an exact order names: who gave the order
    sees it, and gives it back.

    Raises:
        LocalError: an internal client or a network that is none, or of the other family.
    """
    body = _body(order, order.external_port or order.internal_port, client)
    third_party = _third_party(order.internal_client, client)
    filters = tuple(_filter(network, client) for network in order.allow_from)
    if order.drops_filters:  # §13.3: those of a request are added to those there are, and this one ends them
        filters = (NO_FILTER, *filters)
    spare: list[Spare] = [PreferFailure()] if order.exact else []
    if address and not order.exact:  # it may have changed, and then an exact wish would be refused
        spare.append(SuggestedAddress(address))
    if order.description:
        spare.append(Description(order.description))
    return Exchange(
        Purpose.MAP,
        Opcode.MAP,
        client,
        body,
        order.lifetime,
        third_party + filters,
        tuple(spare),
    )


def deletion(order: UnmapOrder, client: str) -> Exchange:
    """A MAP with a lifetime of 0, and nothing suggested (§15).

    Raises:
        LocalError: an internal client that is no address.
    """
    needed = _third_party(order.internal_client, client)
    return Exchange(Purpose.DELETE, Opcode.MAP, client, _body(order, 0, client), needed=needed)


def peering(order: PeerOrder, client: str) -> Exchange:
    """A PEER.

    Raises:
        LocalError: a remote host or an internal client that is no address.
    """
    body = Peering(_body(order, order.external_port, client), order.remote.port, order.remote.host)
    needed = _third_party(order.internal_client, client)
    return Exchange(Purpose.PEER, Opcode.PEER, client, body, order.lifetime, needed)


def no_address(client: str) -> str:
    """What to suggest for an external address when any will do (row PC12)."""
    return NO_IPV6 if ":" in client else NO_IPV4


def _body(order: MapOrder | UnmapOrder | PeerOrder, external_port: int, client: str) -> Mapping:
    number = NUMBERS[order.protocol]
    return Mapping(order.nonce, number, order.internal_port, external_port, no_address(client))


def _suggesting(body: Mapping, address: str) -> Mapping:
    return Mapping(body.nonce, body.protocol, body.internal_port, body.external_port, address)


def _third_party(internal_client: str | None, client: str) -> tuple[Option, ...]:
    """§13.1: not for ourselves, a server would refuse that."""
    if internal_client is None or pack_address(internal_client) == pack_address(client):
        return ()
    return (ThirdParty(internal_client),)


def _filter(text: str, client: str) -> Filter:
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise LocalError(f"{text!r} is no network") from error
    if (network.version == 6) != (":" in client):
        raise LocalError(f"{text} cannot come in through an IPv{4 if network.version == 6 else 6} mapping")
    return Filter(str(network.network_address), network.prefixlen)


def _mapping(body: Body) -> Mapping | None:
    return body.mapping if isinstance(body, Peering) else body


def _key(body: Mapping) -> tuple[bytes, int, int]:
    return body.nonce, body.protocol, body.internal_port
