"""The commands that do something to one leg: ``uuid_transfer``, ``uuid_hold``, ``uuid_broadcast`` …

Lives here: FreeSWITCH's words and texts for them. Never here: what happens to a leg; what is about its audio
(``leg_audio``), and what comes later (``leg_schedule``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ..net.values import frozen
from ..switch.calls.book import Calls
from ..switch.calls.channel import Channel
from ..switch.dialplan.applications import APPLICATIONS
from ..switch.dialplan.ordering import AppOrder
from ..switch.dialplan.setting import assign
from .calls import NO_CHANNEL
from .commands import Command
from .switch_like import SwitchLike
from .text import visible, words_of

DONE: Final = "+OK\n"
SUCCESS: Final = "+OK Success\n"
FAILED: Final = "-ERR Operation failed\n"
NO_UUID: Final = "-ERR Invalid uuid\n"
NO_CHANNEL_OF: Final = "-ERR No such channel {uuid}!\n"
NO_SESSION: Final = "-ERR Cannot locate session!\n"
ERROR: Final = "-ERROR\n"

Run = Callable[[Calls, Channel, list[str]], Awaitable[str]]


@frozen
class LegCommand:
    """``run`` gets the leg and the words after its UUID, of which there are ``least`` to ``most``.

    ``first`` are words that may stand before the UUID (``off``); the leg's words begin with the one given.
    ``unknown`` is said of a UUID that no leg has; ``missing`` when words are, instead of the syntax.
    """

    name: str
    syntax: str
    description: str
    run: Run
    least: int = 0
    most: int = 0
    first: tuple[str, ...] = ()
    unknown: str = NO_CHANNEL
    missing: str = ""

    def command(self) -> Command:
        return Command(self.name, self.syntax, self.description, self._handle, ("{uuid}",))

    async def _handle(self, switch: SwitchLike, arguments: str) -> str:
        words = words_of(arguments)
        given = [words.pop(0)] if words and words[0].lower() in self.first else []
        if not words or not self.least <= len(words) - 1 <= self.most:
            return self.missing or f"-USAGE: {self.syntax}\n"
        channel = switch.calls.channels.get(words[0])
        if channel is None:
            return self.unknown.replace("{uuid}", visible(words[0]))
        return await self.run(switch.calls, channel, given + words[1:])


async def answer(calls: Calls, channel: Channel, words: list[str]) -> str:
    return _said(channel, await calls.answer(channel))


async def pre_answer(calls: Calls, channel: Channel, words: list[str]) -> str:
    return _said(channel, await calls.answer(channel, early=True))


def _said(channel: Channel, why_not: str) -> str:
    """FreeSWITCH's answer has no room for the reason."""
    if why_not:
        channel.log.warning("%s is not answered: %s", channel.name, why_not)
    return ERROR if why_not else DONE


async def ring_ready(calls: Calls, channel: Channel, words: list[str]) -> str:
    if words and words[0].lower() != "queued":
        return f"-USAGE: {RING_READY}\n"
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
    """To the first of two that is there."""
    other = next((calls.channels[each] for each in words if each in calls.channels), None)
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


async def deflect(calls: Calls, channel: Channel, words: list[str]) -> str:
    """Answers when the peer has told what became of it, as ``deflect`` of the dialplan waits for that."""
    channel.variables.pop("sip_refer_reply", None)
    await calls.router.execute(channel, "deflect", words[0])
    return f"+OK:{visible(channel.variables.get('sip_refer_reply', 'no reply').strip())}\n"


async def redirect(calls: Calls, channel: Channel, words: list[str]) -> str:
    await calls.router.execute(channel, "redirect", words[0])
    return "+OK:no reply\n"  # a 302 is the last that is said


async def limit(calls: Calls, channel: Channel, words: list[str]) -> str:
    """``BACKEND REALM ID [MAX[/SECONDS]] [EXTENSION [DIALPLAN [CONTEXT]]]``, as the dialplan's."""
    return "+OK" if calls.order(channel, AppOrder("limit", " ".join(words))) else FAILED


async def limit_release(calls: Calls, channel: Channel, words: list[str]) -> str:
    """``BACKEND [REALM [ID]]``: the leg counts there no more, or nowhere."""
    realm, key = (*words[1:], "", "")[:2]
    calls.shelf.release(channel, realm, key)
    return "+OK"


async def setvar_multi(calls: Calls, channel: Channel, words: list[str]) -> str:
    for pair in " ".join(words).split(";"):
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            assign(channel, name.strip(), value)
    return DONE


RING_READY: Final = "<uuid> [queued]"
TRANSFER: Final = "<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]"
BROADCAST: Final = "<uuid> <path> [aleg|bleg|holdb|both]"
DUAL: Final = "<uuid> <A-dest-exten>[/<A-dialplan>][/<A-context>] <B-dest-exten>[/<B-dialplan>][/<B-context>]"
HOLD: Final = "[off|toggle] <uuid> [<display>]"
LIMIT: Final = "<uuid> <backend> <realm> <resource> [<max>[/interval]] [number [dialplan [context]]]"
RELEASE: Final = "<uuid> <backend> [realm] [resource]"
SETVARS: Final = "<uuid> <var>=<value>;<var>=<value>..."
NO_LEG_TO_COUNT: Final = "-ERR Cannot find session with uuid {uuid}\n"
LEG_COMMANDS: Final = (
    LegCommand("uuid_answer", "<uuid>", "answer", answer, unknown=ERROR, missing=ERROR),
    LegCommand("uuid_bridge", "<uuid> <other_uuid>", "Bridge call legs", bridge, 1, 2, unknown=NO_UUID),
    LegCommand(
        "uuid_broadcast", BROADCAST, "Execute dialplan application", broadcast, 1, 2,
        unknown="-ERR invalid uuid\n",
    ),
    LegCommand("uuid_deflect", "<uuid> <uri>", "Send a deflect", deflect, 1, 1, unknown=NO_CHANNEL_OF),
    LegCommand("uuid_dual_transfer", DUAL, "Transfer a session and its partner", dual_transfer, 2, 2),
    LegCommand("uuid_hold", HOLD, "Place call on hold", hold, 0, 1, ("off", "toggle"), FAILED),
    LegCommand(
        "uuid_limit", LIMIT, "Increase limit resource", limit, 3, 7,
        unknown=NO_LEG_TO_COUNT, missing=f"USAGE: uuid_limit {LIMIT}\n",
    ),
    LegCommand(
        "uuid_limit_release", RELEASE, "Release limit resource", limit_release, 1, 3,
        unknown=NO_LEG_TO_COUNT, missing=f"USAGE: uuid_limit_release {RELEASE}\n",
    ),
    LegCommand("uuid_park", "<uuid>", "Park channel", park),
    LegCommand("uuid_pre_answer", "<uuid>", "pre_answer", pre_answer, unknown=ERROR, missing=ERROR),
    LegCommand("uuid_redirect", "<uuid> <uri>", "Send a redirect", redirect, 1, 1, unknown=NO_CHANNEL_OF),
    LegCommand(
        "uuid_ring_ready", RING_READY, "Sending ringing to a channel", ring_ready, 0, 1, unknown=ERROR
    ),
    LegCommand("uuid_setvar_multi", SETVARS, "Set multiple variables", setvar_multi, 1, 999),
    LegCommand("uuid_transfer", TRANSFER, "Transfer a session", transfer, 1, 4),
)  # fmt: skip


def commands() -> list[Command]:
    return [each.command() for each in LEG_COMMANDS]
