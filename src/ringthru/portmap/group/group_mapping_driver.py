"""What callers of a group hold in their hands: one wish, and what each gateway makes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from ..driver import PortMapper
from ..drivers.handles_driver import Mapping, MappingSet, is_undecided
from ..errors import LocalError
from ..values import Family, MappingState, Wanted
from .placing import homes
from .values import Placement

Held = TypeVar("Held", Mapping, MappingSet)
Until = Callable[[Callable[[], bool]], Awaitable[bool]]


class GroupMapping(Generic[Held]):
    """A mapping, or a set of them, that is wanted on several gateways: a view of it, always up to date.

    ``on`` has what each gateway is asked for, by the name of the interface it is reached over, the one with
    the best default route first. Interfaces come and go in it as they do in the machine.
    """

    def __init__(
        self,
        wanted: tuple[Wanted, ...],
        placement: Placement,
        ask: Callable[[PortMapper], Held],
        until: Until,
        hopeless: Callable[[], bool],
    ) -> None:
        self.wanted = wanted
        self.placement = placement
        self.on: dict[str, Held] = {}
        self._ask: Callable[[PortMapper], Held] = ask
        self._until = until
        self._hopeless = hopeless
        self._keeper = ""  # FIRST: the interface whose gateway keeps it
        self._watched = False
        self._over = False  # released: it means nothing any more
        self._trouble: dict[str, str] = {}  # why a port mapper could not even be asked

    @property
    def watched(self) -> bool:
        """As of ``Mapping``, over every interface; what comes in goes through ``MapperGroup.saw``."""
        return self._watched

    @watched.setter
    def watched(self, watched: bool) -> None:
        self._watched = watched
        for held in self.on.values():
            for each in members(held):
                each.watched = watched

    @property
    def granted(self) -> tuple[str, ...]:
        """The interfaces whose gateway grants all of it, the one with the best default route first."""
        return tuple(name for name, held in self.on.items() if is_granted(held))

    @property
    def reasons(self) -> dict[str, str]:
        """Why not, in words, by interface; those without trouble are left out."""
        told = {name: next(filter(None, (e.reason for e in members(on))), "") for name, on in self.on.items()}
        return {name: words for name, words in (self._trouble | told).items() if words}

    async def settled(self) -> bool:
        """Wait for the first yes: True then; False when every gateway said no, or there is none.

        A gateway that hangs delays a yes of others by nothing, and the no of all as long as it hangs:
        callers set their own limit.
        """
        await self._until(lambda: bool(self.granted) or self._is_over(all_of_it=False))
        return bool(self.granted) and not self._over

    async def settled_everywhere(self) -> bool:
        """Wait for all that are looked for or asked: True when each grants it, and there is one."""
        await self._until(lambda: self._is_over(all_of_it=True))
        return bool(self.on) and len(self.granted) == len(self.on) and not self._over

    def _is_over(self, all_of_it: bool) -> bool:
        """Whether nothing is waited for any more."""
        if self._over or (not all_of_it and self.granted):
            return True
        waiting = any(is_waiting(each) for each in self.on.values())
        return not waiting and self._hopeless()

    def _ask_at(self, interface: str, mapper: PortMapper) -> Awaitable[bool] | None:
        if interface in self.on:
            return None
        try:
            held = self._ask(mapper)
        except LocalError as error:  # somebody wants the port of that very mapper
            self._trouble[interface] = str(error)
            return None
        self._trouble.pop(interface, None)
        for each in members(held):
            each.watched = self._watched
        self.on[interface] = held
        return held.settled()


AnyMapping = GroupMapping[Any]  # of a mapping, or of a set

# How the drivers of a group act on it; programs have no use for them.


def is_ipv6(wish: AnyMapping) -> bool:
    return bool(wish.wanted[0].family is Family.IPV6)


def homes_of(wish: AnyMapping, serving: Sequence[str]) -> tuple[str, ...]:
    """Where it is to be, of those who serve; what was granted stays there."""
    there = homes(wish.placement, serving, wish.granted, wish._keeper)
    if wish.granted and there:
        wish._keeper = there[0]
    return there


def ask_at(wish: AnyMapping, interface: str, mapper: PortMapper) -> Awaitable[bool] | None:
    """Ask there, unless it is asked already; what is returned is over when there is a verdict."""
    return wish._ask_at(interface, mapper)


def sort(wish: AnyMapping, order: Sequence[str]) -> None:
    """Have its gateways in the order of these interfaces."""
    wish.on = {name: wish.on[name] for name in order if name in wish.on}


def end(wish: AnyMapping) -> None:
    """It was released, and means nothing any more."""
    wish._over = True


def members(held: Mapping | MappingSet) -> tuple[Mapping, ...]:
    return (held,) if isinstance(held, Mapping) else held.mappings


def is_granted(held: Mapping | MappingSet) -> bool:
    return all(
        each.state is MappingState.ACCEPTED and each.external_port is not None for each in members(held)
    )


def is_waiting(held: Mapping | MappingSet) -> bool:
    """Whether a gateway may still say something."""
    return any(is_undecided(each) for each in members(held))
