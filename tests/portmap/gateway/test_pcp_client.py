"""PCP as RFC 6887 wants it spoken, on a clock moved by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.values import replace
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    AddressTold,
    Declined,
    Granted,
    Remedy,
    Silent,
    Unmapped,
)
from ringthru.portmap.gateway.pcp_client import PcpClient, retransmission_wait
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import LONGEST_LIFETIME
from ringthru.portmap.wire.pcp import Mapping, Opcode, Peering, Request, Response, ResultCode
from ringthru.portmap.wire.pcp_options import Filter, PreferFailure, ThirdParty

from .pcp_conversation import EXTERNAL, LABEL, LAN_ONLY, MAP, NONCE, PEER, RENEW, UNMAP, US, Conversation


@pytest.fixture
def gateway() -> Conversation:
    return Conversation()


class TestRetransmission:
    """§8.1.1: 3 s, doubled up to 1024 s, 10 % either way; before that three quick tries of ours."""

    def test_the_waits(self):
        waits = [retransmission_wait(attempt, 0.5) for attempt in range(14)]
        assert waits[:3] == [0.25, 0.5, 1.0]
        assert waits[3:] == [3, 6, 12, 24, 48, 96, 192, 384, 768, 1024, 1024]

    @given(st.integers(0, 1000), st.floats(0, 1))
    def test_ten_percent_either_way_and_no_more(self, attempt, random):
        exact = retransmission_wait(attempt, 0.5)
        assert 0.899 * exact <= retransmission_wait(attempt, random) <= 1.101 * exact

    def test_six_attempts_then_the_gateway_is_silent(self, gateway):
        gateway.client.submit(MAP, 0.0)
        sent_at = [0.0] * len(gateway.client.datagrams_to_send())
        while gateway.wait():
            sent_at += [gateway.now] * len(gateway.client.datagrams_to_send())
        assert sent_at == [0, 0.25, 0.75, 1.75, 4.75, 10.75]
        assert gateway.now == 22.75
        assert gateway.told() == Silent("no answer to 6 PCP requests")

    def test_every_try_carries_the_same_nonce(self, gateway):
        gateway.client.submit(MAP, 0.0)
        while gateway.wait():
            pass
        assert {Request.decode(each).body.nonce for each in gateway.client.datagrams_to_send()} <= {NONCE}

    def test_an_early_wake_up_sends_nothing(self, gateway):
        gateway.ask(MAP)
        gateway.client.handle_timeout(0.2)
        assert gateway.client.datagrams_to_send() == []

    def test_a_closed_port_ends_it_at_once(self, gateway):
        gateway.ask(MAP)
        gateway.client.refused(0.001)
        assert gateway.told() == Silent("the gateway does not speak PCP (port closed)")
        assert gateway.client.next_timeout() is None

    def test_words_are_left_out_of_late_tries_a_server_may_choke_on_them(self, gateway):
        assert gateway.ask(RENEW).options == (LABEL,)
        gateway.wait()
        gateway.wait()
        gateway.client.datagrams_to_send()
        gateway.wait()
        assert gateway.asked().options == ()

    def test_a_server_that_took_words_before_gets_them_in_every_try(self, gateway):
        gateway.outcome(RENEW)
        gateway.client.submit(MAP, gateway.now)
        for _ in range(5):
            gateway.wait()
        requests = [Request.decode(each) for each in gateway.client.datagrams_to_send()]
        assert all(each.options for each in requests)


class TestProbe:
    """An ANNOUNCE, to learn whether anybody speaks PCP (§14.1); nothing is changed by it."""

    def probe(self, gateway, result=ResultCode.SUCCESS):
        gateway.client.probe(gateway.now)
        gateway.tell(Response(gateway.asked().opcode, result, 0, 7))
        return gateway.told()

    def test_it_is_24_bytes(self, gateway):
        gateway.client.probe(0.0)
        assert gateway.client.datagrams_to_send() == [Request(Opcode.ANNOUNCE, 0, US).encode()]

    def test_an_answer_means_that_pcp_is_spoken(self, gateway):
        assert self.probe(gateway) == AddressTold("")

    @pytest.mark.parametrize("result", [3, 4, 7])
    def test_so_does_a_refusal_of_the_announce_alone(self, gateway, result):
        assert self.probe(gateway, result) == AddressTold("")

    @pytest.mark.parametrize(
        ("result", "remedy"),
        [(2, Remedy.PERMISSION), (8, Remedy.ANOTHER_SERVICE), (12, Remedy.ANOTHER_SERVICE)],
    )
    def test_a_refusal_that_holds_for_mappings_too_is_told(self, gateway, result, remedy):
        told = self.probe(gateway, result)
        assert isinstance(told, Declined)
        assert told.remedy is remedy

    def test_four_attempts_then_nobody_speaks_it(self, gateway):
        gateway.client.probe(0.0)
        while gateway.wait():
            pass
        assert gateway.now == 4.75
        assert gateway.told() == Silent("no answer to 4 PCP requests")


class TestMapping:
    def test_what_is_asked(self, gateway):
        mapping = Mapping(NONCE, 17, 5060, 5060, "0.0.0.0")
        assert gateway.ask(MAP) == Request(Opcode.MAP, 3600, US, mapping)

    def test_what_is_granted(self, gateway):
        told = gateway.outcome(MAP, lifetime=1800, external_port=50000)
        assert told == Granted(50000, 1800, external_address=EXTERNAL)
        assert gateway.client.next_timeout() is None

    def test_no_life_is_so_long_that_renewals_end(self, gateway):
        assert gateway.outcome(MAP, lifetime=2**32 - 1).lifetime == LONGEST_LIFETIME

    @pytest.mark.parametrize("told", ["0.0.0.0", "127.0.0.1", "255.255.255.255"])
    def test_an_impossible_external_address_is_unknown(self, gateway, told):
        assert gateway.outcome(MAP, external_address=told) == Granted(5060, 3600)

    def test_a_deletion_suggests_nothing_and_lasts_no_time(self, gateway):
        mapping = Mapping(NONCE, 17, 5060, 0, "0.0.0.0")
        assert gateway.ask(UNMAP) == Request(Opcode.MAP, 0, US, mapping)

    def test_a_deletion_is_answered_with_no_lifetime(self, gateway):
        assert gateway.outcome(UNMAP, lifetime=0) == Unmapped()

    def test_a_mapping_for_another_machine_names_it_and_so_does_its_deletion(self, gateway):
        for order in (MAP, UNMAP):
            request = gateway.ask(replace(order, internal_client="192.168.1.9"))
            assert ThirdParty("192.168.1.9") in request.options

    def test_for_ourselves_there_is_no_third_party(self, gateway):
        assert gateway.ask(replace(UNMAP, internal_client=US)).options == ()

    def test_networks_to_let_in_become_filters(self, gateway):
        filters = (Filter("198.51.100.0", 24), Filter("192.0.2.7", 32))
        assert gateway.ask(LAN_ONLY).options[:2] == filters

    @pytest.mark.parametrize("order", [LAN_ONLY, MAP])
    def test_filters_of_before_are_ended_first(self, gateway, order):
        """RFC 6887 §13.3: those of a request are added to those there are; a prefix of 0 ends them."""
        options = gateway.ask(replace(order, drops_filters=True)).options
        assert options[0] == Filter("::", 0)
        assert [each.prefix for each in options[1:] if isinstance(each, Filter)] == (
            [24, 32] if order is LAN_ONLY else []
        )

    @pytest.mark.parametrize(
        "order",
        [
            replace(MAP, allow_from=("the neighbours",)),
            replace(MAP, allow_from=("2001:db8::/64",)),
            replace(MAP, allow_from=tuple(f"10.0.{n}.0/24" for n in range(50))),
            replace(MAP, internal_client="printer"),
        ],
        ids=["no network", "IPv6 into IPv4", "too many", "no address"],
    )
    def test_what_cannot_be_asked_is_declined_and_not_sent(self, gateway, order):
        gateway.client.submit(order, 0.0)
        assert isinstance(gateway.told(), Declined)
        assert gateway.client.datagrams_to_send() == []
        assert gateway.client.next_timeout() is None


class TestLabel:
    """RFC 7220's DESCRIPTION: not worth a round trip, or a silence, while somebody waits for a mapping."""

    def test_a_server_of_which_nothing_is_known_is_offered_it_with_a_renewal(self, gateway):
        assert gateway.outcome(MAP) == Granted(5060, 3600, external_address=EXTERNAL)
        assert gateway.client.learned() == []
        assert gateway.ask(RENEW).options == (LABEL,)

    def test_once_taken_every_mapping_has_one(self, gateway):
        gateway.outcome(RENEW)
        assert gateway.client.learned() == [GatewayProfile(takes_labels=True)]
        assert gateway.client.learned() == [], "news is told once"
        assert gateway.ask(MAP).options == (LABEL,)

    def test_once_refused_it_is_not_offered_again(self, gateway):
        gateway.tell(gateway.response(gateway.ask(RENEW), ResultCode.UNSUPP_OPTION))
        gateway.tell(gateway.response(gateway.asked()))
        assert gateway.client.learned() == [GatewayProfile(takes_labels=False)]
        assert gateway.ask(RENEW).options == ()

    @pytest.mark.parametrize(("takes", "options"), [(True, (LABEL,)), (False, ())])
    def test_what_gateways_of_its_kind_do_is_known_from_the_first_mapping_on(self, gateway, takes, options):
        gateway.client.use_profile(GatewayProfile("acme", takes_labels=takes))
        assert gateway.ask(MAP).options == gateway.ask(RENEW).options == options
        assert gateway.client.learned() == []

    def test_one_that_does_not_do_as_its_kind_is_believed_itself(self, gateway):
        gateway.client.use_profile(GatewayProfile("acme", takes_labels=True))
        gateway.tell(gateway.response(gateway.ask(MAP), ResultCode.MALFORMED_OPTION))
        gateway.tell(gateway.response(gateway.asked()))
        assert gateway.client.learned() == [GatewayProfile("acme", takes_labels=False)]


