"""Events on their way from what happened to those who listen.

An event is made once, however many listen, and not at all when nobody does: whoever has something to tell
asks ``name in bus.wanted`` first, which costs as much as a look into an empty set.

Lives here: the value, who listens. Never here: what happened, how an event is written on a wire.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any, Final

from ...net.values import frozen
from .names import ALL, CUSTOM, TOLD

log = logging.getLogger(__name__)

Header = tuple[str, str]
Listener = Callable[["SwitchEvent"], None]
MICROSECONDS: Final = 1_000_000
COMMON: Final = (  # headers that every event begins with, behind its subclass and name
    *("Core-UUID", "FreeSWITCH-Hostname", "FreeSWITCH-Switchname", "FreeSWITCH-IPv4", "FreeSWITCH-IPv6"),
    *("Event-Date-Local", "Event-Date-GMT", "Event-Date-Timestamp", "Event-Calling-File"),
    *("Event-Calling-Function", "Event-Calling-Line-Number", "Event-Sequence"),
)


@frozen
class SwitchEvent:
    """Something that happened: headers in order, those that all events have among them."""

    name: str
    headers: tuple[Header, ...]
    body: str = ""
    subclass: str = ""  # of CUSTOM

    @property
    def common(self) -> tuple[Header, ...]:
        """What it says as every event does, its name apart."""
        return tuple(each for each in self.headers if each[0] in COMMON)

    def get(self, name: str) -> str | None:
        """A header's value; names compare without case, and of several the first counts."""
        folded = name.lower()
        return next((value for key, value in self.headers if key.lower() == folded), None)


class Subscription:
    """One listener, until it is closed."""

    def __init__(self, bus: EventBus, listener: Listener) -> None:
        self.listener = listener
        self.names: frozenset[str] = frozenset()
        self._bus = bus

    def want(self, names: Iterable[str]) -> None:
        """From now on these events are made for this listener; ``ALL`` stands for each there is."""
        wanted = frozenset(names)
        self.names = TOLD | wanted if ALL in wanted else wanted
        self._bus._count()

    def close(self) -> None:
        self._bus._leave(self)


class EventBus:
    """All listeners of one switch. ``wanted`` are the names that somebody listens to."""

    def __init__(
        self, variables: Mapping[str, str], core_uuid: str, describe: Callable[[Any, str], Iterable[Header]]
    ) -> None:
        """``variables`` are the global ones: host names and addresses are read from there. ``describe``
        knows what an event of a name says of a channel.
        """
        self.wanted: frozenset[str] = frozenset()
        self.core_uuid = core_uuid
        self._variables = variables
        self._describe = describe
        self._subscriptions: list[Subscription] = []
        self._sequence = 0
        self._second = -1
        self._dates: tuple[Header, ...] = ()

    def subscribe(self, listener: Listener) -> Subscription:
        """Hear events, of which none is wanted yet. A listener must not wait, and judges for itself."""
        subscription = Subscription(self, listener)
        self._subscriptions.append(subscription)
        return subscription

    def tell(
        self,
        name: str,
        headers: Iterable[Header] = (),
        body: str = "",
        subclass: str = "",
        depth: int = 1,
    ) -> None:
        """Make an event and hand it to all listeners; nothing happens when nobody wants one of this name.

        ``depth`` says how many callers above this the event's Event-Calling-… headers name.
        """
        if name not in self.wanted:
            return
        whole = (*self._common(name, subclass, depth + 1), *headers)
        event = SwitchEvent(name, whole, body, subclass)
        for each in tuple(self._subscriptions):
            try:
                each.listener(event)
            except Exception:  # one listener's trouble is not the call's, nor the others'
                log.exception("A listener could not take the event %s", name)

    def tell_of(self, channel: object, name: str, special: Iterable[Header]) -> None:
        """An event about a channel, with headers of its own behind those of the channel."""
        self.tell(name, (*self._describe(channel, name), *special), depth=3)  # above ``Channel.tell``

    def picture(self, channel: object, name: str) -> SwitchEvent:
        """A channel as it is now, in the form of an event that nobody is told."""
        return SwitchEvent(name, (*self._common(name, "", 2), *self._describe(channel, name)))

    def custom(self, subclass: str, headers: Iterable[Header], body: str = "") -> None:
        """An event CUSTOM of a subclass, ``sofia::register`` for instance."""
        self.tell(CUSTOM, headers, body, subclass, depth=2)

    def _common(self, name: str, subclass: str, depth: int) -> tuple[Header, ...]:
        """The headers that every event begins with, in FreeSWITCH's order."""
        now, known = time.time(), self._variables
        if int(now) != self._second:
            self._second = int(now)
            gmt = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))
            local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
            self._dates = (("Event-Date-Local", local), ("Event-Date-GMT", gmt))
        self._sequence += 1
        teller = sys._getframe(depth)
        return (
            *((("Event-Subclass", subclass),) if subclass else ()),
            ("Event-Name", name),
            ("Core-UUID", self.core_uuid),
            ("FreeSWITCH-Hostname", known.get("hostname", "")),
            ("FreeSWITCH-Switchname", known.get("switchname", "")),
            ("FreeSWITCH-IPv4", known.get("local_ip_v4", "")),
            ("FreeSWITCH-IPv6", known.get("local_ip_v6", "")),
            *self._dates,
            ("Event-Date-Timestamp", str(int(now * MICROSECONDS))),
            ("Event-Calling-File", PurePath(teller.f_code.co_filename).name),
            ("Event-Calling-Function", teller.f_code.co_name),
            ("Event-Calling-Line-Number", str(teller.f_lineno)),
            ("Event-Sequence", str(self._sequence)),
        )

    def _count(self) -> None:
        self.wanted = frozenset().union(*(each.names for each in self._subscriptions))

    def _leave(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._count()
