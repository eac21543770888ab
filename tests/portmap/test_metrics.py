"""What Prometheus' own parser makes of our text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ringthru.net.address import AddressKind, Endpoint
from ringthru.net.values import replace
from ringthru.portmap.metrics import METRICS, MOST_MAPPINGS, metrics
from ringthru.portmap.snapshots import (
    Filtering,
    FilterTruth,
    MapperSnapshot,
    MappingSnapshot,
    PeerSnapshot,
    ServiceSnapshot,
)
from ringthru.portmap.values import Family, GatewayType, MappingState, Protocol, Rung

SIP = MappingSnapshot(
    Protocol.UDP, 5060, 5062, MappingState.ACCEPTED, False, True, 3000.0, "", rung=Rung.LISTED, label="desk"
)
TRUNK = replace(
    SIP,
    internal_port=5080,
    rung=Rung.REACHABLE,
    allow_from=("203.0.113.0/24",),
    filtering=Filtering(FilterTruth.NOT_ENFORCED, "somebody came in", 1.0),
)
PINHOLE = replace(SIP, family=Family.IPV6, state=MappingState.REFUSED, external_port=None, lifetime_left=None)
FLOW = PeerSnapshot(
    Protocol.UDP, 5060, Endpoint("203.0.113.5", 5060), None, MappingState.UNSUPPORTED, None, None, ""
)
HOME = MapperSnapshot(
    *(
        GatewayType.UPNP,
        "192.168.1.1",
        "Acme R1",
        "203.0.113.1",
        "203.0.113.1",
        AddressKind.PUBLIC,
        True,
        True,
    ),
    mappings=(SIP, TRUNK, PINHOLE),
    services=(ServiceSnapshot(GatewayType.UPNP, "192.168.1.1", "", None, True),),
    fingerprint="acme-r1",
    peers=(FLOW,),
    counters=(("UPnP: error 718", 3), ("search answers of strangers", 1)),
)


def read(text):
    """By name: the samples as labels and value. Raises where it is no such text."""
    return {
        each.name: [(sample.labels, sample.value) for sample in each.samples]
        for each in text_string_to_metric_families(text)
    }


class TestWhatItSays:
    def test_every_metric_has_its_name_type_and_help(self):
        families = {each.name: each for each in text_string_to_metric_families(metrics({"": HOME}))}
        for metric in METRICS.values():
            name = f"ringthru_nat_{metric.name}".removesuffix("_total")  # the parser names counters so
            assert (families[name].type, families[name].documentation) == (metric.kind, metric.help)

    def test_the_gateway_and_the_address(self):
        told = read(metrics({"": HOME}))
        assert told["ringthru_nat_gateway_up"] == [({"hop": "0"}, 1.0)]
        ((labels, _),) = told["ringthru_nat_gateway_info"]
        assert (labels["address"], labels["protocol"]) == ("192.168.1.1", "upnp")
        assert (labels["description"], labels["fingerprint"]) == ("Acme R1", "acme-r1")
        assert told["ringthru_nat_external_address_info"] == [
            ({"address": "203.0.113.1", "kind": "public"}, 1.0)
        ]
        assert told["ringthru_nat_external_address_usable"] == [({}, 1.0)]

    def test_mappings_by_state_and_each_with_rung_and_lease(self):
        told = read(metrics({"": HOME}))
        assert sorted(
            (each["family"], each["state"], value) for each, value in told["ringthru_nat_mappings"]
        ) == [
            ("ipv4", "accepted", 2.0),
            ("ipv6", "refused", 1.0),
        ]
        rungs = {
            each["internal_port"]: value
            for each, value in told["ringthru_nat_mapping_rung"]
            if each["family"] == "ipv4"
        }
        assert rungs == {"5060": 2.0, "5080": 3.0}
        leases = told["ringthru_nat_mapping_lease_seconds"]
        assert [value for _, value in leases] == [3000.0, 3000.0]  # the pinhole has none
        assert leases[0][0]["external_port"] == "5062"

    def test_filters_flows_and_what_was_counted(self):
        told = read(metrics({"": HOME}))
        assert {each["truth"]: value for each, value in told["ringthru_nat_filters"]} == {
            "its word alone": 0.0,
            "enforced": 0.0,
            "not enforced": 1.0,
        }
        assert told["ringthru_nat_flows"] == [({"state": "unsupported"}, 1.0)]
        assert ({"hop": "0", "what": "UPnP: error 718"}, 3.0) in told["ringthru_nat_counted"]

    def test_without_a_gateway(self):
        nobody = MapperSnapshot(None, None, "", None, None, None, True, True, ())
        told = read(metrics({"": nobody}))
        assert told["ringthru_nat_gateway_up"] == [({"hop": "0"}, 0.0)]
        assert "ringthru_nat_gateway_info" not in told
        assert told["ringthru_nat_external_address_usable"] == [({}, 0.0)]

    def test_a_chain_has_a_hop_for_each_gateway(self):
        outer = replace(HOME, gateway="10.0.0.1", mappings=(), peers=(), services=())
        told = read(metrics({"": replace(HOME, reported_address="10.0.0.2", chain=(outer,))}))
        assert [(each["hop"], each["address"]) for each, _ in told["ringthru_nat_gateway_info"]] == [
            ("0", "192.168.1.1"),
            ("1", "10.0.0.1"),
        ]

    def test_several_interfaces_are_told_apart_and_named_once(self):
        text = metrics({"eth0": HOME, "wlan0": replace(HOME, gateway="192.168.2.1")})
        told = read(text)["ringthru_nat_gateway_info"]
        assert [(each["interface"], each["address"]) for each, _ in told] == [
            ("eth0", "192.168.1.1"),
            ("wlan0", "192.168.2.1"),
        ]
        assert text.count("# TYPE ringthru_nat_gateway_info ") == 1


class TestWhatItIsMadeOf:
    @given(st.text(max_size=60), st.text(max_size=60))
    def test_whatever_a_gateway_calls_itself_is_one_label(self, maker, name):
        """Quotes, backslashes and line ends in it end neither the value nor the line."""
        spoken = replace(HOME, description=maker, counters=((name, 1),))
        told = read(metrics({"": spoken}))
        assert told["ringthru_nat_gateway_up"] == [({"hop": "0"}, 1.0)]
        assert len(told["ringthru_nat_gateway_info"]) == 1
        if "\\" not in maker and "\n" not in maker:  # the parser's way back from escapes is its own matter
            assert told["ringthru_nat_gateway_info"][0][0]["description"] == maker

    def test_escapes_are_read_back(self):
        maker = 'Acme "R1"\\2\nnew'
        told = read(metrics({"": replace(HOME, description=maker)}))
        assert told["ringthru_nat_gateway_info"][0][0]["description"] == maker

    def test_no_two_samples_have_the_same_labels(self):
        lines = [each.rpartition(" ")[0] for each in metrics({"": HOME}).splitlines() if each[0] != "#"]
        assert len(lines) == len(set(lines))

    def test_the_lines_of_their_own_are_bounded(self):
        many = tuple(replace(SIP, internal_port=port) for port in range(1, 3000))
        told = read(metrics({"": replace(HOME, mappings=many)}))
        assert len(told["ringthru_nat_mapping_rung"]) == MOST_MAPPINGS
        assert told["ringthru_nat_mappings"][0][1] == 2999.0

    @pytest.mark.parametrize("name", METRICS)
    def test_what_has_no_meaning_is_left_out(self, name):
        assert f"ringthru_nat_{name}" not in metrics({"": HOME}, without=(name,)).replace(f"{name}_", "")
