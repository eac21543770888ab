"""``sendmsg``: what a client has a channel do.

=====================  =====================================================================
``call-command``       headers
=====================  =====================================================================
``execute``            ``execute-app-name``, ``execute-app-arg`` (or the body), ``loops``,
                       ``event-lock``, ``Event-UUID`` (the Application-UUID of its events)
``hangup``             ``hangup-cause``
=====================  =====================================================================

Lives here: reading the request, and what becomes of it. Never here: running applications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..switch.applications import APPLICATIONS, LEFT_OUT
from ..switch.causes import cause_named
from ..switch.ordering import AppOrder
from . import texts
from .framing import Request

if TYPE_CHECKING:
    from ..switch.calls import Calls
    from ..switch.channel import Channel

NOT_YET: Final = ("unicast", "nomedia", "xferext")
DONE: Final = "+OK"


def send_message(calls: Calls, uuid: str, request: Request) -> str:
    """Carry it out, or have it carried out; the text of the reply."""
    channel = calls.channels.get(uuid)
    if channel is None:
        return f"-ERR invalid session id [{uuid}]"
    command = (request.get("call-command") or "").strip().lower()
    if command == "execute":
        return _execute(calls, channel, request)
    if command == "hangup":
        channel.hang_up(cause_named((request.get("hangup-cause") or "NORMAL_CLEARING").strip()))
        return DONE
    if command in NOT_YET:
        return f"-ERR call-command {command} is not supported in this version"
    return f"-ERR no call-command [{command}]: execute or hangup is meant"


def _execute(calls: Calls, channel: Channel, request: Request) -> str:
    application = (request.get("execute-app-name") or "").strip()
    if application not in APPLICATIONS and application not in LEFT_OUT:
        return f"-ERR Invalid Application [{application}]"
    data = request.get("execute-app-arg")
    if data is None:
        data = request.body.decode("utf-8", "replace").strip()
    loops = request.get("loops") or "1"
    order = AppOrder(
        application,
        data,
        int(loops) if loops.isascii() and loops.isdigit() and len(loops) < 6 else 1,
        serial=(request.get("Event-UUID") or "")[:64],
        locked=(request.get("event-lock") or "").strip().lower() == "true",
    )
    return DONE if calls.order(channel, order) else texts.TOO_MANY
