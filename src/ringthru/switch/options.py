"""How a switch is started: the command line, as a value."""

from __future__ import annotations

from pathlib import Path

from ..net.address import Endpoint
from ..net.surroundings import Surroundings, Surroundings6
from ..net.values import frozen


@frozen
class SwitchOptions:
    """How to start: the command line, as a value."""

    conf: Path | None = None  # None: the default tree that we ship
    db: Path | None = None  # None: ~/.local/state/ringthru
    nat_enabled: bool = True  # False: -nonat
    mapping_enabled: bool = True  # False: -nonatmap
    surroundings: Surroundings | None = None  # None: ask the kernel
    surroundings6: Surroundings6 | None = None  # None: there is no IPv6 to be called at
    follows_network: bool = False  # True: where our own address changes, the switch listens there
    nameservers: tuple[Endpoint, ...] = ()  # in place of those of /etc/resolv.conf
    log: Path | None = None  # where the log file is; for the variable log_dir
    run: Path | None = None  # where the pid file is; for run_dir
    allow_exec: bool = False  # True: -allowexec, the configuration may run programs
    folders: tuple[tuple[str, Path], ...] = ()  # variables of folders, and what they shall be
