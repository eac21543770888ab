"""The fake gateway's UPnP side: answers to SSDP searches, and the HTTP server behind them.

Lives here: HTTP as much as UPnP control needs, and the quirks that show there.
Never here: the actions themselves; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ..net.address import Endpoint
from ..net.values import frozen
from . import soap
from .mapping_table import MappingTable
from .noise import noise
from .tcp_service import TcpService, listen_tcp
from .upnp_actions import FAULTS, Fault, WanIpConnection
from .upnp_description import (
    CONTROL_PATH,
    DESCRIPTION_PATH,
    SCPD,
    SCPD_PATH,
    SERVER,
    SERVICE,
    UpnpIdentity,
    read_search,
    search_answer,
)

log = logging.getLogger(__name__)

PATIENCE: Final = 10.0  # seconds for a whole request
LARGEST_HEAD: Final = 64  # lines
LARGEST_BODY: Final = 65536  # bytes


@frozen
class HttpRequest:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


class UpnpServer:
    """SSDP answers and HTTP of one gateway; ``boot_id`` counts its starts (UDA §1.2)."""

    def __init__(self, table: MappingTable, service: WanIpConnection, address: str, uuid: str) -> None:
        self.boot_id = 1
        self._table = table
        self._service = service
        self._address = address
        self._uuid = uuid
        self._http: TcpService | None = None

    @property
    def identity(self) -> UpnpIdentity:
        return UpnpIdentity(self._table.quirks.igd_version, self._uuid)

    @property
    def http(self) -> Endpoint | None:
        """Where the description is served; another port after each start, as miniupnpd has it."""
        return self._http.local if self._http else None

    def start(self) -> None:
        self._http = TcpService(listen_tcp(Endpoint(self._address, 0)), self._serve)

    async def stop(self) -> None:
        if self._http is not None:
            self._http.close()
            await self._http.closed()
            self._http = None

    def answer_search(self, datagram: bytes, source: Endpoint) -> list[bytes]:
        """The datagrams to send back to an M-SEARCH; multicast never gets here on loopback."""
        quirks = self._table.quirks
        target = read_search(datagram)
        if quirks.mute or target is None or self.http is None or not self._table.is_inside(source.host):
            return []
        answers = [
            search_answer(st, usn, self.http, self.boot_id)
            for st, usn in self.identity.search_answers(target)
        ]
        if quirks.garbage:  # noise, and a good answer so that the HTTP noise is met as well
            return [noise(datagram, 200), b"HTTP/1.1 200 OK\r\nLOCATION: " + noise(datagram, 40), *answers]
        return answers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Endpoint(*writer.get_extra_info("peername"))
        async with asyncio.timeout(PATIENCE):
            request = await read_request(reader)
            if self._table.quirks.mute:
                await reader.read()  # until the client gives up, or our patience ends
                return
            await asyncio.sleep(self._table.quirks.delay)
            writer.write(self._respond(request, client.host))
            await writer.drain()

    def _respond(self, request: HttpRequest, client: str) -> bytes:
        if self._table.quirks.garbage:
            return noise(request.path.encode(), 500)
        if not self._table.is_inside(client):
            return _http("403 Forbidden", b"")
        if request.method == "POST" and request.path == CONTROL_PATH:
            return self._control(request, client)
        if request.method != "GET":
            return _http("405 Method Not Allowed", b"")
        page = self._pages().get(request.path)
        return _http("404 Not Found", b"") if page is None else _http("200 OK", page().encode())

    def _pages(self) -> dict[str, Callable[[], str]]:
        return {DESCRIPTION_PATH: self.identity.description, SCPD_PATH: self._scpd}

    def _scpd(self) -> str:
        return SCPD.format(
            actions="".join(f"<action><name>{name}</name></action>" for name in self._service.actions)
        )

    def _control(self, request: HttpRequest, client: str) -> bytes:
        call = soap.read_call(request.body)
        if call is None:
            return _http("400 Bad Request", b"")
        try:
            self._check_action(call, request.headers.get("soapaction", ""))
            results = self._service.invoke(call.action, call.arguments, client)
        except Fault as error:
            log.debug("%s refused: %s", call.action, error)
            return _http("500 Internal Server Error", soap.fault(error.code, FAULTS[error.code]))
        return _http("200 OK", soap.answer(call, results))

    def _check_action(self, call: soap.Call, header: str) -> None:
        """The header must name the call in the body, and the service be ours (an older version is)."""
        known = [f"{SERVICE}WANIPConnection:{v}" for v in range(1, self.identity.version + 1)]
        if call.service not in known or header != f'"{call.service}#{call.action}"':
            raise Fault(401)


async def read_request(reader: asyncio.StreamReader) -> HttpRequest:
    """Read one HTTP request.

    Raises:
        EOFError: the client went away before its end.
        ValueError: not HTTP, or larger than we take.
    """
    method, path, _ = (await reader.readline()).decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    for _ in range(LARGEST_HEAD):
        line = (await reader.readline()).decode("latin-1").strip()
        if not line:
            break
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= LARGEST_BODY:
        raise ValueError(f"a body of {length} bytes")
    return HttpRequest(method, path, headers, await reader.readexactly(length))


def _http(status: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}",
        'Content-Type: text/xml; charset="utf-8"',
        f"Content-Length: {len(body)}",
        "Connection: close",
        f"Server: {SERVER}",
        "EXT:",
    )
    return "\r\n".join((*head, "", "")).encode() + body
