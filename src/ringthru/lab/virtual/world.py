"""The virtual world: one engine, one or more fake gateways, and the wire between them, under a manual clock.

Lives here: time, and what happens in it: mishaps, sleep, the end.
Never here: sockets, real time, the way of a message (crossing, wire), judgement (oracle).

Everything that happens by chance comes from the seed: equal seeds give equal transcripts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..clock import ManualClock
from ..gateway.host_side import NAP, Naps
from .crossing import Crossing
from .engine_io import EngineIo
from .gateway import VirtualGateway
from .neighbourhood import Neighbourhood
from .oracle import USUAL, Pace, Records, false_claims, left_behind, misplaced, pace_broken
from .wire import Schedule, Wire

MOST_TURNS: Final = 2000  # of engine and world at one instant; more, and something spins
GRACE: Final = 330.0  # seconds until an engine must have noticed a silent loss: it looks every 5 minutes
NOTICED: Final = 5.0  # seconds until a machine that has woken up notices that it slept


class World:
    """One engine and its gateways; the first of them is its default gateway.

    Rows of that one may put others beside it (TO01, TO02, TO08, TO11), once and for all, and have our machine
    sleep (TO06).

    ``engine`` is an ``Engine`` of ``ringthru.portmap``, made by the caller; its own address is ``host``.
    Call its methods through ``world.call``, which sends what comes of it. ``through`` is a NAT on the way to
    these gateways, which stand beyond it, and ``to`` the one of them that port 5351 is asked at. With
    ``on_change`` the engine's events are the caller's to read, who is told when there may be some.
    """

    def __init__(
        self,
        engine: Any,
        *gateways: VirtualGateway,
        clock: ManualClock,
        host: str = "192.168.1.103",
        wire: Wire | None = None,
        seed: int = 0,
        through: VirtualGateway | None = None,
        to: str = "",
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.engine = engine
        self._around = Neighbourhood(gateways, host, clock.read, through)
        self.gateways = self._around.gateways
        self.clock = clock
        self._on_change = on_change
        self.events: list[Any] = []  # what the engine told, in order
        self._io = EngineIo(engine)
        self._schedule = Schedule(clock, wire or Wire(), seed)
        self.crossing = Crossing(self._io, self._around, self._schedule, clock, to)
        self._naps = Naps()

    # What a test does

    @property
    def now(self) -> float:
        return self.clock.now

    @property
    def records(self) -> Records:
        """What crossed the wire, and what is to be blamed for it."""
        return self.crossing.records

    @property
    def host(self) -> str:
        """Our address, as the gateways see it."""
        return self._around.host

    def call(self, method: str, *arguments: Any) -> Any:
        """Call ``engine.method(*arguments, now)``, and send what comes of it."""
        result = getattr(self.engine, method)(*arguments, self.now)
        self.pump()
        return result

    def at(self, seconds: float, happening: Callable[[], object]) -> None:
        """Let something happen so many seconds from now."""
        self._schedule.later(seconds, happening)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.run_until(lambda: False, seconds)

    def run_until(self, condition: Callable[[], object], limit: float) -> bool:
        """Let time pass until the condition holds, ``limit`` seconds at most; whether it does.

        Seconds in which our machine sleeps (TO06) do not count.

        Raises:
            RuntimeError: engine and world go round without time passing.
        """
        end, turns, stood_at = self.now + limit, 0, self.now
        self.pump()
        while not condition():
            due = self.next_happening()
            if due is None or due > end:
                self.clock.advance_to(max(end, self.now))
                return bool(condition())
            self.clock.advance_to(max(due, self.now))
            if self._is_tired():
                self.sleep(NAP)
                end += NAP
            turns = turns + 1 if self.now == stood_at else 0
            stood_at = self.now
            if turns > MOST_TURNS:
                raise RuntimeError(f"{MOST_TURNS} turns at {self.now}: somebody spins")
            self.happen()
        return True

    def sleep(self, seconds: float) -> None:
        """Our machine sleeps: the world goes on, nothing gets to the engine, which is told afterwards."""
        end, self.crossing.asleep = self.now + seconds, True
        while (due := self._next_outside()) is not None and due <= end:
            self.clock.advance_to(max(due, self.now))
            self._act_outside()
        self.clock.advance_to(end)
        self.crossing.asleep = False
        self.crossing.lose_what_was_asked()
        self._naps.slept(self.now)
        self.at(NOTICED, lambda: self.call("resumed"))

    def verdicts(self, *, pace: Pace = USUAL, grace: float = GRACE) -> list[str]:
        """What the engine did wrong, in words; nothing is what there should be.

        (a) no mapping claims a rung that the gateway does not have; (b) nothing of others was deleted;
        (c) once it is stopped nothing of ours is left, unless a deletion was refused; (d) the pace;
        (e) a gateway that a row has put there, not on our way out, was neither mapped on nor believed.
        """
        snapshot = self.engine.snapshot(self.now)
        wrong = list(self.records.blamed)
        for gateway in self.gateways:
            gateway.pinholes.look()
            if snapshot.gateway in gateway.addresses:
                wrong += false_claims(snapshot.mappings, gateway, self.host, self.now, grace)
            if self._around.is_strange(gateway):
                wrong += misplaced(gateway, self.host, snapshot.external_address, self.now)
            elif self.engine.stopped and gateway.powered and not self.records.deletions_failed:
                wrong += [f"left behind: {entry}" for entry in left_behind(gateway, self.host, self.now)]
        return wrong + pace_broken(self.records, pace)

    def transcript(self) -> tuple[str, ...]:
        """Everything that crossed the wire."""
        return self.records.transcript()

    # Time

    def next_happening(self) -> float | None:
        """When anything happens next, of itself."""
        nap = self._naps.next_at(self.now, self._around.has("TO06"))
        times = [self._io.next_timeout(), self._next_outside(), nap]
        return min((each for each in times if each is not None), default=None)

    def _next_outside(self) -> float | None:
        """When something happens that is not the engine's doing."""
        times = [self._schedule.next_due(), self._around.next_timeout()]
        return min((each for each in times if each is not None), default=None)

    def _is_tired(self) -> bool:
        due = self._naps.next_at(self.now, self._around.has("TO06"))
        return due is not None and due <= self.now

    def happen(self) -> None:
        """Let everything that is due happen."""
        self._schedule.happen()
        due = self._io.next_timeout()
        if due is not None and due <= self.now:
            self._io.handle_timeout(self.now)
        self._around.handle_timeout(self.now)
        self.pump()

    def _act_outside(self) -> None:
        """A moment that the engine sleeps through."""
        self._schedule.happen()
        self._around.handle_timeout(self.now)
        self.crossing.pump_gateways()

    def pump(self) -> None:
        """Send what everybody wants to send, and take what the engine tells."""
        self.crossing.pump()
        if self._on_change is None:
            self.events += self.engine.events()
        else:
            self._on_change()
