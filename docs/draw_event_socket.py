"""The event socket's reference: commands, events, headers of a channel."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from draw_code import table

from ringthru.event_socket.commands import COMMANDS
from ringthru.event_socket.connection import LOST
from ringthru.media import PCMU
from ringthru.sip import Direction
from ringthru.switch.calls.caller import Caller
from ringthru.switch.events.channel_data import FIELD_VARIABLES, channel_headers
from ringthru.switch.events.names import SUBCLASSES, TOLD

SAID = {  # after each command, and what it is for
    "exit": ("", "goodbye, and the end"),
    "sendevent": ("NAME, headers, a body", "tell everybody who listens"),
    "sendmsg": (
        "[UUID], headers, a body",
        "have a call do something: `execute`, `hangup`, `unicast`, `nomedia`, `xferext`",
    ),
    "api": ("COMMAND", "run a command of the console; `console_execute: true`: several, with `;;`"),
    "bgapi": ("COMMAND", "the same; its body comes as `BACKGROUND_JOB`. `Job-UUID:` names it"),
    "filter": ("[add|delete] HEADER [VALUE]", "let only some events through; `delete all`"),
    "event": ("[plain|json|xml] NAMES", "hear these events too"),
    "nixevent": ("NAMES", "these no more"),
    "noevents": ("", "none at all"),
    "myevents": ("[UUID] [plain|json|xml]", "all of one channel, in an outbound connection its own"),
    "divert_events": (
        "on|off",
        "have the keys pressed on the call to itself: they come unasked, and to nobody else",
    ),
    "nolinger": ("", "take `linger` back"),
    "linger": ("[SECONDS]", "stay connected after the hangup"),
    "nolog": ("", "no more lines of the log"),
    "log": ("[LEVEL]", "lines of the log, up to a level 0–7 or its name"),
    "getvar": ("NAME", "a variable of the call"),
    "connect": ("", "all about the call"),
    "resume": ("", "the dialplan goes on when the program leaves; else a call with `async` stays parked"),
}
WHEN = {
    "API": ("a command is run, by whatever face", "API-Command, API-Command-Argument"),
    "BACKGROUND_JOB": (
        "a `bgapi` has ended; the body is its answer",
        "Job-UUID, Job-Owner-UUID, Job-Command, Job-Command-Arg",
    ),
    "CHANNEL_ANSWER": ("a leg is answered", ""),
    "CHANNEL_BRIDGE": ("two legs hear each other", "Bridge-A-Unique-ID, Bridge-B-Unique-ID"),
    "CHANNEL_CALLSTATE": ("a call's state is another one", "Original-Channel-Call-State"),
    "CHANNEL_CREATE": ("a leg is there", ""),
    "CHANNEL_DESTROY": ("a leg is gone", ""),
    "CHANNEL_EXECUTE": ("an application begins", "Application, Application-Data, Application-UUID"),
    "CHANNEL_EXECUTE_COMPLETE": ("it has ended", "the same, Application-Response"),
    "CHANNEL_HANGUP": ("a leg is over", "Hangup-Cause"),
    "CHANNEL_HANGUP_COMPLETE": (
        "and everything of it is known",
        "Hangup-Cause, variable_rtp_audio_in_mos …, variable_duration, …_billsec, …_waitsec, "
        "…_start_epoch, …_answer_epoch, …_end_epoch",
    ),
    "CHANNEL_HOLD": ("a phone holds the call", ""),
    "CHANNEL_ORIGINATE": ("an INVITE has gone out", ""),
    "CHANNEL_OUTGOING": ("a leg is about to be called", ""),
    "CHANNEL_PARK": ("a leg is parked", ""),
    "CHANNEL_PROGRESS": ("it rings", ""),
    "CHANNEL_PROGRESS_MEDIA": ("it is heard before the answer", ""),
    "CHANNEL_STATE": ("a leg does something else now", ""),
    "CHANNEL_UNBRIDGE": ("they do no more", "Bridge-A-Unique-ID, Bridge-B-Unique-ID"),
    "CHANNEL_UNHOLD": ("the hold has ended", ""),
    "CHANNEL_UNPARK": ("it is not any more", ""),
    "CUSTOM": ("see below", "Event-Subclass"),
    "DTMF": (
        "a key was pressed",
        "DTMF-Digit, DTMF-Duration (samples), DTMF-Source (RTP, ENDPOINT, INBAND_AUDIO)",
    ),
    "HEARTBEAT": (
        "every 20 seconds",
        "Event-Info, Up-Time, Session-Count, Max-Sessions, Session-Per-Sec, Idle-CPU …",
    ),
    "MESSAGE_WAITING": (
        "a box has other messages now",
        "MWI-Messages-Waiting, MWI-Message-Account, MWI-Voice-Message, Update-Reason (NEW, READ …)",
    ),
    "NAT": (
        "a mapping was granted, is gone, or is refused* (`op` add, del, fail*)",
        "op, port, proto (0 udp, 1 tcp), sticky, external-port*, lease*, protocol*, state*, reason*",
    ),
    "PLAYBACK_START": ("a sound begins on a leg", "Playback-File-Path, Playback-File-Type"),
    "PLAYBACK_STOP": ("it has ended, or was broken off", "the same, Playback-Status (done, break)"),
    "PRESENCE_IN": (
        "a user's leg begins, rings, is answered, held or over (`presence_id`)",
        "from (NAME@DOMAIN), status (Ringing, Active, Held, Hangup …), proto, login, rpid, event_type, "
        "alt_event_type, event_count",
    ),
    "RECORD_START": ("both sides of a leg are recorded from now on", "Record-File-Path"),
    "RECORD_STOP": ("that has ended", "Record-File-Path"),
    "SESSION_HEARTBEAT": ("a call goes on (`enable_heartbeat`, `uuid_session_heartbeat`)", ""),
    "RELOADXML": ("the configuration was read anew", ""),
    "SHUTDOWN": ("the switch stops", "Event-Info"),
    "TRAP": (
        "the gateway's address is another one, or none* (network-external-address-lost*); or our own is",
        "condition, network-external-address-previous-v4, network-external-address-change-v4, reason*, "
        "network-address-previous-v4, network-address-change-v4",
    ),
    "conference::maintenance": (
        "a conference gains or loses a member, or one is muted, deafened, sent away",
        "Conference-Name, Conference-Size, Member-ID, Action",
    ),
    "portaudio::callheld": ("a call of the console phone is held", "those of a channel, call_id"),
    "portaudio::callresumed": ("it is the active one again", "as `portaudio::callheld`"),
    "portaudio::makecall": ("the console phone calls", "as `portaudio::callheld`"),
    "portaudio::ringing": ("it rings, each time", "as `portaudio::callheld`"),
    "sofia::register": (
        "a phone registered, or refreshed",
        "profile-name, from-user, from-host, contact, call-id, status, expires, network-ip, network-port,"
        " username, realm, user-agent …",
    ),
    "sofia::register_failure": (
        "a password was wrong",
        "profile-name, to-user, to-host, network-ip, user-agent, registration-type, reason*",
    ),
    "sofia::unregister": ("a phone left", "as `sofia::register`"),
    "sofia::expire": (
        "a registration ran out, or its phone does not answer",
        "profile-name, call-id, user, host, contact, expires, user-agent, realm, reason*",
    ),
    "sofia::error": (
        "a text (MESSAGE) was for somebody who is registered nowhere; it is the body",
        "Error-Type (chat), Error-Reason (no recipient), Chat-Send-To, Chat-Send-From, Chat-Send-Profile",
    ),
    "sofia::gateway_state": (
        "a registration with a provider is in another state, or its pings are",
        "Gateway, State, Ping-Status, Phrase, Status, profile-name*",
    ),
    "sofia::profile_start": ("a profile listens", "module_name, profile_name, profile_uri"),
    "valet_parking::info": (
        "a call is parked, fetched, or no longer there",
        "Valet-Lot-Name, Valet-Extension, Action (hold, bridge, exit), Bridge-To-UUID, Unique-ID …",
    ),
    "vm::maintenance": (
        "a message was left, a box was opened, or has other messages or another PIN now (`VM-Action`: "
        "leave-message, authentication, mwi-update, change-password)",
        "VM-Action, VM-User, VM-Domain; VM-Caller-ID-Name, VM-Caller-ID-Number, VM-File-Path, VM-UUID, "
        "VM-Message-Len, VM-Timestamp; VM-Auth-Result; VM-Total-New, VM-Total-Saved …",
    ),
    LOST: ("* to this client alone: it read too slowly", "Events-Lost"),
}


def commands() -> str:
    rows = [
        (f"`{each.prefix}`", SAID[each.prefix][0], "yes" if each.single else "", SAID[each.prefix][1])
        for each in sorted(COMMANDS, key=lambda each: each.prefix)
    ]
    return table("Command", "with", "call", "", rows=rows)


def events() -> str:
    names = [*sorted(TOLD), *SUBCLASSES, LOST]
    assert set(WHEN) == set(names), set(WHEN) ^ set(names)
    rows = [(f"`{name}`", *WHEN[name]) for name in names]
    return table("Event", "when", "headers of its own", rows=rows)


def a_channel() -> Any:
    """Whatever has all that a channel may have."""
    call = SimpleNamespace(flow=SimpleNamespace(remote=SimpleNamespace(host="", port=0)))
    return SimpleNamespace(
        state="CS_EXECUTE",
        phase=SimpleNamespace(value="ACTIVE"),
        name="sofia/internal/1000@pbx",
        uuid="",
        direction=Direction.INBOUND,
        application="",
        parent=None,
        bridged_to=None,
        cause=SimpleNamespace(name=""),
        gone=SimpleNamespace(is_set=lambda: False),
        answered=SimpleNamespace(is_set=lambda: True),
        media=SimpleNamespace(codec=PCMU),
        caller=Caller("", ""),
        call=call,
        variables={},
        dialplan="XML",
        destination="",
        context="",
        times={},
    )


def headers() -> str:
    named = [name for name, _ in channel_headers(a_channel(), variables=False)]
    return ", ".join(f"`{name}`" for name in named)


def variables() -> str:
    return ", ".join(f"`variable_{name}`" for name in FIELD_VARIABLES)


PARTS: dict[str, Callable[[], str]] = {
    "event socket commands": commands,
    "event socket events": events,
    "event socket headers": headers,
    "event socket variables": variables,
}
