"""What waits to be sent to one client, within bounds.

Replies always find room: there is never more than one for each request, and no request is read while too
many bytes wait. Events and lines of the log do not: what a slow client does not take is lost, counted, and
told to it when it reads on.

Lives here: the queue and its bounds. Never here: what is in it.
"""

from __future__ import annotations

from collections import deque
from typing import Final

MOST_WAITING: Final = 100_000  # events, as in FreeSWITCH
MOST_BYTES: Final = 32 << 20  # a frame that several clients wait for is in memory once, and counts for each
MOST_LOST: Final = 500  # events; then the connection is closed, as FreeSWITCH does


class Outbox:
    """Bytes in order, and the number of events that found no room."""

    def __init__(self, most_waiting: int = MOST_WAITING, most_bytes: int = MOST_BYTES) -> None:
        self.lost = 0  # since it was last told
        self.lost_in_all = 0
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0

    @property
    def waiting_bytes(self) -> int:
        return self._bytes

    @property
    def overrun(self) -> bool:
        """Whether so much was lost that the client is better told to come again."""
        return self.lost_in_all > MOST_LOST

    def put(self, data: bytes) -> None:
        """A reply: it is sent whatever else waits."""
        self._waiting.append(data)
        self._bytes += len(data)

    def offer(self, data: bytes) -> bool:
        """An event, or a line of the log; False: it is lost."""
        if len(self._waiting) >= self._most_waiting or self._bytes + len(data) > self._most_bytes:
            self.lost += 1
            self.lost_in_all += 1
            return False
        self.put(data)
        return True

    def take(self, most: int) -> bytes:
        """What is to be sent next, ``most`` bytes or one message more."""
        taken: list[bytes] = []
        size = 0
        while self._waiting and size < most:
            taken.append(self._waiting.popleft())
            size += len(taken[-1])
        self._bytes -= size
        return b"".join(taken)

    def take_lost(self) -> int:
        """How many were lost since it was last asked; asked when there is room again."""
        lost, self.lost = self.lost, 0
        return lost
