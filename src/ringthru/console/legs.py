"""The commands that do something to one leg: ``uuid_transfer``, ``uuid_hold``, ``uuid_broadcast`` …

Lives here: FreeSWITCH's words and texts for them. Never here: what happens to a leg.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ..net.values import frozen
from ..switch.applications import APPLICATIONS
from ..switch.calls import Calls
from ..switch.causes import cause_named
from ..switch.channel import Channel
from ..switch.ordering import AppOrder
from ..switch.schedule import Work
from ..switch.setting import assign
from .calls import NO_CHANNEL
from .commands import Command
from .switch_like import SwitchLike
from .text import visible, words_of
from .timing import seconds_until

DONE: Final = "+OK\n"
SUCCESS: Final = "+OK Success\n"
FAILED: Final = "-ERR Operation failed\n"
NO_UUID: Final = "-ERR Invalid uuid\n"

Run = Callable[[Calls, Channel, list[str]], Awaitable[str]]


@frozen
class LegCommand:
    """``run`` gets the leg and the words after its UUID, of which there are ``least`` to ``most``.

    ``first`` are words that may stand before the UUID (``off``); the leg's words begin with the one given.
    """

    name: str
    syntax: str
    description: str
    run: Run
    least: int = 0
    most: int = 0
    first: tuple[str, ...] = ()
    unknown: str = NO_CHANNEL

    def command(self) -> Command:
        return Command(self.name, self.syntax, self.description, self._handle, ("{uuid}",))

    async def _handle(self, switch: SwitchLike, arguments: str) -> str:
        words = words_of(arguments)
        given = [words.pop(0)] if words and words[0].lower() in self.first else []
        if not words or not self.least <= len(words) - 1 <= self.most:
            return f"-USAGE: {self.syntax}\n"
        channel = switch.calls.channels.get(words[0])
        if channel is None:
            return self.unknown
        return await self.run(switch.calls, channel, given + words[1:])


async def answer(calls: Calls, channel: Channel, words: list[str]) -> str:
    return _said(await calls.answer(channel))


async def pre_answer(calls: Calls, channel: Channel, words: list[str]) -> str:
    return _said(await calls.answer(channel, early=True))


def _said(why_not: str) -> str:
    return f"-ERR {visible(why_not)}\n" if why_not else DONE


async def ring_ready(calls: Calls, channel: Channel, words: list[str]) -> str:
    channel.ring()
    return DONE


async def park(calls: Calls, channel: Channel, words: list[str]) -> str:
    calls.transfers.park(channel)
    return DONE


async def hold(calls: Calls, channel: Channel, words: list[str]) -> str:
    """``off`` and ``toggle`` stand before the UUID; what is displayed is the phone's own affair."""
    if not channel.up:
        return FAILED
    wish = words[0].lower() if words else ""
    channel.hold(not channel.held_by_us if wish == "toggle" else wish != "off")
    return SUCCESS


async def bridge(calls: Calls, channel: Channel, words: list[str]) -> str:
    other = calls.channels.get(words[0])
    if other is None or other is channel:
        return NO_UUID
    silent = next((each for each in (channel, other) if each.media is None), None)
    if silent is not None:
        return f"-ERR {silent.uuid} has no audio yet: answer it first\n"
    calls.transfers.connect(channel, other)
    return f"+OK {other.uuid}\n"


async def transfer(calls: Calls, channel: Channel, words: list[str]) -> str:
    """``-bleg`` moves the partner, ``-both`` each of them; without them the partner is hung up."""
    which = words.pop(0).lower() if words[0] in ("-bleg", "-both") else ""
    extension, dialplan, context = (*words, "", "", "")[:3]
    if not extension:
        return f"-USAGE: {TRANSFER}\n"
    partner = channel.bridged_to
    if which and partner is None:
        return "-ERR No bridged channel!\n"
    if which != "-bleg":
        _send(calls, channel, extension, dialplan, context, alone=bool(which))
    if which and partner is not None:
        _send(calls, partner, extension, dialplan, context, alone=which == "-both")
    return DONE


def _send(
    calls: Calls, channel: Channel, extension: str, dialplan: str, context: str, *, alone: bool
) -> None:
    """``alone``: the partner goes elsewhere too, and is not hung up."""
    if alone:
        calls.transfers.transfer(channel, extension, context or None, partner=None, dialplan=dialplan)
    else:
        calls.transfers.transfer(channel, extension, context or None, dialplan=dialplan)


async def dual_transfer(calls: Calls, channel: Channel, words: list[str]) -> str:
    """Each of two bridged legs to a place of its own: ``EXTENSION[/DIALPLAN][/CONTEXT]``."""
    partner = channel.bridged_to
    if partner is None:
        return "-ERR No bridged channel!\n"
    for leg, place in ((channel, words[0]), (partner, words[1])):
        extension, dialplan, context = (*place.split("/"), "", "")[:3]
        _send(calls, leg, extension, dialplan, context, alone=True)
    return DONE


async def broadcast(calls: Calls, channel: Channel, words: list[str]) -> str:
    """A sound, or ``APPLICATION::DATA``, for the leg, its partner, or both."""
    application, separator, data = words[0].partition("::")
    if not separator:
        application, data = "playback", words[0]
    application = application.partition("!")[0]  # a cause to hang up with afterwards is not kept
    which = words[1].lower() if len(words) > 1 else "aleg"
    partner = channel.bridged_to
    legs = [channel] if which in ("aleg", "both") else []
    if which in ("bleg", "both", "holdb") and partner is not None:
        legs.append(partner)
    if application not in APPLICATIONS or not legs:
        return FAILED
    taken = [calls.order(leg, AppOrder(application, data)) for leg in legs]
    return "+OK Message sent\n" if all(taken) else FAILED


