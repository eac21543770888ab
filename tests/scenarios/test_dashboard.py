"""A dashboard hears everything, in JSON, for as long as the switch runs; another has fallen asleep."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
from typing import Any

from ringthru.event_socket import outbox
from ringthru.event_socket.framing import Frame, MessageReader
from ringthru.net.address import Endpoint

from .home import Home
from .phones import Phone
from .socket_client import SECRET
from .waiting import eventually

CALLS = 500
AT_ONCE = 20
PATIENCE = 30.0  # seconds
ROOM = 4 << 20  # bytes that wait for the one asleep, so that so few calls fill it
ONE_FRAME = 64 << 10


class Dashboard(Thread):
    """Reads as fast as it can, beside the switch, and keeps what a wallboard keeps."""

    def __init__(self, to: Endpoint) -> None:
        super().__init__(daemon=True)
        self.numbers: list[int] = []  # Event-Sequence
        self.ended: set[str] = set()
        self.socket = socket.create_connection(to, timeout=PATIENCE)
        self._messages = MessageReader()
        self.socket.sendall(f"auth {SECRET}\n\nevent json ALL\n\n".encode())
        self._frames = self._read()
        said = [next(self._frames).get("Reply-Text") for _ in range(3)]
        assert said == [None, "+OK accepted", "+OK event listener enabled json"]

    def _read(self) -> Iterator[Frame]:
        while data := self.socket.recv(1 << 20):
            self._messages.feed(data)
            while (frame := self._messages.next_frame()) is not None:
                yield frame

    def run(self) -> None:
        with suppress(OSError):  # closed, when all is over
            for frame in self._frames:
                event = json.loads(frame.body)
                self.numbers.append(int(event["Event-Sequence"]))
                if event["Event-Name"] == "CHANNEL_HANGUP_COMPLETE":
                    self.ended.add(event["Unique-ID"])


async def many_calls(home: Home) -> None:
    numbers = iter(range(CALLS))

    async def caller(phone: Phone) -> None:
        for _ in numbers:
            call = phone.invite("9196", home.external)
            await call.answered()
            call.hang_up()
            await call.over()

    await asyncio.gather(*(caller(home.lan_phone()) for _ in range(AT_ONCE)))


async def test_it_loses_nothing_in_500_calls_and_one_that_sleeps_costs_no_memory(
    served: Any, caplog: Any, monkeypatch: Any
) -> None:
    home, event_socket = await served()
    home.switch.calls.pace.limit = 10_000  # the pace is not what is tried here
    awake = await asyncio.to_thread(Dashboard, event_socket.endpoint)
    monkeypatch.setattr(outbox.Outbox.__init__, "__defaults__", (outbox.MOST_WAITING, ROOM))
    asleep = await asyncio.to_thread(Dashboard, event_socket.endpoint)
    boxes = {link.peer: link._connection._outbox for link in event_socket.hub.links}
    waiting = boxes[Endpoint(*asleep.socket.getsockname())]
    awake.start()
    await many_calls(home)
    await eventually(lambda: len(awake.ended) == CALLS, "not every call was heard of")
    assert awake.numbers == list(range(awake.numbers[0], awake.numbers[0] + len(awake.numbers)))
    assert waiting.waiting_bytes < ROOM + ONE_FRAME
    assert waiting.lost_in_all == outbox.MOST_LOST + 1
    assert "is too slow" in caplog.text, "who sleeps so long is told to come again"
    for each in (awake, asleep):
        each.socket.shutdown(socket.SHUT_RDWR)
        each.socket.close()
    awake.join()
