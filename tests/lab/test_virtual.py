"""The virtual world: an engine and fake gateways without a socket, on a clock moved by hand."""

import itertools
import random
from ipaddress import IPv4Network, IPv6Network

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.quirks import ROWS
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.oracle import Pace, foreign_taken, is_deletion, is_shortening
from ringthru.lab.virtual.wire import Wire
from ringthru.lab.virtual.world import World
from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.net.values import replace
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.values import Family, GatewayType, MappingState, Protocol, Rung, Wanted

LAN = IPv4Network("192.168.1.0/24")
HOST, GATEWAY = "192.168.1.103", "192.168.1.1"
LAN6 = IPv6Network("2001:db8:1::/64")
HOST6, GATEWAY6 = "2001:db8:1::5", "2001:db8:1::1"
OURS6 = "20010db8000100000000000000000005"
SIP = Wanted(Protocol.UDP, 5060)
DAY = 86400


def make_world(
    *rows, protocols=("natpmp", "pcp", "upnp"), gateways=None, wire=None, seed=0, multicast=True, **quirks
):
    clock = ManualClock()
    if gateways is None:
        character = Quirks(rows=frozenset(rows), **quirks)
        gateways = [VirtualGateway(clock.read, quirks=character, protocols=protocols, seed=seed)]
    ports = itertools.count(40000)
    engine = Engine(
        Surroundings(HOST, LAN, GATEWAY, multicast=multicast),
        pick_port=lambda: next(ports),
        log=lambda level, text: None,
        entropy=random.Random(seed).randbytes,
    )
    return World(engine, *gateways, clock=clock, host=HOST, wire=wire, seed=seed)


def mapped(world):
    return [m for m in world.engine.snapshot(world.now).mappings if m.state is MappingState.ACCEPTED]


def start(world, *wanted, limit=30):
    world.call("start")
    for each in wanted or (SIP,):
        world.call("want", each)
    return world.run_until(lambda: len(mapped(world)) == len(wanted or (SIP,)), limit)


class TestPlainGateway:
    @pytest.mark.parametrize(
        "protocols",
        [("natpmp",), ("upnp",), ("natpmp", "pcp"), ("natpmp", "upnp"), ("natpmp", "pcp", "upnp")],
    )
    def test_a_mapping_is_accepted_within_a_second(self, protocols):
        world = make_world(protocols=protocols)
        assert start(world, limit=1.0)
        (entry,) = world.gateways[0].entries()
        assert entry.internal == Endpoint(HOST, 5060)
        assert world.gateways[0].forwards("udp", entry.key.external_port) == entry.internal
        assert world.verdicts() == []

    @pytest.mark.parametrize("protocols", [("natpmp",), ("upnp",), ("natpmp", "pcp", "upnp")])
    def test_a_day_passes_with_the_mapping_alive_and_a_quiet_gateway(self, protocols):
        world = make_world(protocols=protocols)
        start(world)
        world.run(DAY)
        assert len(mapped(world)) == 1
        assert len(world.gateways[0].entries()) == 1
        assert world.verdicts(pace=Pace(in_an_hour=400)) == []

    @pytest.mark.parametrize("protocols", [("natpmp",), ("upnp",), ("natpmp", "pcp", "upnp")])
    def test_after_stop_nothing_of_ours_is_left_and_others_keep_theirs(self, protocols):
        world = make_world(protocols=protocols)
        (gateway,) = world.gateways
        gateway.seed_foreign(3)
        start(world, SIP, Wanted(Protocol.TCP, 5060))
        world.run(5)
        world.call("stop")
        assert world.run_until(lambda: world.engine.stopped, 30)
        assert world.verdicts() == []
        assert {entry.internal.host for entry in gateway.entries()} == {"192.168.1.77"}

    def test_a_reboot_is_noticed_and_the_mapping_comes_back(self):
        world = make_world(protocols=("natpmp",))
        start(world)
        (gateway,) = world.gateways
        world.at(100, gateway.reboot)
        world.run(101)
        assert world.run_until(lambda: len(gateway.entries()) == 1, 1800)

    def test_where_nobody_listens_there_is_no_gateway(self):
        world = make_world("NP01", protocols=("natpmp",), multicast=False)
        world.call("start")
        assert world.run_until(lambda: world.engine.verdict_known, 30)
        assert not world.engine.has_gateway

    def test_a_gateway_without_power_is_silence(self):
        world = make_world()
        world.gateways[0].power_off()
        assert not start(world, limit=60)
        world.gateways[0].power_on()
        assert world.run_until(lambda: len(mapped(world)) == 1, 60)


