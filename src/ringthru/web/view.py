"""What the page shows at one moment: the switch's snapshot, and what lies beside it.

Lives here: the value that every section renders. Never here: HTML, JSON.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

from ..console.phone_setup import PhoneSetup
from ..console.recent_lines import LogLine
from ..net.values import frozen

if TYPE_CHECKING:
    from ..switch.snapshots import SwitchSnapshot


class FindingLike(Protocol):
    """One result of an examination of the whole; every text may come from the network."""

    @property
    def id(self) -> str:
        """Its name, as ``gw.found``."""

    @property
    def status(self) -> Enum:
        """ok | warn | fail | skip | unknown, as its value."""

    @property
    def evidence(self) -> str:
        """What was seen."""

    @property
    def meaning(self) -> str:
        """What follows from it; may be empty."""

    @property
    def cure(self) -> str:
        """What to do; may be empty."""


@frozen
class View:
    """Everything, at one moment of the wall clock."""

    now: float
    snapshot: SwitchSnapshot
    setup: PhoneSetup | None  # None: there is no profile that phones may register at
    users: tuple[str, ...]  # user@domain, of the directory
    lines: tuple[LogLine, ...]  # of the log, the latest first
    findings: tuple[FindingLike, ...] = ()
