"""One side's description, written: the ``m=`` section and its session (RFC 8866, 3264, 3605, 8839).

Lives here: how what was decided is said. Never here: what is offered or answered (``offer_answer``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...net.values import frozen, replace
from ..rtp.ice import Ice
from .audio import PROFILE
from .codecs import Codec
from .ice_sdp import ice_attributes
from .sdp import Attribute, MediaDescription, Origin, SessionDescription

NAME: Final = "Ringthru"  # in o= and s=
MUX: Final = ("rtcp-mux", None)
KEYS_OFFERED: Final = "0-16"  # the sixteen keys and flash, as FreeSWITCH offers them (RFC 4733 §2.4.1)


@frozen
class MediaAddress:
    """Where a peer shall send: our host and ports as *that peer* sees them.

    ``origin`` is the host that the dialog's ``o=`` line names; None: the same one.
    """

    host: str
    rtp_port: int
    rtcp_port: int
    origin: str | None = None


def description_of(
    here: MediaAddress,
    session_id: int,
    version: int,
    media: list[MediaDescription],
    attributes: tuple[Attribute, ...] = (),
) -> SessionDescription:
    origin = Origin(NAME, str(session_id), str(version), here.origin or here.host)
    return SessionDescription(origin, here.host, tuple(media), attributes, NAME)


def with_ice(medium: MediaDescription, ice: Ice, here: MediaAddress, mux: bool) -> MediaDescription:
    lines = ice_attributes(ice, here.host, here.rtp_port, None if mux else here.rtcp_port)
    return replace(medium, attributes=(*medium.attributes, *lines))


def audio_with(
    here: MediaAddress,
    codecs: Sequence[Codec],
    events: Sequence[Codec],
    direction: str,
    ptime: int,
    mux: bool = False,
) -> MediaDescription:
    named = [(each, each.parameters) for each in codecs] + [(each, KEYS_OFFERED) for each in events]
    formats = [str(each.payload_type) for each, _ in named]
    attributes: list[Attribute] = []
    for each, parameters in named:
        attributes.append(("rtpmap", each.rtpmap))
        if parameters:
            attributes.append(("fmtp", f"{each.payload_type} {parameters}"))
    attributes += [("ptime", str(ptime)), (direction, None)]
    if mux:
        attributes.append(MUX)
    elif here.rtcp_port != here.rtp_port + 1:
        attributes.append(("rtcp", str(here.rtcp_port)))  # RFC 3605
    return MediaDescription("audio", here.rtp_port, PROFILE, tuple(formats), None, tuple(attributes))


def refused(medium: MediaDescription) -> MediaDescription:
    """The same stream with port 0 (RFC 3264 §6); its formats stay, because none may be missing."""
    return MediaDescription(medium.kind, 0, medium.protocol, medium.formats)
