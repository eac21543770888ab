"""The RTP port range of one engine: pairs of bound sockets, reserved, handed over and given back."""

from __future__ import annotations

import errno
import random
from typing import Final

from ringthru.net.address import Endpoint

from ..errors import LocalError, NoFreePorts
from ..interface import Ports
from .pair_driver import PortPair, bind_pair
from .ports import PortBook

BUSY_PORTS: Final = 256  # pairs of other programs stepped over before we give up


class PortRange:
    """Owns every pair until a leg takes it, and the numbers until they are given back."""

    def __init__(self, first: int, last: int) -> None:
        self._book = PortBook(first, last)
        self._pairs: set[PortPair] = set()

    @property
    def reserved(self) -> int:
        """Pairs that nobody was handed."""
        return len(self._pairs)

    def reserve(self, host: str) -> PortPair:
        """Two bound sockets, ports adjacent and in the range.

        Raises:
            NoFreePorts: the range is used up, or the system refuses; the text says which.
        """
        busy = 0
        for port in self._book.candidates(host, random.random()):
            try:
                pair = bind_pair(host, port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise NoFreePorts(
                        f"cannot open RTP port {Endpoint(host, port)}: {error.strerror}"
                    ) from error
                busy += 1
                if busy == BUSY_PORTS:
                    break
                continue
            self._book.take(host, port)
            self._pairs.add(pair)
            return pair
        raise NoFreePorts(
            f"no free RTP port pair in {self._book.first}–{self._book.last} on {host}: "
            f"{self._book.in_use(host)} are ours, other programs hold {busy}"
        )

    def hand_over(self, ports: Ports) -> PortPair:
        """A reserved pair to whoever closes it, and gives it back then.

        Raises:
            LocalError: the pair is not reserved here.
        """
        if not isinstance(ports, PortPair) or ports not in self._pairs:
            raise LocalError("this pair of ports is not reserved here, or already in use")
        self._pairs.discard(ports)
        return ports

    def release(self, ports: Ports) -> None:
        """Close a pair that nobody was handed; doing it twice is harmless."""
        if isinstance(ports, PortPair) and ports in self._pairs:
            self._pairs.discard(ports)
            self.give_back(ports)

    def give_back(self, pair: PortPair) -> None:
        """Close a pair that was handed over; its numbers are free again."""
        self._book.give_back(pair.host, pair.rtp_port)
        pair.close()

    def close(self) -> None:
        """Close every pair that nobody was handed."""
        for pair in list(self._pairs):
            self.release(pair)


class HasPorts:
    """The part of an engine of this machine that has its port range."""

    def __init__(self, first: int, last: int) -> None:
        self._ports = PortRange(first, last)

    def reserved(self) -> int:
        """Pairs that no leg has."""
        return self._ports.reserved

    def reserve(self, host: str) -> PortPair:
        """Two bound sockets on an address of ours; raises as ``PortRange.reserve`` does."""
        return self._ports.reserve(host)

    def release(self, ports: Ports) -> None:
        """Close a pair that no leg owns; doing it twice is harmless."""
        self._ports.release(ports)
