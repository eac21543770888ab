"""``sofia xmlstatus`` and ``sofia jsonstatus``: what ``sofia status`` shows, for programs.

Lives here: FreeSWITCH's names of the fields, and both forms. Never here: what a profile is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from ..switch.snapshots import ProfileSnapshot, RegistrationSnapshot, SwitchSnapshot, TrunkSnapshot
from .sofia_profiles import Rows, asked_by
from .tables import xml_text
from .text import visible

Pairs = Sequence[tuple[str, str]]
Data = dict[str, Any]

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
# What the text calls otherwise than the data does
NAMES: Final = {
    "dbname": "db-name",
    "codecs-in": "inbound-codecs",
    "codecs-out": "outbound-codecs",
    "aggressivenat": "aggressive-nat",
    "ip": "network-ip",
    "port": "network-port",
    "auth-user": "sip-auth-user",
    "auth-realm": "sip-auth-realm",
    "callsin": "calls-in",
    "callsout": "calls-out",
    "failedcallsin": "failed-calls-in",
    "failedcallsout": "failed-calls-out",
}
ELEMENT: Final = re.compile(r"[^\w.-]")


def key_of(label: str) -> str:
    """``Ext-RTP-IP`` is ``ext-rtp-ip`` in the data, ``Domain Name`` is ``domain-name``."""
    plain = ELEMENT.sub("-", label.strip().rstrip(":").lower())
    return NAMES.get(plain, plain)


def fields(pairs: Pairs) -> Data:
    return {key_of(label): visible(value) for label, value in pairs}


def is_user(phone: RegistrationSnapshot, user: str) -> bool:
    """``USER@DOMAIN``, or anybody of ``@DOMAIN``."""
    return phone.user == user or phone.user.endswith("@" + user.lstrip("@"))


class SofiaData:
    """The data of one moment; each part is made by the module that lays it out as text."""

    def __init__(
        self,
        snapshot: SwitchSnapshot,
        profile_fields: Callable[[ProfileSnapshot], Rows],
        phone_fields: Callable[[RegistrationSnapshot], Pairs],
        trunk_fields: Callable[[TrunkSnapshot], Pairs],
        trunk_state: Callable[[TrunkSnapshot], str],
    ) -> None:
        self._snapshot = snapshot
        self._profile_fields = profile_fields
        self._phone_fields = phone_fields
        self._trunk_fields = trunk_fields
        self._trunk_state = trunk_state

    def answer(self, form: str, words: list[str]) -> str:
        """``[profile NAME [reg]|gateway [NAME]]`` as ``xml`` or ``json``."""
        match words:
            case []:
                made: Data | str = self._overview()
            case ["profile", name, *rest]:
                made = self._profile(name, rest)
            case ["gateway", *names]:
                made = self._trunks(names)
            case _:
                made = "Invalid Syntax!\n"
        if isinstance(made, str):
            return made
        return json.dumps(made) if form == "json" else DECLARATION + xml_of(made)

    def _overview(self) -> Data:
        running = [each for each in self._snapshot.profiles if each.running]
        rows = {
            "profiles": {
                each.name: _row("profile", each.url or each.tls_url or "", f"RUNNING ({each.sessions})")
                for each in running
            },
            "tls": {
                each.name: _row("profile", each.tls_url, f"RUNNING ({each.sessions}) (TLS)")
                for each in running
                if each.url and each.tls_url
            },
            "gateways": {
                f"{each.profile}::{each.name}": _row("gateway", each.to_uri, self._trunk_state(each))
                for each in self._snapshot.trunks
            },
            "aliases": {
                alias: _row("alias", each.name, "ALIASED") for each in running for alias in each.aliases
            },
        }
        return {group: found for group, found in rows.items() if found or group == "profiles"}

    def _profile(self, name: str, rest: list[str]) -> Data | str:
        shown = self._snapshot
        profile = next((each for each in shown.profiles if name in (each.name, *each.aliases)), None)
        if profile is None:
            return "Invalid Profile!\n"
        what, part = (*rest, "", "")[:2]
        if what not in ("reg", "user"):
            return {"profile-info": fields(asked_by(self._profile_fields(profile), name))}
        ours = (each for each in shown.registrations if each.profile == profile.name)
        chosen = (each for each in ours if (part in each.contact if what == "reg" else is_user(each, part)))
        return {"registrations": [fields(self._phone_fields(each)) for each in chosen]}

    def _trunks(self, names: list[str]) -> Data | str:
        trunks = [
            each
            for each in self._snapshot.trunks
            if not names or names[0] in (each.name, f"{each.profile}::{each.name}")
        ]
        if names and not trunks:
            return "Invalid Gateway!\n"
        return {"gateways": [fields(self._trunk_fields(each)) for each in trunks]}


def _row(kind: str, data: str, state: str) -> Data:
    return {"type": kind, "data": visible(data), "state": state}


def xml_of(data: Data) -> str:
    """The overview lies in ``<profiles>``, as FreeSWITCH has it; the rest in an element of its first word."""
    if "profiles" in data:
        rows = (
            {"name": name, **row}
            for group in ("profiles", "tls", "gateways", "aliases")
            for name, row in data.get(group, {}).items()
        )
        return _element("profiles", "".join(_elements(row["type"], row) for row in rows))
    if "gateways" in data:
        return _element("gateways", "".join(_elements("gateway", each) for each in data["gateways"]))
    if "registrations" in data:
        phones = "".join(_elements("registration", each) for each in data["registrations"])
        return _element("profile", _element("registrations", phones))
    return _element("profile", _elements("profile-info", data["profile-info"]))


def _elements(name: str, values: Data) -> str:
    return _element(name, "".join(_leaves(values.items())))


def _leaves(pairs: Iterable[tuple[str, Any]]) -> Iterable[str]:
    return (f"<{name}>{xml_text(str(value))}</{name}>\n" for name, value in pairs)


def _element(name: str, inside: str) -> str:
    return f"<{name}>\n{inside}</{name}>\n"
