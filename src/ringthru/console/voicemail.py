"""``vm_boxcount``, ``vm_list``, ``vm_read``, ``vm_delete`` and ``vm_inject``: messages of voicemail.

Lives here: FreeSWITCH's texts for them. Never here: the boxes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from ..switch.calls.caller import Caller
from ..switch.voicemail.values import Box, Counts, Message, NoVoicemail
from .commands import Command
from .switch_like import SwitchLike
from .tables import xml_text
from .text import visible, words_of

if TYPE_CHECKING:
    from ..switch.voicemail.book import Voicemail

HOME: Final = "mod_voicemail"
BOXCOUNT: Final = "[profile/]<user>@<domain>[|[new|saved|new-urgent|saved-urgent|all]]"
INJECT: Final = (
    "[group=<group>[@domain]|domain=<domain>|<box>[@<domain>]] <sound_file> [<cid_num>] [<cid_name>]"
)
ANONYMOUS: Final = "anonymous"
NOBODY: Final = "-ERR can't find user or profile.\n"
DONE: Final = "+OK\n"


async def boxcount(switch: SwitchLike, arguments: str) -> str:
    """How many messages; new ones unless it says otherwise. Who has no box has none."""
    account, _, how = arguments.partition("|")
    voicemail = switch.calls.answering.voicemail
    box = voicemail.box_of(account.strip())
    counts = await voicemail.counts(box) if box is not None else Counts()
    shown = {"new": str(counts.new), "saved": str(counts.saved), "all": f"{counts.new}:{counts.saved}:0:0"}
    return shown.get(how.strip().lower() or "new", "0")


async def _list(voicemail: Voicemail, box: Box, words: tuple[str, ...]) -> str:
    """A line for each message, or XML."""
    form, uuid = (*words, "", "")[:2]
    chosen = [each for each in await voicemail.messages(box) if uuid in ("", each.uuid)]
    if form.lower() == "xml":
        return f"<voicemail>\n{''.join(map(_xml, chosen))}</voicemail>\n"
    return "".join(":".join(visible(text) for _, text in _fields(each)) + "\n" for each in chosen)


def _fields(message: Message) -> tuple[tuple[str, str], ...]:
    """In FreeSWITCH's order, with its names in XML."""
    return (
        ("created_epoch", str(message.created)),
        ("read_epoch", str(message.read)),
        ("username", message.box.user),
        ("domain", message.box.domain),
        ("folder", message.folder),
        ("path", message.path),
        ("uuid", message.uuid),
        ("cid-name", message.caller.name),
        ("cid-number", message.caller.number),
        ("message-len", str(message.seconds)),
    )


def _xml(message: Message) -> str:
    rows = "".join(f"  <{name}>{xml_text(text)}</{name}>\n" for name, text in _fields(message))
    return f" <message>\n{rows} </message>\n"


async def _read(voicemail: Voicemail, box: Box, words: tuple[str, ...]) -> str:
    """Heard, or not: one message, or all of the box (FreeSWITCH: of the domain)."""
    how, uuid = (*words, "", "")[:2]
    if how.lower() not in ("read", "unread"):
        return NOBODY
    await voicemail.mark(box, read=how.lower() == "read", uuid=uuid)
    return DONE


async def _delete(voicemail: Voicemail, box: Box, words: tuple[str, ...]) -> str:
    """One message, or all of the box."""
    await voicemail.delete(box, *words[:1])
    return DONE


async def inject(switch: SwitchLike, arguments: str) -> str:
    """A sound into a box, or into those of a group or a domain; each by itself, full ones are passed by."""
    from ..switch.voicemail import injecting  # not of the start

    who, file, number, name = (*words_of(arguments), "", "", "", "")[:4]
    if not file:
        return f"Usage: {INJECT}\n"
    calls, trouble = switch.calls, []
    users = injecting.meant(calls.directory, who)
    try:
        sound = await injecting.sound_of(calls.sounds, file)
    except NoVoicemail as error:
        return f"-ERR {visible(str(error))}\n"
    caller = Caller(name or ANONYMOUS, number or ANONYMOUS)
    for user in users:
        try:
            await injecting.inject(calls.answering.voicemail, user, sound, caller)
        except (NoVoicemail, OSError) as error:
            trouble.append(str(error))
    return NOBODY if not users else f"-ERR {visible('; '.join(trouble))}\n" if trouble else DONE


def _command(
    name: str, syntax: str, work: Callable[[Voicemail, Box, tuple[str, ...]], Awaitable[str]]
) -> Command:
    """A command about one box, which its first word names."""

    async def run(switch: SwitchLike, arguments: str) -> str:
        if not arguments:
            return f"Usage: {syntax}\n"
        voicemail = switch.calls.answering.voicemail
        who, *words = arguments.split()
        user, _, place = who.partition("@")
        domain, _, profile = place.partition("/")
        box = voicemail.box_of(f"{profile or voicemail.usual_profile}/{user}@{domain}") if domain else None
        return NOBODY if box is None else await work(voicemail, box, tuple(words))

    return Command(name, syntax, name, run, home=HOME)


def commands() -> list[Command]:
    return [
        Command("vm_boxcount", BOXCOUNT, "vm_boxcount", boxcount, home=HOME),
        _command("vm_delete", "<id>@<domain>[/profile] [<uuid>]", _delete),
        Command("vm_inject", INJECT, "vm_inject", inject, home=HOME),
        _command("vm_list", "<id>@<domain>[/profile] [xml]", _list),
        Command("voicemail_inject", INJECT, "voicemail_inject", inject, home=HOME),
        _command("vm_read", "<id>@<domain>[/profile] <read|unread> [<uuid>]", _read),
    ]
