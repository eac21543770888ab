"""What the doctor says of the NAT gateway, red and green."""

from __future__ import annotations

import pytest

from ringthru.doctor.refusals import OTHER, advice_for
from ringthru.net.values import replace
from ringthru.portmap import MappingState, Rung
from ringthru.portmap.gateway.pcp_refusals import REFUSALS as PCP
from ringthru.portmap.snapshots import ServiceSnapshot
from ringthru.portmap.values import GatewayType

from .conftest import GATEWAY, NO_GATEWAY, POOL, SIP, evidence, mapping


class TestFound:
    def test_one_that_answers_is_named(self, patient):
        found = patient.finding("gw.found")
        assert found.status.value == "ok"
        assert "192.168.1.1 answers by UPnP, and calls itself Acme Home Router 1" in found.evidence

    def test_none_says_which_ports_to_forward_by_hand(self, patient):
        patient.switch(mapper=NO_GATEWAY)
        found = patient.finding("gw.found")
        assert found.status.value == "fail"
        assert "5080/udp, 16384-32768/udp to 192.168.1.103" in found.cure

    def test_none_is_no_failure_where_nobody_asks(self, patient):
        patient.switch(mapper=NO_GATEWAY)
        patient.external(asks_mapping=False)
        assert patient.status("gw.found") == "skip"

    def test_one_that_answers_and_has_not_said_what_it_can_do_is_unknown(self, patient):
        patient.switch(mapper=replace(NO_GATEWAY, hesitant=True))
        assert patient.status("gw.found") == "unknown"

    def test_none_yet_is_unknown(self, patient):
        patient.switch(mapper=replace(NO_GATEWAY, verdict_known=False))
        assert patient.status("gw.found") == "unknown"

    def test_with_nonat_it_is_skipped_and_nothing_more_is_said_of_gateways(self, patient):
        patient.switch(mapper=None)
        assert patient.status("gw.found") == "skip"
        assert not patient.all_of("gw.perm")
        assert not patient.all_of("wan.class")


class TestWhich:
    def test_the_service_in_use_is_named(self, patient):
        found = patient.finding("gw.which")
        assert (found.status.value, "Connected" in found.evidence) == ("ok", True)

    def test_two_devices_are_a_warning(self, patient):
        other = ServiceSnapshot(GatewayType.UPNP, "192.168.1.2", "an access point", None, False)
        assert patient.seen.switch is not None
        patient.mapper(services=(*patient.seen.switch.mapper.services, other))
        found = patient.finding("gw.which")
        assert found.status.value == "warn"
        assert "UPnP of 192.168.1.2" in found.evidence