class TestWire:
    def test_equal_seeds_give_equal_transcripts(self):
        rough = Wire(delay=0.01, jitter=0.3, loss=0.2, duplication=0.2)
        runs = []
        for seed in (7, 7, 8):
            world = make_world(wire=rough, seed=seed)
            start(world)
            world.run(7200)
            runs.append(world.transcript())
        assert runs[0] == runs[1]
        assert runs[0] != runs[2]

    def test_a_lossy_wire_is_overcome(self):
        world = make_world(protocols=("natpmp",), wire=Wire(loss=0.3, duplication=0.1, jitter=0.2), seed=3)
        assert start(world, limit=120)

    def test_the_gateway_hears_a_search_to_a_group_and_to_its_address(self):
        world = make_world(protocols=("upnp",))
        start(world)
        assert {each.peer.host for each in world.records.requests("ssdp")} == {GATEWAY, "239.255.255.250"}

    def test_rows_reach_the_engine(self):
        world = make_world("NP06", protocols=("natpmp",))
        start(world)
        assert mapped(world)[0].lifetime_left <= 60

    def test_a_second_gateway_is_found_beside_the_default_one(self):
        clock = ManualClock()
        mute = VirtualGateway(clock.read, quirks=Quirks(mute=True))
        other = VirtualGateway(clock.read, "192.168.1.2", "11.0.113.2", protocols=("upnp",))
        ports = itertools.count(40000)
        engine = Engine(
            Surroundings(HOST, LAN, GATEWAY),
            pick_port=lambda: next(ports),
            log=lambda level, text: None,
            entropy=random.Random(0).randbytes,
        )
        world = World(engine, mute, other, clock=clock)
        assert start(world, limit=120)
        assert world.engine.snapshot(world.now).gateway == "192.168.1.2"

    def test_behind_another_nat_we_are_seen_as_the_inner_gateway(self):
        clock = ManualClock()
        outer = VirtualGateway(clock.read, "10.0.0.1", "11.0.113.1")
        inner = VirtualGateway(clock.read, external="10.0.0.2", behind=outer, protocols=("natpmp",))
        world = make_world(gateways=[inner, outer])
        request = "00" + "01" + "0000" + "13c4" + "13c4" + "00000e10"
        world.crossing.send_pmp(bytes.fromhex(request), "10.0.0.1")
        world.run(1)
        assert outer.entry("udp", 5060).internal == Endpoint("10.0.0.2", 5060)

    def test_an_ipv6_host_opens_its_port_by_pcp(self):
        clock = ManualClock()
        host = "2001:db8:1::5"
        inside = IPv6Network("2001:db8:1::/64")
        gateway = VirtualGateway(clock.read, inside_v6=inside, address_v6="2001:db8:1::1")
        world = World(make_world().engine, gateway, clock=clock, host=host)
        client = "20010db8000100000000000000000005"
        request = "0201000000000e10" + client + "00" * 12 + "11000000" + "13c413c4" + "00" * 16
        world.crossing.send_pmp(bytes.fromhex(request), "2001:db8:1::1")
        world.run(1)
        assert list(gateway.core.port_control.pcp.book.pinholes) == [("udp", Endpoint(host, 5060))]
        answer = world.records.exchanges[-1]
        assert (answer.way, answer.peer) == ("in", Endpoint("2001:db8:1::1", 5351))


@pytest.mark.parametrize("row", ROWS)
def test_under_each_row_alone_the_oracle_has_nothing_to_say(row):
    world = make_world(row)
    world.gateways[0].seed_foreign(2)
    start(world, limit=60)
    world.run(600)
    assert world.verdicts() == []
    world.call("stop")
    world.run(40)
    assert world.verdicts() == []


