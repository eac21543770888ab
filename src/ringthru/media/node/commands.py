"""The commands of ng, each a request in and an answer out.

===========================================  =========================================================
command                                      answer, beside ``result``
===========================================  =========================================================
ping                                         –
offer, answer                                ``sdp``
delete, query                                the call's counters
list                                         ``calls``
statistics                                   ``statistics``
play media (``blob``, ``file``)              ``duration`` in milliseconds
stop media                                   –
play DTMF                                    –
start recording, stop recording              –
block/unblock DTMF, block/unblock media      –
===========================================  =========================================================

Lives here: keys and errors. Never here: what a call is (``calls``), datagrams (``serving``), files: those
are the driver's, through ``Outside``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ...net.values import replace
from ..errors import EngineFull, MediaError
from ..ng.bencode import Writable
from ..ng.messages import LOAD_LIMIT, Command, Message
from ..rtp.telephone_event import KEYS
from ..sound.sounds import BadSound, Sound
from ..sound.wav import read_wav
from .calls import Calls, NodeCall
from .counters import answer_about
from .requests import Wishes, name, number, words
from .sides import Side

MOST_LISTED: Final = 1000  # names of calls in one answer; a datagram holds no more
LONGEST_KEY: Final = 5000  # milliseconds
G711: Final = ("PCMU", "PCMA")
MOST_TIMES: Final = 10_000


class Outside(Protocol):
    """What a node does beside its engine: files."""

    def read_file(self, path: str) -> bytes:
        """The octets of a sound that may be played; raises ``MediaError`` with the reason."""
        ...

    def record(self, call: NodeCall, on: bool) -> None:
        """Begin or end a recording of both sides; raises ``MediaError`` with the reason."""
        ...


class Commands:
    """Answers requests, by the book of calls."""

    def __init__(self, calls: Calls, outside: Outside, wall_clock: Callable[[], float]) -> None:
        """``wall_clock`` gives seconds since 1970."""
        self._calls = calls
        self._outside = outside
        self._wall_clock = wall_clock
        self._began = wall_clock()
        self._table: dict[str, Callable[[Message, float], Command]] = {
            "ping": lambda request, now: {"result": "pong"},
            "offer": self._offer,
            "answer": self._answer,
            "delete": self._delete,
            "query": self._query,
            "list": self._list,
            "statistics": self._statistics,
            "play media": self._play,
            "stop media": self._stop,
            "play dtmf": self._press,
            "start recording": lambda request, now: self._record(request, True),
            "stop recording": lambda request, now: self._record(request, False),
            "block dtmf": lambda request, now: self._block(request, keys=True),
            "unblock dtmf": lambda request, now: self._block(request, keys=False),
            "block media": lambda request, now: self._block(request, media=True),
            "unblock media": lambda request, now: self._block(request, media=False),
        }

    def run(self, request: Message, now: float) -> Command:
        """The answer to a request; whatever is wrong with it is in there, and nothing is raised."""
        command = request.text("command")
        obey = self._table.get(command.lower())
        if obey is None:
            return _error(f"Unrecognized command: {command[:40]!r}")
        try:
            return {"result": "ok", **obey(request, now)}
        except EngineFull as error:
            return {"result": LOAD_LIMIT, "message": str(error)}
        except MediaError as error:
            return _error(str(error))

    def _offer(self, request: Message, now: float) -> Command:
        names = self._names(request)
        sdp = self._calls.offer(*names, request.octets("sdp"), Wishes.read(request), now)
        return {"sdp": sdp}

    def _answer(self, request: Message, now: float) -> Command:
        names = self._names(request)
        sdp = self._calls.answer(*names, request.octets("sdp"), Wishes.read(request), now)
        return {"sdp": sdp}

    def _names(self, request: Message) -> tuple[str, str, str]:
        call_id, from_tag = name(request, "call-id"), name(request, "from-tag")
        if not call_id or not from_tag:
            raise MediaError("No call-id or no from-tag in message (or one of more than 255 characters)")
        return call_id, from_tag, name(request, "to-tag")

    def _delete(self, request: Message, now: float) -> Command:
        call_id = name(request, "call-id")
        if call_id not in self._calls:
            return {"warning": "Call-ID not found or tags didn't match"}
        call = self._calls.delete(call_id, number(request, "delete-delay", 0), now)
        return answer_about(call, now, self._wall_clock())

    def _query(self, request: Message, now: float) -> Command:
        return answer_about(self._call(request), now, self._wall_clock())

    def _list(self, request: Message, now: float) -> Command:
        return {"calls": self._calls.names(min(number(request, "limit", 32), MOST_LISTED))}

    def _statistics(self, request: Message, now: float) -> Command:
        calls = self._calls
        current: dict[str, Writable] = {
            "sessionsown": len(calls),
            "sessionsforeign": 0,
            "sessionstotal": len(calls),
            "transcodedmedia": 0,
        }
        total: dict[str, Writable] = {
            "uptime": int(self._wall_clock() - self._began),
            "managedsessions": calls.managed,
            "timeoutsessions": calls.timed_out,
            "rejectedsessions": calls.refused,
        }
        return {"statistics": {"currentstatistics": current, "totalstatistics": total}}

    def _play(self, request: Message, now: float) -> Command:
        call = self._call(request)
        octets = request.octets("blob") or self._outside.read_file(request.text("file"))
        times = max(1, min(number(request, "repeat-times", 1), MOST_TIMES))
        sound = replace(_sound(octets), times=times)
        sides = self._sides(request, call)
        if any(side.codec is None or side.codec.name not in G711 for side in sides):
            raise MediaError("Sounds are played to PCMU and PCMA alone, once the call is answered")
        self._calls.play(call, sides, sound)
        return {"duration": len(sound.ulaw) // 8}

    def _stop(self, request: Message, now: float) -> Command:
        call = self._call(request)
        for side in self._sides(request, call):
            self._calls.stop_playing(call, side)
        return {}

    def _press(self, request: Message, now: float) -> Command:
        """A key as if the from side had pressed it: the other side hears it."""
        call = self._call(request)
        key = request.text("code") or str(number(request, "code", 99))
        milliseconds = max(1, min(number(request, "duration", 250), LONGEST_KEY))
        for side in self._sides(request, call):
            if len(key) != 1 or key.upper() not in KEYS or not call.other(side).leg.press(key, milliseconds):
                raise MediaError("Out of range, or the other side did not agree to telephone-events")
        return {}

    def _record(self, request: Message, on: bool) -> Command:
        self._outside.record(self._call(request), on)
        return {}

    def _block(self, request: Message, *, media: bool | None = None, keys: bool | None = None) -> Command:
        call = self._call(request)
        self._calls.block(call, self._sides(request, call), media=media, keys=keys)
        return {}

    def _call(self, request: Message) -> NodeCall:
        return self._calls.find(name(request, "call-id"))

    def _sides(self, request: Message, call: NodeCall) -> Sequence[Side]:
        """The side that ``from-tag`` or ``address`` names; both without, and with the flag ``all``."""
        tag, address = name(request, "from-tag"), request.text("address")
        if address:
            return [side for side in call.sides if side.speaks_at(address)]
        if not tag or "all" in words(request, "flags") or request.text("all") in ("all", "yes", "on"):
            return call.sides
        return [call.side(tag)]


def _sound(octets: bytes) -> Sound:
    sound = read_wav(octets)
    if not sound.ulaw:
        raise BadSound("the sound is empty")
    return sound


def _error(reason: str) -> Command:
    return {"result": "error", "error-reason": reason}
