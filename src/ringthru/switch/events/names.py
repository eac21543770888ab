"""The names of events, in FreeSWITCH's spelling.

Those of ``TOLD`` happen here; the others are FreeSWITCH's, and may be asked for without an error.
"""

from __future__ import annotations

from typing import Final

ALL: Final = "ALL"
CUSTOM: Final = "CUSTOM"
PRESENCE_IN: Final = "PRESENCE_IN"

CHANNEL: Final = (  # with the data of a channel
    *("CHANNEL_CREATE", "CHANNEL_DESTROY", "CHANNEL_STATE", "CHANNEL_CALLSTATE", "CHANNEL_ANSWER"),
    *("CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE"),
    *("CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_PROGRESS"),
    *("CHANNEL_PROGRESS_MEDIA", "CHANNEL_OUTGOING", "CHANNEL_PARK", "CHANNEL_UNPARK", "CHANNEL_ORIGINATE"),
    PRESENCE_IN,
    *("DTMF", "PLAYBACK_START", "PLAYBACK_STOP", "RECORD_START", "RECORD_STOP", "SESSION_HEARTBEAT"),
)
TOLD: Final = frozenset(
    (
        *CHANNEL,
        *("API", "BACKGROUND_JOB", CUSTOM, "HEARTBEAT", "MESSAGE_WAITING"),
        *("NAT", "RELOADXML", "SHUTDOWN", "TRAP"),
    )
)
KNOWN: Final = TOLD | frozenset(
    (
        *("CLONE", "CHANNEL_APPLICATION", "CHANNEL_DATA", "CHANNEL_GLOBAL", "CHANNEL_UUID"),
        *("LOG", "INBOUND_CHAN", "OUTBOUND_CHAN", "STARTUP", "PUBLISH", "UNPUBLISH", "TALK", "NOTALK"),
        *("SESSION_CRASH", "MODULE_LOAD", "MODULE_UNLOAD", "MESSAGE", "PRESENCE_OUT"),
        *("PRESENCE_PROBE", "NOTIFY_IN", "MESSAGE_QUERY", "ROSTER", "CODEC"),
        *("DETECTED_SPEECH", "DETECTED_TONE", "PRIVATE_COMMAND", "ADD_SCHEDULE", "DEL_SCHEDULE"),
        *("EXE_SCHEDULE", "RE_SCHEDULE", "NOTIFY", "PHONE_FEATURE", "PHONE_FEATURE_SUBSCRIBE"),
        *("SEND_MESSAGE", "SERVER_DISCONNECTED", "SEND_INFO", "RECV_INFO", "RECV_RTCP_MESSAGE"),
        *("RECV_MESSAGE", "REQUEST_PARAMS", "GENERAL", "COMMAND", "CLIENT_DISCONNECTED"),
        *("SEND_RTCP_MESSAGE", "CALL_SECURE", "CALL_UPDATE"),
        *("FAILURE", "SOCKET_DATA", "MEDIA_BUG_START", "MEDIA_BUG_STOP", "CONFERENCE_DATA_QUERY"),
        *("CONFERENCE_DATA", "CALL_SETUP_REQ", "CALL_SETUP_RESULT", "CALL_DETAIL", "DEVICE_STATE", "TEXT"),
    )
)

# What a program that controls a call may have to itself (``divert_events``), as FreeSWITCH queues it
PRIVATE: Final = frozenset(("DTMF", "DETECTED_SPEECH", "MESSAGE"))

# Subclasses of CUSTOM that happen here
REGISTER: Final = "sofia::register"
REGISTER_FAILURE: Final = "sofia::register_failure"
UNREGISTER: Final = "sofia::unregister"
EXPIRE: Final = "sofia::expire"
GATEWAY_STATE: Final = "sofia::gateway_state"
PROFILE_START: Final = "sofia::profile_start"
ERROR: Final = "sofia::error"
VOICEMAIL: Final = "vm::maintenance"
VALET: Final = "valet_parking::info"
CONFERENCE: Final = "conference::maintenance"
PHONE: Final = ("portaudio::makecall", "portaudio::ringing", "portaudio::callheld", "portaudio::callresumed")
SUBCLASSES: Final = (
    *(REGISTER, REGISTER_FAILURE, UNREGISTER, EXPIRE, GATEWAY_STATE, PROFILE_START, ERROR),
    *(CONFERENCE, VALET, VOICEMAIL),
    *PHONE,
)
