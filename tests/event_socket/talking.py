"""A client of the event socket on a connection without a socket, for tests of what is said on it."""

from __future__ import annotations

from itertools import count

from ringthru.event_socket.connection import Connection
from ringthru.event_socket.encoding import EncodedEvent
from ringthru.event_socket.session import Door, EslUser, Rights
from ringthru.switch.events.bus import SwitchEvent

GOODBYE = (
    b"Content-Type: text/disconnect-notice\nContent-Length: 67\n\n"
    b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
)
MARY = EslUser(
    "s3cret",
    Rights.read(
        {"esl-allowed-events": "HEARTBEAT", "esl-allowed-api": "status,version", "esl-allowed-log": "false"}
    ),
)


def reply(text: str, extra: str = "") -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n{extra}\n".encode()


class Client:
    """The other end: says something, and takes what it is answered."""

    def __init__(self, users: EslUser = MARY, **options) -> None:
        numbers = count(1)
        door = Door("pass word", lambda user, domain: users if (user, domain) == ("mary", "pbx") else None)
        self.connection = Connection(0.0, lambda: f"uuid-{next(numbers)}", door, **options)
        self.now = 0.0

    def say(self, text: str) -> bytes:
        self.connection.receive_data(text.encode(), self.now)
        return self.hear()

    def hear(self) -> bytes:
        heard = b""
        while data := self.connection.data_to_send():
            heard += data
        return heard

    def wait(self) -> bytes:
        """Until the next timeout."""
        self.now = self.connection.next_timeout()
        self.connection.handle_timeout(self.now)
        return self.hear()

    def answer(self, text: str) -> bytes:
        self.connection.answer(self.connection.orders()[-1], text, self.now)
        return self.hear()

    def event(self, *headers: tuple[str, str], name: str = "HEARTBEAT", subclass: str = "") -> bytes:
        event = SwitchEvent(name, (("Event-Name", name), *headers), "", subclass)
        self.connection.receive_event(EncodedEvent(event))
        return self.hear()
