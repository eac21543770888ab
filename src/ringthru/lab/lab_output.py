"""What ``ringthru lab gateway`` shows: with rich for people, as JSON lines for programs.

Lives here: tables, lines, objects. Never here: sockets, arguments.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from .gateway.devices import DEVICES, NamedDevice
from .gateway.fake_gateway import FakeGateway, MappedPort
from .gateway.quirks import ROWS


class Output(Protocol):
    """Where the command tells what happens."""

    def catalogue(self) -> None: ...
    def playing(self, gateway: FakeGateway, device: NamedDevice | None) -> None: ...
    def request(self, client: str, asked: str, answered: str) -> None: ...
    def table(self, mappings: Sequence[MappedPort]) -> None: ...


class JsonOutput:
    """One object a line; each names its ``event``."""

    def catalogue(self) -> None:
        rows = [{"id": row.id, "section": row.section, "title": row.title} for row in ROWS.values()]
        _print_json(
            {"event": "catalogue", "devices": [_device(each) for each in DEVICES.values()], "rows": rows}
        )

    def playing(self, gateway: FakeGateway, device: NamedDevice | None) -> None:
        _print_json(
            {
                "event": "playing",
                "device": device.name if device else None,
                "address": gateway.inside,
                "external": gateway.external_address,
                "description_url": gateway.description_url,
                "protocols": sorted(gateway.protocols),
                "rows": sorted(gateway.quirks.rows),
                "others": [_other(each) for each in gateway.others],
            }
        )

    def request(self, client: str, asked: str, answered: str) -> None:
        _print_json({"event": "request", "client": client, "asked": asked, "answered": answered})

    def table(self, mappings: Sequence[MappedPort]) -> None:
        _print_json({"event": "table", "mappings": [_mapping(each) for each in mappings]})


class PeopleOutput:
    """Tables and lines on a terminal, or wherever standard output goes."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def catalogue(self) -> None:
        devices = Table(
            Column("Device", no_wrap=True),
            "Speaks",
            "Rows",
            "What it does",
            title="Devices (--device)",
            title_justify="left",
        )
        for each in DEVICES.values():
            rows = " ".join(sorted(each.quirks.rows))
            devices.add_row(each.name, " ".join(sorted(each.protocols)), rows, escape(each.title))
        self._console.print(devices)
        rows_table = Table(
            "Row", "Section", "What the gateway does", title="Rows (--quirk)", title_justify="left"
        )
        for row in ROWS.values():
            rows_table.add_row(row.id, row.section, escape(row.title))
        self._console.print(rows_table)

    def playing(self, gateway: FakeGateway, device: NamedDevice | None) -> None:
        say = partial(self._console.print, soft_wrap=True)
        plain = "a gateway with quirks" if gateway.quirks.rows else "a gateway that works well"
        name = f"{device.name} ({device.title})" if device else plain
        say(f"[bold]Playing {escape(name)}[/bold]; Ctrl-C ends it")
        for row in sorted(gateway.quirks.rows):
            say(f"  {row}  {escape(ROWS[row].title)}")
        say(f"external address  {gateway.external_address}")
        if gateway.core.port_control.is_open:
            spoken = " and ".join(
                name for key, name in (("natpmp", "NAT-PMP"), ("pcp", "PCP")) if key in gateway.protocols
            )
            hint = f"   try: natpmpc -g {gateway.inside} -a 5060 5060 udp 3600"  # which speaks no PCP
            say(f"{spoken:17} {gateway.inside}:5351{hint if 'natpmp' in gateway.protocols else ''}")
        if gateway.description_url:
            say(f"UPnP IGD          {gateway.description_url}   SSDP by unicast to {gateway.inside}:1900")
            say(f"                  try: upnpc -u {gateway.description_url} -l")
        for each in gateway.others:
            say(f"also a gateway    {each.inside} ({each.row}), external address {each.external_address}")

    def request(self, client: str, asked: str, answered: str) -> None:
        at = datetime.now().strftime("%H:%M:%S")
        self._console.print(
            f"{at}  {escape(client):21} {escape(asked)}  →  {escape(answered)}", soft_wrap=True
        )

    def table(self, mappings: Sequence[MappedPort]) -> None:
        if not mappings:
            self._console.print("the table of mappings is empty")
            return
        table = Table("Protocol", "Port", Column("Leads to", no_wrap=True), "Left", "By", "Description")
        for each in mappings:
            left = "for ever" if each.lifetime_left is None else f"{each.lifetime_left:.0f} s"
            shown = escape(each.description) + ("" if each.forwarding else " (not forwarded)")
            port = str(each.external_port)
            table.add_row(each.protocol, port, str(each.internal), left, each.made_by, shown)
        self._console.print(table)


def _device(each: NamedDevice) -> dict[str, Any]:
    return {
        "name": each.name,
        "title": each.title,
        "protocols": sorted(each.protocols),
        "rows": sorted(each.quirks.rows),
        "manufacturer": each.quirks.manufacturer,
        "model": each.quirks.model,
        "source": each.source,
    }


def _other(each: FakeGateway) -> dict[str, Any]:
    return {
        "row": each.row,
        "address": each.inside,
        "external": each.external_address,
        "description_url": each.description_url,
    }


def _mapping(each: MappedPort) -> dict[str, Any]:
    return {
        "protocol": each.protocol,
        "external_port": each.external_port,
        "internal_host": each.internal.host,
        "internal_port": each.internal.port,
        "lifetime_left": each.lifetime_left,
        "made_by": each.made_by,
        "description": each.description,
        "forwarding": each.forwarding,
    }


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)
