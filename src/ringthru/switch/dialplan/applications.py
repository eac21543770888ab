"""The dialplan's applications: what a channel can be told to do.

Each is a coroutine ``(calls, channel, data)`` that returns when it is done, or the channel is gone. A
transfer from elsewhere cancels it.

Lives here: the table, and those that steer the call.
Never here: variables (``setting``), sounds (``sounding``), joining two legs (``bridging``).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from ...net.acl import matches
from ...net.values import replace
from ..audio.displacing import displace_session, stop_displace_session
from ..audio.recording import (
    record_session,
    record_session_mask,
    record_session_unmask,
    stop_record_session,
)
from ..audio.tone_listening import start_dtmf, stop_dtmf
from ..calls.causes import HangupCause, cause_named, cause_of
from ..dialing.bridging import bridge
from ..dialing.leg_variables import one_line
from ..transfers.attended import att_xfer
from ..words import words_of
from . import late, saying, setting, sounding
from .asking import play_and_get_digits, read
from .shelf import ERROR, UNLIMITED

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

log = logging.getLogger(__name__)

Application = Callable[["Calls", "Channel", str], Awaitable[None]]

LONGEST_SLEEP: Final = 86400.0  # seconds
REDIRECTED: Final = 302


async def answer(calls: Calls, channel: Channel, data: str) -> None:
    """Answer the caller."""
    await channel.answer()


async def pre_answer(calls: Calls, channel: Channel, data: str) -> None:
    """Let the caller hear something before the answer (183)."""
    await channel.pre_answer()


async def ring_ready(calls: Calls, channel: Channel, data: str) -> None:
    """Tell the caller that it rings (180)."""
    channel.ring()


async def hangup(calls: Calls, channel: Channel, data: str) -> None:
    """Hang up, with a cause by name or number."""
    channel.hang_up(cause_named(data or "NORMAL_CLEARING"))


async def respond(calls: Calls, channel: Channel, data: str) -> None:
    """``STATUS [PHRASE]``: refuse a caller who was not answered yet with just that."""
    number, _, phrase = data.strip().partition(" ")
    if not (number.isascii() and number.isdigit() and 300 <= int(number[:4]) < 700):
        channel.log.error("respond %s: a final SIP status from 300 to 699 is needed", data)
        return
    channel.hang_up(cause_of(int(number)), status=int(number), phrase=one_line(phrase))


async def redirect(calls: Calls, channel: Channel, data: str) -> None:
    """Send a caller who was not answered yet to other addresses (302): ``sip:1@host[,sip:2@host]``."""
    if channel.up:
        channel.log.error("redirect %s: the call is answered already", data)
        return
    places = [one_line(each).strip("<> ") for each in data.split(",") if each.strip()]
    contacts = [("Contact", f"<{each if ':' in each else f'sip:{each}'}>") for each in places]
    if not contacts:
        channel.log.error("redirect without an address")
        return
    channel.hang_up(HangupCause.REDIRECTION_TO_NEW_DESTINATION, status=REDIRECTED, headers=contacts)


async def deflect(calls: Calls, channel: Channel, data: str) -> None:
    """Let the peer of an answered leg call another address itself (REFER); redirect one that still waits."""
    if channel.up:
        await calls.deflections.deflect(channel, data)
    else:
        await redirect(calls, channel, data)


async def park(calls: Calls, channel: Channel, data: str) -> None:
    """Keep the channel until somebody ends it, or transfers it."""
    channel.enter("CS_PARK")
    channel.tell("CHANNEL_PARK")
    try:
        await channel.gone.wait()
    finally:
        channel.tell("CHANNEL_UNPARK")


async def sleep(calls: Calls, channel: Channel, data: str) -> None:
    """Wait so many milliseconds."""
    await channel.lives_on(min(_number(data) / 1000, LONGEST_SLEEP))


async def transfer(calls: Calls, channel: Channel, data: str) -> None:
    """``EXTENSION [DIALPLAN] [CONTEXT]``: go there, and forget what would come next here."""
    extension, dialplan, context = _place(data)
    if not extension:
        channel.log.error("transfer without an extension")
        return
    channel.log.log(setting.LOG_LEVELS["NOTICE"], "Transfer %s to %s", channel.name, data)
    channel.reroute(extension, context, dialplan)


async def execute_extension(calls: Calls, channel: Channel, data: str) -> None:
    """``EXTENSION [DIALPLAN] [CONTEXT]``: do what stands there, and come back."""
    extension, dialplan, context = _place(data)
    await calls.router.execute_extension(channel, extension, context, dialplan)


async def socket(calls: Calls, channel: Channel, data: str) -> None:
    """``HOST[:PORT][|HOST…] [async] [full]``: a program there says what happens, until it leaves."""
    if calls.sockets is None:
        channel.log.error("socket %s: this switch serves no event socket", data)
        return
    await calls.sockets(channel, data)


async def conference(calls: Calls, channel: Channel, data: str) -> None:
    """``NAME[@PROFILE][+PIN]``: into a room with others, until it is left."""
    await calls.conferences.serve(channel, data)


async def set_user(calls: Calls, channel: Channel, data: str) -> None:
    """``USER[@DOMAIN] [PREFIX]``: the variables of a directory user, as if the call were his."""
    who, _, prefix = data.strip().partition(" ")
    user = calls.dialer.endpoints.user(who)
    if user is None:
        channel.log.warning("Can't find user [%s]", who)
        return
    for name, value in user.call_variables.items():
        setting.assign(channel, prefix.strip() + name, value)


async def check_acl(calls: Calls, channel: Channel, data: str) -> None:
    """``ADDRESS LIST [CAUSE]``: hang up unless the list allows the address."""
    address, name, cause = (*data.split(), "", "", "")[:3]
    if not matches(calls.registrar.lists, name, address):
        channel.log.warning("%s is not in list %s", address, name)
        channel.hang_up(cause_named(cause or "CALL_REJECTED"))


async def sched_hangup(calls: Calls, channel: Channel, data: str) -> None:
    """``+SECONDS [CAUSE]``: hang up then, whatever goes on."""
    when, _, cause = data.strip().partition(" ")
    seconds = min(_number(when.removeprefix("+")), LONGEST_SLEEP)

    async def later() -> None:
        if not await channel.lives_on(seconds):
            return
        channel.hang_up(cause_named(cause or "ALLOTTED_TIMEOUT"))

    calls.spawn(later())


async def keep(calls: Calls, channel: Channel, data: str) -> None:
    """``hash``: ``insert/REALM/KEY/VALUE`` and the like; see ``shelf``."""
    if calls.shelf.do(data.strip()) is None:
        channel.log.error("hash %s: insert/REALM/KEY/VALUE, or delete/REALM/KEY", data)


async def keep_for_good(calls: Calls, channel: Channel, data: str) -> None:
    """``db``: ``insert/REALM/KEY/VALUE``, ``delete/REALM/KEY``; it outlives the switch. See ``database``."""
    if calls.database.do(data.strip()) == ERROR:
        channel.log.error("db %s: insert/REALM/KEY/VALUE, or delete/REALM/KEY", data)


async def group(calls: Calls, channel: Channel, data: str) -> None:
    """``insert:NAME:DIAL_STRING``, ``delete:NAME:DIAL_STRING``: who is rung by ``${group(call:NAME)}``."""
    if calls.database.do_group(data.strip()) == ERROR:
        channel.log.error("group %s: insert:NAME:DIAL_STRING, or delete:NAME:DIAL_STRING", data)


async def limit(calls: Calls, channel: Channel, data: str) -> None:
    """``BACKEND REALM ID [MAX[/SECONDS]] [EXTENSION [DIALPLAN] [CONTEXT]]``: one too many goes elsewhere.

    Without MAX, or with -1, calls are only counted. Elsewhere is ``limit_exceeded`` unless it says so.
    """
    _, realm, key, most, *elsewhere = (*words_of(data), "", "", "", "")
    number, _, seconds = most.partition("/")
    highest = int(_number(number)) if number.strip().isdigit() else UNLIMITED
    now = channel.profile.now()
    if calls.shelf.admit(channel, realm, key, highest, int(_number(seconds)), now):
        channel.variables["limit_usage"] = str(calls.shelf.usage(realm, key))
        channel.variables["limit_max"] = str(highest)
        return
    channel.log.info("Limit %s/%s of %s is reached", realm, key, most)
    extension, dialplan, context = (*(each for each in elsewhere if each), "", "", "")[:3]
    channel.reroute(extension or "limit_exceeded", context, dialplan)


async def enable_heartbeat(calls: Calls, channel: Channel, data: str) -> None:
    """``[sched:]SECONDS``, ``on`` or ``off``: an event SESSION_HEARTBEAT so often; with ``sched`` not yet."""
    from ..calls import heartbeat  # late: few calls have one

    word = data.strip().lower()
    seconds = heartbeat.seconds_of(word.removeprefix("sched:") or "on")
    if seconds is None:
        channel.log.error("enable_heartbeat %s: SECONDS, on or off", data)
        return
    heartbeat.beat(calls, channel, seconds, at_once=not word.startswith("sched:"))


async def set_profile_var(calls: Calls, channel: Channel, data: str) -> None:
    """``caller_id_name=…`` or ``caller_id_number=…``: who calls, for the legs that this one dials."""
    name, _, value = data.strip().partition("=")
    field = {"caller_id_name": "name", "caller_id_number": "number"}.get(name.strip())
    if field is None:
        channel.log.warning("set_profile_var %s: only caller_id_name and caller_id_number can be set", name)
        return
    channel.caller = replace(channel.caller, **{field: one_line(value)})


# FreeSWITCH's, without which a call goes on as well: its own dialplan uses them on the way to a bridge.
LEFT_OUT: Final = frozenset(
    (
        *("bind_digit_action", "clear_digit_action", "event"),
        *("jitterbuffer", "lua", "presence", "privacy", "set_audio_level"),
        *("start_dtmf_generate", "stop_dtmf_generate", "verbose_events"),
    )
)


def _place(data: str) -> tuple[str, str, str]:
    """``EXTENSION [DIALPLAN] [CONTEXT]``; a quoted extension may hold blanks."""
    extension, dialplan, context = (*words_of(data), "", "", "")[:3]
    return extension, dialplan, context


def _number(text: str) -> float:
    """A number from 0 on; 0 for what is none."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0.0


