"""What a leg's end is judged by, read off the leg.

Lives here: where each of it comes from. Never here: the judgement (``verdict``), what is written of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...media import LegReport
from ...net.address import Endpoint
from ...sip import Direction
from ..calls.ack_watch import VERDICT
from ..calls.channel import DISPOSITION
from .verdict import Ending

if TYPE_CHECKING:
    from ..calls.channel import Channel

BY_PEER: Final = frozenset(("recv_bye", "recv_cancel", "recv_refuse"))


def ending_of(channel: Channel, other_ended_first: bool, media: LegReport | None) -> Ending:
    """A leg that has just ended; ``other_ended_first``: the one it talked to was gone before it."""
    answered = channel.times.get("answered")
    return Ending(
        is_caller=channel.direction is Direction.INBOUND,
        by_peer=channel.variables.get(DISPOSITION) in BY_PEER,
        other_ended_first=other_ended_first,
        cause=channel.cause.name if channel.cause is not None else "NONE",
        talked=max(channel.times.get("hangup", answered) - answered, 0.05) if answered else 0.0,
        packets_received=media.packets_received if media else 0,
        packets_sent=media.packets_sent if media else 0,
        has_media=media is not None,
        seen_at=advertised(channel),
        remote=str(media.remote) if media and media.remote else "",
        ack_verdict=channel.variables.get(VERDICT, ""),
    )


def advertised(channel: Channel) -> str:
    """Where the peer was told to send its audio."""
    if channel.media is None:
        return ""
    return str(Endpoint(channel.media.advertised.host, channel.media.advertised.rtp_port))
