"""What the engine shows of the gateway in use: its address as others dial it, and everything else there is.

Lives here: reading, in one direction. Never here: what changes any of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...net.address import AddressKind, parse_address
from ...net.values import replace
from ..discovery.site import Site
from ..memory.profile import GatewayProfile
from ..snapshots import MapperSnapshot, MappingSnapshot, PeerSnapshot
from .in_use import GatewayInUse


def usable_address(site: Site, reported: str) -> str | None:
    """The address the Internet sees, if the gateway told one that is public, of the family asked for."""
    address = parse_address(reported)
    ours = parse_address(site.address.partition("%")[0])
    fits = address is not None and ours is not None and address.version == ours.version
    return str(address) if fits and site.rules.is_public(reported) else None


def kind_of(site: Site, reported: str) -> AddressKind:
    """What sort of address the gateway told."""
    return site.rules.kind(reported) if reported else AddressKind.UNSPECIFIED


def view(
    site: Site,
    gateway: GatewayInUse | None,
    mappings: Iterable[MappingSnapshot],
    peers: tuple[PeerSnapshot, ...],
    counters: tuple[tuple[str, int], ...],
    *,
    enabled: bool,
    verdict_known: bool,
    hesitant: bool,
    now: float,
) -> MapperSnapshot:
    """Everything there is to show."""
    reported = gateway.reported if gateway else ""
    return MapperSnapshot(
        gateway.service.type if gateway else None,
        gateway.service.gateway if gateway else None,
        gateway.words if gateway else "",
        usable_address(site, reported),
        reported or None,
        kind_of(site, reported) if reported else None,
        enabled,
        verdict_known,
        tuple(_with_address(each, reported) for each in mappings),
        family=site.family,
        services=gateway.services() if gateway else (),
        fingerprint=gateway.fingerprint if gateway else "",
        learned=_learned(gateway.profile) if gateway else (),
        peers=peers,
        counters=counters,
        address_age=now - gateway.told_at if gateway is not None and reported else None,
        hesitant=hesitant,
    )


def _with_address(mapping: MappingSnapshot, reported: str) -> MappingSnapshot:
    """What others dial: PCP tells it with each mapping, the others once for all."""
    if mapping.external_port is None or mapping.external_address or not reported:
        return mapping
    return replace(mapping, external_address=reported)


def _learned(profile: GatewayProfile) -> tuple[str, ...]:
    """What a gateway taught us, in words."""
    if profile == GatewayProfile(profile.fingerprint):
        return ()
    from ..memory.profile_codec import words  # late: of no use before there is something to show

    return words(profile)
