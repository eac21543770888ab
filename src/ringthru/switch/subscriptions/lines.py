"""Whose call a leg is, and how a lamp shows it.

A leg that is dialled and does not ring yet is not shown: else the lamp of a phone that was switched off would
flash for half a minute.

Lives here: legs as lines. Never here: who watches, parked calls, conferences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ...net.values import replace
from ...sip import Direction
from ..calls.caller import Caller
from ..calls.channel import CallPhase
from ..calls.channel_view import presence_id_of
from ..dialing.dialstring import truth
from .watched import Line

if TYPE_CHECKING:
    from ..calls.channel import Channel

PRIVACY: Final = "presence_privacy"  # of a channel, and global: whom one talks to is not shown
NOT_SHOWN: Final = (CallPhase.DOWN, CallPhase.DIALING, CallPhase.HANGUP)
Place = tuple[str, str]  # domain and name, in lower case


def place_of(channel: Channel) -> Place | None:
    """Whose lamp a leg lights; None: nobody's."""
    if channel.phase in NOT_SHOWN:
        return None
    name, _, domain = presence_id_of(channel).lower().rpartition("@")
    return (domain, name) if name else None


def line_of(channel: Channel, name: str, variable: Callable[[Channel, str], str | None]) -> Line:
    """A leg as the lamp of ``name`` shows it, with its tags; ``variable`` knows the global ones, too.

    Who calls is busy from the first moment (as in FreeSWITCH): were his call ``early``, phones would flash
    and offer to pick it up. A leg that comes in from somebody else (``presence_id`` of a number in the
    dialplan) calls him.
    """
    caller_id = channel.variables.get("user_name", "").lower()
    calls = channel.direction is Direction.INBOUND and caller_id == name
    up = channel.answered.is_set()
    other = _other(channel, calls)
    private = channel.profile.settings.presence_privacy or truth(variable(channel, PRIVACY))
    line = Line(
        channel.uuid,
        "confirmed" if calls or up else "early",
        calls,
        held=channel.phase is CallPhase.HELD,
        other_name=other.name,
        other_number=other.number,
        hidden=other.hidden or private,
    )
    return line if calls or up else _with_tags(line, channel)


def _other(channel: Channel, calls: bool) -> Caller:
    """Whom a leg talks to: whom it called, or who called it; and another one after a transfer."""
    partner = channel.bridged_to
    if partner is None or partner.parent is channel or partner is channel.parent:
        whom = Caller("", channel.destination, channel.caller.hidden)
        return whom if calls else channel.caller
    if partner.direction is Direction.INBOUND:
        return partner.caller
    return Caller("", presence_id_of(partner).rpartition("@")[0] or partner.destination)


def _with_tags(line: Line, channel: Channel) -> Line:
    """With what an INVITE must name to pick up what rings (RFC 3891 §3): it is our dialog with that phone,
    as the phone sees it.
    """
    if channel.call is None or channel.direction is not Direction.OUTBOUND or not channel.call.dialogs:
        return line
    dialog = channel.call.dialogs[0]
    return replace(line, call_id=dialog.call_id, local_tag=dialog.remote_tag, remote_tag=dialog.local_tag)
