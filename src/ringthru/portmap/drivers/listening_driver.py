"""What tells us that something changed: the gateway's announcements and events, the kernel, the clocks.

Whatever is heard becomes a hint for the engine, which asks the gateway before it believes anything.
Lives here: who listens to whom. Never here: who is believed (``announcements``), or what follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from ...net.changes import NetworkChanges, SuspendWatch
from ..discovery.announcements import Announcements, Hint, HintKind
from ..wire.gena import Notification
from .engine_driver import EngineDriver
from .engines_driver import Engines
from .hearing_driver import Hearing
from .subscribing_driver import EventListener

OWN_DELETION: Final = 5.0  # seconds in which an event may tell of it
NAMES: Final = {  # of the announcements' counts, as they are shown
    "spoofed": "spoofed announcements",
    "malformed": "malformed announcements",
    "others": "announcements of other devices",
    "repeated": "repeated announcements",
    "hints": "hints followed",
}


class Watching:
    """Listens for all engines, from when it is made until it is closed. To be made inside a running loop.

    With ``follows_the_system`` a change of the kernel's tables may put us elsewhere.
    """

    def __init__(self, engines: Engines, log: Callable[[int, str], None], follows_the_system: bool) -> None:
        self._engines = engines
        self._log = log
        self._listeners: dict[EngineDriver, Listener] = {}
        self._changes = NetworkChanges(engines.look_again) if follows_the_system else None
        self._suspend = SuspendWatch(self._resumed)
        if follows_the_system:
            engines.move_if_elsewhere()  # since the start, when nobody told us yet
        self.look()

    def look(self) -> None:
        """Gateways in use, or our own place, may be others now."""
        for driver in self._engines.all():
            if driver not in self._listeners and driver.site.gateway is not None:
                self._listeners[driver] = Listener(driver, self._log)
        for listener in self._listeners.values():
            listener.look()

    def counters(self) -> dict[str, int]:
        """What was heard and what was refused, by name."""
        counts: dict[str, int] = {}
        for listener in self._listeners.values():
            for name, count in listener.counters().items():
                counts[name] = counts.get(name, 0) + count
        return counts

    def quiet(self) -> None:
        """Hear nothing more; subscriptions stay until the end."""
        self._suspend.close()
        if self._changes is not None:
            self._changes.close()
        for listener in self._listeners.values():
            listener.quiet()

    async def end(self) -> None:
        """Give up subscriptions, and leave nothing open."""
        self.quiet()
        for listener in self._listeners.values():
            await listener.events.end()

    def close(self) -> None:
        """End at once."""
        self.quiet()
        for listener in self._listeners.values():
            listener.events.close()

    def _resumed(self, seconds: float) -> None:
        self._engines.each(lambda engine, now: engine.resumed(now))
        for listener in self._listeners.values():
            listener.resumed()


class Listener:
    """Listens for one engine."""

    def __init__(self, driver: EngineDriver, log: Callable[[int, str], None]) -> None:
        self._driver = driver
        self._announcements = Announcements(log)
        self._timer: asyncio.TimerHandle | None = None
        self._hearing: Hearing | None = None
        self._heard_at: tuple[str, str] | None = None
        self._quiet = False
        self.events = EventListener(driver, self._got_event, self._missed)

    def look(self) -> None:
        """The gateway in use, or our own place, may be another one now."""
        if self._quiet:
            return
        site, engine = self._driver.site, self._driver.engine
        self._announcements.watch(engine.gateway or site.gateway, engine.gateway_name)
        if self._heard_at != (site.address, site.interface):
            self._heard_at = (site.address, site.interface)
            self._listen()
        self.events.look()

    def counters(self) -> dict[str, int]:
        """What was heard and what was refused, by name."""
        heard = self._announcements.counters()
        counts = {shown: heard[name] for name, shown in NAMES.items() if name in heard}
        return {**counts, **{name: count for name, count in self.events.counters().items() if count}}

    def resumed(self) -> None:
        """The machine slept: what is planned on a clock that did not go on is planned anew."""
        if not self._quiet:
            self._pump()
            self.events.pump()

    def quiet(self) -> None:
        """Hear nothing more."""
        self._quiet = True
        if self._hearing is not None:
            self._hearing.close()
        if self._timer is not None:
            self._timer.cancel()

    def _listen(self) -> None:
        """At the address we have now."""
        if self._hearing is not None:
            self._hearing.close()
        site = self._driver.site
        interface = (site.interface, site.interface_index) if site.interface_index else None
        self._hearing = Hearing(
            site.address,
            self._got_announcement,
            self._got_notify,
            interface=interface,
            multicast=site.multicast,
        )
        self._hearing.open()

    def _got_announcement(self, datagram: bytes, source: Endpoint) -> None:
        self._announcements.receive_pmp(datagram, source, self._driver.clock())
        self._pump()

    def _got_notify(self, datagram: bytes, source: Endpoint) -> None:
        self._announcements.receive_ssdp(datagram, source, self._driver.clock())
        self._pump()

    def _got_event(self, event: Notification) -> None:
        self._announcements.receive_event(event, self._driver.clock())
        self._pump()

    def _missed(self) -> None:
        """Whatever the lost events told is asked for."""
        self._driver.engine.stirred(self._driver.clock())
        self._driver.pump()

    def _pump(self) -> None:
        if self._quiet:
            return
        hints = [each for each in self._announcements.hints() if not self._is_our_doing(each)]
        for hint in hints:
            self._driver.engine.hint(hint, self._driver.clock())
        if hints:
            self._driver.pump()
        if self._timer is not None:
            self._timer.cancel()
        when = self._announcements.next_timeout()
        delay = None if when is None else max(0.0, when - self._driver.clock())
        loop = asyncio.get_running_loop()
        self._timer = None if delay is None else loop.call_later(delay, self._on_timer)

    def _is_our_doing(self, hint: Hint) -> bool:
        """Whether there are fewer mappings because we deleted some: to make all anew would delete again."""
        since = self._driver.clock() - self._driver.forgot_at
        return hint.kind is HintKind.FEWER and since < OWN_DELETION

    def _on_timer(self) -> None:
        self._announcements.handle_timeout(self._driver.clock())
        self._pump()
