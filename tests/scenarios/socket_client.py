"""A client of the event socket, and a program that the dialplan's ``socket`` connects to.

Built of the product's own framing, which the interop tests hold against clients that others wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ringthru.event_socket.driver import EventSocket
from ringthru.event_socket.framing import Frame, MessageReader
from ringthru.net.address import Endpoint
from ringthru.switch.events.bus import SwitchEvent
from ringthru.switch.events.forms import read_plain

PATIENCE = 30.0  # seconds; only a broken build needs them
SECRET = "lantern-71"  # of the event sockets in these tests


class SocketClient:
    """Says requests, hears frames; replies and events are kept apart."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.events: list[SwitchEvent] = []
        self.logs: list[Frame] = []
        self.notices: list[Frame] = []
        self._reader = reader
        self._writer = writer
        self._messages = MessageReader()

    @classmethod
    async def connect(cls, to: Endpoint, source: str | None = None) -> SocketClient:
        local = (source, 0) if source else None
        return cls(*await asyncio.open_connection(*to, local_addr=local))

    async def enter(self, password: str) -> str:
        assert (await self.reply()).content_type == "auth/request"
        return await self.ask(f"auth {password}")

    def say(self, text: str) -> None:
        self._writer.write(text.encode())

    async def ask(self, request: str) -> str:
        """A reply's text, or the body of an api."""
        self.say(f"{request}\n\n")
        frame = await self.reply()
        return frame.body.decode() if frame.content_type == "api/response" else frame.get("Reply-Text") or ""

    async def reply(self) -> Frame:
        """The next frame that is neither an event nor a line of the log."""
        while True:
            frame = await self.frame()
            if not self._keep(frame):
                return frame

    async def event(self, name: str, fits: Callable[[SwitchEvent], bool] = lambda event: True) -> SwitchEvent:
        """The first event of a name (or subclass) that fits, heard or to come."""
        while True:
            for event in self.events:
                if name in (event.name, event.subclass) and fits(event):
                    return event
            frame = await self.frame()
            assert self._keep(frame), frame

    async def log(self, words: str) -> Frame:
        while True:
            for line in self.logs:
                if words.encode() in line.body:
                    return line
            assert self._keep(await self.frame())

    def _keep(self, frame: Frame) -> bool:
        if frame.content_type == "text/event-plain":
            self.events.append(read_plain(frame.body))
        elif frame.content_type == "log/data":
            self.logs.append(frame)
        elif frame.content_type == "text/disconnect-notice":
            self.notices.append(frame)
            return False
        else:
            return False
        return True

    async def frame(self) -> Frame:
        async with asyncio.timeout(PATIENCE):
            while (frame := self._messages.next_frame()) is None:
                data = await self._reader.read(65536)
                if not data:
                    raise EOFError("the switch has closed the connection")
                self._messages.feed(data)
        return frame

    async def ended(self) -> bool:
        """Whether the connection is closed, once all is read."""
        try:
            while True:
                self._keep(await self.frame())
        except (EOFError, ConnectionError):
            return True

    def close(self) -> None:
        self._writer.close()


class Program:
    """What the dialplan's ``socket`` connects to: each call is a client of its own."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[SocketClient] = asyncio.Queue()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int = 0) -> Endpoint:
        self._server = await asyncio.start_server(self._connected, host, port)
        return Endpoint(*self._server.sockets[0].getsockname()[:2])

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._calls.put(SocketClient(reader, writer))

    async def call(self) -> SocketClient:
        async with asyncio.timeout(PATIENCE):
            return await self._calls.get()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()


async def client_of(event_socket: EventSocket, password: str = SECRET) -> SocketClient:
    """A program that is connected, and let in."""
    assert event_socket.endpoint is not None
    client = await SocketClient.connect(event_socket.endpoint)
    assert await client.enter(password) == "+OK accepted"
    return client
