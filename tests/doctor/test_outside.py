"""What the doctor says of the world beyond the gateway."""

from __future__ import annotations

import pytest

from ringthru.net.address import AddressKind, Endpoint
from ringthru.net.values import replace
from ringthru.portmap import MappingState, Rung
from ringthru.portmap.gateway.pcp_refusals import REFUSALS
from ringthru.portmap.wire.pcp import ResultCode

from .conftest import MAPPER, POOL, PUBLIC, SIP, TRUNK, evidence, mapping


class TestClass:
    def test_a_public_address_is_well(self, patient):
        assert patient.status("wan.class") == "ok"

    @pytest.mark.parametrize(
        ("address", "kind", "words", "cure"),
        [
            ("192.168.178.20", AddressKind.PRIVATE, "another NAT", "bridge mode"),
            ("100.72.3.4", AddressKind.SHARED, "carrier-grade NAT", "IPv6"),
            ("192.0.0.2", AddressKind.RESERVED, "DS-Lite", "IPv6"),
            ("203.0.113.9", AddressKind.DOCUMENTATION, "nobody has", "copied from a manual"),
            ("0.0.0.0", AddressKind.UNSPECIFIED, "no address at all", "line"),
        ],
    )
    def test_each_other_kind_fails_with_a_cure_of_its_own(self, patient, address, kind, words, cure):
        patient.mapper(external_address=None, reported_address=address, address_kind=kind)
        found = patient.finding("wan.class")
        assert found.status.value == "fail"
        assert address in found.evidence
        assert words in found.evidence
        assert cure in found.cure

    def test_no_address_and_no_port_granted_is_what_a_router_behind_another_one_does(self, patient):
        """PCP's NO_RESOURCES, as of miniupnpd whose own line is 10.0.0.2."""
        no = mapping(5080, state=MappingState.REFUSED, reason=REFUSALS[ResultCode.NO_RESOURCES][0])
        patient.mapper(external_address=None, reported_address=None, address_kind=None, mappings=(no,))
        found = patient.finding("wan.class")
        assert (found.status.value, "another NAT stands in front" in found.meaning) == ("warn", True)
        patient.mapper(mappings=(no, SIP))  # it grants others, so it is only full
        assert patient.status("wan.class") == "unknown"

    def test_no_address_told_is_unknown(self, patient):
        patient.mapper(external_address=None, reported_address=None, address_kind=None)
        assert patient.status("wan.class") == "unknown"


class TestAgreement:
    def test_a_provider_that_sees_the_same_is_well(self, patient):
        found = patient.finding("wan.agree")
        assert (found.status.value, "the provider office" in found.evidence) == ("ok", True)

    def test_a_provider_that_sees_another_is_a_warning(self, patient):
        patient.trunk(seen_at=Endpoint("203.0.113.99", 5080))
        found = patient.finding("wan.agree")
        assert found.status.value == "warn"
        assert f"gateway says {PUBLIC}, and the provider office sees us at 203.0.113.99" in found.evidence

    def test_a_stun_server_is_a_witness_too(self, patient):
        patient.switch(trunks=())
        patient.external(address_source="the STUN server stun.example", external_address="203.0.113.99")
        assert patient.status("wan.agree") == "warn"

    def test_nobody_told_is_unknown(self, patient):
        patient.switch(trunks=())
        assert patient.status("wan.agree") == "unknown"


class TestUpstream:
    def test_on_the_internet_itself(self, patient):
        assert patient.status("wan.upstream") == "ok"

    def test_a_chain_that_opens_all_the_way_is_a_warning(self, patient):
        beyond = replace(MAPPER, gateway="10.0.0.1")
        patient.mapper(chain=(beyond,))
        found = patient.finding("wan.upstream")
        assert (found.status.value, "10.0.0.1" in found.evidence) == ("warn", True)

    def test_a_chain_that_ends_at_a_private_address_fails(self, patient):
        beyond = replace(MAPPER, gateway="10.0.0.1", external_address=None)
        patient.mapper(chain=(beyond,), external_address=None, reported_address="10.0.0.2")
        found = patient.finding("wan.upstream")
        assert (found.status.value, "10.0.0.2" in found.cure) == ("fail", True)

    def test_a_silent_one_in_front_is_unknown(self, patient):
        patient.mapper(external_address=None)
        assert patient.status("wan.upstream") == "unknown"


