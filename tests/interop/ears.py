"""What comes to a real phone, read off the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ringthru.lab.namespaces.netns import wait_for

from .audio import best_share, from_ulaw
from .capture import Capture, rtp_packets

SECOND = 8000  # samples
LINPHONES, BARESIPS = range(7078, 7099), range(20000, 20101)  # their ports for RTP


class Ear:
    """What comes to one phone on the wire; baresip 1.0 records no more after a re-INVITE."""

    def __init__(self, capture: Capture, ports: range) -> None:
        self._capture, self._ports = capture, ports

    def hears(self, frequency: float) -> None:
        """Until a third of a second of that tone has come, from now on."""
        since = time.time()
        wait_for(
            lambda: best_share(self._samples(since), frequency, 0.3) > 0.9,
            10,
            f"{frequency} Hz at {self._ports}",
        )

    def packets(self, ago: float) -> int:
        """How many came in the last ``ago`` seconds."""
        return len(list(self._came(time.time() - ago)))

    def _samples(self, since: float) -> list[int]:
        samples = from_ulaw(b"".join(self._came(since)))
        return samples if len(samples) > SECOND // 3 else []

    def _came(self, since: float) -> Iterator[bytes]:
        for datagram, rtp in rtp_packets(self._capture.so_far()):
            if datagram.at > since and datagram.destination[1] in self._ports:
                yield rtp.payload
