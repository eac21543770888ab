"""``sofia_gateway_data`` and ``sofia_dig``: what a gateway's file says, and where a SIP address leads.

Lives here: FreeSWITCH's forms and texts. Never here: gateways, DNS.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from ..net.address import Endpoint
from .commands import Command
from .switch_like import SwitchLike
from .tables import xml_text
from .text import visible, words_of

log = logging.getLogger(__name__)

DATA: Final = "<gateway_name> [ivar|ovar|var] <name>"
DIG: Final = "<url> [xml]"
WAYS: Final = {"ivar": ("inbound",), "ovar": ("outbound",), "var": ("inbound", "outbound")}
HEAD: Final = ("Preference", "Weight", "Transport", "Port", "Address")
RULE: Final = "=" * 80


async def sofia_gateway_data(switch: SwitchLike, arguments: str) -> str:
    """A ``<variable>`` of a gateway, for calls from it (``ivar``), to it (``ovar``), or either."""
    if not arguments:
        return "-ERR Parameter missing\n"
    gateway, way, name = (*words_of(arguments), "", "", "")[:3]
    settings = switch.gateway_settings(gateway.rpartition("::")[2])
    if settings is None:
        return ""
    found = (settings.variables_for(each).get(name.lower()) for each in WAYS.get(way.lower(), ()))
    return next((value for value in found if value is not None), "")


async def sofia_dig(switch: SwitchLike, arguments: str) -> str:
    """Where this switch would send a request for a SIP address, best first; weights are used up by then."""
    url, form = (*words_of(arguments), "", "")[:2]
    if not url:
        return f"-USAGE: {DIG}\n"
    try:
        targets, trouble = await switch.locate(url), ""
    except ValueError as error:
        log.warning("sofia_dig: %s", error)
        targets, trouble = [], f"-ERR: {visible(url)}: not found\n"
    if form.lower() == "xml":
        return f"<routes>\n{_as_xml(targets)}{trouble}</routes>\n"
    return f"{_row(*HEAD)}{RULE}\n{_as_text(targets)}{trouble}"


Target = tuple[str, Endpoint]  # a transport, and where


def _rows(targets: Iterable[Target]) -> Iterable[tuple[str, ...]]:
    for preference, (transport, endpoint) in enumerate(targets, start=1):
        yield str(preference), "1.000", transport.lower(), str(endpoint.port), endpoint.host


def _row(*cells: str) -> str:
    return "\t".join(f"{cell:>10}" for cell in cells) + "\n"


def _as_text(targets: Iterable[Target]) -> str:
    return "".join(_row(*each) for each in _rows(targets))


def _as_xml(targets: Iterable[Target]) -> str:
    names = [each.lower() for each in HEAD]
    routes = (
        "".join(f"  <{name}>{xml_text(cell)}</{name}>\n" for name, cell in zip(names, row, strict=True))
        for row in _rows(targets)
    )
    return "".join(f" <route>\n{each} </route>\n" for each in routes)


def commands() -> list[Command]:
    return [
        Command("sofia_dig", DIG, "SIP DIG", sofia_dig, home="mod_sofia"),
        Command(
            "sofia_gateway_data",
            DATA,
            "Get data from a sofia gateway",
            sofia_gateway_data,
            home="mod_sofia",
        ),
    ]
