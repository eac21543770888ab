"""What each check looks at, and when it is not well: for ``doctor explain`` and for the reference.

Lives here: the words. Never here: the checks.
"""

from __future__ import annotations

from typing import Final

from ..net.values import frozen


@frozen
class Explained:
    """One check. ``id`` is its findings', or what they begin with."""

    id: str
    looks_at: str
    red: str  # when it warns or fails
    see: str = ""  # commands that tell more


EXPLAINED: Final[tuple[Explained, ...]] = (
    Explained(
        "switch.runs",
        "whether a switch answers at its event socket (ringthru doctor alone)",
        "nobody listens there, or lets us in",
        "ringthru cli",
    ),
    Explained(
        "switch.tree",
        "the configuration tree, where no switch runs (ringthru doctor alone)",
        "it cannot be read",
        "ringthru config check DIR",
    ),
    Explained(
        "host.addr",
        "interfaces, routes, and which address is ours",
        "no route out, or several ways out",
        "nat_map explain PEER",
    ),
    Explained(
        "host.port",
        "who holds the ports of profiles and of the event socket (/proc/net)",
        "another program, or nobody",
        "sofia status",
    ),
    Explained(
        "host.rtp",
        "the RTP range against ip_local_port_range",
        "the kernel hands RTP ports to other programs",
    ),
    Explained(
        "host.helper",
        "the kernel's modules (/proc/modules)",
        "nf_conntrack_sip or nf_nat_sip is loaded: this machine is a SIP ALG",
    ),
    Explained("host.fw", "nothing: rules of a firewall take root to read", "never", "nft list ruleset"),
    Explained(
        "gw.found",
        "who answers PCP, NAT-PMP and UPnP",
        "nobody, though a profile asks for a mapping",
        "ringthru nat discover",
    ),
    Explained(
        "gw.which",
        "all services that answered, and the one in use",
        "several devices offer to open ports",
        "nat_map detail",
    ),
    Explained(
        "gw.perm",
        "mappings that were refused, and why",
        "a refusal, with a sentence for each known code",
        "ringthru nat explain PORT/udp",
    ),
    Explained(
        "gw.keep",
        "leases, and whether the gateway's own table shows them",
        "a granted mapping is not in the table, or a lease is not renewed in time",
        "nat_map list",
    ),
    Explained(
        "gw.cap",
        "how many mappings we hold, and how many the gateway takes",
        "there is no room for more",
        "nat_map detail",
    ),
    Explained("gw.reboot", "epochs of PCP and NAT-PMP", "the gateway lost its state in the last hour"),
    Explained(
        "wan.class",
        "what sort of address the gateway has outside",
        "a private one, carrier-grade NAT, DS-Lite, none",
        "nat_map detail",
    ),
    Explained(
        "wan.agree",
        "the gateway's word against providers' received= and STUN servers",
        "somebody outside sees another address",
        "stun",
    ),
    Explained(
        "wan.upstream",
        "gateways beyond ours, which are mapped in tandem where they let us",
        "one that does not open ports",
        "ringthru nat discover",
    ),
    Explained(
        "reach.sip",
        "how much is proven of each SIP mapping: accepted, listed, reached",
        "refused, not in the table, or tried from outside in vain; unknown while nobody outside came",
        "ringthru nat explain PORT/udp",
    ),
    Explained(
        "reach.rtp", "the mapped ports held ready for audio", "some or all are refused", "nat_map detail"
    ),
    Explained(
        "sip.alg",
        "our Via as providers repeat it (RFC 3261 §8.2.6.2)",
        "it came back rewritten",
        "sofia profile NAME siptrace on",
    ),
    Explained(
        "trunk",
        "each provider: its state, last answer, expiry, DNS, keepalive",
        "it is not registered, silent, or sees us elsewhere than we tell it",
        "sofia status gateway NAME",
    ),
    Explained(
        "addr",
        "what a peer on the LAN and one on the Internet is shown, and by which rule",
        "one on the Internet is shown a private address",
        "nat_map explain PEER",
    ),
    Explained(
        "phones",
        "registrations, and answers to our OPTIONS",
        "a phone does not answer",
        "sofia status profile NAME reg",
    ),
    Explained(
        "sec.weak",
        "passwords of the directory",
        "some are guessed at once; a failure where the Internet reaches them",
    ),
    Explained("sec.shared", "whether users have a password together", "two have the same"),
    Explained(
        "sec.context",
        "which context callers without a password get",
        "strangers on the Internet get further than a sound there, or any password does",
    ),
    Explained(
        "sec.socket", "where the event socket listens", "beyond this machine, or with FreeSWITCH's password"
    ),
    Explained("sec.tls", "whether phones outside could use TLS", "they cannot"),
    Explained(
        "calls", "the last 50 legs that went wrong, by what went wrong", "there are some", "doctor call last"
    ),
)


def explained(id: str) -> Explained | None:
    """Of a finding's id (``trunk.office``) or a check's own (``trunk``)."""
    return next((each for each in EXPLAINED if id == each.id or id.startswith(f"{each.id}.")), None)
