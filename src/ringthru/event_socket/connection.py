"""One connection of the event socket, from the first byte to the goodbye.

::

    inbound:   GREETED --auth--> OPEN --exit--> CLOSED
                  | wrong password: silence for a moment, "-ERR invalid", CLOSED
    outbound:  OPEN --hangup--> CLOSED, or LINGERING for a while where the client asked for it

Lives here: what each command is answered, in which order, and the bounds of it all. Never here: sockets,
clocks, channels; what has to be done elsewhere goes out by ``orders`` and comes back by ``answer``.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from ..console.commands import NO_REPLY
from ..switch.events.bus import SwitchEvent
from ..switch.events.names import CUSTOM
from . import texts
from .commands import COMMANDS
from .encoding import EncodedEvent, event_frame
from .framing import MAX_BODY, MAX_HEAD, MalformedMessage, MessageReader, Request
from .orders import (
    CheckPassword,
    Close,
    DescribeChannel,
    Listen,
    Order,
    RunApi,
    RunJob,
)
from .outbox import Outbox
from .session import ControlledCall, Door, Rights
from .wishes import Wishes

AUTH_TIMEOUT: Final = 25.0  # seconds until a client must have shown its password
WRONG_PASSWORD_DELAY: Final = 1.0  # seconds that a guesser waits for each answer
STRANGERS_HEAD: Final = 4 << 10  # bytes of a request before the password
READ_AHEAD: Final = 1 << 20  # bytes waiting to be sent; beyond them no request is read
LOST: Final = "ringthru::events_lost"


class State(Enum):
    GREETED = auto()  # has not shown its password
    REFUSING = auto()  # showed a wrong one, and waits for the answer
    OPEN = auto()
    LINGERING = auto()  # the call is over, its events go on
    CLOSED = auto()


class Connection:
    """One client. After every call: send ``data_to_send``, carry out ``orders``, sleep to ``next_timeout``.

    What the commands (``commands.py``) need of it stands last.
    """

    def __init__(
        self,
        now: float,
        new_uuid: Callable[[], str],
        door: Door | None = None,
        call: ControlledCall | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        """With a ``door`` the client has to pass it; with a ``call`` it may do with that what it likes."""
        self.state = State.OPEN if call is not None else State.GREETED
        self.wishes = Wishes()
        self.rights = Rights()
        self.connected = False  # an outbound client has said so
        self.resumes = False  # it has said that the dialplan goes on when it leaves
        self.taps = False  # it gets lines of the log
        self.jobs = 0  # of bgapi, running
        self.linger: int | None = None  # seconds that its events go on when the call is over
        self.call = call
        self._door = door or Door("")
        self.new_uuid = new_uuid
        self._reader = MessageReader(STRANGERS_HEAD, 0) if call is None else MessageReader()
        self._outbox = outbox or Outbox()
        self._says_no_more = False
        self._last_lost: SwitchEvent | None = None  # what the client did not take
        self._orders: list[Order] = []
        self._waits_for: Order | None = None  # whose answer comes before anything else
        self._timeout: float | None = now + AUTH_TIMEOUT
        self._refusal = ""
        if call is None:
            self._outbox.put(texts.AUTH_REQUEST)

    # --- the contract -------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """Bytes of the client. What cannot be a request ends the connection."""
        if self.state is State.CLOSED:
            return
        self._reader.feed(data)
        self._read_on(now)

    def receive_eof(self, now: float) -> None:
        """The client has closed its side: what it asked for is answered, then it is told goodbye."""
        self._says_no_more = True
        self._read_on(now)

    def receive_event(self, encoded: EncodedEvent) -> None:
        """Something happened; whether it is for this client is judged here."""
        if self.state in (State.OPEN, State.LINGERING) and self.wishes.want(encoded.event):
            self._offer(encoded.frame(self.wishes.form), encoded.event)

    def receive_log(self, frame: bytes) -> None:
        """A line of the log that the client asked for."""
        if self.state in (State.OPEN, State.LINGERING):
            self._offer(frame)

    def receive_hangup(self, now: float) -> None:
        """The call of an outbound connection is over."""
        call = self.call
        if call is None or self.state is not State.OPEN:
            return
        if self.linger is None:
            named = (("Controlled-Session-UUID", call.uuid), ("Content-Disposition", "disconnect"))
            self.say_goodbye("the call is over", *named)
            return
        self.state = State.LINGERING
        self._timeout = now + self.linger
        self._outbox.put(texts.linger_notice(call.uuid, call.name, self.linger))

    def answer(self, order: Order, text: str, now: float) -> None:
        """What an order came to: a body, a reply's text, a variable's value, or a channel's headers."""
        if isinstance(order, RunJob):
            self.jobs -= 1
            return
        if order is not self._waits_for or self.state is State.CLOSED:
            return
        self._waits_for = None
        match order:
            case RunApi():
                self._outbox.put(texts.api_response(text or NO_REPLY))
            case DescribeChannel():
                self._outbox.put(f"{text}\n".encode("utf-8", "replace"))
            case _:
                self.reply(text)
        self._read_on(now)

    def close(self, why: str) -> None:
        """End it from our side, politely."""
        if self.state is not State.CLOSED:
            self.say_goodbye(why)

    def handle_timeout(self, now: float) -> None:
        if self._timeout is None or now < self._timeout:
            return
        self._timeout = None
        if self.state is State.REFUSING:
            self.reply(self._refusal)
            self.say_goodbye("a wrong password")
        elif self.state is State.GREETED:
            self.say_goodbye("no password within 25 s")
        elif self.state is State.LINGERING:
            self.say_goodbye("it has lingered long enough")
        elif self.call is not None and not self.connected:
            self.say_goodbye("no 'connect' within 25 s")

    def next_timeout(self) -> float | None:
        return self._timeout if self.state is not State.CLOSED else None

    def data_to_send(self, most: int = 64 << 10) -> bytes:
        """The next bytes for the client; none while nothing waits."""
        data = self._outbox.take(most)
        if not data or self._outbox.waiting_bytes:
            return data
        lost = self._outbox.take_lost()
        return data + self._told_of(lost) if lost else data

    def orders(self) -> list[Order]:
        """What others have to do, in order (drains)."""
        orders, self._orders = self._orders, []
        return orders

    @property
    def wants_to_read(self) -> bool:
        """Whether bytes of the client are welcome; else it has to wait, and the network tells it so."""
        if self._waits_for is not None and self._reader.buffered > READ_AHEAD:
            return False
        return self.state is not State.REFUSING and self._outbox.waiting_bytes < READ_AHEAD

    def go_on(self, now: float) -> None:
        """There is room again: read the requests that came meanwhile."""
        self._read_on(now)

    # --- requests -----------------------------------------------------------------------------------

    def _read_on(self, now: float) -> None:
        """Take requests as long as none has to wait for another's answer, or for room."""
        try:
            while (
                self.state in (State.GREETED, State.OPEN, State.LINGERING)
                and self._waits_for is None
                and self._outbox.waiting_bytes < READ_AHEAD
            ):
                request = self._reader.next_request()
                if request is None:
                    if self._says_no_more:
                        self.say_goodbye("it has closed its side")
                    return
                self._obey(request, now)
        except MalformedMessage as error:
            if self.state is not State.GREETED:  # a stranger is told nothing
                self.reply(f"-ERR {error}")
            self.say_goodbye(f"it sent no request: {error}")

    def _obey(self, request: Request, now: float) -> None:
        verb, _, rest = request.line.replace("\t", " ").partition(" ")
        verb, rest = verb.lower(), rest.strip()
        if self.state is State.GREETED:
            self._before_the_door(verb, rest, now)
            return
        for command in COMMANDS:
            if verb.startswith(command.prefix) and (rest or not command.needs_words):
                if self.call is not None and not (self.call.full or command.single):
                    break
                if command.of_a_call and self.call is None:
                    self.reply(texts.NO_SESSION)
                else:
                    command.run(self, request, rest)
                return
        self.reply(texts.NOT_FOUND)

    def _before_the_door(self, verb: str, rest: str, now: float) -> None:
        if verb.startswith("exit"):
            self.reply("+OK bye")
            self.say_goodbye("it left")
        elif verb == "auth":
            self._enter(now, Rights() if self._door.opens(rest) else None, "the event socket's password")
        elif verb == "userauth":
            user = self._door.user(rest)
            name = rest.partition(":")[0][:80]
            self._enter(now, user.rights if user else None, f"the event socket's password of {name!r}", True)
        else:
            self.reply(texts.NOT_FOUND)

    def _enter(self, now: float, rights: Rights | None, what: str, named: bool = False) -> None:
        if rights is None:
            self.state, self._refusal = State.REFUSING, texts.INVALID
            self._timeout = now + WRONG_PASSWORD_DELAY
            self._orders.append(CheckPassword(what))
            return
        self.state, self._timeout, self.rights = State.OPEN, None, rights
        self.wishes.allowed = rights.events
        self._reader.max_head = MAX_HEAD
        self._reader.max_body = MAX_BODY if rights == Rights() else MAX_HEAD  # some own less than the switch
        self.reply(texts.ACCEPTED, *(rights.headers() if named else ()))

    # --- for the commands ---------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        self._orders.append(order)

    def send(self, frame: bytes) -> None:
        self._outbox.put(frame)

    def mark_connected(self) -> None:
        self.connected, self._timeout = True, None

    def wait_for(self, order: Order) -> None:
        """Have something done whose answer is the reply; nothing is read before it."""
        self._waits_for = order
        self._orders.append(order)

    def listen(self) -> None:
        self._orders.append(Listen(self.wishes.bus_names))

    def reply(self, text: str, *headers: tuple[str, str]) -> None:
        self._outbox.put(texts.reply(text, *headers))

    def _offer(self, frame: bytes, event: SwitchEvent | None = None) -> None:
        if self._outbox.offer(frame):
            return
        self._last_lost = event or self._last_lost
        if self._outbox.overrun:
            self.state = State.CLOSED
            self._orders.append(Close(f"it is too slow: {self._outbox.lost_in_all} events are lost"))

    def _told_of(self, lost: int) -> bytes:
        """An event to this client alone; when and where it happened is what the last lost one said."""
        common = self._last_lost.common if self._last_lost is not None else ()
        named = (("Event-Subclass", LOST), ("Event-Name", CUSTOM))
        headers = (*named, *common, ("Events-Lost", str(lost)))
        return event_frame(SwitchEvent(CUSTOM, headers, "", LOST), self.wishes.form)

    def say_goodbye(self, why: str, *headers: tuple[str, str]) -> None:
        self._outbox.put(texts.disconnect_notice(*headers))
        self.state, self._timeout = State.CLOSED, None
        self._orders.append(Close(why))
