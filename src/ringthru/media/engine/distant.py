"""A leg's ports at a media node: where the peer sends, and where the node meets our own engine.

A node has two sides for each leg. The *outer* one faces the peer; the *inner* one faces our engine, or the
inner side of another leg at a node::

    peer  <->  outer [ node ] inner  <->  our engine                (echo, sounds, recording)
    peer  <->  outer [ node ] inner  <->  inner [ node ] outer  <->  other peer     (a bridge)

Lives here: these values, the descriptions that tell a node of them, and what keeps a leg from the second
way. Never here: sockets, waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringthru.net.address import Endpoint

from ...net.values import record, replace
from ..description.audio import endpoints_of
from ..description.codecs import PCMA, PCMU
from ..description.offer_answer import MediaAddress, Negotiated, make_offer
from ..description.sdp import SessionDescription
from ..errors import MalformedSdp
from ..interface import PlacedPorts, Ports, Tap
from ..ng.messages import Command, Dialogue, Message
from ..ng.nodes import Node
from ..rtp.frames import Frame

# Ports stay what they are, whatever the description says; candidates are not made up for us.
WISHES: Final = {"ICE": "remove", "flags": ["port-latching"]}
NOWHERE: Final = 9  # the discard port: where a peer is that we know nothing of yet
EVENT: Final = 101  # our payload type for keys, until a peer says another
USUAL: Final = [PCMU, PCMA]


@record
class DistantPorts(PlacedPorts):
    """Ports of a leg at a node; they change when the leg moves to another one."""

    call: str  # what the node's place was chosen by
    home: Ports  # of our own engine, which the inner side faces
    node: Node
    dialogue: Dialogue  # from: the inner side, to: the outer side
    outer: MediaAddress
    inner: MediaAddress

    @property
    def host(self) -> str:
        return self.outer.host

    @property
    def rtp_port(self) -> int:
        return self.outer.rtp_port

    @property
    def rtcp_port(self) -> int:
        return self.outer.rtcp_port

    @property
    def at_home(self) -> MediaAddress:
        """Where our own engine hears what the peer says."""
        return address_of(self.home)


def address_of(ports: Ports) -> MediaAddress:
    return MediaAddress(ports.host, ports.rtp_port, ports.rtcp_port)


def first_offer(dialogue: Dialogue, home: MediaAddress) -> Command:
    """Ask a node for a leg; its answer has the outer side's ports."""
    return dialogue.offer(_describe(home, None), **WISHES)


def first_answer(dialogue: Dialogue, home: MediaAddress) -> Command:
    """Say that of the peer nothing is known yet; the node's answer has the inner side's ports."""
    return dialogue.answer(_describe(MediaAddress(home.host, NOWHERE, NOWHERE + 1), None), **WISHES)


def agreed(dialogue: Dialogue, peer: Negotiated, inside: MediaAddress) -> tuple[Command, Command]:
    """Tell a node where the peer is, and what its inner side faces: the outer side's offer, its answer."""
    there = MediaAddress(peer.remote_rtp.host, peer.remote_rtp.port, peer.remote_rtcp.port)
    outer = dialogue.swapped()
    return outer.offer(_describe(there, peer), **WISHES), outer.answer(_describe(inside, peer), **WISHES)


def _describe(place: MediaAddress, peer: Negotiated | None) -> bytes:
    if peer is None:
        return make_offer(place, USUAL, 1, 1, EVENT)
    multiplexed = peer.mux and place.rtp_port == place.rtcp_port
    rates = (peer.event_rate,)
    return make_offer(
        place,
        [peer.codec],
        1,
        1,
        peer.telephone_event,
        ptime=peer.ptime,
        mux=multiplexed,
        event_rates=rates,
    )


def place_in(answer: Message) -> MediaAddress:
    """The address and ports in a node's answer.

    Raises:
        MalformedSdp: there are none.
    """
    description = SessionDescription.parse(answer.octets("sdp"))
    if not description.media or not description.media[0].port:
        raise MalformedSdp("a node's answer without a port")
    rtp, rtcp = endpoints_of(description, description.media[0])
    return MediaAddress(rtp.host, rtp.port, rtcp.port)


def seen_from_home(peer: Negotiated, inner: MediaAddress) -> Negotiated:
    """The peer's agreement as our own engine has it, whose peer is the node."""
    return replace(
        peer,
        remote_rtp=Endpoint(inner.host, inner.rtp_port),
        remote_rtcp=Endpoint(inner.host, inner.rtcp_port),
        mux=False,
    )


def alike(one: Negotiated, other: Negotiated) -> bool:
    """Whether packets of one may go to the other untouched: a node changes nothing in them."""
    numbers = [
        (
            each.codec.kind,
            each.codec.payload_type,
            each.heard_type,
            each.telephone_event,
            each.heard_event,
            each.event_rate,
            each.direction,
        )
        for each in (one, other)
    ]
    return (
        numbers[0] == numbers[1] and one.direction == "sendrecv" and one.codec.payload_type == one.heard_type
    )


class TapAtHome:
    """See ``Tap``. Until it is closed its leg's audio passes here, whoever the leg is joined to meanwhile."""

    def __init__(self, tap: Tap, on_close: Callable[[], None]) -> None:
        self._tap = tap
        self._on_close: Callable[[], None] | None = on_close

    @property
    def dropped(self) -> int:
        return self._tap.dropped

    def read(self) -> list[Frame]:
        return self._tap.read()

    def close(self) -> None:
        self._tap.close()
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()
