"""Where on this machine we keep what outlives us."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """Ours below XDG_STATE_HOME (XDG Base Directory Specification); it may not exist yet."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "ringthru"


def journal_path(folder: Path | None = None) -> Path:
    """The file of our mappings and of what gateways taught us, one for the switch and ``ringthru nat``."""
    return (folder or state_folder()) / "nat.sqlite3"