class TestAnnouncements:
    def test_a_boot_is_announced_in_both_protocols_ten_times(self):
        world = make_world()
        world.gateways[0].reboot()
        world.run(300)
        heard = [each for each in world.records.exchanges if each.kind == "notice" and each.peer.port == 5351]
        assert [each.data[0] for each in heard] == [0, 2] * 10
        times = [round(each.at - heard[0].at, 2) for each in heard[::2]]
        assert times == [0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75, 63.75, 127.75]

    def test_np16_and_pc14_are_forged_by_another_host_and_in_the_gateways_name(self):
        world = make_world("NP16", "PC14")
        world.run(61)
        heard = [each for each in world.records.exchanges if each.kind == "notice"]
        assert {each.peer.host for each in heard} == {GATEWAY, "192.168.1.66"}
        assert {each.data[:2] for each in heard} == {b"\x00\x80", b"\x02\x80"}
        assert len(heard) > 20


class Claims:
    """An engine that claims whatever the test wants, and sends nothing by itself."""

    def __init__(self, snapshot):
        self.said = snapshot
        self.stopped = False
        self.out = []

    def snapshot(self, now):
        return self.said

    def pmp_to_send(self):
        out, self.out = self.out, []
        return out

    def say(self, data, now):
        self.out.append(data)

    def next_timeout(self):
        return None

    def ssdp_to_send(self):
        return []

    http_to_send = events = anycast_to_send = ssdp_to_send

    def receive_pmp(self, data, now):
        pass

    pmp_refused = handle_timeout = receive_ssdp = receive_http = receive_pmp


