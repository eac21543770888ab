"""The engine against a gateway played by the test: the race, the loss, the stop; a clock moved by hand."""

import itertools
import re
import struct
from ipaddress import IPv4Address, IPv4Network

import pytest

from ringthru.net.address import AddressKind, Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.discovery.race import SEARCH_PATIENCE
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.errors import LocalError
from ringthru.portmap.events import (
    ExternalAddressChanged,
    GatewayFound,
    GatewayLost,
    MappingAdded,
    MappingFailed,
    MappingProven,
    MappingRemoved,
    NoGateway,
)
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure
from ringthru.portmap.mapping.book import Released
from ringthru.portmap.values import (
    GatewayEntry,
    GatewayListing,
    GatewayType,
    MappingState,
    Protocol,
    Wanted,
)
from ringthru.portmap.wire.http import Response

GATEWAY = "192.168.1.1"
PCP_VERSION = 2  # which the gateway of these tests does not know (RFC 6887 §9)
LAN = IPv4Network("192.168.1.0/24")
PUBLIC = "8.8.4.4"
SIP = Wanted(Protocol.UDP, 5060, sticky=True)
ADDED = MappingAdded(Protocol.UDP, 5060, 5060, True)
REMOVED = MappingRemoved(Protocol.UDP, 5060, 5060, True)


class World:
    """An engine with a gateway around it. ``natpmp``: "answers", "closed" or "mute"; so ``upnp``."""

    def __init__(self, words, *, natpmp="answers", upnp="mute", gateway=GATEWAY, multicast=True, **options):
        self.words, self.natpmp, self.upnp = words, natpmp, upnp
        self.now, self.address, self.epoch_at = 1000.0, PUBLIC, 0.0
        self.upnp_delay, self.responder = 0.0, GATEWAY
        self.forced_port: int | None = None
        self.next_ports: list[int] = []  # granted to the next mapping requests, whatever they ask for
        self.faults: list[int] = []  # for the next AddPortMapping requests
        self.table: list[tuple] = []  # of a UPnP gateway: protocol, external port, client, port, words, lease
        self.end_of_table = 713
        self.control_port = 5000
        self.hangs_up_at = ""  # the action at which nobody listens any more
        self.natpmp_requests: list[bytes] = []
        self.actions: list[str] = []
        self.logs: list[str] = []
        self.events: list = []
        self.searches = 0
        self._later: list = []  # (when, what)
        surroundings = Surroundings("192.168.1.103", LAN, gateway, multicast=multicast)
        ports = itertools.count(40000)
        self.engine = Engine(
            surroundings,
            pick_port=lambda: next(ports),
            log=lambda level, text: self.logs.append(text),
            entropy=bytes,
            **options,
        )

    def start(self) -> "World":
        self.engine.start(self.now)
        return self.settle()

    def settle(self) -> "World":
        """Let the gateway answer until nothing more is in flight at this moment."""
        while self._exchange():
            pass
        return self

    def until(self, when: float) -> "World":
        """Move the clock, stopping wherever the engine or a slow answer wants to be."""
        self.settle()
        for _ in range(10_000):
            timeout = self.engine.next_timeout()
            times = [each for each in (timeout, *(at for at, _ in self._later)) if each is not None]
            if not times or min(times) > when:
                self.now = when
                return self
            assert min(times) >= self.now - 1e-9, "a wake-up in the past would spin"
            self.now = max(self.now, min(times))
            due = [what for at, what in self._later if at <= self.now]
            self._later = [each for each in self._later if each[0] > self.now]
            for what in due:
                what()
            self.engine.handle_timeout(self.now)
            self.settle()
        raise AssertionError("the engine spins")

    def after(self, seconds: float) -> "World":
        return self.until(self.now + seconds)

    def told(self) -> list:
        events, self.events = self.events, []
        return events

    def _exchange(self) -> bool:
        natpmp, ssdp, http = (
            self.engine.pmp_to_send(),
            self.engine.ssdp_to_send(),
            self.engine.http_to_send(),
        )
        assert len(natpmp) + len(http) <= 1 or not self.engine.has_gateway, "one request in flight"
        for request in natpmp:
            if request[0] == PCP_VERSION:
                if self.natpmp == "answers":
                    self.engine.receive_pmp(struct.pack("!BBHI", 0, 128, 1, 0), self.now)
                continue
            self.natpmp_requests.append(request)
            if self.natpmp == "answers":
                self.engine.receive_pmp(self._natpmp_answer(request), self.now)
            elif self.natpmp == "closed":
                self.engine.pmp_refused(self.now)
        self.searches += bool(ssdp)
        if ssdp and self.upnp == "answers":
            self._later.append((self.now + self.upnp_delay, self.ssdp_answer))
            if not self.upnp_delay:
                self._later.pop()[1]()
        for request in http:
            reply = self._http_answer(request.ask)
            if reply is not None:
                self.engine.receive_http(request.number, reply, self.now)
        self.events += self.engine.events()
        return bool(natpmp or ssdp or http)

    def ssdp_answer(self, source: str | None = None) -> None:
        source = source or self.responder
        answer = f"HTTP/1.1 200 OK\r\nLOCATION: http://{source}:{self.control_port}/d.xml\r\n\r\n".encode()
        self.engine.receive_ssdp(answer, Endpoint(source, 1900), self.now)

    def _natpmp_answer(self, request: bytes) -> bytes:
        epoch = int(self.now - self.epoch_at)
        if request == b"\0\0":
            return struct.pack("!BBHI", 0, 128, 0, epoch) + IPv4Address(self.address).packed
        _, opcode, internal, external, lifetime = struct.unpack("!BBxxHHI", request)
        if lifetime and self.next_ports:
            external = self.next_ports.pop(0)
        external = (self.forced_port or external) if lifetime else 0
        return struct.pack("!BBHIHHI", 0, 128 + opcode, 0, epoch, internal, external, lifetime)

    def _http_answer(self, ask):
        request = ask.data
        if self.upnp == "mute":
            return None
        if self.upnp == "gone" or ask.endpoint != (self.responder, self.control_port):
            return HttpFailure(FailureKind.REFUSED, "cannot connect")
        action = re.search(rb'#(\w+)"', request)
        if action is None:
            return Response(200, self.words.description())
        name = action[1].decode()
        self.actions.append(name)
        if name == self.hangs_up_at:
            return HttpFailure(FailureKind.REFUSED, "cannot connect")
        if name == "GetExternalIPAddress":
            return self.words.success(name, NewExternalIPAddress=self.address)
        if name == "GetSpecificPortMappingEntry":
            return self.words.entry("192.168.1.103", 5060)
        if name == "AddPortMapping" and self.faults:
            return self.words.fault(self.faults.pop(0))
        if name == "GetGenericPortMappingEntry":
            return self._entry(int(re.search(rb"Index>(\d+)<", request)[1]))
        return self.words.success(name)

    def _entry(self, index: int) -> Response:
        if index >= len(self.table):
            return self.words.fault(self.end_of_table, "no such index")
        protocol, external, client, internal, words, lease = self.table[index]
        return self.words.success(
            "GetGenericPortMappingEntry",
            NewRemoteHost="",
            NewExternalPort=external,
            NewProtocol=protocol,
            NewInternalPort=internal,
            NewInternalClient=client,
            NewEnabled=1,
            NewPortMappingDescription=words,
            NewLeaseDuration=lease,
        )


