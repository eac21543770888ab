"""What the doctor needs of a switch: the one interface between it and what it examines.

Lives here: the protocol. Never here: a switch.
"""

from __future__ import annotations

import typing

from ..net.surroundings import Surroundings
from ..switch.calls.book import Calls
from ..switch.configuration import SwitchSettings, Tree
from ..switch.snapshots import SwitchSnapshot


class Patient(typing.Protocol):
    """A running switch. ``ringthru.switch.switch.Switch`` is one."""

    @property
    def calls(self) -> Calls:
        """Its legs, profiles and directory."""

    @property
    def tree(self) -> Tree:
        """The configuration in force."""

    @property
    def settings(self) -> SwitchSettings:
        """What switch.conf says."""

    @property
    def surroundings(self) -> Surroundings:
        """Where it stands in the network."""

    @property
    def gateway_restarted(self) -> float | None:
        """Seconds since the gateway lost its state; None: not while the switch ran."""

    def snapshot(self) -> SwitchSnapshot: ...
