"""The machines that talk to one gateway: port 5351, UPnP's ladder, events, announcements."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from functools import cache
from ipaddress import IPv4Address
from typing import Any

from draw_code import table, timing
from draw_states import OutOfPlace, explore, picture, state_table

from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.portmap.discovery import announcements
from ringthru.portmap.discovery.announcements import Announcements
from ringthru.portmap.gateway import adding, gena_subscription, natpmp_client, pcp_client, upnp_calls
from ringthru.portmap.gateway.gena_subscription import EventsMissed, State, Subscription
from ringthru.portmap.gateway.natpmp_client import NatPmpClient
from ringthru.portmap.gateway.orders import AddressOrder, Declined, MapOrder, UnmapOrder
from ringthru.portmap.gateway.pcp_client import PcpClient
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure, Igd
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire import natpmp
from ringthru.portmap.wire.description import WanService
from ringthru.portmap.wire.gena import Notification
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location

NOW = 1000.0
OURS, GATEWAY, STRANGER = "192.168.1.103", "192.168.1.1", "192.168.1.66"
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060", nonce=bytes(range(12)))
RENEW = replace(MAP, renewal=True)  # with a label, which may have to be left out
UNMAP = UnmapOrder(Protocol.UDP, 5060, 5060, nonce=bytes(range(12)))


def outcome(event: Any) -> str:
    """An outcome in a word or two; what it hopes for, when it is a refusal."""
    name = type(event).__name__
    return f"`{name}` ({event.remedy.value})" if isinstance(event, Declined) else f"`{name}`"


def drain(machine: Any) -> list[str]:
    """What a client says: datagrams, then outcomes."""
    sends = [f"{len(found)} datagram" for found in [machine.datagrams_to_send()] if found]
    return sends + [outcome(each) for each in machine.events()]


def when_idle(machine: Any, order: Callable[[], object]) -> None:
    """Dispatch gives an order only when nothing is in flight, or abandons what is."""
    if machine.next_timeout() is not None:
        raise OutOfPlace
    order()


def timeout(machine: Any) -> None:
    due = machine.next_timeout()
    if due is None:
        raise OutOfPlace
    machine.handle_timeout(due)


# NAT-PMP


def _pmp(kind: str, epoch: int = 900) -> bytes:
    if kind == "address":
        return struct.pack("!BBHI4s", 0, 128, 0, epoch, IPv4Address("11.0.113.1").packed)
    port, life = (5060, 3600) if kind == "grant" else (0, 0)
    code = int(kind) if kind.isdigit() else 0
    return struct.pack("!BBHIHHI", 0, 129, code, epoch, 5060, port, life)


@cache
def natpmp_rows() -> list[tuple[str, str, str, str]]:
    def state(client: NatPmpClient) -> str:
        request = client._request
        if request is None:
            return "idle"
        contrary = ", answered with the opposite" if client._contrary else ""
        if isinstance(request, natpmp.AddressRequest):
            return "asking for the address"
        return ("deleting" if request.lifetime == 0 else "mapping") + contrary

    def hear(data: bytes) -> Callable[[NatPmpClient], None]:
        return lambda client: client.receive_datagram(data, NOW)

    inputs: dict[str, Callable[[Any], object]] = {
        "order: address": lambda client: when_idle(client, lambda: client.submit(AddressOrder(), NOW)),
        "order: map": lambda client: when_idle(client, lambda: client.submit(MAP, NOW)),
        "order: unmap": lambda client: when_idle(client, lambda: client.submit(UNMAP, NOW)),
        "address response": hear(_pmp("address")),
        "mapping response": hear(_pmp("grant")),
        "response of port 0, life 0": hear(_pmp("deleted")),
        "result 2 (not authorized)": hear(_pmp("2")),
        "result 4 (out of resources)": hear(_pmp("4")),
        "port closed (ICMP)": lambda client: client.refused(NOW),
        "time-out": timeout,
        "abandon": lambda client: client.abandon(),
    }
    return explore(NatPmpClient(), inputs, state, drain, lambda client: client._attempts)


# PCP


def _pcp(opcode: int, result: int = 0, life: int = 3600, port: int = 5060) -> bytes:
    head = struct.pack("!BBxBII12x", 2, 0x80 | opcode, result, life, 900)
    address = bytes(10) + b"\xff\xff" + IPv4Address("11.0.113.1").packed
    return head if opcode == 0 else head + bytes(range(12)) + struct.pack("!B3xHH", 17, 5060, port) + address


@cache
def pcp_rows() -> list[tuple[str, str, str, str]]:
    def state(client: PcpClient) -> str:
        exchange = client._exchange
        if exchange is None:
            return "idle"
        words = "tidying up" if exchange.outcome is not None else f"{exchange.purpose.name.lower()}"
        return words + (", answered with the opposite" if exchange.contrary else "")

    def detail(client: PcpClient) -> object:
        exchange = client._exchange
        left = None if exchange is None else (exchange.attempts, exchange.left_out, exchange.version_refused)
        return left, client._address_at is None, client._ways._unwelcome, client._ways.took_words

    def hear(data: bytes) -> Callable[[PcpClient], None]:
        return lambda client: client.receive_datagram(data, NOW)

    inputs: dict[str, Callable[[Any], object]] = {
        "probe": lambda client: when_idle(client, lambda: client.probe(NOW)),
        "order: address": lambda client: when_idle(client, lambda: client.submit(AddressOrder(), NOW + 60)),
        "order: map": lambda client: when_idle(client, lambda: client.submit(RENEW, NOW)),
        "order: unmap": lambda client: when_idle(client, lambda: client.submit(UNMAP, NOW)),
        "ANNOUNCE response": hear(_pcp(0)),
        "MAP response": hear(_pcp(1)),
        "MAP response, life 0": hear(_pcp(1, life=0, port=0)),
        "NOT_AUTHORIZED": hear(_pcp(1, result=2)),
        "UNSUPP_OPTION": hear(_pcp(1, result=5)),
        "NO_RESOURCES": hear(_pcp(1, result=8)),
        "version refused (PCP's form)": hear(struct.pack("!BBxBII12x", 1, 0x80, 1, 0, 0)),
        "version refused (NAT-PMP's form)": hear(struct.pack("!BBHI", 0, 0x80, 1, 0)),
        "port closed (ICMP)": lambda client: client.refused(NOW),
        "time-out": timeout,
        "abandon": lambda client: client.abandon(),
    }
    client = PcpClient(OURS, lambda size: bytes(range(size)), lambda: 0.5, lambda: 5060)
    return explore(client, inputs, state, drain, detail)


# UPnP: the ladder


ANSWERS = ("200", "402", "403", "501", "606", "716", "718", "724", "725", "726", "727", "728", "729")
ANSWERS += ("401", "602")
ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body>'
    "</s:Envelope>"
)


def ladder_table() -> str:
    rows = []
    for code in ANSWERS:
        for held, permanent in ((None, False), ("ours", False), ("theirs", False), (None, True)):
            asked, end = _climb(code, held, permanent)
            rows.append((code, _whose(held, permanent), " → ".join(asked), outcome(end)))
    return table("Answer to AddPortMapping", "When", "What is asked, in order", "Outcome", rows=_merged(rows))


def _whose(held: str | None, permanent: bool) -> str:
    if permanent:
        return "life 0 is granted"
    return {None: "the port is nobody's", "ours": "the port is ours", "theirs": "the port is another host's"}[
        held
    ]


def _merged(rows: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """One line where the answer alone decides."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for code, when, asked, end in rows:
        found.setdefault((code, asked, end), []).append(when)
    lines, counted = [], Counter(code for code, *_ in found)
    for (code, asked, end), when in found.items():
        lines.append((code, "" if counted[code] == 1 else "; ".join(when), asked, end))
    return lines


