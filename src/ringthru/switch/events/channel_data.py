"""A channel as headers of an event, in FreeSWITCH's names and order.

Lives here: which headers there are. Never here: when an event happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...sip import Direction
from ..audio.codec_choice import bit_rate, shown_rate, way_of
from ..audio.media_statistics import statistics_of
from ..dialplan.call_fields import FIELDS, source_of
from ..variable_names import spelled
from .bus import MICROSECONDS, Header

if TYPE_CHECKING:
    from ..calls.channel import Channel

STATES: Final = (  # FreeSWITCH's channel states: the position is Channel-State-Number
    *("CS_NEW", "CS_INIT", "CS_ROUTING", "CS_SOFT_EXECUTE", "CS_EXECUTE", "CS_EXCHANGE_MEDIA", "CS_PARK"),
    *("CS_CONSUME_MEDIA", "CS_HIBERNATE", "CS_RESET", "CS_HANGUP", "CS_REPORTING", "CS_DESTROY", "CS_NONE"),
)
TIMES: Final = (  # of a caller's profile: header, and the moment it names
    ("Profile-Created-Time", "created"),
    ("Channel-Created-Time", "created"),
    ("Channel-Answered-Time", "answered"),
    ("Channel-Progress-Time", "progress"),
    ("Channel-Progress-Media-Time", "progress_media"),
    ("Channel-Hangup-Time", "hangup"),
    ("Channel-Transferred-Time", "transferred"),
    ("Channel-Resurrect-Time", "resurrected"),
    ("Channel-Bridged-Time", "bridged"),
    ("Channel-Last-Hold", "held"),
    ("Channel-Hold-Accum", "hold_accumulated"),
)
# With the counters of the audio: the leg's last ones, and what somebody asks for (``uuid_dump``)
MEASURED: Final = frozenset(("CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY", "CHANNEL_DATA"))
BARE: Final = frozenset(("CHANNEL_STATE", "CHANNEL_CALLSTATE"))  # without variables, as FreeSWITCH has them
SHOWN: Final = (
    "sip_",
    "local_media_",
    "remote_media_",
    "advertised_",
    "read_",
    "write_",
    "rtp_use_",
    "ep_codec_",
)
FIELD_VARIABLES: Final = tuple(name for name in FIELDS if name.startswith(SHOWN) or name == "direction")


def described(channel: Channel, name: str) -> Iterator[Header]:
    """What an event of this name says of a channel."""
    yield from channel_headers(channel, variables=name not in BARE)
    if name in MEASURED:
        yield from ((f"variable_{key}", value) for key, value in statistics_of(channel))
    if name == "CHANNEL_HANGUP_COMPLETE":
        yield from ((f"variable_{key}", value) for key, value in bill(channel))


def channel_headers(channel: Channel, *, variables: bool = True) -> Iterator[Header]:
    """All that an event says of a channel, of the leg it talks to, and of its variables."""
    yield from _state(channel)
    yield from _codecs(channel)
    yield from profile_headers(channel, "Caller")
    if (other := channel.bridged_to or channel.parent) is not None:
        yield "Other-Type", "originator" if other is channel.parent else "originatee"
        yield from profile_headers(other, "Other-Leg")
    if variables:
        yield from _variables(channel)


def answer_state(channel: Channel) -> str:
    """FreeSWITCH's ``Answer-State``."""
    if channel.gone.is_set():
        return "hangup"
    if channel.answered.is_set():
        return "answered"
    return "early" if channel.progressed.is_set() else "ringing"


def _state(channel: Channel) -> Iterator[Header]:
    partner = channel.parent or channel
    yield "Channel-State", channel.state
    yield "Channel-Call-State", channel.phase.value
    yield "Channel-State-Number", str(STATES.index(channel.state))
    yield "Channel-Name", channel.name
    yield "Unique-ID", channel.uuid
    yield "Call-Direction", channel.direction.value
    yield "Presence-Call-Direction", channel.direction.value
    yield "Channel-HIT-Dialplan", "true" if channel.application else "false"
    yield "Channel-Call-UUID", partner.uuid
    yield "Answer-State", answer_state(channel)
    if channel.cause is not None:
        yield "Hangup-Cause", channel.cause.name


