"""What a UPnP gateway's answers to AddPortMapping lead to, row by row of the quirk catalogue."""

import re

import pytest

from ringthru.portmap.errors import LocalError
from ringthru.portmap.gateway.adding import SUSPICIOUS
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    Declined,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    Remedy,
)
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire import soap
from ringthru.portmap.wire.http import Response

from .upnp_orders import ADD, ADD_0, GET, GRANTED, MAP, OTHER, RESET, US

EXACT = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060", exact=True)
INSPECT = InspectOrder(Protocol.UDP, 5060, 5060)
FOR_EVER = Granted(5060, 0, verified=False)
DELETE = "DeletePortMapping 5060"


@pytest.fixture
def added(words):
    return words.success("AddPortMapping")


@pytest.fixture
def deleted(words):
    return words.success("DeletePortMapping")


def argument(request: bytes, name: str) -> str | None:
    found = re.search(rf"<{name}>(.*?)</{name}>".encode(), request)
    return None if found is None else found[1].decode()


class TestGranted:
    def test_by_the_named_response_in_one_request(self, talk, added):
        assert talk.order(MAP, added) == GRANTED
        assert talk.asked == [ADD]

    def test_the_same_answer_again_is_a_grant_again_and_to_another_action_it_is_none(self, talk, added):
        assert [talk.order(MAP, added), talk.order(MAP, added)] == [GRANTED, GRANTED]
        assert isinstance(talk.order(AddressOrder(), added, added), Declined)

    def test_AD12_the_internal_client_is_the_address_we_ask_from(self, talk, added):
        talk.order(MAP, added)
        assert argument(talk.requests[0], "NewInternalClient") == US

    def test_AD11_the_remote_host_is_empty(self, talk, added):
        talk.order(MAP, added)
        assert argument(talk.requests[0], "NewRemoteHost") == ""

    def test_AD21_the_protocol_is_in_capitals(self, talk, added):
        talk.order(MAP, added)
        assert argument(talk.requests[0], "NewProtocol") == "UDP"

    @pytest.mark.parametrize("port", [0, -1, 65536])
    def test_AD27_all_ports_are_never_asked_for(self, port):
        with pytest.raises(LocalError):
            soap.add_mapping(Protocol.UDP, port, (US, 5060), "x", 0)

    def test_AD22_two_long_descriptions_stay_different(self, talk, added):
        label = "Ringthru internal-profile-media-pool"
        for protocol in Protocol:
            talk.order(MapOrder(protocol, 16384, 16384, 60, label), added)
        told = [argument(each, "NewPortMappingDescription") for each in talk.requests]
        assert told == ["Ringthru internal-pro udp 16384", "Ringthru internal-pro tcp 16384"]

    def test_AD23_a_description_is_short_and_plain(self, talk, added):
        talk.order(MapOrder(Protocol.UDP, 5060, 5060, 60, "Ringthru 'büro' <&>" + "x" * 500), added)
        told = argument(talk.requests[0], "NewPortMappingDescription")
        assert len(told) <= 31
        assert re.fullmatch("[A-Za-z0-9 .-]+", told)

    def test_AD25_the_envelope_is_one_line_with_the_prefix_s(self, talk, added):
        talk.order(MAP, added)
        body = talk.requests[0].partition(b"\r\n\r\n")[2]
        assert body.count(b"<s:Envelope xmlns:s=") == 1
        assert body.strip().count(b"\n") == 1  # after the declaration

    def test_who_may_come_in_cannot_be_limited_so_nothing_is_asked(self, talk):
        refusal = talk.order(MapOrder(Protocol.UDP, 1, 1, 60, "x", allow_from=("203.0.113.0/24",)))
        assert refusal.remedy is Remedy.ANOTHER_SERVICE


