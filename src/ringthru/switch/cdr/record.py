"""What is known of a leg that is over, as one value of plain words.

The words are FreeSWITCH's variables; those that begin with ``ringthru_`` are ours.

Lives here: which variables there are, and where each comes from. Never here: files and their formats.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from ...media import LegReport
from ...net.values import frozen
from ...sip import Direction
from ..audio.codec_choice import shown_rate
from ..audio.media_statistics import variables_of
from ..dialplan.call_fields import FIELDS, source_of
from ..events.channel_data import TIMES, bill
from .ending import ending_of
from .verdict import audio, ended_by, sentence

if TYPE_CHECKING:
    from ..calls.channel import Channel

STAMPS: Final = (  # variable, and the moment it names
    ("start_stamp", "created"),
    ("profile_start_stamp", "created"),
    ("progress_stamp", "progress"),
    ("progress_media_stamp", "progress_media"),
    ("answer_stamp", "answered"),
    ("bridge_stamp", "bridged"),
    ("end_stamp", "hangup"),
)
MICROSECONDS: Final = 1_000_000
Pair = tuple[str, str]


@frozen
class CallRecord:
    """One leg. ``times`` are moments of the wall clock in microseconds, by FreeSWITCH's names."""

    uuid: str
    is_a_leg: bool
    variables: Mapping[str, str]
    caller_profile: Mapping[str, str]
    times: Mapping[str, str]

    @classmethod
    def of(cls, channel: Channel, other_ended_first: bool) -> CallRecord:
        """A leg that has just ended; ``other_ended_first``: the one it talked to was gone before it."""
        fields = {name: value for name, read in FIELDS.items() if (value := read(channel))}
        media = channel.media.report() if channel.media is not None else None
        fields["caller_id_name"] = channel.caller.name  # as it was written: each format escapes for itself
        variables = {**fields, **dict(_measured(channel, media)), **channel.variables}
        variables |= dict(_judged(channel, other_ended_first, media))
        return cls(
            channel.uuid,
            channel.direction is Direction.INBOUND or channel.parent is None,
            variables,
            dict(_profile(channel)),
            dict(_times(channel)),
        )


def _measured(channel: Channel, media: LegReport | None) -> Iterator[Pair]:
    """Moments, spans, codecs, addresses and packets."""
    for name, moment in STAMPS:
        at = channel.times.get(moment)
        yield name, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else ""
    yield from bill(channel)
    yield "bleg_uuid", _other(channel)
    yield "digits_dialed", "none"
    if channel.cause is not None:
        yield "hangup_cause_q850", str(int(channel.cause))
    if channel.media is None or media is None:
        return
    if channel.media.codec is not None:
        for way in ("read", "write"):
            yield f"{way}_codec", channel.media.codec.encoding
            yield f"{way}_rate", str(shown_rate(channel.media.codec))
    yield from variables_of(channel.media, media)
    yield "remote_media_ip", media.remote.host if media.remote else ""
    yield "remote_media_port", str(media.remote.port) if media.remote else ""


def _judged(channel: Channel, other_ended_first: bool, media: LegReport | None) -> Iterator[Pair]:
    call, ending = channel.call, ending_of(channel, other_ended_first, media)
    yield "ringthru_ended_by", ended_by(ending).value
    yield "ringthru_audio", audio(ending).value
    yield "ringthru_verdict", sentence(ending)
    yield "ringthru_peer", str(call.flow.remote) if call is not None else ""
    yield "ringthru_seen_at", str(call.seen_at) if call is not None else ""
    yield "ringthru_media_seen_at", ending.seen_at
    yield "ringthru_media_peer", ending.remote


def _other(channel: Channel) -> str:
    """The UUID of the leg it talked to, or was called for."""
    parent = channel.parent.uuid if channel.parent is not None else ""
    return channel.variables.get("last_bridge_to") or parent


def _profile(channel: Channel) -> Iterator[Pair]:
    caller = channel.caller
    yield "username", channel.variables.get("user_name", caller.number)
    yield "dialplan", channel.dialplan
    yield "caller_id_name", caller.name
    yield "ani", caller.number
    yield "caller_id_number", caller.number
    yield "network_addr", channel.call.flow.remote.host if channel.call is not None else ""
    yield "destination_number", channel.destination
    yield "uuid", channel.uuid
    yield "source", source_of(channel)
    yield "context", channel.context
    yield "chan_name", channel.name


def _times(channel: Channel) -> Iterator[Pair]:
    """``created_time`` and so on: the names of an event's headers, in small letters and cut short."""
    for header, moment in TIMES:
        name = header.removeprefix("Channel-").replace("-", "_").lower()
        yield name, str(int(channel.times.get(moment, 0.0) * MICROSECONDS))
