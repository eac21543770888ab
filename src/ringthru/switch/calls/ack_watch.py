"""What the switch makes of missing and odd ACKs: warnings that name the cause and the cure.

Lives here: collecting the evidence of one call, and telling.
Never here: the classes of causes (`ack_verdict`), the wire.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ...sip import AckNearMiss, AckOverdue, Call, StrayAck
from ..dialing.dialstring import harmless
from .ack_verdict import AckVerdict, Evidence, judge

if TYPE_CHECKING:
    from ..profiles.profile import Profile
    from .book import Calls

log = logging.getLogger(__name__)

VERDICT = "sip_ack_verdict"  # the channel variable that holds the words, for records of calls


class AckWatch:
    """Listens to what the profiles' user agents say of ACKs."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._misses: WeakKeyDictionary[Call, str] = WeakKeyDictionary()

    def on_stray(self, profile: Profile, event: StrayAck) -> None:
        """An ACK that came to the wrong socket of ours counts as if it had come to the right one."""
        for other in self._calls.profiles.values():
            if other is profile:
                continue
            if other.act(lambda now, agent=other.agent: agent.receive_ack(event.request, now)):  # type: ignore[misc]
                log.warning(
                    "The ACK of a call of profile %s came to profile %s, from %s: it counts, but "
                    "check which port the caller is told",
                    other.name,
                    profile.name,
                    event.flow.remote,
                )
                return
        log.debug("Profile %s: an ACK from %s belongs to no call", profile.name, event.flow.remote)

    def on_near_miss(self, profile: Profile, event: AckNearMiss) -> None:
        if event.difference is None:
            words = f"it could not be read: {event.problem}"
        else:
            each = event.difference
            words = f"its {each.key} is {_short(each.theirs)} where we have {_short(each.ours)}"
        self._misses[event.call] = words
        log.warning(
            "An ACK from %s is nearly the one we wait for: %s. Something on the way rewrites SIP, likely a "
            "SIP ALG in the caller's router: turn it off. The ACK %s",
            event.flow.remote,
            words,
            "counts all the same" if event.accepted else "does not count, and the call will end after 32 s",
        )
        if event.accepted:
            self._misses.pop(event.call, None)

    def on_overdue(self, profile: Profile, event: AckOverdue) -> AckVerdict:
        """No ACK for 4 s: say why, as well as it can be known."""
        call = event.call
        channel = self._calls.channel_of(call)
        report = channel.media.report() if channel is not None and channel.media is not None else None
        verdict = judge(
            Evidence(
                peer=call.flow.remote,
                told=call.seen_at,
                now=profile.seen_by(call.flow.remote.host, call.flow.transport).signalling,
                peer_is_public=profile.is_public(call.flow.remote.host),
                told_is_public=profile.is_public(call.seen_at.host),
                transport=call.flow.transport,
                copies=event.copies,
                size=event.size,
                unheard=event.unheard,
                asked=event.asked,
                proxies=len(call.request.record_routes),
                near_miss=self._misses.pop(call, ""),
                audio_packets=report.packets_received if report is not None else 0,
                agent=call.request.get("User-Agent") or "",
            )
        )
        name = channel.name if channel is not None else call.call_id
        log.warning(
            "%s: no ACK for our 200 in 4 s; without one the call ends in 28 s (ACK timeout). %s",
            name,
            verdict,
        )
        if channel is not None:
            channel.variables[VERDICT] = harmless(str(verdict))
        return verdict


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
