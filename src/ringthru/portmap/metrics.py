"""What a snapshot shows, as text that Prometheus reads.

Lives here: names and labels. Never here: the format, a server, a clock, or what is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from ..net.address import AddressKind
from ..net.exposition import CONTENT_TYPE as CONTENT_TYPE
from ..net.exposition import Labels, Metric, Sample, by_name, exposition
from .snapshots import FilterTruth, MapperSnapshot, MappingSnapshot
from .values import Rung

PREFIX: Final = "ringthru_nat_"
MOST_MAPPINGS: Final = 512  # with lines of their own: each label set is a series that Prometheus keeps
RUNGS: Final = tuple(Rung)
METRICS: Final = by_name(
    Metric("gateway_up", "gauge", "1 while a gateway is in use, 0 while one is looked for."),
    Metric("gateway_info", "gauge", "The gateway in use; hop 0 is ours, 1 the one beyond it."),
    Metric("services", "gauge", "Services of gateways that answered, by protocol."),
    Metric("mapping_enabled", "gauge", "0 while port mapping is switched off."),
    Metric("external_address_info", "gauge", "The address the gateway told, and what kind it is."),
    Metric("external_address_usable", "gauge", "1 if others can dial it: it is public."),
    Metric("mappings", "gauge", "Mappings that are wanted, by what became of them."),
    Metric("mapping_rung", "gauge", "How far proven: 0 requested, 1 accepted, 2 listed, 3 reachable."),
    Metric("mapping_lease_seconds", "gauge", "Seconds left of a lease; not there where it has no end."),
    Metric("filters", "gauge", "Mappings for some networks alone, by whether strangers are kept out."),
    Metric("flows", "gauge", "Flows whose translation is wanted (PCP PEER), by what became of them."),
    Metric("counted_total", "counter", "Error codes of gateways, and messages passed over, by name."),
)


def metrics(snapshots: Mapping[str, MapperSnapshot], without: Collection[str] = ()) -> str:
    """The text for these snapshots, by interface; a single one may go by the empty name, without a label.

    Metrics ``without`` a meaning for the caller are left out.
    """
    return exposition(METRICS, _labelled(snapshots), PREFIX, without)


def _labelled(snapshots: Mapping[str, MapperSnapshot]) -> Iterator[Sample]:
    for interface, snapshot in snapshots.items():
        own: Labels = (("interface", interface),) if interface else ()
        for name, labels, value in samples_of(snapshot):
            yield name, own + labels, value


def samples_of(snapshot: MapperSnapshot) -> Iterator[Sample]:
    """Name, labels and value of everything that one snapshot says."""
    for hop, each in enumerate((snapshot, *snapshot.chain)):
        yield from _of_gateway(each, str(hop))
    for kind, number in Counter(each.type.value for each in snapshot.services).items():
        yield "services", (("protocol", kind),), number
    yield "mapping_enabled", (), snapshot.mapping_enabled
    yield from _of_address(snapshot)
    yield from _of_mappings(snapshot.mappings)
    for state, number in Counter(each.state.value for each in snapshot.peers).items():
        yield "flows", (("state", state),), number


def _of_gateway(gateway: MapperSnapshot, hop: str) -> Iterator[Sample]:
    at: Labels = (("hop", hop),)
    yield "gateway_up", at, gateway.type is not None
    if gateway.type is not None:
        told = {
            "address": gateway.gateway or "",
            "protocol": gateway.type.value,
            "description": gateway.description,
            "fingerprint": gateway.fingerprint,
        }
        yield "gateway_info", at + tuple(told.items()), 1
    for what, number in gateway.counters:
        yield "counted_total", (*at, ("what", what)), number


def _of_address(snapshot: MapperSnapshot) -> Iterator[Sample]:
    address = snapshot.external_address or snapshot.reported_address  # nested: the end of the chain
    if address is not None:
        kind = AddressKind.PUBLIC if snapshot.external_address else snapshot.address_kind
        yield "external_address_info", (("address", address), ("kind", kind.value if kind else "")), 1
    yield "external_address_usable", (), snapshot.external_address is not None


def _of_mappings(mappings: tuple[MappingSnapshot, ...]) -> Iterator[Sample]:
    kinds = Counter((each.protocol.value, each.family.value, each.state.value) for each in mappings)
    for kind, number in kinds.items():
        yield "mappings", tuple(zip(("protocol", "family", "state"), kind, strict=True)), number
    for each in mappings[:MOST_MAPPINGS]:
        labels = _of_one(each)
        yield "mapping_rung", labels, RUNGS.index(each.rung)
        if each.lifetime_left is not None:
            yield "mapping_lease_seconds", labels, round(each.lifetime_left, 3)
    truths = Counter(each.filtering.truth for each in mappings if each.filtering is not None)
    for truth in FilterTruth if truths else ():
        yield "filters", (("truth", truth.value),), truths[truth]


def _of_one(mapping: MappingSnapshot) -> Labels:
    return (
        ("protocol", mapping.protocol.value),
        ("family", mapping.family.value),
        ("internal_client", mapping.internal_client or ""),
        ("internal_port", str(mapping.internal_port)),
        ("external_port", str(mapping.external_port or "")),
        ("label", mapping.label),
    )
