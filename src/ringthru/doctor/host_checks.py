"""Checks of this machine: its addresses, its ports, and what in its kernel touches SIP.

Lives here: judging. Never here: reading /proc (``host_driver``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from .examination import Examination, HostFacts, WantedPort
from .finding import Finding, fail, ok, skip, unknown, warn

UNTOUCHED: Final = ("bridge", "veth", "tunnel")
FEW: Final = 16  # ports; FreeSWITCH's range and Linux's have one in common, 32768


def check_host(seen: Examination) -> Iterator[Finding]:
    yield _address(seen.host)
    yield from _ports(seen)
    yield _range(seen.host)
    yield _helper(seen.host)
    yield skip(
        "host.fw",
        "a local firewall is not looked into: that takes root, and a program for each kind of it",
        "where nothing comes in at all, look at 'nft list ruleset' or 'iptables-save' yourself",
    )


def _address(host: HostFacts) -> Finding:
    if host.own_address.startswith("127."):
        return fail(
            "host.addr",
            f"no route leads out of this machine; we use {host.own_address}",
            "Phones on other machines do not reach this switch.",
            "connect the machine to a network; profiles with sip-ip=auto follow by themselves",
        )
    ways = [each for each in host.cards if each.leads_out and each.kind not in UNTOUCHED]
    ours = next((each.name for each in host.cards if host.own_address in each.addresses), "")
    here = f"we use {f'{ours} ' if ours else ''}{host.own_address}"
    others = ", ".join(each.name for each in host.cards if each.name != ours)
    if len(ways) > 1:
        return warn(
            "host.addr",
            f"{len(ways)} interfaces lead to the Internet ({', '.join(each.name for each in ways)}); {here}",
            "Peers that come over another one are answered from this address, and may not know it.",
            "where that is wrong, write the address into sip-ip and rtp-ip of the profile;"
            f" {ours or 'the first'} was taken because the best default route leaves there",
        )
    beside = f"; beside it there are {others}" if others else ""
    why = "because the default route leaves there" if host.gateway else "though no default route leaves there"
    return ok("host.addr", f"{here}, {why}{beside}")


def _ports(seen: Examination) -> Iterator[Finding]:
    ports, runs = seen.host.ports, seen.switch is not None
    taken = [each for each in ports if each.taken and not each.by_us]
    missing = [each for each in ports if runs and each.served and not each.taken]
    for holder in dict.fromkeys(each.holder for each in taken):
        yield _held([each for each in taken if each.holder == holder], holder, runs)
    if missing:
        yield fail(
            "host.port",
            f"nobody listens on {_named(missing)}",
            "What comes there is refused by this machine.",
            "look into the log for the reason; 'sofia profile NAME restart' opens a profile's ports again",
        )
    if taken or missing:
        return
    state = "ours" if runs else "free"
    yield ok("host.port", f"{_named(ports)}: {state}") if ports else skip("host.port", "no port is looked at")


def _named(ports: Sequence[WantedPort]) -> str:
    """``5060/udp and 5060/tcp of profile internal, 8021/tcp of the event socket``."""
    purposes = dict.fromkeys(each.purpose for each in ports)
    numbers = {
        purpose: " and ".join(f"{each.port}/{each.protocol}" for each in ports if each.purpose == purpose)
        for purpose in purposes
    }
    return ", ".join(f"{numbers[purpose]} of {purpose}" for purpose in purposes)


def _held(ports: Sequence[WantedPort], holder: str | None, runs: bool) -> Finding:
    who = holder or "another program, which the system does not name"
    stopped = not runs and any(each.served for each in ports)
    return fail(
        "host.port",
        f"{_named(ports)}: held by {who}",
        "Two programs cannot listen there"
        + (": the switch will not start." if stopped else ", and ours does not."),
        "end that program, or give ours another port (sip-port of the profile, listen-port of"
        " event_socket.conf)",
    )


def _range(host: HostFacts) -> Finding:
    first, last = host.rtp_range
    if host.ephemeral is None:
        return unknown(
            "host.rtp", f"RTP takes ports {first} to {last}; which ports the kernel hands out is not told"
        )
    low, high = host.ephemeral
    both = max(first, low), min(last, high)
    shared = both[1] - both[0] + 1
    if shared < FEW or any(start <= both[0] and both[1] <= end for start, end in host.reserved):
        return ok(
            "host.rtp", f"RTP takes ports {first} to {last}, the kernel hands out {low} to {high}: apart"
        )
    return warn(
        "host.rtp",
        f"RTP takes ports {first} to {last}, and the kernel hands {both[0]} to {both[1]} of these to"
        " any program",
        "Now and then a program sits on a port that a call wants; the next free one is taken instead, so a"
        " fixed forward for the whole range has gaps.",
        f"sysctl net.ipv4.ip_local_reserved_ports={both[0]}-{both[1]}, or another rtp-start-port in"
        " switch.conf",
    )


def _helper(host: HostFacts) -> Finding:
    if host.helpers is None:
        return unknown("host.helper", "which modules the kernel has cannot be read (/proc/modules)")
    if host.helpers:
        return fail(
            "host.helper",
            f"this machine itself has a SIP ALG loaded: {', '.join(host.helpers)}",
            "Where a firewall rule uses it, it rewrites SIP on the way, and calls fail in odd ways.",
            f"modprobe -r {' '.join(host.helpers)}, and a line 'blacklist NAME' for each in /etc/modprobe.d",
        )
    return ok("host.helper", "no SIP ALG is loaded in this machine's kernel")
