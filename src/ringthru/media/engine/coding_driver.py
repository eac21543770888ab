"""Legs of any codec that we can make, whichever engine moves their packets.

An engine passes on what both legs of a bridge speak alike. Where they do not, each is bridged to an inner leg
on 127.0.0.1 instead, and a process of its own codes between the two inner legs (``coder_process_driver``): so
neither the switch's work nor its garbage delays audio, and every engine transcodes in the same way. Sounds
are coded ahead of time and fed (``coded_leg_driver``).

Lives here: the inner legs, the processes. Never here: packets, codecs' arithmetic.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ringthru.net.address import Endpoint

from ..coding.coders import frame_of, installed
from ..coding.transcoding import AUDIO, EVENT
from ..description.codecs import Codec
from ..description.offer_answer import Negotiated
from ..errors import EngineFull, MediaError
from ..interface import Codes, Elsewhere, Engine, Leg, PlacedPorts, Ports
from ..leg.stream import HOLD_TIMEOUT, RTP_TIMEOUT
from .coded_leg_driver import CodedLeg

if TYPE_CHECKING:
    from ..ng.node import NodeSnapshot

log = logging.getLogger(__name__)

HERE: Final = "127.0.0.1"
MANY: Final = 25  # calls of one process; beyond them another one is begun, where there are cores for it
MOST: Final = 75  # calls of one process: what a core bears of Opus (13 ms of each second for one)
LATEST: Final = 8 << 10  # octets that wait for a process: audio that is late by more is worth nothing
PROCESSES: Final = 4
RETRIES: Final = 3  # processes that may be lost under one call


class CodingEngine(Codes):
    """See ``Engine``; ``home`` is the engine that moves the packets."""

    def __init__(self, home: Engine, coders: frozenset[str] | None = None) -> None:
        """``coders`` are the codecs that may be made here; by default those that are installed."""
        self.coders = installed() if coders is None else coders
        self.joints: dict[int, Joint] = {}
        self._home = home
        self._workers: list[Worker] = []
        self._serial = 0

    @property
    def name(self) -> str:
        return self._home.name

    def legs(self) -> Sequence[Leg]:
        return self._home.legs()

    def reserved(self) -> int:
        return self._home.reserved()

    def reserve(self, host: str) -> Ports:
        return self._home.reserve(host)

    def release(self, ports: Ports) -> None:
        self._home.release(ports)

    def open(
        self, ports: Ports, *, name: str, rtp_timeout: float = RTP_TIMEOUT, hold_timeout: float = HOLD_TIMEOUT
    ) -> CodedLeg:
        leg = self._home.open(ports, name=name, rtp_timeout=rtp_timeout, hold_timeout=hold_timeout)
        return CodedLeg(self, leg)

    async def start(self) -> None:
        await self._home.start()

    async def close(self) -> None:
        for joint in list(self.joints.values()):
            joint.close()
        for worker in self._workers:
            await worker.close()
        self._workers.clear()
        await self._home.close()

    # For the legs

    def makes(self, codec: Codec) -> bool:
        """Whether this codec can be made of another, and another of it."""
        return codec.name in self.coders

    def prepare(self) -> None:
        """Something may have to be coded soon: a process takes its time to begin."""
        if not self._workers:
            self._begin_worker()

    def join(self, one: Leg, other: Leg, agreed: tuple[Negotiated, Negotiated]) -> Joint:
        """Bridge two legs of the home engine that speak different codecs.

        Raises:
            EngineFull: no process has room, or there are no more ports.
        """
        worker = self._worker()
        self._serial += 1
        try:
            joint = Joint(self, self._home, worker, self._serial, (one, other), agreed)
        except (MediaError, OSError) as error:
            raise EngineFull(f"{one.name} and {other.name} cannot be transcoded: {error}") from error
        self.joints[self._serial] = joint
        return joint

    def admit(self) -> None:
        """See ``Codes``."""
        self._worker()

    def _worker(self) -> Worker:
        """A process that has room; raises EngineFull: none has, or none can be started."""
        least = min(self._workers, key=lambda worker: worker.calls, default=None)
        room = min(PROCESSES, os.cpu_count() or 1)
        if least is None or (least.calls >= MANY and len(self._workers) < room):
            least = self._begin_worker() or least
        if least is None:
            raise EngineFull("no process to transcode in can be started")
        if least.calls >= MOST:
            raise EngineFull(
                f"{MOST * len(self._workers)} calls are transcoded already; one more would harm them all: "
                "let more phones have a codec in common, or give this machine more cores"
            )
        return least

    def _begin_worker(self) -> Worker | None:
        try:
            worker = Worker(self)
        except OSError as error:
            log.error("No process to transcode in can be started: %s", error)
            return None
        self._workers.append(worker)
        return worker

    def lose(self, worker: Worker) -> None:
        """A process is gone: its calls go on in another one."""
        self._workers.remove(worker)
        for joint in [each for each in self.joints.values() if each.worker is worker]:
            joint.losses += 1
            try:
                if joint.losses <= RETRIES:
                    joint.move(self._worker())
            except EngineFull as error:
                log.error("A call is transcoded no more: %s", error)


class FarmCodingEngine(CodingEngine, Elsewhere):
    """The same where legs may be on other machines; see ``Elsewhere``."""

    def __init__(self, home: Engine, farm: Elsewhere, coders: frozenset[str] | None = None) -> None:
        """``home`` and ``farm`` are one and the same."""
        super().__init__(home, coders)
        self._farm = farm

    async def place(self, host: str, call: str) -> PlacedPorts | None:
        return await self._farm.place(host, call)

    def nodes(self) -> list[NodeSnapshot]:
        return self._farm.nodes()


class Worker:
    """One process that codes."""

    def __init__(self, engine: CodingEngine) -> None:
        """Raises OSError: it cannot be started."""
        from .twin_link_driver import Link  # with the first such call: the start is a budget

        self.calls = 0
        self._engine = engine
        self.link = Link(lambda verb, words: None, self._lose, "coder_process_driver", "transcodes")

    def _lose(self) -> None:
        self._engine.lose(self)

    async def close(self) -> None:
        await self.link.close()


class Joint:
    """Two legs, an inner one behind each, and the call in the process between them."""

    def __init__(
        self,
        engine: CodingEngine,
        home: Engine,
        worker: Worker,
        number: int,
        legs: tuple[Leg, Leg],
        agreed: tuple[Negotiated, Negotiated],
    ) -> None:
        """Raises MediaError, OSError: no more ports, legs or sockets."""
        self.agreed = agreed
        self.losses = 0
        self._engine = engine
        self._number = number
        self._inner: list[Leg] = []
        self._sockets: list[socket.socket] = []
        self.worker = worker
        try:
            for leg, spoken in zip(legs, agreed, strict=True):
                self._open(home, leg, spoken)
        except BaseException:
            self._let_go()
            raise
        self._hand_over()
        for leg, inner in zip(legs, self._inner, strict=True):
            leg.bridge(inner)

    def _open(self, home: Engine, leg: Leg, spoken: Negotiated) -> None:
        inner = home.open(home.reserve(HERE), name=f"{leg.name} (inner)")
        self._inner.append(inner)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sockets.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LATEST)
        sock.bind((HERE, 0))
        sock.connect(inner.local)
        inner.connect(_inside(spoken, Endpoint(*sock.getsockname())))

    def _hand_over(self) -> None:
        """Have the process code; it gets sockets of its own."""
        sides = [[each.codec, frame_of(each.codec, each.ptime), each.event_rate] for each in self.agreed]
        descriptors = [each.fileno() for each in self._sockets]
        self.worker.calls += 1
        self.worker.link.order("join", self._number, sides, descriptors=descriptors)

    def move(self, worker: Worker) -> None:
        """Go on in another process."""
        self.worker = worker
        self._hand_over()

    def counted(self) -> list[list[Any]]:
        """Of each direction: packets made, packets that could not be read, seconds that it took."""
        return self.worker.link.ask("report", self._number) or []

    def close(self) -> None:
        """End it; harmless twice."""
        if self._engine.joints.pop(self._number, None) is not None:
            self.worker.link.order("part", self._number)
            self.worker.calls -= 1
            self._let_go()

    def _let_go(self) -> None:
        for inner in self._inner:
            inner.close()
        for sock in self._sockets:
            sock.close()


def _inside(spoken: Negotiated, coder: Endpoint) -> Negotiated:
    """What an inner leg has agreed on: the codec and ways of the outer one, with the process as its peer."""
    return Negotiated(
        b"", _numbered(spoken.codec), coder, coder, EVENT, "sendrecv", spoken.ptime, AUDIO, EVENT, "sendrecv",
        mux=True, event_rate=spoken.event_rate,
    )  # fmt: skip


def _numbered(codec: Codec) -> Codec:
    return Codec(codec.name, AUDIO, codec.clock_rate, codec.channels)


def coding(home: Engine, coders: frozenset[str] | None = None) -> CodingEngine:
    """An engine that makes codecs of one another, around one that cannot."""
    return FarmCodingEngine(home, home, coders) if isinstance(home, Elsewhere) else CodingEngine(home, coders)
