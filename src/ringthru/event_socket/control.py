"""``sendmsg``: what a client has a channel do.

=====================  =====================================================================
``call-command``       headers
=====================  =====================================================================
``execute``            ``execute-app-name``, ``execute-app-arg`` (or the body), ``loops``,
                       ``event-lock``, ``Event-UUID`` (the Application-UUID of its events)
``hangup``             ``hangup-cause``
``unicast``            ``local-ip``, ``local-port``, ``remote-ip``, ``remote-port``, ``flags: native``,
                       ``transport: tcp`` (else by datagrams): we connect to the program
``nomedia``            none: the audio of a bridged call goes from phone to phone, where it can
``xferext``            ``application: NAME DATA``, any number: the leg does these, and nothing else
=====================  =====================================================================

Lives here: reading the request, and what becomes of it. Never here: running applications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..net.address import Endpoint, parse_address
from ..switch.audio.unicast import Unicast, UnicastRefused
from ..switch.calls.causes import cause_named
from ..switch.dialplan.applications import APPLICATIONS, LEFT_OUT
from ..switch.dialplan.ordering import AppOrder
from . import texts
from .framing import Request

if TYPE_CHECKING:
    from ..switch.calls.book import Calls
    from ..switch.calls.channel import Channel

UNICAST: Final = "unicast"
LOCAL_PORT, REMOTE_PORT = 8025, 8026  # FreeSWITCH's, where the client names none
DONE: Final = "+OK"
SEPARATORS: Final = (",", ";", "^", "~", "\x1f")  # of a list of actions; a header holds no control character


def send_message(calls: Calls, uuid: str, request: Request) -> str:
    """Carry it out, or have it carried out; the text of the reply."""
    channel = calls.channels.get(uuid)
    if channel is None:
        return f"-ERR invalid session id [{uuid}]"
    command = command_of(request)
    if command == "execute":
        return _execute(calls, channel, request)
    if command == "hangup":
        channel.hang_up(cause_named((request.get("hangup-cause") or "NORMAL_CLEARING").strip()))
        return DONE
    if command == "nomedia":
        trouble = channel.bridge.go_past() if channel.bridge is not None else "the call is not bridged"
        return f"-ERR {trouble}" if trouble else DONE
    if command == "xferext":
        return _transfer_to_actions(calls, channel, request)
    return f"-ERR no call-command [{command}]: execute, hangup, unicast, nomedia or xferext is meant"


def command_of(request: Request) -> str:
    return (request.get("call-command") or "").strip().lower()


async def open_unicast(channel: Channel, request: Request) -> Unicast:
    """Exchange a leg's audio with the program that the request names.

    Raises:
        UnicastRefused: it cannot be; the text says why.
    """
    transport = (request.get("transport") or "udp").strip().lower()
    if transport not in ("udp", "tcp"):
        raise UnicastRefused(f"there is no transport {transport}: udp or tcp is meant")
    stream = transport == "tcp"  # from any port, unless one is named: the last stream's may be in TIME-WAIT
    local_port = _port(request.get("local-port"), 0 if stream else LOCAL_PORT)
    local = Endpoint(request.get("local-ip") or "127.0.0.1", local_port)
    remote = Endpoint(request.get("remote-ip") or "127.0.0.1", _port(request.get("remote-port"), REMOTE_PORT))
    if parse_address(local.host) is None or parse_address(remote.host) is None:
        raise UnicastRefused("local-ip and remote-ip are addresses, no names")
    unicast = Unicast(channel, remote, native="native" in (request.get("flags") or "").lower())
    await unicast.open(local, stream=stream)
    return unicast


def _port(text: str | None, default: int) -> int:
    known = text is not None and text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536
    return int(text) if known and text is not None else default


def _transfer_to_actions(calls: Calls, channel: Channel, request: Request) -> str:
    """Send the leg to an extension that the request itself writes down."""
    rows = [
        value.strip() for name, value in request.headers if name.lower() == "application" and value.strip()
    ]
    wrong = [each.split()[0] for each in rows if each.split()[0] not in (*APPLICATIONS, *LEFT_OUT)]
    if not rows or wrong:
        return f"-ERR Invalid Application [{' '.join(wrong)}]"
    separator = next(each for each in SEPARATORS if not any(each in row for row in rows))
    listed = separator.join(":".join(row.split(None, 1)) for row in rows)
    calls.transfers.transfer(channel, f"m:{separator}:{listed}", dialplan="inline")
    return DONE


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
