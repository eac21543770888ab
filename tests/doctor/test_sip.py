"""What the doctor says of SIP: routers that rewrite it, providers, addresses shown, phones."""

from __future__ import annotations

import pytest

from ringthru.doctor.examination import Shown
from ringthru.net.address import Endpoint
from ringthru.net.values import replace

from .conftest import PHONE


class TestAlg:
    def test_a_via_that_came_back_as_it_was_is_well(self, patient):
        assert patient.status("sip.alg") == "ok"

    def test_a_rewritten_via_fails(self, patient):
        patient.trunk(rewritten="it names 203.0.113.9:1024 where we sent 192.168.1.103:5080")
        found = patient.finding("sip.alg")
        assert found.status.value == "fail"
        assert "it names 203.0.113.9:1024" in found.evidence
        assert "register-transport=tls" in found.cure

    @pytest.mark.parametrize("changes", [{"answered": None}, {"transport": "TLS"}])
    def test_without_an_answer_over_udp_it_is_unknown(self, patient, changes):
        patient.trunk(**changes)
        assert patient.status("sip.alg") == "unknown"


class TestTrunk:
    ID = "trunk.office"

    def test_registered_is_well(self, patient):
        found = patient.finding(self.ID)
        assert (found.status.value, "203.0.113.60:5060 over UDP" in found.evidence) == ("ok", True)

    def test_one_that_is_used_without_registering_is_well(self, patient):
        patient.trunk(state="NOREG", expires_in=None)
        assert patient.status(self.ID) == "ok"

    @pytest.mark.parametrize(
        ("status", "phrase", "words"),
        [
            (403, "Forbidden", "does not let this account"),
            (404, "Not Found", "does not know"),
            (606, "No", "refuses"),
        ],
    )
    def test_a_refusal_says_what_the_code_means(self, patient, status, phrase, words):
        patient.trunk(state="FAIL_WAIT", answered=(status, phrase), expires_in=None, next_try=30.0)
        found = patient.finding(self.ID)
        assert found.status.value == "fail"
        assert f"{status} {phrase}" in found.evidence
        assert words in found.meaning

    def test_silence_is_not_a_refusal(self, patient):
        patient.trunk(state="FAIL_WAIT", answered=None, expires_in=None, reason="no answer")
        found = patient.finding(self.ID)
        assert (found.status.value, "No answer comes from 203.0.113.60:5060" in found.meaning) == (
            "fail",
            True,
        )

    def test_a_name_that_leads_nowhere_is_about_dns(self, patient):
        patient.trunk(
            state="FAIL_WAIT", answered=None, expires_in=None, registrar=None, reason="no such name"
        )
        found = patient.finding(self.ID)
        assert (found.status.value, "DNS" in found.meaning) == ("fail", True)

    def test_no_answer_to_options_fails(self, patient):
        patient.trunk(ping_interval=25, ping_reachable=False)
        assert patient.status(self.ID) == "fail"

    def test_one_that_sees_us_elsewhere_is_a_warning(self, patient):
        patient.trunk(seen_at=Endpoint("203.0.113.99", 4444))
        assert patient.status(self.ID) == "warn"

    def test_a_long_expiry_over_udp_behind_a_nat_without_keepalive_is_a_warning(self, patient):
        patient.external(mapped=False)
        found = patient.finding(self.ID)
        assert (found.status.value, "ping=25" in found.cure) == ("warn", True)
        patient.trunk(ping_interval=25)
        assert patient.status(self.ID) == "ok"

    def test_under_way_is_unknown_and_taken_down_is_skipped(self, patient):
        patient.trunk(state="TRYING", answered=None, expires_in=None)
        assert patient.status(self.ID) == "unknown"
        patient.trunk(state="DOWN", expires_in=None)
        assert patient.status(self.ID) == "skip"

    def test_none_configured_is_skipped(self, patient):
        patient.switch(trunks=())
        assert patient.status("trunk") == "skip"


class TestAddresses:
    def test_both_peers_are_shown_what_they_reach(self, patient):
        assert patient.status("addr.external.lan") == "ok"
        found = patient.finding("addr.external.internet")
        assert (found.status.value, "row 3" in found.evidence) == ("ok", True)

    def test_a_private_address_for_the_internet_is_a_warning_where_a_mapping_is_asked_for(self, patient):
        private = Shown(
            "203.0.113.7", "on the Internet", "sees 192.168.1.103:5080", (), "192.168.1.103", False
        )
        patient.external(shown=(private,))
        assert patient.status("addr.external.internet") == "warn"
        patient.external(shown=(private,), asks_mapping=False)
        assert patient.status("addr.external.internet") == "ok"


class TestPhones:
    def test_registered_ones_are_counted(self, patient):
        found = patient.finding("phones")
        assert (found.status.value, found.evidence) == ("ok", "1 registered, 1 of them behind a NAT")

    def test_one_that_answers_no_options_is_named(self, patient):
        patient.switch(registrations=(PHONE, replace(PHONE, user="1001@home.example", reachable=False)))
        found = patient.finding("phones")
        assert (found.status.value, "1001@home.example" in found.evidence) == ("warn", True)

    def test_a_thousand_silent_ones_are_not_all_named(self, patient):
        away = tuple(replace(PHONE, user=f"{n}@home.example", reachable=False) for n in range(1000))
        patient.switch(registrations=away)
        assert "and 992 more" in patient.finding("phones").evidence

    def test_none_is_unknown(self, patient):
        patient.switch(registrations=())
        assert patient.status("phones") == "unknown"
