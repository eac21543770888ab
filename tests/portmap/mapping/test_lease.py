"""One mapping's life: renewed in time, refused with dignity, described plainly."""

import itertools

import pytest

from ringthru.portmap.errors import LocalError
from ringthru.portmap.gateway.orders import Declined, Granted, Remedy
from ringthru.portmap.mapping.description import ALLOWED, LONGEST_DESCRIPTION, describe
from ringthru.portmap.mapping.lease import Lease
from ringthru.portmap.mapping.terms import Terms
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import MappingState, Protocol, Wanted

CONFLICT = Declined("error 718", Remedy.ANOTHER_PORT)
BUSY = Declined("busy", Remedy.ANOTHER_SERVICE)


def lease_of(chance=0.0, profile=None, **wanted) -> Lease:
    ports, nonces = itertools.count(40000), itertools.count(1)
    terms = Terms(
        3600,
        lambda: next(ports),
        lambda: chance,
        lambda: bytes([next(nonces)]) * 12,
        profile or GatewayProfile(),
    )
    lease = Lease(Wanted(Protocol.UDP, 5060, **wanted), terms, 0.0)
    lease.admit(0.0)
    return lease


@pytest.fixture
def lease() -> Lease:
    return lease_of()


class TestRenewal:
    """RFC 6887 §11.2.1: at a random ½ to ⅝ of the lifetime that was granted, not of what was asked."""

    @pytest.mark.parametrize(("granted", "due"), [(3600, 1900.0), (60, 130.0), (13, 106.5), (1, 102.0)])
    def test_at_half_of_the_granted_lifetime_but_never_spinning(self, lease, granted, due):
        """13 seconds are what a FRITZ!Box 7530 AX was seen to grant (PC04)."""
        lease.granted(Granted(5060, granted), 100.0)
        assert (lease.due_at, lease.expires_at) == (due, 100.0 + granted)

    @pytest.mark.parametrize(("chance", "due"), [(0.0, 1800.0), (0.5, 2025.0), (1.0, 2250.0)])
    def test_at_a_random_moment_so_that_a_network_does_not_ask_all_at_once(self, chance, due):
        lease = lease_of(chance)
        lease.granted(Granted(5060, 3600), 0.0)
        assert lease.due_at == due

    def test_the_port_held_is_suggested_again(self, lease):
        lease.granted(Granted(50000, 3600), 0.0)
        assert lease.order(1.0).external_port == 50000

    def test_with_the_same_nonce_and_looked_at_by_the_gateway_s_reference(self, lease):
        """RFC 6887 §11.1: the nonce is the mapping's own; WANIPv6FirewallControl: the UniqueID."""
        first = lease.order(0.0)
        lease.granted(Granted(5060, 3600, reference="77"), 0.0)
        again = lease.order(1800.0)
        assert first.nonce == again.nonce == bytes([1]) * 12
        assert lease.inspect_order().reference == "77"

    def test_what_bears_the_reference_is_asked_only_when_that_may_have_changed(self, lease):
        """Asking for a pinhole again makes miniupnpd take it away and make it anew."""
        lease.granted(Granted(5060, 3600, reference="77"), 0.0)
        assert not lease.inspect_order().doubtful
        lease.ladder.listed("CheckPinholeWorking: it works", 1.0, None, 0.0)
        assert not lease.inspect_order().doubtful

    def test_a_gateway_that_may_have_started_anew_is_asked_until_it_has_told(self, lease):
        lease.granted(Granted(5060, 3600, reference="77"), 0.0)
        lease._terms.calendar.doubted_at = 1.0
        assert lease.inspect_order().doubtful
        lease.listed_with(None, 2.0, fresh=False)
        assert lease.inspect_order().doubtful
        lease.listed_with(3600, 3.0, fresh=False)
        assert not lease.inspect_order().doubtful

    def test_a_failed_renewal_is_tried_at_half_of_what_remains(self, lease):
        lease.granted(Granted(5060, 3600), 0.0)
        lease.declined(BUSY, 1800.0)
        assert (lease.state, lease.due_at) == (MappingState.ACCEPTED, 2700.0)
        lease.declined(BUSY, 3599.0)
        assert lease.due_at == 3601.0

    def test_a_permanent_mapping_is_asked_again_as_often_as_a_lease(self, lease):
        lease.granted(Granted(5060, 0), 0.0)
        assert (lease.expires_at, lease.due_at) == (None, 1800.0)
        assert not lease.expire(1e9)

    def test_a_shorter_lease_read_back_counts(self, lease):
        """A FRITZ!Box 6490 says yes to 3600 s and lists 120 (AD32)."""
        lease.granted(Granted(5060, 3600, verified=False), 0.0)
        lease.listed_with(120, 1.0, fresh=True)
        assert (lease.due_at, lease.expires_at) == (61.0, 121.0)

    def test_a_look_in_the_middle_of_the_lease_moves_no_renewal(self, lease):
        lease.granted(Granted(5060, 3600), 0.0)
        lease.listed_with(2600, 1000.0, fresh=False)
        assert (lease.due_at, lease.expires_at) == (1800.0, 3600.0)

    def test_who_has_it_asked_for_while_it_is_looked_at_is_heard(self, lease):
        lease.order(0.0)
        lease.granted(Granted(5060, 3600, verified=False), 0.1)
        lease.ask_again(0.2)  # its look is under way
        lease.listed_with(3600, 0.3, fresh=True)
        assert lease.due_at == 0.3
        lease.order(0.3)
        lease.granted(Granted(5060, 3600), 0.4)
        assert lease.due_at == 1800.4

    def test_and_while_it_is_being_asked_for(self, lease):
        """The gateway may have lost what it granted a moment before."""
        lease.order(0.0)
        lease.ask_again(0.1)
        lease.granted(Granted(5060, 3600), 0.2)
        assert lease.due_at == 0.2

    def test_unless_less_is_left_than_was_granted(self, lease):
        lease.granted(Granted(5060, 3600), 0.0)
        lease.listed_with(100, 45.0, fresh=False)
        assert (lease.due_at, lease.expires_at) == (95.0, 145.0)

    def test_it_ends_when_nobody_renews_it(self, lease):
        lease.granted(Granted(5060, 60), 0.0)
        assert not lease.expire(59.9)
        assert lease.expire(60.0)

    def test_one_shorter_than_the_shortest_pause_is_no_busy_loop(self, lease):
        lease.order(0.0)
        lease.granted(Granted(5060, 1), 0.0)
        lease.lose(1.0, "ended")
        assert lease.due_at == 2.0

    def test_the_wish_s_own_lifetime_goes_before_the_engine_s(self):
        assert lease_of(lifetime=600).order(0.0).lifetime == 600

    def test_what_the_wish_says_goes_into_the_order(self):
        order = lease_of(exact=True, internal_client="192.168.1.9", allow_from=("198.51.100.0/24",)).order(
            0.0
        )
        assert (order.exact, order.internal_client, order.allow_from) == (
            True,
            "192.168.1.9",
            ("198.51.100.0/24",),
        )


