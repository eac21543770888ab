"""IPv6 pinholes by UPnP: rows P6 of the quirk catalogue, WANIPv6FirewallControl:1."""

import re
from unittest.mock import ANY

import pytest

from ringthru.net.values import replace
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    AddressTold,
    Declined,
    EntryOrder,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    NoEntry,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure, NotIgd
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import Family, Protocol
from ringthru.portmap.wire.http import Response

US = "2001:db8:1::103"
FIREWALL = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060")
RENEW = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060", renewal=True)
GRANTED = Granted(5060, 3600, verified=False, external_address=US, reference="7")
UNMAP = UnmapOrder(Protocol.UDP, 5060, 5060)
INSPECT = InspectOrder(Protocol.UDP, 5060, 5060, reference="7")
TIMEOUT = HttpFailure(FailureKind.TIMEOUT, "no answer within 10 s")


@pytest.fixture
def status(words):
    return lambda on=1, allowed=1: words.success(
        "GetFirewallStatus", FirewallEnabled=on, InboundPinholeAllowed=allowed
    )


@pytest.fixture
def talk(new_talk, words, status):
    talk = new_talk(Family.IPV6)
    (found,) = talk.discover(Response(200, words.description(words.service(FIREWALL))), status())
    assert (found.address, found.connected, found.status) == (US, True, "pinholes allowed")
    found.igd.profile = GatewayProfile("miniupnp|router|1|Linux UPnP/1.1 MiniUPnPd/2.3.1")  # guards names
    talk.client.use(found.igd)
    talk.igd = found.igd
    talk.asked.clear()
    return talk


@pytest.fixture
def opened(words):
    return words.success("AddPinhole", UniqueID=7)


class TestDiscovery:
    def test_a_wan_connection_alone_is_no_firewall(self, new_talk, words):
        (found,) = new_talk(Family.IPV6).discover(Response(200, words.description()))
        assert isinstance(found, NotIgd)

    def test_P609_a_link_local_place_is_asked_without_naming_the_zone(self, new_talk, words, status):
        talk = new_talk(Family.IPV6)
        talk.discover(Response(200, words.description(words.service(FIREWALL))), status())
        assert b"\r\nHost: [fe80::1]:5000\r\n" in talk.requests[1]

    def test_one_that_lets_itself_be_opened_comes_first(self, new_talk, words, status):
        services = words.service(FIREWALL, "/shut"), words.service(FIREWALL, "/open")
        body = words.description(*services)
        found = new_talk(Family.IPV6).discover(Response(200, body), status(1, 0), status(1, 1))
        assert [each.igd.service.control.path for each in found] == ["/open", "/shut"]
        assert found[1].status == "pinholes not allowed"


class TestOpening:
    def test_the_port_and_the_address_are_our_own(self, talk, opened):
        assert talk.order(MAP, opened) == GRANTED
        arguments = re.findall(rb"<(\w+)>([^<]*)</\1>", talk.requests[-1])
        assert arguments == [
            (b"RemoteHost", b""),
            (b"RemotePort", b"0"),
            (b"InternalClient", US.encode()),
            (b"InternalPort", b"5060"),
            (b"Protocol", b"17"),
            (b"LeaseTime", b"3600"),
        ]

    @pytest.mark.parametrize(("asked", "sent"), [(604800, "86400"), (1, "1"), (86400, "86400")])
    def test_P610_a_lease_is_between_a_second_and_a_day(self, talk, opened, asked, sent):
        order = MapOrder(Protocol.TCP, 5061, 5061, asked, "x")
        assert talk.order(order, opened).lifetime == int(sent)
        assert talk.asked == [f"AddPinhole {sent}"]

    def test_P610_for_ever_becomes_an_hour(self, talk, opened):
        assert talk.order(MapOrder(Protocol.TCP, 5061, 5061, 0, "x"), opened).lifetime == 3600

    def test_P601_forbidden_though_we_ask_from_the_internal_client(self, talk, words):
        assert talk.order(MAP, words.fault(606)).remedy is Remedy.PERMISSION
        assert f"<InternalClient>{US}<".encode() in talk.requests[-1]

    def test_P602_the_address_given_is_the_one_named_never_another(self, talk, opened):
        other = MapOrder(Protocol.UDP, 1, 1, 60, "x", internal_client="2001:db8:1::7")
        assert talk.order(other, opened).external_address == "2001:db8:1::7"

    def test_P605_not_allowed_says_so(self, talk, words):
        refusal = talk.order(MAP, words.fault(703))
        assert refusal.remedy is Remedy.PERMISSION
        assert "IPv6 firewall" in refusal.reason

    def test_P606_a_fritz_box_s_switch_is_named(self, talk, words):
        talk.igd.words = "AVM FRITZ!Box 7530"
        assert "Selbständige Portfreigaben" in talk.order(MAP, words.fault(606)).reason

    @pytest.mark.parametrize(
        ("code", "remedy"), [(701, Remedy.ROOM), (702, Remedy.LATER), (401, Remedy.ANOTHER_SERVICE)]
    )
    def test_other_refusals(self, talk, words, code, remedy):
        assert talk.order(MAP, words.fault(code)).remedy is remedy

    def test_for_one_address_alone(self, talk, opened):
        order = MapOrder(Protocol.UDP, 1, 1, 60, "x", allow_from=("2001:db8:9::1",))
        talk.order(order, opened)
        assert b"<RemoteHost>2001:db8:9::1</RemoteHost>" in talk.requests[-1]

    @pytest.mark.parametrize("networks", [("2001:db8::/32",), ("2001:db8::1", "2001:db8::2"), ("x",)])
    def test_not_for_networks(self, talk, networks):
        order = MapOrder(Protocol.UDP, 1, 1, 60, "x", allow_from=networks)
        assert talk.order(order).remedy is Remedy.ANOTHER_SERVICE

    def test_one_without_a_name_could_never_be_closed(self, talk, words):
        assert isinstance(talk.order(MAP, words.success("AddPinhole")), Declined)

    def test_silence(self, talk):
        assert isinstance(talk.order(MAP, TIMEOUT, TIMEOUT), Silent)


