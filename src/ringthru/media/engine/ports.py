"""Which RTP ports are whose: even ports with their odd RTCP neighbours (RFC 3550 §11).

Lives here: the book of the range, one page per host.
Never here: sockets; whether another program holds a port is found out by the driver.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import LocalError, NoFreePorts


class PortBook:
    """Pairs of a range, ``first`` to ``last`` inclusive (0–65535)."""

    def __init__(self, first: int, last: int) -> None:
        if not 0 < first <= last <= 65535:
            raise LocalError(f"RTP ports {first}–{last} are no range of ports")
        self.first, self.last = first, last
        self._start = first + first % 2
        self._pairs = (last - self._start + 1) // 2
        if self._pairs < 1:
            raise LocalError(f"RTP ports {first}–{last} hold no even port and its neighbour")
        self._taken: dict[str, set[int]] = {}

    def candidates(self, host: str, fraction: float) -> Iterator[int]:
        """Even ports not taken on ``host``, from a point in the range (0 ≤ fraction < 1) on.

        A random starting point keeps a port just closed, and late packets to it, away from
        the next call.

        Raises:
            NoFreePorts: all are taken here (when the iteration begins).
        """
        taken = self._taken.get(host, set())
        if len(taken) >= self._pairs:
            raise NoFreePorts(
                f"all {self._pairs} RTP port pairs of {self.first}–{self.last} on {host} are in use"
            )
        offset = int(fraction * self._pairs)
        for index in range(self._pairs):
            port = self._start + 2 * ((offset + index) % self._pairs)
            if port not in taken:
                yield port

    def take(self, host: str, port: int) -> None:
        self._taken.setdefault(host, set()).add(port)

    def give_back(self, host: str, port: int) -> None:
        """The pair is free again; unknown ones are ignored."""
        taken = self._taken.get(host, set())
        taken.discard(port)
        if not taken:
            self._taken.pop(host, None)

    def in_use(self, host: str) -> int:
        return len(self._taken.get(host, ()))
