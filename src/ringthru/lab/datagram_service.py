"""A UDP service of the fake gateway: a question, its answers, at once or late.

Lives here: the socket, and the answers a slow gateway still owes.
Never here: what is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ..net.address import Endpoint
from ..net.sockets import bind_udp
from .datagrams import Datagrams

MOST_OWED: Final = 64  # questions a slow gateway remembers; beyond, they are lost

Answerer = Callable[[bytes, Endpoint], list[bytes]]


class DatagramService:
    """Answers on ``local`` what ``answer`` says, ``delay()`` seconds later.

    Raises:
        PortInUse: somebody holds ``local``.
    """

    def __init__(self, local: Endpoint, answer: Answerer, delay: Callable[[], float]) -> None:
        self._answer = answer
        self._delay = delay
        self._owed: set[asyncio.TimerHandle] = set()
        self._datagrams = Datagrams(bind_udp(local), self._receive)

    def close(self) -> None:
        self._datagrams.close()
        for timer in self._owed:
            timer.cancel()
        self._owed.clear()

    def _receive(self, question: bytes, source: Endpoint) -> None:
        answers = self._answer(question, source)
        if not self._delay():
            self._send(answers, source)
        elif answers and len(self._owed) < MOST_OWED:
            self._send_later(answers, source)

    def _send_later(self, answers: list[bytes], to: Endpoint) -> None:
        def pay() -> None:
            self._owed.discard(timer)
            self._send(answers, to)

        timer = asyncio.get_running_loop().call_later(self._delay(), pay)
        self._owed.add(timer)

    def _send(self, answers: list[bytes], to: Endpoint) -> None:
        for answer in answers:
            self._datagrams.send(answer, to)
