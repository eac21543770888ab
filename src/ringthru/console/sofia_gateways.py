"""How ``sofia status gateway`` shows providers: a table of all, or one in full.

Lives here: FreeSWITCH's labels. Never here: a gateway's life.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..switch.snapshots import TrunkSnapshot
from .text import RULE, count, visible

COLUMNS: Final = ("State", "Ping Time", "IB Calls(F/T)", "OB Calls(F/T)")


def trunk_state(trunk: TrunkSnapshot) -> str:
    """FreeSWITCH's state, with the seconds to the next try where it waits for one."""
    if trunk.state not in ("TRYING", "FAILED", "FAIL_WAIT"):
        return trunk.state
    return f"{trunk.state} (retry: {'NEVER' if trunk.next_try is None else f'{trunk.next_try:.0f}s'})"


def gateways_text(trunks: Iterable[TrunkSnapshot]) -> str:
    """The table of ``sofia status gateway``."""
    trunks = sorted(trunks, key=lambda each: (each.profile, each.name))
    lines = ["\t".join((f"{'Profile::Gateway-Name':>25}", f"{'   Data    ':>32}", *COLUMNS)), RULE]
    for each in trunks:
        name = f"{visible(each.profile)}::{visible(each.name)}"
        calls = (
            f"{each.failed_calls_in}/{each.calls_in}",
            f"{each.failed_calls_out}/{each.calls_out}",
        )
        ping = f"{each.ping_seconds * 1000:.2f}"
        lines.append("\t".join((f"{name:>25}", f"{visible(each.to_uri):>32}", each.state, ping, *calls)))
    inside = f"{sum(each.failed_calls_in for each in trunks)}/{sum(each.calls_in for each in trunks)}"
    outside = f"{sum(each.failed_calls_out for each in trunks)}/{sum(each.calls_out for each in trunks)}"
    total = (
        f"{count(len(trunks), 'gateway')}: Inbound(Failed/Total): {inside},Outbound(Failed/Total):{outside}"
    )
    return "".join(line + "\n" for line in (*lines, RULE, total))


def one_gateway(trunks: Iterable[TrunkSnapshot], name: str) -> str:
    found = next((each for each in trunks if name in (each.name, f"{each.profile}::{each.name}")), None)
    return "Invalid Gateway!\n" if found is None else gateway_text(found)


def gateway_text(trunk: TrunkSnapshot) -> str:
    """The block of ``sofia status gateway NAME``; ``Contact`` is the address the provider has of us."""
    lines = (f"{label:<8}\t{visible(value)}\n" for label, value in trunk_fields(trunk))
    return f"{RULE}\n{''.join(lines)}{RULE}\n"


def trunk_fields(trunk: TrunkSnapshot) -> list[tuple[str, str]]:
    return [*_trunk_settings(trunk), *_trunk_state(trunk)]


def _trunk_settings(trunk: TrunkSnapshot) -> list[tuple[str, str]]:
    return [
        ("Name", trunk.name),
        ("Profile", trunk.profile),
        ("Scheme", "Digest"),
        ("Realm", trunk.realm),
        ("Username", trunk.username),
        ("Password", "yes" if trunk.has_password else "no"),
        ("From", f"<{trunk.from_uri}>"),
        ("Contact", f"<{trunk.contact}>"),
        ("Exten", trunk.extension),
        ("To", trunk.to_uri),
        ("Proxy", trunk.proxy),
        ("Context", trunk.context),
        ("Expires", str(trunk.expires)),
    ]


def _trunk_state(trunk: TrunkSnapshot) -> list[tuple[str, str]]:
    granted = trunk.expires if trunk.expires_in is None else trunk.expires_in
    return [
        ("Freq", f"{granted:.0f}"),
        ("Ping", str(int(trunk.ping_reachable)) if trunk.ping_interval else "0"),
        ("PingFreq", str(trunk.ping_interval)),
        ("PingTime", f"{trunk.ping_seconds * 1000:.2f}"),
        ("PingState", f"{trunk.ping_min}/{trunk.ping_count}/{trunk.ping_max}"),
        ("State", trunk.state),
        ("Status", ("UP" if trunk.up else "DOWN") + (" (ping)" if trunk.ping_interval else "")),
        ("Uptime", f"{trunk.uptime:.0f}s"),
        ("CallsIN", str(trunk.calls_in)),
        ("CallsOUT", str(trunk.calls_out)),
        ("FailedCallsIN", str(trunk.failed_calls_in)),
        ("FailedCallsOUT", str(trunk.failed_calls_out)),
    ]