class TestRenewing:
    def test_P612_by_what_it_is_as_its_name_may_be_another_s_by_now(self, talk, opened):
        assert talk.order(RENEW, opened) == GRANTED
        assert talk.asked == ["AddPinhole 3600"]

    def test_P608_one_that_is_lost_is_made_anew_and_has_another_name(self, talk, words):
        assert talk.order(RENEW, words.success("AddPinhole", UniqueID=8)).reference == "8"


class TestClosing:
    def test_P612_by_the_name_it_bears_now(self, talk, words, opened):
        assert talk.order(UNMAP, opened, words.success("DeletePinhole")) == Unmapped()
        assert talk.asked == ["AddPinhole 1", "DeletePinhole 7"]

    def test_that_lets_in_one_address_is_another_than_that_for_all(self, talk, words, opened):
        order = UnmapOrder(Protocol.UDP, 5060, 5060, allow_from=("2001:db8:9::1",))
        assert talk.order(order, opened, words.success("DeletePinhole")) == Unmapped()
        assert b"<RemoteHost>2001:db8:9::1</RemoteHost>" in talk.requests[-2]

    @pytest.mark.parametrize("code", [704, 402])
    def test_gone_already(self, talk, words, opened, code):
        assert talk.order(UNMAP, opened, words.fault(code)) == Unmapped()

    def test_a_table_without_room_has_no_such_pinhole(self, talk, words):
        assert talk.order(UNMAP, words.fault(701)) == Unmapped()

    def test_without_a_name_it_ends_in_a_second(self, talk, words):
        assert talk.order(UNMAP, words.success("AddPinhole")) == Unmapped()
        assert talk.asked == ["AddPinhole 1"]

    def test_P605_nobody_may_ask_for_it_any_more(self, talk, words):
        assert isinstance(talk.order(UNMAP, words.fault(703)), Declined)

    def test_P603_where_deleting_is_forbidden_it_ends_in_a_second(self, talk, words, opened):
        assert talk.order(UNMAP, opened, words.fault(606), words.success("UpdatePinhole")) == Unmapped()
        assert talk.asked == ["AddPinhole 1", "DeletePinhole 7", "UpdatePinhole 7 1"]

    def test_P603_or_it_is_told(self, talk, words, opened):
        assert isinstance(talk.order(UNMAP, opened, words.fault(606), words.fault(606)), Declined)