@pytest.fixture
def world(words):
    return lambda **options: World(words, **options)


class TestTheRace:
    def test_natpmp_is_preferred_when_both_answer(self, world):
        w = world(upnp="answers").start()
        assert w.told() == [GatewayFound(GatewayType.NAT_PMP, GATEWAY, PUBLIC)]
        assert w.logs[:3] == ["Scanning for NAT", "Checking for PMP 1/5", "Checking for UPnP"]
        assert f"NAT detected type: pmp, ExtIP: '{PUBLIC}'" in w.logs

    def test_upnp_does_not_wait_for_a_natpmp_that_is_closed(self, world):
        w = world(natpmp="closed", upnp="answers").start()
        assert w.told() == [GatewayFound(GatewayType.UPNP, GATEWAY, PUBLIC)]

    def test_upnp_waits_50_ms_for_a_natpmp_that_is_mute(self, world):
        w = world(natpmp="mute", upnp="answers").start()
        assert w.after(0.049).told() == []
        assert w.after(0.002).told() == [GatewayFound(GatewayType.UPNP, GATEWAY, PUBLIC)]

    def test_a_slow_upnp_gateway_is_found_all_the_same(self, world):
        w = world(natpmp="mute", upnp="answers")
        w.upnp_delay = 2.0
        assert w.start().after(2.06).told() == [GatewayFound(GatewayType.UPNP, GATEWAY, PUBLIC)]

    def test_a_host_that_is_not_our_gateway_lets_the_gateway_have_the_whole_round(self, world):
        w = world(natpmp="closed", upnp="answers")
        w.responder = "192.168.1.2"
        assert w.start().after(SEARCH_PATIENCE - 0.1).told() == []
        assert w.after(0.2).told() == [GatewayFound(GatewayType.UPNP, "192.168.1.2", PUBLIC)]

    def test_answers_from_outside_our_network_do_not_count(self, world):
        w = world(natpmp="closed", upnp="answers")
        w.responder = "10.0.0.1"
        assert w.start().after(4.5).told() == [NoGateway()]

    def test_the_description_is_asked_and_the_address_then_the_mapping(self, world):
        w = world(natpmp="closed", upnp="answers")
        w.engine.want(SIP, w.now)
        w.start()
        assert w.actions[:2] == ["GetExternalIPAddress", "AddPortMapping"]


