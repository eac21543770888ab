"""Who looks at the page now: each is sent the sections that changed, once a second at most.

While nobody looks nothing is read, rendered or compared. However slow somebody takes what he is sent, of each
section only the latest waits for him.

Lives here: the rounds, and what each has seen. Never here: what a section says, sockets.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Final

from .markup import at_rest

log = logging.getLogger(__name__)

EVERY: Final = 1.0  # seconds between two looks at the switch
BEAT: Final = 15.0  # seconds of silence after which an event says that the connection lives
MOST_WATCHERS: Final = 20
AGAIN: Final = b"retry: 3000\n\n"  # milliseconds until a browser whose stream broke asks again
STILL_HERE: Final = b"event: beat\ndata: 0\n\n"


class _Watcher:
    """One browser: what it has been sent, and what waits for it."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self._seen: dict[str, str] = {}  # sections at rest
        self._waiting: dict[str, str] = {}

    def see(self, sections: dict[str, str], resting: dict[str, str]) -> None:
        for name, html in sections.items():
            if self._seen.get(name) != resting[name]:
                self._seen[name] = resting[name]
                self._waiting[name] = html
        if self._waiting:
            self.news.set()

    def take(self) -> dict[str, str]:
        self.news.clear()
        taken, self._waiting = self._waiting, {}
        return taken


class Looking:
    """All who look at one page."""

    def __init__(self, render: Callable[[], dict[str, str]], clock: Callable[[], float]) -> None:
        """``render`` makes every section anew; ``clock`` is the wall's."""
        self._render = render
        self._clock = clock
        self._watchers: set[_Watcher] = set()
        self._rounds: asyncio.Task[None] | None = None
        self.looks = 0  # how often the switch was looked at

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def watch(self, may_go_on: Callable[[float], bool]) -> AsyncGenerator[bytes, None] | None:
        """Server-sent events as long as ``may_go_on`` says so of the loop's time; None: too many look."""
        return self._told(may_go_on) if len(self._watchers) < MOST_WATCHERS else None

    async def _told(self, may_go_on: Callable[[float], bool]) -> AsyncGenerator[bytes, None]:
        watcher = _Watcher()
        self._watchers.add(watcher)
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._look())
        try:
            yield AGAIN
            while may_go_on(asyncio.get_running_loop().time()):
                try:
                    async with asyncio.timeout(BEAT):
                        await watcher.news.wait()
                except TimeoutError:
                    yield STILL_HERE
                else:
                    yield self._event(watcher.take())
        finally:
            self._watchers.discard(watcher)
            if not self._watchers and self._rounds is not None:
                self._rounds.cancel()
                self._rounds = None

    async def _look(self) -> None:
        while True:
            try:
                sections = self._render()
            except Exception:
                log.exception("The page cannot be rendered; the next look tries again")
            else:
                self.looks += 1
                resting = {name: at_rest(html) for name, html in sections.items()}
                for watcher in self._watchers:
                    watcher.see(sections, resting)
            await asyncio.sleep(EVERY)

    def _event(self, sections: dict[str, str]) -> bytes:
        """One event (HTML Standard §9.2.6); JSON has no line breaks that would end it."""
        text = json.dumps({"now": round(self._clock(), 1), "sections": sections})
        return f"data: {text}\n\n".encode()