class TestIPv6:
    """A pinhole is a MAP whose two sides are the same address."""

    GUA = "2001:db8::5"

    def test_every_address_is_its_own_16_bytes(self):
        gateway = Conversation(self.GUA)
        request = gateway.ask(MAP)
        assert request.client == self.GUA
        assert request.body.external_address == "::"
        gateway.tell(gateway.response(request, external_address=self.GUA))
        assert gateway.told() == Granted(5060, 3600, external_address=self.GUA)

    def test_networks_to_let_in_are_ipv6_too(self):
        request = Conversation(self.GUA).ask(replace(MAP, allow_from=("2001:db8:9::/48",)))
        assert request.options[0] == Filter("2001:db8:9::", 48)

    def test_ipv4_networks_cannot_come_in(self):
        gateway = Conversation(self.GUA)
        gateway.client.submit(LAN_ONLY, 0.0)
        assert isinstance(gateway.told(), Declined)

    def test_a_deletion_suggests_no_ipv6_address(self):
        assert Conversation(self.GUA).ask(UNMAP).body.external_address == "::"


class TestPeer:
    """§12: the external side of one flow of ours."""

    def test_what_is_asked(self, gateway):
        body = Peering(Mapping(NONCE, 17, 5060, 0, "0.0.0.0"), 5070, "198.51.100.9")
        assert gateway.ask(PEER) == Request(Opcode.PEER, 600, US, body)

    def test_what_is_granted(self, gateway):
        told = gateway.outcome(PEER, lifetime=300, external_port=5060)
        assert told == Granted(5060, 300, external_address=EXTERNAL)

    def test_a_map_with_the_same_nonce_is_not_its_answer(self, gateway):
        gateway.ask(PEER)
        gateway.tell(Response(Opcode.MAP, 0, 600, 1000, Mapping(NONCE, 17, 5060, 5060, EXTERNAL)))
        assert gateway.client.events() == []

    def test_a_server_that_has_no_peer_says_so(self, gateway):
        told = gateway.outcome(PEER, ResultCode.UNSUPP_OPCODE)
        assert isinstance(told, Declined)


