"""What the doctor says of what strangers could do."""

from __future__ import annotations

from ringthru.doctor.examination import OpenPort

WEAK = (("1000@home.example", "is on every list of common passwords"),)


class TestWeakPasswords:
    def test_good_ones_are_well(self, patient):
        assert patient.status("sec.weak") == "ok"

    def test_weak_and_open_to_the_internet_fails_and_names_both(self, patient):
        patient.security(weak=WEAK)
        found = patient.finding("sec.weak")
        assert found.status.value == "fail"
        assert "1000@home.example (it is on every list" in found.evidence
        assert "external (UDP 5080)" in found.evidence

    def test_weak_and_kept_closed_fails_because_the_profile_does_not_work(self, patient):
        patient.security(weak=WEAK)
        patient.external(kept_closed=True, mapped=False, ports=())
        found = patient.finding("sec.weak")
        assert (found.status.value, "kept closed" in found.evidence) == ("fail", True)

    def test_weak_with_nothing_open_is_a_warning(self, patient):
        patient.security(weak=WEAK)
        patient.external(asks_mapping=False, mapped=False, ports=())
        assert patient.status("sec.weak") == "warn"

    def test_a_thousand_are_not_all_named(self, patient):
        patient.security(weak=tuple((f"{n}@home.example", "is empty") for n in range(1000)))
        assert "and 992 more" in patient.finding("sec.weak").evidence


def test_users_with_one_password_are_named_and_the_password_is_not(patient):
    assert patient.status("sec.shared") == "ok"
    patient.security(shared=(("1000@home.example", "1001@home.example"),))
    found = patient.finding("sec.shared")
    assert (found.status.value, "1000@home.example, 1001@home.example" in found.evidence) == ("warn", True)


class TestContexts:
    def test_an_access_list_or_a_password_is_well(self, patient):
        assert patient.status("sec.context") == "ok"

    def test_strangers_who_are_only_heard_are_well(self, patient):
        patient.external(limits_callers=False)
        assert patient.status("sec.context.external") == "ok"

    def test_strangers_who_get_further_are_a_warning_that_says_where(self, patient):
        patient.external(limits_callers=False, leads_on=("out (bridge)",))
        found = patient.finding("sec.context.external")
        assert found.status.value == "warn"
        assert "context public" in found.evidence
        assert "out (bridge)" in found.evidence

    def test_any_password_is_a_failure(self, patient):
        patient.internal(blind=True)
        assert patient.status("sec.context.internal") == "fail"

    def test_what_is_not_open_is_well(self, patient):
        patient.external(limits_callers=False, ports=(OpenPort("UDP", 5080, 5080, False),))
        assert patient.status("sec.context") == "ok"


class TestEventSocket:
    def test_on_this_machine_is_well(self, patient):
        assert patient.status("sec.socket") == "ok"

    def test_beyond_it_is_a_warning_and_with_the_known_password_a_failure(self, patient):
        patient.security(event_socket="0.0.0.0:8021", event_socket_local=False)
        assert patient.status("sec.socket") == "warn"
        patient.security(event_socket_known=True)
        assert patient.status("sec.socket") == "fail"

    def test_the_known_password_at_home_is_a_warning(self, patient):
        patient.security(event_socket_known=True)
        assert patient.status("sec.socket") == "warn"

    def test_off_is_skipped(self, patient):
        patient.security(event_socket=None)
        assert patient.status("sec.socket") == "skip"


def test_phones_outside_without_tls_are_a_warning(patient):
    assert patient.status("sec.tls") == "ok"
    patient.internal(tls=False, ports=(OpenPort("UDP", 5060, 5060, True),))
    assert patient.status("sec.tls") == "warn"
    patient.internal(tls=True, ports=(OpenPort("UDP", 5060, 5060, True),))
    assert patient.status("sec.tls") == "ok"
