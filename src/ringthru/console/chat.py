"""``chat``: a text to a user's phones, from whomever it says.

Lives here: FreeSWITCH's form and texts. Never here: sending (``switch/calls/messages``).
"""

from __future__ import annotations

from typing import Final

from .commands import Command
from .switch_like import SwitchLike

SYNTAX: Final = "<proto>|<from>|<to>|<message>|[<content-type>]"
PROTOCOLS: Final = ("sip", "global", "")  # ``global``: whichever there is
NOT_SENT: Final = "Error! Message Not Sent"


async def chat(switch: SwitchLike, arguments: str) -> str:
    """Returns at once; what became of a text is a line of the log."""
    parts = [part.strip() for part in arguments.split("|", 4)]
    if len(parts) < 4:
        return "Invalid"
    protocol, sender, to, text, kind = (*parts, "")[:5]
    to = to.removeprefix("sip:").rpartition("/")[2]
    sent = protocol.lower() in PROTOCOLS and switch.calls.messages.send(sender, to, text, kind)
    return "Sent" if sent else NOT_SENT


def commands() -> list[Command]:
    return [Command("chat", SYNTAX, "chat", chat, ("sip|",), home="mod_dptools")]