class TestExternalAddress:
    """PCP has no question for it: it comes with every mapping (§11.1)."""

    def test_one_told_just_now_is_not_asked_for_again(self, gateway):
        gateway.outcome(MAP)
        gateway.now = 3.0
        gateway.client.submit(AddressOrder(), 3.0)
        assert gateway.told() == AddressTold(EXTERNAL)
        assert gateway.client.datagrams_to_send() == []

    def test_otherwise_a_short_mapping_of_our_own_port_is_made_and_deleted(self, gateway):
        request = gateway.ask(AddressOrder())
        body = Mapping(b"\x07" * 12, 17, 40000, 40000, "0.0.0.0")
        assert request == Request(Opcode.MAP, 120, US, body)
        gateway.tell(gateway.response(request, lifetime=120))
        assert gateway.client.events() == []
        deletion = gateway.asked()
        assert deletion == Request(Opcode.MAP, 0, US, replace(body, external_port=0))
        gateway.tell(gateway.response(deletion, lifetime=0))
        assert gateway.told() == AddressTold(EXTERNAL)

    @pytest.mark.parametrize("answered", ["refused", "silent", "closed"])
    def test_it_is_told_whatever_comes_of_the_deletion(self, gateway, answered):
        gateway.tell(gateway.response(gateway.ask(AddressOrder()), lifetime=120))
        deletion = gateway.asked()
        if answered == "refused":
            gateway.tell(gateway.response(deletion, ResultCode.NOT_AUTHORIZED))
        elif answered == "closed":
            gateway.client.refused(gateway.now)
        else:
            while gateway.wait():
                assert gateway.now < 2
        assert gateway.told() == AddressTold(EXTERNAL)

    def test_a_line_that_is_down_has_no_address(self, gateway):
        assert gateway.outcome(AddressOrder(), ResultCode.NETWORK_FAILURE) == AddressTold("")

    def test_over_IPv6_it_is_our_own_and_only_the_epoch_is_asked_for(self):
        client = PcpClient("2001:db8:1::5", lambda size: bytes(size), lambda: 0.5, lambda: 40000)
        client.submit(AddressOrder(), 0.0)
        (request,) = client.datagrams_to_send()
        assert request[:8] == bytes.fromhex("02000000 00000000")  # ANNOUNCE: nothing is made by it
        client.receive_datagram(bytes.fromhex("02800000 00000000 00000007") + bytes(12), 0.1)
        assert client.events() == [AddressTold("2001:db8:1::5")]

    def test_pc21_what_a_firewall_will_not_close_is_asked_to_end_soon(self):
        client = PcpClient("2001:db8:1::5", lambda size: bytes(size), lambda: 0.5, lambda: 40000)
        client.submit(replace(UNMAP, nonce=bytes(12)), 0.0)
        (deletion,) = client.datagrams_to_send()
        refusal = deletion[:1] + bytes((deletion[1] | 128, 0, 2)) + bytes(20) + deletion[24:]
        client.receive_datagram(refusal, 0.1)
        assert client.events() == []
        (ending,) = client.datagrams_to_send()
        assert (ending[:4], ending[4:8], ending[40:44]) == (b"\2\1\0\0", b"\0\0\0\1", b"\x13\xc4\x13\xc4")
        granted = ending[:1] + bytes((ending[1] | 128, 0, 0, 0, 0, 0, 120)) + bytes(16) + ending[24:]
        client.receive_datagram(granted, 0.2)
        (outcome,) = client.events()
        assert isinstance(outcome, Declined)

    def test_pc13_it_is_asked_for_though_the_epoch_goes_on(self, gateway):
        gateway.outcome(MAP)
        gateway.now = 55.0
        request = gateway.ask(AddressOrder())
        gateway.tell(gateway.response(request, lifetime=120, external_address="203.0.113.77"))
        gateway.tell(gateway.response(gateway.asked(), lifetime=0))
        assert gateway.told() == AddressTold("203.0.113.77")


class TestExactPort:
    EXACT = replace(MAP, exact=True)

    def test_it_is_asked_with_prefer_failure(self, gateway):
        assert PreferFailure() in gateway.ask(self.EXACT).options

    def test_the_external_address_is_left_to_the_gateway(self, gateway):
        """It may be another one by now, and PREFER_FAILURE would hold for it as well (§13.2)."""
        gateway.outcome(MAP)
        assert gateway.ask(self.EXACT).body.external_address == "0.0.0.0"

    def test_pc11_a_server_without_prefer_failure_is_asked_without(self, gateway):
        """First without the words; what it grants then is for the one to judge who gave the order."""
        request = gateway.ask(replace(self.EXACT, renewal=True))
        for left in ((PreferFailure(),), ()):
            gateway.tell(gateway.response(request, ResultCode.UNSUPP_OPTION))
            request = gateway.asked()
            assert request.options == left
        gateway.tell(gateway.response(request, external_port=50000))
        assert gateway.told() == Granted(50000, 3600, external_address=EXTERNAL)

    def test_the_port_granted_after_all_will_do(self, gateway):
        request = gateway.ask(self.EXACT)
        gateway.tell(gateway.response(request))
        assert gateway.told() == Granted(5060, 3600, external_address=EXTERNAL)
