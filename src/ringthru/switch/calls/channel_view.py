"""A channel as the faces show it.

Lives here: its snapshot. Never here: what any face makes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...net.address import Endpoint
from ...sip import Direction
from ..audio.codec_choice import bit_rate, shown_rate
from ..snapshots import ChannelSnapshot

if TYPE_CHECKING:
    from .channel import Channel


def presence_id_of(channel: Channel) -> str:
    """Whose lamp a leg lights, as ``NAME@DOMAIN``; "" for nobody's.

    Its variable ``presence_id`` says so, else it is the user of the directory who calls or is called by it.
    """
    variables = channel.variables
    caller = variables.get("user_name", ""), variables.get("domain_name", "")
    called = variables.get("dialed_user", ""), variables.get("dialed_domain", "")
    name, domain = caller if channel.direction is Direction.INBOUND else called
    if written := variables.get("presence_id"):
        name, _, other = written.partition("@")
        domain = other or domain
    return f"{name}@{domain}" if name and domain else ""


def snapshot_of(channel: Channel, seconds: float) -> ChannelSnapshot:
    """The leg now; it is ``seconds`` old."""
    report = channel.media.report() if channel.media else None
    advertised_media = (
        Endpoint(channel.media.advertised.host, channel.media.advertised.rtp_port) if channel.media else None
    )
    codec = channel.media.codec if channel.media else None
    nowhere = Endpoint("", 0)
    return ChannelSnapshot(
        uuid=channel.uuid,
        name=channel.name,
        direction=channel.direction.value,
        state=channel.state,
        call_state=channel.phase.value,
        destination=channel.destination,
        context=channel.context,
        application=channel.application,
        seconds=seconds,
        peer=channel.call.flow.remote if channel.call else nowhere,
        advertised=channel.call.seen_at if channel.call else nowhere,
        advertised_media=advertised_media,
        packets_received=report.packets_received if report else 0,
        packets_sent=report.packets_sent if report else 0,
        packets_lost=report.lost if report else 0,
        jitter_ms=report.jitter_ms if report else 0.0,
        round_trip_ms=report.round_trip_ms if report else None,
        bridged_to=channel.bridged_to.uuid if channel.bridged_to else None,
        began=channel.times["created"],
        caller_name=channel.caller.name,
        caller_number=channel.caller.number,
        dialplan=channel.dialplan,
        codec=codec.encoding if codec else "",
        codec_rate=shown_rate(codec) if codec else 0,
        codec_bit_rate=bit_rate(codec) if codec else 0,
        call_uuid=channel.parent.uuid if channel.parent else channel.uuid,
        ptime=channel.media.negotiated.ptime if channel.media and channel.media.negotiated else 20,
        counted=report,
        audio_aside=channel.media is not None and channel.media.aside is not None,
        account=channel.variables.get("accountcode", ""),
        presence_id=presence_id_of(channel),
    )
