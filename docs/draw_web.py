"""The drawn parts of the page about the web: parameters, paths, the data of ``/api/snapshot``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from draw_code import fields, first_sentence, table

from ringthru.console.phone_setup import PhoneSetup
from ringthru.console.recent_lines import LogLine
from ringthru.media.quality.quality import Quality
from ringthru.media.rtp.report import LegReport
from ringthru.portmap.snapshots import (
    Attempt,
    Evidence,
    Filtering,
    MapperSnapshot,
    MappingSnapshot,
    PeerSnapshot,
    ServiceSnapshot,
)
from ringthru.switch.cdr.recent import EndedLegSnapshot
from ringthru.switch.cdr.verdict import Ending
from ringthru.switch.configuration.web_settings import PARAMETERS, WebSettings
from ringthru.switch.snapshots import (
    BanSnapshot,
    ChannelSnapshot,
    ProfileSnapshot,
    RegistrationSnapshot,
    SwitchSnapshot,
    TrunkSnapshot,
)

FIELDS = {"apply-inbound-acl": "acls", "host-name": "host_names"}  # that are not named as the parameter is
OBJECTS: tuple[tuple[str, type[Any]], ...] = (
    ("switch", SwitchSnapshot),
    ("switch.mapper", MapperSnapshot),
    ("switch.mapper.mappings[]", MappingSnapshot),
    ("… .evidence[]", Evidence),
    ("… .attempts[]", Attempt),
    ("… .filtering", Filtering),
    ("switch.mapper.services[]", ServiceSnapshot),
    ("switch.mapper.peers[]", PeerSnapshot),
    ("switch.profiles[]", ProfileSnapshot),
    ("switch.registrations[]", RegistrationSnapshot),
    ("switch.trunks[]", TrunkSnapshot),
    ("switch.channels[]", ChannelSnapshot),
    ("… .counted", LegReport),
    ("… .quality.incoming, .outgoing", Quality),
    ("switch.ended[]", EndedLegSnapshot),
    ("… .ending", Ending),
    ("switch.bans[]", BanSnapshot),
    ("phone_setup", PhoneSetup),
    ("log[]", LogLine),
)


def draw_web_parameters() -> str:
    words = {name: said for name, _, _, said in fields(WebSettings)}
    rows = []
    for name in PARAMETERS:
        field = FIELDS.get(name, name.replace("-", "_"))
        value = getattr(WebSettings(), field)
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        rows.append((f"`{name}`", f"`{shown}`" if shown else "", words[field]))
    return table("Parameter", "Default", "What it is", rows=rows)


def draw_web_data() -> str:
    parts = []
    for place, kind in OBJECTS:
        rows = [(f"`{name}`", f"`{type_}`", words) for name, type_, _, words in fields(kind)]
        parts.append(
            f"### `{place}`\n\n{first_sentence(kind)}.\n\n{table('Field', 'Type', 'What it is', rows=rows)}"
        )
    return "\n\n".join(parts).replace("..\n", ".\n")


PARTS: dict[str, Callable[[], str]] = {
    "web parameters": draw_web_parameters,
    "web data": draw_web_data,
}