class TestNobody:
    def test_told_once_after_five_attempts_then_looked_for_ever_more_slowly(self, world):
        w = world(natpmp="mute", multicast=False).start()
        assert w.after(4.74).told() == []
        assert w.after(0.02).told() == [NoGateway()]
        assert w.logs.count("No PMP or UPnP NAT devices detected!") == 1
        assert [text for text in w.logs if "PMP" in text][:5] == [
            f"Checking for PMP {n}/5" for n in range(1, 6)
        ]
        steps = ("Scanning for NAT", "Checking for PMP 1/5", "Checking for UPnP")
        assert [text for text in w.logs if text in steps] == list(steps)
        w.searches = 0
        assert w.after(4 * 3600).told() == []
        assert 4 * 5 < w.searches < 4 * 30  # four searches a round; a round each quarter of an hour at last

    @pytest.mark.parametrize("after", [6, 60, 3600, 5 * 3600])
    def test_one_that_comes_later_is_found_and_mapped_without_a_command(self, world, after):
        w = world(natpmp="mute")
        w.engine.want(SIP, w.now)
        assert NoGateway() in w.start().after(after).told()
        w.natpmp = "answers"
        told = w.after(900).told()
        assert GatewayFound(GatewayType.NAT_PMP, GATEWAY, PUBLIC) in told
        assert ADDED in told

    def test_with_natpmp_closed_the_search_alone_is_waited_for(self, world):
        assert world(natpmp="closed").start().after(4.26).told() == [NoGateway()]

    def test_with_nobody_to_ask_the_verdict_is_immediate(self, world):
        w = world(gateway=None, multicast=False).start()
        assert w.told() == [NoGateway()]
        assert w.engine.next_timeout() is None

    def test_a_gateway_that_comes_later_is_found_and_gets_what_was_wanted(self, world):
        w = world(natpmp="mute").start()
        lease = w.engine.want(SIP, w.now)
        w.after(60)
        assert lease.state is MappingState.REQUESTED
        w.natpmp = "answers"
        w.after(60)
        assert w.told() == [NoGateway(), GatewayFound(GatewayType.NAT_PMP, GATEWAY, PUBLIC), ADDED]


