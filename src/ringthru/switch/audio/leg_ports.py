"""Which ports a leg's media takes, and what its peer is told of them.

Lives here: mapped ports for peers beyond a gateway, ports of our own for all others.
Never here: the SDP (``leg_media``), mappings themselves (``rtp_pool``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ...media import (
    MOST_THRESHOLD,
    PLAIN,
    RTP_THRESHOLD,
    Codes,
    Confirmed,
    Elsewhere,
    Engine,
    KeyHeard,
    Latched,
    Moved,
    PlacedPorts,
    Ports,
    Timeout,
)
from ..addresses.rtp_pool import MappedPair, RtpPool
from ..addresses.stun_pairs import SeenPair, StunPairs
from ..calls import dtmf
from ..calls.causes import HangupCause
from ..calls.channel import Channel
from ..configuration import AddressKind, ProfileSettings
from ..dialing import leg_variables
from ..dialing.dialstring import truth
from ..dialing.loopback import HERE
from . import secure_media
from .codec_choice import needs_coding
from .leg_media import LegMedia

if TYPE_CHECKING:
    from ..profiles.profile import Profile
    from ..reachability import Seen

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class LegPorts:
    """One switch's."""

    def __init__(self, engine: Engine, spawn: Spawn, lookup: secure_media.Lookup) -> None:
        """``spawn`` runs something beside; ``lookup`` knows the variables of a leg, and global ones."""
        self._lookup = lookup
        self.pool: RtpPool | None = None  # set while far peers reach us through a gateway
        self.pool6: RtpPool | None = None  # the same through the firewall of IPv6
        self.seen: dict[tuple[str, str], StunPairs] = {}  # by STUN server and address of ours
        self._engine = engine
        self._spawn = spawn

    def close(self) -> None:
        """Let go of what is held ready."""
        for pool in (self.pool, self.pool6, *self.seen.values()):
            if pool is not None:
                pool.close()
        self.seen.clear()

    def leave(self) -> None:
        """Let go of what is held ready at an address that is ours no more; others are made when asked."""
        for pool in (self.pool, self.pool6):
            if pool is not None:
                pool.leave()
        self.pool = self.pool6 = None

    def ask_by_stun(self, profiles: Iterable[Profile]) -> None:
        """Hold pairs ready that ask the STUN servers of these profiles' ``ext-rtp-ip``, and no others."""
        wanted = {key for each in profiles if (key := _stun_key(each)) is not None}
        for key in self.seen.keys() - wanted:
            self.seen.pop(key).close()
        for key in wanted - self.seen.keys():
            server, host = key
            self.seen[key] = StunPairs(self._engine, host, server)
            self.seen[key].fill()

    async def open(self, channel: Channel, peer: str) -> LegMedia:
        """Ports for a leg: mapped ones for a far peer, where there are any."""
        profile, inner = channel.profile, channel.inner
        seen = profile.seen_by(peer)
        profile.talks_to(peer, seen)
        secure = PLAIN if inner else secure_media.wanted(channel, self._lookup)
        here = inner or secure_media.is_wanted(channel, secure)  # media nodes are told nothing of SRTP
        distant = None if here else await self._placed(channel)
        pool = self._pool_for(profile, peer, seen) if distant is None else None
        mapped = pool.take() if pool is not None else None
        ports = distant or mapped or self._engine.reserve(HERE if inner else profile.next_rtp_ip())
        own = profile.media_host(seen, ports.host)
        media = LegMedia(
            self._engine,
            ports,
            HERE if inner else leg_variables.advertised_host(channel.variables, seen, own),
            session_id=channel.serial,
            name=channel.name,
            **_patience(channel),
            telephone_event=profile.settings.rfc2833_pt if profile.settings.dtmf_type == "rfc2833" else None,
            mux=profile.settings.rtcp_mux,
            # not the channel: it has the media
            learns_after=partial(_learns_after, profile.settings, channel.variables),
            may_speak_first=_who_may_be_spoken_to(channel, peer, seen, isinstance(mapped, MappedPair)),
            on_close=partial(self._give_back, pool, mapped),
            secure=secure if distant is None else PLAIN,
            unmapped=_why_unmapped(pool, mapped),
            on_agreed=lambda negotiated: secure_media.note(channel, negotiated.srtp),
        )
        media.subscribe(partial(_on_media, channel, media))
        return media

    def _give_back(
        self, pool: RtpPool | StunPairs | None, used: MappedPair | SeenPair | Ports | None
    ) -> None:
        """A leg's media is closed: its mappings, if it had any, go back."""
        if isinstance(pool, RtpPool) and isinstance(used, MappedPair):
            self._spawn(pool.give_back(used))

    def admit(self, channel: Channel, other: Channel) -> None:
        """See whether two legs can be joined, before the caller is answered.

        Raises:
            EngineFull: they need transcoding, of which there is no more.
        """
        if isinstance(self._engine, Codes) and needs_coding(channel, other):
            self._engine.admit()

    def wire(self, channel: Channel) -> LegMedia:
        """The other end of an inner channel whose peer is no channel: a sound device's, say.

        Raises:
            NoFreePorts, EngineFull: there is no room for it.
        """
        return LegMedia(
            self._engine,
            self._engine.reserve(HERE),
            HERE,
            session_id=channel.serial,
            name=f"{channel.name} wire",
            rtp_timeout=math.inf,
            hold_timeout=math.inf,
            telephone_event=None,
        )

    async def _placed(self, channel: Channel) -> PlacedPorts | None:
        """Ports at a media node, where there are nodes; both legs of a call prefer the same one."""
        if not isinstance(self._engine, Elsewhere):
            return None
        first = channel.parent or channel
        return await self._engine.place(channel.profile.rtp_ip, first.uuid)

    def _pool_for(self, profile: Profile, peer: str, seen: Seen) -> RtpPool | StunPairs | None:
        """Where the ports of a leg come from whose peer has to pass our gateway."""
        if profile.ipv6:  # nothing is translated there, but the firewall keeps strangers out
            return self.pool6 if profile.mapped and not profile.is_near(peer) else None
        if not seen.far:
            return None
        pool = self.pool if profile.mapped else None
        key = _stun_key(profile)
        return pool or (self.seen.get(key) if key is not None else None)


