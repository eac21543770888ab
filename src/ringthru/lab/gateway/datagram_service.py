"""A UDP service of the fake gateway: a question, its answers, at once or late, from here or from elsewhere.

Lives here: the sockets, and the answers a slow gateway still owes.
Never here: what is answered; an address outside 127.0.0.0/8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from ...net.address import Endpoint
from ...net.sockets import bind_udp
from ..datagrams import Datagrams
from ..loopback_guard import is_loopback
from .replies import Reply

MOST_OWED: Final = 512  # answers a slow gateway remembers; beyond, they are lost

Answerer = Callable[[bytes, Endpoint], Sequence[Reply]]


class DatagramService:
    """Answers on ``local`` what ``answer`` says, each reply when and from where it says.

    Raises:
        PortInUse: somebody holds ``local``.
    """

    def __init__(self, local: Endpoint, answer: Answerer) -> None:
        self._answer = answer
        self._owed: set[asyncio.TimerHandle] = set()
        self._datagrams = Datagrams(bind_udp(local), self._receive)
        self._elsewhere: dict[Endpoint, Datagrams] = {}

    def close(self) -> None:
        self._datagrams.close()
        for other in self._elsewhere.values():
            other.close()
        self._elsewhere.clear()
        for timer in self._owed:
            timer.cancel()
        self._owed.clear()

    def answer(self, replies: Sequence[Reply], to: Endpoint) -> None:
        """Send these, as if a question of ``to`` had led to them."""
        for reply in replies:
            if not reply.delay:
                self._send(reply, to)
            elif len(self._owed) < MOST_OWED:
                self._send_later(reply, to)

    def _receive(self, question: bytes, source: Endpoint) -> None:
        self.answer(self._answer(question, source), source)

    def _send_later(self, reply: Reply, to: Endpoint) -> None:
        def pay() -> None:
            self._owed.discard(timer)
            self._send(reply, to)

        timer = asyncio.get_running_loop().call_later(reply.delay, pay)
        self._owed.add(timer)

    def _send(self, reply: Reply, to: Endpoint) -> None:
        speaker = self._speaker(reply)
        if speaker is not None:
            speaker.send(reply.data, to)

    def _speaker(self, reply: Reply) -> Datagrams | None:
        """The socket of a reply's source; None where there can be none: it is lost, as on a wire."""
        here = self._datagrams.local
        port = here.port if reply.source_port is None else reply.source_port
        source = Endpoint(reply.source_host or here.host, port)
        if source == here:
            return self._datagrams
        if source not in self._elsewhere and is_loopback(source.host):
            try:
                self._elsewhere[source] = Datagrams(bind_udp(source), self._receive)
            except OSError:
                return None
        return self._elsewhere.get(source)
