"""The parts of a port mapper put together: started, told of each other's news, and taken down again.

Lives here: the life of the whole. Never here: what programs ask of it, which is ``PortMapper``, or any rule.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...net.address import Endpoint
from ...net.surroundings import Surroundings
from ..engine.engine import WITNESS_AFTER
from ..errors import LocalError
from ..events import Event, GatewayFound
from ..mapping.filtering import is_allowed
from ..mapping.teller import Released
from ..values import MappingState, is_number
from ..wire.natpmp import PORT as PMP_PORT
from ..wire.ssdp import PORT as SSDP_PORT
from .audience_driver import Audience
from .engine_driver import EngineDriver, Tap
from .engines_driver import Engines, EngineSettings
from .handles_driver import Mapping, is_nested, lease_of
from .home_driver import Home
from .place_driver import Place

if TYPE_CHECKING:  # loaded when they are asked for: the start is a budget
    from ..echo.echo_proof import Proof
    from ..memory.memory_driver import Memory
    from ..nesting.nesting_driver import Nesting
    from .listening_driver import Watching
    from .proving_driver import Proving

STOP_PATIENCE: Final = 3.0  # seconds for deleting our mappings; then leases must do it
LISTEN_AFTER: Final = 1.0  # seconds: announcements and changes are listened to when the start is over
LATE: Final = 0.002  # seconds
MEANWHILE: Final = 0.01  # seconds: the search is under way, and whoever has not answered by now takes longer
MOST: Final = 65535  # mappings to be held at most, and the highest port

log = logging.getLogger("ringthru.portmap.driver")


class MapperLife:
    """See ``PortMapper`` for the settings."""

    def __init__(
        self,
        surroundings: Surroundings | None = None,
        *,
        mapping_enabled: bool = True,
        lease: int = 3600,
        budget: int = 64,
        witness_after: float = WITNESS_AFTER,
        log: Callable[[int, str], None] | logging.Logger = log,
        store: str | Path | None = None,
        kept: bool = False,
        interface: str | None = None,
        gateway: str | None = None,
        description_url: str | None = None,
        pcp_server: str | Path | None = None,
        address6: str | None = None,
        nested: bool = False,
        outer_gateway: str | None = None,
        echo: str | Sequence[str] | None = None,
        echo_listens: bool = False,
        natpmp_port: int = PMP_PORT,
        ssdp_port: int = SSDP_PORT,
        stop_patience: float = STOP_PATIENCE,
        tap: Tap | None = None,
    ) -> None:
        _check("a budget of {} mappings: 1 to 65535 make sense", budget)
        _check("port {} cannot be a gateway's: ports are 1 to 65535", natpmp_port, ssdp_port)
        self._log = log.log if isinstance(log, logging.Logger) else log
        self._stop_patience = stop_patience
        self._memory = self._open_memory(store, kept)
        self._place = Place(surroundings, interface, gateway, description_url, pcp_server, address6)
        self._audience = Audience(self._verdict)
        settings = EngineSettings(
            self._log, lease, budget, witness_after, natpmp_port, ssdp_port, self._memory, tap
        )
        self._engines = Engines(settings, self._place, mapping_enabled, self._tell)
        self._nesting = self._make_nesting(outer_gateway) if nested else None
        self._proving = self._make_proving(echo, echo_listens) if echo else None
        self._watching: Watching | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopping = self._closed = False
        self._home = Home()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        """Begin to look for a gateway, in the background and for ever. Returns at once.

        Raises:
            LocalError: it has been stopped, runs in another event loop, or none runs here.
        """
        self._refuse_misuse()
        if self._near.started:
            return
        loop = self._home.settle()
        self._engines.start()
        self._timers["listen"] = loop.call_later(LISTEN_AFTER, self._listen)
        loop.call_soon(self._ask_the_last)
        self._plan_the_wait()

    def _ask_the_last(self) -> None:
        """In the next turn: what the search sends, and what its program wants at once, goes first."""
        if not self._stopping:
            self._engines.ask_the_last()

    def _plan_the_wait(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + MEANWHILE
        self._timers["wait"] = loop.call_at(due, self._use_the_wait, due)

    def _use_the_wait(self, due: float) -> None:
        """A loop that is late is busy: its program's own start goes first."""
        if asyncio.get_running_loop().time() - due > LATE:
            self._plan_the_wait()
        else:
            self._engines.use_the_wait()

    async def stop(self) -> None:
        """Delete every mapping of ours, and close everything; for good.

        It takes 3 seconds at most, and half a second more where a gateway sends us events. Called twice, both
        return when it is done; when it is cancelled, everything is closed at once. Once its event loop has
        ended there is nobody to ask: mappings are left to their leases.

        Raises:
            LocalError: it runs in another event loop, or in another thread.
        """
        if self._home.is_gone:
            self.leave()
        self._refuse_elsewhere()
        if self._stopping:
            await self._audience.until(lambda: self._closed)
            return
        self._stopping = True
        try:
            if self._near.started:
                await self._take_leave()
        finally:
            self._close()

    def leave(self) -> None:
        """End without deleting anything: mappings stay until their leases end.

        Raises:
            LocalError: it runs in another thread.
        """
        if not self._closed:
            self._home.check_thread()
        self._stopping = True
        self._close()

    def reached(self, mapping: Mapping, words: str) -> None:
        """Tell that traffic from outside came through the mapping; ``words`` say whose."""
        driver = self._engines.serving(lease_of(mapping).wanted)
        driver.engine.reached(lease_of(mapping), words, driver.clock())
        if self._nesting is not None:
            self._nesting.reached(mapping, words)
        self._tell()

    def unreachable(self, mapping: Mapping, words: str) -> None:
        """Tell that an outside probe did not come through the mapping: it is made again."""
        driver = self._engines.serving(lease_of(mapping).wanted)
        driver.engine.unreachable(lease_of(mapping), words, driver.clock())
        driver.pump()
        if self._nesting is not None:
            self._nesting.unreachable(mapping, words)

    def tried(self, mapping: Mapping, remote: str, came: bool, words: str) -> None:
        """Tell that somebody at the address ``remote`` came through the mapping, or tried in vain.

        As ``reached`` and ``unreachable``; and where the mapping is for some alone (``allow_from``), it shows
        whether the gateway keeps the others out.
        """
        wanted = lease_of(mapping).wanted
        if came:
            self.reached(mapping, words)
        elif is_allowed(remote, wanted.allow_from):
            self.unreachable(mapping, words)
        else:
            self._unproven(mapping, f"{words}, and may not: nobody who may come in has tried")
        if wanted.allow_from:
            driver = self._engines.serving(wanted)
            alone = self._nesting is None or not self._nesting.active
            driver.engine.tried(lease_of(mapping), remote, came, words, driver.clock(), teaches=alone)
            driver.pump()

    # Inside

    @property
    def _near(self) -> EngineDriver:
        return self._engines.near

    def _open_memory(self, store: str | Path | None, kept: bool) -> Memory | None:
        if store is None:
            return None
        from ..memory.memory_driver import Memory

        return Memory(Path(store), self._log, kept)

    def _make_nesting(self, outer_gateway: str | None) -> Nesting:
        from ..nesting.nesting_driver import Nesting

        return Nesting(
            self._near,
            self._engines.make,
            self._audience.publish,
            self._audience.mappings,
            outer_gateway,
            on_change=self._tell,
        )

    def _make_proving(self, echo: str | Sequence[str], listens: bool) -> Proving:
        from .proving_driver import Proving, read_echo

        return Proving(
            [read_echo(each) for each in ([echo] if isinstance(echo, str) else echo)],
            lambda: self._near.site.address,
            self._audience.mappings,
            self._dialled_address,
            self._proved,
            interface=lambda: self._near.site.interface,
            listens=listens,
        )

    def _dialled_address(self) -> str:
        """The address that others dial, as it was told: by the last gateway of the chain."""
        if self._nesting is not None and self._nesting.active:
            return self._nesting.reported_address
        return self._near.engine.reported_address

    def _proved(self, mapping: Mapping, echo: Endpoint, proof: Proof) -> None:
        if self._closed:
            return
        if proof.holds is not None:
            self.tried(mapping, echo.host, proof.holds, proof.words)
        else:
            self._unproven(mapping, proof.words)

    def _unproven(self, mapping: Mapping, words: str) -> None:
        driver = self._engines.serving(lease_of(mapping).wanted)
        driver.engine.unproven(lease_of(mapping), words, driver.clock())

    def _listen(self) -> None:
        from .listening_driver import Watching

        self._watching = Watching(self._engines, self._log, self._place.follows_the_system)
        self._engines.look_for_pinholes()

    def _refuse_misuse(self) -> None:
        if self._stopping:
            raise LocalError("port mapping has been stopped: make another PortMapper")
        self._home.check()

    def _refuse_elsewhere(self) -> None:
        if not self._closed:
            self._home.check()

    def _judged(self) -> bool:
        return self._near.engine.verdict_known or self._closed

    async def _take_leave(self) -> None:
        """Nothing new is heard, everything is deleted, and gateways are told that we go."""
        for timer in self._timers.values():
            timer.cancel()
        if self._watching is not None:
            self._watching.quiet()
        for driver in self._engines.all():
            driver.stop()
        if self._nesting is not None:
            self._nesting.stop()
        if not await self._audience.until(self._all_stopped, self._stop_patience):
            self._log(logging.WARNING, "The NAT gateway does not answer: mappings are left to their leases.")
        if self._watching is not None:
            await self._watching.end()

    def _all_stopped(self) -> bool:
        return self._engines.stopped and (self._nesting is None or self._nesting.stopped)

    def _tell(self) -> None:
        """Something changed: tell everybody whom it concerns."""
        if self._nesting is not None and not self._closed:
            self._nesting.near_changed()  # first, so that it knows which events are for others to hear
        for driver in self._engines.all():
            for event in driver.engine.events():
                self._take(driver, event)
        if self._watching is not None and not self._stopping:
            self._watching.look()
        if self._proving is not None and self._near.started and not self._closed:
            self._proving.look()
        self._audience.settle()

    def _take(self, driver: EngineDriver, event: Event | Released) -> None:
        if isinstance(event, Released):
            self._audience.released(event)
            return
        if isinstance(event, GatewayFound):
            self._engines.found(driver)
        nesting = self._nesting if driver is self._near else None
        for told in (event,) if nesting is None else nesting.translate(event):
            self._audience.publish(told)

    def _verdict(self, mapping: Mapping) -> bool | None:
        if mapping.state is MappingState.REQUESTED:
            hopeless = self._is_hopeless(self._engines.serving(lease_of(mapping).wanted))
            if is_nested(mapping) and self._nesting is not None:
                hopeless = hopeless or self._nesting.hopeless
            return False if hopeless else None
        return mapping.state is MappingState.ACCEPTED

    def _is_hopeless(self, driver: EngineDriver) -> bool:
        """Whether nobody is there to be asked, for now or for good."""
        return self._closed or (driver.engine.verdict_known and not driver.engine.has_gateway)

    def _close(self) -> None:
        """Close everything at once; what was not done by now is not done."""
        if self._closed:
            return
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        for part in (self._watching, self._nesting, self._proving):
            if part is not None:
                part.close()
        for driver in self._engines.all():
            driver.close()
        self._audience.release_all()
        self._tell()
        if self._memory is not None:
            self._memory.close()


def engines_of(mapper: MapperLife) -> Engines:
    """What is behind it, for the drivers of a group; programs have ``snapshot``."""
    return mapper._engines


def _check(words: str, *numbers: int) -> None:
    """Raises:
    LocalError: a number is outside 1–65535.
    """
    for number in numbers:
        if not is_number(number, MOST):
            raise LocalError(words.format(number))