class TestPermanentOnly:
    def test_AD01_725_once_without_a_lease_then_remembered(self, talk, words, added):
        assert talk.order(MAP, words.fault(725), added) == FOR_EVER
        assert talk.order(MAP, added) == FOR_EVER
        assert talk.asked == [ADD, ADD_0, ADD_0]

    def test_AD02_402_likewise(self, talk, words, added):
        assert talk.order(MAP, words.fault(402), added) == FOR_EVER
        assert talk.order(MAP, added) == FOR_EVER
        assert talk.asked == [ADD, ADD_0, ADD_0]

    def test_402_for_another_reason_is_not_remembered(self, talk, words, added):
        end = words.fault(713)
        refusal = talk.order(MAP, words.fault(402), words.fault(402), words.fault(402), end)
        assert refusal.remedy is Remedy.LATER
        assert talk.order(MAP, added) == GRANTED

    def test_what_was_learned_is_told_once(self, talk, words, added):
        talk.order(MAP, words.fault(725), added)
        assert [each.permanent_only for each in talk.client.learned()] == [True]
        assert talk.client.learned() == []

    def test_what_was_learned_before_is_used_at_once(self, talk, added):
        talk.client.use_profile(GatewayProfile(permanent_only=True))
        assert talk.order(MAP, added) == FOR_EVER
        assert talk.client.learned() == []

    def test_a_person_s_word_is_never_learned_over(self, talk, words, added):
        talk.client.use_profile(GatewayProfile(by_hand=frozenset(["permanent_only"])))
        talk.order(MAP, words.fault(725), added)
        assert talk.client.learned() == []


class TestInvalidArguments:
    def test_AD11_then_without_remote_host_and_remembered(self, talk, words, added):
        assert talk.order(MAP, words.fault(402), words.fault(402), added) == FOR_EVER
        talk.order(MAP, added)
        assert [argument(each, "NewRemoteHost") for each in talk.requests] == ["", "", None, None]

    def test_AD23_plainer_words_first(self, talk, words, added):
        order = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru sip-udp-5060")
        talk.order(order, words.fault(402), words.fault(402), added)
        assert argument(talk.requests[-1], "NewPortMappingDescription") == "Ringthru sip udp 5060"
        assert argument(talk.requests[-1], "NewRemoteHost") == ""

    def test_then_the_arguments_its_scpd_has_in_its_order(self, new_talk, words, added):
        talk = new_talk()
        service = words.service(more="<SCPDURL>/wan.xml</SCPDURL>")
        address = words.success("GetExternalIPAddress", NewExternalIPAddress="203.0.113.9")
        (found,) = talk.discover(Response(200, words.description(service)), address)
        talk.client.use(found.igd)
        names = "NewProtocol", "NewExternalPort", "NewInternalPort", "NewInternalClient"
        listed = "".join(
            f"<argument><name>{name}</name><direction>in</direction></argument>" for name in names
        )
        scpd = f"<scpd><actionList><action><name>AddPortMapping</name><argumentList>{listed}"
        closing = "</argumentList></action></actionList></scpd>"
        refused = [words.fault(402)] * 3
        talk.order(MAP, *refused, Response(200, (scpd + closing).encode()), added)
        assert talk.asked[-2] == "/wan.xml"
        assert re.findall(rb"<(New\w+)>", talk.requests[-1]) == [name.encode() for name in names]

    def test_AD14_a_full_table_is_counted_and_told(self, talk, words):
        entries = [words.place(1000 + i, OTHER, 1) for i in range(20)]
        refusal = talk.order(MAP, *[words.fault(402)] * 3, *entries, words.fault(713))
        assert refusal.remedy is Remedy.ROOM
        assert "20 mappings" in refusal.reason
        assert [each.table_size for each in talk.client.learned()] == [20]


