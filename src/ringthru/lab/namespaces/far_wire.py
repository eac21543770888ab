"""A longer wire to the gateway: what is sent arrives later, or not at all, as on the Wi-Fi of a home.

The kernel's own delay and loss (``tc qdisc … netem``) is a module that not every machine has. This is two TAP
devices in the place of the veth pair, and a thread that carries each frame across when its time has come.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import threading
import time
from collections import deque
from random import Random
from types import TracebackType
from typing import Final, Self

from .laboratory import GATEWAY, LAN_ADDRESS, PBX, PBX_ADDRESS, Laboratory

TUNSETIFF: Final = 0x400454CA  # linux/if_tun.h
TAP: Final = 0x0002
NO_HEADER: Final = 0x1000
BIGGEST: Final = 2048  # octets of one frame
CLOSE: Final = 0.0002  # seconds before its time in which a frame is waited for awake: sleeping is coarse
IPV4: Final = b"\x08\x00"
TCP: Final = 6
SYN: Final = 2


class FarWire:
    """A context manager for an open laboratory, whose PBX is ``round_trip`` seconds from the gateway then.

    ``trips`` counts round trips: how often the PBX had something to say after it had heard something. Several
    packets in a row are one, bare acknowledgements and farewells none. Noise does not change it.

    ``loss`` is the part of all frames, either way, that gets lost, 0 to 1; which ones ``seed`` decides.
    ``lost`` counts them. The wire can be made better or worse while it is there.
    """

    def __init__(self, laboratory: Laboratory, round_trip: float, loss: float = 0.0, seed: int = 0) -> None:
        self.trips = self.lost = 0
        self.loss = loss
        self._chance = Random(seed).random
        self._heard = True
        self._delay = round_trip / 2
        self._ends = self._lay(laboratory)
        self._over, self._end = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.write(self._end, b".")
        self._thread.join()
        for each in (*self._ends, self._over, self._end):
            os.close(each)

    def _lay(self, laboratory: Laboratory) -> tuple[int, int]:
        """Both ends know each other's hardware address, as neighbours do that talked a minute ago."""
        laboratory.ip(GATEWAY, "link delete port1")
        near = laboratory.call_in(PBX, lambda: _tap("eth0"))
        far = laboratory.call_in(GATEWAY, lambda: _tap("port1"))
        laboratory.ip(GATEWAY, "link set port1 master lan0", "link set port1 up")
        laboratory.ip(
            PBX,
            f"address add {PBX_ADDRESS}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {LAN_ADDRESS}",
        )
        ours = _hardware_address(laboratory, PBX, "eth0")
        theirs = _hardware_address(laboratory, GATEWAY, "lan0")
        laboratory.ip(PBX, f"neighbour replace {LAN_ADDRESS} lladdr {theirs} dev eth0")
        laboratory.ip(GATEWAY, f"neighbour replace {PBX_ADDRESS} lladdr {ours} dev lan0")
        return near, far

    def _carry(self) -> None:
        near, far = self._ends
        other = {near: far, far: near}
        on_the_way: deque[tuple[float, int, bytes]] = deque()  # in order, as all take the same time
        while True:
            patience = None
            if on_the_way:
                patience = max(0.0, on_the_way[0][0] - time.monotonic() - CLOSE)
            readable, _, _ = select.select([near, far, self._over], [], [], patience)
            if self._over in readable:
                return
            for each in readable:
                frame = os.read(each, BIGGEST)
                if self.loss and self._chance() < self.loss:
                    self.lost += 1
                    continue
                if each == near and self._heard and _says_something(frame):
                    self.trips, self._heard = self.trips + 1, False
                on_the_way.append((time.monotonic() + self._delay, other[each], frame))
            while on_the_way and on_the_way[0][0] <= time.monotonic():
                _, to, frame = on_the_way.popleft()
                self._heard = self._heard or (to == near and _says_something(frame))
                os.write(to, frame)


def _says_something(frame: bytes) -> bool:
    """Whether it is a datagram, the beginning of a connection, or octets on one."""
    if frame[12:14] != IPV4:
        return False
    packet = frame[14:]
    head, length, protocol = packet[0] % 16 * 4, int.from_bytes(packet[2:4]), packet[9]
    if protocol != TCP:
        return True
    return bool(packet[head + 13] & SYN) or length > head + packet[head + 12] // 16 * 4


def _tap(name: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP | NO_HEADER))
    return descriptor


def _hardware_address(laboratory: Laboratory, role: str, link: str) -> str:
    return laboratory.run(role, ["cat", f"/sys/class/net/{link}/address"]).stdout.strip()