class TestALeaseThatDoesNotGrow:
    """Old miniupnpd and Tomato answer a renewal and do not extend (AD33); some refuse it (AD34)."""

    def test_it_is_deleted_and_made_anew_in_its_last_tenth(self, lease):
        lease.granted(Granted(5060, 3600, verified=False), 0.0)
        lease.granted(Granted(5060, 3600, verified=False), 1800.0)
        lease.listed_with(1800, 1801.0, fresh=True)
        assert lease.does_not_extend
        assert lease.due_at == pytest.approx(3241.0)
        assert not lease.deletes_first(3000.0)
        assert lease.deletes_first(lease.due_at)
        lease.removed(True, 3241.0)
        assert (lease.external_port, lease.due_at) == (5060, 3241.0)
        lease.granted(Granted(5060, 3600), 3241.0)
        assert (lease.expires_at, lease.does_not_extend) == (6841.0, False)

    def test_a_renewal_right_after_the_grant_proves_nothing(self, lease):
        lease.granted(Granted(5060, 3600), 0.0)
        lease.granted(Granted(5060, 3600), 1.0)
        assert not lease.does_not_extend

    def test_a_renewal_that_is_refused_gives_way_to_deletion_in_the_last_tenth(self, lease):
        lease.granted(Granted(5060, 3600), 0.0)
        now = lease.due_at
        while not lease.deletes_first(now):
            lease.declined(BUSY, now)
            now = lease.due_at
        assert 3240.0 <= now < 3600.0

    def test_but_not_where_a_switch_is_off(self, lease):
        lease.granted(Granted(5060, 3600), 0.0)
        lease.declined(Declined("error 606", Remedy.PERMISSION), 3500.0)
        assert not lease.deletes_first(3550.0)

    def test_where_that_is_known_no_other_renewal_is_tried(self):
        lease = lease_of(profile=GatewayProfile(renew_by_delete=True))
        lease.granted(Granted(5060, 3600), 0.0)
        assert lease.due_at == 3240.0
        assert lease.deletes_first(3240.0)


