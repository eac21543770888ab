"""The drawn parts of the reference about metrics: the engine's, with their labels, and the switch's."""

from __future__ import annotations

from collections.abc import Callable

from draw_code import table

from ringthru.net.address import AddressKind, Endpoint
from ringthru.portmap.metrics import METRICS, samples_of
from ringthru.portmap.snapshots import (
    Filtering,
    FilterTruth,
    MapperSnapshot,
    MappingSnapshot,
    PeerSnapshot,
    ServiceSnapshot,
)
from ringthru.portmap.values import GatewayType, MappingState, Protocol
from ringthru.switch import metrics as switch_metrics


def draw_metrics() -> str:
    told = labels_of_metrics()
    rows = [(f"`{each.name}`", each.kind, ", ".join(told[each.name]), each.help) for each in METRICS.values()]
    return table("Name", "Type", "Labels", "What it is", rows=rows)


def draw_exporter_metrics() -> str:
    rows = [(f"`{each.name}`", each.kind, each.help) for each in switch_metrics.EXPORTER.values()]
    return table("Name", "Type", "What it is", rows=rows)


def draw_switch_metrics() -> str:
    rows = [(f"`{each.name}`", each.kind, each.help) for each in switch_metrics.OURS.values()]
    return table("Name", "Type", "What it is", rows=rows)


def labels_of_metrics() -> dict[str, list[str]]:
    """The labels that each metric has for a snapshot with something of everything."""
    mapping = MappingSnapshot(
        *(Protocol.UDP, 5060, 5060, MappingState.ACCEPTED, False, True, 60.0, ""),
        filtering=Filtering(FilterTruth.WORD, "", 0.0),
    )
    flow = PeerSnapshot(
        Protocol.UDP, 5060, Endpoint("8.8.8.8", 53), None, MappingState.REQUESTED, None, None, ""
    )
    service = ServiceSnapshot(GatewayType.PCP, "192.168.1.1", "", None, True)
    seen = MapperSnapshot(
        *(GatewayType.PCP, "192.168.1.1", "", None, "10.0.0.2", AddressKind.PRIVATE, True, True, (mapping,)),
        services=(service,),
        peers=(flow,),
        counters=(("PCP: result NOT_AUTHORIZED", 1),),
    )
    return {name: [f"`{label}`" for label, _ in labels] for name, labels, _ in samples_of(seen)}


PARTS: dict[str, Callable[[], str]] = {
    "metrics": draw_metrics,
    "exporter metrics": draw_exporter_metrics,
    "switch metrics": draw_switch_metrics,
}
