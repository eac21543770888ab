"""One mapping's life: renewed in time, refused with dignity, described plainly."""

import itertools

import pytest

from ringthru.portmap.errors import LocalError
from ringthru.portmap.gateway.orders import Declined, Remedy
from ringthru.portmap.mapping.lease import ALLOWED, LONGEST_DESCRIPTION, Lease, describe
from ringthru.portmap.values import MappingState, Protocol, Wanted

CONFLICT = Declined("error 718", Remedy.ANOTHER_PORT)


def lease_of(**wanted) -> Lease:
    ports = itertools.count(40000)
    return Lease(Wanted(Protocol.UDP, 5060, **wanted), 3600, lambda: next(ports), 0.0)


@pytest.fixture
def lease() -> Lease:
    return lease_of()


class TestRenewal:
    """RFC 6886 §3.3: at half of the lifetime that was granted, not of what was asked."""

    @pytest.mark.parametrize(("granted", "due"), [(3600, 1900.0), (60, 130.0), (1, 104.0)])
    def test_at_half_of_the_granted_lifetime_but_never_spinning(self, lease, granted, due):
        lease.granted(5060, granted, True, 100.0)
        assert (lease.due_at, lease.expires_at) == (due, 100.0 + granted)

    def test_the_port_held_is_suggested_again(self, lease):
        lease.granted(50000, 3600, True, 0.0)
        assert lease.order().external_port == 50000

    def test_a_failed_renewal_is_tried_at_half_of_what_remains(self, lease):
        lease.granted(5060, 3600, True, 0.0)
        lease.declined(Declined("busy"), 1800.0)
        assert (lease.state, lease.due_at) == (MappingState.ACCEPTED, 2700.0)
        lease.declined(Declined("busy"), 3599.0)
        assert lease.due_at == 3603.0

    def test_a_permanent_mapping_is_asked_again_as_often_as_a_lease(self, lease):
        lease.granted(5060, 0, True, 0.0)
        assert (lease.expires_at, lease.due_at) == (None, 1800.0)
        assert not lease.expire(1e9)

    def test_a_shorter_lease_read_back_counts(self, lease):
        lease.granted(5060, 3600, False, 0.0)
        assert lease.inspect
        lease.inspected(120, 1.0)
        assert (lease.due_at, lease.expires_at) == (61.0, 121.0)

    def test_it_ends_when_nobody_renews_it(self, lease):
        lease.granted(5060, 60, True, 0.0)
        assert not lease.expire(59.9)
        assert lease.expire(60.0)


class TestRefusals:
    def test_a_conflict_leads_to_other_ports_then_to_a_pause(self, lease):
        ports = []
        while not lease.declined(CONFLICT, 0.0):
            ports.append(lease.order().external_port)
        assert ports == list(range(40000, 40007))
        assert (lease.state, lease.due_at, lease.order().external_port) == (MappingState.REFUSED, 5.0, 5060)

    def test_an_exact_port_or_none(self):
        lease = lease_of(exact=True)
        assert lease.declined(CONFLICT, 0.0)
        assert lease.state is MappingState.REFUSED

    def test_same_port_only(self):
        lease = lease_of(external_port=6000)
        assert not lease.declined(Declined("error 724", Remedy.SAME_PORT), 0.0)
        assert lease.order().external_port == 5060
        assert lease.declined(Declined("error 724", Remedy.SAME_PORT), 0.0)

    def test_asked_again_ever_more_slowly(self, lease):
        now, pauses = 0.0, []
        for _ in range(10):
            lease.declined(Declined("error 500"), now)
            pauses.append(lease.due_at - now)
            now = lease.due_at
        assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]

    def test_where_a_switch_must_be_turned_more_slowly_still(self, lease):
        now, pauses = 0.0, []
        for _ in range(6):
            lease.declined(Declined("error 606", Remedy.PERMISSION), now)
            pauses.append(lease.due_at - now)
            now = lease.due_at
        assert pauses == [300, 600, 1200, 2400, 3600, 3600]


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
