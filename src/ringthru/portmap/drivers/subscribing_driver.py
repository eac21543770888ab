"""The gateway's events: subscribed to where its UPnP service has them, taken in, and given up at the end.

Lives here: the server, the requests and the timer. Never here: what an event means; polling stays the base.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Final

from ..gateway.gena_subscription import State, Subscription
from ..gateway.upnp_client import HttpRequest
from ..wire.gena import Notification
from ..wire.location import Location
from .engine_driver import EngineDriver

if TYPE_CHECKING:  # few gateways have events, and the start is a budget
    from .gena_driver import GenaServer

BUSY: Final = 0.5  # seconds until a gateway that is being asked something may be asked for events too
GOODBYE: Final = 0.5  # seconds for saying that no more events are wanted
EVENT_PATH: Final = "/events"


class EventListener:
    """A subscription to the events of the gateway in use. ``on_event`` takes them; ``on_missed`` is called
    when some were lost on the way."""

    def __init__(
        self,
        driver: EngineDriver,
        on_event: Callable[[Notification], None],
        on_missed: Callable[[], None],
    ) -> None:
        self._driver = driver
        self._on_event = on_event
        self._on_missed = on_missed
        self._server: GenaServer | None = None
        self._server_at = ""
        self._subscription: Subscription | None = None
        self._subscribed_to: Location | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def look(self) -> None:
        """Subscribe when the gateway in use has events, and another one than before."""
        event = self._driver.engine.events_at
        if self._closed or event == self._subscribed_to:
            return
        self._subscribed_to = event
        former, self._subscription = self._subscription, None
        if former is not None:
            former.stop()
            self._run(self._say_goodbye(former))
        if event is not None:
            self._run(self._subscribe(event))

    def pump(self) -> None:
        """Carry out what the subscription wants done, and plan when to come back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        subscription = self._subscription
        if subscription is None or self._closed:
            return
        for event in subscription.events():
            if isinstance(event, Notification):
                self._on_event(event)
            else:
                self._on_missed()
        for request in subscription.requests_to_send():
            self._run(self._ask(subscription, request))
        when = subscription.next_timeout()
        if when is not None:
            delay = max(0.0, when - self._driver.clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)

    def counters(self) -> dict[str, int]:
        """What came to the server and was not taken, by name."""
        if self._server is None:
            return {}
        return {"events of strangers": self._server.refused, "malformed events": self._server.malformed}

    async def end(self) -> None:
        """Say goodbye to the gateway, and leave nothing open."""
        former, self._subscription = self._subscription, None
        if former is not None:
            former.stop()
            if former.state is State.LEAVING:  # its name is on the way: ``_ask`` says goodbye by it
                await asyncio.wait(self._tasks, timeout=GOODBYE)
        self.close()
        if former is not None:
            await self._say_goodbye(former)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self) -> None:
        """End at once; the gateway is left to find out."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        self._subscription = None
        if self._server is not None:
            self._run(self._server.close())

    async def _subscribe(self, event: Location) -> None:
        local = await self._listen()
        if local is None or event != self._subscribed_to or self._server is None:
            return
        self._server.expect(event.host)
        self._subscription = Subscription(event, f"http://{local}{EVENT_PATH}")
        self._subscription.start(self._driver.clock())
        self.pump()

    async def _listen(self) -> object:
        """Where the gateway can bring events to, at the address that we have now."""
        from .gena_driver import GenaServer

        here = self._driver.site.address
        if self._server is not None and self._server_at != here:
            await self._server.close()
            self._server = None
        if self._server is None:
            self._server, self._server_at = GenaServer(here, self._got), here
        return await self._server.open()

    def _got(self, event: Notification) -> bool:
        if self._subscription is None:
            return False
        known = self._subscription.receive_notify(event, self._driver.clock()) == 200
        self.pump()
        return known

    def _on_timer(self) -> None:
        self._timer = None
        if self._subscription is not None:
            self._subscription.handle_timeout(self._driver.clock())
            self.pump()

    async def _ask(self, subscription: Subscription, request: HttpRequest) -> None:
        from .http_driver import fetch

        while self._driver.engine.busy:  # one request at a time is all that some gateways bear (HT16)
            await asyncio.sleep(BUSY)
        if subscription.state is State.LEAVING:  # before it was asked for
            return
        reply = await fetch(request.ask, self._driver.site.address, self._driver.site.interface)
        subscription.receive_reply(request.number, reply, self._driver.clock())
        if subscription is self._subscription:
            self.pump()
        else:
            await self._say_goodbye(subscription)

    async def _say_goodbye(self, former: Subscription) -> None:
        from .http_driver import fetch

        for request in former.requests_to_send():
            try:
                async with asyncio.timeout(GOODBYE):
                    await fetch(request.ask, self._driver.site.address, self._driver.site.interface)
            except TimeoutError:
                pass  # it ends by itself

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
