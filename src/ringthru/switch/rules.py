"""What calls and registrations are judged by, read from the configuration as one value.

A tree is read whole before any of it holds: a mistake in one file leaves the tree in force as it is.

Lives here: reading it. Never here: profiles and their sockets, which take their settings when they start.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from ..net.acl import AccessList
from ..net.surroundings import Surroundings
from ..net.values import frozen
from .configuration import Dialplan, Directory, LoadedConfiguration, load_access_lists, load_tree
from .configuration.commands import run_command
from .configuration.conference_settings import ConferenceProfile, load_conferences
from .configuration.local_stream_settings import StreamSettings, load_streams
from .configuration.menu_settings import Menu, load_menus
from .configuration.phone_settings import PhoneSettings, load_phone
from .configuration.phrase_settings import Phrases, load_phrases
from .configuration.spelling import warn_of_slips
from .configuration.voicemail_settings import VoicemailProfile, load_voicemail
from .dialplan.applications import APPLICATIONS, LEFT_OUT

log = logging.getLogger(__name__)

KNOWN_APPLICATIONS: Final = APPLICATIONS.keys() | LEFT_OUT


@frozen
class Rules:
    """The dialplan, the directory, the access lists and the global variables of one reading."""

    loaded: LoadedConfiguration
    dialplan: Dialplan
    directory: Directory
    lists: dict[str, AccessList]
    streams: tuple[StreamSettings, ...]
    conferences: dict[str, ConferenceProfile]
    phone: PhoneSettings
    voicemail: dict[str, VoicemailProfile]
    menus: dict[str, Menu]
    phrases: Phrases

    @classmethod
    def read(
        cls, conf: Path, variables: Mapping[str, str], here: Surroundings, *, allow_exec: bool = False
    ) -> Self:
        """Read a configuration directory.

        Args:
            variables: the global variables that exist before.
            here: our own networks, for the lists that name them.
            allow_exec: whether the tree may run programs (``-allowexec``).

        Raises:
            ConfigurationError: a file is missing or broken; the message names file and line.
        """
        loaded = load_tree(conf, variables, run=run_command if allow_exec else None)
        warn_of_slips(loaded.tree, KNOWN_APPLICATIONS)
        directory = Directory.read(loaded.tree)
        connected = [str(each) for each in here.connected]
        lists = load_access_lists(loaded.tree, directory, str(here.network), connected)
        return cls(
            loaded,
            Dialplan.read(loaded.tree),
            directory,
            lists,
            load_streams(loaded.tree),
            load_conferences(loaded.tree),
            load_phone(loaded.tree),
            load_voicemail(loaded.tree),
            load_menus(loaded.tree),
            load_phrases(loaded.tree),
        )

    @property
    def variables(self) -> dict[str, str]:
        return self.loaded.variables

    def log_warnings(self) -> None:
        for warning in self.loaded.warnings:
            log.warning("%s", warning)
