"""One connection of a reliable transport: its messages, its keepalives, and how long it may dawdle.

Lives here: the rules for one TCP or TLS connection, whoever opened it.
Never here: sockets, TLS, which connection a message goes out on (`connections.py`).
"""

from __future__ import annotations

from typing import Final

from .stream import CRLF, MessageStream

PING, PONG = b"\r\n\r\n", b"\r\n"  # keepalive (RFC 5626 §3.5.1, §4.4.1)

# What RFC 5626 §4.4.1 fixes
PING_INTERVAL: Final = 120.0  # seconds, or up to a fifth less
PONG_PATIENCE: Final = 10.0  # seconds
# What we chose
FIRST_MESSAGE: Final = 20.0  # seconds from the connection to its first whole message or keepalive
WHOLE_MESSAGE: Final = 20.0  # seconds from a message's first byte to its last
IDLE: Final = 7_500.0  # seconds without use; longer than a registration may last


class Connection:
    """A connection, driven from outside.

    Call ``receive_data`` or ``handle_timeout``; then take ``messages()``, send ``data_to_send()``, close if
    there is a reason in ``closing``, and sleep until ``next_timeout()``.

    ``opened_by_us``: then we send the pings, as clients do (RFC 5626 §4.4.1). ``chance`` is 0 to 1 and
    spreads them. A peer that never answered one may not know what a ping is, and is not held to it.

    A connection is in use when a message goes over it. A phone that sends pings keeps its own alive as well;
    our pings do not, or no connection of ours would ever end.
    """

    __slots__ = (
        "_half_ping",
        "_last_message_ended",
        "_message_began",
        "_messages",
        "_ping_at",
        "_ping_interval",
        "_pong_due",
        "_pongs_known",
        "_stream",
        "_to_send",
        "_used_at",
        "closing",
        "opened_by_us",
        "proven",
    )

    def __init__(self, *, opened_by_us: bool, now: float, chance: float) -> None:
        self.opened_by_us = opened_by_us
        self.proven = opened_by_us  # whether the peer has said anything that makes sense
        self.closing: str | None = None
        self._stream = MessageStream()
        self._messages: list[bytes] = []
        self._to_send: list[bytes] = []
        self._used_at = now
        self._message_began: float | None = None if opened_by_us else now
        self._half_ping = False
        self._ping_interval = PING_INTERVAL * (1 - chance / 5)
        self._ping_at = now + self._ping_interval
        self._pong_due: float | None = None
        self._pongs_known = False

    # The machine's contract

    def receive_data(self, data: bytes, now: float) -> None:
        """Take what came; nothing is raised."""
        if self.closing is not None:
            return
        found = self._stream.receive(data)
        for each in found:
            if each == CRLF:
                self._receive_blank()
            else:
                self._half_ping = False
                self._messages.append(each)
        if found:
            self.proven = True
        if not self.opened_by_us or self._messages:
            self._used_at = now
        self._watch_the_rest(bool(found), now)
        if (broken := self._stream.broken) is not None:
            if broken.head:
                self._messages.append(broken.head)  # where it is a request, its refusal is our last word
            self.closing = broken.why

    def note_sent(self, now: float) -> None:
        """A message of ours went out on it."""
        self._used_at = now

    def messages(self) -> list[bytes]:
        messages, self._messages = self._messages, []
        return messages

    def data_to_send(self) -> bytes:
        sending, self._to_send = self._to_send, []
        return b"".join(sending)

    def handle_timeout(self, now: float) -> None:
        if self.closing is not None:
            return
        if self._pong_due is not None and now >= self._pong_due:
            self._pong_due = None
            if self._pongs_known:
                self.closing = f"no answer to a keepalive in {PONG_PATIENCE:.0f} s"
        elif self._dawdles(now):
            what = "a whole message" if self.proven else "a first message"
            self.closing = f"{what} did not come in {self._patience:.0f} s"
        elif now >= self._used_at + IDLE:
            self.closing = f"it was not used for {IDLE:.0f} s"
        elif self.opened_by_us and now >= self._ping_at:
            self._ping_at = now + self._ping_interval
            self._pong_due = now + PONG_PATIENCE
            self._to_send.append(PING)

    def next_timeout(self) -> float | None:
        """When to call ``handle_timeout``, never too late, sometimes for nothing; None when it is over."""
        if self.closing is not None:
            return None
        instants = [self._used_at + IDLE]
        if self._message_began is not None:
            instants.append(self._message_began + self._patience)
        if self._pong_due is not None:
            instants.append(self._pong_due)
        if self.opened_by_us:
            instants.append(self._ping_at)
        return min(instants)

    @property
    def waiting(self) -> int:
        """Bytes of an unfinished message."""
        return self._stream.waiting

    # Our own

    @property
    def _patience(self) -> float:
        return WHOLE_MESSAGE if self.proven else FIRST_MESSAGE

    def _dawdles(self, now: float) -> bool:
        return self._message_began is not None and now >= self._message_began + self._patience

    def _receive_blank(self) -> None:
        """A CRLF: the pong we wait for, or one half of a ping, which may come in two pieces."""
        if self._pong_due is not None:
            self._pong_due = None
            self._pongs_known = True
        elif self._half_ping:
            self._half_ping = False
            self._to_send.append(PONG)
        else:
            self._half_ping = True

    def _watch_the_rest(self, something_whole: bool, now: float) -> None:
        """Start or stop the clock of a message that is not whole yet."""
        if something_whole or self._message_began is None:
            self._message_began = now if self._stream.waiting else None
