"""P6, a gateway's power cycle; P7, another public address. Until our mappings, or our subscribers, know."""

from __future__ import annotations

import socket
import threading
import time
from statistics import median

from ringthru.lab.namespaces.laboratory import LAN_ADDRESS, PBX, Laboratory
from ringthru.lab.namespaces.miniupnpd import HTTP_PORT, Serves

from .inside_runs import Watching
from .report import Row, progress

HELD = 4  # mappings, as a switch has for its SIP ports
BACK = 2.0  # seconds, P6's goal
TOLD = {True: 2.0, False: 60.0}  # seconds, P7's goals: announced or not
OUTAGE = {False: 3.0, True: 90.0}  # seconds without power; the long one outlasts every poll
# With NAT-PMP and PCP alone miniupnpd 2.3.1 does not announce another address: it has to serve both.
NAMES = {Serves.BOTH: "PCP", Serves.UPNP: "UPnP"}
STEP = 0.002  # seconds between two questions to a gateway that is off
ADDRESS_REQUEST = b"\0\0"  # RFC 6886 §3.2
# What announcements and events come by: all multicast, and connections to us that we did not ask for.
DEAF = """
table inet deaf {
  chain input {
    type filter hook input priority 0; policy accept;
    ip daddr 224.0.0.0/4 drop
    tcp flags & (syn | ack) == syn drop
  }
}
"""


class FirstAnswer:
    """Asks a gateway from our namespace until it answers: when it was there again."""

    def __init__(self, laboratory: Laboratory, serves: Serves) -> None:
        self._laboratory = laboratory
        self._udp = serves is not Serves.UPNP
        self.at = 0.0
        self._done = threading.Event()
        threading.Thread(target=self._ask, daemon=True).start()

    def wait(self) -> float:
        self._done.wait(30.0)
        return self.at

    def _open(self) -> socket.socket:
        kind = socket.SOCK_DGRAM if self._udp else socket.SOCK_STREAM
        return self._laboratory.call_in(PBX, lambda: socket.socket(socket.AF_INET, kind))

    def _ask(self) -> None:
        deadline = time.monotonic() + 30.0
        while time.monotonic() < deadline:
            with self._open() as sock:
                sock.settimeout(0.1)
                try:
                    sock.connect((LAN_ADDRESS, 5351 if self._udp else HTTP_PORT))
                    if self._udp:
                        sock.send(ADDRESS_REQUEST)
                        sock.recv(64)
                    self.at = time.monotonic()
                    self._done.set()
                    return
                except OSError:
                    time.sleep(STEP)


def power_rows(runs: int, long: bool) -> list[Row]:
    """P6: seconds from the gateway's first answer to the last of our mappings in its kernel."""
    rows = []
    for outage in [OUTAGE[False]] + [OUTAGE[True]] * long:
        for serves in NAMES:
            what = f"{NAMES[serves]}: {HELD} mappings back after {outage:g} s without power"
            progress(f"P6 {what}")
            times = [_power_cycle(serves, outage) for _ in range(1 if outage > 10 else runs)]
            rows.append(Row("P6", what, median(times), "s", BACK))
    return rows


def address_rows(runs: int, long: bool) -> list[Row]:
    """P7: seconds from the change at the gateway to ``ExternalAddressChanged``."""
    rows = []
    for announced in [True] + [False] * long:
        for serves in NAMES:
            words = "announced" if announced else "silent"
            what = f"{NAMES[serves]}: another public address, {words}, until the event"
            progress(f"P7 {what}" + ("" if announced else " (a minute)"))
            times = [_another_address(serves, announced) for _ in range(runs if announced else 1)]
            rows.append(Row("P7", what, median(times), "s", TOLD[announced]))
    return rows


def _power_cycle(serves: Serves, outage: float) -> float:
    with Laboratory(serves=serves) as laboratory:
        watching = Watching(laboratory, HELD)
        watching.wait("ready")
        laboratory.stop_daemon()
        laboratory.router.flush_mappings()
        time.sleep(outage)
        probe = FirstAnswer(laboratory, serves)
        laboratory.reboot_gateway()
        answered = probe.wait()
        deadline = time.monotonic() + 120.0
        while len(laboratory.nat_rules()) < HELD and time.monotonic() < deadline:
            time.sleep(0.01)
        back = time.monotonic() - answered
        watching.end()
        return back


def _another_address(serves: Serves, announced: bool) -> float:
    with Laboratory(serves=serves) as laboratory:
        if not announced:
            laboratory.run(PBX, ["nft", "-f", "-"], text=DEAF)
        watching = Watching(laboratory, HELD)
        watching.wait("ready")
        began = time.monotonic()
        laboratory.change_wan_address("11.0.113.77")
        told = watching.wait("ExternalAddressChanged", began)
        watching.end()
        return float(told["at"]) - began
