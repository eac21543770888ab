"""Whether each provider is there: OPTIONS, as often as its ``ping`` says.

Lives here: who is asked when, and what silence leads to. Never here: one registration's course, calls.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

from ...net.levels import NOTICE
from ..registrations.keepalive import Keepalive, Ping, PingRules

if TYPE_CHECKING:
    from ...sip import Response
    from ..configuration.trunk_settings import TrunkSettings
    from .registration import TrunkRegistration

log = logging.getLogger(__name__)

PATIENCE: Final = 8.0  # seconds for an answer: five copies of the question (RFC 3261 §17.1.2.2)
SILENT: Final = (408, 503)  # answers that come from a proxy which reaches nobody


class Asking:
    """Asks all providers that are to be asked."""

    def __init__(
        self, trunks: Mapping[str, TrunkRegistration], tell: Callable[[TrunkRegistration], None]
    ) -> None:
        """``trunks`` are those there are at any time; ``tell`` hears of each that comes or goes."""
        self._trunks = trunks
        self._tell = tell
        self._keepalive = Keepalive(random.random)
        self._timer: asyncio.TimerHandle | None = None
        self._asking: set[asyncio.Future[None]] = set()

    def watch(self, settings: TrunkSettings, now: float) -> None:
        """Begin to ask a provider, if its settings want it."""
        if settings.ping:
            rules = PingRules(settings.ping, settings.ping_min, settings.ping_max)
            self._keepalive.watch(settings.name, rules, now)
            self._set_timer()

    def forget(self, name: str) -> None:
        self._keepalive.forget(name)

    def registered(self, trunk: TrunkRegistration) -> None:
        """A provider has us again, perhaps at another address: if it was silent, ask it now."""
        if not self._keepalive.ping(trunk.name).reachable:
            self._keepalive.ask_now(trunk.name, trunk.profile.now())
            self._set_timer()

    def ping(self, name: str) -> Ping:
        """What is thought of a provider; one that is not asked is taken to be there."""
        return self._keepalive.ping(name)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._asking:
            task.cancel()

    def _on_timer(self) -> None:
        self._timer = None
        for key in self._keepalive.due(asyncio.get_running_loop().time()):
            task = asyncio.ensure_future(self._ask(str(key)))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        self._set_timer()

    async def _ask(self, name: str) -> None:
        trunk = self._trunks.get(name)
        response = await _within(PATIENCE, trunk.ask_if_there()) if trunk is not None else None
        now = asyncio.get_running_loop().time()
        if trunk is not None and not trunk.located:
            self._keepalive.unasked(name, now)
        elif response is None or response.status in SILENT:
            if trunk is not None:
                self._missed(trunk, now)
        elif self._keepalive.answered(name, now):
            log.log(NOTICE, "Gateway %s answers OPTIONS again: UP", name)
            if trunk is not None:
                self._tell(trunk)
        self._set_timer()

    def _missed(self, trunk: TrunkRegistration, now: float) -> None:
        gone = self._keepalive.missed(trunk.name, now)
        if gone:
            log.warning("Gateway %s does not answer OPTIONS any more: DOWN", trunk.name)
            self._tell(trunk)
        if gone or not trunk.settings.register:  # who registers tries again by itself
            trunk.register(elsewhere=True)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = self._keepalive.next_timeout()
        if when is not None and self._trunks:
            self._timer = asyncio.get_running_loop().call_at(when, self._on_timer)


async def _within(seconds: float, answer: Coroutine[Any, Any, Response | None]) -> Response | None:
    try:
        return await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        return None
