"""A small Internet in network namespaces: a switch and a phone behind a real NAT gateway, a host outside.

For tests and measurements against real programs on Linux, as root. Every namespace is made by the
laboratory itself and goes away with it; none has a way out, so no packet can reach a real network.

    phone 192.168.1.50  ─┐
    pbx   192.168.1.103 ─┴─ 192.168.1.1 gateway 11.0.113.1 ── inet ── 22.51.100.50 pub

The addresses outside only look public: the lab never routes them anywhere. Documentation ranges will
not do, because miniupnpd and miniupnpc take them for reserved and refuse to map.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from .miniupnpd import Miniupnpd, NatRule, Serves, read_rules
from .netns import RESOLVERS, LaboratoryError, command, enter, obstacles, remove_namespace, sweep_stale

PBX, PHONE, GATEWAY, INET, PUB = "pbx", "phone", "gateway", "inet", "pub"  # the namespaces, by role
PBX_ADDRESS, PHONE_ADDRESS = "192.168.1.103", "192.168.1.50"
LAN_ADDRESS, WAN_ADDRESS, WAN_ROUTER = "192.168.1.1", "11.0.113.1", "11.0.113.254"
PUB_ADDRESS, PUB_ROUTER = "22.51.100.50", "22.51.100.254"

T = TypeVar("T")


class Topology(Enum):
    """What stands at 192.168.1.1. All three translate addresses; they differ in what they offer."""

    SINGLE = "single"  # miniupnpd answers
    NONE = "none"  # no UPnP, no NAT-PMP: the ports answer "unreachable" and stay closed
    DEAD = "dead"  # whatever is sent to the gateway itself vanishes without an answer


# inet filter / miniupnpd, prerouting_miniupnpd, postrouting_miniupnpd are where miniupnpd writes.
RULES = """
flush ruleset
table inet filter {{
  chain miniupnpd {{ }}
  chain prerouting_miniupnpd {{ }}
  chain postrouting_miniupnpd {{ }}
  chain prerouting {{
    type nat hook prerouting priority -100; policy accept;
    jump prerouting_miniupnpd
  }}
  chain postrouting {{
    type nat hook postrouting priority 100; policy accept;
    jump postrouting_miniupnpd
    oifname "wan0" masquerade
  }}
  chain forward {{
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan0" accept
    jump miniupnpd
  }}
  chain input {{
    type filter hook input priority 0; policy accept;
    ct state established,related accept
    iifname "wan0" drop
    {services}
  }}
}}
"""


class Laboratory:
    """The namespaces, the gateway, and every process that was started in them; a context manager.

    ``serves`` says which protocols miniupnpd speaks (topology ``single`` only). ``directory`` keeps the
    daemon's files; without one a temporary directory lives as long as the laboratory.

    Raises:
        LaboratoryError: not root, a tool is missing, or the kernel refused a step.
    """

    def __init__(self, topology: Topology = Topology.SINGLE, serves: Serves = Serves.BOTH) -> None:
        self.topology = topology
        self.wan_address = WAN_ADDRESS
        self._prefix = f"rt{os.getpid()}-{secrets.token_hex(2)}-"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._names: list[str] = []
        self.directory = Path(tempfile.gettempdir())  # replaced by a fresh one in open()
        self._serves = serves
        self.daemon: Miniupnpd | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Building and taking down

    def open(self) -> None:
        """Build everything and, in topology ``single``, start miniupnpd and wait until it answers."""
        if reasons := obstacles():
            raise LaboratoryError("no laboratory here: " + ", ".join(reasons))
        sweep_stale()
        atexit.register(self.close)
        try:
            self.directory = Path(tempfile.mkdtemp(prefix="ringthru-lab-"))
            self._make_namespaces()
            self._lay_wires()
            self._load_rules()
            if self.topology is Topology.SINGLE:
                self.daemon = Miniupnpd(self, self.directory, self._serves)
                self.daemon.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End what runs inside, remove the namespaces and the files. May be called twice."""
        atexit.unregister(self.close)
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for name in self._names:
            remove_namespace(name)
        self._processes, self._names = [], []
        if self.directory.name.startswith("ringthru-lab-"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def _make_namespaces(self) -> None:
        for role in (PBX, PHONE, GATEWAY, INET, PUB):
            name = self.name(role)
            self._names.append(name)
            (RESOLVERS / name).mkdir(parents=True)
            (RESOLVERS / name / "resolv.conf").write_text("nameserver 127.0.0.1\n")
            command(["ip", "netns", "add", name])
            settings = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
            settings += [f"net.ipv4.ip_forward={int(role in (GATEWAY, INET))}"]
            if Path("/proc/sys/net/bridge").exists():  # else switched frames would meet the NAT rules
                settings += [f"net.bridge.bridge-nf-call-{table}=0" for table in ("iptables", "ip6tables")]
            self.run(role, ["sysctl", "-q", "-w", *settings])
            self._ip(role, "link set lo up")

    def _lay_wires(self) -> None:
        self._ip(
            GATEWAY,
            "link add lan0 type bridge mcast_snooping 0 forward_delay 0",
            f"link add port1 type veth peer name eth0 netns {self.name(PBX)}",
            f"link add port2 type veth peer name eth0 netns {self.name(PHONE)}",
            f"link add wan0 type veth peer name gateway0 netns {self.name(INET)}",
            "link set port1 master lan0",
            "link set port2 master lan0",
            f"address add {LAN_ADDRESS}/24 dev lan0",
            *(f"link set {link} up" for link in ("port1", "port2", "lan0", "wan0")),
        )
        self._ip(
            INET,
            f"link add pub0 type veth peer name eth0 netns {self.name(PUB)}",
            f"address add {WAN_ROUTER}/24 dev gateway0",
            f"address add {PUB_ROUTER}/24 dev pub0",
            "link set gateway0 up",
            "link set pub0 up",
        )
        self._give_wan_address(WAN_ADDRESS)
        hosts = {PBX: (PBX_ADDRESS, LAN_ADDRESS), PHONE: (PHONE_ADDRESS, LAN_ADDRESS)}
        for role, (address, router) in (hosts | {PUB: (PUB_ADDRESS, PUB_ROUTER)}).items():
            self._ip(
                role,
                f"address add {address}/24 dev eth0",
                "link set eth0 up",
                f"route add default via {router}",
            )

    def _give_wan_address(self, address: str) -> None:
        self._ip(
            GATEWAY,
            "address flush dev wan0",
            f"address add {address}/24 dev wan0",
            f"route replace default via {WAN_ROUTER}",
        )
        self.wan_address = address

    def _load_rules(self) -> None:
        services = 'iifname "lan0" drop' if self.topology is Topology.DEAD else ""
        self.run(GATEWAY, ["nft", "-f", "-"], text=RULES.format(services=services))

    def _ip(self, role: str, *commands: str) -> None:
        command(["ip", "-n", self.name(role), "-batch", "-"], text="\n".join(commands) + "\n")

    # Working in it

    def name(self, role: str) -> str:
        """The namespace's name, as ``ip netns`` shows it."""
        return self._prefix + role

    def run(
        self, role: str, argv: Sequence[str], *, timeout: float = 15.0, check: bool = True, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in a namespace to its end; ``text`` is its input, both outputs come back as text.

        Raises:
            LaboratoryError: it failed (with ``check``) or was not done within ``timeout`` seconds.
        """
        return command(["ip", "netns", "exec", self.name(role), *argv], timeout, check, text)

    def popen(
        self,
        role: str,
        argv: Sequence[str],
        output: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program in a namespace; its pid is the program's own. ``output`` gets what it prints."""
        with open(output or os.devnull, "wb") as sink:
            process = subprocess.Popen(  # ip replaces itself by the program
                ["ip", "netns", "exec", self.name(role), *argv],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        self._processes.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes], timeout: float = 10.0) -> int:
        """Ask one of our processes to stop (SIGTERM), kill it after ``timeout`` seconds; its exit status."""
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def call_in(self, role: str, function: Callable[[], T]) -> T:
        """Call ``function`` in a thread that has moved into the namespace; sockets it opens stay there."""

        def inside() -> T:
            enter(self.name(role))
            return function()

        with ThreadPoolExecutor(max_workers=1) as executor:
            return executor.submit(inside).result()

    def udp_socket(self, role: str, address: str, port: int = 0, timeout: float = 2.0) -> socket.socket:
        """A UDP socket that lives in the namespace, for this process to send and receive with."""
        opened = self.call_in(role, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        opened.bind((address, port))
        opened.settimeout(timeout)
        return opened

    # The gateway

    def nat_rules(self) -> list[NatRule]:
        """The port mappings that the gateway's kernel really has now, sorted."""
        listing = self.run(GATEWAY, ["nft", "-j", "list", "chain", "inet", "filter", "prerouting_miniupnpd"])
        return read_rules(listing.stdout)

    def forget_connections(self) -> None:
        """Empty the gateway's connection tracking table."""
        self.run(GATEWAY, ["conntrack", "-F"])

    def reboot_gateway(self) -> None:
        """A power cycle: daemon killed, mappings and connections gone, started again with epoch 0."""
        self.stop_daemon()
        self._load_rules()
        self.forget_connections()
        if self.daemon:
            self.daemon.start()

    def change_wan_address(self, new: str) -> None:
        """Give the gateway another address within 11.0.113.0/24; running connections die of it."""
        self._give_wan_address(new)
        self.forget_connections()

    def stop_daemon(self) -> None:
        """Kill miniupnpd; its mappings stay in the kernel, as they do in a real gateway."""
        if self.daemon:
            self.daemon.stop()

    def freeze_daemon(self) -> None:
        """Stop miniupnpd in its tracks: its ports stay open, and nobody answers."""
        if self.daemon:
            self.daemon.signal(signal.SIGSTOP)

    def thaw_daemon(self) -> None:
        """Let a frozen miniupnpd go on, with everything that has queued up meanwhile."""
        if self.daemon:
            self.daemon.signal(signal.SIGCONT)
