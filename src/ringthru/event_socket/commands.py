"""The commands of the event socket: what each asks of its connection, and what it is answered.

Lives here: the table, and a function for each. Never here: the order of requests, passwords, bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..net.values import frozen
from . import texts
from .framing import Request
from .orders import DescribeChannel, FireEvent, ReadVariable, RunApi, RunJob, SendMessage, Tap

if TYPE_CHECKING:
    from .connection import Connection

MOST_JOBS: Final = 100  # of bgapi, running at once
LINGER: Final = 3600  # seconds, where the client names none; FreeSWITCH has no end there
LONGEST_LINGER: Final = 86_400
UUID: Final = re.compile(r"[0-9A-Za-z_.-]{1,64}")


def leave(connection: Connection, request: Request, rest: str) -> None:
    connection.reply("+OK bye")
    connection.say_goodbye("it left")


def api(connection: Connection, request: Request, rest: str) -> None:
    if not connection.rights.allows(rest):
        connection.reply(texts.DENIED)
        return
    console = (request.get("console_execute") or "").lower() == "true" and connection.rights.commands is None
    connection.wait_for(RunApi(rest, console))


def bgapi(connection: Connection, request: Request, rest: str) -> None:
    if not connection.rights.allows(rest):
        connection.reply(texts.DENIED)
        return
    if connection.jobs >= MOST_JOBS:
        connection.reply(texts.TOO_MANY)
        return
    wished = request.get("Job-UUID") or ""
    uuid = wished if wished.isprintable() and 0 < len(wished) <= 64 else connection.new_uuid()
    connection.jobs += 1
    connection.order(RunJob(rest, uuid))
    connection.reply(f"+OK Job-UUID: {uuid}", ("Job-UUID", uuid))


def event(connection: Connection, request: Request, rest: str) -> None:
    names = connection.wishes.read_form(rest.split())
    if not connection.wishes.may_add(names):
        connection.reply(texts.DENIED)
        return
    if not connection.wishes.add(names):
        connection.reply(texts.NO_KEYWORDS)
        return
    connection.listen()
    connection.reply(f"+OK event listener enabled {connection.wishes.form.value}")


def nixevent(connection: Connection, request: Request, rest: str) -> None:
    if not connection.wishes.remove(rest.split()):
        connection.reply(texts.NO_KEYWORDS)
        return
    connection.listen()
    connection.reply("+OK events nixed")


def noevents(connection: Connection, request: Request, rest: str) -> None:
    listening = connection.wishes.listening
    connection.wishes.clear()
    connection.listen()
    connection.reply("+OK no longer listening for events" if listening else "-ERR not listening for events")


def myevents(connection: Connection, request: Request, rest: str) -> None:
    """All events of one channel: an outbound connection's own, or that of a UUID."""
    words = [word for word in rest.split() if word.lower() not in ("plain", "json", "xml")]
    connection.wishes.read_form([word for word in rest.split() if word not in words])
    uuid = connection.call.uuid if connection.call is not None else next(iter(words), "")
    if not UUID.fullmatch(uuid):
        connection.reply("-ERR invalid uuid")
        return
    connection.wishes.only = uuid
    connection.wishes.add(["ALL"])
    connection.listen()
    connection.reply("+OK Events Enabled")


def divert(connection: Connection, request: Request, rest: str) -> None:
    """Have the keys pressed on the call to itself: they come without being asked for, and to nobody else."""
    on = rest.lower() in ("on", "true", "yes", "1")
    if connection.call is None or not rest:  # FreeSWITCH ends both texts with a full stop
        connection.reply("-ERR missing value." if connection.call is not None else f"{texts.NO_SESSION}.")
        return
    connection.wishes.diverted = connection.call.uuid if on else ""
    connection.listen()
    connection.reply("+OK events diverted" if on else "+OK events not diverted")


def filter_events(connection: Connection, request: Request, rest: str) -> None:
    words = rest.split(None, 2)
    action = words[0].lower()
    if action in ("add", "delete") and len(words) > 1:
        header, value = words[1], words[2] if len(words) > 2 else ""
    else:
        action = "add"
        header, value = words[0], rest[len(words[0]) :].strip()
    if action == "delete":
        connection.wishes.remove_filters(header, value)
        connection.reply(f"+OK filter deleted. [{header}][{value}]")
    elif not value:
        connection.reply("-ERR invalid syntax")
    else:
        _add_filter(connection, header, value)


