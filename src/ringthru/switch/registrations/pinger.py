"""The keepalive on a loop: asks registered phones by OPTIONS, and tells who does not answer any more.

Lives here: the timer, the request. Never here: whom to ask when (``keepalive``), what it costs a phone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable

from ...sip import Binding, Response
from .keepalive import Keepalive, Ping, PingRules

Ask = Callable[[Binding], Awaitable[Response | None]]
SILENT = (408, 503)  # what a proxy answers for a phone that it cannot reach


class Pinger:
    """``ask`` sends one OPTIONS to a phone; its answer is None when there is none, or no way to it."""

    def __init__(
        self, ask: Ask, on_lost: Callable[[Binding], None], on_back: Callable[[Binding], None]
    ) -> None:
        self._ask = ask
        self._on_lost = on_lost
        self._on_back = on_back
        self._keepalive = Keepalive(random.random)
        self._bindings: dict[Hashable, Binding] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._asking: set[asyncio.Future[None]] = set()

    def watch(self, key: Hashable, binding: Binding, rules: PingRules) -> None:
        self._bindings[key] = binding
        self._keepalive.watch(key, rules, asyncio.get_running_loop().time())
        self._set_timer()

    def forget(self, key: Hashable) -> None:
        self._bindings.pop(key, None)
        self._keepalive.forget(key)

    def ping(self, key: Hashable) -> Ping:
        return self._keepalive.ping(key)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._asking:
            task.cancel()
        self._bindings.clear()

    def _on_timer(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        for key in self._keepalive.due(loop.time()):
            task = asyncio.ensure_future(self._ask_one(key))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        self._set_timer()

    async def _ask_one(self, key: Hashable) -> None:
        self._heard(key, await self._ask(self._bindings[key]))

    def _heard(self, key: Hashable, response: Response | None) -> None:
        now = asyncio.get_running_loop().time()
        binding = self._bindings.get(key)
        if response is None or response.status in SILENT:
            if self._keepalive.missed(key, now) and binding is not None:
                self._on_lost(binding)
        elif self._keepalive.answered(key, now) and binding is not None:
            self._on_back(binding)
        self._set_timer()

    def _set_timer(self) -> None:
        when = self._keepalive.next_timeout() if self._bindings else None
        if self._timer is not None:
            if when == self._timer.when():
                return
            self._timer.cancel()
        self._timer = None if when is None else asyncio.get_running_loop().call_at(when, self._on_timer)
