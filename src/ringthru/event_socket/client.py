"""A client's side of the event socket: logs in, sends requests, tells replies, events and lines of the log.

Against FreeSWITCH's own server as well as ours. Replies come in the order of the requests; events and
lines of the log may come between them.

Lives here: the machine. Never here: a socket, or what is made of a reply.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import Final

from ..net.values import frozen
from .framing import Frame, Header, MalformedMessage, MessageReader, Request

LARGEST: Final = 64 << 20  # bytes of a body that is taken; a server may have much to show
REPLIES: Final = ("command/reply", "api/response")
ACCEPTED: Final = "+OK accepted"


class Stage(Enum):
    """How far a session has come."""

    GREETING = "the server has said nothing yet"
    LOGIN = "the password is judged"
    READY = "requests are answered"
    ENDED = "nothing more comes"


@frozen
class Welcome:
    """The password was right."""


@frozen
class Ended:
    """Nothing more comes; ``why`` is for people. ``refused``: it never let us in."""

    why: str
    refused: bool = False


@frozen
class Reply:
    """The answer to the request of that number: a body, or the Reply-Text."""

    number: int
    text: str
    frame: Frame


@frozen
class Heard:
    """An event, in the form that was asked for, or a line of the log (``log/data``)."""

    frame: Frame

    @property
    def is_log(self) -> bool:
        return self.frame.content_type == "log/data"


Event = Welcome | Ended | Reply | Heard


class ClientSession:
    """One connection, driven from outside: ``receive_data``, then ``data_to_send()`` and ``events()``."""

    def __init__(self, password: str, user: str = "") -> None:
        """``user`` is ``NAME@DOMAIN`` of the directory, or empty: the socket's own password.

        Raises:
            MalformedMessage: either holds a line break.
        """
        login = f"userauth {user}:{password}" if user else f"auth {password}"
        self._login = Request(login).encode()
        self.stage = Stage.GREETING
        self._reader = MessageReader(max_body=LARGEST)
        self._to_send: list[bytes] = []
        self._events: list[Event] = []
        self._waiting: deque[int] = deque()
        self._last = 0

    def request(self, line: str, headers: Iterable[Header] = ()) -> int:
        """Send a request; its number comes back with the reply.

        Raises:
            MalformedMessage: a line break inside of it.
        """
        self._to_send.append(Request(line, tuple(headers)).encode())
        self._last += 1
        self._waiting.append(self._last)
        return self._last

    def data_to_send(self) -> bytes:
        data, self._to_send = b"".join(self._to_send), []
        return data

    def events(self) -> list[Event]:
        told, self._events = self._events, []
        return told

    def receive_data(self, data: bytes) -> None:
        """Bytes of the server, however they are cut; nonsense ends the session."""
        self._reader.feed(data)
        try:
            while self.stage is not Stage.ENDED and (frame := self._reader.next_frame()) is not None:
                self._take(frame)
        except MalformedMessage as error:
            self._end(f"what it says is no event socket's: {error}")

    def receive_end(self, why: str = "the server closed the connection") -> None:
        """The connection is gone."""
        if self.stage is not Stage.ENDED:
            self._end(why)

    def _take(self, frame: Frame) -> None:
        kind = frame.content_type
        if kind == "text/rude-rejection":
            self._end("its access list does not let this address in")
        elif kind == "text/disconnect-notice":
            if (frame.get("Content-Disposition") or "") != "linger":
                self._end("the server said goodbye")
        elif self.stage is Stage.GREETING:
            self._greeted(kind)
        elif self.stage is Stage.LOGIN:
            self._judged(frame)
        elif kind in REPLIES:
            self._replied(frame)
        else:
            self._events.append(Heard(frame))

    def _greeted(self, kind: str) -> None:
        if kind != "auth/request":
            self._end("it is no event socket: it did not ask for a password")
            return
        self._to_send.append(self._login)
        self.stage = Stage.LOGIN

    def _judged(self, frame: Frame) -> None:
        if (frame.get("Reply-Text") or "").startswith(ACCEPTED):
            self.stage = Stage.READY
            self._events.append(Welcome())
        else:
            self._end("the password is wrong")

    def _replied(self, frame: Frame) -> None:
        if not self._waiting:
            return  # nobody asked
        is_body = frame.content_type == "api/response"
        text = frame.body.decode("utf-8", "replace") if is_body else frame.get("Reply-Text") or ""
        self._events.append(Reply(self._waiting.popleft(), text, frame))

    def _end(self, why: str) -> None:
        refused = self.stage in (Stage.GREETING, Stage.LOGIN)
        self.stage = Stage.ENDED
        self._events.append(Ended(why, refused))
