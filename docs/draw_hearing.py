"""The machines that listen to a gateway: subscriptions to its events (GENA), announcements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

from draw_code import table, timing
from draw_port5351 import NOW, pcp_datagram, pmp_datagram
from draw_states import explore, picture, state_table

from ringthru.net.address import Endpoint
from ringthru.portmap.discovery import announcements
from ringthru.portmap.discovery.announcements import Announcements
from ringthru.portmap.gateway import gena_subscription
from ringthru.portmap.gateway.gena_subscription import EventsMissed, State, Subscription
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure
from ringthru.portmap.wire.gena import Notification
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location

GATEWAY, STRANGER = "192.168.1.1", "192.168.1.66"


@cache
def gena_rows() -> list[tuple[str, str, str, str]]:
    place = Location(Endpoint(GATEWAY, 5000), "/evt")

    def answer(status: int, **headers: str) -> Callable[[Subscription], None]:
        reply = Response(status, b"", **headers)
        return lambda machine: machine.receive_reply(machine._number, reply, NOW)

    def said(machine: Subscription) -> list[str]:
        sent = [f"`{each.ask.data.split()[0].decode()}`" for each in machine.requests_to_send()]
        events = machine.events()
        told = ["`EventsMissed`"] if any(isinstance(each, EventsMissed) for each in events) else []
        return sent + told + (["the event"] if any(isinstance(each, Notification) for each in events) else [])

    def due(machine: Subscription) -> None:
        if machine.next_timeout() is not None:
            machine.handle_timeout(machine.next_timeout() or NOW)

    def missed(machine: Subscription) -> object:
        sequence = 5 if machine._next_sequence is None else machine._next_sequence + 3
        return machine.receive_notify(Notification("uuid:1", sequence, ()), NOW)

    def expected(machine: Subscription) -> object:
        return machine.receive_notify(Notification("uuid:1", machine._next_sequence or 0, ()), NOW)

    inputs: dict[str, Callable[[Any], object]] = {
        "start": lambda machine: machine.start(NOW),
        "200 with SID": answer(200, subscription="uuid:1", timeout="Second-1800"),
        "412": answer(412),
        "503, or nonsense": answer(503),
        "any other status": answer(501),
        "no answer": lambda machine: machine.receive_reply(
            machine._number, HttpFailure(FailureKind.TIMEOUT, "no answer"), NOW
        ),
        "the next event": expected,
        "an event after a gap": missed,
        "time-out": due,
        "stop": lambda machine: machine.stop(),
    }

    def detail(machine: Subscription) -> object:
        return min(machine._failures, 5), machine._gaps, machine._next_sequence is None, bool(machine._early)

    return explore(
        Subscription(place, "http://192.168.1.103:7000/"), inputs, lambda m: m.state.value, said, detail
    )


PMP, SSDP, OTHER = Endpoint(GATEWAY, 5351), Endpoint(GATEWAY, 1900), Endpoint(STRANGER, 5351)
IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
PRINTER = "urn:schemas-upnp-org:device:Printer:1"
LATER, MUCH_LATER = NOW + 5, NOW + 60
Notice = Callable[[Announcements], None]


def _notify(nts: str = "ssdp:alive", target: str = IGD, place: str = "a", **headers: object) -> bytes:
    lines = ["NOTIFY * HTTP/1.1", f"NT: {target}", f"NTS: {nts}", f"USN: uuid:1::{target}"]
    lines += [f"LOCATION: http://{GATEWAY}:5000/{place}.xml"]
    lines += [f"{name.upper()}.UPNP.ORG: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _on_pmp(data: bytes, source: Endpoint = PMP, at: float = NOW) -> Notice:
    return lambda machine: machine.receive_pmp(data, source, at)


def _on_ssdp(data: bytes, at: float = NOW, source: Endpoint = SSDP) -> Notice:
    return lambda machine: machine.receive_ssdp(data, source, at)


def _on_event(**values: str) -> Notice:
    event = Notification("uuid:1", 1, tuple(values.items()))
    return lambda machine: machine.receive_event(event, NOW)


def _heard(*notices: Notice) -> str:
    """What the last of these makes of those before it."""
    machine = Announcements(lambda level, text: None)
    machine.watch(GATEWAY)
    for each in notices[:-1]:
        each(machine)
    machine.hints()
    before = Counter(machine.counters())
    notices[-1](machine)
    kinds = [f"`{hint.kind.name}`" for hint in machine.hints()]
    counted = [f"counted as {name}" for name in Counter(machine.counters()) - before if name != "hints"]
    later = ["given later"] if machine.next_timeout() is not None else []
    return ", ".join(kinds + counted + later) or "nothing"


def announcement_table() -> str:
    address, alive = _on_pmp(pmp_datagram("address")), _on_ssdp(_notify())
    one, other = (_on_event(ExternalIPAddress=f"11.0.113.{number}") for number in (1, 2))
    five, fewer = (_on_event(PortMappingNumberOfEntries=number) for number in ("5", "1"))
    booted = [_on_ssdp(_notify(bootid=number), at) for number, at in ((1, NOW), (2, MUCH_LATER))]
    cases: dict[str, tuple[Notice, ...]] = {
        "NAT-PMP announcement of the gateway": (address,),
        "the same again, 5 s later": (address, _on_pmp(pmp_datagram("address", 905), at=LATER)),
        "another one (epoch 0), 5 s later": (address, _on_pmp(pmp_datagram("address", 0), at=LATER)),
        "PCP ANNOUNCE of the gateway": (_on_pmp(pcp_datagram(0)),),
        "either, from another address": (_on_pmp(pmp_datagram("address"), OTHER),),
        "bytes that are neither": (_on_pmp(b"\x00\x01"),),
        "NOTIFY alive, a device not known yet": (alive,),
        "NOTIFY alive, once more": (alive, _on_ssdp(_notify(), MUCH_LATER)),
        "NOTIFY alive, LOCATION elsewhere": (alive, _on_ssdp(_notify(place="b"), MUCH_LATER)),
        "NOTIFY alive, another BOOTID": (*booted,),
        "NOTIFY byebye": (_on_ssdp(_notify("ssdp:byebye")),),
        "NOTIFY of a printer": (_on_ssdp(_notify(target=PRINTER)),),
        "NOTIFY from another address": (_on_ssdp(_notify(), source=OTHER),),
        "the first event of a subscription": (one,),
        "event: another external address": (one, other),
        "event: ConnectionStatus Disconnected": (_on_event(ConnectionStatus="Disconnected"),),
        "event: fewer mappings than before": (five, fewer),
    }
    return table("What is heard", "What comes of it", rows=[(k, _heard(*v)) for k, v in cases.items()])


PARTS: dict[str, Callable[[], str]] = {
    "gena states": lambda: state_table(gena_rows()),
    "gena picture": lambda: picture(gena_rows(), State.IDLE.value),
    "gena timing": lambda: timing(gena_subscription),
    "announcements": announcement_table,
    "announcement timing": lambda: timing(announcements),
}
