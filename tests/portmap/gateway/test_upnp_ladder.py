"""What a UPnP gateway's answers to AddPortMapping lead to, row by row of the quirk catalogue."""

import re

import pytest

from ringthru.portmap.errors import LocalError
from ringthru.portmap.gateway.adding import SUSPICIOUS
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    AddressTold,
    Declined,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    Remedy,
    Silent,
)
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire import soap
from ringthru.portmap.wire.http import Response

US, OTHER = "192.168.1.103", "192.168.1.7"
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060")
EXACT = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060", exact=True)
INSPECT = InspectOrder(Protocol.UDP, 5060, 5060)
GRANTED = Granted(5060, 3600, verified=False)
FOR_EVER = Granted(5060, 0, verified=False)
TIMEOUT = HttpFailure(FailureKind.TIMEOUT, "no answer within 10 s")
REFUSED = HttpFailure(FailureKind.REFUSED, "cannot connect")
RESET = HttpFailure(FailureKind.BROKEN, "reset")
HTML = Response(200, b"<html><body>Login</body></html>")
ADD, ADD_0, GET = "AddPortMapping 5060 3600", "AddPortMapping 5060 0", "GetSpecificPortMappingEntry 5060"
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


class TestNonsense:
    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(HTML, id="HT12"),
            pytest.param(Response(500, b""), id="HT14"),
        ],
    )
    def test_no_proof_no_success_and_once_in_the_other_form(self, talk, words, reply):
        assert talk.order(MAP, reply, reply, words.fault(714)).remedy is Remedy.ANOTHER_SERVICE
        assert [each.split()[0] for each in talk.requests[:2]] == [b"POST", b"M-POST"]

    def test_a_form_that_is_not_allowed_has_done_nothing_that_could_be_looked_for(self, talk):
        not_allowed = Response(405, b"")
        assert talk.order(MAP, not_allowed, not_allowed).remedy is Remedy.ANOTHER_SERVICE
        assert [each.split()[0] for each in talk.requests] == [b"POST", b"M-POST"]

    @pytest.mark.parametrize(
        "reply", [HTML, Response(500, b""), Response(200, b"")], ids=["page", "500", "nothing"]
    )
    def test_one_that_says_nonsense_and_does_it_is_believed_for_its_table(self, talk, words, reply):
        assert talk.order(MAP, reply, reply, words.entry(US, 5060)) == GRANTED
        assert talk.asked[-1].startswith("GetSpecificPortMappingEntry")

    def test_but_not_where_its_table_has_somebody_else_there(self, talk, words):
        answer = talk.order(MAP, HTML, HTML, words.entry("192.168.1.77", 5060))
        assert answer.remedy is Remedy.ANOTHER_SERVICE

    def test_a_reset_may_mean_too_fast_and_is_asked_again_after_a_rest(self, talk, words):
        outcome = talk.order(MAP, RESET, RESET, RESET, words.fault(714))
        assert outcome.remedy is Remedy.ANOTHER_SERVICE
        assert [each.split()[0] for each in talk.requests[:3]] == [b"POST", b"POST", b"M-POST"]
        assert talk.client.learned() == []

    @pytest.mark.parametrize("failure", [RESET, TIMEOUT])
    def test_HT18_where_a_rest_helps_the_gateway_is_asked_with_pauses(self, talk, added, failure):
        assert talk.order(MAP, failure, added) == GRANTED
        assert [each.pace for each in talk.client.learned()] == [0.25]
        assert talk.client.pace == 0.25

    def test_the_form_that_works_is_kept(self, talk, added):
        assert talk.order(MAP, Response(405, b""), added) == GRANTED
        talk.order(MAP, added)
        assert [each.split()[0] for each in talk.requests] == [b"POST", b"M-POST", b"M-POST"]

    @pytest.mark.parametrize("status", [301, 302, 404])
    def test_HT19_a_page_that_is_elsewhere_or_missing_is_not_gone_after(self, talk, status):
        assert isinstance(talk.order(MAP, Response(status, b"<html/>")), Declined)
        assert talk.asked == [ADD]

    def test_an_action_of_need_is_never_given_up_for_nonsense(self, talk, words, added):
        talk.order(MAP, HTML, HTML, words.fault(714))
        assert talk.order(MAP, added) == GRANTED

    def test_AD38_a_flaky_gateway_is_asked_again(self, talk, words, added):
        """The pauses are the lease's."""
        assert talk.order(MAP, words.fault(501), words.fault(714)).remedy is Remedy.ANOTHER_PORT
        assert talk.order(MAP, added) == GRANTED


