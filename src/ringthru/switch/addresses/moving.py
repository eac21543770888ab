"""Calls that stand while our address changes: they are told the new one, and none is lost.

Lives here: which legs no longer see us where we are.
Never here: what our address is (`reachability`), or how a re-INVITE is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dialing.leg_variables import advertised_host

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel


def follow_address(calls: Calls) -> list[Channel]:
    """Offer again to every leg whose peer would now see us elsewhere; returns these legs.

    A profile that waits for its gateway's address keeps its calls as they are: what they know may hold yet,
    and a private address certainly would not. Legs on the LAN see us where they always did.
    """
    moved = []
    for channel in list(calls.channels.values()):
        profile, call, media = channel.profile, channel.call, channel.media
        if not channel.up or call is None or media is None:
            continue
        if profile.mapped and profile.external_address is None:
            continue
        seen = profile.seen_by(call.flow.remote.host, call.flow.transport)
        host = advertised_host(channel.variables, seen, profile.media_host(seen, media.bound))
        if media.move_to(host) or seen.signalling != call.seen_at:
            channel.log.info(
                "%s is told our new address: %s, media %s", channel.name, seen.signalling, media.advertised
            )
            channel.offer_again()
            moved.append(channel)
    return moved
