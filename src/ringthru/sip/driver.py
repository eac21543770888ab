"""A user agent on a UDP socket.

Lives here: bytes and time for one agent. Never here: any rule of SIP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..net.address import Endpoint
from ..net.sockets import bind_udp, open_datagram
from .events import Event
from .flow import Flow
from .useragent import UserAgent

log = logging.getLogger(__name__)

Trace = Callable[[str, bytes, Flow], None]  # ("recv" or "send", datagram, flow)


class SipUdpDriver(asyncio.DatagramProtocol):
    """Moves an agent's datagrams, runs its timers, hands on its events.

    ``pump`` must be called after every action on the agent or a call of it. Exceptions of the
    agent or of ``on_event`` are logged and counted in ``failures``; they end nothing.
    """

    def __init__(
        self, local: Endpoint, agent: UserAgent, on_event: Callable[[Event], None], trace: Trace | None
    ) -> None:
        self.local = local
        self.trace = trace
        self.failures = 0
        self._agent = agent
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pumping = False

    @classmethod
    async def open(
        cls,
        local: Endpoint,
        agent: UserAgent,
        on_event: Callable[[Event], None],
        *,
        trace: Trace | None = None,
    ) -> SipUdpDriver:
        """Listen on ``local``; port 0 takes any, ``.local`` tells which.

        Raises:
            PortInUse: somebody has the port.
            OSError: the address is not ours.
        """
        sock = bind_udp(local)
        host, port = sock.getsockname()[:2]
        driver = cls(Endpoint(host, port), agent, on_event, trace)
        driver._transport = await open_datagram(sock, driver)
        driver.pump()
        return driver

    def close(self) -> None:
        """Stop listening; what was handed to the socket still leaves."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def pump(self) -> None:
        """Send what is to be sent, hand on events, and set the timer. Events may act on the agent again."""
        if self._pumping:
            return  # called by an event's receiver: the loop below goes round once more
        self._pumping = True
        try:
            self._send_all()
            while events := self._agent.events():
                for event in events:
                    self._hand_on(event)
                self._send_all()
        finally:
            self._pumping = False
        self._set_timer()

    # What asyncio calls

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        flow = Flow("UDP", self.local, Endpoint(addr[0], addr[1]))
        if self.trace is not None:
            self.trace("recv", data, flow)
        try:
            self._agent.receive_datagram(data, flow, self._loop.time())
        except Exception:
            self._note_failure(f"a datagram from {flow}")
        self.pump()

    def error_received(self, exc: Exception) -> None:
        log.debug("%s: a datagram was not sent: %s", self.local, exc)

    # Our own

    def _send_all(self) -> None:
        transport = self._transport
        for data, flow in self._agent.datagrams_to_send():
            if transport is None:
                continue  # closed: nobody can be told any more
            if self.trace is not None:
                self.trace("send", data, flow)
            transport.sendto(data, flow.remote)

    def _hand_on(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            self._note_failure(type(event).__name__)

    def _set_timer(self) -> None:
        when = self._agent.next_timeout() if self._transport is not None else None
        if self._timer is not None:
            if when == self._timer.when():
                return
            self._timer.cancel()
        self._timer = None if when is None else self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        try:
            self._agent.handle_timeout(self._loop.time())
        except Exception:
            self._note_failure("a timer")
        self.pump()

    def _note_failure(self, where: str) -> None:
        """The last resort: no message and no receiver of events may stop the switch."""
        self.failures += 1
        log.exception("%s: unexpected failure over %s", self.local, where)
