"""What a profile shows of itself, and what it counts.

Lives here: the snapshot. Never here: the text that faces make of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...net.values import record
from ...sip import Direction
from ..snapshots import ProfileSnapshot
from .profile_urls import urls_of

if TYPE_CHECKING:
    from .profile import Profile


@record
class Counters:
    """Calls since the profile started, as ``sofia status profile`` shows them."""

    sessions: int = 0
    calls_in: int = 0
    failed_calls_in: int = 0
    calls_out: int = 0
    failed_calls_out: int = 0

    def began(self, direction: Direction) -> None:
        self.sessions += 1
        if direction is Direction.INBOUND:
            self.calls_in += 1
        else:
            self.calls_out += 1

    def finished(self, direction: Direction, answered: bool) -> None:
        self.sessions -= 1
        if answered:
            return
        if direction is Direction.INBOUND:
            self.failed_calls_in += 1
        else:
            self.failed_calls_out += 1


def snapshot_of(profile: Profile, registrations: int) -> ProfileSnapshot:
    """``registrations`` is the number of them on this profile."""
    settings, addresses = profile.settings, profile.addresses()
    urls = urls_of(addresses, settings, profile.transports.served)
    return ProfileSnapshot(
        name=profile.name,
        aliases=profile.aliases,
        auto_nat=addresses.auto_nat,
        running=profile.running,
        sip_ip=addresses.sip.host,
        sip_port=addresses.sip.port,
        rtp_ip=addresses.rtp_ip,
        ext_sip_ip=addresses.ext_sip.host if addresses.ext_sip else None,
        ext_sip_port=addresses.ext_sip.port if addresses.ext_sip else addresses.sip.port,
        ext_rtp_ip=addresses.ext_rtp_ip,
        url=urls.plain,
        bind_url=urls.plain_bind,
        tls_url=urls.tls,
        tls_bind_url=urls.tls_bind,
        dialplan=settings.dialplan,
        context=settings.context,
        challenge_realm=settings.challenge_realm,
        hold_music=settings.hold_music,
        outbound_proxy=profile.settings.outbound_proxy,
        codecs_in=tuple(codec.name for codec in profile.codecs),
        codecs_out=tuple(codec.name for codec in profile.codecs_out),
        telephone_event=settings.rfc2833_pt,
        dtmf_mode=settings.dtmf_type,
        comfort_noise=13,
        session_timeout=settings.session_timeout,
        max_dialog=0,
        max_recv_rps=1000,
        no_media=settings.inbound_bypass_media,
        late_negotiation=settings.inbound_late_negotiation,
        proxy_media=False,
        aggressive_nat=settings.aggressive_nat_detection,
        sessions=profile.counters.sessions,
        calls_in=profile.counters.calls_in,
        failed_calls_in=profile.counters.failed_calls_in,
        calls_out=profile.counters.calls_out,
        failed_calls_out=profile.counters.failed_calls_out,
        registrations=registrations,
        presence_hosts=settings.presence_hosts,
        stun_enabled=settings.stun_enabled,
        stun_auto_disable=settings.stun_auto_disable,
        user_agent_filter=wanted.text if (wanted := settings.registration.user_agent_filter) else "",
    )
