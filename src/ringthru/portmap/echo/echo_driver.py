"""The outside echo on sockets: a host that knocks, and a client that has its mappings knocked at."""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from ...net.address import Endpoint
from ...net.sockets import bind_udp
from ..drivers.udp_driver import AT_ONCE, BIGGEST, UdpPort
from ..values import Protocol
from ..wire.echo import PORT, SIZE, Outcome
from .echo_host import EchoHost, ProbeOrder
from .echo_proof import EchoProof, Proof

MOST_PROBES: Final = 64  # under way at once, on one host
TCP_PATIENCE: Final = 3.0  # seconds for a connection
ICMP_PATIENCE: Final = 0.3  # seconds for word that nobody is at a UDP port
MOST_CALLERS: Final = 8  # TCP connections read at once while we watch a port of our own
EVERYWHERE: Final = Endpoint("0.0.0.0", PORT)
WILDCARDS: Final = ("", "0.0.0.0", "::")

log = logging.getLogger(__name__)


class EchoServer:
    """An echo host on ``local``, for a machine on the Internet. Nothing that comes in raises.

    On a machine with several addresses ``local`` names one: answers must come from where the asker asked.
    """

    def __init__(self, local: Endpoint = EVERYWHERE) -> None:
        self._wanted = local
        self._host = EchoHost(secrets.token_bytes(32))
        self._socket: socket.socket | None = None
        self._running: set[asyncio.Task[None]] = set()

    def open(self) -> Endpoint:
        """Begin to answer, on the running loop; where.

        Raises:
            PortInUse: somebody has the port; the message says who, where the system tells.
            OSError: any other refusal.
        """
        if self._socket is None:
            self._socket = bind_udp(self._wanted)
            asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable, self._socket)
        return Endpoint(*self._socket.getsockname()[:2])

    async def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def counters(self) -> dict[str, int]:
        return self._host.counters()

    def _readable(self, sock: socket.socket) -> None:
        now = asyncio.get_running_loop().time()
        for _ in range(AT_ONCE):
            try:
                datagram, source = sock.recvfrom(BIGGEST)
            except OSError:
                break  # nothing more, or word of somebody who went away
            self._host.receive_datagram(datagram, Endpoint(*source[:2]), now)
        self._pump()

    def _pump(self) -> None:
        for datagram, to in self._host.datagrams_to_send():
            if self._socket is not None:
                try:
                    self._socket.sendto(datagram, to)
                except OSError as error:  # full, or no way: as good as lost, the asker asks again
                    log.debug("cannot answer %s: %s", to, error)
        for order in self._host.probes():
            task = asyncio.get_running_loop().create_task(self._carry_out(order))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _carry_out(self, order: ProbeOrder) -> None:
        own = None if self._wanted.host in WILDCARDS else self._wanted.host
        knock = _knock_udp if order.protocol is Protocol.UDP else _knock_tcp
        outcome = Outcome.LIMITED if len(self._running) > MOST_PROBES else await _outcome(knock(order, own))
        self._host.done(order, outcome, asyncio.get_running_loop().time())
        self._pump()


async def _outcome(knocking: Awaitable[Outcome]) -> Outcome:
    try:
        return await knocking
    except TimeoutError:
        return Outcome.TIMEOUT
    except ConnectionRefusedError:
        return Outcome.REFUSED
    except OSError as error:
        log.debug("cannot knock: %s", error)
        return Outcome.FAILED


async def _knock_udp(order: ProbeOrder, own: str | None) -> Outcome:
    """One datagram from a port that has never sent to them, so that no NAT lets it in for old times' sake."""
    family = socket.AF_INET6 if ":" in order.to.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        if own is not None:
            sock.bind((own, 0))
        sock.connect(order.to)
        sock.send(order.datagram)
        try:
            async with asyncio.timeout(ICMP_PATIENCE):
                await asyncio.get_running_loop().sock_recv(sock, SIZE)
        except TimeoutError:
            pass  # no word against it, which is what is hoped for
        return Outcome.SENT


async def _knock_tcp(order: ProbeOrder, own: str | None) -> Outcome:
    async with asyncio.timeout(TCP_PATIENCE):
        local = None if own is None else (own, 0)
        _, writer = await asyncio.open_connection(*order.to, local_addr=local)
    try:
        writer.write(order.datagram)
        writer.close()  # sends what is written first
        async with asyncio.timeout(TCP_PATIENCE):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        pass  # it was accepted, and that is what was asked
    finally:
        writer.transport.abort()
    return Outcome.CONNECTED


