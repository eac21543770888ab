"""One gateway, from the search to the request in flight: detection, dispatch, UPnP's client.

They are watched in the virtual world while an engine lives its lives there.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from functools import cache
from ipaddress import IPv4Network
from typing import Any

from draw_code import doc, timing
from draw_mappings import SIP, SIP_TCP
from draw_states import picture, record, state_table

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import World
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.discovery import detection, ssdp_search
from ringthru.portmap.discovery.detection import Detection
from ringthru.portmap.engine import in_use
from ringthru.portmap.engine.dispatch import Dispatch
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.gateway.upnp_client import UpnpClient


def make_world(protocols: tuple[str, ...], **quirks: Any) -> World:
    clock, seed = ManualClock(), 1
    ports = itertools.count(40000)
    gateways = [VirtualGateway(clock.read, quirks=Quirks(**quirks), protocols=protocols, seed=seed)]
    engine = Engine(
        Surroundings("192.168.1.103", IPv4Network("192.168.1.0/24"), "192.168.1.1"),
        pick_port=lambda: next(ports),
        log=lambda level, text: None,
        entropy=random.Random(seed).randbytes,
    )
    return World(engine, *gateways, clock=clock, host="192.168.1.103", seed=seed)


def live() -> None:
    """Lives of an engine: each protocol, no gateway, a refusal, a reboot, a gateway gone, a stop."""
    every = ("natpmp", "pcp", "upnp")
    for protocols in ((), ("natpmp",), ("pcp",), ("upnp",), every):
        world = make_world(protocols)
        world.call("want", SIP)
        world.call("want", SIP_TCP)
        world.call("start")
        world.run(60)
        world.gateways[0].reboot()
        world.run(1900)
        world.call("list_gateway", 10)
        world.run(30)
        world.gateways[0].power_off()
        world.run(120)
        world.gateways[0].power_on()
        world.call("stirred")
        world.run(120)
        world.call("reinit")
        world.run(30)
        world.call("stop")
        world.run(30)
    world = make_world(every, refuse=True)
    world.call("want", SIP)
    world.call("start")
    world.run(60)
    world.call("stop")
    world.run(10)


@cache
def detection_rows() -> list[tuple[str, str, str, str]]:
    def state(machine: Detection) -> str:
        if machine.searching:
            return "pause between rounds" if machine._next_round_at is not None else "round"
        return "looking for a witness" if machine.witnessing else "quiet"

    def judged(result: Any, *_: Any) -> str:
        return "a later round ends in vain" if result is None else f"`{type(result).__name__}`"

    inputs: dict[str, Callable[..., str]] = {
        "start": lambda *_: "start",
        "decide": judged,
        "handle_timeout": lambda *_: "time-out",
        "hurry": lambda *_: "something stirs",
        "look_for_witness": lambda *_: "the start is over",
        "witness": lambda result, *_: "its UPnP side answers" if result else "no witness yet",
        "stop": lambda *_: "stop",
        "stop_searching": lambda *_: "stop searching",
    }
    return record(Detection, inputs, state, live)


@cache
def dispatch_rows() -> list[tuple[str, str, str, str]]:
    def state(machine: Dispatch) -> str:
        if machine.gateway is None:
            return "no gateway"
        if machine.lost is not None:
            return "gateway lost"
        if machine.in_flight is None:
            return "nothing in flight"
        return f"{type(machine.in_flight[0]).__name__} in flight"

    inputs: dict[str, Callable[..., str]] = {
        "adopt": lambda *_: "a gateway is found",
        "advance": lambda *_: "answers come in, or something is due",
        "abandon": lambda *_: "stop",
        "forget": lambda *_: "the gateway is lost, or looked for again",
    }
    return record(Dispatch, inputs, state, live)


@cache
def upnp_rows() -> list[tuple[str, str, str, str]]:
    def state(client: UpnpClient) -> str:
        if client._steps is None:
            return "idle"
        return "carrying out an order" if client._steps.gi_code.co_name == "guarded" else "looking"

    inputs: dict[str, Callable[..., str]] = {
        "consider": lambda taken, *_: "a location to look at" if taken else "a location of no use",
        "submit": lambda *_: "an order",
        "receive_reply": lambda *_: "a reply",
        "abandon": lambda *_: "abandon",
        "begin": lambda *_: "a new detection",
        "use": lambda *_: "its service is chosen",
    }
    return record(UpnpClient, inputs, state, live)


PARTS: dict[str, Callable[[], str]] = {
    "detection states": lambda: state_table(detection_rows()),
    "detection picture": lambda: picture(detection_rows(), "quiet"),
    "detection timing": lambda: timing(detection),
    "search timing": lambda: timing(ssdp_search),
    "dispatch states": lambda: state_table(dispatch_rows()),
    "dispatch order": lambda: doc(Dispatch._submit_next),
    "in use timing": lambda: timing(in_use),
    "upnp picture": lambda: picture(upnp_rows(), "idle"),
    "upnp states": lambda: state_table(upnp_rows(), idle=True),
}
