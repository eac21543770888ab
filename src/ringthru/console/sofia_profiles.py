"""How ``sofia status profile`` shows a profile, and the phones that are registered with it.

Lives here: FreeSWITCH's labels, those of 2009 too. Never here: a profile, which of them is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from ..switch.snapshots import ProfileSnapshot, RegistrationSnapshot, SubscriptionSnapshot
from .text import RULE, visible

NOT_SET: Final = "N/A"


def presence_hosts(profile: ProfileSnapshot) -> str:
    """FreeSWITCH's two names for one address, and what ``presence-hosts`` adds to them."""
    return ",".join((profile.sip_ip, profile.sip_ip, *profile.presence_hosts))


Rows = list[tuple[str, str]]
Fields = Callable[[ProfileSnapshot], Rows]


def profile_text(profile: ProfileSnapshot, fields: Fields | None = None, asked: str = "") -> str:
    """The block of ``sofia status profile NAME``: a rule above it, none below; ``asked`` is that name."""
    rows = asked_by((fields or profile_fields)(profile), asked)
    return RULE + "\n" + "".join(f"{label:<17}\t{visible(value)}\n" for label, value in rows)


def asked_by(rows: Rows, name: str) -> Rows:
    """The rows as they are; by an alias that one heads them, and says whose it is."""
    own = rows[0][1]
    return rows if name in ("", own) else [("Name", name), rows[1], ("Alias Of", own), *rows[2:]]


def fields_of_2009(profile: ProfileSnapshot) -> Rows:
    """As FreeSWITCH had them then: one list of codecs, STUN's settings, and nothing of what came later."""
    later = ("Auto-NAT", "MAX-RECV-RPS", "CODECS OUT", "REGISTRATIONS")
    kept = [("CODECS" if name == "CODECS IN" else name, value) for name, value in profile_fields(profile)]
    at = [name for name, _ in kept].index("AGGRESSIVENAT") + 1
    stun = (("STUN-ENABLED", profile.stun_enabled), ("STUN-AUTO-DISABLE", profile.stun_auto_disable))
    kept[at:at] = [(name, _truth(value)) for name, value in stun]
    return [each for each in kept if each[0] not in later]


def profile_fields(profile: ProfileSnapshot) -> Rows:
    return [*_identity(profile), *_addresses(profile), *_settings(profile), *_counters(profile)]


def _identity(profile: ProfileSnapshot) -> Rows:
    return [
        ("Name", profile.name),
        ("Domain Name", NOT_SET),
        ("Auto-NAT", _truth(profile.auto_nat)),
        ("DBName", f"sofia_reg_{profile.name}"),
        ("Pres Hosts", presence_hosts(profile)),
        ("Dialplan", profile.dialplan),
        ("Context", profile.context),
        ("Challenge Realm", profile.challenge_realm or "auto_to"),
    ]


def _addresses(profile: ProfileSnapshot) -> Rows:
    """What a profile has none of has no line: an external address, TLS, anything but TLS."""
    lines = [
        ("RTP-IP", profile.rtp_ip),
        ("Ext-RTP-IP", profile.ext_rtp_ip),
        ("SIP-IP", profile.sip_ip),
        ("Ext-SIP-IP", profile.ext_sip_ip),
        ("URL", profile.url),
        ("BIND-URL", profile.bind_url),
        ("TLS-URL", profile.tls_url),
        ("TLS-BIND-URL", profile.tls_bind_url),
    ]
    return [(label, value) for label, value in lines if value is not None]