class TestSilence:
    def test_HT17_a_time_out_is_tried_once_more_then_the_gateway_is_silent(self, talk, added):
        assert talk.order(MAP, TIMEOUT, added) == GRANTED
        assert isinstance(talk.order(MAP, TIMEOUT, TIMEOUT), Silent)

    def test_SD18_a_refused_connection_means_look_again(self, talk):
        assert isinstance(talk.order(MAP, REFUSED), Silent)
        assert talk.asked == [ADD]

    def test_HT17_a_slow_action_has_ten_seconds(self, talk):
        talk.client.submit(MAP, 0.0)
        assert [each.ask.deadline for each in talk.client.requests_to_send()] == [10.0]


class TestConnectionAhead:
    """The connection for the next request, opened while this one is answered."""

    LOST = HttpFailure(FailureKind.BROKEN, "reset", ahead=True)

    def is_opened(self, talk) -> bool:
        talk.client.submit(MAP, 0.0)
        (request,) = talk.client.requests_to_send()
        talk.client.abandon()
        return request.ask.ahead

    def test_none_at_a_gateway_of_which_nothing_is_known(self, talk):
        assert not self.is_opened(talk)

    @pytest.mark.parametrize(
        ("profile", "opened"),
        [
            (GatewayProfile("acme|box|Linux UPnP/1.1 MiniUPnPd/2.3.1"), True),
            (GatewayProfile("acme|box|Linux UPnP/1.1 MiniUPnPd/2.3.1", serves_several=False), False),
            (GatewayProfile("acme|box|Linux UPnP/1.1 MiniUPnPd/2.3.1", pace=0.25), False),
            (GatewayProfile("acme", serves_several=True), True),
        ],
    )
    def test_one_where_several_are_served_and_no_pauses_are_wanted(self, talk, profile, opened):
        talk.client.use_profile(profile)
        assert self.is_opened(talk) is opened

    def test_an_answer_on_it_is_a_lesson(self, talk):
        talk.client.opened_ahead(True)
        assert [each.serves_several for each in talk.client.learned()] == [True]

    def test_HT16_what_is_lost_on_it_is_asked_again_at_once_and_never_so_again(self, talk, added):
        talk.client.use_profile(GatewayProfile("acme", serves_several=True))
        assert talk.order(MAP, self.LOST, added) == GRANTED
        assert talk.asked == [ADD, ADD]
        assert not self.is_opened(talk)
        (profile,) = talk.client.learned()
        assert profile.serves_several is False
        assert profile.pace == 0, "it did not ask too fast"

    def test_the_second_attempt_has_no_connection_beside_it_and_no_rest(self, talk):
        talk.client.use_profile(GatewayProfile("acme", serves_several=True))
        talk.client.submit(MAP, 0.0)
        (request,) = talk.client.requests_to_send()
        talk.client.receive_reply(request.number, self.LOST)
        (again,) = talk.client.requests_to_send()
        assert (again.ask.ahead, again.ask.rest, again.ask.data) == (False, 0.0, request.ask.data)

    def test_what_is_lost_without_it_as_well_says_nothing_about_it(self, talk, added):
        talk.client.use_profile(GatewayProfile("acme", serves_several=True))
        talk.order(MAP, self.LOST, RESET, added)
        assert self.is_opened(talk) is False  # HT18: it wants pauses now
        (profile,) = talk.client.learned()
        assert (profile.serves_several, profile.pace) == (True, 0.25)


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


class TestAddress:
    @pytest.mark.parametrize(
        ("told", "known"),
        [
            pytest.param("203.0.113.10", "203.0.113.10", id="public"),
            pytest.param("", "", id="EX01"),
            pytest.param("0.0.0.0", "0.0.0.0", id="EX02"),
            pytest.param("10.1.2.3", "10.1.2.3", id="EX03"),
            pytest.param("100.64.1.2", "100.64.1.2", id="EX04"),
            pytest.param("192.168.1.1", "", id="EX05"),
            pytest.param("unknown", "", id="no address"),
        ],
    )
    def test_as_told_its_kind_is_judged_elsewhere(self, talk, words, told, known):
        answer = words.success("GetExternalIPAddress", NewExternalIPAddress=told)
        assert talk.order(AddressOrder(), answer) == AddressTold(known)

    def test_a_fault_tells_nothing(self, talk, words):
        assert isinstance(talk.order(AddressOrder(), words.fault(501)), Declined)


def test_the_reply_to_an_abandoned_request_is_ignored(talk, words):
    talk.client.submit(MAP, 0.0)
    (old,) = talk.client.requests_to_send()
    talk.client.submit(AddressOrder(), 0.0)
    talk.client.receive_reply(old.number, words.success("AddPortMapping"))
    assert talk.client.events() == []
    assert len(talk.client.requests_to_send()) == 1
