"""What systemd is told: ready, what of the gateway, alive, stopping (sd_notify(3)).

A unit with ``Type=notify`` is up when calls are taken, and ``systemctl status`` shows a line such as
``NAT-PMP 203.0.113.9, 6 mappings``. Without NOTIFY_SOCKET in the environment nothing is said.

Lives here: the datagrams and when they go. Never here: the unit, which is in docs/guide/service.md.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Final

from ..switch.snapshots import MapperSnapshot, MappingState, SwitchSnapshot
from .switch_like import SwitchLike
from .text import count

LOOK_EVERY: Final = 2.0  # seconds between two looks whether the line is still true
TYPE_NAMES: Final = {"pcp": "PCP", "pmp": "NAT-PMP", "upnp": "UPnP"}


class ServiceManager:
    """Whoever started us as a service, if anybody wants to be told.

    ``watchdog`` is how often it must hear of us, in seconds; None: it need not.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self.watchdog = _watchdog(environment) if self._address else None

    @property
    def listens(self) -> bool:
        return bool(self._address)

    def tell(self, *assignments: str) -> None:
        """One datagram, ``READY=1`` for instance; one that cannot be delivered is not tried again."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
                line.sendto("\n".join(assignments).encode(), self._address)
        except OSError:
            pass  # it is gone or too busy; calls go on

    async def keep_told(self, switch: SwitchLike) -> None:
        """Say that the switch serves, then whatever changes, until cancelled."""
        said = status_line(switch.snapshot())
        self.tell("READY=1", f"STATUS={said}")
        pause = min(LOOK_EVERY, (self.watchdog or LOOK_EVERY * 2) / 2)
        try:
            while True:
                await asyncio.sleep(pause)
                line = status_line(switch.snapshot())
                alive = ["WATCHDOG=1"] if self.watchdog else []
                news = [f"STATUS={line}"] if line != said else []
                if alive or news:
                    self.tell(*alive, *news)
                said = line
        finally:
            self.tell("STOPPING=1", "STATUS=stopping: hanging up, taking our mappings off the gateway")


def status_line(snapshot: SwitchSnapshot) -> str:
    """One line: the gateway and what it does for us, or what is served without one."""
    mapper = snapshot.mapper
    profiles = count(len(snapshot.profiles), "profile")
    if mapper is None:
        return f"NAT off (-nonat), {profiles}"
    if mapper.type is None:
        looked = "no NAT gateway found" if mapper.verdict_known else "looking for a NAT gateway"
        return f"{looked}, {profiles}"
    return f"{TYPE_NAMES[mapper.type.value]} {_address(mapper)}, {_mappings(mapper)}"


def _address(mapper: MapperSnapshot) -> str:
    if mapper.external_address:
        return mapper.external_address
    if mapper.reported_address:
        return f"{mapper.reported_address} (no public address)"
    return "without an address"


def _mappings(mapper: MapperSnapshot) -> str:
    if not mapper.mapping_enabled:
        return "mapping off (-nonatmap)"
    accepted = sum(1 for each in mapper.mappings if each.state is MappingState.ACCEPTED)
    refused = sum(1 for each in mapper.mappings if each.state is MappingState.REFUSED)
    return count(accepted, "mapping") + (f", {refused} refused" if refused else "")


def _watchdog(environment: Mapping[str, str]) -> float | None:
    """WATCHDOG_USEC, when it is meant for this process."""
    text, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not text.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return int(text) / 1e6 or None