class TestInspecting:
    def order(self, talk, check, packets) -> Inspected:
        return talk.order(INSPECT, check, packets)

    def test_it_works_and_so_many_packets_came(self, talk, words):
        working = words.success("CheckPinholeWorking", IsWorking=1)
        packets = words.success("GetPinholePackets", PinholePackets=12)
        words_said = "CheckPinholeWorking: it works, 12 packets so far"
        assert self.order(talk, working, packets) == Inspected(None, words=words_said)

    def test_P612_a_name_proves_nothing_where_the_gateway_may_tell_anybody_of_it(self, talk, words):
        working = words.success("CheckPinholeWorking", IsWorking=1)
        packets = words.success("GetPinholePackets", PinholePackets=12)
        talk.igd.profile = GatewayProfile("Maker|Model|1|Linux UPnP/1.1")
        outcome = self.order(talk, working, packets)
        assert (outcome.verified, outcome.missing, outcome.named) == (False, False, True)
        assert "by its name alone" in outcome.words

    def test_it_does_not_work(self, talk, words):
        broken = words.success("CheckPinholeWorking", IsWorking=0)
        assert self.order(talk, broken, words.fault(401)).missing

    def test_P608_it_is_not_known_any_more(self, talk, words):
        assert self.order(talk, words.fault(704), words.fault(704)).missing

    def test_P611_it_is_an_invalid_argument_now_and_was_none_before(self, talk, words):
        assert not self.order(talk, words.fault(402), words.fault(402)).missing
        self.order(talk, words.fault(709), words.success("GetPinholePackets", PinholePackets=0))
        assert self.order(talk, words.fault(402), words.fault(402)).missing

    def test_nobody_has_come_yet(self, talk, words):
        outcome = self.order(talk, words.fault(709), words.success("GetPinholePackets", PinholePackets=0))
        assert (outcome.missing, outcome.verified) == (False, True)
        assert "no traffic yet" in outcome.words

    def test_counting_packets_shows_that_it_is_there(self, talk, words):
        outcome = self.order(talk, words.fault(602), words.success("GetPinholePackets", PinholePackets=0))
        assert (outcome.missing, outcome.verified) == (False, True)

    def test_one_that_cannot_tell_has_not_failed_and_is_not_asked_again(self, talk, words):
        assert self.order(talk, words.fault(602), words.fault(602)).verified is False
        assert talk.order(INSPECT).verified is False
        assert talk.client.learned()[0].missing_actions == {"CheckPinholeWorking", "GetPinholePackets"}

    @pytest.mark.parametrize(("name", "known_by"), [("7", ""), ("9", "9")])
    def test_P612_it_is_asked_for_as_what_bears_its_name_may_be_another_s(self, talk, words, name, known_by):
        looked = words.fault(709), words.success("GetPinholePackets", PinholePackets=0)
        order = replace(INSPECT, lifetime=3600, doubtful=True)
        outcome = talk.order(order, *looked, words.success("AddPinhole", UniqueID=name))
        assert talk.asked[2:] == ["AddPinhole 3600"]
        assert (outcome.missing, outcome.verified, outcome.lifetime) == (False, True, 3600)
        assert outcome.reference == known_by

    @pytest.mark.parametrize(("code", "missing"), [(701, True), (606, False)])
    def test_a_table_without_room_for_it_lacks_it_and_another_refusal_tells_nothing(
        self, talk, words, code, missing
    ):
        looked = words.fault(709), words.success("GetPinholePackets", PinholePackets=0)
        order = replace(INSPECT, lifetime=3600, doubtful=True)
        outcome = talk.order(order, *looked, words.fault(code))
        assert (outcome.missing, outcome.verified) == (missing, missing)

    def test_without_doubt_only_its_name_is_asked_about(self, talk, words):
        """Asking for it again makes miniupnpd take it away and make it anew."""
        looked = words.fault(709), words.success("GetPinholePackets", PinholePackets=0)
        outcome = talk.order(replace(INSPECT, lifetime=3600), *looked)
        assert (outcome.missing, outcome.verified, outcome.lifetime) == (False, True, None)
        assert talk.asked == ["CheckPinholeWorking 7", "GetPinholePackets 7"]

    def test_P612_a_name_that_may_not_be_looked_at_any_more_is_another_host_s(self, talk, words):
        order = replace(INSPECT, lifetime=3600)
        denied = words.fault(606), words.fault(606)
        assert talk.order(order, *denied) == Inspected(None, verified=False, words=ANY)  # perhaps never
        talk.order(order, words.fault(709), words.success("GetPinholePackets", PinholePackets=0))
        outcome = talk.order(order, *denied, words.success("AddPinhole", UniqueID=9))
        assert (outcome.missing, outcome.verified, outcome.reference) == (False, True, "9")
        talk.igd.profile = GatewayProfile("nothing known of it")
        seen = talk.order(order, words.fault(709), words.success("GetPinholePackets", PinholePackets=0))
        assert seen.verified  # it has shown that it tells nobody else

    def test_no_firewall_lists_its_pinholes(self, talk):
        assert isinstance(talk.order(EntryOrder(0)), NoEntry)


class TestAddress:
    def test_ours_and_how_long_answers_are_let_in(self, talk, words, status):
        timeout = words.success("GetOutboundPinholeTimeout", OutboundPinholeTimeout=180)
        assert talk.order(AddressOrder(), status(), timeout) == AddressTold(US)
        assert talk.client.outbound_timeout == 180
        assert talk.order(AddressOrder(), status()) == AddressTold(US)

    def test_P605_a_firewall_that_nobody_may_open(self, talk, status):
        refusal = talk.order(AddressOrder(), status(1, 0))
        assert refusal.remedy is Remedy.PERMISSION

    def test_a_status_that_fails_is_no_veto(self, talk, words):
        assert talk.order(AddressOrder(), words.fault(501), words.fault(401)) == AddressTold(US)
