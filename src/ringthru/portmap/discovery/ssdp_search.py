"""When to search for UPnP gateways: at once, and again, since answers get lost (UPnP DA 1.1 §1.3.2)."""

from __future__ import annotations

from typing import Final

from ...net.address import Endpoint
from ..wire.ssdp import GROUP, TARGETS, TARGETS_BY_ROUND, Search

ROUNDS: Final = (0.0, 0.3, 1.0, 3.0)  # seconds after the start
PATIENCE: Final = 1.25  # seconds after the last round: the MX we allow, and the way back


class SsdpSearch:
    """One search: unicast to the gateway, multicast where that is allowed; driven from outside.

    With multicast, the gateway is asked by unicast in the first round only: some answer nothing else.
    ``rounds`` are in seconds after the start.
    """

    def __init__(
        self,
        gateway: Endpoint | None,
        multicast: bool,
        group: Endpoint = GROUP,
        rounds: tuple[float, ...] = ROUNDS,
    ) -> None:
        self._rounds = rounds
        self._gateway = gateway
        self._multicast = multicast
        self._group = group
        self._started_at = 0.0
        self._round = len(rounds)
        self._due: list[int] = []  # rounds; they are written when they are sent, behind what is more urgent

    @property
    def possible(self) -> bool:
        """Whether there is anybody we may ask."""
        return self._gateway is not None or self._multicast

    def start(self, now: float) -> None:
        self._started_at = now
        self._round = 0
        self.handle_timeout(now)

    def stop(self) -> None:
        self._round = len(self._rounds)
        self._due.clear()

    def handle_timeout(self, now: float) -> None:
        if not self.possible:
            return
        while (when := self.next_timeout()) is not None and now >= when:
            self._due.append(self._round)
            self._round += 1

    def next_timeout(self) -> float | None:
        over = self._round == len(self._rounds) or not self.possible
        return None if over else self._started_at + self._rounds[self._round]

    def datagrams_to_send(self) -> list[tuple[bytes, Endpoint]]:
        due, self._due = self._due, []
        return [each for number in due for each in self._searches(number)]

    def _searches(self, number: int) -> list[tuple[bytes, Endpoint]]:
        """Those of a round."""
        to: list[Endpoint] = []
        if self._gateway is not None and (number == 0 or not self._multicast):
            to.append(self._gateway)
        if self._multicast:
            to.append(self._group)
        last = len(TARGETS_BY_ROUND) - 1
        searches = [Search(target, each) for each in to for target in TARGETS_BY_ROUND[min(number, last)]]
        if number >= last:  # a late attempt at those that want MAN without quotes (SD07)
            searches += [Search(TARGETS[0], each, quoted=False) for each in to]
        return [(each.encode(), each.to) for each in searches]
