"""The headers that FreeSWITCH's events have, and what their values look like: for tests to hold ours against.

Names and forms are what clients read; an event may say more than is demanded here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ringthru.switch.events.bus import SwitchEvent

Table = dict[str, str]  # of a header's name: a regular expression for its whole value

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ADDRESS = r"\d+\.\d+\.\d+\.\d+"
NUMBER = r"\d+"
MICROSECONDS = r"0|\d{16}"
BOOLEAN = "true|false"
ANY = r"[^\r\n]+"

COMMON: Table = {
    "Event-Name": r"[A-Z_]+",
    "Core-UUID": UUID,
    "FreeSWITCH-Hostname": ANY,
    "FreeSWITCH-Switchname": ANY,
    "FreeSWITCH-IPv4": ADDRESS,
    "FreeSWITCH-IPv6": r"[0-9a-f:]+",
    "Event-Date-Local": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    "Event-Date-GMT": r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
    "Event-Date-Timestamp": r"\d{16}",
    "Event-Calling-File": r"\w+\.py",
    "Event-Calling-Function": r"\w+",
    "Event-Calling-Line-Number": NUMBER,
    "Event-Sequence": NUMBER,
}
CUSTOM: Table = {"Event-Subclass": r"\w+::\w+", **COMMON}  # the subclass is the first of all

MAPPING: Table = {"op": "add|del", "port": NUMBER, "proto": "0|1"}
EXTERNAL_CHANGE: Table = {
    "condition": "network-external-address-change",
    "network-external-address-previous-v4": ADDRESS,
    "network-external-address-change-v4": ADDRESS,
}
CONTACT = r'"1000" <sip:1000@[^>]+>'
UNREGISTER: Table = {
    "profile-name": "internal",
    "from-user": "1000",
    "from-host": ANY,
    "contact": CONTACT,
    "call-id": ANY,
    "rpid": "unknown",
    "expires": NUMBER,
}
REGISTER: Table = {
    **UNREGISTER,
    "presence-hosts": ANY,
    "status": r"Registered\(\w+(-NAT[^)]*)?\)",
    "to-user": "1000",
    "to-host": ANY,
    "network-ip": ADDRESS,
    "network-port": NUMBER,
    "username": "1000",
    "realm": ANY,
    "user-agent": ANY,
}
EXPIRE: Table = {
    "profile-name": "internal",
    "call-id": ANY,
    "user": "1000",
    "host": ANY,
    "contact": CONTACT,
    "expires": NUMBER,
    "user-agent": ANY,
    "realm": ANY,
}
REGISTER_FAILURE: Table = {
    "profile-name": "internal",
    "to-user": "1000",
    "to-host": ANY,
    "network-ip": ADDRESS,
    "network-port": NUMBER,
    "user-agent": ANY,
    "registration-type": "REGISTER|INVITE",
}
ERROR: Table = {
    "Error-Type": "chat",
    "Error-Reason": "no recipient",
    "Chat-Send-To": r"1003@.+",
    "Chat-Send-From": r"sip:1000@.+",
    "Chat-Send-Profile": "internal",
}
PROFILE_START: Table = {
    "module_name": "mod_sofia",
    "profile_name": "internal|external",
    "profile_uri": rf"sip:mod_sofia@{ADDRESS}:\d+",
}
GATEWAY: Table = {"Gateway": "provider", "State": "[A-Z_]+", "Ping-Status": "UP|DOWN"}
ANSWERED: Table = {**GATEWAY, "Phrase": ANY, "Status": r"\d{3}"}
HEARTBEAT: Table = {
    "Event-Info": "System Ready",
    "Up-Time": r"\d+ years?, \d+ days?, \d+ hours?, \d+ minutes?, \d+ seconds?, \d+ milliseconds?, "
    r"\d+ microseconds?",
    "FreeSWITCH-Version": ANY,
    "Uptime-msec": NUMBER,
    "Session-Count": NUMBER,
    "Max-Sessions": NUMBER,
    "Session-Per-Sec": NUMBER,
    "Session-Per-Sec-Last": NUMBER,
    "Session-Per-Sec-Max": NUMBER,
    "Session-Per-Sec-FiveMin": NUMBER,
    "Session-Since-Startup": NUMBER,
    "Session-Peak-Max": NUMBER,
    "Session-Peak-FiveMin": NUMBER,
    "Idle-CPU": r"\d+\.\d{6}",
    "Heartbeat-Interval": "20",
}
API: Table = {"API-Command": "version", "API-Command-Argument": "short"}
JOB: Table = {"Job-UUID": UUID, "Job-Command": "version", "Job-Command-Arg": "short"}
PLAYBACK: Table = {"Playback-File-Path": ANY, "Playback-File-Type": "tone_stream|silence_stream|file"}
KEY: Table = {"DTMF-Digit": "[0-9*#]", "DTMF-Duration": NUMBER, "DTMF-Source": "RTP|ENDPOINT|INBAND_AUDIO"}


def _caller(prefix: str) -> Table:
    times = (
        "Created",
        "Answered",
        "Progress",
        "Progress-Media",
        "Hangup",
        "Transferred",
        "Resurrect",
        "Bridged",
    )
    return {
        f"{prefix}-{name}": form
        for name, form in {
            "Direction": "inbound|outbound",
            "Logical-Direction": "inbound|outbound",
            "Username": ANY,
            "Dialplan": "XML",
            "Caller-ID-Name": ANY,
            "Caller-ID-Number": ANY,
            "Orig-Caller-ID-Name": ANY,
            "Orig-Caller-ID-Number": ANY,
            "Network-Addr": ADDRESS,
            "ANI": ANY,
            "Destination-Number": ANY,
            "Unique-ID": UUID,
            "Source": "mod_sofia",
            "Context": r"\w+",
            "Channel-Name": r"sofia/\w+/.+",
            "Profile-Index": NUMBER,
            "Profile-Created-Time": MICROSECONDS,
            **{f"Channel-{time}-Time": MICROSECONDS for time in times},
            "Channel-Last-Hold": MICROSECONDS,
            "Channel-Hold-Accum": NUMBER,
            "Screen-Bit": BOOLEAN,
            "Privacy-Hide-Name": BOOLEAN,
            "Privacy-Hide-Number": BOOLEAN,
        }.items()
    }


CHANNEL: Table = {
    "Channel-State": "CS_[A-Z_]+",
    "Channel-Call-State": "DOWN|DIALING|RINGING|EARLY|ACTIVE|HELD|RING_WAIT|HANGUP|UNHELD",
    "Channel-State-Number": NUMBER,
    "Channel-Name": r"sofia/\w+/.+",
    "Unique-ID": UUID,
    "Call-Direction": "inbound|outbound",
    "Presence-Call-Direction": "inbound|outbound",
    "Channel-HIT-Dialplan": BOOLEAN,
    "Channel-Call-UUID": UUID,
    "Answer-State": "hangup|answered|early|ringing",
    **_caller("Caller"),
}
CODEC: Table = {
    f"Channel-{way}-Codec-{name}": form
    for way in ("Read", "Write")
    for name, form in (("Name", "PCMU|PCMA"), ("Rate", "8000"), ("Bit-Rate", "64000"))
}
VARIABLES: Table = {
    "variable_uuid": UUID,
    "variable_direction": "inbound|outbound",
    "variable_channel_name": r"sofia/\w+/.+",
    "variable_sip_call_id": ANY,
}
OTHER_LEG: Table = {"Other-Type": "originator|originatee", **_caller("Other-Leg")}
ENDED: Table = {"Hangup-Cause": "NORMAL_CLEARING"}
APPLICATION: Table = {"Application": r"\w+", "Application-UUID": UUID}
BRIDGED: Table = {"Bridge-A-Unique-ID": UUID, "Bridge-B-Unique-ID": UUID, **OTHER_LEG}
BILL: Table = {
    **{
        f"variable_{name}": NUMBER
        for name in ("duration", "billsec", "start_epoch", "answer_epoch", "end_epoch")
    },
    "variable_hangup_cause": "NORMAL_CLEARING",
}
LEG: Table = {**CHANNEL, **CODEC, **VARIABLES}
CALL: dict[str, Table] = {  # one call to an extension that rings a phone, by the events of its legs
    "CHANNEL_CREATE": CHANNEL,
    "CHANNEL_STATE": CHANNEL,
    "CHANNEL_CALLSTATE": {**CHANNEL, "Original-Channel-Call-State": "[A-Z_]+"},
    "CHANNEL_EXECUTE": {**CHANNEL, **VARIABLES, **APPLICATION, "variable_current_application": r"\w+"},
    "CHANNEL_EXECUTE_COMPLETE": {**CHANNEL, **VARIABLES, **APPLICATION, "Application-Response": ANY},
    "CHANNEL_OUTGOING": CHANNEL,
    "CHANNEL_ORIGINATE": {**CHANNEL, **OTHER_LEG},
    "CHANNEL_PROGRESS": {**CHANNEL, **OTHER_LEG},
    "CHANNEL_PROGRESS_MEDIA": LEG,
    "CHANNEL_ANSWER": LEG,
    "CHANNEL_BRIDGE": {**LEG, **BRIDGED},
    "CHANNEL_HOLD": LEG,
    "CHANNEL_UNHOLD": LEG,
    "DTMF": {**LEG, **KEY},
    "CHANNEL_UNBRIDGE": {**LEG, **BRIDGED},
    "CHANNEL_HANGUP": {**LEG, **ENDED},
    "CHANNEL_HANGUP_COMPLETE": {**LEG, **ENDED, **BILL},
    "CHANNEL_DESTROY": {**LEG, **ENDED},
}
LOG_LINE: Table = {
    "Content-Type": "log/data",
    "Content-Length": NUMBER,
    "Log-Level": "[0-7]",
    "Text-Channel": "0|3",
    "Log-File": r"\w+\.py",
    "Log-Func": r"\w+",
    "Log-Line": NUMBER,
    "User-Data": f"|{UUID}",  # of the call that it is about
}
CONNECT: Table = {  # what an outbound program is told first
    **LEG,
    **_caller("Channel"),
    "Content-Type": "command/reply",
    "Reply-Text": r"\+OK\n",
    "Socket-Mode": "async|static",
    "Control": "full|single-channel",
}


def faults(headers: Iterable[tuple[str, str]], table: Table) -> list[str]:
    """What of a table is missing, is something else, or came twice."""
    rows = list(headers)
    named = dict(rows)
    found = [f"no {name}" for name in table if name not in named]
    found += [
        f"{name}: {named[name]!r} is not {form}"
        for name, form in table.items()
        if name in named and not re.fullmatch(form, named[name])
    ]
    names = [name for name, _ in rows]
    return found + [f"{name} twice" for name in named if names.count(name) > 1]


def hold(event: SwitchEvent, table: Table) -> None:
    """The event has all of these headers, and first those of every event, in FreeSWITCH's order."""
    common = CUSTOM if event.name == "CUSTOM" else COMMON
    assert faults(event.headers, {**common, **table}) == [], event
    assert [name for name, _ in event.headers[: len(common)]] == list(common)