async def send_dtmf(calls: Calls, channel: Channel, words: list[str]) -> str:
    return DONE if calls.order(channel, AppOrder("send_dtmf", words[0])) else FAILED


async def flush_dtmf(calls: Calls, channel: Channel, words: list[str]) -> str:
    channel.digits.clear()
    return DONE


async def deflect(calls: Calls, channel: Channel, words: list[str]) -> str:
    calls.spawn(calls.router.execute(channel, "deflect", words[0]))
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
    if verb not in ("start", "stop") or (verb == "start" and (what != "mute" or which not in AUDIO)):
        return "-ERR only start read|write mute [level], and stop, can be done here\n"
    for leg, named in ((channel, "read"), (channel.bridged_to, "write")):
        if leg is not None and leg.media is not None and which in ("", named):
            leg.media.leg.block(media=muted)
    return SUCCESS


async def setvar_multi(calls: Calls, channel: Channel, words: list[str]) -> str:
    for pair in " ".join(words).split(";"):
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            assign(channel, name.strip(), value)
    return DONE


async def sched_hangup(switch: SwitchLike, arguments: str) -> str:
    words = words_of(arguments)
    if not 2 <= len(words) <= 3:
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    cause = cause_named(words[2] if len(words) > 2 else "ALLOTTED_TIMEOUT")

    async def work() -> None:
        channel = switch.calls.channels.get(words[1])
        if channel is not None:
            channel.hang_up(cause)

    return _schedule_for(switch, words, work, "hangup")


async def sched_transfer(switch: SwitchLike, arguments: str) -> str:
    words = words_of(arguments)
    if not 3 <= len(words) <= 5:
        return "-USAGE: [+]<time> <uuid> <extension> [<dialplan>] [<context>]\n"

    async def work() -> None:
        channel = switch.calls.channels.get(words[1])
        if channel is not None:
            await transfer(switch.calls, channel, words[2:])

    return _schedule_for(switch, words, work, "transfer")


async def sched_broadcast(switch: SwitchLike, arguments: str) -> str:
    words = words_of(arguments)
    if not 3 <= len(words) <= 4:
        return "-USAGE: [+]<time> <uuid> <path> [aleg|bleg|both]\n"

    async def work() -> None:
        channel = switch.calls.channels.get(words[1])
        if channel is not None:
            await broadcast(switch.calls, channel, words[2:])

    return _schedule_for(switch, words, work, "broadcast")


def _schedule_for(switch: SwitchLike, words: list[str], work: Work, what: str) -> str:
    if words[1] not in switch.calls.channels:
        return NO_CHANNEL
    seconds = seconds_until(words[0])
    if seconds is None:
        return f"-ERR '{visible(words[0])}' is no time: +SECONDS, or seconds since 1970\n"

    added = switch.schedule.add(seconds, work, what, words[1])
    return FAILED if added is None else DONE


AUDIO: Final = ("read", "write")
TRANSFER: Final = "<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]"
BROADCAST: Final = "<uuid> <path> [aleg|bleg|holdb|both]"
DUAL: Final = "<uuid> <A-dest-exten>[/<A-dialplan>][/<A-context>] <B-dest-exten>[/<B-dialplan>][/<B-context>]"
LEG_COMMANDS: Final = (
    LegCommand("uuid_answer", "<uuid>", "answer", answer),
    LegCommand("uuid_audio", "<uuid> [start [read|write] [mute|level <level>]|stop]", "audio", audio, 1, 4),
    LegCommand("uuid_bridge", "<uuid> <other_uuid>", "Bridge call legs", bridge, 1, 1, unknown=NO_UUID),
    LegCommand("uuid_broadcast", BROADCAST, "Execute dialplan application", broadcast, 1, 2, unknown=NO_UUID),
    LegCommand("uuid_deflect", "<uuid> <uri>", "Send a deflect", deflect, 1, 1),
    LegCommand("uuid_dual_transfer", DUAL, "Transfer a session and its partner", dual_transfer, 2, 2),
    LegCommand("uuid_flush_dtmf", "<uuid>", "Flush dtmf on a given uuid", flush_dtmf),
    LegCommand(
        "uuid_hold", "[off|toggle] <uuid> [<display>]", "Hold call", hold, 0, 1, ("off", "toggle"), FAILED
    ),
    LegCommand("uuid_media", "[off] <uuid>", "Reinvite FS in or out of media path", media, first=("off",)),
    LegCommand("uuid_park", "<uuid>", "Park call", park),
    LegCommand("uuid_pre_answer", "<uuid>", "pre_answer", pre_answer),
    LegCommand("uuid_ring_ready", "<uuid>", "Sending ringing to a channel", ring_ready, 0, 1),
    LegCommand("uuid_send_dtmf", "<uuid> <dtmf_data>[@<tone_duration>]", "Send dtmf digits", send_dtmf, 1, 1),
    LegCommand(
        "uuid_setvar_multi", "<uuid> <var>=<value>;<var>=<value>...", "Set variables", setvar_multi, 1, 999
    ),
    LegCommand("uuid_transfer", TRANSFER, "Transfer a session", transfer, 1, 4),
)


def commands() -> list[Command]:
    return [
        *(each.command() for each in LEG_COMMANDS),
        Command(
            "sched_broadcast",
            "[+]<time> <uuid> <path> [aleg|bleg|both]",
            "Schedule a broadcast event in the future",
            sched_broadcast,
        ),
        Command(
            "sched_hangup", "[+]<time> <uuid> [<cause>]", "Schedule a running call to hangup", sched_hangup
        ),
        Command(
            "sched_transfer",
            "[+]<time> <uuid> <extension> [<dialplan>] [<context>]",
            "Schedule a transfer for a running call",
            sched_transfer,
        ),
    ]