def _at_once(run: Callable[[Channel, str], None]) -> Application:
    async def application(calls: Calls, channel: Channel, data: str) -> None:
        run(channel, data)

    return application


APPLICATIONS: Final[dict[str, Application]] = {
    **{name: _at_once(run) for name, run in setting.INLINE.items()},
    **sounding.APPLICATIONS,
    **late.APPLICATIONS,
    **saying.APPLICATIONS,
    "answer": answer,
    "att_xfer": att_xfer,
    "bridge": bridge,
    "check_acl": check_acl,
    "conference": conference,
    "db": keep_for_good,
    "displace_session": displace_session,
    "deflect": deflect,
    "enable_heartbeat": enable_heartbeat,
    "execute_extension": execute_extension,
    "group": group,
    "hangup": hangup,
    "hash": keep,
    "limit": limit,
    "park": park,
    "play_and_get_digits": play_and_get_digits,
    "pre_answer": pre_answer,
    "read": read,
    "record_session": record_session,
    "record_session_mask": record_session_mask,
    "record_session_unmask": record_session_unmask,
    "redirect": redirect,
    "respond": respond,
    "ring_ready": ring_ready,
    "sched_hangup": sched_hangup,
    "set_profile_var": set_profile_var,
    "set_user": set_user,
    "socket": socket,
    "sleep": sleep,
    "stop_displace_session": stop_displace_session,
    "start_dtmf": start_dtmf,
    "stop_dtmf": stop_dtmf,
    "stop_record_session": stop_record_session,
    "transfer": transfer,
}
