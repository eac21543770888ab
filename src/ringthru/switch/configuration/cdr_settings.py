"""What cdr_csv.conf and json_cdr.conf say, as typed values.

A tree with a modules.conf has those written alone whose module it loads, as in FreeSWITCH; without one it is
enough that the file is there.

Lives here: names, types, defaults. Never here: records, files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from ...net.values import frozen
from .cdr_web_settings import WEB_PARAMETERS, WebSettings
from .parameters import read_parameters
from .tree import Element, Tree
from .values import read_boolean

# The columns that FreeSWITCH's users know, in their order; ours for those who name the template ``ringthru``.
USUAL: Final = (
    *("caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp", "answer_stamp"),
    *("end_stamp", "duration", "billsec", "hangup_cause", "uuid", "bleg_uuid", "accountcode"),
)
OURS: Final = (
    *("ringthru_ended_by", "ringthru_audio", "sip_network_ip", "ringthru_seen_at"),
    *("ringthru_media_seen_at", "ringthru_media_peer", "ringthru_verdict"),
)


def _quoted(names: tuple[str, ...]) -> str:
    return ",".join(f'"${{{name}}}"' for name in names)


BUILT_IN: Final = {"example": _quoted(USUAL), "ringthru": _quoted((*USUAL, *OURS))}
LEGS: Final = {"a": (True, False), "b": (False, True), "ab": (True, True), "ba": (True, True)}


def _legs(text: str) -> tuple[bool, bool]:
    found = LEGS.get(text.strip().lower())
    if found is None:
        raise ValueError("a, b or ab")
    return found


CSV_PARAMETERS: Final[dict[str, Any]] = {
    "log-base": str.strip,
    "default-template": str.strip,
    "rotate-on-hup": read_boolean,
    "legs": _legs,
    "master-file-only": read_boolean,
    "debug": read_boolean,
}
JSON_PARAMETERS: Final[dict[str, Any]] = {
    "log-dir": str.strip,
    "log-b-leg": read_boolean,
    "prefix-a-leg": read_boolean,
    "encode-values": read_boolean,
    "rotate": read_boolean,
    **WEB_PARAMETERS,
}


@frozen
class CsvSettings:
    """Lines of text: one for each leg, in Master.csv and in a file of the call's account."""

    folder: Path
    templates: Mapping[str, str]
    default_template: str = "example"
    a_leg: bool = True
    b_leg: bool = False
    master_only: bool = False
    rotate: bool = False

    @classmethod
    def read(cls, tree: Tree, log_folder: Path) -> Self | None:
        """None: no such records are wanted."""
        element = _wanted(tree, "cdr_csv")
        if element is None:
            return None
        values = read_parameters(element.inside("settings", "param"), CSV_PARAMETERS, "cdr_csv.conf")
        a_leg, b_leg = values.get("legs", LEGS["a"])
        templates = {each.get("name"): each.text for each in element.inside("templates", "template")}
        return cls(
            log_folder / values.get("log_base", "") / "cdr-csv",
            {**BUILT_IN, **templates},
            values.get("default_template") or "example",
            a_leg,
            b_leg,
            values.get("master_file_only", False),
            values.get("rotate_on_hup", False),
        )

    def template(self, account: str = "") -> str:
        """The one named as the account, else the default one; ``example`` where there is none such."""
        named = self.templates.get(account) if account else None
        return named or self.templates.get(self.default_template) or self.templates["example"]


@frozen
class JsonSettings:
    """A file of JSON for each leg, or a message to a web server."""

    folder: Path
    b_leg: bool = True
    prefix_a_leg: bool = False  # a_UUID.cdr.json
    encode_values: bool = True  # as URLs have them
    rotate: bool = False  # into a folder of its own from a hang-up signal on
    web: WebSettings | None = None

    @property
    def on_disk(self) -> bool:
        """Whether each record is a file, posted or not."""
        return self.web is None or self.web.and_disk

    @classmethod
    def read(cls, tree: Tree, log_folder: Path) -> Self | None:
        """None: no such records are wanted."""
        element = _wanted(tree, "json_cdr")
        if element is None:
            return None
        params = list(element.inside("settings", "param"))
        values = read_parameters(params, JSON_PARAMETERS, "json_cdr.conf")
        folder = log_folder / (values.get("log_dir") or "json_cdr")
        return cls(
            folder,
            values.get("log_b_leg", True),
            values.get("prefix_a_leg", False),
            values.get("encode_values", True),
            values.get("rotate", False),
            WebSettings.read(params, values, log_folder, folder),
        )


@frozen
class CdrSettings:
    """Which call detail records are written."""

    csv: CsvSettings | None = None
    json: JsonSettings | None = None

    @classmethod
    def read(cls, tree: Tree, log_folder: Path) -> Self:
        """``log_folder`` is where FreeSWITCH's log_dir leads; relative paths begin there.

        Raises:
            ConfigurationError: a value that cannot be meant.
        """
        return cls(CsvSettings.read(tree, log_folder), JsonSettings.read(tree, log_folder))


def _wanted(tree: Tree, name: str) -> Element | None:
    """A module's configuration, when that module is loaded."""
    modules = tree.configuration("modules.conf")
    if modules is not None and f"mod_{name}" not in _loaded(modules):
        return None
    return tree.configuration(f"{name}.conf")


def _loaded(modules: Element) -> set[str]:
    return {each.get("module") for each in modules.inside("modules", "load")}
