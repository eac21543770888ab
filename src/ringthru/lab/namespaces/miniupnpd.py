"""Debian's miniupnpd as the gateway of a laboratory: its configuration and its life.

Lives here: what is particular to this one program (2.3.1 was studied).
Never here: namespaces, wires, and what the kernel made of its orders (``nat_rules``).
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal as signals
import socket
import struct
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final, Protocol, TypeVar

from ...net.values import frozen
from .nat_rules import NatRule, read_rules
from .netns import LaboratoryError, find_program, wait_for

__all__ = ("HTTP_PORT", "Miniupnpd", "NatRule", "Place", "Serves", "Settings", "configuration", "read_rules")

NATPMP_PORT = 5351  # RFC 6886 §3
HTTP_PORT = 5555  # where we have it serve its description
STARTING = 5.0  # seconds; it takes some 10 ms
STOPPING = 5.0

CONFIGURATION = """\
ext_ifname=wan0
listening_ip={listens}
http_port={http_port}
enable_upnp={upnp}
enable_natpmp={natpmp}
secure_mode={secure}
force_igd_desc_v1={igd1}
# With "yes" the epoch would be the machine's uptime, which no reboot of ours can reset.
system_uptime=no
notify_interval=60
uuid={uuid}
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
{rules}
"""
ALLOW: Final = ("allow 1024-65535 0.0.0.0/0 1024-65535", "deny 0-65535 0.0.0.0/0 0-65535")

# Rows of its built-in table of reserved networks: the network in host order, and 32 minus its prefix length.
RESERVED_ROW = struct.Struct("<II")
TEN = (0x0A000000, 24)  # 10.0.0.0/8
SHARED = (0x64400000, 22)  # 100.64.0.0/10
CLASS_E = (0xF0000000, 28)  # 240.0.0.0/4, which has a row anyway

T = TypeVar("T")


class Serves(Enum):
    """Which protocols the gateway speaks. ``enable_natpmp`` switches PCP together with NAT-PMP."""

    BOTH = "both"
    NATPMP = "natpmp"
    UPNP = "upnp"  # describes itself as IGD:2


@frozen
class Settings:
    """How one miniupnpd is set up."""

    serves: Serves = Serves.BOTH
    secure: bool = True  # maps for who asks, and for nobody else
    igd1: bool = False  # describes itself as IGD:1; the actions stay those of IGD:2
    rules: tuple[str, ...] = ALLOW  # miniupnpd.conf's permission rules, first match first
    listens: str = "lan0"  # an interface, or an address and a prefix length: who within it is a client
    private_wan: bool = False  # maps behind a WAN address in 10/8 or 100.64/10 too: by a changed copy


class Place(Protocol):
    """What the daemon needs of the laboratory it runs in."""

    def run(self, role: str, argv: Sequence[str], /) -> CompletedProcess[str]: ...

    def call_in(self, role: str, function: Callable[[], T], /) -> T: ...


class Miniupnpd:
    """One daemon in a gateway's namespace; it can be started again after it was stopped.

    ``lan`` is its address there, and ``neighbour`` the role of a namespace that can ask it.
    """

    def __init__(
        self, place: Place, directory: Path, settings: Settings, role: str, lan: str, neighbour: str
    ) -> None:
        self.settings = settings
        self._place = place
        self._role = role
        self._lan = lan
        self._neighbour = neighbour
        self._directory = directory
        self._configuration = directory / f"miniupnpd-{role}.conf"
        # Without an own pid file a second daemon sees the first one's and says "already running".
        self._pid_file = directory / f"miniupnpd-{role}.pid"

    def start(self) -> None:
        """Start it and return when it answers on the LAN.

        Raises:
            TimeoutError: it does not.
        """
        self._configuration.write_text(configuration(self.settings, self._role))
        self._pid_file.unlink(missing_ok=True)
        program = str(_for_private_wan(self._directory)) if self.settings.private_wan else "miniupnpd"
        # Not with -d: it would stay in the foreground, and log every rule on every turn.
        argv = [program, "-f", str(self._configuration), "-P", str(self._pid_file)]
        self._place.run(self._role, argv)
        if self.settings.serves is not Serves.UPNP:
            self._wait_for(lambda: _natpmp_answers(self._lan), "NAT-PMP")
        if self.settings.serves is not Serves.NATPMP:
            self._wait_for(lambda: _description_answers(self._lan), "UPnP")

    def _wait_for(self, answers: Callable[[], bool], what: str) -> None:
        self._place.call_in(self._neighbour, lambda: wait_for(answers, STARTING, what))

    def pid(self) -> int | None:
        """The running daemon's process id; None when it does not run, or the id is another program's."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self._pid_file).encode() in command else None

    def signal(self, number: signals.Signals) -> None:
        """Send a signal to the daemon, if it runs."""
        if pid := self.pid():
            os.kill(pid, number)

    def stop(self) -> None:
        """Kill it, without a chance to say good-bye."""
        self.signal(signals.SIGKILL)
        wait_for(lambda: self.pid() is None, STOPPING, "the end of miniupnpd")


def configuration(settings: Settings, role: str = "gateway") -> str:
    """The text of miniupnpd.conf; two roles never bear the same UUID."""
    return CONFIGURATION.format(
        listens=settings.listens,
        http_port=HTTP_PORT,
        upnp=_yes(settings.serves is not Serves.NATPMP),
        natpmp=_yes(settings.serves is not Serves.UPNP),
        secure=_yes(settings.secure),
        igd1=_yes(settings.igd1),
        uuid="5d7a6b1c-2f4e-4f5b-9c2a-" + role.encode().hex()[:12].rjust(12, "0"),
        rules="\n".join(settings.rules),
    )


def _yes(condition: bool) -> str:
    return "yes" if condition else "no"


def _for_private_wan(directory: Path) -> Path:
    """A copy of the program that takes 10/8 and 100.64/10 for usable, as gateways behind gateways do.

    2.3.9 has a setting for it; 2.3.1 has not, so two rows of its table of reserved networks are
    overwritten in a copy of the file, which goes away with the laboratory.

    Raises:
        LaboratoryError: the table is not where it is in the versions that were studied.
    """
    copy = directory / "miniupnpd-private"
    if not copy.exists():
        program = Path(find_program("miniupnpd") or "miniupnpd")
        octets, table = program.read_bytes(), RESERVED_ROW.pack(*TEN) + RESERVED_ROW.pack(*SHARED)
        if octets.count(table) != 1:
            raise LaboratoryError(f"{program} keeps its table of reserved networks in a form unknown to us")
        copy.write_bytes(octets.replace(table, RESERVED_ROW.pack(*CLASS_E) * 2))
        shutil.copymode(program, copy)
    return copy


def _natpmp_answers(lan: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        try:
            probe.connect((lan, NATPMP_PORT))
            probe.send(b"\0\0")  # external address request, RFC 6886 §3.2
            return len(probe.recv(64)) == 12
        except OSError:
            return False


def _description_answers(lan: str) -> bool:
    connection = http.client.HTTPConnection(lan, HTTP_PORT, timeout=1)
    try:
        connection.request("GET", "/rootDesc.xml")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
