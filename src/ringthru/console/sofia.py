"""The command ``sofia``: profiles, their addresses, and the phones registered with them.

Lives here: FreeSWITCH's layouts.
Never here: a profile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from ..switch.snapshots import ProfileSnapshot, RegistrationSnapshot, SwitchSnapshot, TrunkSnapshot
from .commands import Command
from .sofia_data import SofiaData, is_user
from .sofia_profile import PHRASES, recovered, sofia_global, sofia_profile
from .sofia_profile import USAGE as PROFILE_USAGE
from .switch_like import SwitchLike
from .text import RULE, count, visible, words_of

FRAME: Final = "-" * 80
USAGE: Final = f"""USAGE:
{FRAME}
{PROFILE_USAGE}sofia status
sofia status profile <name> [reg [<contact str>]] | [pres <pres str>] | [user <user@domain>]
sofia status gateway [<name>]
sofia <xmlstatus|jsonstatus> [profile <name> [reg [<contact str>] | user <user@domain>] | gateway [<name>]]
sofia recover [flush]

sofia help
{FRAME}
"""
NO_LEVELS: Final = "-ERR there are no such levels here; 'sofia global siptrace on' shows every message\n"
NOT_SET: Final = "N/A"
COLUMNS: Final = ("State", "Ping Time", "IB Calls(F/T)", "OB Calls(F/T)")


async def sofia(switch: SwitchLike, arguments: str) -> str:
    words = words_of(arguments)
    match words:
        case [] | ["help", *_]:
            return USAGE
        case ["profile", *rest]:
            return await sofia_profile(switch, rest)
        case ["global", *rest]:
            return await sofia_global(switch, rest)
        case ["status"]:
            return status_text(switch.snapshot())
        case ["status", "profile", name, *rest]:
            return _profile(switch.snapshot(), name, rest, switch.layout)
        case ["status", "gateway"]:
            return gateways_text(switch.snapshot().trunks)
        case ["status", "gateway", name, *_]:
            return _gateway(switch.snapshot().trunks, name)
        case ["status", *_]:
            return "Invalid Syntax!\n"
        case ["recover", *rest]:
            return recovered(rest, "calls")
        case ["loglevel" | "tracelevel", *_]:
            return NO_LEVELS
        case [("xmlstatus" | "jsonstatus") as form, *rest]:
            return _data(switch.snapshot()).answer(form.removesuffix("status"), rest)
    return f"Unknown Command [{visible(words[0])}]\n"


def status_text(snapshot: SwitchSnapshot) -> str:
    """The table of ``sofia status``: running profiles and their aliases, by name."""
    running = [each for each in snapshot.profiles if each.running]
    rows = [
        (each.name, "profile", url, f"RUNNING ({each.sessions}){mark}")
        for each in running
        for url, mark in ((each.url, ""), (each.tls_url, " (TLS)"))
        if url is not None
    ]
    aliases = [(alias, "  alias", each.name, "ALIASED") for each in running for alias in each.aliases]
    trunks = [
        (f"{each.profile}::{each.name}", "gateway", each.to_uri, trunk_state(each))
        for each in snapshot.trunks
    ]
    lines = [_row("Name", "   Type", "Data", "State"), RULE]
    lines += [_row(*row) for row in sorted(rows + aliases + trunks)]
    lines += [RULE, f"{count(len(running), 'profile')} {count(len(aliases), 'alias', 'es')}"]
    return "".join(line + "\n" for line in lines)


def _row(name: str, kind: str, data: str, state: str) -> str:
    return f"{visible(name):>25}\t{kind}\t  {visible(data):>40}\t{state}"


def _profile(snapshot: SwitchSnapshot, name: str, rest: list[str], layout: str) -> str:
    profile = next((each for each in snapshot.profiles if name == each.name or name in each.aliases), None)
    if profile is None:
        return "Invalid Profile!\n"
    ours = [each for each in snapshot.registrations if each.profile == profile.name]
    old = layout != "current"
    text = profile_text(profile, _fields_of_2009 if old else _fields)
    match rest:
        case []:
            return text + (registrations_text(ours, snapshot.hostname, time.time()) if old else "")
        case ["reg"]:
            chosen = ours
        case ["reg", part]:
            chosen = [each for each in ours if part in each.contact]
        case ["pres", part]:
            chosen = ours if part in presence_hosts(profile) else []
        case ["user", user]:
            chosen = [each for each in ours if is_user(each, user)]
        case _:
            return "Invalid Syntax!\n"
    return registrations_text(chosen, snapshot.hostname, time.time())


def presence_hosts(profile: ProfileSnapshot) -> str:
    return f"{profile.sip_ip},{profile.sip_ip}"


Fields = Callable[[ProfileSnapshot], list[tuple[str, str]]]


def profile_text(profile: ProfileSnapshot, fields: Fields | None = None) -> str:
    """The block of ``sofia status profile NAME``: a rule above it, none below."""
    rows = (fields or _fields)(profile)
    return RULE + "\n" + "".join(f"{label:<17}\t{visible(value)}\n" for label, value in rows)


def _fields_of_2009(profile: ProfileSnapshot) -> list[tuple[str, str]]:
    """As FreeSWITCH had them then: one list of codecs, STUN's settings, and nothing of what came later."""
    later = ("Auto-NAT", "MAX-RECV-RPS", "CODECS OUT", "REGISTRATIONS")
    kept = [("CODECS" if name == "CODECS IN" else name, value) for name, value in _fields(profile)]
    at = [name for name, _ in kept].index("AGGRESSIVENAT") + 1
    stun = (("STUN-ENABLED", profile.stun_enabled), ("STUN-AUTO-DISABLE", profile.stun_auto_disable))
    kept[at:at] = [(name, _truth(value)) for name, value in stun]
    return [each for each in kept if each[0] not in later]


