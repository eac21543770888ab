"""Calls that went wrong lately, each with its verdict: in the log, in a variable of the leg, in a short ring.

A leg that went well is passed over after a few comparisons.

Lives here: collecting what is known of a leg at its end, and remembering the bad ones.
Never here: what it means (``post_mortem``).
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from ...media import LegReport
from ...media.leg.outgoing import OPENING_PACKETS
from ...net.address import Endpoint
from ...sip import Direction
from ..audio.media_statistics import leg_quality
from ..dialing.dialstring import OBEYED
from .causes import HangupCause
from .post_mortem import SHORT, UNREACHED, AudioFacts, CallFacts, Mishap, judge

if TYPE_CHECKING:
    from ..audio.leg_media import LegMedia
    from .channel import Channel

MOST: Final = 50  # legs that are remembered, the oldest forgotten first
VARIABLE: Final = "ringthru_mishap"  # the sentence, on the leg: for records of calls and events
ACK_VERDICT: Final = "sip_ack_verdict"
SUSPECT: Final = UNREACHED | {HangupCause.INCOMPATIBLE_DESTINATION, HangupCause.MEDIA_TIMEOUT}
BY_PEER: Final = frozenset(("recv_bye", "recv_cancel", "recv_refuse"))
BRACES: Final = frozenset(map(ord, "{}"))
LOSS: Final = 0.02  # share of packets from which on it is looked how it sounded


class Mishaps:
    """What went wrong lately, the latest last."""

    def __init__(self) -> None:
        self._ring: deque[Mishap] = deque(maxlen=MOST)
        self.count = 0  # since the start

    def recent(self) -> tuple[Mishap, ...]:
        return tuple(self._ring)

    def find(self, uuid: str) -> Mishap | None:
        """That of a leg, or the last one (``last``)."""
        if uuid == "last":
            return self._ring[-1] if self._ring else None
        return next((each for each in reversed(self._ring) if each.facts.uuid == uuid), None)

    def look_at(self, channel: Channel) -> None:
        """A leg is over: where it went wrong, say why and remember it."""
        if not _is_suspect(channel):
            return
        facts = facts_of(channel)
        verdict = judge(facts)
        if verdict is None:
            return
        channel.variables[VARIABLE] = plain(verdict.sentence)
        channel.log.warning("%s went wrong: %s What to do: %s", channel.name, verdict.sentence, verdict.cure)
        self._ring.append(Mishap(facts, verdict))
        self.count += 1


def _is_suspect(channel: Channel) -> bool:
    """Whether anything of it looks wrong; nearly all legs are done with here."""
    variables, cause = channel.variables, channel.cause
    if cause in SUSPECT or ACK_VERDICT in variables:
        # A caller's leg that only ends as the called one did says nothing new.
        return cause is None or variables.get("originate_disposition") != cause.name
    media, times = channel.media, channel.times
    if media is None or media.final is None or "answered" not in times or media.is_elsewhere:
        return False
    if times["hangup"] - times["answered"] < SHORT:
        return False  # nothing may have been said yet
    report = media.final
    if not report.packets_received or report.packets_sent <= OPENING_PACKETS:
        return True
    missed = report.lost + (report.remote_lost or 0)
    return missed > LOSS * (report.packets_received + report.packets_sent)


def facts_of(channel: Channel) -> CallFacts:
    """What is known of a leg that has just ended."""
    times, call = channel.times, channel.call
    answered = times.get("answered")
    flow = call.flow if call is not None else None
    host = flow.remote.host if flow is not None else ""
    far = bool(host) and not channel.inner and channel.profile.seen_by(host).far
    variables = channel.variables
    status = variables.get("sip_term_status", "")
    return CallFacts(
        uuid=channel.uuid,
        name=plain(channel.name),
        ended_at=times.get("hangup", 0.0) or time.time(),
        inbound=channel.direction is Direction.INBOUND,
        cause=channel.cause or HangupCause.NONE,
        ended_by="the peer" if variables.get("sip_hangup_disposition") in BY_PEER else "the switch",
        talked=max(times.get("hangup", answered) - answered, 0.0) if answered else 0.0,
        peer=str(flow.remote) if flow is not None else "",
        peer_host=host,
        peer_is_far=far,
        bridged="last_bridge_to" in variables or channel.parent is not None,
        refusal=f"status {status}" if status else "",
        ack_verdict=_readable(variables.get(ACK_VERDICT, "")),
        agent=plain(variables.get("sip_user_agent", "")[:60]),
        audio=_audio(channel, channel.media) if channel.media is not None else None,
    )


def _audio(channel: Channel, media: LegMedia) -> AudioFacts | None:
    report, agreed = media.final, media.negotiated
    if report is None or agreed is None or media.aside is not None or media.is_elsewhere or channel.inner:
        return None  # it never had any, went past us, is counted by a node, or never left this machine
    is_public, quality = channel.profile.is_public, leg_quality(media, report)
    incoming, outgoing = quality.incoming, quality.outgoing
    told = Endpoint(media.advertised.host, media.advertised.rtp_port)
    return AudioFacts(
        received=report.packets_received,
        sent=_said(report),
        lost=report.lost,
        dropped=report.dropped,
        forged=report.forged,
        remote_lost=report.remote_lost,
        told=str(told),
        told_private=not is_public(told.host),
        wanted=str(agreed.remote_rtp),
        wanted_private=not is_public(agreed.remote_rtp.host),
        went_to=str(report.remote) if report.remote is not None else "",
        mapped=media.is_mapped,
        unmapped=plain(media.unmapped),
        may_come=agreed.receives,
        may_go=agreed.sends,
        mos_in=incoming.mos if incoming is not None else None,
        mos_out=outgoing.mos if outgoing is not None else None,
    )


def plain(text: str) -> str:
    """Words that may have come from the network, on one line and with nothing that a ``${…}`` is made of."""
    return "".join(each if each.isprintable() and each not in "{}" else " " for each in text)


def _readable(text: str) -> str:
    """A variable that was made ``harmless``, for people again; the braces stay away."""
    for code in OBEYED.keys() - BRACES:
        text = text.replace(f"%{code:02X}", chr(code))
    return plain(text)


def _said(report: LegReport) -> int:
    """Packets of ours that were audio; the silence that opens the NATs on the way is none."""
    return report.packets_sent if report.packets_sent > OPENING_PACKETS else 0
