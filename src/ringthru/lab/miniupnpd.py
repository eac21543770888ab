"""Debian's miniupnpd as the gateway of a laboratory: its configuration, its life, its mappings.

Lives here: what is particular to this one program (2.3.1 was studied).
Never here: namespaces and wires.
"""

from __future__ import annotations

import http.client
import json
import os
import signal as signals
import socket
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple, Protocol, TypeVar

from .netns import wait_for

LAN = "192.168.1.1"
NATPMP_PORT = 5351  # RFC 6886 §3
HTTP_PORT = 5555  # where we have it serve its description
STARTING = 5.0  # seconds; it takes some 10 ms
STOPPING = 5.0

CONFIGURATION = """\
ext_ifname=wan0
listening_ip=lan0
http_port={http_port}
enable_upnp={upnp}
enable_natpmp={natpmp}
secure_mode=yes
# With "yes" the epoch would be the machine's uptime, which no reboot of ours can reset.
system_uptime=no
notify_interval=60
uuid=5d7a6b1c-2f4e-4f5b-9c2a-6e1f0a9b8c7d
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1024-65535 192.168.1.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""

PROTOCOLS = {6: "tcp", 17: "udp"}  # IP protocol numbers

T = TypeVar("T")


class Serves(Enum):
    """Which protocols the gateway speaks. ``enable_natpmp`` switches PCP together with NAT-PMP."""

    BOTH = "both"
    NATPMP = "natpmp"
    UPNP = "upnp"  # describes itself as IGD:2


class NatRule(NamedTuple):
    """One mapping, as the kernel has it."""

    protocol: str  # "tcp" | "udp"
    external_port: int
    internal_address: str
    internal_port: int


class Place(Protocol):
    """What the daemon needs of the laboratory it runs in."""

    def run(self, role: str, argv: Sequence[str], /) -> CompletedProcess[str]: ...

    def call_in(self, role: str, function: Callable[[], T], /) -> T: ...


class Miniupnpd:
    """One daemon in the gateway's namespace; it can be started again after it was stopped."""

    def __init__(self, place: Place, directory: Path, serves: Serves) -> None:
        self.serves = serves
        self._place = place
        self._configuration = directory / "miniupnpd.conf"
        # Without an own pid file a second daemon sees the first one's and says "already running".
        self._pid_file = directory / "miniupnpd.pid"

    def start(self) -> None:
        """Start it and return when it answers on the LAN.

        Raises:
            TimeoutError: it does not.
        """
        self._configuration.write_text(configuration(self.serves))
        self._pid_file.unlink(missing_ok=True)
        # Not with -d: it would stay in the foreground, and log every rule on every turn.
        argv = ["miniupnpd", "-f", str(self._configuration), "-P", str(self._pid_file)]
        self._place.run("gateway", argv)
        if self.serves is not Serves.UPNP:
            self._place.call_in("pbx", lambda: wait_for(_natpmp_answers, STARTING, "NAT-PMP"))
        if self.serves is not Serves.NATPMP:
            self._place.call_in("pbx", lambda: wait_for(_description_answers, STARTING, "UPnP"))

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


def configuration(serves: Serves) -> str:
    """The text of miniupnpd.conf."""
    return CONFIGURATION.format(
        http_port=HTTP_PORT,
        upnp="no" if serves is Serves.NATPMP else "yes",
        natpmp="no" if serves is Serves.UPNP else "yes",
    )


def read_rules(listing: str) -> list[NatRule]:
    """The DNAT rules in the output of ``nft -j list …``, sorted; other rules are passed over."""
    rules = []
    for item in json.loads(listing)["nftables"]:
        expressions: list[dict[str, Any]] = item.get("rule", {}).get("expr", [])
        target = next((e["dnat"] for e in expressions if "dnat" in e), None)
        matches = [(m["left"].get("payload"), m["right"]) for e in expressions if (m := e.get("match"))]
        port = next((right for left, right in matches if left and left.get("field") == "dport"), None)
        protocol = next((right for left, right in matches if left and _is_protocol_octet(left)), None)
        if target and port and protocol in PROTOCOLS:
            rules.append(NatRule(PROTOCOLS[protocol], port, target["addr"], target.get("port", port)))
    return sorted(rules)


def _is_protocol_octet(payload: dict[str, Any]) -> bool:
    """Is it the IP header's protocol field? miniupnpd asks for it by its place: bit 72, 8 bits long."""
    return payload.get("base") == "nh" and payload.get("offset") == 72 and payload.get("len") == 8


def _natpmp_answers() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        try:
            probe.connect((LAN, NATPMP_PORT))
            probe.send(b"\0\0")  # external address request, RFC 6886 §3.2
            return len(probe.recv(64)) == 12
        except OSError:
            return False


def _description_answers() -> bool:
    connection = http.client.HTTPConnection(LAN, HTTP_PORT, timeout=1)
    try:
        connection.request("GET", "/rootDesc.xml")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