class TestConflict:
    @pytest.mark.parametrize(
        "code",
        [
            pytest.param(718, id="AD05"),
            pytest.param(729, id="AD30"),
            pytest.param(501, id="AD08"),
        ],
    )
    def test_somebody_else_has_the_port(self, talk, words, code):
        refusal = talk.order(MAP, words.fault(code), words.entry(OTHER, 5060))
        assert refusal.remedy is Remedy.ANOTHER_PORT
        assert OTHER in refusal.reason
        assert talk.asked == [ADD, GET]

    def test_AD06_our_own_earlier_mapping_is_replaced(self, talk, words, added, deleted):
        assert talk.order(MAP, words.fault(718), words.entry(US, 5060), deleted, added) == GRANTED
        assert talk.asked == [ADD, GET, DELETE, ADD]

    def test_AD34_from_then_on_deleting_comes_first(self, talk, words, added, deleted):
        talk.order(MAP, words.fault(718), words.entry(US, 5060), deleted, added)
        talk.asked.clear()
        assert talk.order(MAP, words.entry(US, 5060), deleted, added) == GRANTED
        assert talk.asked == [GET, DELETE, ADD]

    def test_AD34_somebody_else_s_entry_is_never_cleared(self, talk, words):
        talk.client.use_profile(GatewayProfile(renew_by_delete=True))
        theirs = words.entry(OTHER, 5060)
        assert isinstance(talk.order(MAP, theirs, words.fault(718), theirs), Declined)
        assert DELETE not in talk.asked

    @staticmethod
    def meet_conflicts(talk, words):
        """Other external ports are tried first: one conflict is not worth reading the whole table."""
        for _ in range(SUSPICIOUS - 1):
            assert talk.order(MAP, words.fault(718), words.fault(714)).remedy is Remedy.ANOTHER_PORT

    def test_AD07_where_only_that_port_will_do_the_table_is_read_at_once(self, talk, words, added, deleted):
        stale = words.place(40000, US, 5060, "Ringthru udp 5060")
        assert talk.order(EXACT, words.fault(718), words.fault(714), stale, deleted, added) == GRANTED

    def test_AD07_our_internal_port_mapped_elsewhere_by_us_is_moved(self, talk, words, added, deleted):
        stale = words.place(40000, US, 5060, "Ringthru udp 5060")
        self.meet_conflicts(talk, words)
        assert talk.order(MAP, words.fault(718), words.fault(714), stale, deleted, added) == GRANTED
        assert talk.asked[-2:] == ["DeletePortMapping 40000", ADD]

    def test_AD07_and_by_others_is_used_where_it_is(self, talk, words, added):
        theirs = words.place(40000, US, 5060, "set by hand")
        self.meet_conflicts(talk, words)
        assert talk.order(MAP, words.fault(718), words.fault(714), theirs, added).external_port == 40000

    def test_AD38_one_random_501_teaches_nothing(self, talk, words, added, deleted):
        talk.order(MAP, words.fault(501), words.entry(US, 5060), deleted, added)
        assert talk.client.learned() == []

    def test_a_second_generation_gateway_picks_the_other_port_itself(self, talk2, words):
        picked = words.success("AddAnyPortMapping", NewReservedPort=40001)
        assert talk2.order(MAP, words.fault(718), words.entry(OTHER, 5060), picked).external_port == 40001

    def test_but_not_when_only_one_port_will_do(self, talk2, words):
        assert isinstance(talk2.order(EXACT, words.fault(718), words.entry(OTHER, 5060)), Declined)

    @pytest.mark.parametrize("lacking", [401, 501, 602])
    def test_DE13_without_AddAny_it_is_asked_once_and_remembered(self, talk2, words, lacking):
        theirs = words.fault(718), words.entry(OTHER, 5060)
        assert talk2.order(MAP, *theirs, words.fault(lacking)).remedy is Remedy.ANOTHER_PORT
        assert talk2.order(MAP, *theirs).remedy is Remedy.ANOTHER_PORT
        (profile,) = talk2.client.learned()
        assert profile.missing_actions == {"AddAnyPortMapping"}

    def test_HT15_a_reset_at_AddAny_means_the_same(self, talk2, words):
        theirs = words.fault(718), words.entry(OTHER, 5060)
        talk2.order(MAP, *theirs, RESET, RESET, RESET)
        talk2.order(MAP, *theirs)
        assert talk2.asked.count("AddAnyPortMapping 5060 3600") == 2  # all of them at the first order


