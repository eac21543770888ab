"""Which lease holds which external port: what is answered, and that nothing outdated is."""

from __future__ import annotations

import pytest

from ringthru.portmap.gateway.orders import Granted
from ringthru.portmap.mapping.holders import Holders
from ringthru.portmap.mapping.lease import Lease
from ringthru.portmap.mapping.terms import Terms
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import Family, Protocol, Wanted


@pytest.fixture
def holders() -> Holders:
    return Holders()


def granted(holders: Holders, wanted: Wanted, external_port: int) -> Lease:
    lease = Lease(wanted, Terms(3600, lambda: 1, lambda: 0.0, lambda: bytes(12), GatewayProfile()), 0.0)
    grant(holders, lease, external_port)
    return lease


def grant(holders: Holders, lease: Lease, external_port: int) -> None:
    lease.granted(Granted(external_port, 3600), 0.0)
    holders.took(lease)


class TestHolders:
    def test_a_port_is_held_for_one_protocol(self, holders: Holders) -> None:
        lease = granted(holders, Wanted(Protocol.UDP, 5060), 5060)
        assert holders.holder(Protocol.UDP, 5060) is lease
        assert holders.holder(Protocol.TCP, 5060) is None

    def test_a_lease_that_moved_holds_its_new_port_only(self, holders: Holders) -> None:
        lease = granted(holders, Wanted(Protocol.UDP, 5060), 5060)
        grant(holders, lease, 5061)
        assert holders.holder(Protocol.UDP, 5060) is None
        assert holders.holder(Protocol.UDP, 5061) is lease

    def test_a_lost_port_is_held_by_nobody(self, holders: Holders) -> None:
        lease = granted(holders, Wanted(Protocol.UDP, 5060), 5060)
        lease.drop(1.0, "the gateway restarted")
        assert holders.holder(Protocol.UDP, 5060) is None

    def test_who_takes_a_lost_port_keeps_it_when_the_first_leaves(self, holders: Holders) -> None:
        first = granted(holders, Wanted(Protocol.UDP, 5060), 5060)
        first.drop(1.0, "the gateway restarted")
        second = granted(holders, Wanted(Protocol.UDP, 5070), 5060)
        holders.left(first)
        assert holders.holder(Protocol.UDP, 5060) is second

    def test_both_may_leave_in_either_order(self, holders: Holders) -> None:
        first = granted(holders, Wanted(Protocol.UDP, 5060), 5060)
        first.drop(1.0, "the gateway restarted")
        second = granted(holders, Wanted(Protocol.UDP, 5070), 5060)
        holders.left(second)
        holders.left(first)
        assert holders.holder(Protocol.UDP, 5060) is None

    def test_pinholes_share_no_external_port(self, holders: Holders) -> None:
        granted(holders, Wanted(Protocol.UDP, 5060, family=Family.IPV6), 5060)
        assert holders.holder(Protocol.UDP, 5060) is None
