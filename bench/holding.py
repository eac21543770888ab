"""What it costs to hold 500 mappings: ten minutes by a virtual clock, and a real minute."""

from __future__ import annotations

import os
import time
from typing import Any

from ringthru.lab.clock import ManualClock
from ringthru.lab.gateway.quirks import Quirks
from ringthru.lab.namespaces.laboratory import Laboratory
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import World
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.values import MappingState, Protocol, Wanted

from .inside_runs import ours, run
from .report import Row, progress

COUNT = 500
FIRST_PORT = 20000
TEN_MINUTES = 600.0
SETTLING = 20.0  # seconds until all of them are granted
MINUTE = 60
KINDS = (("IGD:1", "upnp", 1), ("IGD:2", "upnp", 2), ("PCP", "pcp", 1), ("NAT-PMP", "natpmp", 1))


class Metered:
    """An engine whose processor time is counted, without that of the world around it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if not callable(found):
            return found

        def metered(*arguments: Any) -> Any:
            began = time.process_time()
            try:
                return found(*arguments)
            finally:
                self.seconds += time.process_time() - began

        return metered


def virtual_rows() -> list[Row]:
    rows = []
    for name, protocol, version in KINDS:
        progress(f"holding {COUNT} mappings over {name} for ten virtual minutes")
        clock = ManualClock()
        gateway = VirtualGateway(clock.read, quirks=Quirks(igd_version=version), protocols=(protocol,))
        around = Surroundings("192.168.1.103", gateway.network, gateway.address)
        plain = Engine(around, log=lambda level, text: None, entropy=os.urandom, budget=COUNT)
        engine = Metered(plain)
        world = World(engine, gateway, clock=clock)
        world.call("start")
        for port in range(FIRST_PORT, FIRST_PORT + COUNT):
            world.call("want", Wanted(Protocol.UDP, port))
        world.run(SETTLING)
        sent, engine.seconds = len(world.records.exchanges), 0.0
        world.run(TEN_MINUTES)
        what = f"{name}: {_granted(plain, world.now)} mappings, ten virtual minutes"
        rows.append(Row("hold", f"{what}, the engine's processor time", engine.seconds, "s"))
        rows.append(Row("hold", f"{what}, messages", len(world.records.exchanges) - sent, ""))
    return rows


def _granted(engine: Engine, now: float) -> int:
    return sum(each.state is MappingState.ACCEPTED for each in engine.snapshot(now).mappings)


def minute_rows() -> list[Row]:
    rows = []
    for serves, name in ((Serves.NATPMP, "PCP"), (Serves.UPNP, "UPnP")):
        progress(f"holding {COUNT} mappings over {name} for a real minute")
        with Laboratory(serves=serves) as laboratory:
            told, _ = run(laboratory, ours("engine", "hold", COUNT, MINUTE))
        what = f"{name}: {told['granted']} mappings, a real minute"
        rows.append(Row("hold", f"{what}, processor time", told["cpu"], "s"))
        rows.append(Row("hold", f"{what}, packets on the wire", told["packets"], ""))
        rows.append(Row("hold", f"{what}, memory for them", told["grown"] / 1024 / 1024, "MiB"))
        rows.append(Row("hold", f"{what}, memory of the process", told["rss"] / 1024 / 1024, "MiB"))
    return rows
