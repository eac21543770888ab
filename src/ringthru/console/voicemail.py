"""``vm_boxcount``, ``vm_list``, ``vm_read`` and ``vm_delete``: messages that callers left.

Lives here: FreeSWITCH's texts for them. Never here: the boxes.
"""

from __future__ import annotations

from typing import Final

from ..net.values import frozen
from ..switch.voicemail.values import Box, Counts, Message, NoVoicemail
from .commands import Command
from .switch_like import SwitchLike
from .tables import xml_text

BOXCOUNT: Final = "[profile/]<user>@<domain>[|[new|saved|new-urgent|saved-urgent|all]]"
LIST: Final = "<id>@<domain>[/profile] [xml]"
READ: Final = "<id>@<domain>[/profile] <read|unread> [<uuid>]"
DELETE: Final = "<id>@<domain>[/profile] [<uuid>]"
NOBODY: Final = "-ERR can't find user or profile.\n"
DONE: Final = "+OK\n"


@frozen
class _Asked:
    """``ID@DOMAIN[/PROFILE]`` and the words behind it."""

    box: Box
    words: tuple[str, ...]

    @classmethod
    def read(cls, switch: SwitchLike, arguments: str) -> _Asked:
        """Raises NoVoicemail: there is no such user, or he has no box."""
        who, *words = arguments.split()
        user, _, rest = who.partition("@")
        domain, _, profile = rest.partition("/")
        voicemail = switch.calls.answering.voicemail
        if not domain:
            raise NoVoicemail(f"{who} names no domain")
        box, _ = voicemail.box(profile or voicemail.usual_profile, domain, user)
        return cls(box, tuple(words))


async def boxcount(switch: SwitchLike, arguments: str) -> str:
    """How many messages; new ones unless it says otherwise. Who has no box has none."""
    account, _, how = arguments.partition("|")
    voicemail = switch.calls.answering.voicemail
    box = voicemail.box_of(account.strip())
    counts = await voicemail.counts(box) if box is not None else Counts()
    shown = {"new": str(counts.new), "saved": str(counts.saved), "all": f"{counts.new}:{counts.saved}:0:0"}
    return shown.get(how.strip().lower() or "new", "0")


async def listed(switch: SwitchLike, arguments: str) -> str:
    """A line for each message, or XML."""
    if not arguments:
        return f"Usage: {LIST}\n"
    try:
        asked = _Asked.read(switch, arguments)
    except NoVoicemail:
        return NOBODY
    form, uuid = (*asked.words, "", "")[:2]
    found = await switch.calls.answering.voicemail.messages(asked.box)
    chosen = [each for each in found if uuid in ("", each.uuid)]
    if form.lower() == "xml":
        return f"<voicemail>\n{''.join(map(_xml, chosen))}</voicemail>\n"
    return "".join(":".join(text for _, text in _fields(each)) + "\n" for each in chosen)


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


async def read(switch: SwitchLike, arguments: str) -> str:
    """Heard, or not: one message, or all of the box (FreeSWITCH: of the domain)."""
    if not arguments:
        return f"Usage: {READ}\n"
    try:
        asked = _Asked.read(switch, arguments)
    except NoVoicemail:
        return NOBODY
    how, uuid = (*asked.words, "", "")[:2]
    if how.lower() not in ("read", "unread"):
        return NOBODY
    await switch.calls.answering.voicemail.mark(asked.box, read=how.lower() == "read", uuid=uuid)
    return DONE


async def delete(switch: SwitchLike, arguments: str) -> str:
    """One message, or all of the box."""
    if not arguments:
        return f"Usage: {DELETE}\n"
    try:
        asked = _Asked.read(switch, arguments)
    except NoVoicemail:
        return NOBODY
    await switch.calls.answering.voicemail.delete(asked.box, *asked.words[:1])
    return DONE


def commands() -> list[Command]:
    home = "mod_voicemail"
    return [
        Command("vm_boxcount", BOXCOUNT, "vm_boxcount", boxcount, home=home),
        Command("vm_delete", DELETE, "vm_delete", delete, home=home),
        Command("vm_list", LIST, "vm_list", listed, home=home),
        Command("vm_read", READ, "vm_read", read, home=home),
    ]