class EchoClient:
    """Has mappings knocked at by the echo host ``echo``, asking from ``local_host``, a LAN address of ours.

    It asks from a socket of its own, never from the mapped port: a NAT would let in the echo host's probe
    as an answer, mapping or not. It asks over ``interface``, where that is named, whatever the routes say.
    """

    def __init__(self, echo: Endpoint, local_host: str, interface: str = "") -> None:
        self._echo = echo
        self._local_host = local_host
        self._interface = interface
        self._proofs: set[EchoProof] = set()
        self._waking: dict[EchoProof, Callable[[], None]] = {}

    async def prove(
        self,
        protocol: Protocol,
        external_port: int,
        internal_port: int,
        *,
        watched: bool = False,
        listens: bool = True,
    ) -> Proof:
        """Whether somebody outside gets through ``external_port``; 20 s at the very most.

        ``watched``: the owner of the internal port hands to ``saw`` what comes in there. Without it, and with
        ``listens``, the port is bound for the moment, if nobody has it.

        Raises:
            LocalError: the external port is not 1–65535.
        """
        async with AsyncExitStack() as stack:
            if not watched and listens:
                try:
                    watched = await self._watch(protocol, internal_port, stack)
                except OSError as error:
                    return Proof(None, f"cannot look whether a probe comes in: {error}")
            proof = EchoProof(protocol, external_port, str(self._echo), secrets.token_bytes, watched=watched)
            return await self._ask(proof)

    def saw(self, datagram: bytes) -> bool:
        """Take what came in at a mapped port; True when it was a probe, and of no use to anybody else."""
        for proof in tuple(self._proofs):
            if proof.saw(datagram):
                self._waking[proof]()
                return True
        return False

    async def _ask(self, proof: EchoProof) -> Proof:
        loop = asyncio.get_running_loop()
        news = asyncio.Event()
        port = None

        def receive(datagram: bytes, _: Endpoint) -> None:
            proof.receive_datagram(datagram, loop.time())
            news.set()

        def refused() -> None:
            proof.refused()
            news.set()

        try:
            port = UdpPort(self._local_host, receive, refused, self._echo, interface=self._interface)
            self._proofs.add(proof)
            self._waking[proof] = news.set
            proof.start(loop.time())
            while proof.proof is None:
                await self._step(proof, port, news)
            return proof.proof
        except OSError as error:
            return Proof(None, f"cannot ask the echo host {self._echo}: {error}")
        finally:
            self._proofs.discard(proof)
            self._waking.pop(proof, None)
            if port is not None:
                port.close()

    async def _step(self, proof: EchoProof, port: UdpPort, news: asyncio.Event) -> None:
        """Send what is to be sent, and wait for news or the next time-out."""
        news.clear()
        for datagram in proof.datagrams_to_send():
            port.send(datagram)
        try:
            async with asyncio.timeout_at(proof.next_timeout()):
                await news.wait()
        except TimeoutError:
            proof.handle_timeout(asyncio.get_running_loop().time())

    async def _watch(self, protocol: Protocol, internal_port: int, stack: AsyncExitStack) -> bool:
        """Bind the internal port ourselves for the moment; whether what comes in there is seen.

        Raises:
            OSError: it cannot be bound; the text says why.
        """
        local = Endpoint(self._local_host, internal_port)
        if protocol is Protocol.UDP:
            stack.callback(_watch_udp(bind_udp(local), self.saw))
            return True
        callers = _Callers(self.saw)
        try:
            server = await asyncio.start_server(callers.take, *local)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False  # somebody listens; that the echo host gets a connection will do
            raise
        stack.callback(callers.close)
        stack.callback(server.close)
        return True


def _watch_udp(sock: socket.socket, saw: Callable[[bytes], bool]) -> Callable[[], None]:
    """Hand over what comes in; what is returned ends that."""
    loop = asyncio.get_running_loop()

    def readable() -> None:
        for _ in range(AT_ONCE):
            try:
                saw(sock.recv(BIGGEST))
            except OSError:
                return

    def close() -> None:
        loop.remove_reader(sock.fileno())
        sock.close()

    loop.add_reader(sock.fileno(), readable)
    return close


class _Callers:
    """Reads one message of each TCP connection, of a few at a time."""

    def __init__(self, saw: Callable[[bytes], bool]) -> None:
        self._saw = saw
        self._reading: set[asyncio.Task[None]] = set()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._reading) >= MOST_CALLERS:
            writer.transport.abort()
            return
        self._reading.add(task)
        try:
            async with asyncio.timeout(TCP_PATIENCE):
                self._saw(await reader.readexactly(SIZE))
        except (OSError, TimeoutError, EOFError):
            pass  # a stranger, or one who dawdles
        except asyncio.CancelledError:
            pass  # we are done; nobody waits for the outcome
        finally:
            self._reading.discard(task)
            writer.transport.abort()

    def close(self) -> None:
        for task in self._reading:
            task.cancel()
