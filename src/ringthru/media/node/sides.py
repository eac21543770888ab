"""A call at a node: two sides, each with a leg of the engine that faces it.

The description of one side goes to the other with the address of the leg that faces the *other*; what one
side sends bears the other's payload types, since nobody between them renumbers.
Lives here: what a side is, and what two descriptions agree on. Never here: the book of calls (``calls``).
"""

from __future__ import annotations

from typing import Final

from ringthru.net.address import Endpoint, parse_address

from ...net.values import frozen, record
from ..description.audio import endpoints_of, events_of, formats_of, is_plain_audio, ptime_of, wants_mux
from ..description.ice_sdp import IceAnswers, ice_attributes
from ..description.offer_answer import Codec, MediaAddress, Negotiated
from ..description.sdp import MediaDescription, SessionDescription
from ..errors import NoCommonCodec
from ..interface import Leg, Ports
from ..rtp.ice import Ice
from .requests import Wishes
from .rewriting import Place

NO_AUDIO: Final = ("TELEPHONE-EVENT", "CN", "RED")  # what no stream consists of alone


@frozen
class Interface:
    """An address of ours by a name; ``advertised`` is what peers are told."""

    name: str
    host: str
    advertised: str


@frozen
class Described:
    """What a side said of itself last: its description, and which of its streams is ours to carry."""

    sdp: bytes
    description: SessionDescription
    stream: int

    @property
    def medium(self) -> MediaDescription:
        return self.description.media[self.stream]


@record
class Side:
    """One party. ``tag`` is empty until it has answered."""

    tag: str
    interface: Interface
    ports: Ports
    leg: Leg
    answers: IceAnswers
    said: Described | None = None
    remote: str = ""  # the address it was seen at, where that is to be believed rather than its description
    offered_mux: bool = False  # what our side of it was said to take
    takes_mux: bool = False  # whether it shall have it, whatever the other side says
    ice: Ice | None = None
    quiet_at: int | None = None  # packets heard when it had been silent for as long as a call may be
    blocks_media: bool = False  # asked for; while something is played to the other side, too
    hears_file: bool = False
    codec: Codec | None = None  # agreed on

    @property
    def here(self) -> MediaAddress:
        return MediaAddress(self.interface.advertised, self.ports.rtp_port, self.ports.rtcp_port)

    def speaks_at(self, host: str) -> bool:
        """Whether its description names this address."""
        return self.said is not None and self.said.description.host_of(self.said.medium) == host

    @property
    def quiet(self) -> bool:
        """Whether it has been silent for as long as a call may be, and still is."""
        return self.quiet_at is not None and self.leg.report().packets_received == self.quiet_at

    @property
    def mux(self) -> bool:
        """Whether RTCP goes by the RTP port with this party."""
        return self.offered_mux and self.said is not None and wants_mux(self.said.medium)


def described(sdp: bytes) -> Described:
    """Read a side's description.

    Raises:
        MalformedSdp: it is none.
        NoCommonCodec: no stream of audio over RTP/AVP in it.
    """
    description = SessionDescription.parse(sdp)
    for index, medium in enumerate(description.media):
        if is_plain_audio(medium):
            return Described(sdp, description, index)
    raise NoCommonCodec("no audio over RTP/AVP in the description: nothing else is carried here")


def offered_place(to: Side, offerer: Side, wishes: Wishes) -> Place:
    """Where the offer tells the ``to`` side that we are, and whether it offers to multiplex RTCP."""
    assert offerer.said is not None
    asked = wants_mux(offerer.said.medium)
    to.offered_mux = bool(wishes.rtcp_mux & {"offer", "require"}) or (
        asked and "demux" not in wishes.rtcp_mux
    )
    offerer.takes_mux = bool(wishes.rtcp_mux & {"accept", "demux"})
    offerer.offered_mux = "reject" not in wishes.rtcp_mux
    return Place(to.here, to.offered_mux)


def answered_place(offerer: Side, answerer: Side, wishes: Wishes) -> Place:
    """Where the answer tells the offerer that we are; ICE that it offered is answered as the lite side."""
    assert offerer.said is not None
    accepted = "accept" in wishes.rtcp_mux or offerer.takes_mux or answerer.mux
    offerer.offered_mux = offerer.offered_mux and accepted
    offerer.ice = None
    if wishes.ice != "remove":
        offerer.ice = offerer.answers.to(offerer.said.description, offerer.said.medium)
    here, mux = offerer.here, offerer.mux
    if offerer.ice is None:
        return Place(here, mux)
    rtcp_port = None if mux else here.rtcp_port
    return Place(here, mux, tuple(ice_attributes(offerer.ice, here.host, here.rtp_port, rtcp_port)))


def chosen_codec(offerer: Side, answerer: Side) -> Codec:
    """What both will speak: the first of the answer that the offer has (RFC 3264 §6.1).

    Raises:
        NoCommonCodec: there is none.
    """
    assert offerer.said is not None
    assert answerer.said is not None
    offered = _codecs(offerer.said.medium)
    for codec in _codecs(answerer.said.medium):
        if _same(codec, offered) is not None:
            return codec
    raise NoCommonCodec("the answer has no codec of the offer")


def agree(side: Side, other: Side, codec: Codec) -> Negotiated:
    """What the engine is told about a side: sent in its numbers, heard in the other's.

    Raises:
        MalformedSdp: the side has no usable address.
    """
    assert side.said is not None
    assert other.said is not None
    sent = _same(codec, _codecs(side.said.medium)) or codec
    heard = _same(codec, _codecs(other.said.medium)) or codec
    events = tuple(_event(each.said.medium, codec.clock_rate) for each in (side, other) if each.said)
    rtp, rtcp = _remote(side)
    return Negotiated(
        sdp=b"",
        codec=sent,
        remote_rtp=rtp,
        remote_rtcp=rtp if side.mux else rtcp,
        telephone_event=None if None in events else events[0],
        direction="sendrecv",  # a hold is the parties' affair: what they send is passed on
        ptime=ptime_of(side.said.medium),
        heard_type=heard.payload_type,
        heard_event=None if None in events else events[1],
        mux=side.mux,
        ice=side.ice,
        event_rate=_event_rate(side.said.medium, codec.clock_rate),
    )


def _event(medium: MediaDescription, clock_rate: int) -> int | None:
    found = events_of(medium, clock_rate)
    return found[0].payload_type if found else None


def _event_rate(medium: MediaDescription, clock_rate: int) -> int:
    found = events_of(medium, clock_rate)
    return found[0].clock_rate if found else 8000


def _codecs(medium: MediaDescription) -> list[Codec]:
    return [each for each in formats_of(medium) if each.name not in NO_AUDIO]


def _same(codec: Codec, among: list[Codec]) -> Codec | None:
    wanted = (codec.name, codec.clock_rate)
    return next((each for each in among if (each.name, each.clock_rate) == wanted), None)


def _remote(side: Side) -> tuple[Endpoint, Endpoint]:
    """Where it hears; at the address it was seen at, where its controller wants that, unless it holds."""
    assert side.said is not None
    rtp, rtcp = endpoints_of(side.said.description, side.said.medium)
    if parse_address(side.remote) is None or rtp.host in ("0.0.0.0", "::"):
        return rtp, rtcp
    return Endpoint(side.remote, rtp.port), Endpoint(side.remote, rtcp.port)