class TestSipReached:
    ID = "reach.sip.external.udp"

    def test_without_somebody_from_outside_it_is_unknown_and_no_failure(self, patient):
        found = patient.finding(self.ID)
        assert found.status.value == "unknown"
        assert f"{PUBLIC}:5080; read back" in found.evidence

    def test_a_stranger_who_came_through_proves_it(self, patient):
        proven = replace(SIP, evidence=(*SIP.evidence, evidence(Rung.REACHABLE, True, "203.0.113.7 called")))
        patient.mapper(mappings=(proven, *POOL))
        found = patient.finding(self.ID)
        assert (found.status.value, "203.0.113.7 called" in found.evidence) == ("ok", True)

    def test_one_tried_from_outside_in_vain_fails(self, patient):
        vain = replace(SIP, evidence=(*SIP.evidence, evidence(Rung.REACHABLE, False, "nothing came")))
        patient.mapper(mappings=(vain, *POOL))
        assert patient.status(self.ID) == "fail"

    def test_one_that_is_not_in_the_table_fails(self, patient):
        patient.mapper(mappings=(replace(SIP, evidence=(evidence(Rung.LISTED, False, "not there"),)), *POOL))
        assert patient.status(self.ID) == "fail"

    def test_a_refused_one_fails_with_the_advice(self, patient):
        patient.mapper(mappings=(mapping(5080, state=MappingState.REFUSED, reason="error 718 (x)"), *POOL))
        found = patient.finding(self.ID)
        assert (found.status.value, "another sip-port" in found.cure) == ("fail", True)

    def test_one_that_is_asked_for_is_unknown(self, patient):
        patient.mapper(mappings=(mapping(5080, state=MappingState.REQUESTED), *POOL))
        assert patient.status(self.ID) == "unknown"

    def test_a_profile_kept_closed_by_the_guard_fails(self, patient):
        patient.external(mapped=False, kept_closed=True)
        found = patient.finding("reach.sip.external")
        assert (found.status.value, "allow-weak-secrets" in found.cure) == ("fail", True)

    def test_nothing_opened_is_skipped(self, patient):
        patient.external(mapped=False, asks_mapping=False)
        patient.mapper(mappings=())
        assert patient.status("reach.sip") == "skip"


class TestRtpReached:
    def test_ports_held_ready_are_well(self, patient):
        assert patient.status("reach.rtp") == "ok"

    def test_some_refused_are_a_warning_and_all_are_a_failure(self, patient):
        no = mapping(16386, state=MappingState.REFUSED, reason="error 728 (full)", label="Ringthru rtp 16386")
        patient.mapper(mappings=(SIP, *POOL, no))
        assert patient.status("reach.rtp") == "warn"
        patient.mapper(mappings=(SIP, no))
        assert patient.status("reach.rtp") == "fail"

    def test_none_though_a_profile_is_mapped_is_a_warning(self, patient):
        patient.mapper(mappings=(SIP,))
        assert patient.status("reach.rtp") == "warn"

    def test_asked_for_is_unknown(self, patient):
        patient.mapper(mappings=(SIP, replace(POOL[0], state=MappingState.REQUESTED)))
        assert patient.status("reach.rtp") == "unknown"

    def test_nothing_mapped_is_skipped(self, patient):
        patient.external(mapped=False)
        patient.mapper(mappings=())
        assert patient.status("reach.rtp") == "skip"


def test_a_trunk_that_never_registered_is_no_witness(patient):
    patient.switch(trunks=(replace(TRUNK, seen_at=None),))
    assert patient.status("wan.agree") == "unknown"
