"""The life of a group of port mappers: interfaces followed, gateways shared out, everything taken down again.

Lives here: one port mapper for each interface, and having each asked for what is wanted.
Never here: what programs ask of a group, anything said to a gateway, or which two gateways are one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Readable
from typing import Any

from ...net.changes import NetworkChanges
from ...net.interfaces import NoSuchInterface
from ...net.surroundings import Surroundings
from ..driver import PortMapper
from ..drivers.audience_driver import Listeners
from ..drivers.home_driver import Home
from ..errors import LocalError
from ..events import Event
from .group_mapping_driver import AnyMapping, ask_at, end, homes_of, is_ipv6, sort
from .member_driver import Member, further_addresses, interfaces_here, refuse_absent
from .sameness import Parts, Sameness
from .values import InterfaceAdded, InterfaceEvent, InterfaceRemoved, StandingBy, StandingIn

Places = Callable[[], Readable[str, Surroundings | None]]

log = logging.getLogger(__name__)


class GroupLife:
    """See ``MapperGroup`` for the settings."""

    def __init__(
        self,
        make: Callable[..., PortMapper] = PortMapper,
        *,
        interfaces: Iterable[str] = (),
        places: Places | None = None,
        every_address: bool = False,
    ) -> None:
        self._make = make
        self._named = tuple(dict.fromkeys(interfaces))
        self._places = places
        self._every_address = every_address
        self._members: dict[str, Member] = {}  # by interface, the best default route first
        self._parts = Parts((), {})
        self._sameness = Sameness()
        self._wishes: list[AnyMapping] = []
        self._audience: Listeners[InterfaceEvent] = Listeners()
        self._news: list[
            InterfaceEvent
        ] = []  # our own: told from the loop, for who subscribes after the start
        self._changes: NetworkChanges | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._due: asyncio.Handle | None = None
        self._home = Home()
        self._started = self._stopping = self._closed = False

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        """Begin to look for gateways on every interface, in the background and for ever. Returns at once.

        Raises:
            LocalError: it has been stopped, runs in another event loop, or none runs here; no interface of
                those named exists, and the text lists those that do; or a setting of the port mappers makes
                no sense.
        """
        self._refuse_after_the_end()
        if self._started:
            return
        self._home.settle()
        self._follow()
        if self._named and not self._members:
            refuse_absent(self._named)
        self._started = True
        if self._places is None:
            self._changes = NetworkChanges(self.look_again)

    async def stop(self) -> None:
        """Delete every mapping of ours on every gateway, at once, and close everything; for good.

        It takes as long as one ``PortMapper.stop``: 3 seconds at most, half a second more for subscriptions.

        Raises:
            LocalError: it runs in another event loop, or in another thread.
        """
        if self._home.is_gone:
            self.leave()
        if not self._closed:
            self._home.check()
        if self._stopping:
            await self._audience.until(lambda: self._closed)
            return
        self._stopping = True
        if self._changes is not None:
            self._changes.close()
        try:
            await asyncio.gather(*(each.mapper.stop() for each in self._members.values()))
        finally:
            self._close()

    def leave(self) -> None:
        """End without deleting anything: mappings stay until their leases end."""
        self._stopping = True
        if self._changes is not None:
            self._changes.close()
        for each in self._members.values():
            each.mapper.leave()
        self._close()

    def look_again(self) -> None:
        """Interfaces may have come or gone; the kernel has this called by itself."""
        if not self._stopping:
            self._follow()

    # Inside

    def _refuse_after_the_end(self) -> None:
        if self._stopping:
            raise LocalError("port mapping has been stopped: make another MapperGroup")
        self._home.check()

    def _any_found(self) -> bool:
        return any(each.found for each in self._members.values())

    def _all_judged(self) -> bool:
        """Whether every search is over, and what was found has been asked for what is wanted."""
        return self._started and self._due is None and all(each.judged for each in self._members.values())

    def _follow(self) -> None:
        """Serve the interfaces that are there now."""
        found = self._places() if self._places is not None else self._ask_the_system()
        for name in [each for each in self._members if each not in found]:
            self._remove(name)
        for name, surroundings in found.items():
            if name not in self._members:
                self._add(name, surroundings)
        self._members = {name: self._members[name] for name in found if name in self._members}
        self._arrange_soon()

    def _ask_the_system(self) -> dict[str, Surroundings | None]:
        here = interfaces_here(self._named, self._members)
        return here | (further_addresses(self._named, here) if self._every_address else {})

    def _add(self, name: str, surroundings: Surroundings | None) -> None:
        interface, _, address6 = name.partition(" ")
        more = {"address6": address6} if address6 else {}
        try:
            mapper = self._make(surroundings, interface=interface, **more)
        except LocalError as error:
            if isinstance(error.__cause__, NoSuchInterface):
                return  # it has gone meanwhile; if it comes back, that is told
            if not self._started:
                raise
            log.warning("interface %s is not served: %s", name, error)
            return
        member = self._members[name] = Member(name, mapper)
        mapper.subscribe(lambda event: self._got(name, event))
        mapper.start()
        self._news.append(InterfaceEvent(name, InterfaceAdded(member.address)))

    def _remove(self, name: str) -> None:
        member = self._members.pop(name)
        member.mapper.leave()
        for wish in self._wishes:
            wish.on.pop(name, None)
        self._news.append(InterfaceEvent(name, InterfaceRemoved()))

    def _got(self, name: str, event: Event) -> None:
        self._audience.publish(InterfaceEvent(name, event))
        self._arrange_soon()

    def _arrange_soon(self) -> None:
        """Not at once: events come out of the middle of a port mapper, and several at a time."""
        if self._due is None and not self._stopping:
            self._due = asyncio.get_running_loop().call_soon(self._arrange)

    def _arrange(self) -> None:
        """Decide anew who serves, and have it asked for what is wanted."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._stopping:
            return
        before, self._parts = (
            self._parts,
            self._sameness.choose([e.whereabouts() for e in self._members.values()]),
        )
        self._news += _news(before, self._parts)
        for wish in self._wishes:
            self._place(wish)
        news, self._news = self._news, []
        for each in news:
            self._audience.publish(each)
        self._audience.settle()

    def _place(self, wish: AnyMapping) -> None:
        """Have it where it is to be, and nowhere else."""
        there = homes_of(wish, self._serving(wish))
        for name in [each for each in wish.on if each not in there]:
            self._run(self._members[name].release(wish.on.pop(name)))
        for name in there:
            verdict = ask_at(wish, name, self._members[name].mapper)
            if verdict is not None:
                self._run(verdict)
        sort(wish, list(self._members))

    def _serving(self, wish: AnyMapping) -> list[str]:
        """Over IPv6 everybody serves: a hole leads to one address, and two of them do not meet."""
        if is_ipv6(wish):
            return list(self._members)
        able = (name for name, each in self._members.items() if each.found or name in wish.on)
        return [name for name in able if name in self._parts.serving]

    def _run(self, work: Any) -> None:
        """Beside everything else; when it is done, somebody may have waited for it."""
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not self._closed:
            self._arrange_soon()

    def _close(self) -> None:
        self._closed = True
        if self._due is not None:
            self._due.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        for wish in self._wishes:
            end(wish)
        self._audience.settle()


def _news(before: Parts, now: Parts) -> list[InterfaceEvent]:
    """What is to be told of who serves now."""
    resting = [
        InterfaceEvent(name, StandingBy(instead))
        for name, instead in now.standing_by.items()
        if before.standing_by.get(name) != instead
    ]
    return resting + [
        InterfaceEvent(name, StandingIn()) for name in now.serving if name in before.standing_by
    ]
