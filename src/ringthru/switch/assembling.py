"""Parts of a switch that its configuration chooses, before anything is opened.

Lives here: the media engine, the records of calls, the limits of the guard. Never here: their lives.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..media import Chosen, EngineMissing, choose_engine
from .configuration import ConfigurationError, SwitchSettings, Tree
from .door.protection import GuardSettings

if TYPE_CHECKING:
    from .cdr.records import CallRecords
    from .events.bus import EventBus


def engine_of(settings: SwitchSettings, tree: Tree) -> Chosen:
    """The media engine, and why it is that one.

    Raises:
        ConfigurationError: the one that the tree names is not there.
    """
    try:
        return choose_engine(
            settings.media_engine,
            settings.rtp_start_port,
            settings.rtp_end_port,
            settings.rtpengine_nodes,
            settings.rtpengine_dtmf_log,
        )
    except EngineMissing as error:
        position = (tree.configuration("switch.conf") or tree.root).position
        raise ConfigurationError(position, str(error), "or set media-engine to auto") from error


def call_records(
    tree: Tree, folder: Path, bus: EventBus, variables: MutableMapping[str, str]
) -> CallRecords | None:
    """What writes down calls that are over, where the tree asks for it; in ``folder`` if it names none."""
    if tree.configuration("cdr_csv.conf") is None and tree.configuration("json_cdr.conf") is None:
        return None
    from .cdr.records import CallRecords  # not of a start without
    from .configuration.cdr_settings import CdrSettings

    settings = CdrSettings.read(tree, folder)
    if settings.csv is None and settings.json is None:
        return None
    return CallRecords(settings, bus, variables)


def guard_settings(settings: SwitchSettings) -> GuardSettings:
    return GuardSettings(
        failures=settings.auth_failures_before_ban,
        ban=settings.ban_seconds,
        requests_per_second=settings.strangers_requests_per_second,
    )