def _add_filter(connection: Connection, header: str, value: str) -> None:
    try:
        added = connection.wishes.add_filter(header, value)
    except re.error as error:
        connection.reply(f"-ERR {value} is no regular expression: {error}")
        return
    connection.reply(f"+OK filter added. [{header}]=[{value}]" if added else texts.TOO_MANY_FILTERS)


def log(connection: Connection, request: Request, rest: str) -> None:
    level = texts.level_number(rest) if rest else len(texts.LEVELS) - 1
    if not connection.rights.log:
        connection.reply(texts.DENIED)
    elif level is None:
        connection.reply("-ERR invalid log level")
    else:
        connection.order(Tap(min(level, len(texts.LEVELS) - 1)))
        connection.taps = True
        connection.reply(f"+OK log level {rest or texts.LEVELS[level]} [{level}]")


def nolog(connection: Connection, request: Request, rest: str) -> None:
    taps, connection.taps = connection.taps, False
    connection.order(Tap(None))
    connection.reply("+OK no longer logging" if taps else "-ERR not loging")  # FreeSWITCH's spelling


def sendevent(connection: Connection, request: Request, rest: str) -> None:
    name = rest.split()[0].upper()
    uuid = request.get("Event-UUID") or connection.new_uuid()
    subclass = request.get("Event-Subclass")
    kept = [each for each in request.headers if each[0].lower() not in ("content-length", "event-uuid")]
    if (
        connection.rights.events is not None
        and name not in connection.rights.events
        and subclass not in connection.rights.events
    ):
        connection.reply(texts.DENIED)
        return
    body = request.body.decode("utf-8", "replace")
    connection.order(FireEvent(name, (*kept, ("Event-UUID", uuid)), body))
    connection.reply(f"+OK {uuid}")


def sendmsg(connection: Connection, request: Request, rest: str) -> None:
    words = rest.split()
    own = connection.call.uuid if connection.call is not None else ""
    uuid = words[0] if words else request.get("session-id") or request.get("Unique-ID") or own
    if connection.rights.commands is not None:
        connection.reply(texts.DENIED)
    elif not uuid or (connection.call is not None and not connection.call.full and uuid != own):
        connection.reply(f"-ERR invalid session id [{uuid}]")
    else:
        connection.wait_for(SendMessage(uuid, request))


def linger_on(connection: Connection, request: Request, rest: str) -> None:
    named = rest.isascii() and rest.isdigit()
    connection.linger = min(int(rest[:9]), LONGEST_LINGER) if named else LINGER
    connection.reply(f"+OK will linger {connection.linger} seconds" if named else "+OK will linger")


def nolinger(connection: Connection, request: Request, rest: str) -> None:
    connection.linger = None
    connection.reply("+OK will not linger")


def connect(connection: Connection, request: Request, rest: str) -> None:
    if connection.call is None:
        connection.reply(texts.NOT_FOUND)
        return
    connection.mark_connected()
    connection.wait_for(DescribeChannel())


def getvar(connection: Connection, request: Request, rest: str) -> None:
    connection.wait_for(ReadVariable(rest))


def resume(connection: Connection, request: Request, rest: str) -> None:
    connection.resumes = True
    connection.reply("+OK")


Run = Callable[["Connection", Request, str], None]


@frozen
class Verb:
    """A command by the letters it begins with: ``events plain ALL`` is an ``event`` (Genesis says so)."""

    prefix: str
    run: Run
    single: bool = False  # also for an outbound connection without ``full``
    needs_words: bool = False
    of_a_call: bool = False  # only for an outbound connection


COMMANDS: Final = (
    Verb("exit", leave, single=True),
    Verb("sendevent", sendevent, needs_words=True),
    Verb("sendmsg", sendmsg, single=True),
    Verb("api", api, needs_words=True),
    Verb("bgapi", bgapi, needs_words=True),
    Verb("filter", filter_events, single=True, needs_words=True),
    Verb("event", event),
    Verb("nixevent", nixevent),
    Verb("noevents", noevents),
    Verb("myevents", myevents, single=True),
    Verb("divert_events", divert, single=True),
    Verb("nolinger", nolinger, single=True, of_a_call=True),
    Verb("linger", linger_on, single=True, of_a_call=True),
    Verb("nolog", nolog),
    Verb("log", log),
    Verb("getvar", getvar, single=True, of_a_call=True, needs_words=True),
    Verb("connect", connect, single=True),
    Verb("resume", resume, single=True, of_a_call=True),
)