def _codecs(channel: Channel) -> Iterator[Header]:
    codec = channel.media.codec if channel.media is not None else None
    if codec is None:
        return
    for way in ("Read", "Write"):
        yield f"Channel-{way}-Codec-Name", codec.encoding
        yield f"Channel-{way}-Codec-Rate", str(shown_rate(codec))
        yield f"Channel-{way}-Codec-Bit-Rate", str(bit_rate(codec))
    if way_of_audio := way_of(channel):
        yield "Ringthru-Bridged-Audio", way_of_audio


def profile_headers(channel: Channel, prefix: str) -> Iterator[Header]:
    """Who calls whom, as one leg has it: FreeSWITCH's "caller profile"."""
    caller, direction = channel.caller, channel.direction.value
    hidden = "true" if caller.hidden else "false"
    values = (
        ("Direction", direction),
        ("Logical-Direction", direction),
        ("Username", channel.variables.get("user_name", caller.number)),
        ("Dialplan", channel.dialplan),
        ("Caller-ID-Name", caller.name),
        ("Caller-ID-Number", caller.number),
        ("Orig-Caller-ID-Name", caller.name),
        ("Orig-Caller-ID-Number", caller.number),
        *(_callee(channel) if channel.direction is Direction.OUTBOUND else ()),
        ("Network-Addr", _callers_address(channel)),
        ("ANI", caller.number),
        ("Destination-Number", channel.destination),
        ("Unique-ID", channel.uuid),
        ("Source", source_of(channel)),
        ("Context", channel.context),
        ("Channel-Name", channel.name),
        ("Profile-Index", "1"),
    )
    yield from ((f"{prefix}-{name}", value) for name, value in values)
    for name, moment in TIMES:
        yield f"{prefix}-{name}", str(int(channel.times.get(moment, 0.0) * MICROSECONDS))
    yield f"{prefix}-Screen-Bit", "true"
    yield f"{prefix}-Privacy-Hide-Name", hidden
    yield f"{prefix}-Privacy-Hide-Number", hidden


def _callers_address(channel: Channel) -> str:
    """Where the call came from, on either leg, as FreeSWITCH has it; empty for one that we began."""
    caller = channel.parent if channel.direction is Direction.OUTBOUND else channel
    return caller.call.flow.remote.host if caller is not None and caller.call is not None else ""


def _callee(channel: Channel) -> Iterator[Header]:
    """Who is called on a leg of ours; the name is FreeSWITCH's, for it knows none either."""
    yield "Callee-ID-Name", "Outbound Call"
    yield "Callee-ID-Number", channel.destination


def _variables(channel: Channel) -> Iterator[Header]:
    for name in FIELD_VARIABLES:
        if name not in channel.variables and (value := FIELDS[name](channel)):
            yield f"variable_{name}", value
    for name, value in tuple(channel.variables.items()):
        yield f"variable_{spelled(name)}", value


def bill(channel: Channel) -> Iterator[Header]:
    """Variables of a leg that is over: how long it took, in whole seconds and their fractions.

    What nobody answered costs nothing.
    """
    times = channel.times
    began, ended = times["created"], times.get("hangup", times["created"])
    answered = times.get("answered", 0.0)
    whole, talked = ended - began, ended - answered if answered else 0.0
    spans = (
        ("duration", "mduration", whole),
        ("billsec", "billmsec", talked),
        ("waitsec", "waitmsec", whole - talked),
    )
    for seconds_name, milliseconds_name, seconds in spans:
        yield seconds_name, str(round(seconds))
        yield milliseconds_name, str(round(seconds * 1000))
    for name, moment in (("start", began), ("answer", answered), ("end", ended)):
        yield f"{name}_epoch", str(int(moment))
        yield f"{name}_uepoch", str(int(moment * MICROSECONDS))