class TestOracle:
    @pytest.fixture
    def world(self):
        honest = make_world()
        start(honest)
        snapshot = honest.engine.snapshot(honest.now)
        (mapping,) = snapshot.mappings
        listed = replace(mapping, rung=Rung.LISTED)
        clock = ManualClock(honest.now)
        gateway = VirtualGateway(clock.read)
        said = replace(snapshot, type=GatewayType.NAT_PMP, mappings=(listed,))
        return World(Claims(said), gateway, clock=clock, host=HOST)

    def hold(self, world):
        gateway = world.gateways[0]
        claim = world.engine.said.mappings[0]
        key = ("udp", claim.external_port)
        world.call("say", bytes.fromhex("00010000" + "13c4" + f"{key[1]:04x}" + "00000e10"))
        world.run(1)
        assert gateway.entry(*key) is not None
        return key

    def test_a_claim_the_gateway_does_not_have_is_a_lie(self, world):
        (words,) = world.verdicts()
        assert "claimed to be listed" in words

    def test_a_true_claim_is_none(self, world):
        self.hold(world)
        assert world.verdicts() == []

    def test_what_was_lost_silently_may_be_claimed_until_the_next_check(self, world):
        self.hold(world)
        world.gateways[0].forget()
        assert world.verdicts() == []
        world.run(331)
        assert len(world.verdicts()) == 1

    def test_reachable_needs_the_forwarding_too(self, world):
        self.hold(world)
        said = world.engine.said
        world.engine.said = replace(said, mappings=(replace(said.mappings[0], rung=Rung.REACHABLE),))
        assert world.verdicts() == []
        world.gateways[0].flush()
        world.run(331)
        assert "reachable" in world.verdicts()[0]

    def test_what_is_left_since_no_deletion_arrived_is_the_wires_doing(self, world):
        self.hold(world)
        world.engine.stopped = True
        deletion = bytes.fromhex("00010000" + "13c40000" + "00000000")
        for sent in range(3):
            assert "left behind" in world.verdicts()[0]
            world.records.unheard[deletion] = sent + 1
        assert world.verdicts() == []

    def test_what_a_request_made_that_its_own_deletion_overtook_is_the_wires_doing_too(self, world):
        request = bytes.fromhex("00010000" + "13c413c4" + "00000e10")
        deletion = bytes.fromhex("00010000" + "13c40000" + "00000000")
        world.records.arrived(deletion, 2.0)
        world.records.arrived(request, 3.0)  # made anew since
        assert not world.records.deletions_failed
        world.records.arrived(request, 1.0)
        assert world.records.deletions_failed

    def test_what_is_left_after_stop_is_told(self, world):
        self.hold(world)
        world.engine.stopped = True
        assert "left behind" in world.verdicts()[0]

    def test_a_deletion_of_what_belongs_to_others_is_told(self, world):
        self.hold(world)
        gateway = world.gateways[0]
        gateway.seed_foreign(1, host=HOST)  # as if it were another's: the protocol cannot tell
        world.call("say", bytes.fromhex("00010000" + "7530" + "0000" + "00000000"))
        world.run(1)
        assert "of another host was deleted" in world.verdicts()[0]

    def test_too_fast_is_told(self, world):
        self.hold(world)
        for _ in range(100):
            world.call("say", bytes(2))
        assert "requests within 1 s" in world.verdicts()[0]

    @pytest.fixture
    def world6(self, world):
        """A firewall in place of the NAT, and the same claim about a pinhole."""
        gateway = VirtualGateway(world.clock.read, inside_v6=LAN6, address_v6=GATEWAY6)
        gateway.seed_foreign(1)
        shown = world.engine.said
        pinhole = replace(
            shown.mappings[0],
            family=Family.IPV6,
            external_port=5060,
            external_address=HOST6,
            rung=Rung.ACCEPTED,
        )
        world.engine.said = replace(shown, gateway=GATEWAY6, mappings=(pinhole,))
        return World(world.engine, gateway, clock=world.clock, host=HOST6)

    def claim(self, world, rung):
        said = world.engine.said
        world.engine.said = replace(said, mappings=(replace(said.mappings[0], rung=rung),))

    def open(self, world, life=3600):
        world.call(
            "say", bytes.fromhex(f"02010000 {life:08x} {OURS6} {'00' * 12} 11000000 13c413c4" + "00" * 16)
        )
        world.run(1)

    def test_a_pinhole_that_was_never_opened_is_a_lie_on_every_rung(self, world6):
        for rung in (Rung.ACCEPTED, Rung.LISTED, Rung.REACHABLE):
            self.claim(world6, rung)
            assert "never had it" in world6.verdicts()[0]

    def test_a_pinhole_that_is_there_may_be_claimed(self, world6):
        self.open(world6)
        self.claim(world6, Rung.REACHABLE)
        assert world6.verdicts() == []

    def test_one_that_ran_out_may_not_even_be_accepted(self, world6):
        self.open(world6, 120)
        world6.run(118)
        assert world6.verdicts() == []
        world6.run(12)
        assert "run out" in world6.verdicts()[0]

    @pytest.mark.parametrize("mishap", ["forget", "flush"])
    def test_one_that_was_lost_in_silence_may_be_claimed_until_the_next_check(self, world6, mishap):
        self.open(world6)
        self.claim(world6, Rung.REACHABLE)
        getattr(world6.gateways[0], mishap)()
        assert world6.verdicts() == []
        world6.run(331)
        assert "lets nothing through" in world6.verdicts()[0]

    def test_it_is_at_our_own_address_and_port(self, world6):
        self.open(world6)
        said = world6.engine.said
        world6.engine.said = replace(said, mappings=(replace(said.mappings[0], external_port=5061),))
        assert "is shown at" in world6.verdicts()[0]

    def test_a_pinhole_left_open_after_stop_is_told(self, world6):
        self.open(world6)
        world6.engine.stopped = True
        assert any("left behind" in each for each in world6.verdicts())

    @pytest.mark.parametrize(
        "words", ["DeletePinhole><UniqueID>1</UniqueID>", "UpdatePinhole><NewLeaseTime>1</NewLeaseTime>"]
    )
    def test_a_pinhole_of_another_host_that_is_closed_or_shortened_is_told(self, world6, words):
        gateway = world6.gateways[0]
        before = gateway.missing_foreign()
        firewall = gateway.core.upnp.firewall
        arguments = {"UniqueID": "1", "NewLeaseTime": "1"}
        firewall.invoke(words.partition(">")[0], arguments, HOST6)
        del gateway.core.port_control.pcp.book._held[next(iter(gateway.core.port_control.pcp.book.pinholes))]
        assert is_deletion(f"#{words}".encode()) or is_shortening(f"#{words}".encode())
        assert "of another host was deleted" in foreign_taken(before, gateway, words.encode())[0]

    @pytest.mark.parametrize(
        ("request_hex", "deletes"),
        [
            ("00010000" + "13c40000" + "00000000", True),
            ("00010000" + "13c413c4" + "00000e10", False),
            ("0201" + "0000" + "00000000" + "00" * 52, True),
            ("0201" + "0000" + "00000e10" + "00" * 52, False),
            ("0000", False),
        ],
    )
    def test_deletions_are_recognised(self, request_hex, deletes):
        assert is_deletion(bytes.fromhex(request_hex)) is deletes
