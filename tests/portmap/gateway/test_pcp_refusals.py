"""What a PCP client makes of refusals, of gateways with odd ways, and of requests it has none for."""

import pytest

from ringthru.net.values import replace
from ringthru.portmap.errors import LocalError, MalformedMessage
from ringthru.portmap.gateway.orders import (
    AddressTold,
    Declined,
    EntryOrder,
    Granted,
    Inspected,
    InspectOrder,
    NoEntry,
    Remedy,
)
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.pcp import Mapping, Opcode, Response, ResultCode
from ringthru.portmap.wire.pcp_options import Description

from .pcp_conversation import EXTERNAL, LABEL, LAN_ONLY, MAP, NONCE, OTHER_NONCE, RENEW, UNMAP, Conversation

NAT_PMP_REFUSES = bytes((0, 129, 0, 1, 0, 0, 0, 7))
PCP_1_REFUSES = bytes((1, 128, 0, 1)) + bytes(20)


@pytest.fixture
def gateway() -> Conversation:
    return Conversation()


class TestRefusals:
    """§7.4: each code in words, and what may help."""

    @pytest.mark.parametrize(
        ("result", "remedy"),
        [
            (ResultCode.NOT_AUTHORIZED, Remedy.PERMISSION),
            (ResultCode.MALFORMED_REQUEST, Remedy.ANOTHER_SERVICE),
            (ResultCode.UNSUPP_OPCODE, Remedy.ANOTHER_SERVICE),
            (ResultCode.UNSUPP_OPTION, Remedy.LATER),
            (ResultCode.MALFORMED_OPTION, Remedy.LATER),
            (ResultCode.NETWORK_FAILURE, Remedy.LATER),
            (ResultCode.NO_RESOURCES, Remedy.ROOM),
            (ResultCode.UNSUPP_PROTOCOL, Remedy.ANOTHER_SERVICE),
            (ResultCode.USER_EX_QUOTA, Remedy.ROOM),
            (ResultCode.CANNOT_PROVIDE_EXTERNAL, Remedy.ANOTHER_PORT),
            (ResultCode.ADDRESS_MISMATCH, Remedy.ANOTHER_SERVICE),
            (ResultCode.EXCESSIVE_REMOTE_PEERS, Remedy.LATER),
            (99, Remedy.LATER),
        ],
    )
    def test_each_code(self, gateway, result, remedy):
        told = gateway.outcome(replace(MAP, description=""), result)
        assert isinstance(told, Declined)
        assert told.remedy is remedy
        assert told.reason

    def test_a_code_that_nobody_knows_is_shown_as_it_is(self, gateway):
        assert "99" in gateway.outcome(MAP, 99).reason

    def test_how_long_a_refusal_stands_is_told(self, gateway):
        assert gateway.outcome(MAP, ResultCode.USER_EX_QUOTA, lifetime=1800).retry_after == 1800

    def test_nobody_can_send_us_away_for_more_than_an_hour(self, gateway):
        assert gateway.outcome(MAP, ResultCode.USER_EX_QUOTA, lifetime=2**32 - 1).retry_after == 3600

    @pytest.mark.parametrize("body", [None, Mapping(bytes(12), 0, 0, 0)], ids=["none", "empty"])
    def test_a_refusal_without_a_copy_of_our_request_is_understood(self, gateway, body):
        gateway.ask(MAP)
        gateway.tell(Response(Opcode.MAP, ResultCode.NOT_AUTHORIZED, 30, 7, body))
        assert gateway.told().remedy is Remedy.PERMISSION

    @pytest.mark.parametrize("order", [LAN_ONLY, replace(MAP, internal_client="192.168.1.9")])
    @pytest.mark.parametrize("result", [ResultCode.UNSUPP_OPTION, ResultCode.MALFORMED_OPTION])
    def test_what_a_mapping_needs_is_never_left_out(self, gateway, order, result):
        """Without its FILTER it would let in everybody, without THIRD_PARTY it would lead to us."""
        request = gateway.ask(replace(order, renewal=True))
        needed = tuple(each for each in request.options if not isinstance(each, Description))
        gateway.tell(gateway.response(request, result))
        request = gateway.asked()
        assert request.options == needed
        gateway.tell(gateway.response(request, result))
        told = gateway.told()
        assert isinstance(told, Declined)
        assert "PCP" in told.reason