def _fields(profile: ProfileSnapshot) -> list[tuple[str, str]]:
    return [*_identity(profile), *_addresses(profile), *_settings(profile), *_counters(profile)]


def _identity(profile: ProfileSnapshot) -> list[tuple[str, str]]:
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


def _addresses(profile: ProfileSnapshot) -> list[tuple[str, str]]:
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


def _settings(profile: ProfileSnapshot) -> list[tuple[str, str]]:
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
    ]


def _counters(profile: ProfileSnapshot) -> list[tuple[str, str]]:
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


def _data(snapshot: SwitchSnapshot) -> SofiaData:
    now = time.time()
    return SofiaData(
        snapshot,
        _fields,
        lambda binding: _registration_fields(binding, snapshot.hostname, now),
        lambda trunk: [*_trunk_settings(trunk), *_trunk_state(trunk)],
        trunk_state,
    )


def _registration(binding: RegistrationSnapshot, hostname: str, now: float) -> str:
    lines = _registration_fields(binding, hostname, now)
    return "".join(f"{label}\t{visible(value)}\n" for label, value in lines) + "\n"


def _registration_fields(
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


def trunk_state(trunk: TrunkSnapshot) -> str:
    """FreeSWITCH's state, with the seconds to the next try where it waits for one."""
    if trunk.state not in ("TRYING", "FAILED", "FAIL_WAIT"):
        return trunk.state
    return f"{trunk.state} (retry: {'NEVER' if trunk.next_try is None else f'{trunk.next_try:.0f}s'})"


def gateways_text(trunks: Iterable[TrunkSnapshot]) -> str:
    """The table of ``sofia status gateway``."""
    trunks = sorted(trunks, key=lambda each: (each.profile, each.name))
    lines = ["\t".join((f"{'Profile::Gateway-Name':>25}", f"{'   Data    ':>32}", *COLUMNS)), RULE]
    for each in trunks:
        name = f"{visible(each.profile)}::{visible(each.name)}"
        calls = (
            f"{each.failed_calls_in}/{each.calls_in}",
            f"{each.failed_calls_out}/{each.calls_out}",
        )
        ping = f"{each.ping_seconds * 1000:.2f}"
        lines.append("\t".join((f"{name:>25}", f"{visible(each.to_uri):>32}", each.state, ping, *calls)))
    inside = f"{sum(each.failed_calls_in for each in trunks)}/{sum(each.calls_in for each in trunks)}"
    outside = f"{sum(each.failed_calls_out for each in trunks)}/{sum(each.calls_out for each in trunks)}"
    total = (
        f"{count(len(trunks), 'gateway')}: Inbound(Failed/Total): {inside},Outbound(Failed/Total):{outside}"
    )
    return "".join(line + "\n" for line in (*lines, RULE, total))


def _gateway(trunks: Iterable[TrunkSnapshot], name: str) -> str:
    found = next((each for each in trunks if name in (each.name, f"{each.profile}::{each.name}")), None)
    return "Invalid Gateway!\n" if found is None else gateway_text(found)


def gateway_text(trunk: TrunkSnapshot) -> str:
    """The block of ``sofia status gateway NAME``; ``Contact`` is the address the provider has of us."""
    rows = (*_trunk_settings(trunk), *_trunk_state(trunk))
    lines = (f"{label:<8}\t{visible(value)}\n" for label, value in rows)
    return f"{RULE}\n{''.join(lines)}{RULE}\n"


def _trunk_settings(trunk: TrunkSnapshot) -> list[tuple[str, str]]:
    return [
        ("Name", trunk.name),
        ("Profile", trunk.profile),
        ("Scheme", "Digest"),
        ("Realm", trunk.realm),
        ("Username", trunk.username),
        ("Password", "yes" if trunk.has_password else "no"),
        ("From", f"<{trunk.from_uri}>"),
        ("Contact", f"<{trunk.contact}>"),
        ("Exten", trunk.extension),
        ("To", trunk.to_uri),
        ("Proxy", trunk.proxy),
        ("Context", trunk.context),
        ("Expires", str(trunk.expires)),
    ]


def _trunk_state(trunk: TrunkSnapshot) -> list[tuple[str, str]]:
    granted = trunk.expires if trunk.expires_in is None else trunk.expires_in
    return [
        ("Freq", f"{granted:.0f}"),
        ("Ping", str(int(trunk.ping_reachable)) if trunk.ping_interval else "0"),
        ("PingFreq", str(trunk.ping_interval)),
        ("PingTime", f"{trunk.ping_seconds * 1000:.2f}"),
        ("PingState", f"{trunk.ping_min}/{trunk.ping_count}/{trunk.ping_max}"),
        ("State", trunk.state),
        ("Status", ("UP" if trunk.up else "DOWN") + (" (ping)" if trunk.ping_interval else "")),
        ("Uptime", f"{trunk.uptime:.0f}s"),
        ("CallsIN", str(trunk.calls_in)),
        ("CallsOUT", str(trunk.calls_out)),
        ("FailedCallsIN", str(trunk.failed_calls_in)),
        ("FailedCallsOUT", str(trunk.failed_calls_out)),
    ]


def commands() -> list[Command]:
    return [
        Command(
            "sofia",
            "<cmd> <args>",
            "Sofia Controls",
            sofia,
            (
                *("help", "status", "status profile {profile}", "status profile {profile} reg"),
                *("xmlstatus", "xmlstatus profile {profile}", "jsonstatus", "jsonstatus profile {profile}"),
                *("status gateway", "profile restart all", "global siptrace on", "global siptrace off"),
                *(f"profile {{profile}} {each}" for each in PHRASES),
            ),
            home="mod_sofia",
            details=(
                ("sofia status", "the SIP profiles, their addresses, the calls on each"),
                ("sofia status profile <name>", "one profile in full, with its external addresses"),
                ("sofia status profile <name> reg", "the phones registered with it"),
                ("sofia status gateway [<name>]", "the SIP providers, and how each registration goes"),
                ("sofia xmlstatus | jsonstatus …", "the same for programs"),
                ("sofia profile <name> rescan", "take its parameters and new gateways; no call drops"),
                ("sofia profile <name> restart", "open its sockets anew; its calls end"),
                ("sofia profile <name> start | stop", "begin or end to serve"),
                ("sofia profile <name> flush_inbound_reg [<user>@<domain>]", "forget where phones are"),
                ("sofia profile <name> register | unregister <gateway> | all", "with a provider"),
                ("sofia profile <name> killgw | startgw <gateway>", "forget a provider, or take a new one"),
                ("sofia profile <name> siptrace on | off", "every SIP message to the log"),
            ),
        )
    ]