def _settings(profile: ProfileSnapshot) -> Rows:
    return [
        ("HOLD-MUSIC", profile.hold_music or NOT_SET),
        ("OUTBOUND-PROXY", profile.outbound_proxy or NOT_SET),
        ("CODECS IN", ",".join(profile.codecs_in)),
        ("CODECS OUT", ",".join(profile.codecs_out)),
        ("TEL-EVENT", str(profile.telephone_event)),
        ("DTMF-MODE", profile.dtmf_mode),
        ("CNG", str(profile.comfort_noise)),
        ("SESSION-TO", str(profile.session_timeout)),
        ("MAX-DIALOG", str(profile.max_dialog)),
        ("MAX-RECV-RPS", str(profile.max_recv_rps)),
        ("NOMEDIA", _truth(profile.no_media)),
        ("LATE-NEG", _truth(profile.late_negotiation)),
        ("PROXY-MEDIA", _truth(profile.proxy_media)),
        ("AGGRESSIVENAT", _truth(profile.aggressive_nat)),
        *((("USER-AGENT-FILTER", profile.user_agent_filter),) if profile.user_agent_filter else ()),
    ]


def _counters(profile: ProfileSnapshot) -> Rows:
    return [
        ("CALLS-IN", str(profile.calls_in)),
        ("FAILED-CALLS-IN", str(profile.failed_calls_in)),
        ("CALLS-OUT", str(profile.calls_out)),
        ("FAILED-CALLS-OUT", str(profile.failed_calls_out)),
        ("REGISTRATIONS", str(profile.registrations)),
    ]


def _truth(value: bool) -> str:
    return "true" if value else "false"


def registrations_text(chosen: Iterable[RegistrationSnapshot], hostname: str, now: float) -> str:
    """The block of ``sofia status profile NAME reg``; ``now`` is the wall clock, in seconds."""
    chosen = list(chosen)
    rows = "".join(_registration(each, hostname, now) for each in chosen)
    return f"\nRegistrations:\n{RULE}\n{rows}Total items returned: {len(chosen)}\n{RULE}\n"


def _registration(binding: RegistrationSnapshot, hostname: str, now: float) -> str:
    lines = registration_fields(binding, hostname, now)
    return "".join(f"{label}\t{visible(value)}\n" for label, value in lines) + "\n"


def subscriptions_text(chosen: Iterable[SubscriptionSnapshot]) -> str:
    """The block of ``sofia status profile NAME sub``, in the form of the one for registrations; ours."""
    chosen = list(chosen)
    rows = "".join(_subscription(each) for each in chosen)
    return f"\nSubscriptions:\n{RULE}\n{rows}Total items returned: {len(chosen)}\n{RULE}\n"


def _subscription(shown: SubscriptionSnapshot) -> str:
    told = f"{shown.notified} times{', the last not answered yet' if shown.waits else ''}"
    lines = (
        ("Call-ID:    ", shown.call_id),
        ("User:       ", shown.watcher),
        ("Event:      ", shown.package),
        ("Watches:    ", shown.watched),
        ("Notified:   ", told),
        ("EXPSECS:    ", str(int(shown.expires_in))),
        ("IP:         ", shown.place.host),
        ("Port:       ", str(shown.place.port)),
        ("Transport:  ", shown.transport),
    )
    return "".join(f"{label}\t{visible(value)}\n" for label, value in lines) + "\n"


def registration_fields(
    binding: RegistrationSnapshot, hostname: str, now: float
) -> tuple[tuple[str, str], ...]:
    expires = datetime.fromtimestamp(now + binding.expires_in).strftime("%Y-%m-%d %H:%M:%S")
    return (
        ("Call-ID:    ", binding.call_id),
        ("User:       ", binding.user),
        ("Contact:    ", binding.contact),
        ("Agent:      ", binding.agent),
        (
            "Status:     ",
            f"Registered({binding.state.value})(unknown) EXP({expires}) EXPSECS({int(binding.expires_in)})",
        ),
        ("Ping-Status:", "Reachable" if binding.reachable else "Unreachable"),
        ("Ping-Time:", f"{binding.ping_seconds * 1000:.2f}"),
        ("Host:       ", hostname),
        ("IP:         ", binding.source.host),
        ("Port:       ", str(binding.source.port)),
        ("Auth-User:  ", binding.auth_user),
        ("Auth-Realm: ", binding.auth_realm),
        ("MWI-Account:", binding.mwi_account or binding.user),
    )
