"""The event loop that a port mapper lives in, and nobody calls it from elsewhere.

Lives here: what is said to those who do. Never here: what they asked for.
"""

from __future__ import annotations

import asyncio
import threading

from ..errors import LocalError

NO_LOOP = "port mapping needs a running event loop: start it in what asyncio.run runs"
IN_ANOTHER_THREAD = (
    "port mapping runs in another thread: call it there, as by asyncio.run_coroutine_threadsafe"
)
LOOP_ENDED = "the event loop that port mapping was started in has ended: begin anew with another PortMapper"
NOT_THERE = "port mapping was started in another event loop: call it in that one, or begin anew in this one"


class Home:
    """Nowhere, until it is settled."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    def settle(self) -> asyncio.AbstractEventLoop:
        """Live in the loop that runs here, from now on.

        Raises:
            LocalError: none does.
        """
        loop = _running()
        if loop is None:
            raise LocalError(NO_LOOP)
        self._loop, self._thread = loop, threading.get_ident()
        return loop

    @property
    def is_gone(self) -> bool:
        """Whether the loop has ended: nothing can be sent any more, and nobody waits."""
        return self._loop is not None and self._loop.is_closed()

    def check_thread(self) -> None:
        """Raises:
        LocalError: this is another thread.
        """
        if self._loop is not None and self._thread != threading.get_ident():
            raise LocalError(LOOP_ENDED if self.is_gone else IN_ANOTHER_THREAD)

    def check(self) -> None:
        """Raises:
        LocalError: this is another thread, or another event loop runs here, or none.
        """
        self.check_thread()
        if self._loop is not None and _running() is not self._loop:
            raise LocalError(LOOP_ENDED if self.is_gone else NOT_THERE)


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
