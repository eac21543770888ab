"""Which endpoint does this peer see us at? The one seam between NAT and SIP.

Every address of ours that leaves in a Via, a Contact, a From or an SDP comes from ``seen_by``. It applies
FreeSWITCH's decision table to the profile's rules and to what the gateway really granted:

===  ==========  ========  ========  ===================  ===========
row  ext-sip-ip  auto-nat  far peer  Via, Contact, From   SDP o=, c=
===  ==========  ========  ========  ===================  ===========
1    no          –         never     sip-ip               rtp-ip
2    yes         on        no        sip-ip               rtp-ip
3    yes         on        yes       ext-sip-ip           ext-rtp-ip
4    yes         off       no        ext-sip-ip (From:    rtp-ip
                                     sip-ip)
5    yes         off       yes       ext-sip-ip           ext-rtp-ip
6    yes         any       loopback  as row 2 or 4        rtp-ip
7    only        –         –         sip-ip               rtp-ip; ext-rtp-ip
     ext-rtp-ip                                           while no peer is known
===  ==========  ========  ========  ===================  ===========

Lives here: the table and its reasons. Never here: sockets, configuration files, asking a gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_
from typing import Final

from ..net.acl import AccessList, describe, matches
from ..net.address import LONGEST_ADDRESS, Endpoint, parse_address
from ..net.values import frozen

LOOPBACK = "loopback.auto"


RULES = {
    1: "the profile has no external address",
    2: "auto-nat is on, and the peer is near",
    3: "auto-nat is on, and the peer is far",
    4: "ext-sip-ip without autonat: is for everybody, but the SDP of a near peer stays private",
    5: "ext-sip-ip without autonat:, and the peer is far",
    6: "the peer is on this machine",
    7: "ext-rtp-ip alone counts only while no peer is known",
}


@frozen
class TransportPorts:
    """The ports of one transport, where they differ from those of UDP: each has a mapping of its own."""

    transport: str
    inside: int
    outside: int


@frozen
class ProfileAddresses:
    """What a profile's settings and the gateway come to, at this moment."""

    sip: Endpoint  # sip-ip and sip-port: where the profile listens
    rtp_ip: str
    ext_sip: Endpoint | None  # with the port the gateway granted, or ext-sip-port
    ext_rtp_ip: str | None
    auto_nat: bool
    local_network_acl: str
    source: str  # where the external address came from, or why there is none, in words
    port_source: str = ""  # the same for its port
    media_source: str = ""  # the same for ext_rtp_ip
    others: tuple[TransportPorts, ...] = ()  # of transports whose ports are not those above

    def of(self, transport: str) -> tuple[Endpoint, Endpoint | None]:
        """Where we listen with a transport, and where the world finds that."""
        for each in self.others:
            if each.transport == transport:
                outside = Endpoint(self.ext_sip.host, each.outside) if self.ext_sip else None
                return Endpoint(self.sip.host, each.inside), outside
        return self.sip, self.ext_sip


@frozen
class Seen:
    """How one peer sees us, and why."""

    signalling: Endpoint  # Via and Contact
    from_host: str
    media: str  # SDP o= and c=
    far: bool
    row: int
    reasons: tuple[str, ...]

    def explained(self, profile: str, peer: str) -> list[str]:
        """The result, the rule and the evidence, as lines for people."""
        return [
            f"{profile}: {peer} sees {self.signalling} in Via and Contact, {self.media} in SDP",
            f"  by row {self.row} of the decision table: {RULES[self.row]}",
            *(f"  because {reason}" for reason in self.reasons),
        ]


def seen_by(
    peer: str | None, addresses: ProfileAddresses, lists: Mapping[str, AccessList], transport: str = "UDP"
) -> Seen:
    """The row of the table that holds for ``peer``: an address as text; a name is far; None: unknown.

    The port is the ``transport``'s own: a gateway may have granted TCP another than UDP.
    """
    inside, outside = addresses.of(transport)
    if outside is None:
        return _without_external(peer, inside, addresses)
    near_reason, loopback = _near(peer, addresses, lists)
    if near_reason is None:
        media = addresses.ext_rtp_ip or addresses.rtp_ip
        reasons = (_far_reason(peer, addresses), *_sources(outside, media, addresses))
        return Seen(outside, outside.host, media, True, 3 if addresses.auto_nat else 5, reasons)
    if addresses.auto_nat:
        row = 6 if loopback else 2
        return Seen(inside, inside.host, addresses.rtp_ip, False, row, (near_reason,))
    reasons = (near_reason, *_sources(outside, None, addresses))
    return Seen(outside, inside.host, addresses.rtp_ip, False, 6 if loopback else 4, reasons)


class Sight:
    """One profile's ``seen_by``, which remembers its answers while all they depend on stays as it is.

    A call asks five times, and the peers are few. New lists are other objects than the old ones.
    """

    MOST: Final = 1024  # peers; then it begins anew

    def __init__(self, lists: Mapping[str, AccessList]) -> None:
        self._lists = lists
        self._known: dict[tuple[str | None, str], Seen] = {}
        self._basis: tuple[object, ...] = (None, None, None)

    def seen_by(self, peer: str | None, addresses: ProfileAddresses, transport: str) -> Seen:
        """What the function of that name says."""
        lists = self._lists
        if peer is not None and len(peer) > LONGEST_ADDRESS:
            return seen_by(peer, addresses, lists, transport)  # a name, as long as a stranger likes
        basis = (addresses, lists.get(addresses.local_network_acl), lists.get(LOOPBACK))
        if len(self._known) >= self.MOST or not all(map(is_, basis, self._basis)):
            self._known.clear()
            self._basis = basis
        seen = self._known.get((peer, transport))
        if seen is None:
            seen = self._known[peer, transport] = seen_by(peer, addresses, lists, transport)
        return seen


def _without_external(peer: str | None, inside: Endpoint, addresses: ProfileAddresses) -> Seen:
    """Rows 1 and 7: everybody sees the address we listen on."""
    external = addresses.ext_rtp_ip if peer is None else None
    reason = f"an external address would come from {addresses.source}"
    row = 7 if addresses.ext_rtp_ip else 1
    return Seen(inside, inside.host, external or addresses.rtp_ip, False, row, (reason,))


def _sources(outside: Endpoint, media: str | None, addresses: ProfileAddresses) -> list[str]:
    lines = [f"the address {outside.host} comes from {addresses.source}"]
    if addresses.port_source:
        lines.append(f"the port {outside.port} comes from {addresses.port_source}")
    if media is not None and addresses.media_source and addresses.media_source != addresses.source:
        lines.append(f"the SDP's address {media} comes from {addresses.media_source}")
    return lines


def _near(
    peer: str | None, addresses: ProfileAddresses, lists: Mapping[str, AccessList]
) -> tuple[str | None, bool]:
    """Why a peer is near (None when it is far), and whether it is loopback."""
    if peer is None or parse_address(peer) is None:
        return None, False
    if matches(lists, LOOPBACK, peer):
        return f"{peer} is in {describe(lists, LOOPBACK, peer)}", True
    if matches(lists, addresses.local_network_acl, peer):
        acl = describe(lists, addresses.local_network_acl, peer)
        return f"{peer} is in local-network-acl {acl}", False
    return None, False


def _far_reason(peer: str | None, addresses: ProfileAddresses) -> str:
    acl = f"local-network-acl {addresses.local_network_acl}"
    return f"{peer or 'an unknown peer'} is neither in {LOOPBACK} nor in {acl}: it is far"