class TestQuirksOfGateways:
    """The rows of the quirk catalogue that a client can meet."""

    def test_pc01_the_nonce_of_a_mapping_never_changes(self, gateway):
        gateway.outcome(MAP)
        assert gateway.ask(MAP).body.nonce == NONCE
        assert gateway.ask(UNMAP).body.nonce == NONCE

    def test_pc01_a_deletion_with_a_wrong_nonce_is_told_as_such(self, gateway):
        told = gateway.outcome(UNMAP, ResultCode.NOT_AUTHORIZED)
        assert isinstance(told, Declined)
        assert "nonce" in told.reason

    def test_pc02_address_mismatch_means_another_nat_between(self, gateway):
        told = gateway.outcome(MAP, ResultCode.ADDRESS_MISMATCH)
        assert told.remedy is Remedy.ANOTHER_SERVICE
        assert "another NAT" in told.reason

    def test_pc03_not_authorized_names_the_switch(self, gateway):
        assert "Selbständige Portfreigaben" in gateway.outcome(MAP, ResultCode.NOT_AUTHORIZED).reason

    def test_pc04_thirteen_seconds_are_accepted(self, gateway):
        assert gateway.outcome(MAP, lifetime=13).lifetime == 13

    def test_pc06_the_life_in_the_answer_counts_not_the_one_asked_for(self, gateway):
        assert gateway.outcome(MAP).lifetime == 3600
        gateway.now = 1800.0
        assert gateway.outcome(MAP, lifetime=1800).lifetime == 1800

    def test_pc06_what_the_second_request_deleted_a_third_one_makes_again(self, gateway):
        gateway.tell(gateway.response(gateway.ask(MAP), lifetime=0))
        assert gateway.client.events() == []
        gateway.wait()
        gateway.tell(gateway.response(gateway.asked()))
        assert gateway.told() == Granted(5060, 3600, external_address=EXTERNAL)

    def test_pc07_a_server_that_refuses_for_ever_is_told_with_its_wait(self, gateway):
        told = gateway.outcome(MAP, ResultCode.NOT_AUTHORIZED, lifetime=1800)
        assert (told.remedy, told.retry_after) == (Remedy.PERMISSION, 1800)

    @pytest.mark.parametrize("answer", [PCP_1_REFUSES, NAT_PMP_REFUSES], ids=["PCP", "NAT-PMP"])
    def test_pc09_unsupported_version_in_either_form_ends_a_probe(self, gateway, answer):
        gateway.client.probe(0.0)
        gateway.tell(answer)
        told = gateway.told()
        assert isinstance(told, Declined)
        assert told.remedy is Remedy.ANOTHER_SERVICE

    def test_pc09_an_older_pcp_is_another_version_too(self, gateway):
        gateway.ask(MAP)
        gateway.tell(bytes((1, 129, 0, 1)) + bytes(20))
        assert gateway.told().remedy is Remedy.ANOTHER_SERVICE

    def test_pc09_the_refusal_of_a_nat_pmp_request_on_the_same_socket_is_not_ours(self, gateway):
        """A server of version 2 says UNSUPP_VERSION to version 0 with our version in the answer (§9)."""
        gateway.client.probe(0.0)
        gateway.tell(Response(Opcode.ANNOUNCE, ResultCode.UNSUPP_VERSION, 30, 7))
        assert gateway.client.events() == []
        gateway.tell(Response(Opcode.ANNOUNCE, ResultCode.SUCCESS, 0, 7))
        assert gateway.told() == AddressTold("")

    def test_pc09_a_server_that_copies_our_version_into_its_refusal_is_understood(self, gateway):
        gateway.client.probe(0.0)
        while gateway.client.next_timeout() is not None:
            gateway.tell(Response(Opcode.ANNOUNCE, ResultCode.UNSUPP_VERSION, 30, 7))
            gateway.wait()
        told = gateway.told()
        assert isinstance(told, Declined)
        assert told.remedy is Remedy.ANOTHER_SERVICE
        assert gateway.now == 0.75

    @pytest.mark.parametrize("result", [3, 5, 6])
    def test_pc22_words_are_left_out_for_a_server_that_stumbles_over_them(self, gateway, result):
        gateway.tell(gateway.response(gateway.ask(RENEW), result))
        plain = gateway.asked()
        assert plain.options == ()
        gateway.tell(gateway.response(plain))
        assert gateway.told() == Granted(5060, 3600, external_address=EXTERNAL)
        assert gateway.ask(RENEW).options == (), "it is remembered"

    def test_pc11_nothing_is_learned_from_a_refusal_that_had_another_cause(self, gateway):
        order = replace(LAN_ONLY, renewal=True)
        gateway.tell(gateway.response(gateway.ask(order), ResultCode.UNSUPP_OPTION))
        gateway.tell(gateway.response(gateway.asked(), ResultCode.UNSUPP_OPTION))
        assert isinstance(gateway.told(), Declined)
        assert gateway.client.learned() == []
        assert gateway.ask(RENEW).options == (LABEL,)

    def test_pc12_no_external_address_is_suggested_until_one_was_assigned(self, gateway):
        assert gateway.ask(MAP).body.external_address == "0.0.0.0"
        gateway.outcome(MAP)
        assert gateway.ask(MAP).body.external_address == EXTERNAL

    def test_pc12_one_that_is_refused_is_not_suggested_again(self, gateway):
        gateway.outcome(MAP)
        gateway.tell(gateway.response(gateway.ask(MAP), ResultCode.CANNOT_PROVIDE_EXTERNAL))
        plain = gateway.asked()
        assert plain.body.external_address == "0.0.0.0"
        gateway.tell(gateway.response(plain))
        gateway.client.events()
        assert gateway.ask(MAP).body.external_address == "0.0.0.0"

    def test_pc14_an_announcement_out_of_the_blue_changes_nothing(self, gateway):
        gateway.outcome(MAP)
        gateway.tell(Response(Opcode.ANNOUNCE, 0, 0, 0))
        gateway.ask(MAP)
        gateway.tell(Response(Opcode.ANNOUNCE, 0, 0, 0))
        assert gateway.client.events() == []

    @pytest.mark.parametrize(
        "changes",
        [{"nonce": OTHER_NONCE}, {"protocol": 6}, {"internal_port": 5080}],
        ids=["nonce", "protocol", "port"],
    )
    def test_pc15_the_answer_to_another_request_is_counted_and_ignored(self, gateway, changes):
        request = gateway.ask(MAP)
        gateway.tell(gateway.response(request, **changes))
        assert gateway.client.events() == []
        assert gateway.client.counters() == {"answers to something else, or with a wrong nonce": 1}
        gateway.tell(gateway.response(request))
        assert isinstance(gateway.told(), Granted)

    def test_pc15_nor_is_a_refusal_with_a_wrong_nonce_believed(self, gateway):
        request = gateway.ask(MAP)
        gateway.tell(gateway.response(request, ResultCode.NOT_AUTHORIZED, nonce=OTHER_NONCE))
        assert gateway.client.events() == []

    def test_pc15_nonsense_leaves_the_exchange_running(self, gateway):
        request = gateway.ask(MAP)
        with pytest.raises(MalformedMessage):
            gateway.tell(b"\x02noise")
        gateway.tell(gateway.response(request))
        assert isinstance(gateway.told(), Granted)

    def test_pc19_two_mappings_have_the_nonces_they_came_with(self, gateway):
        assert gateway.ask(MAP).body.nonce == NONCE
        assert gateway.ask(replace(MAP, internal_port=5080, nonce=OTHER_NONCE)).body.nonce == OTHER_NONCE


class TestWhatItHasNoRequestFor:
    """Said at once, and nothing is sent."""

    def test_reading_back_is_no_failure(self, gateway):
        gateway.client.submit(InspectOrder(Protocol.UDP, 5060, 5060), 0.0)
        told = gateway.told()
        assert isinstance(told, Inspected)
        assert not told.verified
        assert not told.missing

    def test_the_table_cannot_be_read(self, gateway):
        gateway.client.submit(EntryOrder(0), 0.0)
        assert isinstance(gateway.told(), NoEntry)

    def test_an_own_address_that_is_none_is_refused_at_once(self):
        with pytest.raises(LocalError):
            Conversation("localhost")
