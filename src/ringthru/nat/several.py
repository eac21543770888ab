"""``add`` and ``watch`` with ``--every-interface``: one group of port mappers, which knows gateways apart.

Lives here: the settings of the group, and telling how it went, interface by interface.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from typing import Any

from ..net.surroundings import Surroundings
from ..portmap import GroupMapping, MapperGroup, PortMapper
from ..portmap.errors import LocalError
from ..portmap.group.values import InterfaceSnapshot, InterfaceState, Placement
from ..portmap.mapping.sets import SetRule
from ..portmap.values import Family, MappingState, Wanted
from . import memory
from .everywhere import Result, interfaces_of, on_interface, together
from .mapping import document, judged, seen_for, show, tell_removed, tell_the_end, wishes
from .output import Output
from .place import Ground, nobody, nobody6
from .session import Session
from .trouble import Trouble
from .watching import Watched
from .watching import hold as watch_until_the_end
from .words import Exit, clean


class Several:
    """A group whose port mappers are those of a ``Session`` for each interface.

    Raises:
        Trouble: no interface has a default route.
    """

    def __init__(self, options: argparse.Namespace, ground: Ground, **settings: Any) -> None:
        six = getattr(options, "family", None) == Family.IPV6.value
        if not six:
            interfaces_of(ground)
        self.store = options.store or memory.default_path()
        self.sessions: dict[str, Session] = {}
        self._options, self._ground, self._settings = options, ground, settings
        look = ground.look_around
        places = None if look is None else lambda: {name: look(name) for name in ground.interfaces()}
        self.group = MapperGroup(self._make, places=places, every_address=six)

    async def __aenter__(self) -> Several:
        try:
            self.group.start()
        except LocalError as error:
            raise Trouble(Exit.LOCAL, str(error)) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.group.stop()  # after ``leave`` there is nothing left to stop

    def _make(
        self, surroundings: Surroundings | None, interface: str, address6: str | None = None
    ) -> PortMapper:
        options = on_interface(self._options, interface, address6=address6)
        try:
            session = Session(options, self._ground, self.store, **self._settings)
        except Trouble as trouble:
            raise LocalError(str(trouble)) from trouble
        self.sessions[f"{interface} {address6}" if address6 else interface] = session
        return session.mapper

    def watched(self) -> Watched:
        """For those who look on."""
        return Watched(
            self.store,
            lambda: [
                (each.interface, each.mapper) for each in self.group.snapshot().interfaces if each.mapper
            ],
            lambda hear: self.group.subscribe(lambda told: hear(told.interface, told.event)),
        )


async def watch(options: argparse.Namespace, ground: Ground, out: Output) -> Result:
    """Events of all gateways until interrupted; interfaces that appear are watched too."""
    async with Several(options, ground, mapping=False) as several:
        await watch_until_the_end(several.watched(), out)
    return Exit.OK, {}


async def add(options: argparse.Namespace, ground: Ground, out: Output) -> Result:
    """Map on every gateway, or on the first that grants it; leave it there, or hold it until interrupted."""
    wanted, rule = wishes(options, ground)
    async with Several(options, ground, lease=options.lease, kept=not options.hold) as several:
        with out.waiting("asking every gateway for the port …"):
            asked = await _ask(several, wanted, rule, options)
        granted = _granted(asked)
        results = [
            _tell(several, wanted, granted if options.first else [], each, out)
            for each in several.group.snapshot().interfaces
        ]
        if not results:
            raise Trouble(Exit.NO_GATEWAY, nobody6(""))
        code = together(code for code, _ in results if code is not None)
        told = {"interfaces": [each for _, each in results]}
        if not granted:
            return code, told
        there = [each for name in granted for each in several.sessions[name].shown(wanted)]
        memory.check_written(several.store, there)
        if options.hold:
            out.line({"command": "add", "exit": int(code), "held": True, **told})
            await watch_until_the_end(several.watched(), out)
        else:
            several.group.leave()
    if options.hold:
        return tell_removed(several.store, there, code, out), {}
    tell_the_end([each for each in there if each.state is MappingState.ACCEPTED], out, " --every-interface")
    return code, told


async def _ask(
    several: Several, wanted: tuple[Wanted, ...], rule: SetRule | None, options: argparse.Namespace
) -> list[GroupMapping[Any]]:
    """Ask, and wait for everybody's answer as long as a person would; with ``--first`` for one yes.

    Raises:
        Trouble: the wishes cannot be one set.
    """
    placement = Placement.FIRST if options.first else Placement.EVERY
    try:
        if rule is None:
            asked: list[GroupMapping[Any]] = [several.group.want(each, placement) for each in wanted]
        else:
            asked = [several.group.want_set(wanted, rule, placement)]
    except LocalError as error:
        raise Trouble(Exit.USAGE, str(error)) from error
    with suppress(TimeoutError):
        async with asyncio.timeout(options.timeout):
            await asyncio.gather(*(e.settled() if options.first else e.settled_everywhere() for e in asked))
    if options.echo:
        await asyncio.gather(*(several.sessions[name].prove(wanted) for name in _granted(asked)))
    return asked


def _granted(asked: list[GroupMapping[Any]]) -> list[str]:
    """The interfaces whose gateway grants something."""
    return list(dict.fromkeys(name for each in asked for name in each.granted))


def _tell(
    several: Several, wanted: tuple[Wanted, ...], kept_by: list[str], here: InterfaceSnapshot, out: Output
) -> tuple[Exit | None, dict[str, Any]]:
    """How it went on one interface; an exit status only where a gateway was to be asked.

    ``kept_by``: who has it where one gateway is enough.
    """
    name, session = here.interface, several.sessions[here.interface]
    head: dict[str, Any] = {"interface": name, "state": here.state.value}
    out.say(f"{name}:")
    if here.state is InterfaceState.STANDING_BY:
        out.say(f"This leads to the gateway of {here.instead}: nothing is mapped twice.\n")
        return None, head | {"instead": here.instead}
    assert here.mapper is not None  # nobody named an interface that is absent
    if kept_by and name not in kept_by:
        out.say(f"Not needed: it is open over {', '.join(kept_by)}.\n")
        return None, head
    mappings = session.shown(wanted)
    if not mappings:
        silent = nobody(
            session.surroundings, here.mapper.verdict_known, session.timeout, here.mapper.hesitant
        )
        words = nobody6(session.own6) if wanted[0].family is Family.IPV6 else silent
        out.error(f"{name}: {clean(words)}")
        return Exit.NO_GATEWAY, head | {"exit": int(Exit.NO_GATEWAY), "error": words}
    snapshot = seen_for(wanted[0].family, here.mapper)
    code = judged(mappings, snapshot)
    show(mappings, snapshot, out, proved=session.proves)
    out.say()
    return code, head | {"exit": int(code), **document(mappings, snapshot)}
