"""A whole engine whose gateway changes, tells its table, and is left."""

import struct

import pytest

from ringthru.net.address import AddressKind
from ringthru.portmap.errors import LocalError
from ringthru.portmap.events import (
    ExternalAddressChanged,
    GatewayFound,
    GatewayLost,
    MappingAdded,
    MappingProven,
)
from ringthru.portmap.values import GatewayEntry, GatewayListing, GatewayType, MappingState, Protocol, Wanted

from .engine_world import ADDED, GATEWAY, PUBLIC, REMOVED, SIP, World


@pytest.fixture
def world(words):
    return lambda **options: World(words, **options)


class TestTheExternalAddress:
    def test_asked_within_every_minute_and_a_change_is_told_and_mapped_anew(self, world):
        w = world()
        w.engine.want(SIP, w.now)
        w.start().after(54).told()
        w.address = "8.8.8.8"
        asked = len([r for r in w.natpmp_requests if len(r) == 12])
        assert w.after(2).told() == [ExternalAddressChanged(PUBLIC, "8.8.8.8")]
        assert f"Public IP changed from '{PUBLIC}' to '8.8.8.8'." in w.logs
        assert len([r for r in w.natpmp_requests if len(r) == 12]) == asked + 1

    @pytest.mark.parametrize(
        ("address", "kind"), [("10.0.0.2", AddressKind.PRIVATE), ("100.64.1.1", AddressKind.SHARED)]
    )
    def test_one_that_is_not_public_is_told_but_not_used_and_mapping_goes_on(self, world, address, kind):
        w = world()
        w.address = address
        w.engine.want(SIP, w.now)
        assert w.start().told() == [GatewayFound(GatewayType.NAT_PMP, GATEWAY, None), ADDED]
        snapshot = w.engine.snapshot(w.now)
        assert (snapshot.external_address, snapshot.reported_address) == (None, address)
        assert snapshot.address_kind is kind

    @pytest.mark.parametrize(
        "address",
        [
            *("2001:4860::8888", "[2001:4860::8888]", "home.example", "", "0.0.0.0"),
            *("10.9.9.9", "172.16.3.4", "192.168.178.2", "100.64.1.1", "169.254.7.7", "127.0.0.1"),
        ],
    )
    def test_what_no_peer_could_be_told_is_not_used(self, world, address):
        """UPnP tells the address as text, and we speak IPv4 only."""
        w = world(natpmp="closed", upnp="answers")
        w.address = address
        (found, *_) = w.start().after(5).told()
        assert found == GatewayFound(GatewayType.UPNP, GATEWAY, None)
        if address not in ("", "home.example"):
            said = next(text for text in w.logs if "has no public address" in text)
            assert f"({address or 'none'}: " in said
            assert f"http://{GATEWAY}:5000/" in said, "whose address it is"

    def test_a_line_that_is_being_changed_is_asked_until_it_has_an_address_again(self, world):
        """miniupnpd tells of it in two events, "0.0.0.0" before the address; the second may be lost."""
        w = world(natpmp="closed", upnp="answers")
        w.engine.want(SIP, w.now)
        w.start().after(5).told()
        w.address = "0.0.0.0"
        w.engine._dispatch.gateway.doubt_address(w.now)
        assert ExternalAddressChanged(PUBLIC, None) in w.settle().after(0.2).told()
        w.address = "8.8.8.8"
        assert ExternalAddressChanged(None, "8.8.8.8") in w.after(4).told()


