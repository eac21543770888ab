"""``originate``: call somebody, then send that leg to an application or to the dialplan."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .applications import APPLICATIONS
from .causes import HangupCause
from .channel import Caller, Channel
from .dialing import DialFailed
from .dialstring import BadDialString

if TYPE_CHECKING:
    from .calls import Calls

APPLICATION = re.compile(r"&(?P<name>\w+)(?:\((?P<data>[^)]*)\))?")


async def originate(
    calls: Calls, call_url: str, extension: str, *, context: str, caller: Caller, timeout: float
) -> str:
    """Dial ``call_url``; returns ``+OK uuid`` when it answers, or ``-ERR CAUSE``.

    ``extension`` is ``&application(data)`` or a number of the dialplan's ``context``.
    """
    application = APPLICATION.fullmatch(extension)
    if extension.startswith("&") and (application is None or application["name"] not in APPLICATIONS):
        return f"-ERR {HangupCause.DESTINATION_OUT_OF_ORDER.name}"
    try:
        channel = await calls.dialer.dial(call_url, caller=caller, timeout=timeout)
    except BadDialString:
        return f"-ERR {HangupCause.INVALID_URL.name}"
    except DialFailed as failure:
        return f"-ERR {failure.cause.name}"
    if application is not None:
        calls.spawn(_run_application(calls, channel, application["name"], application["data"] or ""))
    else:
        channel.destination, channel.context = extension, context
        calls.spawn(calls.run_dialplan(channel))
    return f"+OK {channel.uuid}"


async def _run_application(calls: Calls, channel: Channel, name: str, data: str) -> None:
    channel.state = "CS_EXECUTE"
    await calls.execute(channel, name, data)
    channel.hang_up(HangupCause.NORMAL_CLEARING)
