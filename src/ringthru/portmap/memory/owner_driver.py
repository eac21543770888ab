"""Who renews a mapping: a name for this process that no later process bears.

Lives here: the name, and whether its bearer is alive.
Never here: what may be done with the mappings of the living or the dead.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
BOOT: Final = Path("sys/kernel/random/boot_id")
DEAD: Final = "ZX"  # a zombie renews nothing, though its number is still taken


def own_name() -> str:
    """``pid/start/boot/token``: the token tells two stores of one process apart.

    The start is field 22 of /proc/PID/stat, in clock ticks since the boot: a number is used again, but not
    with the same start; and the boot is named because a daemon may well get both again after the next one.
    """
    pid = os.getpid()
    return f"{pid}/{_started(pid) or 0}/{_boot()}/{os.urandom(4).hex()}"


def is_alive(name: str) -> bool:
    """Whether the process of that name runs; what is no name, or nobody's, is not alive."""
    pid, _, rest = name.partition("/")
    start, _, rest = rest.partition("/")
    boot = rest.partition("/")[0]
    if not pid.isascii() or not pid.isdigit() or len(pid) > 9:
        return False
    return start != "0" and _started(int(pid)) == start and boot in ("", _boot())


def start_of(stat: str) -> str | None:
    """The start in the text of /proc/PID/stat; None for a zombie, or for another text.

    The program's name stands in parentheses, and may itself hold spaces and parentheses.
    """
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in DEAD:
        return None
    return fields[19]  # field 22 of all, as fields are counted from 1 and the third is the first here


def _started(pid: int) -> str | None:
    try:
        return start_of((PROC / str(pid) / "stat").read_text(errors="replace"))
    except OSError:
        return None


def _boot() -> str:
    try:
        return (PROC / BOOT).read_text().strip()[:8]
    except OSError:
        return ""
