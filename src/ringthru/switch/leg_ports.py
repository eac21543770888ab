"""Which ports a leg's media takes, and what its peer is told of them.

Lives here: mapped ports for peers beyond a gateway, ports of our own for all others.
Never here: the SDP (``leg_media``), mappings themselves (``rtp_pool``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..media import PLAIN, Elsewhere, Engine, KeyHeard, Moved, PlacedPorts, Timeout
from . import dtmf, leg_variables, secure_media
from .causes import HangupCause
from .channel import Channel
from .leg_media import LegMedia
from .loopback import HERE, LoopbackChannel
from .rtp_pool import RtpPool

if TYPE_CHECKING:
    from .profile import Profile
    from .reachability import Seen

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class LegPorts:
    """One switch's."""

    def __init__(self, engine: Engine, spawn: Spawn, lookup: secure_media.Lookup) -> None:
        """``spawn`` runs something beside; ``lookup`` knows the variables of a leg, and global ones."""
        self._lookup = lookup
        self.pool: RtpPool | None = None  # set while far peers reach us through a gateway
        self.pool6: RtpPool | None = None  # the same through the firewall of IPv6
        self._engine = engine
        self._spawn = spawn

    def close(self) -> None:
        """Let go of what is held ready."""
        for pool in (self.pool, self.pool6):
            if pool is not None:
                pool.close()

    async def open(self, channel: Channel, peer: str) -> LegMedia:
        """Ports for a leg: mapped ones for a far peer, where there are any."""
        profile, inner = channel.profile, isinstance(channel, LoopbackChannel)
        seen = profile.seen_by(peer)
        secure = PLAIN if inner else secure_media.wanted(channel, self._lookup)
        here = inner or secure_media.is_wanted(channel, secure)  # media nodes are told nothing of SRTP
        distant = None if here else await self._placed(channel)
        pool = self._pool_for(profile, peer, seen) if distant is None else None
        mapped = pool.take() if pool is not None else None

        def give_back() -> None:
            if pool is not None and mapped is not None:
                self._spawn(pool.give_back(mapped))

        def on_media(event: object) -> None:
            if isinstance(event, Timeout):
                channel.hang_up(HangupCause.MEDIA_TIMEOUT)
            elif isinstance(event, KeyHeard):
                dtmf.heard(channel, event.key, event.milliseconds, by_info=False)
            elif isinstance(event, Moved):
                media.move_to(media.advertised.host)
                channel.offer_again()

        media = LegMedia(
            self._engine,
            distant or mapped or self._engine.reserve(HERE if inner else profile.rtp_ip),
            HERE if inner else leg_variables.advertised_host(channel.variables, seen),
            session_id=channel.serial,
            name=channel.name,
            rtp_timeout=math.inf if inner else profile.settings.rtp_timeout_sec or math.inf,
            telephone_event=profile.settings.rfc2833_pt if profile.settings.dtmf_type == "rfc2833" else None,
            mux=profile.settings.rtcp_mux,
            may_speak_first=lambda host: not seen.far or profile.is_public(host),
            on_close=give_back,
            secure=secure if distant is None else PLAIN,
            on_agreed=lambda negotiated: secure_media.note(channel, negotiated.srtp),
        )
        media.leg.subscribe(on_media)
        return media

    async def _placed(self, channel: Channel) -> PlacedPorts | None:
        """Ports at a media node, where there are nodes; both legs of a call prefer the same one."""
        if not isinstance(self._engine, Elsewhere):
            return None
        first = channel.parent or channel
        return await self._engine.place(channel.profile.rtp_ip, first.uuid)

    def _pool_for(self, profile: Profile, peer: str, seen: Seen) -> RtpPool | None:
        """Where the ports of a leg come from whose peer has to pass our gateway."""
        if not profile.mapped:
            return None
        if profile.ipv6:  # nothing is translated there, but the firewall keeps strangers out
            return None if profile.is_near(peer) else self.pool6
        return self.pool if seen.far else None
