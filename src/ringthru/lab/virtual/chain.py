"""Two gateways one behind the other, and nested engines on them, under a manual clock.

What ``PortMapper`` does with sockets is done here with virtual worlds: one for the engine at the near
gateway, and one for each place beyond it where another gateway may be.

Lives here: joining those worlds, and judging the chain as a whole. Never here: what nesting means, which is
``portmap.nesting``; or what a gateway does.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from functools import partial
from typing import Final

from ...net.address import Endpoint
from ...portmap.discovery.site import Site
from ...portmap.drivers.handles_driver import Mapping, lease_of
from ...portmap.engine.engine import Engine
from ...portmap.events import Event
from ...portmap.mapping.sets import SetRule
from ...portmap.mapping.teller import Released
from ...portmap.nesting.nesting_driver import Nesting
from ...portmap.snapshots import MapperSnapshot
from ...portmap.values import MappingState, Rung, Wanted
from ..clock import ManualClock
from .gateway import VirtualGateway
from .wire import Wire
from .world import GRACE, MOST_TURNS, World

LADDER: Final = tuple(Rung)


class VirtualDriver:
    """An engine and its world, as ``EngineDriver`` is an engine and its sockets."""

    def __init__(self, site: Site, world: World) -> None:
        self.site = site
        self.world = world
        self.engine: Engine = world.engine
        self.clock = world.clock.read
        self.started = self.closed = False

    def start(self) -> None:
        self.started = True
        self.world.call("start")

    def pump(self) -> None:
        if self.started and not self.closed:
            self.world.pump()

    def close(self) -> None:
        self.closed = True


class Chain:
    """``near`` is our default gateway, at ``site``; its WAN is on the inside network of ``outer``.

    ``by_hand`` names the outer one; without it, it is where it is guessed. ``events`` is what a subscriber
    hears. Call ``start`` first.
    """

    def __init__(
        self,
        near: VirtualGateway,
        outer: VirtualGateway,
        site: Site,
        *,
        clock: ManualClock,
        by_hand: str | None = None,
        wire: Wire | None = None,
        seed: int = 0,
    ) -> None:
        near.behind = outer
        self.near, self.outer, self.clock = near, outer, clock
        self.events: list[Event] = []
        self.mappings: list[Mapping] = []
        self._wire, self._seeds = wire, itertools.count(seed)
        self._far: list[VirtualDriver] = []  # every one there ever was
        self._telling = False
        world = World(
            self._engine(site), near, outer, clock=clock, host=site.address, wire=wire, seed=seed,
            on_change=self._tell,
        )  # fmt: skip
        self.near_driver = VirtualDriver(site, world)
        self.nesting = Nesting(
            self.near_driver,  # type: ignore[arg-type]  # to the nesting they are alike
            self._make,  # type: ignore[arg-type]
            self.events.append,
            lambda: self.mappings,
            by_hand,
        )

    # What a test does

    @property
    def now(self) -> float:
        return self.clock.now

    def start(self) -> None:
        self.near_driver.start()

    def want(self, wanted: Wanted) -> Mapping:
        return self._hold(self.near_driver.engine.want(wanted, self.now))[0]

    def want_set(self, wanted: tuple[Wanted, ...], rule: SetRule) -> list[Mapping]:
        return self._hold(*self.near_driver.engine.want_set(wanted, rule, self.now).leases)

    def release(self, mapping: Mapping) -> None:
        self.nesting.released(mapping)
        self.near_driver.engine.release(lease_of(mapping), self.now)
        self.near_driver.pump()

    def reached(self, mapping: Mapping, words: str) -> None:
        """Somebody outside came through."""
        self.near_driver.engine.reached(lease_of(mapping), words, self.now)
        self.nesting.reached(mapping, words)
        self.near_driver.pump()

    def stop(self) -> None:
        self.near_driver.engine.stop(self.now)
        self.near_driver.pump()
        self.nesting.stop()

    @property
    def stopped(self) -> bool:
        return self.near_driver.engine.stopped and self.nesting.stopped

    def snapshot(self) -> MapperSnapshot:
        """What ``PortMapper.snapshot`` shows."""
        return self.nesting.extend(self.near_driver.engine.snapshot(self.now))

    def run(self, seconds: float) -> None:
        self.run_until(lambda: False, seconds)

    def run_until(self, condition: Callable[[], object], limit: float) -> bool:
        """Let time pass until the condition holds, ``limit`` seconds at most; whether it does.

        Raises:
            RuntimeError: engines and worlds go round without time passing.
        """
        end, turns, stood_at = self.now + limit, 0, self.now
        while not condition():
            due = min(
                (at for each in self._worlds() if (at := each.next_happening()) is not None), default=end
            )
            if due > end:
                self.clock.advance_to(end)
                return bool(condition())
            self.clock.advance_to(max(due, self.now))
            turns = turns + 1 if self.now == stood_at else 0
            stood_at = self.now
            if turns > MOST_TURNS:
                raise RuntimeError(f"{MOST_TURNS} turns at {self.now}: somebody spins")
            for each in self._worlds():
                each.happen()
        return True

    def verdicts(self, *, grace: float = GRACE) -> list[str]:
        """What the engines did wrong, each at its gateway, and both together; nothing is as it should be."""
        living = [each for each in self._far if not each.closed]
        wrong = self.near_driver.world.verdicts(grace=grace)
        wrong += [words for each in living for words in each.world.verdicts(grace=grace)]
        wrong += [words for each in self._far for words in each.world.records.blamed]
        return list(dict.fromkeys(wrong + self._broken(grace)))

    # Inside

    def _broken(self, grace: float) -> list[str]:
        """Mappings that the whole chain is said to hold, and that do not lead from its end to us."""
        wrong = []
        for each in self.snapshot().mappings:
            shown = each.state is MappingState.ACCEPTED and LADDER.index(each.rung) >= LADDER.index(
                Rung.LISTED
            )
            port, name = each.external_port, each.protocol.value
            if not shown or port is None or self._arrives(name, port, each.internal_port):
                continue
            closed = [*self.near.closed_at.items(), *self.outer.closed_at.items()]
            if not any(key.protocol == name and self.now - at < grace for key, at in closed):
                wrong.append(f"{name} {each.internal_port} is said to be at {port}, which leads nowhere")
        return wrong

    def _arrives(self, protocol: str, port: int, internal_port: int) -> bool:
        between = self.outer.forwards(protocol, port)
        if between is None or between.host != self.near.external:
            return False
        internal = self.near.forwards(protocol, between.port)
        return internal == Endpoint(self.near_driver.site.address, internal_port)

    def arrives(self, mapping: Mapping) -> bool:
        """Whether what comes from the Internet to the port that others are told arrives."""
        port = mapping.external_port
        return port is not None and self._arrives(mapping.protocol.value, port, mapping.internal_port)

    def _worlds(self) -> list[World]:
        return [
            self.near_driver.world,
            *(each.world for each in self._far if each.started and not each.closed),
        ]

    def _hold(self, *leases: object) -> list[Mapping]:
        held = [Mapping(each, lambda mapping: None, {}) for each in leases]  # type: ignore[arg-type]
        self.mappings += held
        self.near_driver.pump()
        return held

    def _engine(self, site: Site) -> Engine:
        seed = next(self._seeds)
        ports = itertools.count(40001 + 1000 * seed)
        entropy = random.Random(seed).randbytes
        return Engine(
            site,
            pick_port=partial(next, ports),
            log=lambda level, text: None,
            entropy=entropy,
            witness_after=0.0,
        )

    def _make(self, site: Site, on_change: Callable[[], None]) -> VirtualDriver:
        """An engine for a place beyond the near gateway, which is on the way there."""
        world = World(
            self._engine(site),
            self.outer,
            clock=self.clock,
            host=self.near_driver.site.address,
            wire=self._wire,
            seed=next(self._seeds),
            through=self.near,
            to=site.gateway or "",
            on_change=on_change,
        )
        driver = VirtualDriver(site, world)
        self._far.append(driver)
        return driver

    def _tell(self) -> None:
        """As ``PortMapper`` does: the nesting looks first, then hears and translates."""
        if self._telling:
            return
        self._telling = True
        self.nesting.near_changed()
        for event in self.near_driver.engine.events():
            if isinstance(event, Released):
                self.mappings = [each for each in self.mappings if lease_of(each) is not event.lease]
            else:
                self.events += self.nesting.translate(event)
        self._telling = False
