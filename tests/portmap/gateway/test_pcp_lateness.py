"""What a PCP client makes of answers that come late, of the epoch, and of anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.values import replace
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.gateway.orders import AddressOrder, Declined, EpochReset, Granted, Unmapped
from ringthru.portmap.wire.pcp import Request, ResultCode

from .pcp_conversation import EXTERNAL, LAN_ONLY, MAP, OTHER_NONCE, PEER, UNMAP, Conversation


@pytest.fixture
def gateway() -> Conversation:
    return Conversation()


class TestLateAnswers:
    """One nonce serves renewals and the deletion: an answer shows by its lifetime whose it is."""

    def test_a_late_duplicate_is_counted_and_ignored(self, gateway):
        request = gateway.ask(MAP)
        gateway.tell(gateway.response(request))
        gateway.client.events()
        gateway.tell(gateway.response(request))
        assert gateway.client.events() == []
        assert gateway.client.counters() == {"late answers": 1}

    def test_the_late_answer_to_a_deletion_does_not_end_a_new_mapping(self, gateway):
        deletion = gateway.ask(UNMAP)
        request = gateway.ask(MAP)
        gateway.tell(gateway.response(deletion, lifetime=0))
        assert gateway.client.events() == []
        gateway.tell(gateway.response(request))
        assert isinstance(gateway.told(), Granted)

    def test_a_late_grant_does_not_end_a_deletion(self, gateway):
        request = gateway.ask(MAP)
        deletion = gateway.ask(UNMAP)
        gateway.tell(gateway.response(request))
        assert gateway.client.events() == []
        gateway.tell(gateway.response(deletion, lifetime=0))
        assert gateway.told() == Unmapped()

    def test_a_deletion_answered_with_a_lifetime_is_believed_the_second_time(self, gateway):
        deletion = gateway.ask(UNMAP)
        gateway.tell(gateway.response(deletion))
        gateway.wait()
        gateway.tell(gateway.response(gateway.asked()))
        assert gateway.told() == Unmapped()

    @pytest.mark.parametrize("nothing", [{"lifetime": 0}, {"external_port": 0}], ids=["no time", "no port"])
    def test_a_server_that_never_grants_anything_has_refused(self, gateway, nothing):
        request = gateway.ask(MAP)
        gateway.tell(gateway.response(request, **nothing))
        while gateway.wait():
            pass
        told = gateway.told()
        assert isinstance(told, Declined)
        assert gateway.now < 5

    def test_no_resources_to_delete_with_means_that_there_is_nothing_to_delete(self, gateway):
        """miniupnpd 2.3.1, asked to delete what it does not hold."""
        assert gateway.outcome(UNMAP, ResultCode.NO_RESOURCES) == Unmapped()

    def test_behind_another_nat_nothing_was_made_that_could_be_deleted(self, gateway):
        assert gateway.outcome(UNMAP, ResultCode.ADDRESS_MISMATCH) == Unmapped()

    def test_an_abandoned_exchange_is_over(self, gateway):
        request = gateway.ask(MAP)
        gateway.client.abandon()
        gateway.tell(gateway.response(request))
        assert gateway.client.events() == []
        assert gateway.client.next_timeout() is None


class TestEpoch:
    """§8.5; the rule itself is tested with EpochWatch."""

    def test_a_restarted_server_is_told_before_the_outcome(self, gateway):
        gateway.outcome(MAP)
        gateway.now, gateway.epoch = 60.0, -58
        gateway.tell(gateway.response(gateway.ask(MAP)))
        assert gateway.client.events() == [
            EpochReset(),
            Granted(5060, 3600, external_address=EXTERNAL),
        ]

    def test_an_epoch_that_ran_ahead_is_a_restart_too(self, gateway):
        gateway.outcome(MAP)
        gateway.now, gateway.epoch = 60.0, 9000
        gateway.tell(gateway.response(gateway.ask(MAP)))
        assert gateway.client.events()[0] == EpochReset()

    def test_a_refusal_has_an_epoch_as_well(self, gateway):
        gateway.outcome(MAP)
        gateway.now, gateway.epoch = 60.0, -60
        gateway.tell(gateway.response(gateway.ask(MAP), ResultCode.NO_RESOURCES))
        assert gateway.client.events()[0] == EpochReset()

    def test_an_answer_with_a_wrong_nonce_tells_no_epoch(self, gateway):
        gateway.outcome(MAP)
        gateway.now = 60.0
        request = gateway.ask(MAP)
        forged = replace(gateway.response(request, nonce=OTHER_NONCE), epoch=0)
        gateway.tell(forged)
        gateway.tell(gateway.response(request))
        assert isinstance(gateway.told(), Granted)

    def test_after_a_restart_the_address_is_asked_for_again(self, gateway):
        gateway.outcome(MAP)
        gateway.now, gateway.epoch = 1.0, -1
        gateway.tell(gateway.response(gateway.ask(UNMAP), lifetime=0))
        assert gateway.client.events() == [EpochReset(), Unmapped()]
        assert gateway.ask(AddressOrder()).lifetime == 120


class TestAnything:
    @given(st.lists(st.binary(max_size=80), max_size=5), st.sampled_from([MAP, UNMAP, AddressOrder()]))
    def test_noise_raises_the_one_error_and_leaves_the_exchange_to_its_time_outs(self, noise, order):
        gateway = Conversation()
        gateway.client.submit(order, 0.0)
        for datagram in noise:
            try:
                gateway.tell(datagram)
            except MalformedMessage:
                pass
        while gateway.wait():
            assert gateway.now < 60
        assert len(gateway.client.events()) == 1

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 14),
                st.sampled_from([0, 13, 3600, 2**32 - 1]),
                st.sampled_from([0, 5060, 50000]),
            ),
            max_size=12,
        ),
        st.sampled_from([MAP, replace(MAP, exact=True), LAN_ONLY, UNMAP, AddressOrder(), PEER]),
    )
    def test_whatever_is_answered_there_is_one_outcome_and_one_request_at_a_time(self, answers, order):
        gateway = Conversation()
        gateway.client.submit(order, 0.0)
        outcomes = []
        for result, lifetime, port in answers:
            if not (sent := gateway.client.datagrams_to_send()) and gateway.wait():
                sent = gateway.client.datagrams_to_send()
            assert len(sent) <= 1
            for datagram in sent:
                request = Request.decode(datagram)
                gateway.tell(gateway.response(request, result, lifetime, external_port=port))
            outcomes += gateway.client.events()
        while gateway.wait():
            pass
        outcomes += gateway.client.events()
        assert len([each for each in outcomes if each != EpochReset()]) == 1
