"""A session of ``ringthru cli``: connects, and again where it is asked to; runs lines one after another.

Lives here: what a line does, when a session is over. Never here: reading lines.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ..console.text import visible
from .link import Link, NoAnswer, NotConnected
from .options import Options
from .showing import Show, failed
from .slash import obey

LOGLEVEL: Final = "console loglevel "
PAUSE: Final = 1.0  # seconds between attempts to connect


class Session:
    """One user of one switch."""

    def __init__(self, options: Options, show: Show) -> None:
        self.show = show
        self.name = ""  # of the switch
        self.over = asyncio.Event()
        self.failed = False  # the last line was answered with an error
        self._options = options
        self._link: Link | None = None

    async def connect(self, *, log: bool = False) -> None:
        """Log in; with ``retry`` until it works. ``log``: have lines of the log sent.

        Raises:
            NotConnected: nobody there, or we are not let in.
        """
        while True:
            try:
                self._link = await Link.open(self._options, self.show.heard)
                break
            except NotConnected as error:
                if not self._options.retry or error.refused:
                    raise
                self.show.note(f"{error}; trying again")
                await asyncio.sleep(PAUSE)
        self.show.trace(6, f"Connected to {self._options.host}:{self._options.port}")
        self.name = visible((await self._link.api("switchname")).strip())
        if log and not self._options.quiet:
            await self._link.ask(f"log {self._options.loglevel}")

    async def close(self) -> None:
        if self._link is not None:
            await self._link.close()

    def leave(self) -> None:
        self.over.set()

    async def until_lost(self, *, log: bool) -> None:
        """Return when the connection is lost for good; with ``reconnect`` only when we are not let in again.

        Raises:
            NotConnected: what ended it.
        """
        while self._link is not None:
            ended = await asyncio.shield(self._link.ended)
            await self._link.close()
            if not self._options.reconnect:
                raise NotConnected(ended.why)
            self.show.note(f"The connection is lost: {ended.why}")
            await self._again(log=log)
            self.show.note(f"Connected again to {self.name}")

    async def _again(self, *, log: bool) -> None:
        while True:
            try:
                await self.connect(log=log)
                return
            except NotConnected as error:
                if error.refused:
                    raise
                await asyncio.sleep(PAUSE)

    async def run(self, line: str) -> None:
        """One line: for us, or for the switch. What goes wrong is shown.

        Raises:
            NotConnected: the connection is gone, and is not to be made again.
        """
        line = line.strip()
        if not line:
            return
        self.failed = False
        try:
            if line.startswith("/") or line == "...":
                await obey(self, line)
            else:
                if line.lower().startswith(LOGLEVEL):  # its own lines, too
                    self.show.answer(await self.ask(f"log {line[len(LOGLEVEL) :].strip()}"))
                self.show.trace(7, f"SEND api {line}")
                answer = await self._need().api(line)
                self.failed = failed(answer)
                self.show.answer(answer)
        except NoAnswer as error:
            self.failed = True
            self.show.note(f"-ERR {error}")
        except NotConnected as error:
            self.failed = True
            if not self._options.reconnect:
                raise
            self.show.note(f"-ERR not connected: {error}")

    async def ask(self, line: str) -> str:
        """The text of an event socket's reply. Raises NotConnected, NoAnswer."""
        self.show.trace(7, f"SEND {line}")
        return (await self._need().ask(line)).text

    async def complete(self, typed: str) -> list[str]:
        """The words that may stand where the last one stands; none when the switch does not tell."""
        try:
            answer = await self._need().api(f"console_complete c={len(typed)};{typed}")
        except (NotConnected, NoAnswer):
            return []
        return words_of_completion(answer, typed)

    def _need(self) -> Link:
        if self._link is None:
            raise NotConnected("there is no connection")
        return self._link


def words_of_completion(answer: str, typed: str) -> list[str]:
    """What ``console_complete`` offers: a list, or the one word that it would write."""
    listed, _, write = answer.rpartition("\n\nwrite=")
    last = typed.rpartition(" ")[2]
    words = [each for each in listed.replace("[", " ").replace("]", " ").split() if each.startswith(last)]
    one = write.partition(":")[2].strip()
    return sorted(set(words)) or ([one] if one else [])
