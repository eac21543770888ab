"""The machines that ask a gateway at its port 5351: NAT-PMP and PCP."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from ipaddress import IPv4Address
from typing import Any

from draw_code import timing
from draw_states import OutOfPlace, explore, picture, state_table

from ringthru.net.values import replace
from ringthru.portmap.gateway import natpmp_client, pcp_client
from ringthru.portmap.gateway.natpmp_client import NatPmpClient
from ringthru.portmap.gateway.orders import AddressOrder, Declined, MapOrder, UnmapOrder
from ringthru.portmap.gateway.pcp_client import PcpClient
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire import natpmp

NOW = 1000.0
OURS = "192.168.1.103"
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


def pmp_datagram(kind: str, epoch: int = 900) -> bytes:
    """What a gateway says: its address, a grant, "deleted", or the number of an error."""
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
        "address response": hear(pmp_datagram("address")),
        "mapping response": hear(pmp_datagram("grant")),
        "response of port 0, life 0": hear(pmp_datagram("deleted")),
        "result 2 (not authorized)": hear(pmp_datagram("2")),
        "result 4 (out of resources)": hear(pmp_datagram("4")),
        "port closed (ICMP)": lambda client: client.refused(NOW),
        "time-out": timeout,
        "abandon": lambda client: client.abandon(),
    }
    return explore(NatPmpClient(), inputs, state, drain, lambda client: client._attempts)


# PCP


def pcp_datagram(opcode: int, result: int = 0, life: int = 3600, port: int = 5060) -> bytes:
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
        "ANNOUNCE response": hear(pcp_datagram(0)),
        "MAP response": hear(pcp_datagram(1)),
        "MAP response, life 0": hear(pcp_datagram(1, life=0, port=0)),
        "NOT_AUTHORIZED": hear(pcp_datagram(1, result=2)),
        "UNSUPP_OPTION": hear(pcp_datagram(1, result=5)),
        "NO_RESOURCES": hear(pcp_datagram(1, result=8)),
        "version refused (PCP's form)": hear(struct.pack("!BBxBII12x", 1, 0x80, 1, 0, 0)),
        "version refused (NAT-PMP's form)": hear(struct.pack("!BBHI", 0, 0x80, 1, 0)),
        "port closed (ICMP)": lambda client: client.refused(NOW),
        "time-out": timeout,
        "abandon": lambda client: client.abandon(),
    }
    client = PcpClient(OURS, lambda size: bytes(range(size)), lambda: 0.5, lambda: 5060)
    return explore(client, inputs, state, drain, detail)


PARTS: dict[str, Callable[[], str]] = {
    "natpmp states": lambda: state_table(natpmp_rows()),
    "natpmp picture": lambda: picture(natpmp_rows(), "idle"),
    "natpmp timing": lambda: timing(natpmp_client),
    "pcp states": lambda: state_table(pcp_rows()),
    "pcp picture": lambda: picture(pcp_rows(), "idle"),
    "pcp timing": lambda: timing(pcp_client),
}
