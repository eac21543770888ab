"""A longer wire to the gateway: what is sent arrives later, as on the cable or the Wi-Fi of a home.

The kernel's own delay (``tc qdisc … netem``) is a module that not every machine has. This is two TAP devices
in the place of the veth pair, and a thread that carries each frame across when its time has come.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import threading
import time
from collections import deque
from types import TracebackType
from typing import Final, Self

from ringthru.lab.namespaces.laboratory import GATEWAY, LAN_ADDRESS, PBX, PBX_ADDRESS, Laboratory

TUNSETIFF: Final = 0x400454CA  # linux/if_tun.h
TAP: Final = 0x0002
NO_HEADER: Final = 0x1000
BIGGEST: Final = 2048  # octets of one frame
CLOSE: Final = 0.0002  # seconds before its time in which a frame is waited for awake: sleeping is coarse
IPV4: Final = b"\x08\x00"


class FarWire:
    """A context manager for an open laboratory, whose PBX is ``round_trip`` seconds from the gateway then.

    ``packets`` counts those of IPv4 in both directions.
    """

    def __init__(self, laboratory: Laboratory, round_trip: float) -> None:
        self.packets = 0
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
                self.packets += frame[12:14] == IPV4
                on_the_way.append((time.monotonic() + self._delay, other[each], frame))
            while on_the_way and on_the_way[0][0] <= time.monotonic():
                _, to, frame = on_the_way.popleft()
                os.write(to, frame)


def _tap(name: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP | NO_HEADER))
    return descriptor


def _hardware_address(laboratory: Laboratory, role: str, link: str) -> str:
    return laboratory.run(role, ["cat", f"/sys/class/net/{link}/address"]).stdout.strip()
