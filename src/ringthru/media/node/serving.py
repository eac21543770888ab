"""Requests as datagrams: who may ask, and that a repeated request is answered, but done only once.

Lives here: the access list, cookies, bounds, counters. Never here: commands, sockets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from ringthru.net.acl import AccessList
from ringthru.net.address import Endpoint

from ..errors import MalformedPacket
from ..ng.bencode import MAX_SIZE
from ..ng.messages import Command, Message, encode_message

REMEMBERED_FOR: Final = 30.0  # seconds; controllers repeat for three at most
MOST_REMEMBERED: Final = 4096  # answers
MOST_OCTETS: Final = 16 << 20  # of them together


class NgServer:
    """Call ``receive_datagram`` and send what it returns to where the datagram came from."""

    def __init__(self, allowed: AccessList, run: Callable[[Message, float], Command]) -> None:
        """``run`` is asked once for each new request."""
        self._allowed = allowed
        self._run = run
        self._answers: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()
        self._octets = 0
        self.strangers = self.malformed = self.repeated = self.answered = 0

    def receive_datagram(self, datagram: bytes, source: Endpoint, now: float) -> bytes | None:
        """The answer, or None for a stranger and for what is no request."""
        if not self._allowed.allows(source.host):
            self.strangers += 1
            return None
        try:
            request = Message.decode(datagram)
        except MalformedPacket:
            self.malformed += 1
            return None
        key = (source.host, request.cookie)
        self._forget(now)
        known = self._answers.get(key)
        if known is not None:
            self.repeated += 1
            return known[1]
        answer = self._encode(request, self._run(request, now))
        self._remember(key, answer, now)
        self.answered += 1
        return answer

    def _encode(self, request: Message, answer: Command) -> bytes:
        encoded = encode_message(request.cookie, answer)
        if len(encoded) < MAX_SIZE - 100:  # what UDP's and IP's own headers take
            return encoded
        return encode_message(request.cookie, {"result": "error", "error-reason": "The answer is too long"})

    def _remember(self, key: tuple[str, str], answer: bytes, now: float) -> None:
        self._answers[key] = (now, answer)
        self._octets += len(answer)

    def _forget(self, now: float) -> None:
        """Let go of what is old, and of the oldest where there is too much."""
        while self._answers:
            key, (at, answer) = next(iter(self._answers.items()))
            room = len(self._answers) < MOST_REMEMBERED and self._octets < MOST_OCTETS
            if room and now - at < REMEMBERED_FOR:
                return
            del self._answers[key]
            self._octets -= len(answer)
