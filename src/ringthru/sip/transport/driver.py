"""A user agent on its sockets: UDP here, TCP and TLS by `stream_driver.py`.

Lives here: bytes and time for one agent. Never here: any rule of SIP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from ...net.address import Endpoint
from ...net.sockets import PortInUse, bind_udp, descriptor_limit
from ...net.values import frozen
from ..agent.events import Event
from ..agent.useragent import UserAgent
from ..flow import Flow
from .connections import ConnectionBook, ConnectionLimits
from .datagram_driver import DatagramDriver
from .stream_driver import StreamDriver

if TYPE_CHECKING:
    from .tls_driver import TlsContexts  # late: most switches do without

log = logging.getLogger(__name__)

Trace = Callable[[str, bytes, Flow], None]  # ("recv" or "send", message, flow)
STUN_BELOW = b"\x04"  # the first octet of a STUN message (RFC 7983 §7)
TRIES = 8  # to find a port that is free for UDP and for TCP, when any will do


@frozen
class TlsListener:
    """Where TLS listens, and as whom."""

    local: Endpoint
    contexts: TlsContexts


class SipDriver:
    """Moves an agent's messages, runs its timers, hands on its events.

    ``pump`` must be called after every action on the agent or a call of it. Exceptions of the
    agent or of ``on_event`` are logged and counted in ``failures``; they end nothing.
    """

    def __init__(
        self,
        agent: UserAgent,
        on_event: Callable[[Event], None],
        trace: Trace | None = None,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self.locals: dict[str, Endpoint] = {}  # where each transport listens
        self.trace = trace
        # Takes datagrams that are no SIP: their first octet says that they are STUN (RFC 7983)
        self.on_stun: Callable[[bytes, Endpoint], None] | None = None
        self.failures = 0
        self.connections = ConnectionBook((limits or ConnectionLimits()).within(descriptor_limit()))
        self._agent = agent
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._udp: DatagramDriver | None = None
        self._streams: dict[str, StreamDriver] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0  # where there is one
        self._pumping = False
        self._closed = False

    @classmethod
    async def open(
        cls,
        local: Endpoint,
        agent: UserAgent,
        on_event: Callable[[Event], None],
        *,
        transports: Collection[str] = ("UDP",),
        tls: TlsListener | None = None,
        trace: Trace | None = None,
        limits: ConnectionLimits | None = None,
    ) -> SipDriver:
        """Listen on ``local`` with UDP, TCP or both, on the same port; and with TLS where it says.

        Port 0 takes any; ``locals`` tells which.

        Raises:
            PortInUse: somebody has a port; nothing is left open.
            OSError: the address is not ours.
        """
        driver = cls(agent, on_event, trace, limits)
        try:
            driver._listen(local, transports)
            if tls is not None:
                driver._open_streams(tls.local, tls.contexts)
        except OSError:
            driver.close()
            raise
        driver.pump()
        return driver

    @property
    def local(self) -> Endpoint:
        """Where the first of our transports listens."""
        return next(iter(self.locals.values()))

    def close(self) -> None:
        """Stop listening; what was handed to the sockets still leaves."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        udp, self._udp = self._udp, None
        if udp is not None:
            udp.close()
        for stream in self._streams.values():
            stream.close()

    def is_open(self, flow: Flow) -> bool:
        """Whether a message for ``flow`` could leave at once: over UDP always."""
        stream = self._streams.get(flow.transport)
        return flow.transport == "UDP" if stream is None else stream.is_open(flow)

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

    def send_stun(self, data: bytes, to: Endpoint) -> None:
        """A datagram that is no SIP, by the socket of UDP."""
        if self._udp is not None:
            self._udp.send(data, to)

    # What comes from the sockets

    def datagram_received(self, data: bytes, source: Endpoint) -> None:
        if self.on_stun is not None and data[:1] < STUN_BELOW:
            self.on_stun(data, source)
            return
        self.message_received(data, Flow("UDP", self.locals["UDP"], source, heard=True))
        self.pump()

    def message_received(self, data: bytes, flow: Flow) -> None:
        """One datagram, or one message of a connection; ``pump`` is the caller's."""
        if self.trace is not None:
            self.trace("recv", data, flow)
        try:
            self._agent.receive_message(data, flow, self._loop.time())
        except Exception:
            self._note_failure(f"a message from {flow}")

    def flow_failed(self, flow: Flow, reason: str) -> None:
        """A connection broke, or could not be made."""
        try:
            self._agent.flow_failed(flow, reason, self._loop.time())
        except Exception:
            self._note_failure(f"the loss of {flow}")
        self.pump()

    def trace_bytes(self, way: str, data: bytes, flow: Flow) -> None:
        if self.trace is not None:
            self.trace(way, data, flow)

    # Our own

    def _listen(self, local: Endpoint, transports: Collection[str]) -> None:
        tries = 1 if local.port else TRIES
        for left in reversed(range(tries)):
            try:
                where = local
                if "UDP" in transports:
                    where = self._open_udp(where)
                if "TCP" in transports:
                    self._open_streams(where, None)
            except PortInUse:
                if not left:
                    raise
                self._close_udp()  # the port we were given is another's over TCP: take the next
            else:
                return

    def _open_udp(self, local: Endpoint) -> Endpoint:
        sock = bind_udp(local)
        host, port = sock.getsockname()[:2]
        where = self.locals["UDP"] = Endpoint(host, port)
        self._udp = DatagramDriver(sock, self.datagram_received)
        return where

    def _close_udp(self) -> None:
        if self._udp is not None:
            self._udp.close()
            self._udp = None

    def _open_streams(self, local: Endpoint, tls: TlsContexts | None) -> None:
        stream = StreamDriver(local, self, self.connections, tls)
        stream.listen()
        self._streams[stream.transport] = stream
        self.locals[stream.transport] = stream.local

    def _send_all(self) -> None:
        """Until nothing is left: a message that no connection takes may make the agent send another."""
        looking = True
        while looking:
            looking = False
            for data, flow in self._agent.messages_to_send():
                if flow.transport == "UDP" and self._udp is not None:
                    if self.trace is not None:
                        self.trace("send", data, flow)
                    self._udp.send(data, flow.remote)
                elif not self._closed:
                    self._send_on_stream(data, flow)
                    looking = True

    def _send_on_stream(self, data: bytes, flow: Flow) -> None:
        stream = self._streams.get(flow.transport)
        if stream is not None:
            stream.send(data, flow)
        else:
            self.flow_failed(flow, f"{flow.transport} is not served here")

    def _hand_on(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            self._note_failure(type(event).__name__)

    def _set_timer(self) -> None:
        """Wake up no later than the agent wants; sooner does no harm.

        Each answered call starts a timer that its ACK stops at once: to follow would cost the event loop an
        insertion into its heap for each message, and to wake up for nothing costs one now and then.
        """
        when = self._agent.next_timeout() if not self._closed else None
        if when is None or (self._timer is not None and self._wakes_at <= when):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._on_timer)
        self._wakes_at = when

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
