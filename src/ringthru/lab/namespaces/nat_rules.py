"""What the gateway's kernel really does: nftables' own words, read as mappings and pinholes.

Lives here: the rules a gateway starts with, and reading what miniupnpd added to them.
Never here: the daemon, or a namespace.
"""

from __future__ import annotations

import json
from ipaddress import IPv6Address
from typing import Any, Final, NamedTuple

# inet filter / miniupnpd, prerouting_miniupnpd, postrouting_miniupnpd are where miniupnpd writes.
RULES: Final = """
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
    meta nfproto ipv4 oifname "wan0" masquerade
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
    meta l4proto ipv6-icmp accept
    iifname "wan0" drop
    {services}
  }}
}}
"""
CHAINS: Final = ("miniupnpd", "prerouting_miniupnpd", "postrouting_miniupnpd")
PROTOCOLS: Final = {6: "tcp", 17: "udp"}  # IP protocol numbers
PROTOCOL_BITS: Final = (72, 48)  # where an IPv4 and an IPv6 header say their protocol
DESTINATION6: Final = (192, 128)  # first bit and length of an IPv6 header's destination


class NatRule(NamedTuple):
    """One mapping, as the kernel has it."""

    protocol: str  # "tcp" | "udp"
    external_port: int
    internal_address: str
    internal_port: int


class Pinhole(NamedTuple):
    """One hole in the IPv6 firewall, as the kernel has it."""

    protocol: str  # "tcp" | "udp"
    address: str
    port: int


def rules(dead: bool, pcp: bool = True) -> str:
    """What nftables is fed; ``dead``: what is sent to the gateway itself vanishes.

    ``pcp`` False: its port is closed over IPv6 too, where miniupnpd serves PCP whatever it is told.
    """
    closed = "" if pcp else 'iifname "lan0" meta nfproto ipv6 udp dport 5351 reject'
    return RULES.format(services='iifname "lan0" drop' if dead else closed)


def read_rules(listing: str) -> list[NatRule]:
    """The DNAT rules in the output of ``nft -j list …``, sorted; other rules are passed over."""
    found = []
    for expressions in _rules(listing):
        target = next((e["dnat"] for e in expressions if "dnat" in e), None)
        protocol, port = _protocol(expressions), _matched(expressions, "dport")
        if target and port and protocol:
            found.append(NatRule(protocol, port, target["addr"], target.get("port", port)))
    return sorted(found)


def read_pinholes(listing: str) -> list[Pinhole]:
    """The accepted IPv6 destinations in the output of ``nft -j list …``, sorted."""
    found = []
    for expressions in _rules(listing):
        protocol, port = _protocol(expressions), _matched(expressions, "dport")
        address = _destination6(expressions)
        if any("accept" in e for e in expressions) and protocol and port and address:
            found.append(Pinhole(protocol, address, port))
    return sorted(found)


def _rules(listing: str) -> list[list[dict[str, Any]]]:
    items = json.loads(listing)["nftables"]
    return [item["rule"]["expr"] for item in items if "rule" in item]


def _matches(expressions: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Any]]:
    matches = [e["match"] for e in expressions if "match" in e]
    return [(m["left"].get("payload") or m["left"].get("meta") or {}, m["right"]) for m in matches]


def _matched(expressions: list[dict[str, Any]], field: str) -> Any:
    return next((right for left, right in _matches(expressions) if left.get("field") == field), None)


def _destination6(expressions: list[dict[str, Any]]) -> str | None:
    """By its place as well: nftables shows it as one hexadecimal number."""
    for left, right in _matches(expressions):
        if left.get("base") == "nh" and (left.get("offset"), left.get("len")) == DESTINATION6:
            return str(IPv6Address(int(right, 16)))
    return None


def _protocol(expressions: list[dict[str, Any]]) -> str | None:
    """The IP header's protocol octet: miniupnpd asks for it by its place."""
    for left, right in _matches(expressions):
        if left.get("base") == "nh" and left.get("len") == 8 and left.get("offset") in PROTOCOL_BITS:
            return PROTOCOLS.get(right)
    return None