class TestOtherRefusals:
    @pytest.mark.parametrize(
        ("code", "remedy"),
        [
            (716, Remedy.ANOTHER_PORT),
            (724, Remedy.SAME_PORT),
            (728, Remedy.ROOM),
            (733, Remedy.LATER),
        ],
    )
    def test_what_may_help(self, talk, words, code, remedy):
        assert talk.order(MAP, words.fault(code)).remedy is remedy

    def test_AD10_all_ports_or_none_is_refused(self, talk, words):
        refusal = talk.order(MAP, words.fault(727))
        assert refusal.remedy is Remedy.LATER
        assert "all ports" in refusal.reason

    def test_AD10_726_is_tried_without_a_remote_host(self, talk, words, added):
        assert talk.order(MAP, words.fault(726), added) == GRANTED
        assert argument(talk.requests[-1], "NewRemoteHost") is None

    @pytest.mark.parametrize("code", [606, 403])
    def test_AD13_forbidden_names_the_switch(self, talk, words, code):
        refusal = talk.order(MAP, words.fault(code))
        assert refusal.remedy is Remedy.PERMISSION
        assert "allow port mapping by UPnP" in refusal.reason

    def test_AD13_in_the_words_of_a_fritz_box(self, talk, words):
        talk.igd.words = "AVM FRITZ!Box 7490"
        assert "Selbständige Portfreigaben" in talk.order(MAP, words.fault(606)).reason

    def test_AD12_mapping_for_another_machine_is_told_apart(self, talk, words):
        order = MapOrder(Protocol.UDP, 5060, 5060, 60, "x", internal_client=OTHER)
        assert "asking host" in talk.order(order, words.fault(606)).reason

    def test_HT23_a_login_is_told_and_never_answered(self, talk):
        refusal = talk.order(MAP, Response(401, b""))
        assert refusal.remedy is Remedy.PERMISSION
        assert "login" in refusal.reason
        assert talk.asked == [ADD]

    def test_AD28_a_low_port_that_is_forbidden_leads_to_another(self, talk, words):
        low = MapOrder(Protocol.UDP, 443, 443, 60, "x")
        assert talk.order(low, words.fault(606)).remedy is Remedy.ANOTHER_PORT

    def test_AD37_a_mangled_fault_still_tells_its_code(self, talk, words, added):
        mangled = Response(500, words.fault(725).body.replace(b"<UPnPError>", b'<UPnPErrorxmlns="u">'))
        assert talk.order(MAP, mangled, added) == FOR_EVER

    def test_DE11_an_action_unknown_under_one_type_is_asked_under_the_others(self, talk, words, added):
        assert talk.order(MAP, words.fault(401), words.fault(401), added) == GRANTED
        types = [re.search(rb'SOAPAction: "(.*)#', each)[1].decode() for each in talk.requests]
        assert [each.split(":", 1)[1] for each in types] == [
            "schemas-upnp-org:service:WANIPConnection:1",
            "schemas-upnp-org:service:WANIPConnection:2",
            "schemas-upnp-org:service:WANPPPConnection:1",
        ]
        assert talk.order(MAP, added) == GRANTED  # under the one that works

    def test_and_when_none_knows_it_there_may_be_another_protocol(self, talk, words):
        assert talk.order(MAP, *[words.fault(401)] * 4).remedy is Remedy.ANOTHER_SERVICE
        assert talk.order(MAP, words.fault(401)).remedy is Remedy.ANOTHER_SERVICE


class TestRenewing:
    def test_AD32_a_shorter_lease_than_asked_is_seen_when_read_back(self, talk, words, added):
        talk.order(MAP, added)
        assert talk.order(INSPECT, words.entry(US, 5060, 600)).lifetime == 600

    def inspected_again(self, talk, words, added, left: int) -> list[GatewayProfile]:
        """Added, read back as 600 s, added again after 300 s, and read back."""
        talk.order(MAP, added)
        talk.order(INSPECT, words.entry(US, 5060, 600))
        talk.now = 300.0
        talk.order(MAP, added)
        assert talk.order(INSPECT, words.entry(US, 5060, left)) == Inspected(
            left, words=f"GetSpecificPortMappingEntry: {US}:5060, {left} s left"
        )
        return talk.client.learned()

    def test_AD33_a_lease_that_runs_on_teaches_to_delete_first(self, talk, words, added, deleted):
        (profile,) = self.inspected_again(talk, words, added, 300)
        assert profile.renew_by_delete
        assert talk.order(MAP, words.entry(US, 5060), deleted, added) == GRANTED

    def test_AD32_one_that_starts_again_does_not(self, talk, words, added):
        assert self.inspected_again(talk, words, added, 600) == []