class TestPermission:
    def refuse(self, patient, reason, **others):
        refused = mapping(5080, state=MappingState.REFUSED, reason=reason, **others)
        patient.mapper(mappings=(refused, *POOL))
        return patient.finding("gw.perm")

    def test_all_granted_is_well(self, patient):
        assert patient.finding("gw.perm").evidence == "3 of 3 mappings are granted"

    def test_a_refusal_names_port_and_reason(self, patient):
        found = self.refuse(patient, "error 718 (ConflictInMappingEntry)")
        assert found.status.value == "fail"
        assert "5080/udp: error 718" in found.evidence

    def test_one_in_reserve_that_is_refused_is_a_warning(self, patient):
        assert self.refuse(patient, "error 728 (NoPortMapsAvailable)", listed=False).status.value == "warn"

    @pytest.mark.parametrize(
        ("reason", "word"),
        [
            ("error 606 (Action not authorized)", "does not let this machine"),
            ("error 718 (ConflictInMappingEntry)", "has this port outside"),
            ("error 729 (ConflictWithOtherMechanisms)", "has this port outside"),
            ("error 501 (Action Failed)", "does not say why"),
            ("error 724 (SamePortValuesRequired)", "only to the same port inside"),
            ("error 725 (OnlyPermanentLeasesSupported)", "without an end"),
            ("error 728 (NoPortMapsAvailable)", "no room"),
            ("error 402 (Invalid Args)", "does not understand"),
            ("the gateway asks for a login", "login"),
        ],
    )
    def test_each_known_code_has_a_sentence_of_its_own(self, patient, reason, word):
        found = self.refuse(patient, reason)
        assert word in found.meaning
        assert found.cure

    @pytest.mark.parametrize("code", [2, 7, 8, 10, 11, 12], ids=lambda code: f"PCP result {code}")
    def test_the_common_words_of_pcp_have_one_too(self, code):
        assert advice_for(PCP[code][0]) is not OTHER

    def test_what_nobody_knows_still_has_something_to_do(self):
        assert advice_for("error 499 (it is Tuesday)") is OTHER
        assert advice_for("").cure

    def test_a_port_number_is_no_error_code(self):
        assert advice_for("port 718 is odd") is OTHER

    def test_switched_off_is_skipped(self, patient):
        patient.mapper(mapping_enabled=False)
        assert patient.status("gw.perm") == "skip"

    def test_where_nothing_asks_nothing_is_said_of_permission_and_leases(self, patient):
        patient.mapper(mappings=())
        assert (patient.status("gw.perm"), patient.status("gw.keep")) == ("skip", "skip")

    def test_not_answered_yet_is_unknown(self, patient):
        patient.mapper(mappings=(mapping(5080, state=MappingState.REQUESTED),))
        assert patient.status("gw.perm") == "unknown"


class TestKept:
    def test_kept_and_read_back(self, patient):
        found = patient.finding("gw.keep")
        assert (found.status.value, "1 of them were read back" in found.evidence) == ("ok", True)

    def test_a_mapping_that_is_not_in_its_table_fails(self, patient):
        gone = replace(SIP, evidence=(evidence(Rung.LISTED, False, "no such entry"),))
        patient.mapper(mappings=(gone, *POOL))
        found = patient.finding("gw.keep")
        assert (found.status.value, "no such entry" in found.evidence) == ("fail", True)

    def test_one_that_is_known_to_forget_is_a_warning(self, patient):
        patient.mapper(learned=("forgets mappings: looked at every 60 s",))
        assert patient.status("gw.keep") == "warn"

    def test_a_lease_about_to_end_unrenewed_is_a_warning(self, patient):
        patient.mapper(mappings=(mapping(5080, left=1.0),))
        assert patient.status("gw.keep") == "warn"


class TestRoom:
    def test_room_enough(self, patient):
        assert patient.status("gw.cap") == "ok"

    def test_a_small_table_that_is_nearly_full_is_a_warning(self, patient):
        patient.mapper(learned=("holds 3 mappings",))
        found = patient.finding("gw.cap")
        assert (found.status.value, "holds 3 mappings" in found.evidence) == ("warn", True)

    def test_our_own_budget_used_up_is_a_warning(self, patient):
        patient.mapper(mappings=tuple(mapping(port) for port in range(20000, 20060)))
        assert patient.status("gw.cap") == "warn"


class TestRestart:
    def test_not_seen_is_well(self, patient):
        assert patient.status("gw.reboot") == "ok"

    def test_lately_is_a_warning_and_long_ago_is_none(self, patient):
        patient.seen = replace(patient.seen, gateway_restarted=40.0)
        found = patient.finding("gw.reboot")
        assert (found.status.value, "40s ago" in found.evidence) == ("warn", True)
        patient.seen = replace(patient.seen, gateway_restarted=90000.0)
        assert patient.status("gw.reboot") == "ok"


def test_ports_of_other_machines_are_not_ours_to_judge(patient):
    theirs = replace(
        mapping(8080, state=MappingState.REFUSED, reason="error 606"), internal_client="192.168.1.44"
    )
    patient.mapper(mappings=(SIP, *POOL, theirs))
    assert patient.status("gw.perm") == "ok"
    assert GATEWAY in patient.finding("gw.found").evidence
