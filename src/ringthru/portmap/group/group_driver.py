"""Several gateways at once, on asyncio: what programs use where a machine has more than one way out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..driver import PortMapper
from ..drivers.handles_driver import Mapping, MappingSet
from ..errors import LocalError
from ..mapping.sets import SetRule, check_set
from ..values import GatewayListing, Wanted, check_kind
from .group_life_driver import GroupLife
from .group_mapping_driver import AnyMapping, GroupMapping, end
from .values import GroupSnapshot, InterfaceEvent, InterfaceSnapshot, InterfaceState, Placement


class MapperGroup(GroupLife):
    """A ``PortMapper`` for each interface that a route leads out by, or for those named; they come and go.

    To be used inside a running loop, by ``start`` and ``stop`` or as an asynchronous context. ``make`` makes
    the port mappers, and is called with ``(surroundings, interface=name)``: with ``functools.partial`` it
    takes every setting of ``PortMapper``, one ``store`` for all among them. ``interfaces`` names those to be
    served; one that is not there is waited for. ``places`` tells the interfaces and where we are there,
    instead of the system, which is a laboratory's wish.

    With ``every_address`` pinholes lead to each global IPv6 address of ours, and interfaces with IPv6 alone
    are served: each such address is shown as an interface of its own, by name and address, and ``make`` is
    given it as ``address6``.

    What is wanted is asked of each gateway as soon as it is found. Where two interfaces lead to one gateway,
    the one with the better route serves, and the other stands by. No gateway waits for another.
    """

    async def __aenter__(self) -> MapperGroup:
        self.start()
        return self

    async def verdict(self) -> bool:
        """Wait for the first gateway that is found: True; False when all first searches are over without."""
        await self._audience.until(lambda: self._closed or self._any_found() or self._all_judged())
        return self._any_found()

    def want(self, wanted: Wanted, placement: Placement = Placement.EVERY) -> GroupMapping[Mapping]:
        """Keep this mapping alive from now on, on every gateway or on one; asked twice, it is the same.

        Raises:
            LocalError: the port is wanted otherwise already, or port mapping has been stopped.
        """
        check_kind(Wanted, wanted)
        return self._enter((wanted,), placement, lambda mapper: mapper.want(wanted))

    def want_set(
        self,
        wanted: tuple[Wanted, ...],
        rule: SetRule = SetRule.INDEPENDENT,
        placement: Placement = Placement.EVERY,
    ) -> GroupMapping[MappingSet]:
        """Keep all of these alive on a gateway, or none there; ``rule`` binds the external ports on each.

        Raises:
            LocalError: a set that no gateway could grant, a port that is wanted otherwise already, or port
                mapping has been stopped.
        """
        check_set(wanted, rule)
        return self._enter(wanted, placement, lambda mapper: mapper.want_set(wanted, rule))

    async def release(self, mapping: AnyMapping) -> bool:
        """Delete it on all gateways at once, and forget it. True when none holds it any more."""
        if mapping not in self._wishes:
            return False
        self._wishes.remove(mapping)
        end(mapping)
        self._audience.settle()
        agreed = await asyncio.gather(
            *(self._members[name].release(held) for name, held in mapping.on.items() if name in self._members)
        )
        return all(agreed)

    def subscribe(self, callback: Callable[[InterfaceEvent], None]) -> Callable[[], None]:
        """Have ``callback`` called with every event of every interface; what is returned ends that."""
        return self._audience.subscribe(callback)

    def snapshot(self) -> GroupSnapshot:
        """Everything there is to show, interface by interface."""
        absent = [
            InterfaceSnapshot(name, InterfaceState.ABSENT, "", None)
            for name in self._named
            if name not in self._members
        ]
        present = [
            each.snapshot(self._parts.standing_by.get(name, "")) for name, each in self._members.items()
        ]
        return GroupSnapshot((*present, *absent))

    def mapper(self, interface: str) -> PortMapper:
        """The port mapper of one interface, for what concerns one gateway alone, as flows do.

        Raises:
            LocalError: that interface is not served; the text lists those that are.
        """
        if interface not in self._members:
            served = ", ".join(self._members) or "none"
            raise LocalError(f"interface {interface!r} is not served; these are: {served}")
        return self._members[interface].mapper

    async def list_gateways(self, limit: int = 512) -> dict[str, GatewayListing]:
        """Each gateway's own table, by interface, read at the same time; as of ``PortMapper.list_gateway``.

        Raises:
            LocalError: a limit outside 1–65535.
        """
        names = list(self._members)
        read = await asyncio.gather(*(self._members[name].mapper.list_gateway(limit) for name in names))
        return dict(zip(names, read, strict=True))

    async def republish(self) -> None:
        """Ask every gateway again for every mapping, now."""
        for each in self._members.values():
            await each.mapper.republish()

    def set_mapping_enabled(self, enabled: bool) -> None:
        """While disabled, nothing is mapped, renewed or deleted anywhere; detection goes on."""
        for each in self._members.values():
            each.mapper.set_mapping_enabled(enabled)

    def saw(self, datagram: bytes) -> bool:
        """Take a datagram of a mapped port that is ``watched``; True when it was the echo host's, for us."""
        return any(each.mapper.saw(datagram) for each in self._members.values())

    # Inside

    def _enter(
        self, wanted: tuple[Wanted, ...], placement: Placement, ask: Callable[[PortMapper], Any]
    ) -> AnyMapping:
        self._refuse_after_the_end()
        for known in self._wishes:
            if (known.wanted, known.placement) == (wanted, placement):
                return known
            if _keys(known.wanted) & _keys(wanted):
                raise LocalError(
                    f"port {wanted[0].internal_port} is wanted otherwise already: release that first"
                )
        wish: AnyMapping = GroupMapping(
            wanted, placement, ask, self._audience.until, lambda: self._closed or self._all_judged()
        )
        self._wishes.append(wish)
        self._place(wish)
        return wish


def _keys(wanted: tuple[Wanted, ...]) -> set[tuple[Any, ...]]:
    return {(each.family, each.protocol, each.internal_client, each.internal_port) for each in wanted}