class TestMappings:
    def test_made_as_soon_as_there_is_a_gateway(self, world):
        w = world()
        lease = w.engine.want(SIP, w.now)
        assert lease.state is MappingState.REQUESTED
        assert ADDED in w.start().told()
        assert "mapped public port 5060 protocol UDP to localport 5060" in w.logs

    def test_the_same_wish_is_the_same_lease(self, world):
        w = world().start()
        assert w.engine.want(SIP, w.now) is w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        assert w.engine.want(Wanted(Protocol.TCP, 5060), w.now) is not w.engine.want(SIP, w.now)

    def test_renewed_at_half_of_the_lease(self, world):
        w = world(lifetime=100)
        w.engine.want(SIP, w.now)
        w.start()
        asked = len([r for r in w.natpmp_requests if len(r) == 12])
        w.after(49.9)
        assert len([r for r in w.natpmp_requests if len(r) == 12]) == asked
        w.after(0.2)
        assert len([r for r in w.natpmp_requests if len(r) == 12]) == asked + 1
        assert w.told().count(ADDED) == 1

    def test_a_port_of_the_gateway_s_choice_is_a_result(self, world):
        w = world()
        w.forced_port = 50000
        w.engine.want(SIP, w.now)
        assert MappingAdded(Protocol.UDP, 5060, 50000, True) in w.start().told()

    def test_unless_only_one_will_do_then_it_is_given_back(self, world):
        w = world()
        w.forced_port = 50000
        lease = w.engine.want(Wanted(Protocol.UDP, 5060, exact=True), w.now)
        reason = "the gateway offers external port 50000 instead"
        assert MappingFailed(Protocol.UDP, 5060, reason) in w.start().told()
        assert lease.state is MappingState.REFUSED
        assert w.natpmp_requests[-1] == struct.pack("!BBxxHHI", 0, 1, 5060, 0, 0)

    def test_a_refusal_is_told_once_not_at_each_retry(self, world):
        w = world(natpmp="closed", upnp="answers")
        w.faults = [606] * 50
        w.engine.want(SIP, w.now)
        w.start().after(3600)
        assert len([e for e in w.told() if isinstance(e, MappingFailed)]) == 1

    def test_two_of_ours_never_fight_for_one_external_port(self, world):
        w = world().start()
        w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        w.settle()
        w.engine.want(Wanted(Protocol.UDP, 5062, external_port=5060), w.now)
        w.settle()
        assert [m.external_port for m in w.engine.snapshot(w.now).mappings] == [5060, 40000]

    def test_a_port_granted_to_two_of_ours_is_given_back_and_another_asked_for(self, world):
        """What the second grant may have overwritten is made again."""
        w = world()
        first = w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        w.start().natpmp_requests.clear()
        w.next_ports = [5060]
        second = w.engine.want(Wanted(Protocol.UDP, 5080), w.now)
        w.settle()
        assert (first.external_port, second.external_port) == (5060, 40000)
        asked = [struct.unpack("!BBxxHHI", request)[2:] for request in w.natpmp_requests]
        assert asked[:2] == [(5080, 5080, 3600), (5080, 0, 0)]
        assert sorted(asked[2:]) == [(5060, 5060, 3600), (5080, 40000, 3600)]
        assert [e.external_port for e in w.told() if isinstance(e, MappingAdded)] == [5060, 40000]

    def test_a_gateway_that_gives_all_of_ours_one_port_is_refused_in_words_and_asked_ever_less(self, world):
        w = world()
        w.forced_port = 50000
        first = w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        w.start()
        second = w.engine.want(Wanted(Protocol.UDP, 5080), w.now)
        w.settle()
        assert (first.state, first.external_port) == (MappingState.ACCEPTED, 50000)
        assert (second.state, second.external_port) == (MappingState.REFUSED, None)
        assert second.reason == "the gateway offers external port 50000, which another mapping of ours has"
        w.after(4000).natpmp_requests.clear()
        w.after(899)
        assert sum(r[:6] == struct.pack("!BBxxH", 0, 1, 5080) for r in w.natpmp_requests) <= 16

    def test_the_same_port_of_the_other_protocol_is_no_conflict(self, world):
        w = world().start()
        both = [w.engine.want(Wanted(protocol, 5060), w.now) for protocol in Protocol]
        w.settle()
        assert [each.external_port for each in both] == [5060, 5060]

    def test_an_exact_port_that_another_of_ours_has_is_refused(self, world):
        w = world().start()
        w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        w.settle()
        lease = w.engine.want(Wanted(Protocol.UDP, 5080, external_port=5060, exact=True), w.now)
        w.settle()
        assert lease.state is MappingState.REFUSED
        assert lease.reason == "another mapping of ours has that external port"

    def test_released_it_is_deleted_and_forgotten(self, world):
        w = world()
        lease = w.engine.want(SIP, w.now)
        w.start().told()
        assert w.engine.release(lease, w.now)
        assert w.settle().told() == [REMOVED, Released(lease, True)]
        assert w.engine.release(lease, w.now) is False
        assert w.engine.snapshot(w.now).mappings == ()
        assert "unmapped public port 5060 protocol UDP to localport 5060" in w.logs


class TestMappingDisabled:
    """``-nonatmap``: detection works, and not one mapping or deletion is asked for."""

    def test_not_one_request(self, world):
        w = world(mapping_enabled=False)
        lease = w.engine.want(SIP, w.now)
        assert w.start().told() == [GatewayFound(GatewayType.NAT_PMP, GATEWAY, PUBLIC)]
        assert (lease.state, lease.reason) == (MappingState.DISABLED, "NAT port mapping disabled")
        assert "NAT port mapping disabled" in w.logs
        w.engine.republish(w.now)
        w.after(7200)
        w.engine.release(lease, w.now)
        w.engine.want(SIP, w.now)
        w.engine.stop(w.now)
        assert w.settle().engine.stopped
        assert set(w.natpmp_requests) == {b"\0\0"}

    def test_switched_on_it_maps(self, world):
        w = world(mapping_enabled=False)
        w.engine.want(SIP, w.now)
        w.start().engine.set_mapping_enabled(True, w.now)
        assert ADDED in w.settle().told()

    def test_switched_off_what_is_held_runs_out(self, world):
        w = world(lifetime=100)
        lease = w.engine.want(SIP, w.now)
        w.start().engine.set_mapping_enabled(False, w.now)
        asked = len(w.natpmp_requests)
        w.after(101)
        assert lease.state is MappingState.DISABLED
        assert set(w.natpmp_requests[asked:]) == {b"\0\0"}


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


class TestBadInput:
    def test_noise_from_everywhere_changes_nothing(self, world):
        w = world(natpmp="mute").start()
        w.engine.receive_pmp(b"\xff" * 50, w.now)
        w.engine.receive_ssdp(b"\xff" * 50, Endpoint(GATEWAY, 1900), w.now)
        w.engine.receive_http(77, Response(200, b"?"), w.now)
        assert w.settle().told() == []

    @pytest.mark.parametrize("lifetime", [0, -1, 604801])
    def test_a_lease_that_makes_no_sense(self, world, lifetime):
        with pytest.raises(LocalError):
            world(lifetime=lifetime)
