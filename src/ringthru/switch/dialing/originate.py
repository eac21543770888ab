"""``originate``: call somebody, then send that leg to an application or to the dialplan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...net.values import frozen
from ..calls.caller import Caller
from ..calls.causes import HangupCause
from ..dialplan.applications import APPLICATIONS
from .dialing import DialFailed
from .dialstring import BadDialString

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel


@frozen
class Onward:
    """Where the answered leg goes: an application, or an extension of a dialplan."""

    application: str = ""
    data: str = ""
    extension: str = ""
    dialplan: str = "XML"
    context: str = "default"

    async def run(self, calls: Calls, channel: Channel) -> None:
        if self.application:
            await calls.router.run_application(channel, self.application, self.data)
        else:
            channel.reroute(self.extension, self.context, self.dialplan)
            await calls.router.run(channel)


def read_extension(text: str, dialplan: str, context: str) -> Onward | None:
    """``&application(data)`` or an extension; None when it is no application of ours.

    The data ends at the bracket that belongs to the first; what follows it does not count.
    """
    if not text.startswith("&"):
        return Onward(extension=text, dialplan=dialplan, context=context)
    name, bracket, rest = text[1:].partition("(")
    end = _closing(rest) if bracket else 0
    if end is None or name.strip().lower() not in APPLICATIONS:
        return None
    return Onward(name.strip(), rest[:end])


def _closing(text: str) -> int | None:
    depth = 1
    for at, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return at
    last = text.rfind(")")
    return last if last >= 0 else None


async def originate(
    calls: Calls,
    call_url: str,
    extension: str,
    *,
    dialplan: str,
    context: str,
    caller: Caller,
    timeout: float,
) -> str:
    """Dial ``call_url``; returns ``+OK uuid`` when it answers, or ``-ERR CAUSE``.

    ``extension`` is ``&application(data)``, or a number for ``dialplan`` (``XML``, or ``inline``: a list of
    ``application:data``) in ``context``.
    """
    onward = read_extension(extension, dialplan, context)
    if onward is None:
        return f"-ERR {HangupCause.DESTINATION_OUT_OF_ORDER.name}"
    try:
        channel = await calls.dialer.dial(call_url, caller=caller, timeout=timeout)
    except BadDialString:
        return f"-ERR {HangupCause.INVALID_URL.name}"
    except DialFailed as failure:
        return f"-ERR {failure.cause.name}"
    calls.run(channel, onward.run(calls, channel))
    return f"+OK {channel.uuid}"
