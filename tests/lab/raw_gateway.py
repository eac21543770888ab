"""A fake gateway without sockets, asked by raw bytes; written apart from ringthru.portmap on purpose."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from ringthru.lab.clock import ManualClock
from ringthru.lab.gateway.core import GatewayCore
from ringthru.lab.gateway.quirks import Quirks
from ringthru.lab.gateway.replies import HttpScript
from ringthru.net.address import Endpoint

GATEWAY = "127.41.0.1"
CLIENT = "127.41.0.103"
HTTP = Endpoint(GATEWAY, 49152)
INSIDE_V6 = IPv6Network("2001:db8:41::/64")
WANIP = "urn:schemas-upnp-org:service:WANIPConnection:1"
FIREWALL = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
MAPPING = {
    "NewRemoteHost": "",
    "NewExternalPort": "25061",
    "NewProtocol": "UDP",
    "NewInternalPort": "5060",
    "NewInternalClient": CLIENT,
    "NewEnabled": "1",
    "NewPortMappingDescription": "a mapping",
    "NewLeaseDuration": "3600",
}
PORT = {name: MAPPING[name] for name in ("NewRemoteHost", "NewExternalPort", "NewProtocol")}


class RawGateway:
    """One gateway with these rows; ``open`` are the ports that are forwarded."""

    def __init__(self, *rows: str, **settings: Any) -> None:
        self.clock = ManualClock()
        self.open: dict[Any, Endpoint] = {}
        self.core = GatewayCore(
            GATEWAY,
            IPv4Network("127.41.0.0/24"),
            outside=lambda: "127.42.0.1",
            clock=self.clock.read,
            open_port=self.open.__setitem__,
            close_port=lambda key: self.open.pop(key, None),
            quirks=Quirks(rows=frozenset(rows), **settings),
            inside_v6=INSIDE_V6,
        )
        self.core.upnp.http = HTTP
        self.core.upnp.http6 = Endpoint("2001:db8:41::1", HTTP.port)

    def search(
        self,
        target: str = "upnp:rootdevice",
        *,
        source: str = CLIENT,
        multicast: bool = True,
        datagram: bytes | None = None,
    ) -> list[Any]:
        """The replies to an M-SEARCH."""
        if datagram is None:
            datagram = search(target)
        to = "239.255.255.250" if multicast else ""
        return self.core.receive(1900, datagram, Endpoint(source, 40000), to)

    def request(self, data: bytes, client: str = CLIENT) -> HttpScript:
        return self.core.upnp.respond(data, client, self.clock.now)

    def get(self, path: str = "/rootDesc.xml", client: str = CLIENT) -> HttpScript:
        return self.request(f"GET {path} HTTP/1.1\r\nHost: {HTTP}\r\n\r\n".encode(), client)

    def post(
        self,
        action: str,
        arguments: Any = (),
        *,
        service: str = WANIP,
        path: str = "/ctl/IPConn",
        client: str = CLIENT,
        **writing: Any,
    ) -> HttpScript:
        return self.request(post(action, arguments, service=service, path=path, **writing), client)

    def call(self, action: str, arguments: Any = (), **how: Any) -> int | dict[str, str]:
        """The fault's code, or the values of the answer."""
        answer = self.post(action, arguments, **how).data
        if fault := re.search(rb"<errorCode>(\d+)</errorCode>", answer):
            return int(fault[1])
        assert f"<u:{action}Response ".encode() in answer, answer
        return {n.decode(): v.decode() for n, v in re.findall(rb"<(\w+)>([^<]*)</\1>", answer)}

    def add(self, port: int = 25061, **changes: str) -> int | dict[str, str]:
        return self.call("AddPortMapping", MAPPING | {"NewExternalPort": str(port)} | changes)

    def specific(self, port: int = 25061) -> int | dict[str, str]:
        return self.call("GetSpecificPortMappingEntry", PORT | {"NewExternalPort": str(port)})

    def generic(self, index: int = 0) -> int | dict[str, str]:
        return self.call("GetGenericPortMappingEntry", {"NewPortMappingIndex": str(index)})

    def delete(self, port: int = 25061, **how: Any) -> int | dict[str, str]:
        return self.call("DeletePortMapping", PORT | {"NewExternalPort": str(port)}, **how)

    def forwarded(self) -> list[int]:
        """The external ports that let something in."""
        self.core.table.expire()
        return sorted(key.external_port for key in self.open)


def search(target: str, end: str = "\r\n\r\n") -> bytes:
    lines = (
        "M-SEARCH * HTTP/1.1",
        "HOST: 239.255.255.250:1900",
        'MAN: "ssdp:discover"',
        "MX: 2",
        f"ST: {target}",
    )
    return ("\r\n".join(lines) + end).encode()


def post(
    action: str,
    arguments: Any = (),
    *,
    service: str = WANIP,
    path: str = "/ctl/IPConn",
    header: str = "SOAPAction",
    extra: str = "",
    body: str | None = None,
) -> bytes:
    """A whole POST as bytes."""
    values = "".join(f"<{name}>{value}</{name}>" for name, value in dict(arguments).items())
    body = body or (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<u:{action} xmlns:u="{service}">{values}</u:{action}></s:Body></s:Envelope>'
    )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HTTP}\r\nContent-Length: {len(body)}\r\n"
        f'{header}: "{service}#{action}"\r\n{extra}\r\n'
    )
    return (head + body).encode()


def location(reply: Any) -> str:
    found = re.search(rb"(?im)^(?:location|al)\s*:\s*(\S+)", reply.data)
    assert found is not None, reply.data
    return found[1].decode()