def _why_unmapped(pool: object, taken: object) -> str:
    """Why a leg whose peer has to pass our gateway got ports that are not mapped; empty where it did not."""
    return pool.why_none if isinstance(pool, RtpPool) and not isinstance(taken, MappedPair) else ""


def _patience(channel: Channel) -> dict[str, float]:
    """How long a leg bears silence, while it talks and while it is held; an inner one for ever."""
    settings = channel.profile.settings
    if channel.inner:
        return {"rtp_timeout": math.inf, "hold_timeout": math.inf}
    return {
        "rtp_timeout": settings.rtp_timeout_sec or math.inf,
        "hold_timeout": settings.rtp_hold_timeout_sec or math.inf,
    }


def _who_may_be_spoken_to(channel: Channel, peer: str, seen: Seen, mapped: bool) -> Callable[[str], bool]:
    """To which addresses of an SDP audio goes before any came from there.

    A stranger's SDP must not aim our audio at a third party. But where no mapping lets the peer in, our own
    packets must open the way.
    """
    profile, guarded = channel.profile, channel.stranger and mapped

    def may(host: str) -> bool:
        return not seen.far or ((host == peer or not guarded) and profile.is_public(host))

    return may


def _on_media(channel: Channel, media: LegMedia, event: object) -> None:
    """What the engine tells of a leg."""
    if isinstance(event, Timeout):
        if media.aside is None:
            channel.hang_up(HangupCause.MEDIA_TIMEOUT)
    elif isinstance(event, Confirmed):
        if event.kind == "audio":
            media.direct = True
            if channel.bridge is not None:
                channel.bridge.follow()
    elif isinstance(event, Latched):
        if event.kind == "audio":
            channel.variables |= _learnt(event)
    elif isinstance(event, KeyHeard):
        dtmf.heard(channel, event.key, event.milliseconds, dtmf.BY_RTP)
    elif isinstance(event, Moved):
        media.move_to(media.advertised.host)
        channel.offer_again()


def _stun_key(profile: Profile) -> tuple[str, str] | None:
    """Whom a profile's RTP sockets ask for their ports, and the address that they are bound to."""
    setting = profile.settings.ext_rtp_ip
    asks = setting.kind is AddressKind.STUN and not profile.ipv6
    return (setting.value, profile.rtp_ip) if asks else None


def _learnt(event: Latched) -> dict[str, str]:
    """What FreeSWITCH notes of audio that comes from elsewhere than the SDP said."""
    return {
        "rtp_auto_adjust_audio": "true",
        "remote_audio_ip": event.now.host,
        "remote_audio_port": str(event.now.port),
        "remote_audio_ip_reported": event.was.host,
        "remote_audio_port_reported": str(event.was.port),
    }


def _learns_after(settings: ProfileSettings, variables: Mapping[str, str]) -> int:
    """How many packets from elsewhere make a leg's audio follow its peer there; 0: it never does.

    ``rtp_auto_adjust_threshold`` says it for one leg, as in FreeSWITCH.
    """
    if settings.disable_rtp_auto_adjust or truth(variables.get("disable_rtp_auto_adjust")):
        return 0
    text = variables.get("rtp_auto_adjust_threshold", "")
    packets = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    return min(packets, MOST_THRESHOLD) or RTP_THRESHOLD
