"""A caller behind a NAT: what we ask of it goes where it was heard from, and its session is refreshed often.

Lives here: who is in that mode, and what it means. Never here: the rules by which it is seen
(``registrations/nat``), what is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..dialing.dialstring import truth
from ..registrations.nat import calling_reason

if TYPE_CHECKING:
    from ...sip import Call
    from ..profiles.profile import Profile
    from .channel import Channel

NAT_SESSION: Final = 90  # seconds, FreeSWITCH's and RFC 4028's least: half of it is when a refresh goes out
DETECTED: Final = "sip_nat_detected"
FORCED: Final = "sip_force_nat_mode"
STICKY: Final = "sip_sticky_contact"  # FreeSWITCH's name for the same without ``sip_nat_detected``


def note_caller(profile: Profile, channel: Channel, call: Call) -> None:
    """An INVITE came: is its caller behind a NAT, by the profile's rules?"""
    reason = calling_reason(call.request, call.flow, profile.nat_rules())
    if reason:
        _enter(channel, call, reason)
        channel.variables[DETECTED] = "true"


def note_wish(channel: Channel, call: Call) -> None:
    """A caller is about to hear from us: does the dialplan say that it is behind a NAT?"""
    variables = channel.variables
    if DETECTED in variables:
        return
    if (forced := variables.get(FORCED)) and truth(forced):
        _enter(channel, call, "manual variable")
        variables[DETECTED] = "true"
    elif (sticky := variables.get(STICKY)) and truth(sticky):
        _enter(channel, call, STICKY)


def _enter(channel: Channel, call: Call, reason: str) -> None:
    channel.log.debug("Setting NAT mode based on %s", reason)
    call.session.shorten(NAT_SESSION)
    call.keep_to_its_source()
