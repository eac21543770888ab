"""What tells us that something changed: the gateway's announcements and events, the kernel, the clocks.

Whatever is heard becomes a hint for the engine, which asks the gateway before it believes anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from ..net.address import Endpoint
from ..net.changes import NetworkChanges, SuspendWatch
from .discovery.announcements import Announcements
from .engine_driver import EngineDriver
from .gateway.gena_subscription import Subscription
from .gateway.upnp_client import HttpRequest
from .gena_driver import GenaServer
from .hearing_driver import Hearing
from .wire.gena import Notification
from .wire.location import Location

BUSY = 1.0  # seconds until a gateway that is being asked something may be asked for events too
EVENT_PATH = "/events"


class Listener:
    """Listens for one engine, from when it is made until it is closed. To be made inside a running loop.

    ``on_change`` is called when the kernel's tables changed (with ``follows_the_system`` only),
    ``on_resume`` with the seconds that the machine slept.
    """

    def __init__(
        self,
        driver: EngineDriver,
        log: Callable[[int, str], None],
        *,
        follows_the_system: bool,
        on_change: Callable[[], None],
        on_resume: Callable[[float], None],
    ) -> None:
        self._driver = driver
        self._announcements = Announcements(log)
        self._timer: asyncio.TimerHandle | None = None
        self._hearing: Hearing | None = None
        self._heard_at = ""
        self._changes = NetworkChanges(on_change) if follows_the_system else None
        self._suspend = SuspendWatch(on_resume)
        self._events = EventListener(driver, self._got_event)
        self.look()

    def look(self) -> None:
        """The gateway in use, or our own place, may be another one now."""
        site, engine = self._driver.site, self._driver.engine
        self._announcements.watch(engine.gateway or site.gateway, engine.gateway_name)
        if site.address != self._heard_at:
            self._heard_at = site.address
            self._listen_at(site.address, site.interface, site.interface_index, site.multicast)
        self._events.look()

    def counters(self) -> dict[str, int]:
        """What was refused, by name."""
        return self._announcements.counters()

    def close(self) -> None:
        self._suspend.close()
        for closing in (self._changes, self._hearing, self._events):
            if closing is not None:
                closing.close()
        if self._timer is not None:
            self._timer.cancel()

    def _listen_at(self, address: str, zone: str, index: int, multicast: bool) -> None:
        if self._hearing is not None:
            self._hearing.close()
        interface = (zone, index) if index else None
        self._hearing = Hearing(
            address, self._got_announcement, self._got_notify, interface=interface, multicast=multicast
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

    def _pump(self) -> None:
        hints = self._announcements.hints()
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

    def _on_timer(self) -> None:
        self._announcements.handle_timeout(self._driver.clock())
        self._pump()


class EventListener:
    """A subscription to the events of the UPnP service in use; polling stays the base without one."""

    def __init__(self, driver: EngineDriver, on_event: Callable[[Notification], None]) -> None:
        self._driver = driver
        self._on_event = on_event
        self._server: GenaServer | None = None
        self._subscription: Subscription | None = None
        self._subscribed_to: Location | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Subscribe when the gateway in use has events, and another one than before."""
        event = self._driver.engine.events_at
        if event == self._subscribed_to:
            return
        self._subscribed_to = event
        self._subscription = None
        if event is not None:
            self._run(self._subscribe(event))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        if self._server is not None:
            closing = asyncio.get_running_loop().create_task(self._server.close())
            self._tasks.add(closing)  # kept until it is done
        self._subscription = None

    async def _subscribe(self, event: Location) -> None:
        if self._server is None:
            self._server = GenaServer(self._driver.site.address, self._got)
        local = await self._server.open()
        if local is None or event != self._subscribed_to:
            return
        self._server.expect(event.host)
        self._subscription = Subscription(event, f"http://{local}{EVENT_PATH}")
        self._subscription.start(self._driver.clock())
        self._pump()

    def _got(self, event: Notification) -> bool:
        if self._subscription is None:
            return False
        known = self._subscription.receive_notify(event, self._driver.clock()) == 200
        self._pump()
        return known

    def _pump(self) -> None:
        subscription = self._subscription
        if subscription is None:
            return
        for event in subscription.events():
            if isinstance(event, Notification):
                self._on_event(event)
        for request in subscription.requests_to_send():
            self._run(self._ask(subscription, request))
        if self._timer is not None:
            self._timer.cancel()
        when = subscription.next_timeout()
        delay = None if when is None else max(0.0, when - self._driver.clock())
        loop = asyncio.get_running_loop()
        self._timer = None if delay is None else loop.call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        if self._subscription is not None:
            self._subscription.handle_timeout(self._driver.clock())
            self._pump()

    async def _ask(self, subscription: Subscription, request: HttpRequest) -> None:
        from .http_driver import fetch

        while self._driver.engine.busy:  # one request at a time is all that some gateways bear (HT16)
            await asyncio.sleep(BUSY)
        reply = await fetch(request.ask, self._driver.site.address)
        subscription.receive_reply(request.number, reply, self._driver.clock())
        self._pump()

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
