"""One connection on a socket: moves bytes and time, and has done what its machine orders.

Lives here: a transport. Never here: what a command means.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Final

from ..net.address import Endpoint
from ..switch.dialing.dialstring import truth
from ..switch.events.bus import SwitchEvent
from ..switch.waiting import Flag
from ..switch.words import random_uuid
from .connection import Connection, State
from .encoding import EncodedEvent
from .framing import Request
from .orders import (
    CheckPassword,
    Close,
    DescribeChannel,
    FireEvent,
    Listen,
    Order,
    ReadVariable,
    RunApi,
    RunJob,
    SendMessage,
    Tap,
)
from .session import ControlledCall, Door

if TYPE_CHECKING:
    from .hub_driver import Hub

log = logging.getLogger(__name__)

KERNEL_AHEAD: Final = 256 << 10  # bytes handed to the transport before it must have sent some
LAST_WORDS: Final = 3.0  # seconds for what was said before the end to be taken


class Link(asyncio.Protocol):
    """One client."""

    def __init__(self, hub: Hub, door: Door | None = None, call: ControlledCall | None = None) -> None:
        self.closed = Flag()
        self.listens: frozenset[str] = frozenset()
        self.tap_level: int | None = None  # FreeSWITCH's, 0–7
        self.peer = Endpoint("", 0)
        self._hub = hub
        self._call = call
        self._loop = asyncio.get_running_loop()
        self.came = self._loop.time()
        self._connection = Connection(self._loop.time(), random_uuid, door, call)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flushing = False
        self._full = False  # the transport takes nothing for now
        self._reading = True
        self._ending = False

    @property
    def is_stranger(self) -> bool:
        """Whether it has not shown a password yet."""
        return self._connection.state in (State.GREETED, State.REFUSING)

    @property
    def came_to_us(self) -> bool:
        """Whether it is a client's; of a call's program there is one for each call."""
        return self._call is None

    @property
    def is_silent(self) -> bool:
        """Whether it was greeted, and no password has come of it, right or wrong."""
        return self._connection.state is State.GREETED

    @property
    def keeps_the_call(self) -> bool:
        """Whether its call stays parked when it leaves: it has ``async``, and did not say ``resume``."""
        asked = self._connection.connected and not self._connection.resumes
        return self._call is not None and self._call.asynchronous and asked

    # --- what the transport says --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=KERNEL_AHEAD)
        if (sock := transport.get_extra_info("socket")) is not None:  # else who is gone would stay for ever
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.peer = Endpoint(*(transport.get_extra_info("peername") or ("", 0))[:2])
        self._hub.join(self)
        self._pump()

    def data_received(self, data: bytes) -> None:
        self._connection.receive_data(data, self._loop.time())
        self._pump()

    def eof_received(self) -> bool:
        self._connection.receive_eof(self._loop.time())
        self._pump()
        return True  # we close it, when all is answered

    def connection_lost(self, error: Exception | None) -> None:
        self._ending = True
        if self._timer is not None:
            self._timer.cancel()
        self.listens, self.tap_level, self._transport = frozenset(), None, None
        self._hub.leave(self)
        self.closed.set()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._connection.go_on(self._loop.time())
        self._pump()

    # --- what the hub and the call say --------------------------------------------------------------

    def diverts(self, event: SwitchEvent) -> bool:
        return self._connection.wishes.diverts(event)

    def receive_event(self, encoded: EncodedEvent) -> None:
        self._connection.receive_event(encoded)
        self._flush_soon()

    def receive_log(self, frame: bytes) -> None:
        self._connection.receive_log(frame)
        self._flush_soon()

    def hung_up(self) -> None:
        """The call of an outbound link is over."""
        self._connection.receive_hangup(self._loop.time())
        self._pump()

    def close(self, why: str) -> None:
        self._connection.close(why)
        self._pump()

    def _flush_soon(self) -> None:
        """Several events of one moment become one piece of data."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._pump)

    # --- moving -------------------------------------------------------------------------------------

    def _pump(self) -> None:
        self._flushing = False
        if self._transport is None:
            return
        while orders := self._connection.orders():
            for order in orders:
                self._carry_out(order)
        self._write()
        self._read_or_wait()
        self._set_timer()

    def _write(self) -> None:
        transport = self._transport
        while transport is not None and not self._full and not transport.is_closing():
            data = self._connection.data_to_send()
            if not data:
                break
            transport.write(data)
        if self._ending and transport is not None and not self._full:
            transport.close()

    def _read_or_wait(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        wants = self._connection.wants_to_read
        if wants and not self._reading:
            transport.resume_reading()
        elif self._reading and not wants:
            transport.pause_reading()
        self._reading = wants

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = self._connection.next_timeout()
        if when is not None and not self._ending:
            self._timer = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._connection.handle_timeout(self._loop.time())
        self._pump()

    # --- orders -------------------------------------------------------------------------------------

    def _carry_out(self, order: Order) -> None:
        match order:
            case CheckPassword(what=what):
                self._guessed(what)
            case RunApi() | RunJob() | SendMessage():
                self._hub.spawn(self._run(order))
            case FireEvent(name=name, headers=headers, body=body):
                self._hub.fire(name, headers, body)
            case Listen(names=names):
                self.listens = names
                self._hub.listen()
            case Tap(level=level):
                self.tap_level = level
                self._hub.tap()
            case ReadVariable(name=name) if self._call is not None:
                self._answer(order, self._hub.variable(self._call.uuid, name))
            case DescribeChannel() if self._call is not None:
                self._answer(order, self._hub.picture(self._call))
            case Close(why=why):
                self._end(why)

    async def _run(self, order: RunApi | RunJob | SendMessage) -> None:
        text = "-ERR failed\n"
        try:
            if isinstance(order, RunApi):
                text = await self._hub.run(order.line, console=order.console)
            elif isinstance(order, RunJob):
                await self._hub.run_job(order.line, order.uuid, self._call)
            else:
                wait = self._call is not None and not self._call.asynchronous and not _is_async(order.request)
                text = await self._hub.send_message(order.uuid, order.request, wait=wait)
        finally:
            self._answer(order, text)
            self._pump()

    def _answer(self, order: Order, text: str) -> None:
        self._connection.answer(order, text, self._loop.time())

    def _guessed(self, what: str) -> None:
        log.warning("Event socket: a wrong password from %s", self.peer)
        self._hub.switch.guard.failed(self.peer, f"it guesses {what}", self._loop.time())

    def _end(self, why: str) -> None:
        """Send what there is, for a few seconds at most."""
        log.log(logging.CRITICAL if "slow" in why else logging.DEBUG, "Event socket %s: %s", self.peer, why)
        self._ending = True
        if self._transport is not None:
            self._loop.call_later(LAST_WORDS, self._transport.abort)


def _is_async(request: Request) -> bool:
    """Whether a ``sendmsg`` says that it need not be waited for."""
    return truth(request.get("async"))
