"""The connection to a switch: requests and their replies as coroutines, all else as it comes.

Lives here: the socket, deadlines. Never here: the protocol (``event_socket/client``), what people see.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

from ..event_socket.client import ClientSession, Ended, Event, Heard, Reply, Welcome
from ..event_socket.framing import Header
from .options import HERE, Options

WHERE_IT_IS = (
    "; the switch made one at its first start, in the folder of its -db, for its own user and root to read: "
    "--db names that folder, -p the password"
)
CONSOLE: tuple[Header, ...] = (("console_execute", "true"),)


class NotConnected(Exception):
    """There is no connection, or none any more; the text says why. ``refused``: trying again is no use."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class NoAnswer(Exception):
    """The time for an answer is over."""


class Link:
    """One connection that has logged in."""

    def __init__(
        self,
        options: Options,
        writer: asyncio.StreamWriter,
        session: ClientSession,
        hear: Callable[[Heard], None],
    ) -> None:
        self._options = options
        self._writer = writer
        self._session = session
        self._hear = hear
        self._asked: dict[int, asyncio.Future[Reply]] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, options: Options, hear: Callable[[Heard], None]) -> Link:
        """Connect and log in.

        Raises:
            NotConnected: nobody listens there, or it does not let us in.
        """
        session = ClientSession(options.password, options.user)
        place = f"{options.host}:{options.port}"
        try:
            async with asyncio.timeout(options.connect_timeout / 1000 or None):
                reader, writer = await asyncio.open_connection(options.host, options.port)
                link = cls(options, writer, session, hear)
                link._reading = asyncio.create_task(link._read(reader))
                await link._ready
        except TimeoutError as error:
            raise NotConnected(f"{place}: no answer within {options.connect_timeout} ms") from error
        except OSError as error:
            raise NotConnected(f"{place}: {_words_for(error)}") from error
        return link

    async def api(self, line: str) -> str:
        """What a command answers, read as the console reads it.

        Raises:
            NotConnected, NoAnswer.
        """
        return (await self.ask(f"api {line}", CONSOLE)).text

    async def ask(self, line: str, headers: tuple[Header, ...] = ()) -> Reply:
        """The reply to a request. Raises as ``api`` does."""
        if self.ended.done():
            raise NotConnected(self.ended.result().why)
        number = self._session.request(" ".join(line.splitlines()), headers)
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked[number] = waiting
        self._flush()
        try:
            async with asyncio.timeout(self._options.timeout / 1000 or None):
                return await waiting
        except TimeoutError as error:
            raise NoAnswer(f"no answer within {self._options.timeout} ms: {line}") from error
        finally:
            self._asked.pop(number, None)

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        why = "the server closed the connection"
        try:
            while data := await reader.read(65536):
                self._session.receive_data(data)
                self._flush()
                self._tell()
        except OSError as error:
            why = error.strerror or str(error)
        self._session.receive_end(why)
        self._tell()

    def _flush(self) -> None:
        data = self._session.data_to_send()
        if data:
            self._writer.write(data)

    def _tell(self) -> None:
        for event in self._session.events():
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case Welcome():
                self._ready.set_result(None)
            case Reply():
                waiting = self._asked.get(event.number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(event)
            case Heard():
                self._hear(event)
            case Ended():
                self._end(event)

    def _end(self, event: Ended) -> None:
        gone = NotConnected(event.why, refused=event.refused)
        if not self._ready.done():
            place = f"{self._options.host}:{self._options.port}"
            hint = WHERE_IT_IS if event.refused and self._options.host in HERE else ""
            self._ready.set_exception(NotConnected(f"{place}: {event.why}{hint}", refused=event.refused))
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(gone)
        if not self.ended.done():
            self.ended.set_result(event)


def _words_for(error: OSError) -> str:
    """Why there is no connection; asyncio's own text names a Python call and the place once more."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there: is the switch running, and its event socket at this address and port?"
    if isinstance(error, socket.gaierror):
        return f"this name is not known ({error.strerror})"
    return os.strerror(error.errno) if error.errno else str(error)