class TestTheGatewayChanges:
    def test_an_epoch_going_back_maps_everything_again_and_asks_the_address(self, world):
        """RFC 6886 §3.6; here the renewal of one mapping (due after 20 s) brings the news."""
        w = world(lifetime=40)
        w.engine.want(SIP, w.now)
        w.start().after(5)
        w.engine.want(Wanted(Protocol.TCP, 5060), w.now)
        w.settle().after(5)
        w.epoch_at = w.now  # it restarts, and nobody notices until the next question
        w.natpmp_requests.clear()
        w.after(10.1)
        assert [r[1] for r in w.natpmp_requests] == [1, 0, 2]  # the renewal; the address, the other mapping
        w.after(5)
        assert len(w.natpmp_requests) == 3

    def test_a_refused_connection_is_a_lost_gateway_and_it_is_looked_for_again(self, world):
        w = world(natpmp="closed", upnp="answers")
        w.engine.want(SIP, w.now)
        w.start().after(30).told()
        w.upnp = "gone"
        w.after(31)
        events = w.told()
        assert events[0] == GatewayLost(f"{GATEWAY}:5000: cannot connect")
        assert REMOVED in events
        w.upnp = "answers"
        w.after(15)
        assert w.told()[-3:-1] == [GatewayFound(GatewayType.UPNP, GATEWAY, PUBLIC), ADDED]

    def test_one_whose_port_moved_at_a_reboot_is_found_within_two_seconds(self, world):
        """miniupnpd takes a free port at each start: the refused request leads to a new search at once."""
        w = world(natpmp="closed", upnp="answers")
        w.engine.want(SIP, w.now)
        w.start().after(30).told()
        w.control_port = 5001
        while not any(isinstance(each, GatewayLost) for each in w.events):
            w.until(w.engine.next_timeout())
        assert ADDED in w.after(2).told()
        assert w.engine.snapshot(w.now).mappings[0].external_port == 5060

    def test_also_when_that_was_right_after_it_had_been_found(self, world):
        w = world(natpmp="closed", upnp="answers").start()
        w.control_port = 5001
        w.engine.want(SIP, w.now)
        assert [type(each) for each in w.settle().after(2).told()] == [
            GatewayFound,
            GatewayLost,
            GatewayFound,
            MappingAdded,
            MappingProven,
        ]

    def test_one_that_is_lost_as_soon_as_it_is_found_is_looked_for_ever_more_slowly(self, world):
        """It describes itself and tells its address, and refuses every mapping by hanging up."""
        w = world(natpmp="closed", upnp="answers")
        w.hangs_up_at = "AddPortMapping"
        w.engine.want(SIP, w.now)
        began = w.now
        w.start()
        found_at = []
        while w.now < began + 3600:
            found_at += [w.now - began] * sum(isinstance(each, GatewayFound) for each in w.told())
            w.until(w.engine.next_timeout())
        assert [round(each) for each in found_at[:7]] == [0, 0, 5, 15, 35, 75, 155]
        assert len(found_at) < 15
        w.hangs_up_at = ""
        assert ADDED in w.after(901).told()

    def test_a_gateway_that_goes_mute_is_lost_after_nine_attempts(self, world):
        w = world().start()
        w.natpmp = "mute"
        w.after(55 + 127).told()
        assert [type(e) for e in w.after(1).told()] == [GatewayLost]

    def test_reinit_maps_again_on_what_is_found(self, world):
        w = world()
        w.engine.want(SIP, w.now)
        w.start().told()
        w.engine.reinit(w.now)
        assert not w.engine.verdict_known
        assert set(w.settle().told()) == {REMOVED, ADDED, GatewayFound(GatewayType.NAT_PMP, GATEWAY, PUBLIC)}


