"""Talking UPnP: descriptions to look at, then orders to one service; one HTTP request in flight.

Lives here: what is looked at next, and the request whose reply counts.
Never here: what to ask, or what an answer means: that is loaded when somebody has answered the search.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any, Final

from ...net.values import frozen
from ..memory.profile import GatewayProfile
from ..values import Family
from ..wire.location import Location
from .orders import EpochReset, Order, Outcome
from .upnp_values import Ask, Igd, IgdFound, NotIgd, Reply

MOST_LOCATIONS: Final = 50  # looked at in one detection
MOST_PER_HOST: Final = 10


@frozen
class HttpRequest:
    """An ``Ask`` with the number its reply must carry."""

    number: int
    ask: Ask


class UpnpClient:
    """UPnP gateways, driven from outside. For IPv6 they are firewalls, and mappings mean pinholes.

    Call ``consider``, ``submit`` or ``receive_reply``; then perform ``requests_to_send()``, act on
    ``findings()`` and ``events()``. The deadlines travel with the requests, so there is no timer here.
    """

    def __init__(
        self, own_address: str, is_public: Callable[[str], bool], family: Family = Family.IPV4
    ) -> None:
        self._own_address = own_address
        self._is_public = is_public
        self._family = family
        self._known_profile: GatewayProfile | None = None  # as last told, or given
        self._igd: Igd | None = None
        self._waiting: deque[Location] = deque()
        self._seen: list[Location] = []
        self._looked_at: Location | None = None
        self._useless: deque[Location] = deque(maxlen=MOST_LOCATIONS)  # in this detection or one before it
        self._steps: Generator[Ask, Reply, Any] | None = None
        self._bears: Location | None = None  # whose server is known to serve several connections
        self._number = 0
        self._requests: list[HttpRequest] = []  # one at most
        self._findings: list[IgdFound | NotIgd] = []
        self.crowded = 0  # descriptions that were one too many
        self._events: list[Outcome | EpochReset] = []

    @property
    def busy(self) -> bool:
        return self._steps is not None

    def begin(self) -> None:
        """A new detection: every location may be looked at again."""
        self.abandon()
        self._waiting.clear()
        self._seen.clear()

    def knows(self, location: Location) -> None:
        """That gateway's server is known to serve several connections, from an earlier time."""
        self._bears = location

    def consider(self, location: Location, first: bool, beyond: int = 0) -> bool:
        """Look at a description; ``first`` before others that wait. False: known already, or too many.

        In a flood of answers the latest takes the place of the one before it, if that still waits (SD20);
        who comes ``first`` takes that of others. What was useless before is looked at where there is room, or
        a flood of the same names would hide the gateway for ever.

        ``beyond``: so many more may be of that host.
        """
        if location in self._seen or not self._has_room(location, first, MOST_PER_HOST + beyond):
            return False
        first = first and location not in self._useless
        self._seen.append(location)
        if first:
            self._waiting.appendleft(location)
        else:
            self._waiting.append(location)
        self._look_at_next()
        return True

    def _has_room(self, location: Location, first: bool, most: int) -> bool:
        of_host = [each for each in self._seen if each.host == location.host]
        if len(self._seen) < MOST_LOCATIONS and len(of_host) < most:
            return True
        self.crowded += 1
        if location in self._useless:
            return False
        rivals = of_host if not first or len(of_host) >= most else self._seen
        waiting = [each for each in reversed(rivals) if each in self._waiting]
        latest = next((each for each in waiting if each in self._useless), waiting[0] if waiting else None)
        if latest is None:
            return False
        self._waiting.remove(latest)
        self._seen.remove(latest)
        return True

    def use(self, igd: Igd) -> None:
        """Take orders for this service from now on."""
        self.begin()
        self._igd = igd
        self._known_profile = igd.profile

    def use_profile(self, profile: GatewayProfile) -> None:
        """What is known of gateways of this kind already; of no effect while none is in use."""
        if self._igd is not None:
            self._igd.profile = self._known_profile = profile

    def learned(self) -> list[GatewayProfile]:
        """The profile in use, when it has changed since this was last asked."""
        if self._igd is None or self._igd.profile == self._known_profile:
            return []
        self._known_profile = self._igd.profile
        return [self._igd.profile]

    def opened_ahead(self, served: bool) -> None:
        """What came of a connection opened ahead: a request was answered on it, or it was not kept open."""
        if self._igd is not None:
            self._igd.learn(serves_several=served)

    @property
    def pace(self) -> float:
        """Seconds to leave between two requests."""
        return 0.0 if self._igd is None else self._igd.profile.pace

    def expects(self, number: int) -> bool:
        """Whether the reply to that request still counts."""
        return number == self._number and self._steps is not None

    def counters(self) -> dict[str, int]:
        """How often the service in use gave an error, by its code."""
        return {} if self._igd is None else {f"UPnP: {name}": n for name, n in self._igd.faults.items()}

    @property
    def outbound_timeout(self) -> int | None:
        """Seconds for which an IPv6 firewall lets answers to our packets in; None: not told."""
        return None if self._igd is None else self._igd.outbound_timeout

    def submit(self, order: Order, now: float) -> None:
        """Begin an order; one that was still running is abandoned."""
        from . import igd as procedures

        assert self._igd is not None
        self.abandon()
        if self._family is Family.IPV6:
            from . import firewall

            steps = firewall.steps(self._igd, order, now)
        else:
            steps = procedures.steps(self._igd, order, now)
        self._run(procedures.guarded(steps), None)

    def abandon(self) -> None:
        """Forget the request in flight; its reply will be ignored."""
        self._number += 1
        self._steps = None
        self._requests.clear()

    def receive_reply(self, number: int, reply: Reply) -> None:
        """Take what came of a request."""
        if self.expects(number) and self._steps is not None:
            self._run(self._steps, reply)

    def requests_to_send(self) -> list[HttpRequest]:
        requests, self._requests = self._requests, []
        return requests

    def findings(self) -> list[IgdFound | NotIgd]:
        """What came of the descriptions looked at (drains)."""
        findings, self._findings = self._findings, []
        return findings

    def events(self) -> list[Outcome | EpochReset]:
        events, self._events = self._events, []
        return events

    def _run(self, steps: Generator[Ask, Reply, Any], reply: Reply | None) -> None:
        """Take one step: its request goes out, or its outcome comes back."""
        self._steps = steps
        try:
            ask = next(steps) if reply is None else steps.send(reply)
        except StopIteration as end:
            self._steps = None
            self._settle(end.value)
            return
        self._number += 1
        self._requests.append(HttpRequest(self._number, ask))

    def _settle(self, result: Outcome | list[IgdFound] | NotIgd) -> None:
        if isinstance(result, list):
            self._findings += result
        elif isinstance(result, NotIgd):
            self._findings.append(result)
            if self._looked_at is not None and self._looked_at not in self._useless:
                self._useless.append(self._looked_at)
        else:
            self._events.append(result)
            return
        self._look_at_next()

    def _look_at_next(self) -> None:
        if not self.busy and self._waiting:
            self._looked_at = self._waiting.popleft()
            self._run(self._discovery(self._looked_at), None)

    def _discovery(self, location: Location) -> Generator[Ask, Reply, list[IgdFound] | NotIgd]:
        if self._family is Family.IPV6:
            from . import firewall  # late: of no use before somebody has answered the search

            return firewall.discover(location, self._own_address)
        from . import igd as procedures

        bears = location == self._bears
        return procedures.discover(location, self._own_address, self._is_public, ahead=bears)