def _climb(code: str, held: str | None, permanent: bool) -> tuple[list[str], Any]:
    place = Location(Endpoint(GATEWAY, 5000), "/ctl")
    service = WanService("urn:schemas-upnp-org:service:WANIPConnection:1", place)
    steps = adding.add(Igd(place, "Acme R1", service, OURS, GatewayProfile()), MAP)
    asked: list[str] = []
    table_: dict[str, bool] = {"ours": held == "ours"}
    ask = next(steps)
    for _ in range(60):
        action, body = _action(ask.data)
        asked.append(action + (" (life 0)" if b"<NewLeaseDuration>0<" in ask.data else ""))
        try:
            ask = steps.send(_reply(action, body, code, held, permanent, table_))
        except StopIteration as end:
            return _runs(asked), end.value
    raise RuntimeError("a ladder without end")


def _runs(asked: list[str]) -> list[str]:
    """The same action again and again is told once, with how often."""
    told: list[str] = []
    counts: list[int] = []
    for each in asked:
        if told and told[-1] == each:
            counts[-1] += 1
        else:
            told.append(each)
            counts.append(1)
    return [each if count == 1 else f"{each} ×{count}" for each, count in zip(told, counts, strict=True)]


def _action(request: bytes) -> tuple[str, bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    line = next((each for each in head.split(b"\r\n") if b"soapaction" in each.lower()), b"")
    return line.rpartition(b"#")[2].strip(b'" ').decode() or "SCPD", body


def _reply(
    action: str, body: bytes, code: str, held: str | None, permanent: bool, table_: dict[str, bool]
) -> Any:
    kind = "urn:schemas-upnp-org:service:WANIPConnection:1"
    if action == "SCPD":
        return HttpFailure(FailureKind.REFUSED, "closed")
    if action == "AddPortMapping":
        free = permanent and b"<NewLeaseDuration>0<" in body
        replaced = held == "ours" and not table_["ours"]
        return _ok(action, kind) if code == "200" or free or replaced else _fault(code)
    if action == "DeletePortMapping":
        table_["ours"] = False
        return _ok(action, kind)
    if action == "GetSpecificPortMappingEntry" and held:
        client = OURS if held == "ours" else STRANGER
        return _ok(action, kind, NewInternalPort="5060", NewInternalClient=client, NewEnabled="1",
                   NewPortMappingDescription="Ringthru udp 5060", NewLeaseDuration="60")  # fmt: skip
    return _fault("714" if action == "GetSpecificPortMappingEntry" else "713")


def _ok(action: str, kind: str, **values: str) -> Response:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    body = ENVELOPE.format(f'<u:{action}Response xmlns:u="{kind}">{inner}</u:{action}Response>')
    return Response(200, body.encode())


def _fault(code: str) -> Response:
    inner = (
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
        f'<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{code}</errorCode>'
        "<errorDescription>no</errorDescription></UPnPError></detail></s:Fault>"
    )
    return Response(500, ENVELOPE.format(inner).encode())


# GENA


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


# Announcements


def announcement_table() -> str:
    pmp, ssdp, other = Endpoint(GATEWAY, 5351), Endpoint(GATEWAY, 1900), Endpoint(STRANGER, 5351)
    igd = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"

    def notify(nts: str = "ssdp:alive", target: str = igd, place: str = "a", **headers: object) -> bytes:
        lines = ["NOTIFY * HTTP/1.1", f"NT: {target}", f"NTS: {nts}", f"USN: uuid:1::{target}"]
        lines += [f"LOCATION: http://{GATEWAY}:5000/{place}.xml"]
        lines += [f"{name.upper()}.UPNP.ORG: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def event(**values: str) -> Notification:
        return Notification("uuid:1", 1, tuple(values.items()))

    def heard(*notices: Callable[[Announcements], None]) -> str:
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

    def on_pmp(data: bytes, source: Endpoint = pmp, at: float = NOW) -> Callable[[Announcements], None]:
        return lambda machine: machine.receive_pmp(data, source, at)

    def on_ssdp(data: bytes, at: float = NOW, source: Endpoint = ssdp) -> Callable[[Announcements], None]:
        return lambda machine: machine.receive_ssdp(data, source, at)

    def on_event(at: float = NOW, **values: str) -> Callable[[Announcements], None]:
        return lambda machine: machine.receive_event(event(**values), at)

    later, much_later = NOW + 5, NOW + 60
    again = on_pmp(_pmp("address", 905), at=later)
    cases: dict[str, tuple[Callable[[Announcements], None], ...]] = {
        "NAT-PMP announcement of the gateway": (on_pmp(_pmp("address")),),
        "the same again, 5 s later": (on_pmp(_pmp("address")), again),
        "another one (epoch 0), 5 s later": (on_pmp(_pmp("address")), on_pmp(_pmp("address", 0), at=later)),
        "PCP ANNOUNCE of the gateway": (on_pmp(_pcp(0)),),
        "either, from another address": (on_pmp(_pmp("address"), other),),
        "bytes that are neither": (on_pmp(b"\x00\x01"),),
        "NOTIFY alive, a device not known yet": (on_ssdp(notify()),),
        "NOTIFY alive, once more": (on_ssdp(notify()), on_ssdp(notify(), much_later)),
        "NOTIFY alive, LOCATION elsewhere": (on_ssdp(notify()), on_ssdp(notify(place="b"), much_later)),
        "NOTIFY alive, another BOOTID": (on_ssdp(notify(bootid=1)), on_ssdp(notify(bootid=2), much_later)),
        "NOTIFY byebye": (on_ssdp(notify("ssdp:byebye")),),
        "NOTIFY of a printer": (on_ssdp(notify(target="urn:schemas-upnp-org:device:Printer:1")),),
        "NOTIFY from another address": (on_ssdp(notify(), source=other),),
        "the first event of a subscription": (on_event(ExternalIPAddress="11.0.113.1"),),
        "event: another external address": (
            on_event(ExternalIPAddress="11.0.113.1"),
            on_event(ExternalIPAddress="11.0.113.2"),
        ),
        "event: ConnectionStatus Disconnected": (on_event(ConnectionStatus="Disconnected"),),
        "event: fewer mappings than before": (
            on_event(PortMappingNumberOfEntries="5"),
            on_event(PortMappingNumberOfEntries="1"),
        ),
    }
    return table("What is heard", "What comes of it", rows=[(k, heard(*v)) for k, v in cases.items()])


PARTS: dict[str, Callable[[], str]] = {
    "natpmp states": lambda: state_table(natpmp_rows()),
    "natpmp picture": lambda: picture(natpmp_rows(), "idle"),
    "natpmp timing": lambda: timing(natpmp_client),
    "pcp states": lambda: state_table(pcp_rows()),
    "pcp picture": lambda: picture(pcp_rows(), "idle"),
    "pcp timing": lambda: timing(pcp_client),
    "upnp ladder": ladder_table,
    "upnp timing": lambda: timing(upnp_calls),
    "gena states": lambda: state_table(gena_rows()),
    "gena picture": lambda: picture(gena_rows(), State.IDLE.value),
    "gena timing": lambda: timing(gena_subscription),
    "announcements": announcement_table,
    "announcement timing": lambda: timing(announcements),
}