class TestTheGatewaysTable:
    """UPnP WANIPConnection:1 §2.4.14, GetGenericPortMappingEntry: by index until an error."""

    OURS = ("UDP", 5060, "192.168.1.103", 5060, "Ringthru sip-udp-5060", 3600)
    THEIRS = ("TCP", 8080, "192.168.1.44", 80, "a camera", 0)

    @pytest.fixture
    def upnp(self, world):
        w = world(natpmp="closed", upnp="answers").start()
        w.table = [self.OURS, self.THEIRS]
        return w

    def listing(self, w, limit=512):
        listing = w.engine.list_gateway(limit, w.now)
        w.settle()
        return listing.result

    def test_every_entry_with_whose_it_is(self, upnp):
        assert self.listing(upnp) == GatewayListing(
            (
                GatewayEntry(
                    Protocol.UDP, 5060, "192.168.1.103", 5060, "Ringthru sip-udp-5060", 3600, True, True
                ),
                GatewayEntry(Protocol.TCP, 8080, "192.168.1.44", 80, "a camera", None, True, False),
            ),
            complete=True,
            reason="",
        )

    @pytest.mark.parametrize(
        "entry",
        [
            ("UDP", 5060, "192.168.1.104", 5060, "Ringthru sip-udp-5060", 3600),
            ("UDP", 5060, "192.168.1.103", 5060, "another program", 3600),
        ],
        ids=["another host's", "another program's"],
    )
    def test_ours_is_what_leads_to_us_and_bears_our_name(self, upnp, entry):
        upnp.table = [entry]
        assert [each.ours for each in self.listing(upnp).entries] == [False]

    @pytest.mark.parametrize("code", [402, 500, 501, 713, 714])
    def test_what_gateways_say_at_the_end(self, upnp, code):
        upnp.end_of_table = code
        listing = self.listing(upnp)
        assert (len(listing.entries), listing.complete) == (2, True)

    @pytest.mark.parametrize(("code", "complete"), [(713, True), (714, True), (501, False), (401, False)])
    def test_an_empty_table_and_one_that_is_not_shown(self, upnp, code, complete):
        upnp.table, upnp.end_of_table = [], code
        listing = self.listing(upnp)
        assert (listing.entries, listing.complete) == ((), complete)
        assert complete or listing.reason == (
            f"the gateway does not list its mappings: error {code} (no such index)"
        )

    def test_another_error_half_way_is_told(self, upnp):
        upnp.end_of_table = 606
        listing = self.listing(upnp)
        assert (len(listing.entries), listing.complete) == (2, False)
        assert listing.reason == "at entry 2 the gateway said: error 606 (no such index)"

    def test_no_more_than_asked_for(self, upnp):
        upnp.table = [("UDP", port, "192.168.1.44", port, "x", 60) for port in range(1000, 1050)]
        listing = self.listing(upnp, limit=20)
        assert (len(listing.entries), listing.complete) == (20, False)
        assert listing.reason == "not read beyond 20 entries"

    def test_a_gateway_that_gives_its_last_entry_for_ever(self, upnp):
        upnp.table = [self.OURS] + [self.THEIRS] * 1000
        listing = self.listing(upnp)
        assert (len(listing.entries), listing.reason) == (2, "the gateway repeats its last entry")
        assert upnp.actions.count("GetGenericPortMappingEntry") == 5

    def test_an_entry_that_makes_no_sense_is_left_out_and_told(self, upnp):
        upnp.table.insert(1, ("GRE", "?", "", -1, "", ""))
        listing = self.listing(upnp)
        assert (len(listing.entries), listing.complete) == (2, False)
        assert listing.reason == "entries that could not be read: 1"

    def test_ten_seconds_are_the_most_it_takes(self, upnp):
        upnp.upnp = "mute"
        listing = upnp.engine.list_gateway(512, upnp.now)
        upnp.settle().after(9.9)
        assert listing.result is None
        upnp.after(0.2)
        assert listing.result == GatewayListing((), False, "not read to its end within 10 s")

    def test_mappings_and_deletions_come_first(self, upnp):
        upnp.actions.clear()
        upnp.engine.list_gateway(512, upnp.now)
        lease = upnp.engine.want(SIP, upnp.now)
        upnp.settle()
        assert upnp.actions[:2] == ["GetGenericPortMappingEntry", "AddPortMapping"]
        assert lease.state is MappingState.ACCEPTED
        assert upnp.actions.count("GetGenericPortMappingEntry") == 3

    def test_two_who_ask_at_once_both_get_it(self, upnp):
        first = upnp.engine.list_gateway(512, upnp.now)
        second = upnp.engine.list_gateway(1, upnp.now)
        upnp.settle()
        assert (len(first.result.entries), len(second.result.entries)) == (2, 1)

    def test_natpmp_has_no_way_to_list(self, world):
        listing = self.listing(world().start())
        assert listing == GatewayListing(
            (), False, "PCP and NAT-PMP have no request for the gateway's table, and its UPnP does not answer"
        )

    def test_without_a_gateway(self, world):
        w = world(gateway=None, multicast=False).start()
        assert self.listing(w).reason == "no gateway that maps ports was found"
        assert self.listing(world(natpmp="mute").start()).reason == "there is no gateway in use now"

    def test_a_lost_gateway_and_a_stop_end_it(self, upnp):
        upnp.upnp = "gone"
        assert self.listing(upnp).reason.startswith("the gateway went away: ")
        upnp.upnp = "answers"
        upnp.after(10).upnp = "mute"
        listing = upnp.engine.list_gateway(512, upnp.now)
        upnp.settle().engine.stop(upnp.now)
        assert listing.result.reason == "port mapping is being stopped"
        assert upnp.engine.stopped

    @pytest.mark.parametrize("limit", [0, 65536])
    def test_a_limit_that_makes_no_sense(self, upnp, limit):
        with pytest.raises(LocalError):
            upnp.engine.list_gateway(limit, upnp.now)


