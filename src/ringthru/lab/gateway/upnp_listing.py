"""The answer of GetListOfPortMappings: a document inside an argument (WANIPConnection:2 §2.5.22, §2.3.28).

Lives here: its text. Never here: which mappings it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from xml.sax.saxutils import escape

PORT_LIST: Final = "NewPortListing"
ENTRY: Final = (
    "NewRemoteHost",
    "NewExternalPort",
    "NewProtocol",
    "NewInternalPort",
    "NewInternalClient",
    "NewEnabled",
    ("NewDescription", "NewPortMappingDescription"),
    ("NewLeaseTime", "NewLeaseDuration"),
)


def port_listing(entries: Iterable[tuple[Mapping[str, str], Mapping[str, str]]]) -> str:
    """The list of mappings; each as where it is and what it holds, in the words of the other actions."""
    shown = "".join(
        f"<p:PortMappingEntry>{_fields(where, held)}</p:PortMappingEntry>" for where, held in entries
    )
    return (
        '<?xml version="1.0"?><p:PortMappingList xmlns:p="urn:schemas-upnp-org:gw:WANIPConnection">'
        f"{shown}</p:PortMappingList>"
    )


def _fields(where: Mapping[str, str], held: Mapping[str, str]) -> str:
    values = {**where, **held}
    names = [(name, name) if isinstance(name, str) else name for name in ENTRY]
    return "".join(f"<p:{shown}>{escape(values[name])}</p:{shown}>" for shown, name in names)
