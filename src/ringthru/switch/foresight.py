"""What the NAT parameters of a profile will mean for peers inside and outside, before it runs.

The answers are those of the running switch: ``external_address`` and ``reachability``, with words in place of
the addresses that only a gateway, DNS or a STUN server can tell.

Lives here: the suppositions. Never here: a rule about addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..net.acl import AccessList
from ..net.address import Endpoint
from ..net.surroundings import Surroundings
from ..net.values import frozen
from .addresses.address_lookup import AddressLookups
from .addresses.external_address import ExternalAddress
from .configuration import AddressKind, AddressSetting, Position, ProfileSettings, misnamed_lists
from .nat_meanings import Meaning, meanings_of
from .reachability import Seen, seen_by

OUTSIDE: Final = "198.51.100.7"  # a peer on the Internet (RFC 5737: nobody's)
GATEWAYS: Final = "<the gateway's address>"
STUNS: Final = "<what the STUN server says>"
NAMES: Final = "<what DNS says>"


@frozen
class Outlook:
    """One profile. ``inside``, ``outside``: how an example of such a peer sees it once all is known;
    ``unanswered``: how the one outside does before that, or when there is no gateway."""

    name: str
    position: Position
    listens: Endpoint
    ext_sip_ip: str | None  # as written; None: not set
    ext_rtp_ip: str | None
    mapped: bool  # whether its ports will be opened on a gateway
    mapping_reason: str
    peer_inside: str
    peer_outside: str
    inside: Seen
    outside: Seen
    unanswered: Seen
    warnings: tuple[str, ...] = ()
    meanings: tuple[Meaning, ...] = ()  # of its other NAT parameters


class _Supposed(AddressLookups):
    """Lookups whose answers are words for the address that will come."""

    def address(self, setting: AddressSetting) -> str | None:
        return STUNS if setting.kind is AddressKind.STUN else NAMES

    def words(self, setting: AddressSetting) -> str:
        return f"{setting.kind.value} {setting.value}"


def outlook_of(
    settings: ProfileSettings, here: Surroundings, lists: Mapping[str, AccessList], weak: bool
) -> Outlook:
    """What a profile's settings will come to; ``weak``: the directory holds passwords that are guessed."""
    own = here.address if settings.sip_ip in ("auto", "0.0.0.0") else settings.sip_ip
    rtp_ip = here.address if settings.rtp_ip in ("auto", "0.0.0.0") else settings.rtp_ip
    mapped, reason = _mapping(settings, weak)
    near = neighbour_of(here)

    def see(peer: str, answered: bool) -> Seen:
        lookups = (_Supposed if answered else AddressLookups)(own, here.rules, lambda: None)
        external = ExternalAddress(settings, own, lookups)
        external.gateway = GATEWAYS if answered and mapped else None
        addresses = external.now(
            Endpoint(own, settings.sip_port), rtp_ip, port=settings.ext_sip_port or settings.sip_port
        )
        return seen_by(peer, addresses, lists)

    outside = see(OUTSIDE, True)
    return Outlook(
        name=settings.name,
        position=settings.position,
        listens=Endpoint(own, settings.sip_port),
        ext_sip_ip=_written(settings.ext_sip_ip),
        ext_rtp_ip=_written(settings.ext_rtp_ip),
        mapped=mapped,
        mapping_reason=reason,
        peer_inside=near,
        peer_outside=OUTSIDE,
        inside=see(near, True),
        outside=outside,
        unanswered=see(OUTSIDE, False),
        warnings=(*misnamed_lists(settings, lists), *_warnings(settings.name, outside, own, rtp_ip, here)),
        meanings=tuple(meanings_of(settings)),
    )


def _mapping(settings: ProfileSettings, weak: bool) -> tuple[bool, str]:
    """Whether the ports are opened on a gateway, and why."""
    asks = settings.ext_sip_ip.wants_mapping or settings.ext_rtp_ip.wants_mapping
    if not asks:
        return False, "neither auto-nat nor autonat: is asked for"
    if weak and not settings.allow_weak_secrets:
        return False, "it asks for that, but passwords of the directory are weak"
    return True, "auto-nat or autonat: asks for it"


def _warnings(name: str, outside: Seen, own: str, rtp_ip: str, here: Surroundings) -> tuple[str, ...]:
    """What people would notice as calls without audio."""
    if outside.signalling.host != own and outside.media == rtp_ip and not here.rules.is_public(rtp_ip):
        text = (
            f"profile {name}: peers outside are told to send audio to {rtp_ip}, which they cannot reach: "
            "set ext-rtp-ip to the same as ext-sip-ip"
        )
        return (text,)
    return ()


def neighbour_of(here: Surroundings) -> str:
    """Another address of our network, as an example."""
    hosts = (str(here.network[number]) for number in range(1, min(4, here.network.num_addresses)))
    return next((each for each in hosts if each not in (here.address, here.gateway)), here.address)


def _written(setting: AddressSetting) -> str | None:
    return None if setting.kind is AddressKind.MISSING else setting.text