class TestStop:
    def test_deletes_exactly_what_we_mapped(self, world):
        w = world()
        for port in (5060, 5080):
            w.engine.want(Wanted(Protocol.UDP, port), w.now)
        w.start().natpmp_requests.clear()
        w.engine.stop(w.now)
        assert not w.engine.stopped
        assert w.settle().engine.stopped
        assert w.natpmp_requests == [struct.pack("!BBxxHHI", 0, 1, port, 0, 0) for port in (5060, 5080)]

    def test_right_after_a_reinit_nothing_is_left_behind(self, world):
        w = world()
        w.engine.want(SIP, w.now)
        w.start()
        w.engine.reinit(w.now)
        w.engine.stop(w.now)
        assert w.settle().engine.stopped
        assert w.natpmp_requests[-1] == struct.pack("!BBxxHHI", 0, 1, 5060, 0, 0)

    def test_a_mapping_in_flight_is_deleted_too(self, world):
        w = world().start()
        w.natpmp = "mute"
        w.engine.want(SIP, w.now)
        w.settle()
        w.natpmp = "answers"
        w.engine.stop(w.now)
        assert w.settle().engine.stopped
        assert w.natpmp_requests[-1] == struct.pack("!BBxxHHI", 0, 1, 5060, 0, 0)

    def test_by_upnp_the_answer_is_waited_for_as_it_alone_tells_the_port(self, world):
        w = world(natpmp="closed", upnp="answers").start()
        w.engine.want(SIP, w.now)
        (request,) = w.engine.http_to_send()
        w.engine.stop(w.now)
        assert w.engine.http_to_send() == []
        w.engine.receive_http(request.number, w.words.success("AddPortMapping"), w.now)
        assert w.settle().engine.stopped
        assert w.actions[-1] == "DeletePortMapping"

    def test_but_not_for_long(self, world):
        w = world(natpmp="closed", upnp="answers").start()
        w.engine.want(SIP, w.now)
        w.engine.http_to_send()
        w.engine.stop(w.now)
        assert w.after(0.9).actions[-1] != "DeletePortMapping"
        assert w.after(0.2).actions[-1] == "DeletePortMapping"
        assert w.engine.stopped

    def test_a_late_grant_does_not_end_it_before_the_gateway_deleted(self, world):
        """Over UDP the answer to the mapping may come after the deletion was sent."""
        w = world().start()
        w.natpmp = "mute"
        w.engine.want(SIP, w.now)
        w.settle().engine.stop(w.now)
        w.settle()
        w.engine.receive_pmp(struct.pack("!BBHIHHI", 0, 129, 0, int(w.now), 5060, 5060, 3600), w.now)
        assert not w.settle().engine.stopped
        w.natpmp = "answers"
        assert w.after(0.3).engine.stopped

    def test_with_nothing_mapped_it_is_over_at_once(self, world):
        w = world(natpmp="mute").start()
        w.engine.stop(w.now)
        assert w.engine.stopped
        assert w.engine.next_timeout() is None
