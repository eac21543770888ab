"""The commands about what one leg hears, says and presses: ``uuid_break``, ``uuid_send_dtmf`` …

Lives here: FreeSWITCH's words and texts for them. Never here: what happens to a leg.
"""

from __future__ import annotations

from typing import Final

from ..switch.calls import dtmf
from ..switch.calls.book import Calls
from ..switch.calls.channel import Channel
from ..switch.dialplan.ordering import AppOrder
from .commands import Command
from .legs import DONE, FAILED, NO_SESSION, SUCCESS, LegCommand
from .tables import xml_text
from .text import visible


async def break_off(calls: Calls, channel: Channel, words: list[str]) -> str:
    """What is being played ends; with ``all`` what was ordered after it, too; with ``both`` on both sides."""
    flags = " ".join(words).lower()
    partner = channel.bridged_to if "both" in flags else None
    for leg in (channel, partner):
        if leg is None:
            continue
        if "all" in flags and leg.orders is not None:
            leg.orders.forget()
        leg.broken_off.set()
    return DONE


async def media(calls: Calls, channel: Channel, words: list[str]) -> str:
    """``off``: the audio goes from phone to phone; else it comes by way of us again."""
    bridge = channel.bridge
    if words:
        return SUCCESS if bridge is not None and not bridge.go_past() else FAILED
    if bridge is not None:
        bridge.needs_audio("the console asks for it")
    return SUCCESS


async def audio(calls: Calls, channel: Channel, words: list[str]) -> str:
    """``start read mute`` keeps what the peer says from its partner, ``write`` what it would hear."""
    verb, which, what, *level = (*(word.lower() for word in words), "", "", "")
    muted = verb == "start" and what == "mute" and level[:1] != ["0"]
    if verb not in ("start", "stop") or (verb == "start" and (what != "mute" or which not in WAYS)):
        return f"-USAGE: {AUDIO}\n"
    for leg, named in ((channel, "read"), (channel.bridged_to, "write")):
        if leg is not None and leg.media is not None and which in ("", named):
            leg.media.leg.block(media=muted)
    return DONE


async def renegotiate(calls: Calls, channel: Channel, words: list[str]) -> str:
    """Offer its codecs once more; which, is the profile's and the call's affair."""
    if words or not channel.up:
        return "-ERR Operation Failed\n"
    channel.offer_again()
    return SUCCESS


async def buglist(calls: Calls, channel: Channel, words: list[str]) -> str:
    """What listens in: the recordings, as FreeSWITCH lists its media bugs."""
    bugs = "".join(
        " <media-bug>\n  <function>session_record</function>\n"
        f"  <target>{xml_text(path)}</target>\n  <thread-locked>0</thread-locked>\n </media-bug>\n"
        for path in channel.recordings
    )
    return f"<media-bugs>\n{bugs}</media-bugs>\n"


async def send_dtmf(calls: Calls, channel: Channel, words: list[str]) -> str:
    if not calls.order(channel, AppOrder("send_dtmf", words[0])):
        return FAILED
    return f"+OK {channel.uuid} sent DTMF {visible(words[0])}.\n"


async def recv_dtmf(calls: Calls, channel: Channel, words: list[str]) -> str:
    """As if its peer had pressed them."""
    keys, _, length = words[0].partition("@")
    if not keys or len(keys) > LONGEST_KEYS or not set(keys.upper()) <= KEYS:
        return f"-USAGE: {DTMF}\n"
    milliseconds = int(length) if length.isdecimal() and len(length) < 6 else dtmf.USUAL
    for key in keys.upper():
        dtmf.heard(channel, key, milliseconds, dtmf.BY_INFO)
    return f"+OK {channel.uuid} received DTMF {visible(words[0])}.\n"


async def flush_dtmf(calls: Calls, channel: Channel, words: list[str]) -> str:
    channel.digits.clear()
    return DONE


WAYS: Final = ("read", "write")
KEYS: Final = frozenset("0123456789*#ABCD")
LONGEST_KEYS: Final = 100
BREAK: Final = "<uuid> [all]"
AUDIO: Final = "<uuid> [start [read|write] [mute|level <level>]|stop]"
DTMF: Final = "<uuid> <dtmf_data>"
LIST: Final = "List media bugs on a session"
NONE_OF_THEM: Final = "-ERR No such session\n"
RENEGOTIATE: Final = "<uuid>[ <codec_string>]"
COMMANDS: Final = (
    LegCommand("break", BREAK, "uuid_break", break_off, 0, 2),
    LegCommand("uuid_audio", AUDIO, "uuid_audio", audio, 1, 4),
    LegCommand("uuid_break", BREAK, "Break out of media sent to channel", break_off, 0, 2),
    LegCommand("uuid_buglist", "<uuid>", LIST, buglist, unknown=""),
    LegCommand(
        "uuid_flush_dtmf", "<uuid>", "Flush dtmf on a given uuid", flush_dtmf,
        unknown=NONE_OF_THEM, missing=NONE_OF_THEM,
    ),
    LegCommand(
        "uuid_media", "[off] <uuid>", "Reinvite FS in or out of media path", media,
        first=("off",), unknown=FAILED,
    ),
    LegCommand(
        "uuid_media_reneg", RENEGOTIATE, "Media negotiation", renegotiate, 0, 1,
        unknown="-ERR Operation Failed\n",
    ),
    LegCommand("uuid_recv_dtmf", DTMF, "Receive dtmf digits", recv_dtmf, 1, 1, unknown=NO_SESSION),
    LegCommand("uuid_send_dtmf", DTMF, "Send dtmf digits", send_dtmf, 1, 1, unknown=NO_SESSION),
)  # fmt: skip


def commands() -> list[Command]:
    return [each.command() for each in COMMANDS]
