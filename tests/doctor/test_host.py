"""What the doctor says of the machine itself."""

from __future__ import annotations

from ringthru.doctor.examination import NetworkCard, WantedPort
from ringthru.net.values import replace

from .conftest import HEALTHY, OURS


class TestAddress:
    def test_one_way_out_is_well_and_says_what_is_beside_it(self, patient):
        found = patient.finding("host.addr")
        assert found.status.value == "ok"
        assert "eth0 192.168.1.103" in found.evidence
        assert "docker0" in found.evidence

    def test_two_ways_out_say_which_one_is_ours(self, patient):
        patient.host(cards=(*HEALTHY.host.cards, NetworkCard("wlan0", ("192.168.2.7",), "ordinary", True)))
        found = patient.finding("host.addr")
        assert found.status.value == "warn"
        assert "eth0, wlan0" in found.evidence
        assert "sip-ip" in found.cure

    def test_a_tunnel_beside_it_is_no_second_way_of_ours(self, patient):
        patient.host(cards=(*HEALTHY.host.cards, NetworkCard("tun0", ("10.8.0.2",), "tunnel", True)))
        assert patient.status("host.addr") == "ok"

    def test_no_network_at_all_fails(self, patient):
        patient.host(own_address="127.0.0.1", cards=(), gateway=None)
        assert patient.status("host.addr") == "fail"


class TestPorts:
    def test_ports_that_are_ours_are_well(self, patient):
        assert patient.status("host.port") == "ok"

    def test_a_port_that_another_program_holds_is_named_with_its_holder(self, patient):
        patient.host(
            ports=(
                WantedPort("udp", OURS, 5060, "profile internal", holder="asterisk (pid 812)", taken=True),
            )
        )
        found = patient.finding("host.port")
        assert found.status.value == "fail"
        assert found.evidence == "5060/udp of profile internal: held by asterisk (pid 812)"

    def test_a_port_that_nobody_listens_on_while_the_switch_runs_fails(self, patient):
        patient.host(ports=(WantedPort("udp", OURS, 5060, "profile internal"),))
        assert patient.status("host.port") == "fail"

    def test_where_no_port_is_wanted_it_is_skipped(self, patient):
        patient.host(ports=())
        assert patient.status("host.port") == "skip"

    def test_the_event_socket_may_come_a_moment_later(self, patient):
        patient.host(ports=(WantedPort("tcp", "127.0.0.1", 8021, "the event socket", served=False),))
        assert patient.status("host.port") == "ok"

    def test_without_a_switch_free_ports_are_well(self, patient):
        patient.host(ports=(WantedPort("udp", OURS, 5060, "profile internal"),))
        patient.seen = replace(patient.seen, switch=None)
        found = patient.finding("host.port")
        assert (found.status.value, found.evidence) == ("ok", "5060/udp of profile internal: free")


class TestRtpRange:
    def test_apart_is_well(self, patient):
        assert patient.status("host.rtp") == "ok"

    def test_an_overlap_names_the_ports_and_the_setting(self, patient):
        patient.host(ephemeral=(32000, 60999))
        found = patient.finding("host.rtp")
        assert found.status.value == "warn"
        assert "ip_local_reserved_ports=32000-32768" in found.cure

    def test_the_one_port_that_the_usual_ranges_share_is_nothing(self, patient):
        patient.host(ephemeral=(32768, 60999))
        assert patient.status("host.rtp") == "ok"

    def test_reserved_ports_are_not_handed_out(self, patient):
        patient.host(ephemeral=(32000, 60999), reserved=((16384, 32768),))
        assert patient.status("host.rtp") == "ok"

    def test_what_cannot_be_read_is_unknown(self, patient):
        patient.host(ephemeral=None)
        assert patient.status("host.rtp") == "unknown"


class TestHelper:
    def test_none_loaded_is_well(self, patient):
        assert patient.status("host.helper") == "ok"

    def test_a_sip_alg_in_our_own_kernel_fails(self, patient):
        patient.host(helpers=("nf_conntrack_sip", "nf_nat_sip"))
        found = patient.finding("host.helper")
        assert found.status.value == "fail"
        assert "modprobe -r nf_conntrack_sip nf_nat_sip" in found.cure

    def test_a_list_that_cannot_be_read_is_unknown(self, patient):
        patient.host(helpers=None)
        assert patient.status("host.helper") == "unknown"


def test_without_a_switch_only_the_machine_is_looked_at(patient):
    from ringthru.doctor import diagnose

    groups = {each.group for each in diagnose(replace(patient.seen, switch=None))}
    assert groups == {"host"}


def test_a_local_firewall_is_skipped_and_never_a_failure(patient):
    assert patient.status("host.fw") == "skip"
