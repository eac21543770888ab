"""Who ended a leg, and whether it was heard both ways: what people want to know of a call afterwards.

Lives here: the judgement, in words. Never here: files; why an ACK did not come, which is ``ack_verdict``.
"""

from __future__ import annotations

from enum import Enum

from ...media.leg.outgoing import OPENING_PACKETS
from ...net.values import frozen


class EndedBy(Enum):
    """The side that ended the call, or would not take it."""

    CALLER = "caller"
    CALLED = "called"
    SWITCH = "switch"  # the dialplan, an operator, a time limit, or nobody answering our messages


class Audio(Enum):
    """Which ways packets of a leg went, seen from us."""

    BOTH_WAYS = "both ways"
    ONLY_FROM_PEER = "only from the peer"
    ONLY_TO_PEER = "only to the peer"
    NONE = "none"


@frozen
class Ending:
    """What a leg's end is judged by."""

    is_caller: bool  # the leg is the one that called
    by_peer: bool  # its BYE, CANCEL or refusal came
    other_ended_first: bool  # the leg it talked to was gone already
    cause: str  # NORMAL_CLEARING …
    talked: float  # seconds since the answer; 0.0: nobody answered
    packets_received: int
    packets_sent: int
    has_media: bool
    seen_at: str  # where the peer was told to send its audio
    remote: str  # where we sent ours
    ack_verdict: str = ""


def ended_by(ending: Ending) -> EndedBy:
    if ending.by_peer:
        return EndedBy.CALLER if ending.is_caller else EndedBy.CALLED
    if ending.other_ended_first:
        return EndedBy.CALLED if ending.is_caller else EndedBy.CALLER
    return EndedBy.SWITCH


def audio(ending: Ending) -> Audio:
    """Half a second of packets from us may be the silence that opens the NATs on the way, and no audio."""
    heard, spoke = ending.packets_received > 0, ending.packets_sent > OPENING_PACKETS
    if heard and spoke:
        return Audio.BOTH_WAYS
    if heard or spoke:
        return Audio.ONLY_FROM_PEER if heard else Audio.ONLY_TO_PEER
    return Audio.NONE


def sentence(ending: Ending) -> str:
    """One line for a person: how it ended, by whom, what was heard, and what to look at."""
    who = {EndedBy.CALLER: "the caller", EndedBy.CALLED: "the called side", EndedBy.SWITCH: "the switch"}
    if ending.talked:
        text = f"ended by {who[ended_by(ending)]} after {ending.talked:.1f} s ({ending.cause})"
    else:
        text = f"not answered: ended by {who[ended_by(ending)]} ({ending.cause})"
    heard = _audio_words(ending) if ending.talked and ending.has_media else ""
    return "; ".join(part for part in (text, heard, ending.ack_verdict) if part)


def _audio_words(ending: Ending) -> str:
    way = audio(ending)
    if way is Audio.ONLY_TO_PEER:
        return (
            f"audio {way.value}: nothing came to {ending.seen_at}, where the peer was told to send; "
            "look at that address, and at what lies between"
        )
    if way is Audio.ONLY_FROM_PEER:
        return f"audio {way.value}: nothing was sent to {ending.remote or 'it'}, or the other leg was silent"
    return "no audio at all" if way is Audio.NONE else f"audio {way.value}"
