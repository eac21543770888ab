"""``originate``: call somebody, then send that leg to an application or to the dialplan."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .applications import APPLICATIONS
from .caller import Caller
from .causes import HangupCause
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
        work = calls.router.run_application(channel, application["name"], application["data"] or "")
        calls.run(channel, work)
    else:
        channel.destination, channel.context = extension, context
        calls.run(channel, calls.router.run(channel))
    return f"+OK {channel.uuid}"
