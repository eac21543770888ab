"""An ear for a switch's events."""

from __future__ import annotations

from collections.abc import Callable

from ringthru.switch.events.bus import SwitchEvent
from ringthru.switch.switch import Switch

from .waiting import eventually


class Ear:
    """Hears events of these names, from now on."""

    def __init__(self, switch: Switch, *names: str) -> None:
        self.heard: list[SwitchEvent] = []
        self.doubled: set[str] = set()  # headers that came twice in one event
        self._subscription = switch.bus.subscribe(self._hear)
        self._names = set(names)
        self._subscription.want(names)

    def _hear(self, event: SwitchEvent) -> None:
        if event.name in self._names or "ALL" in self._names:
            names = [name for name, _ in event.headers]
            self.doubled |= {name for name in names if names.count(name) > 1}
            self.heard.append(event)

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.heard]

    def of(self, name: str) -> list[SwitchEvent]:
        return [each for each in self.heard if name in (each.name, each.subclass)]

    async def until(self, name: str, fits: Callable[[SwitchEvent], bool] = lambda event: True) -> SwitchEvent:
        """The first event of a name (or a subclass of CUSTOM), heard or to come."""
        event = await eventually(
            lambda: next((each for each in self.of(name) if fits(each)), None), f"no {name} in {self.names}"
        )
        assert not self.doubled, self.doubled
        return event
