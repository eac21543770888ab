"""Any one datagram of a call may be lost, doubled or late: the call still completes, and still ends."""

from __future__ import annotations

import pytest

from ringthru.sip import CallEnded, CallState, IncomingCall

from .network import ALICE, BOB, Network, Party, answering, endings

WHOLE_CALL = 7  # datagrams: INVITE, 100, 180, 200, ACK, BYE, 200


def run_call(network: Network, *, callee_hangs_up: bool) -> tuple[Party, Party]:
    alice, bob = Party(network, ALICE), Party(network, BOB)
    bob.on_event = answering(bob)
    call = alice.call(BOB)
    network.run(5.0)
    far = bob.last(IncomingCall).call
    assert call.state is far.state is CallState.CONFIRMED
    (far if callee_hangs_up else call).hang_up(network.now)
    network.run(100.0)
    return alice, bob


def assert_one_whole_call(network: Network, alice: Party, bob: Party) -> None:
    assert alice.kinds().count("CallAnswered") == 1
    assert bob.kinds().count("IncomingCall") == 1
    for party in (alice, bob):
        assert party.kinds().count("CallConfirmed") == 1
        assert [type(each) for each in endings(party)] == [CallEnded]
        assert party.agent.calls == ()
        layer = party.agent._layer
        assert (layer._servers, layer._clients, len(layer.timers)) == ({}, {}, 0)


@pytest.mark.parametrize("callee_hangs_up", [False, True])
class TestOneDatagram:
    @pytest.mark.parametrize("number", range(1, WHOLE_CALL + 1))
    def test_lost(self, number, callee_hangs_up):
        network = Network()
        network.lost = {number}
        assert_one_whole_call(network, *run_call(network, callee_hangs_up=callee_hangs_up))

    @pytest.mark.parametrize("number", range(1, WHOLE_CALL + 1))
    def test_twice(self, number, callee_hangs_up):
        network = Network()
        network.doubled = {number}
        assert_one_whole_call(network, *run_call(network, callee_hangs_up=callee_hangs_up))

    @pytest.mark.parametrize("number", range(1, WHOLE_CALL + 1))
    def test_late(self, number, callee_hangs_up):
        network = Network()
        network.delayed = {number: 0.7}  # later than the first repetition
        assert_one_whole_call(network, *run_call(network, callee_hangs_up=callee_hangs_up))


@pytest.mark.parametrize("step", range(3, 8))
def test_every_nth_datagram_lost(step):
    network = Network()
    network.lost = set(range(step, 200, step))
    assert_one_whole_call(network, *run_call(network, callee_hangs_up=False))


@pytest.mark.parametrize("number", range(1, WHOLE_CALL))
def test_everything_lost_from_one_datagram_on(number):
    """Whatever the moment the line dies, both ends find out, and keep nothing."""
    network = Network()
    network.lost = set(range(number, 1000))
    alice, bob = Party(network, ALICE), Party(network, BOB)
    bob.on_event = answering(bob)
    call = alice.call(BOB)
    network.run(50.0)
    call.hang_up(network.now)
    network.run(100.0)
    assert len(endings(alice)) == 1
    assert alice.agent.calls == ()
    for each in bob.agent.calls:  # the ACK came: only the user of a dead line can notice
        assert each.state is CallState.CONFIRMED
        each.hang_up(network.now)
    network.run(100.0)
    assert bob.agent.calls == ()
    for party in (alice, bob):
        layer = party.agent._layer
        assert (layer._servers, layer._clients, len(layer.timers)) == ({}, {}, 0)


class TestNamedLosses:
    def test_a_lost_200_is_repeated_after_t1(self):
        network = Network()
        network.lost = {4}
        run_call(network, callee_hangs_up=False)
        assert network.sent("SIP/2.0 200")[:2] == [0, 0.5]

    def test_a_lost_ack_is_repeated_with_the_200(self):
        network = Network()
        network.lost = {5}
        run_call(network, callee_hangs_up=False)
        assert network.sent("ACK") == [0, 0.5]
