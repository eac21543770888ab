"""Reads what the checks want of this machine: the kernel's tables and lists. Nothing is sent, nothing opened.

Lives here: files of /proc. Never here: what they mean (``host_checks``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ..net.held_ports import HeldPort, held_ports, holder_of, sockets_of
from ..net.interfaces import NoSuchInterface, interfaces, uplinks
from ..net.surroundings import Surroundings
from ..net.values import replace
from .examination import HostFacts, NetworkCard, WantedPort

PROC: Final = Path("/proc")
HELPERS: Final = ("nf_conntrack_sip", "nf_nat_sip")  # of Linux: its own SIP ALG


def look_at_host(
    here: Surroundings,
    wanted: Iterable[WantedPort],
    rtp_range: tuple[int, int],
    ours: str = "",
    proc: Path = PROC,
) -> HostFacts:
    """This machine. ``ours`` is the pid of the switch that runs, empty where none does.

    It may take some milliseconds: call it beside the loop.
    """
    held = {protocol: held_ports(protocol, proc) for protocol in ("udp", "tcp")}
    mine = sockets_of(ours, proc) if ours else frozenset()
    return HostFacts(
        cards=_cards(),
        own_address=here.address,
        gateway=here.gateway,
        ports=tuple(_looked_up(each, held[each.protocol], mine, proc) for each in wanted),
        rtp_range=rtp_range,
        ephemeral=_range(proc / "sys/net/ipv4/ip_local_port_range"),
        reserved=_ranges(proc / "sys/net/ipv4/ip_local_reserved_ports"),
        helpers=_helpers(proc / "modules"),
    )


def _cards() -> tuple[NetworkCard, ...]:
    try:
        ways = set(uplinks())
        return tuple(
            NetworkCard(each.name, each.addresses, each.kind.value, each.name in ways)
            for each in interfaces()
        )
    except (OSError, NoSuchInterface):
        return ()


def _looked_up(port: WantedPort, held: tuple[HeldPort, ...], mine: frozenset[str], proc: Path) -> WantedPort:
    """Who holds it is asked for only where somebody else does: that looks at every process."""
    sockets = [each for each in held if each.port == port.port and each.is_in_the_way_of(port.host)]
    if not sockets:
        return port
    if any(each.inode in mine for each in sockets):
        return replace(port, taken=True, by_us=True)
    return replace(port, taken=True, holder=holder_of(sockets[0].inode, proc))


def _range(file: Path) -> tuple[int, int] | None:
    words = _text(file).split()
    return (int(words[0]), int(words[1])) if len(words) == 2 and all(map(str.isdigit, words)) else None


def _ranges(file: Path) -> tuple[tuple[int, int], ...]:
    """``16384-32768,50000``."""
    found = []
    for part in _text(file).strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found.append((int(first), int(last) if last.isdigit() else int(first)))
    return tuple(found)


def _helpers(file: Path) -> tuple[str, ...] | None:
    text = _text(file)
    if not text and not file.exists():
        return None
    loaded = {line.split(" ", 1)[0] for line in text.splitlines()}
    return tuple(each for each in HELPERS if each in loaded)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
