"""NAT-PMP as RFC 6886 wants it spoken, on a clock moved by hand."""

import struct

import pytest

from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.gateway.natpmp_client import NatPmpClient
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    AddressTold,
    Declined,
    EpochReset,
    Granted,
    MapOrder,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.values import Protocol

UNMAP = UnmapOrder(Protocol.UDP, 5060, 5060)
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "sip")


def address(epoch: int = 100, result: int = 0) -> bytes:
    return struct.pack("!BBHI4B", 0, 128, result, epoch, 203, 0, 113, 9)


def mapping(
    internal: int = 5060, external: int = 5060, lifetime: int = 3600, epoch: int = 100, opcode: int = 1
):
    return struct.pack("!BBHIHHI", 0, 128 + opcode, 0, epoch, internal, external, lifetime)


@pytest.fixture
def client() -> NatPmpClient:
    return NatPmpClient()


class TestSilence:
    """§3.1: 250 ms, doubling, nine attempts, then give up."""

    def test_nine_attempts_then_the_gateway_is_taken_for_mute(self, client):
        client.submit(AddressOrder(), 0.0)
        sent_at = [0.0] * len(client.datagrams_to_send())
        while (now := client.next_timeout()) is not None:
            client.handle_timeout(now)
            sent_at += [now] * len(client.datagrams_to_send())
        assert sent_at == [0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75, 63.75]
        assert client.events() == [Silent("no answer to 9 NAT-PMP requests")]

    def test_a_closed_port_ends_it_at_once(self, client):
        client.submit(AddressOrder(), 0.0)
        client.refused(0.001)
        assert client.events() == [Silent("the gateway does not speak NAT-PMP (port closed)")]
        assert client.next_timeout() is None

    def test_an_early_wake_up_sends_nothing(self, client):
        client.submit(AddressOrder(), 0.0)
        client.datagrams_to_send()
        client.handle_timeout(0.2)
        assert client.datagrams_to_send() == []


class TestAnswers:
    def test_the_address(self, client):
        client.submit(AddressOrder(), 0.0)
        client.receive_datagram(address(), 0.01)
        assert client.events() == [AddressTold("203.0.113.9")]
        assert client.next_timeout() is None

    def test_another_port_and_a_shorter_life_than_asked(self, client):
        client.submit(MAP, 0.0)
        client.receive_datagram(mapping(external=50000, lifetime=60), 0.01)
        assert client.events() == [Granted(50000, 60)]

    def test_a_deletion(self, client):
        client.submit(UnmapOrder(Protocol.UDP, 5060, 5060), 0.0)
        assert client.datagrams_to_send() == [struct.pack("!BBxxHHI", 0, 1, 5060, 0, 0)]
        client.receive_datagram(mapping(external=0, lifetime=0), 0.01)
        assert client.events() == [Unmapped()]

    def test_no_address_yet_is_an_answer_too(self, client):
        client.submit(AddressOrder(), 0.0)
        client.receive_datagram(address(result=3), 0.01)
        assert client.events() == [AddressTold("")]

    def test_switched_off_is_told_as_such(self, client):
        client.submit(MAP, 0.0)
        client.receive_datagram(struct.pack("!BBHI", 0, 129, 2, 100), 0.01)
        (refusal,) = client.events()
        assert isinstance(refusal, Declined)
        assert refusal.remedy is Remedy.PERMISSION

    def test_unsupported_version_in_eight_bytes(self, client):
        client.submit(AddressOrder(), 0.0)
        client.receive_datagram(bytes((0, 0, 0, 1, 0, 0, 0, 0)), 0.01)
        assert client.events() == [Declined("the gateway does not speak NAT-PMP version 0")]

    @pytest.mark.parametrize(
        "answer", [mapping(external=0), mapping(lifetime=0)], ids=["port 0", "lifetime 0"]
    )
    def test_a_grant_of_nothing_is_a_refusal(self, client, answer):
        client.submit(MAP, 0.0)
        client.receive_datagram(answer, 0.01)
        assert isinstance(client.events()[0], Declined)

    @pytest.mark.parametrize(
        "answer", [mapping(internal=5080), mapping(opcode=2), address()], ids=["port", "protocol", "address"]
    )
    def test_the_answer_to_another_request_is_not_ours(self, client, answer):
        client.submit(MAP, 0.0)
        client.receive_datagram(answer, 0.01)
        assert client.events() == []

    def test_a_late_duplicate_is_ignored(self, client):
        client.submit(AddressOrder(), 0.0)
        client.receive_datagram(address(), 0.01)
        client.events()
        client.receive_datagram(address(), 0.02)
        assert client.events() == []

    def test_nonsense_leaves_the_exchange_running(self, client):
        client.submit(AddressOrder(), 0.0)
        with pytest.raises(MalformedMessage):
            client.receive_datagram(b"\x02noise", 0.01)
        client.receive_datagram(address(), 0.02)
        assert client.events() == [AddressTold("203.0.113.9")]


class TestDeletion:
    """§3.4: the answer to a deletion has a lifetime of zero."""

    def test_a_late_grant_is_not_the_answer(self, client):
        client.submit(MAP, 0.0)
        client.submit(UNMAP, 0.1)
        client.receive_datagram(mapping(), 0.11)
        assert client.events() == []
        client.receive_datagram(mapping(external=0, lifetime=0), 0.12)
        assert client.events() == [Unmapped()]

    def test_it_is_asked_again_when_only_a_late_grant_came(self, client):
        client.submit(UNMAP, 0.0)
        client.receive_datagram(mapping(), 0.01)
        client.datagrams_to_send()
        client.handle_timeout(0.25)
        assert client.datagrams_to_send() == [struct.pack("!BBxxHHI", 0, 1, 5060, 0, 0)]

    def test_a_gateway_that_names_the_port_it_deleted_is_understood(self, client):
        client.submit(UNMAP, 0.0)
        client.receive_datagram(mapping(external=5060, lifetime=0), 0.01)
        assert client.events() == [Unmapped()]

    def test_one_that_grants_whatever_is_asked_has_refused_not_gone_away(self, client):
        client.submit(UNMAP, 0.0)
        while (now := client.next_timeout()) is not None:
            client.receive_datagram(mapping(), now)
            client.handle_timeout(now)
        (refusal,) = client.events()
        assert isinstance(refusal, Declined)

    def test_that_refusal_comes_within_four_seconds(self, client):
        client.submit(UNMAP, 0.0)
        client.receive_datagram(mapping(), 0.01)
        for now in (0.25, 0.75, 1.75, 3.75):
            assert client.next_timeout() == now
            client.handle_timeout(now)
        assert client.next_timeout() is None


class TestEpoch:
    """§3.6: an epoch behind our reckoning (7/8 of our clock, 2 s of slack) means lost state."""

    def answers(self, client, *pairs):
        events = []
        for epoch, now in pairs:
            client.submit(AddressOrder(), now)
            client.receive_datagram(address(epoch), now)
            events.append(EpochReset() in client.events())
        return events

    def test_going_back_is_a_reset(self, client):
        assert self.answers(client, (1000, 0.0), (5, 60.0)) == [False, True]

    def test_going_on_is_not(self, client):
        assert self.answers(client, (1000, 0.0), (1060, 60.0), (1120, 120.0)) == [False, False, False]

    @pytest.mark.parametrize(("epoch", "reset"), [(1051, False), (1050, True)])
    def test_the_slowest_clock_still_believed(self, client, epoch, reset):
        assert self.answers(client, (1000, 0.0), (epoch, 60.0)) == [False, reset]  # 1000 + 52.5 − 2