class TestRefusals:
    def test_a_conflict_leads_to_other_ports_then_to_a_pause(self, lease):
        ports = []
        while not lease.declined(CONFLICT, 0.0):
            ports.append(lease.order(0.0).external_port)
        assert ports == list(range(40000, 40007))
        assert (lease.state, lease.due_at, lease.order(0.0).external_port) == (
            MappingState.REFUSED,
            5.0,
            5060,
        )

    def test_an_exact_port_or_none(self):
        lease = lease_of(exact=True)
        assert lease.declined(CONFLICT, 0.0)
        assert lease.state is MappingState.REFUSED

    def test_same_port_only(self):
        lease = lease_of(external_port=6000)
        assert not lease.declined(Declined("error 724", Remedy.SAME_PORT), 0.0)
        assert lease.order(0.0).external_port == 5060
        assert lease.declined(Declined("error 724", Remedy.SAME_PORT), 0.0)

    @pytest.mark.parametrize(
        ("remedy", "expected"),
        [
            (Remedy.LATER, [2, 5, 15, 30, 60, 120, 240, 480, 900, 900]),  # AD38: some refuse at random
            (Remedy.PERMISSION, [300, 600, 1200, 2400, 3600, 3600]),
            (Remedy.ROOM, [900, 900]),
            (Remedy.ANOTHER_SERVICE, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]),
        ],
    )
    def test_asked_again_ever_more_slowly(self, lease, remedy, expected):
        now, pauses = 0.0, []
        for _ in expected:
            lease.declined(Declined("no", remedy), now)
            pauses.append(lease.due_at - now)
            now = lease.due_at
        assert pauses == expected

    def test_not_all_at_the_same_moment(self):
        lease = lease_of(chance=1.0)
        lease.declined(Declined("error 501"), 0.0)
        assert lease.due_at == pytest.approx(2.2)


class TestDescriptions:
    @pytest.mark.parametrize(
        ("label", "expected"),
        [
            ("", "Ringthru udp 5060"),
            ("Ringthru sip-udp-5060", "Ringthru sip-udp-5060"),
            ("My phone's", "My phone s udp 5060"),
            ("x" * 60, "x" * 22 + " udp 5060"),
        ],
    )
    def test_plain_short_and_unique(self, label, expected):
        assert describe(Wanted(Protocol.UDP, 5060, label=label)) == expected

    def test_never_more_than_a_gateway_takes(self):
        text = describe(Wanted(Protocol.TCP, 65535, label='"<Ünïcode>" tcp 65535 ' * 9))
        assert len(text) <= LONGEST_DESCRIPTION
        assert set(text) <= ALLOWED


@pytest.mark.parametrize("ports", [(0, None), (65536, None), (5060, 0), (-1, None)])
def test_port_0_means_all_ports_to_some_gateways_and_is_never_asked(ports):
    with pytest.raises(LocalError):
        Wanted(Protocol.UDP, *ports)
